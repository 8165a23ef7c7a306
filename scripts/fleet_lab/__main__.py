"""The trial: connect, rest, outage, storm; a table of what it took. See scripts/fleet-sim."""

from __future__ import annotations

import argparse
import multiprocessing
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Final

from mail_tls import Authority

from .engines import Broker, Collector, Prometheus
from .light_unit import Identity
from .worker import Report, work

DAY_S: Final = 86400.0
OUTAGE_EVENTS: Final = 5  # of each unit, while the broker is away
MAINS_EVENTS: Final = 4
PATIENCE_S: Final = 600.0
SETTLE_S: Final = 1.0
QUIET: Final = 40_000  # octets to the broker within it


class Fleet:
    """All workers."""

    def __init__(
        self,
        identities: dict[str, Identity],
        folder: Path,
        processes: int,
        ramp_s: float,
        settle_s: float | None,
    ) -> None:
        """`identities` by serial number."""
        serials = list(identities)
        context = multiprocessing.get_context("spawn")
        self._pipes: list[Connection] = []
        for i in range(processes):
            ours, theirs = context.Pipe()
            share = {serial: identities[serial] for serial in serials[i::processes]}
            words = (share, folder, theirs, ramp_s, settle_s)
            context.Process(target=work, args=words, daemon=True).start()
            self._pipes.append(ours)

    def order(self, *words: object) -> list[Report]:
        """Have every worker do it."""
        for pipe in self._pipes:
            pipe.send(words)
        return [pipe.recv() for pipe in self._pipes]

    @property
    def connected(self) -> int:
        return sum(report.connected for report in self.order("look"))

    @property
    def reported(self) -> dict[str, int]:
        return {serial: n for report in self.order("look") for serial, n in report.reported.items()}

    @property
    def cpu_s(self) -> float:
        return sum(report.cpu_s for report in self.order("look"))

    def targets(self) -> dict[str, int]:
        return {serial: report.port for report in self.order("look") for serial in report.reported}


def main() -> int:
    """0 when every event arrived."""
    parser = argparse.ArgumentParser(prog="fleet-sim", description=__doc__)
    parser.add_argument("units", type=int, nargs="?", default=1000)
    parser.add_argument("--rest", type=float, default=960.0, help="s; 15 min is one whole turn")
    parser.add_argument("--outage", type=float, default=600.0, help="s without the broker")
    parser.add_argument("--ramp", type=float, default=20.0, help="s over which all are started")
    parser.add_argument(
        "--settle", type=float, help="s of a new session; else as the units have it"
    )
    parser.add_argument("--processes", type=int, default=8)
    parser.add_argument("--no-prometheus", action="store_true")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="btrmd-fleet-") as folder:
        return trial(args, Path(folder))


def trial(args: argparse.Namespace, folder: Path) -> int:
    units = args.units
    (folder / "certificates").mkdir()
    authority = Authority(folder / "certificates")
    broker = Broker(folder / "broker", authority)
    broker.start()
    collector = Collector(broker.port, authority)
    identities = {
        serial: Identity(
            broker.port, authority.file, authority.identity("unit", common_name=serial)
        )
        for serial in (f"5100000000{n:06x}" for n in range(units))
    }
    fleet = Fleet(identities, folder / "units", min(args.processes, units), args.ramp, args.settle)
    prometheus = None
    rows: list[tuple[str, str]] = [("units", f"{units}"), ("load of the machine", load())]
    try:
        began = time.monotonic()
        wait(lambda: fleet.connected == units, "not all units are connected")
        rows.append(("all connected after", f"{time.monotonic() - began:.0f} s"))
        if not args.no_prometheus and shutil.which("prometheus"):
            prometheus = Prometheus(folder / "prometheus", fleet.targets())
            prometheus.start()
        settle(collector)
        rows += rest(args.rest, units, fleet, broker, collector, prometheus)
        rows += outage(args.outage, units, fleet, broker, collector)
        rows += storm(units, fleet, collector)
        rows += account(fleet, collector)
        rows.append(("broker, resident", f"{broker.rss_mb:.0f} MB"))
        rows.append(("load of the machine at the end", load()))
    finally:
        if prometheus is not None:
            prometheus.kill()
        for pipe in fleet._pipes:
            pipe.send(("stop",))
        collector.close()
        broker.kill()
    for name, value in rows:
        sys.stdout.write(f"| {name} | {value} |\n")
    return int(dict(rows)["events lost"] != "0")


def settle(collector: Collector) -> None:
    """Until the broker hears nothing but what goes on all the time."""
    before = collector.octets
    while True:
        time.sleep(SETTLE_S)
        if collector.octets - before < QUIET:
            return
        before = collector.octets


def rest(
    seconds: float, units: int, fleet: Fleet, broker: Broker, collector: Collector,
    prometheus: Prometheus | None,
) -> list[tuple[str, str]]:  # fmt: skip
    octets, messages = collector.octets, collector.messages
    cpu_s, broker_s, began = fleet.cpu_s, broker.cpu_s, time.monotonic()
    scrape_s = prometheus.cpu_s if prometheus is not None else 0.0
    time.sleep(seconds)
    took = time.monotonic() - began
    per_day = DAY_S / took / units
    rows = [
        ("rest", f"{took:.0f} s"),
        ("MQTT to the broker, a unit and day", f"{(collector.octets - octets) * per_day / 1e6:.2f}"
         f" MB in {(collector.messages - messages) * per_day:.0f} messages"),
        ("CPU of a light unit with its scrapes, a day",
         f"{(fleet.cpu_s - cpu_s) * per_day:.0f} s"),
        ("CPU of the broker, a unit and day", f"{(broker.cpu_s - broker_s) * per_day:.1f} s"),
    ]  # fmt: skip
    if prometheus is not None:
        ask = prometheus.ask
        rows += [
            ("Prometheus: targets up", f"{ask('sum(up)'):.0f}"),
            ("Prometheus: samples a scrape", f"{ask('avg(scrape_samples_scraped)'):.0f}"),
            ("Prometheus: longest scrape", f"{ask('max(scrape_duration_seconds)'):.2f} s"),
            ("Prometheus: CPU, a unit and day", f"{(prometheus.cpu_s - scrape_s) * per_day:.1f} s"),
            ("Prometheus: resident", f"{prometheus.rss_mb:.0f} MB"),
        ]  # fmt: skip
    return rows


def outage(
    seconds: float, units: int, fleet: Fleet, broker: Broker, collector: Collector
) -> list[tuple[str, str]]:
    wanted = collector.count + OUTAGE_EVENTS * units
    broker.kill()
    fleet.order("events", OUTAGE_EVENTS, seconds * 0.8)
    time.sleep(seconds)
    broker.start()
    began = time.monotonic()
    wait(lambda: collector.count >= wanted, "events of the outage are missing")
    drained = collector.last_at - began
    wait(lambda: fleet.connected == units, "not all units are back")
    back = time.monotonic() - began
    minutes = int(seconds // 60)
    wait(
        lambda: min((collector.minutes[serial] for serial in fleet.reported), default=0) >= minutes,
        "minutes of the outage are missing",
    )
    return [
        ("outage of the broker (killed)", f"{seconds:.0f} s, {OUTAGE_EVENTS} events a unit"),
        ("the last event is in after", f"{drained:.0f} s"),
        ("all units are back after", f"{back:.0f} s"),
        ("all minutes of the outage are in after", f"{time.monotonic() - began:.0f} s"),
    ]


def storm(units: int, fleet: Fleet, collector: Collector) -> list[tuple[str, str]]:
    wanted = collector.count + MAINS_EVENTS * units
    began = time.monotonic()
    fleet.order("mains")
    wait(lambda: collector.count >= wanted, "events of the storm are missing")
    return [(f"{units} mains losses at once: the last of {MAINS_EVENTS * units} events is in after",
             f"{collector.last_at - began:.1f} s")]  # fmt: skip


def account(fleet: Fleet, collector: Collector) -> list[tuple[str, str]]:
    """For a consumer that drops what is not above the highest number it has of a unit."""
    reported = {(serial, n) for serial, last in fleet.reported.items() for n in range(1, last + 1)}
    doubled = sum(count - 1 for count in collector.taken.values())
    return [
        ("events told", f"{len(reported)}"),
        ("events lost", f"{len(reported - set(collector.taken))}"),
        ("events doubled", f"{doubled + len(set(collector.taken) - reported)}"),
        ("deliveries repeated under the same number", f"{collector.repeated}"),
    ]


def wait(condition: Callable[[], bool], complaint: str) -> None:
    end = time.monotonic() + PATIENCE_S
    while not condition():
        if time.monotonic() > end:
            raise SystemExit(f"fleet-sim: {complaint} after {PATIENCE_S:.0f} s.")
        time.sleep(0.25)


def load() -> str:
    return f"{os.getloadavg()[0]:.1f} on {os.cpu_count()} processors"


if __name__ == "__main__":
    sys.exit(main())
