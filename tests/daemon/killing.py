"""Kills the daemon again and again at random instants and looks at what the next start finds."""

from __future__ import annotations

import argparse
import os
import random
import re
import signal
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from http.client import HTTPException
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
if __name__ == "__main__":
    sys.path[:0] = [str(ROOT), str(ROOT / "tests/support")]

from daemon_process import DaemonProcess  # noqa: E402
from waiting import wait_until  # noqa: E402

from btrmd.cli.client import CommandRefusedError, NoDaemonError  # noqa: E402
from btrmd.model.errors import BtrmError  # noqa: E402

SPEED = 600.0
KINDS = ("settings", "test", "anywhere")  # a third each
NAMES = ("site.name", "site.contact", "site.location")
ABORTED = "The daemon stopped in the test."
# A curve reaches the disk with its first minute, then at most once a real second; a write under
# way and a busy machine are worth two more.
FLUSH_S = 60.0 + 3.0 * SPEED
MOST_LINES = 70  # changes whose events the burst of the write budget surely stores at once
PASSING = ("selftest", "supply", "charger", "on_battery", "alarm", "running")  # against a test
GONE = (OSError, HTTPException, NoDaemonError)  # what a client meets when its daemon dies


class Ledger:
    """What clients of the daemon have seen; all of it must be there after the next start."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.events: dict[int, dict[str, Any]] = {}
        self.finished: dict[int, dict[str, Any]] = {}
        self.open: dict[int, dict[str, Any]] = {}  # tests and outages seen going on
        self.ran: dict[int, tuple[float, float]] = {}  # n -> plant seconds first and last seen
        self.sent = {"socket": 0, "web": 0}
        self.acknowledged = {"socket": 0, "web": 0}

    def see_tests(self, tests: dict[int, dict[str, Any]]) -> None:
        with self.lock:
            for n, test in tests.items():
                if test["state"] == "finished":
                    self.finished.setdefault(n, test)
                    self.open.pop(n, None)
                else:
                    self.open[n] = test

    def see_running(self, n: int, plant_s: float) -> None:
        with self.lock:
            first, _ = self.ran.get(n, (plant_s, plant_s))
            self.ran[n] = (first, plant_s)


class KillTest:
    """One station, many lives. `violations` is empty when every promise was kept."""

    def __init__(self, folder: Path, seed: int, hurry: float = 1.0) -> None:
        """`hurry`: by how much shorter than ever the pauses before a kill are."""
        self.daemon = DaemonProcess(folder, SPEED)
        self.hurry = hurry
        self.random = random.Random(seed)
        self.ledger = Ledger()
        self.violations: list[str] = []
        self.counts: Counter[str] = Counter()
        self.lives = 0
        self._sent_before: dict[str, int] = {}  # by listener, when a life of settings began
        self._stopping = threading.Event()
        self._threads: list[threading.Thread] = []

    def run(self, kills: int, tell: Callable[[str], None] = lambda line: None) -> None:
        """`kills` lives, and one more in which everything is looked at."""
        daemon = self.daemon
        daemon.start("--fresh")
        daemon.sim(load__amps=2, battery__rated_ah=17)
        daemon.set(**{
            "battery.rated_ah": 17, "test.type2_min": 5, "test.type2_minimum_mv": 11000,
            **dict.fromkeys(NAMES, "number 0"),
            "test.minimum_runtime_min": 0, "email.from": "n0@example.org",
        })  # fmt: skip
        try:
            for life in range(kills):
                kind = KINDS[life % len(KINDS)]
                before = len(self.violations)
                started = time.monotonic()
                getattr(self, f"_kill_in_{kind}")()
                self._join()
                self.counts[kind] += 1
                self._restart()
                self._check()
                self.lives += 1
                tell(
                    f"{life + 1:4d} {kind:9s} {time.monotonic() - started:5.1f} s"
                    f" {'; '.join(self.violations[before:]) or 'ok'}"
                )
        finally:
            self._join()
            daemon.close()

    # --- how it dies -----------------------------------------------------------------------------

    def _kill_in_settings(self) -> None:
        """Two clients change settings all the time; death comes within a write of the file."""
        self.daemon.login()
        before = dict(self.ledger.acknowledged)
        self._sent_before = dict(self.ledger.sent)
        self._begin(self._hammer_socket, self._hammer_web, self._watch)
        acknowledged = self.ledger.acknowledged
        with suppress(AssertionError):  # the table tells that a listener has acknowledged nothing
            wait_until(
                lambda: all(acknowledged[listener] != before[listener] for listener in before)
            )
        self._pause(0.1, 1.0)
        folder, end = self.daemon.config_dir, time.monotonic() + 2.0
        while time.monotonic() < end:  # tight: the write takes a few milliseconds
            if any(name.startswith(".settings.json.") for name in os.listdir(folder)):
                break
        self._spin(self.random.choice((0.0, 0.001, 0.003, 0.006)))
        self._kill()
        if any(name.startswith(".settings.json.") for name in os.listdir(folder)):
            self.counts["settings file half written"] += 1

    def _kill_in_test(self) -> None:
        """A long test runs."""
        n = self._start_test("1")
        self._begin(self._watch)
        wait_until(lambda: self.daemon.value("test.state") == "running", 20.0)
        self._pause(0.02, 4.0)
        state = self.daemon.value("test.state")
        self._kill()
        self.counts[f"killed in a test: {state}"] += 1
        if state == "running":
            self.ledger.open.setdefault(n, {"n": n, "type": "1", "state": "running"})

    def _kill_in_anywhere(self) -> None:
        """Short tests one after the other, an outage, a start: whatever goes on."""
        way = self.random.choice(("tests", "result", "result", "outage", "start"))
        self.counts[f"anywhere: {way}"] += 1
        if way == "start":
            self.daemon.kill()
            self.daemon.spawn()
            self._pause(0.0, 0.9)
            self._kill()
            return
        if way == "outage":
            self._begin(self._watch)
            self.daemon.sim(supply__on=0, charger__on=0)
            self._pause(0.0, 2.0)
            self._kill()
            return
        self._begin(self._short_tests, self._watch)
        if way == "result":
            known = len(self.ledger.finished)
            with suppress(AssertionError):
                wait_until(lambda: len(self.ledger.finished) > known, 5.0)
            self._spin(self.random.choice((0.0, 0.0, 0.002)))
        else:
            self._pause(0.2, 2.0)
        self._kill()

    def _kill(self) -> None:
        os.kill(self.daemon.pid, signal.SIGKILL)
        self._stopping.set()
        self.daemon.kill()

    def _pause(self, low: float, high: float) -> None:
        """Let a random time pass while the clients work; the only clock here is chance."""
        threading.Event().wait(self.random.uniform(low, high) / self.hurry)

    def _spin(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            pass

    # --- the clients -----------------------------------------------------------------------------

    def _begin(self, *clients: Callable[[], None]) -> None:
        self._stopping.clear()
        for client in clients:
            thread = threading.Thread(target=self._until_death, args=(client,), daemon=True)
            thread.start()
            self._threads.append(thread)

    def _join(self) -> None:
        self._stopping.set()
        for thread in self._threads:
            thread.join(30.0)
        self._threads.clear()

    def _until_death(self, client: Callable[[], None]) -> None:
        while not self._stopping.is_set():
            try:
                client()
            except GONE:
                self._stopping.wait(0.02)
            except (CommandRefusedError, AssertionError) as error:
                if not self._stopping.is_set():
                    self.violations.append(f"a client was refused: {error}")
                    return

    def _hammer_socket(self) -> None:
        """Three settings with the same number: torn means that they differ."""
        number = self.ledger.sent["socket"] = self.ledger.sent["socket"] + 1
        self.daemon.ask("set", changes={name: f"number {number}" for name in NAMES})
        self.ledger.acknowledged["socket"] = number

    def _hammer_web(self) -> None:
        number = self.ledger.sent["web"] = self.ledger.sent["web"] + 1
        changes = {"test.minimum_runtime_min": number, "email.from": f"n{number}@example.org"}
        reply = self.daemon.request("PATCH", "/api/v1/settings", changes)
        assert reply.status == 200, reply
        self.ledger.acknowledged["web"] = number

    def _watch(self) -> None:
        """Notes every event and every test that can be seen."""
        ledger, daemon = self.ledger, self.daemon
        found = daemon.events(max(ledger.events, default=0))
        with ledger.lock:
            ledger.events.update((event["n"], event) for event in found)
        tests = daemon.tests()
        ledger.see_tests(tests)
        running = [n for n, test in tests.items() if test["state"] == "running"]
        if running:
            ledger.see_running(running[0], daemon.sim()["plant_s"])

    def _short_tests(self) -> None:
        n = self._start_test("2")
        while not self._stopping.is_set():
            tests = self.daemon.tests()
            self.ledger.see_tests(tests)
            if tests.get(n, {"state": ""})["state"] == "finished":
                return
            self._stopping.wait(0.01)

    def _start_test(self, kind: str) -> int:
        """Charge the battery and start a test as soon as the station lets us."""
        end = time.monotonic() + 20.0
        while True:
            self.daemon.sim(battery__soc=1)
            try:
                return int(self.daemon.ask("test_start", type=kind)["n"])
            except CommandRefusedError as error:
                if time.monotonic() > end or self._stopping.is_set():
                    raise
                if error.code not in PASSING:
                    raise
                self._stopping.wait(0.02)

    # --- what the next life finds ----------------------------------------------------------------

    def _restart(self) -> None:
        """Start, and see the relays before the core has decided anything about a dead supply."""
        daemon = self.daemon
        daemon.spawn()
        truth = wait_until(self._first_truth, 20.0, lambda: daemon.log[-2000:])
        coils = [name for name, relay in truth["relays"].items() if relay["coil"]]
        if truth["supply"]["on"] and coils:
            self.violations.append(f"after the start {coils} are energised")
        daemon.wait_ready()
        daemon.sim(supply__on=1, charger__on=1)

    def _first_truth(self) -> dict[str, Any] | None:
        try:
            return self.daemon.sim()
        except BtrmError:
            return None

    def _check(self) -> None:
        wrong = self.violations.append
        self._check_settings(wrong)
        self._check_tests(wrong)
        self._check_events(wrong)
        truth = self.daemon.sim()
        if truth["load"]["dropped_s"] != 0.0 or truth["load"]["dead_s"] != 0.0:
            wrong(f"the load was dropped: {truth['load']}")
        status = self.daemon.status()
        if status["faults"]:
            wrong(f"faults: {status['faults']}")
        left = [n for n in os.listdir(self.daemon.config_dir) if n.endswith(".tmp")]
        if left:
            wrong(f"temporary files are left: {left}")

    def _check_settings(self, wrong: Callable[[str], None]) -> None:
        settings = self.daemon.get("/api/v1/settings")
        held = {
            "socket": {number_in(settings[name]) for name in NAMES},
            "web": {settings["test.minimum_runtime_min"], number_in(settings["email.from"])},
        }
        for listener, numbers in held.items():
            low, high = self.ledger.acknowledged[listener], self.ledger.sent[listener]
            if len(numbers) != 1:
                wrong(f"{listener}: torn settings, {sorted(numbers)}")
            elif not low <= min(numbers) <= high:
                wrong(f"{listener}: setting {min(numbers)} is not within {low}..{high}")

    def _check_tests(self, wrong: Callable[[str], None]) -> None:
        ledger, tests = self.ledger, self.daemon.tests()
        for n, seen in ledger.finished.items():
            # A result is on disk before the load goes back; only the end of the way back may have
            # been seen a few milliseconds before the disk had it.
            changed = differences(seen, tests.get(n)) - {"ended_at"}
            if changed:
                wrong(f"finished test {n} was {seen} and is {tests.get(n)}")
        ledger.finished.clear()
        for n, seen in list(ledger.open.items()):
            test = tests.get(n)
            if test is None or test["state"] != "finished":
                wrong(f"test {n}, seen {seen['state']}, is {test}")
                continue
            if test["type"] == "outage":
                self.counts["outages closed"] += 1
            elif seen["type"] == "1" and seen["state"] != "returning":
                if (test["result"], test["reason"]) != ("aborted", ABORTED):
                    wrong(f"the interrupted test {n} is {test}")
                self.counts["tests aborted"] += 1
            self._check_curve(n, wrong)
        ledger.open.clear()
        ledger.ran.clear()
        ledger.see_tests(tests)
        still = [n for n, test in tests.items() if test["state"] not in ("finished", "delayed")]
        outage = [n for n in still if tests[n]["type"] == "outage"]
        if still != outage:
            wrong(f"tests that never end: {still}")

    def _check_curve(self, n: int, wrong: Callable[[str], None]) -> None:
        first, last = self.ledger.ran.get(n, (0.0, 0.0))
        ran = last - first
        rows = self.daemon.curve(n)
        times = [row[0] for row in rows if row[0] is not None]
        if times != sorted(set(times)) or len(times) != len(rows):
            wrong(f"the curve of {n} is out of order")
        if ran > 60.0 + 0.1 * SPEED and not rows:  # a tick is in flight
            wrong(f"the curve of {n} is empty after {ran:.0f} s")
        if rows and times[-1] < ran - FLUSH_S:
            wrong(f"the curve of {n} ends at {times[-1]} of {ran:.0f} s")
        if rows:
            self.counts["curves kept"] += 1
            self.counts["rows kept"] += len(rows)

    def _check_events(self, wrong: Callable[[str], None]) -> None:
        found = {event["n"]: event for event in self.daemon.events()}
        for n, seen in self.ledger.events.items():
            if found.get(n) != seen:
                wrong(f"event {n} was {seen} and is {found.get(n)}")
        if list(found) != sorted(found):
            wrong("events are out of order")
        self.ledger.events = found
        self._check_lines({event["text"] for event in found.values()}, wrong)

    def _check_lines(self, texts: set[str], wrong: Callable[[str], None]) -> None:
        """Every change acknowledged in this life has its line, unless the card had to be spared."""
        before, self._sent_before = self._sent_before, {}
        acknowledged = self.ledger.acknowledged
        if (
            sum(max(0, acknowledged[listener] - sent) for listener, sent in before.items())
            > MOST_LINES
        ):
            self.counts["lives with more changes than lines"] += 1
            return
        for listener, sent in before.items():
            for number in range(sent + 1, acknowledged[listener] + 1):
                value = f"number {number}" if listener == "socket" else f"n{number}@example.org"
                self.counts["changes with their line"] += 1
                if not any(text.endswith(f" to {value}.") for text in texts):
                    wrong(f"{listener}: the change to {value} was acknowledged and has no event")

    def table(self) -> str:
        """The summary for people."""
        ledger = self.ledger
        rows = [
            ("kills", self.lives),
            *sorted(self.counts.items()),
            ("settings acknowledged", sum(ledger.acknowledged.values())),
            ("settings sent", sum(ledger.sent.values())),
            ("results seen", len(ledger.finished)),
            ("events seen", len(ledger.events)),
            ("violations", len(self.violations)),
        ]
        return "\n".join(f"{name:34s} {value}" for name, value in rows)


def number_in(text: str) -> int:
    """The number a hammering client put into a setting; -1 when there is none."""
    found = re.search(r"\d+", text)
    return int(found.group()) if found else -1


def differences(seen: dict[str, Any], found: dict[str, Any] | None) -> set[str]:
    """The fields in which a record differs from what was seen of it."""
    if found is None:
        return set(seen)
    return {name for name, value in seen.items() if found.get(name) != value}


def tell(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def main(words: Sequence[str] | None = None) -> int:
    """The long version. Exit code 0 when nothing was lost."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("kills", nargs="?", type=int, default=200)
    parser.add_argument("--seed", type=int, default=None, help="default: another one each time")
    args = parser.parse_args(words)
    seed = random.SystemRandom().randrange(1 << 32) if args.seed is None else args.seed
    tell(f"{args.kills} kills, seed {seed}")
    with tempfile.TemporaryDirectory(prefix="btrmd-kill-") as folder:
        test = KillTest(Path(folder), seed)
        test.run(args.kills, tell)
    tell(test.table())
    for violation in test.violations:
        tell(f"VIOLATION {violation}")
    return 1 if test.violations else 0


if __name__ == "__main__":
    sys.exit(main())
