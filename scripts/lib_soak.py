"""scripts/soak: rounds of work at a station of its own, a rest after each, and what has grown."""

from __future__ import annotations

import argparse
import csv
import http.client
import json
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "scripts"), str(ROOT / "tests" / "support")]

from attacked_station import AttackedStation, descriptors, memory_mb  # noqa: E402
from daemon_process import PASSWORD  # noqa: E402
from dnp3_wire import Master  # noqa: E402
from growth import SURE, count_verdict, growth  # noqa: E402
from hostile import HOST, address, connect  # noqa: E402
from lib_attack import GET_NOTHING, READ, guess, over_tls, post, snmp_ask  # noqa: E402

from btrmd.bus import RING  # noqa: E402
from btrmd.snmp import ber, usm  # noqa: E402
from btrmd.snmp.message import encode_message, encode_pdu  # noqa: E402
from btrmd.snmp.usm import Stamp, V3User, seal  # noqa: E402

WORK_S = 15.0  # of a round, at least
REST_S = 3.0  # after it: connections end, freed memory goes back
TELL_S = 60.0  # between two lines of progress
LEAST_ROUNDS = 9  # else there is no line for each half of what follows the settling
FILLED_H = 0.1  # a run of so long begins with what is kept in memory at its full size
MEMORY_MB_A_WEEK = 1.0
READER = V3User("reader", "sha256", "authentic-1", "none", "")
PAGES = ("/", "/battery-status", "/battery-test", "/port-options", "/email", "/network",
         "/dnp3-modbus", "/snmp", "/help", "/authorization", "/about", "/trends", "/discharges",
         "/reports", "/events", "/events/csv", "/integrations", "/https", "/backup", "/update",
         "/metrics", "/api/v1/state", "/api/v1/points", "/api/v1/settings",
         "/api/v1/events?limit=1000", "/api/v1/tests", "/api/v1/openapi.json",
         "/nowhere")  # fmt: skip

Station = AttackedStation


class Sample(NamedTuple):
    """One rest, `at` s after the start; memory in MB of 2^20 octets."""

    at: float
    resident_mb: float
    descriptors: int
    threads: int

    @classmethod
    def of(cls, pid: int, at: float) -> Sample:
        threads = sum(1 for _ in Path(f"/proc/{pid}/task").iterdir())
        return cls(at, memory_mb(pid)[0], descriptors(pid), threads)


# --- the work ------------------------------------------------------------------------------------


def pages(station: Station, n: int) -> None:
    for path in PAGES:
        reply = station.unit.request("GET", path)
        assert reply.status == (404 if path == "/nowhere" else 200), (path, reply.status)
    assert over_tls(station) == 200, "HTTPS"


def stream(station: Station, n: int) -> None:
    with connect(station.ports["http"], address(2)) as sock:
        sock.sendall(b"GET /api/v1/stream HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        assert b" 200 " in sock.recv(300)
        assert sock.recv(65536)


def logins(station: Station, n: int) -> None:
    """The right password, and every fourth time a wrong one from somebody else."""
    right = {"username": "admin", "password": PASSWORD}
    status = post(station, "/api/v1/login", right)
    assert status == 200, status
    if n % 4 == 0:
        status = guess(station, address(100 + n % 100))
        assert status in (401, 429), status


def settings(station: Station, n: int) -> None:
    reply = station.unit.request("PATCH", "/api/v1/settings", {"site.name": f"Soak {n}"})
    assert reply.status == 200, reply


def tests(station: Station, n: int) -> None:
    """A test is begun in every tenth round of work, and stopped five later if it runs still."""
    if n % 10 == 0:
        reply = station.unit.request("POST", "/api/v1/tests", {"type": 1})
        assert reply.status in (200, 201, 202, 409), reply
    elif n % 10 == 5:
        station.unit.cli("test", "stop")


def walk(station: Station, n: int) -> None:
    """Bulk requests through the whole tree with version 2c, as monitoring programs do."""
    name, names = ber.oid((1, 3, 6, 1)), 0
    while name:
        row = ber.sequence((name, b"\x05\x00"))
        pdu = encode_pdu(ber.GET_BULK, n % 1000, ber.sequence((row,)), 0, 20)
        request = encode_message(1, b"public", pdu)
        answer = snmp_ask(station, request, 5.0)
        assert answer, "no answer"
        name, found = last_row(answer)
        names += found
    assert names > 50, f"it ended after {names} names"


def last_row(answer: bytes) -> tuple[bytes, int]:
    """The name of a response's last row, encoded, empty at the end of the tree; and how many."""
    message = ber.element(answer, 0, len(answer))
    pdu = ber.elements(answer, message.start, message.end)[2]
    row_list = ber.elements(answer, pdu.start, pdu.end)[3]
    rows = ber.elements(answer, row_list.start, row_list.end)
    name, value = ber.elements(answer, rows[-1].start, rows[-1].end)
    ended = value.tag == ber.END_OF_MIB_VIEW[0]
    return b"" if ended else answer[rows[-1].start : name.end], len(rows)


def snmp_v3(station: Station, n: int) -> None:
    ask = seal(GET_NOTHING, b"", 1, Stamp(), None, True)
    stamp = usm.parse(snmp_ask(station, ask)).stamp
    assert snmp_ask(station, seal(GET_NOTHING, stamp.engine_id, 9, stamp, READER, True))


def masters(station: Station, n: int) -> None:
    """A Modbus master, a DNP3 master and a NUT monitor that come, ask and go."""
    with connect(station.ports["modbus"], address(3)) as sock:
        for _ in range(50):
            sock.sendall(READ)
            assert sock.recv(300)
    with Master.over(connect(station.ports["dnp3"], HOST)) as master:
        master.ask(1, "3c02063c03063c04063c0106")
    with connect(station.ports["nut"], address(4)) as sock:
        sock.sendall(b"LIST VAR btrm\n")
        assert sock.recv(65536)


WORK: dict[str, Callable[[Station, int], None]] = {
    "pages": pages,
    "stream": stream,
    "logins": logins,
    "settings": settings,
    "tests": tests,
    "walk": walk,
    "snmp-v3": snmp_v3,
    "masters": masters,
}


# --- the rounds ----------------------------------------------------------------------------------


class Soak:
    """Work and rests at a station that has been started."""

    def __init__(
        self,
        station: Station,
        work_s: float = WORK_S,
        rest_s: float = REST_S,
        rounds: int | None = None,
    ) -> None:
        """`rounds`: when it ends, else the time tells."""
        self.station = station
        self.work_s, self.rest_s, self.rounds = work_s, rest_s, rounds
        self.samples: list[Sample] = []
        self.done: Counter[str] = Counter()
        self.failures: list[str] = []
        self.turns = 0

    def fill(self) -> None:
        """As many events as the bus keeps in memory, so that their growth is not measured."""
        for n in range(RING):
            settings(self.station, n)

    def run(self, seconds: float, tell: Callable[[str], object]) -> None:
        """Until `seconds` have gone by, but LEAST_ROUNDS at least; or for `rounds` of them."""
        started = told = time.monotonic()
        while self._goes_on(time.monotonic() - started < seconds):
            self.work()
            time.sleep(self.rest_s)
            sample = Sample.of(self.station.unit.pid, time.monotonic() - started)
            self.samples.append(sample)
            if len(self.samples) == 1 or time.monotonic() - told > TELL_S:
                told = time.monotonic()
                tell(
                    f"{sample.at / 60:6.1f} min: {sample.resident_mb:.1f} MB,"
                    f" {sample.descriptors} descriptors, {sample.threads} threads"
                )

    def _goes_on(self, has_time: bool) -> bool:
        if self.rounds is not None:
            return len(self.samples) < self.rounds
        return has_time or len(self.samples) < LEAST_ROUNDS

    def work(self) -> None:
        """Every kind of work, again and again; what fails is kept, and the others go on."""
        end = time.monotonic() + self.work_s
        while True:
            for name, work in WORK.items():
                try:
                    work(self.station, self.turns)
                    self.done[name] += 1
                except (OSError, AssertionError, ValueError, http.client.HTTPException) as error:
                    self.failures.append(f"{name}, turn {self.turns}: {error!r:.200}")
            self.turns += 1
            if time.monotonic() > end:
                return

    def table(self) -> tuple[str, bool]:
        """The figures for people, and whether one of them is broken."""
        times = [sample.at for sample in self.samples]
        lines = [f"{'figure':20s} {'first':>7s} {'last':>7s} {'growth a week':>20s} {'limit':>6s}"]
        verdicts = []
        for field, label, limit in (
            ("resident_mb", "resident memory, MB", MEMORY_MB_A_WEEK),
            ("descriptors", "descriptors", 0.0),
            ("threads", "threads", 0.0),
        ):
            values = [float(getattr(sample, field)) for sample in self.samples]
            found = growth(times, values)
            verdict = found.verdict(limit) if limit else count_verdict(values)
            verdicts.append(verdict)
            week = f"{found.a_week:+.1f} +- {SURE * found.uncertainty:.1f}"
            lines.append(
                f"{label:20s} {values[0]:7.1f} {values[-1]:7.1f} {week:>20s} {limit:6g}  {verdict}"
            )
            if limit and verdict == "undecided":
                factor = (SURE * found.uncertainty / limit) ** (2 / 3)  # an error falls with t^1.5
                hours = times[-1] / 3600 * max(factor, 1.5)
                lines.append(f"  undecided: about {hours:.1f} h would show it")
        return "\n".join(lines), "broken" in verdicts


def save(path: Path, samples: list[Sample]) -> None:
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(Sample._fields)
        writer.writerows(samples)


def main() -> int:
    parser = argparse.ArgumentParser(prog="soak", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("hours", type=float, metavar="HOURS", help="0.01 to 10000")
    parser.add_argument("--speed", type=float, default=10.0, help="of the simulated plant")
    parser.add_argument("--work", type=float, default=WORK_S, help="seconds of a round")
    parser.add_argument("--rest", type=float, default=REST_S, help="seconds after it")
    parser.add_argument("--rounds", type=int, help="ends after so many, whatever HOURS says")
    parser.add_argument("--csv", type=Path, help="keeps the samples")
    args = parser.parse_args()
    if not 0.01 <= args.hours <= 10000:
        parser.error(f"HOURS is {args.hours:g}; allowed are 0.01 to 10000")
    if args.rounds is not None and args.rounds < LEAST_ROUNDS:
        parser.error(f"--rounds is {args.rounds}; {LEAST_ROUNDS} or more are needed")
    with tempfile.TemporaryDirectory(prefix="btrmd-soak-") as folder:
        station = AttackedStation(Path(folder), args.speed)
        try:
            station.start()
            soak = Soak(station, args.work, args.rest, args.rounds)
            if args.hours >= FILLED_H:
                soak.fill()
            soak.run(args.hours * 3600, lambda line: print(line, flush=True))
            traces = station.unit.log.count("Traceback")
        finally:
            station.close()
    if args.csv:
        save(args.csv, soak.samples)
    text, broken = soak.table()
    print(text)
    print(f"work done: {json.dumps(soak.done)}; {len(soak.failures)} failed, {traces} tracebacks")
    for failure in soak.failures[:10]:
        print(f"FAILED {failure}")
    return int(broken or bool(soak.failures) or traces > 0)


if __name__ == "__main__":
    sys.exit(main())
