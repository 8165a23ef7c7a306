"""The budgets of the design, measured against a running daemon on the simulated HAT."""

from __future__ import annotations

import argparse
import contextlib
import http.client
import json
import os
import re
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from lib_bench_cpu import cpu_s, least

PAGE = os.sysconf("SC_PAGE_SIZE")
LOAD_S = 120.0  # at least: a 99.9th percentile of ticks needs more than a thousand of them
RUNS = 4  # of a figure that others on the machine can only make worse
STARTED_S = 6.0  # the first readings are in: then it is at rest
NAMES = (
    "core",
    "estimate",
    "start",
    "idle",
    "page",
    "web",
    "load",
    "snmp",
    "modbus",
    "dnp3",
    "nut",
)


class Figure(NamedTuple):
    """One line: at most `budget` `unit`; `measured` None: could not be measured, see `note`."""

    name: str
    budget: float
    measured: float | None
    unit: str
    note: str = ""


class Daemon:
    """A daemon of its own on free ports, with its own folders."""

    def __init__(self, folder: Path, *options: str, settings: tuple[str, ...] = ()) -> None:
        self.state = folder / "state"
        words = [sys.executable, "-m", "btrmd", "run", "--simulate", *options]
        for name in ("http", "modbus", "dnp3", "snmp"):
            if f"--{name}" not in options:
                words += [f"--{name}", "127.0.0.1:0"]
        words += ["--https", "none"]
        dirs = ["--config-dir", str(folder / "config"), "--state-dir", str(self.state)]
        words += dirs
        (folder / "config").mkdir(parents=True, exist_ok=True)
        if settings:
            subprocess.run(
                [sys.executable, "-m", "btrmd", "set", *settings, *dirs],
                check=True, stdout=subprocess.DEVNULL,
            )  # fmt: skip
        self.started = time.monotonic()
        self.log = (folder / "log").open("w+")
        self.process = subprocess.Popen(
            words, stdout=subprocess.PIPE, stderr=self.log, text=True, stdin=subprocess.DEVNULL
        )
        line = self._ready()
        self.host, port = line.removeprefix("ready http://").strip().rsplit(":", 1)
        self.port = int(port)

    def _ready(self) -> str:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            if line.startswith("ready http://"):
                threading.Thread(target=self.process.stdout.read, daemon=True).start()
                return line
        self.log.seek(0)
        sys.exit(f"scripts/bench: the daemon did not start:\n{self.log.read()[-2000:]}")

    def get(self, path: str) -> tuple[int, bytes]:
        connection = http.client.HTTPConnection(self.host, self.port, timeout=10)
        with contextlib.closing(connection):
            connection.request("GET", path)
            answer = connection.getresponse()
            return answer.status, answer.read()

    def listener(self, name: str) -> str:
        """HOST:PORT of one of its listeners."""
        found = json.loads((self.state / "run" / "listeners.json").read_text())[name]
        assert isinstance(found, str), name
        return found

    def cpu_s(self) -> float:
        """CPU seconds used so far, all threads."""
        return cpu_s(self.process.pid)

    def rss_mb(self) -> float:
        fields = Path(f"/proc/{self.process.pid}/statm").read_text().split()
        return int(fields[1]) * PAGE / 1e6

    def stop(self) -> None:
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.log.close()


@contextlib.contextmanager
def running(*options: str, settings: tuple[str, ...] = ()) -> Iterator[Daemon]:
    with tempfile.TemporaryDirectory(prefix="btrmd-bench-") as folder:
        daemon = Daemon(Path(folder), *options, settings=settings)
        try:
            yield daemon
        finally:
            daemon.stop()


def core_steps() -> Iterator[Figure]:
    """14,400 ticks of the pure core: four hours of a discharge at one a second."""
    try:
        from lib_bench_core import run_steps
    except ImportError as error:
        yield Figure("14,400 core steps", 2.0, None, "s", str(error))
        return
    start = time.process_time()
    run_steps(14_400)
    yield Figure("14,400 core steps", 2.0, time.process_time() - start, "s")


def estimate_call() -> Iterator[Figure]:
    """One estimate over a curve of 400 rows."""
    from btrmd.estimate.run_time import estimate
    from btrmd.model.discharge import CurveRow

    rows = [CurveRow(27.0 * k, 12.7 - 0.0015 * k, -1.5, 20.0, 1.5) for k in range(400)]
    times = []
    for _ in range(50):
        start = time.perf_counter()
        estimate(rows, 1, 17.0)
        times.append(1000.0 * (time.perf_counter() - start))
    yield Figure("estimate, 400 rows", 5.0, statistics.median(times), "ms")


def start_up() -> Iterator[Figure]:
    """From the process' start to its first answers over Modbus and HTTP, medians of three."""
    from lib_bench_modbus import read_once

    modbus_s, http_s = [], []
    for _ in range(3):
        place = f"127.0.0.1:{_free_port()}"
        answered: list[float] = []

        def master(place: str = place, answered: list[float] = answered) -> None:
            answered.append(_first(read_once, place))

        thread = threading.Thread(target=master, daemon=True)
        thread.start()
        with running("--modbus", place) as daemon:
            status, _ = daemon.get("/healthz")
            http_s.append(time.monotonic() - daemon.started)
            thread.join(10.0)
            modbus_s.append(answered[0] - daemon.started)
            if status != 200:
                yield Figure("start to first HTTP answer", 1.0, None, "s", f"/healthz: {status}")
                return
    yield Figure("start to first Modbus answer", 0.6, statistics.median(modbus_s), "s")
    yield Figure("start to first HTTP answer", 1.0, statistics.median(http_s), "s")


def _free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


def _first(ask: Callable[[str], None], place: str) -> float:
    """When `ask` was answered for the first time."""
    while True:
        try:
            ask(place)
            return time.monotonic()
        except OSError:
            time.sleep(0.005)


def idle(seconds: float) -> Iterator[Figure]:
    """Memory and CPU of a daemon that nobody asks anything, after its self-test."""
    with running() as daemon:
        time.sleep(20.0)
        before, start = daemon.cpu_s(), time.monotonic()
        time.sleep(seconds)
        used = (daemon.cpu_s() - before) * 60.0 / (time.monotonic() - start)
        yield Figure("idle CPU a minute", 0.3, used, "s")
        yield Figure("resident memory", 50.0, daemon.rss_mb(), "MB", "budget holds after 10 min")


def page(seconds: float) -> Iterator[Figure]:
    """The status page at four clients: five requests a second each, then as fast as they can."""
    from lib_bench_web import pages

    with running() as daemon:
        time.sleep(STARTED_S)
        times, faults = _browse(daemon, time.monotonic() + seconds)
        note = faults[0] if faults else f"{len(times)} requests"
        half, p99 = _parts(times, faults)
        yield Figure("status page p50, 4 clients", 10.0, half, "ms", note)
        yield Figure("status page p99, 4 clients", 20.0, p99, "ms", note)
        runs = [pages(daemon.host, daemon.port, daemon.process.pid) for _ in range(RUNS)]
        full = min(runs, key=lambda found: found.cpu_ms)
        p99 = min(found.p99_ms for found in runs)
        note = f"{full.per_s:.0f} pages/s, p50 {full.p50_ms:.1f} ms, as fast as they can"
        yield Figure("status page, CPU", 1.5, full.cpu_ms, "ms", note)
        yield Figure("status page p99, 4 at full speed", 12.0, p99, "ms", note)
        yield from _lateness(daemon, "web load")


def web(seconds: float) -> Iterator[Figure]:
    """The status page beside twenty browsers that are alive, and a year of trends plotted."""
    from lib_bench_web import best, browsers, fill_year, plotted

    with running() as daemon:
        with browsers(daemon.host, daemon.port) as ways:
            times, faults = _browse(daemon, time.monotonic() + seconds)
        live = f"{ways.count('stream')} streams, {ways.count('poll')} polling"
        note = faults[0] if faults else f"{len(times)} requests beside {live}"
        half, p99 = _parts(times, faults)
        yield Figure("status page p50, 20 browsers", 25.0, half, "ms", note)
        yield Figure("status page p99, 20 browsers", 50.0, p99, "ms", note)
        yield from _lateness(daemon, "20 browsers")
        rows = fill_year(daemon.state)
        for name, path, budget in (
            ("a year of trends, page", "/trends?range=1y", 300.0),
            ("a year of trends, data", "/trends/data?range=1y", 300.0),
        ):
            took, size = best(daemon.host, daemon.port, path)
            yield Figure(name, budget, took, "ms", f"{size} bytes of {rows} rows")
        drawn = plotted(f"http://{daemon.host}:{daemon.port}")
        note = "" if drawn else "there is no Chromium here"
        yield Figure("a year of trends, in a browser", 1000.0, drawn, "ms", note)


def _parts(times: list[float], faults: list[str]) -> tuple[float | None, float | None]:
    """The middle and the 99th part of sorted times; nothing where something failed."""
    if not times or faults:
        return None, None
    return times[len(times) // 2], times[int(0.99 * len(times))]


def load(seconds: float) -> Iterator[Figure]:
    """The owner loop under web 4 x 5/s, Modbus 32 x 10/s and an SNMP walk a second, all at once."""
    from concurrent.futures import ThreadPoolExecutor

    from lib_bench_snmp import walk_each_second

    seconds = max(seconds, LOAD_S)
    with running() as daemon, ThreadPoolExecutor() as pool:
        here = [sys.executable, str(Path(__file__).with_name("lib_bench_modbus.py"))]
        there = [f"--drive={daemon.listener('modbus')}", f"--pid={daemon.process.pid}"]
        masters = subprocess.Popen(
            [*here, *there, f"--seconds={seconds}", "--rate=10"], stdout=subprocess.PIPE, text=True
        )
        end = time.monotonic() + seconds
        web = pool.submit(_browse, daemon, end)
        walks = pool.submit(walk_each_second, daemon.listener("snmp"), end)
        modbus_reported, _ = masters.communicate()
        times, faults = web.result()
        p99 = times[int(0.99 * len(times))] if times else 0.0
        reported = faults[0] if faults else f"{len(times)} pages, p99 {p99:.1f} ms"
        note = f"{reported}; {walks.result()} walks; Modbus {modbus_reported.strip() or 'failed'}"
        yield from _lateness(daemon, note)


def _browse(daemon: Daemon, end: float) -> tuple[list[float], list[str]]:
    """The status page at four clients, five a second each: sorted times in ms, and faults."""
    times: list[float] = []
    faults: list[str] = []

    def client(offset: float) -> None:
        connection = http.client.HTTPConnection(daemon.host, daemon.port, timeout=10)
        with contextlib.closing(connection):
            due = time.monotonic() + offset
            while due < end:
                time.sleep(max(0.0, due - time.monotonic()))
                start = time.perf_counter()
                connection.request("GET", "/")
                answer = connection.getresponse()
                answer.read()
                times.append(1000.0 * (time.perf_counter() - start))
                if answer.status != 200:
                    faults.append(f"GET / answered {answer.status}")
                due += 0.2

    threads = [threading.Thread(target=client, args=(0.05 * k,)) for k in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sorted(times), faults


def _lateness(daemon: Daemon, note: str) -> Iterator[Figure]:
    """From /metrics, where the owner loop shows how late its ticks were."""
    status, body = daemon.get("/metrics")
    text = body.decode() if status == 200 else ""
    for name, budget in (("p999", 8.0), ("max", 50.0)):
        found = re.search(
            rf"^btrm_tick_lateness_seconds{{[^}}]*{name}[^}}]*}} ([0-9.e+-]+)$"
            rf"|^btrm_tick_lateness_{name}_seconds ([0-9.e+-]+)$",
            text,
            re.M,
        )
        label = "tick lateness p99.9" if name == "p999" else "tick lateness max"
        if found:
            yield Figure(label, budget, 1000.0 * float(found[1] or found[2]), "ms", note)
        else:
            yield Figure(label, budget, None, "ms", "/metrics does not show it")


def modbus(seconds: float) -> Iterator[Figure]:
    """Modbus TCP at 32 clients beside bare servers of pymodbus and libmodbus."""
    from lib_bench_modbus import INPUTS, READS, Load, Read, bare_server, drive, libmodbus_server
    from lib_bench_peer import PeerMissingError

    length = min(seconds, 15.0) / 5.0

    def best(address: str, pid: int, read: Read = INPUTS, length: float = length) -> Load:
        """Each figure is the least of its runs: what else the machine does can only add to it."""
        runs = [drive(address, pid, length, 32, read=read) for _ in range(RUNS)]
        least_cpu = min(runs, key=lambda found: found.cpu_us)
        return least_cpu._replace(p99_ms=min(found.p99_ms for found in runs))

    def each(address: str, pid: int) -> dict[Read, Load]:
        """By what is read; of all but the input registers in shorter runs."""
        return {read: best(address, pid, read, length if read is INPUTS else length / 3.0)
                for read in READS}  # fmt: skip

    with running() as daemon, bare_server() as (bare, bare_pid):
        time.sleep(STARTED_S)
        ours, pid = daemon.listener("modbus"), daemon.process.pid
        found, theirs = each(ours, pid), best(bare, bare_pid)
        beside: dict[Read, str] = dict.fromkeys(READS, "")
        try:
            with libmodbus_server() as (other, other_pid):
                loads = each(other, other_pid)
            beside = {read: f"libmodbus {load.cpu_us:.1f}" for read, load in loads.items()}
            libmodbus = f"libmodbus {loads[INPUTS]}"
        except PeerMissingError as error:
            libmodbus = beside[INPUTS] = f"libmodbus not measured: {error}"
        slow = min(
            (drive(ours, pid, length, 32, rate=10.0) for _ in range(RUNS)),
            key=lambda found: found.p99_ms,
        )
    full = found[INPUTS]
    note = f"{full}; bare pymodbus {theirs}; {libmodbus}"
    yield Figure("bare pymodbus / Modbus, 32 clients", 1.0, theirs.per_s / full.per_s, "x", note)
    for read, load in found.items():
        note = beside[read]
        if read is INPUTS:
            note = f"pymodbus {theirs.cpu_us:.1f}, {note}"
        yield Figure(f"Modbus FC{read.function}, {read.count}, CPU", 15.0, load.cpu_us, "us", note)
    yield Figure("Modbus p99, 32 clients", 2.0, full.p99_ms, "ms", "as fast as they can")
    yield Figure("Modbus p99, 32 clients x 10/s", 5.0, slow.p99_ms, "ms", str(slow))


def nut() -> Iterator[Figure]:
    """LIST VAR and GET VAR: CPU time of the process, beside NUT's upsd with the same variables."""
    from lib_bench_nut import measure, read_variables, upsd
    from lib_bench_peer import PeerMissingError

    with running("--nut", "127.0.0.1:0") as daemon:
        time.sleep(STARTED_S)
        where = daemon.listener("nut")
        ours = measure(where, daemon.process.pid)
        values = read_variables(where)
    try:
        with upsd(values) as (address, other):
            theirs = measure(address, other)
        get, listed = f"upsd {theirs.get_us:.1f}", f"upsd {theirs.list_us:.0f}, {theirs.variables}"
    except (PeerMissingError, OSError) as error:
        get = listed = f"upsd not measured: {error}"
    note = f"{ours.variables} variables; {listed}"
    yield Figure("NUT LIST VAR, CPU", 75.0, ours.list_us, "us", note)
    yield Figure("NUT GET VAR, CPU", 30.0, ours.get_us, "us", get)


def dnp3(seconds: float) -> Iterator[Figure]:
    """DNP3 polls of one master beside an opendnp3 outstation (C++), one after the other."""
    from lib_bench_dnp3 import INTEGRITY, ONE_POINT, Load, drive, opendnp3_outstation
    from lib_bench_peer import PeerMissingError

    length = min(seconds, 12.0) / 6.0

    def best(address: str, pid: int, request: bytes = INTEGRITY) -> Load:
        return least(lambda: drive(address, pid, length, request), lambda found: found.cpu_us)

    with running() as daemon:
        time.sleep(STARTED_S)
        ours, pid = daemon.listener("dnp3"), daemon.process.pid
        full, one = best(ours, pid), best(ours, pid, ONE_POINT)
        try:
            with opendnp3_outstation() as (other, other_pid):
                theirs = str(best(other, other_pid))
        except PeerMissingError as error:
            theirs = f"not measured: {error}"
    yield Figure("DNP3 integrity poll, p99", 5.0, full.p99_ms, "ms", f"{full}; opendnp3 {theirs}")
    yield Figure("DNP3 integrity poll, CPU", 130.0, full.cpu_us, "us")
    yield Figure("DNP3 one point, p99", 5.0, one.p99_ms, "ms", str(one))


def snmp() -> Iterator[Figure]:
    """GET, bulk request, SET and SNMPv3 GET: CPU time of the process, beside net-snmp's agent."""
    from lib_bench_peer import PeerMissingError
    from lib_bench_snmp import BTRM, SYS_UPTIME, measure, measure_set, measure_v3, snmpd
    from pysnmp.proto.api import v2c

    from btrmd.snmp.usm import V3User

    user = V3User("bench", "sha256", "bench-auth-1", "aes128", "bench-priv-1")
    settings = (
        "snmp.write1=private", "snmp.v3.enabled=true", "snmp.v3.read_user=bench",
        "snmp.v3.read_auth=sha256", "snmp.v3.read_auth_password=bench-auth-1",
        "snmp.v3.read_priv=aes128", "snmp.v3.read_priv_password=bench-priv-1",
    )  # fmt: skip
    with running(settings=settings) as daemon:
        time.sleep(STARTED_S)
        where, pid = daemon.listener("snmp"), daemon.process.pid
        ours = measure(where, pid, (*BTRM, 3, 20, 0), BTRM)
        texts = zip((6, 4, 5), ("here", "noc", "unit"), strict=True)
        rows = [((*SYS_UPTIME[:-2], k, 0), v2c.OctetString(text)) for k, text in texts]
        rows.append(((*BTRM, 2, 1, 1, 4, 0), v2c.OctetString("traps")))
        sets = measure_set(where, pid, rows)
        v3_us = measure_v3(where, pid, user)
    try:
        with snmpd() as (address, other):
            theirs = measure(address, other, SYS_UPTIME, SYS_UPTIME[:6])
        get, bulk = f"snmpd {theirs.get_us:.1f} us", f"snmpd {theirs.bulk_us / 1e3:.3f} ms"
    except PeerMissingError as error:
        get = bulk = f"snmpd not measured: {error}"
    yield Figure("SNMP GET, CPU", 60.0, ours.get_us, "us", get)
    yield Figure("SNMP bulk of 40, CPU", 0.6, ours.bulk_us / 1e3, "ms", f"{ours.found}; {bulk}")
    alone = f"8 at once; one alone with the tick it waits for {sets.alone:.0f} us"
    yield Figure("SNMP SET, CPU", 150.0, sets.together, "us", alone)
    yield Figure("SNMP SET of 4 varbinds, CPU", 300.0, sets.rows, "us", "8 at once")
    alone = f"8 at once, stored together; one alone {sets.changed_alone / 1e3:.2f} ms"
    yield Figure("SNMP SET that changes, CPU", 1000.0, sets.changed, "us", alone)
    yield Figure("SNMPv3 authPriv GET, CPU", 300.0, v3_us, "us", "sha256, aes128")


def main() -> int:
    parser = argparse.ArgumentParser(prog="scripts/bench", description=__doc__)
    parser.add_argument(
        "--seconds", type=float, default=60.0, help="length of the idle and load runs"
    )
    parser.add_argument("--json", action="store_true")
    parser.add_argument("names", nargs="*", metavar="NAME", help=" ".join(NAMES))
    args = parser.parse_args()
    benches: dict[str, Callable[[], Iterator[Figure]]] = {
        "core": core_steps,
        "estimate": estimate_call,
        "start": start_up,
        "idle": lambda: idle(args.seconds),
        "page": lambda: page(args.seconds),
        "web": lambda: web(args.seconds),
        "load": lambda: load(args.seconds),
        "snmp": snmp,
        "modbus": lambda: modbus(args.seconds),
        "dnp3": lambda: dnp3(args.seconds),
        "nut": nut,
    }
    unknown = [name for name in args.names if name not in benches]
    if unknown:
        parser.error(f"{unknown[0]} is not known; allowed are {' '.join(benches)}")
    bad = 0
    figures = []
    for name in args.names or benches:
        for figure in benches[name]():
            figures.append(figure._asdict())
            is_good = figure.measured is not None and figure.measured <= figure.budget
            bad += not is_good
            if args.json:
                continue
            measured = "-" if figure.measured is None else f"{figure.measured:.4g}"
            mark = "ok" if is_good else "none" if figure.measured is None else "OVER"
            print(
                f"{mark:4} {figure.name:30} budget {figure.budget:8g}"
                f" measured {measured:>8} {figure.unit:3} {figure.note}".rstrip(),
                flush=True,
            )
    if args.json:
        print(json.dumps(figures, indent=1))
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
