"""Kill a process that saves, again and again, and look at what it left.

Run as a program: `python store_kills.py settings|history FOLDER KILLS SEED`; ends with exit code 1
and a sentence when something was lost or torn. It forks from one quiet process, so that a kill
costs milliseconds.
"""

from __future__ import annotations

import os
import random
import select
import signal
import sqlite3
import sys
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from store_bench import a_curve, a_record, an_event

from btrmd.store.history_db import HistoryDb
from btrmd.store.settings_file import SettingsFile
from btrmd.store.writer import Writer

Tell = Callable[[str, int], object]


def save_settings_for_ever(folder: Path, first: int, tell: Tell) -> None:
    file = SettingsFile(folder)
    settings = file.load().settings
    for k in range(first, sys.maxsize):
        tell("begun", k)
        file.save(settings.with_changes({"site.name": f"n{k}", "site.contact": f"n{k}"}))
        tell("done", k)


def check_settings(folder: Path) -> int:
    settings, faults = SettingsFile(folder).load()
    assert faults == (), faults
    name = str(settings["site.name"])
    assert settings["site.contact"] == name or not name.startswith("n")
    assert {path.name for path in folder.iterdir()} <= {"settings.json"}, "leftovers"
    return int(name[1:]) if name.startswith("n") else 0


def commit_for_ever(folder: Path, first: int, tell: Tell) -> None:
    history = HistoryDb(folder)
    recovered = history.recover()
    writer = Writer(history, lambda _: None, last_event=recovered.last_event)
    writer.start()
    curve = a_curve(200)
    for k in range(first, sys.maxsize):
        tell("begun", k)
        writer.commit(test=a_record(k, "running", "none"), curve=(k, curve[:120]))
        writer.commit(
            events=[an_event()],
            test=a_record(k),
            curve=(k, curve[120:]),
            state={"k": k},
            finish=True,
            on_done=lambda error, k=k: tell("done" if error is None else "failed", k),  # type: ignore[misc]
        )
        writer.flush()


def check_history(folder: Path) -> int:
    history = HistoryDb(folder)
    found = history.recover()
    assert found.faults == (), found.faults
    k = int(str((found.state or {"k": 0})["k"]))
    tests = history.tests(limit=20_000)
    finished = [record.n for record in tests if record.state == "finished"]
    assert finished == list(range(k, 0, -1)), f"finished {finished[:5]}, state {k}"
    with closing(sqlite3.connect(history.database.path)) as disk:
        count, highest = disk.execute("SELECT count(*), coalesce(max(n), 0) FROM events").fetchone()
    assert count == k, f"{count} events, state {k}"
    # Numbers are reserved before the first is stored: a kill between the two leaves a gap.
    assert found.last_event >= highest, f"event {found.last_event}, stored {highest}"
    if found.unfinished is not None:
        assert found.unfinished.n == k + 1
        assert len(found.curve) == 120
    for n in finished[:3]:
        assert list(history.curve(n)) == a_curve(200), f"curve {n}"
    history.close()
    return k


MODES = {
    "settings": (save_settings_for_ever, check_settings),
    "history": (commit_for_ever, check_history),
}


def one_kill(mode: str, folder: Path, first: int, delay: float) -> tuple[int, int]:
    """Fork, let it save, kill it `delay` s after its first save; (begun, done) as it told."""
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(reader)
        try:
            MODES[mode][0](
                folder, first, lambda word, k: os.write(writer, f"{word} {k}\n".encode())
            )
        finally:
            os._exit(3)
    os.close(writer)
    ready, _, _ = select.select([reader], [], [], 20.0)
    assert ready, "nothing was saved within 20 s"
    time.sleep(delay)  # the instant of the kill is what this is about
    os.kill(pid, signal.SIGKILL)
    _, status = os.waitpid(pid, 0)
    assert os.WIFSIGNALED(status), "the child ended by itself"
    reported = b""
    while part := os.read(reader, 65536):
        reported += part
    os.close(reader)
    lines = [line.split() for line in reported.decode().splitlines()]
    assert not [line for line in lines if line[0] == "failed"]
    begun = max((int(k) for word, k in lines if word == "begun"), default=first - 1)
    return begun, max((int(k) for word, k in lines if word == "done"), default=first - 1)


def main() -> None:
    mode, folder, kills, seed = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
    dice = random.Random(seed)
    check = MODES[mode][1]
    last, longest = 0, 0.03
    for i in range(kills):
        begun, done = one_kill(mode, folder, last + 1, dice.uniform(0.0, longest))
        found = check(folder)
        assert done <= found <= begun, f"kill {i}: found {found}, told {done}..{begun}"
        if found == last:  # a busy machine takes longer for one
            longest = min(1.5 * longest, 1.0)
        last = found
    sys.stdout.write(f"{last} saves, {kills} kills\n")


if __name__ == "__main__":
    main()
