"""Metrics: the unit for Prometheus, in its text format 0.0.4; at most 90 samples at rest.

A value that is not known is left out. Words are state sets (0 or 1 for each), texts are labels
of an info metric and never of a series that would be new with every sentence.
"""

from __future__ import annotations

import math
import os
import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Final, NamedTuple

from btrmd.bus import Bus
from btrmd.model.alarms import severity_of
from btrmd.model.events import Kind
from btrmd.model.history import History
from btrmd.model.points import POINT
from btrmd.model.readings import BAD, MISSING, STALE, Reading
from btrmd.model.result_words import is_dated
from btrmd.model.snapshot import Snapshot

from ..share import SHARE_COUNTS

MIMETYPE: Final = "text/plain; version=0.0.4"

# Prometheus wants the unit, spelt out, at the end of the name.
_SUFFIX: Final = {
    "V": "_volts",
    "A": "_amperes",
    "Ah": "_ampere_hours",
    "W": "_watts",
    "h": "_hours",
    "min": "_minutes",
    "s": "_seconds",
    "%": "_percent",
    "°C": "_celsius",
    "": "",
}
COMPLETED: Final = ("good", "low")  # results of a test; aborted is none
# Settings, and what other series say already.
_LEFT_OUT: Final = frozenset(
    {"io1.config", "io2.config", "io1.alarm", "io2.alarm", "io1.digital", "io2.digital",
     "test.data_present", "test.interval", "test.failed", "test.reason", "test.number",
     "battery.low_capacity", "battery.low_voltage", "supply.lost", "alarm.fault", "alarm.list",
     "dnp3.unsolicited", "system.model", "system.firmware", "system.build_date", "system.serial",
     "test.running", "test.enabled", "ups.enabled", "lvd.enabled", "alarm.any",
     "modbus.unknown1", "modbus.unknown2",
     "test.last_current", "test.last_temperature", "test.last_voltage"}
)  # fmt: skip
_SHARE_HELP: Final[Mapping[str, str]] = {
    "connections": "Connections that are open.",
    "refused": "Connections that found no place.",
    "displaced": "Connections that had to give their place to another address.",
    "idle_closed": "Connections that were closed because they were silent.",
    "stalled_closed": "Connections that were closed because they read nothing.",
}
# What sends of its own accord, by the name it counts under.
NOTIFIERS: Final = frozenset({"mail", "syslog", "mqtt", "webhook", "snmp-traps"})
NOTIFIER_OF: Final = {"trap": "snmp-traps"}  # by the name of its cursor, where that is another
_STARTED: Final = time.monotonic()
_PAGE: Final = os.sysconf("SC_PAGE_SIZE")
_TICKS: Final = os.sysconf("SC_CLK_TCK")


class Family(NamedTuple):
    """One metric: name, kind, help, and its samples (labels -> value)."""

    name: str
    kind: str
    help: str
    samples: tuple[tuple[Mapping[str, str], float], ...]


class EventTally:
    """What has happened since the daemon's start, counted as the log goes by. Of more than 2,000
    events between two looks the oldest are not counted."""

    def __init__(self, bus: Bus, history: History) -> None:
        self._bus = bus
        self._history = history
        self._lock = threading.Lock()  # two servers may ask at once
        self._n = 0
        self._known = history.last_event()  # the ring is empty after a start
        self._last_test: int | None = None
        self._completed_at: float | None = None
        self.events = dict.fromkeys((kind.value for kind in Kind), 0)
        self.tests = dict.fromkeys(("good", "low", "aborted"), 0)
        self.transfers = 0

    def look(self) -> None:
        """Count what is new."""
        with self._lock:
            self._count()

    @property
    def last_event(self) -> int:
        """The number of the newest event, of this run or an earlier one."""
        return max(self._known, self._bus.last_event)

    def completed_at(self, snapshot: Snapshot) -> float | None:
        """Wall s at which the newest test that came to a result ended; None = there is none, the
        data have been reset since, or no clock was set then: it would be decades old."""
        last = snapshot.last_test
        if last is None:
            return None
        if last.result in COMPLETED:
            return last.ended_at if is_dated(last) else None
        with self._lock:
            if last.n != self._last_test:
                self._last_test = last.n
                ended = (
                    one.ended_at if is_dated(one) else None for one in self._history.tests()
                    if one.type in ("1", "2") and one.result in COMPLETED
                )  # fmt: skip
                self._completed_at = next(ended, None)
            return self._completed_at

    def _count(self) -> None:
        if self._bus.last_event <= self._n:
            return
        for event in self._bus.events_after(self._n):
            self._n = event.n
            self.events[event.kind.value] += 1
            if event.key == "test.result" and isinstance(event.value, str):
                if event.value in self.tests:
                    self.tests[event.value] += 1
            elif event.kind is Kind.CHANGE and (
                (event.key == "ups.on_battery" and event.value is True)
                or (event.key == "test.state" and event.value == "running")
            ):
                self.transfers += 1


def encode_metrics(
    snapshot: Snapshot,
    version: str,
    streams: int,
    bus: Bus,
    counts: Mapping[str, Mapping[str, int]],
    tally: EventTally,
) -> str:
    """The whole page. `counts`: what each server counts, those of the web among them."""
    tally.look()
    lines: list[str] = []
    for family in (
        *_identity(snapshot, version),
        *_daemon(snapshot, streams, bus),
        *_points(snapshot),
        *_alarms(snapshot),
        *_happened(tally, snapshot),
        *_listeners(bus, counts),
        *_notifiers(bus, tally.last_event, counts),
    ):
        if family.samples:
            lines.append(f"# HELP {family.name} {family.help.replace(chr(10), ' ')}")
            lines.append(f"# TYPE {family.name} {family.kind}")
            lines += [_line(family.name, labels, value) for labels, value in family.samples]
    return "\n".join(lines) + "\n"


def _identity(snapshot: Snapshot, version: str) -> Iterator[Family]:
    settings, points = snapshot.settings, snapshot.points
    words = {"version": version, "model": str(points["system.model"].value or "")}
    yield Family("btrm_build_info", "gauge", "Version of btrmd and model.", ((words, 1),))
    place = {
        "serial": str(points["system.serial"].value or ""),
        "name": settings.text("site.name"),
        "location": settings.text("site.location"),
    }
    yield Family("btrm_site_info", "gauge", "Which unit this is.", ((place, 1),))


def _daemon(snapshot: Snapshot, streams: int, bus: Bus) -> Iterator[Family]:
    yield _one("btrm_ticking", "Whether the owner loop ticks.", int(snapshot.is_ticking))
    yield _one("btrm_stream_clients", "Pages that are told of changes.", streams)
    yield _one("btrm_faults", "Findings of btrmd check.", len(snapshot.faults))
    for name, value in bus.gauges.items():
        words = name.replace("_", " ").removesuffix(" seconds")
        yield _one(f"btrm_{name}", f"The control loop's {words}.", value)
    with_process = Path("/proc/self")
    try:
        pages = int((with_process / "statm").read_text().split()[1])
        fields = (with_process / "stat").read_text().rsplit(") ", 1)[1].split()
    except OSError:
        return
    cpu_s = (int(fields[11]) + int(fields[12])) / _TICKS
    yield _one("process_resident_memory_bytes", "Resident memory.", pages * _PAGE)
    yield Family("process_cpu_seconds_total", "counter", "Processor time.", (({}, cpu_s),))
    yield _one("process_start_time_seconds", "When the daemon started.", round(_started_at()))


def _points(snapshot: Snapshot) -> Iterator[Family]:
    unsure = []
    for key, reading in snapshot.points.items():
        point = POINT.get(key)
        if point is None:
            continue
        if reading.quality in (BAD, STALE):
            unsure.append(({"point": key, "quality": reading.quality.value}, 0.0))
        if key in _LEFT_OUT or reading.quality in (BAD, MISSING):
            continue
        name = f"btrm_{key.replace('.', '_')}{_SUFFIX.get(point.unit, '')}"
        if point.kind == "enum":
            states = tuple(
                ({"state": word}, float(word == reading.value)) for word in point.choices
            )
            yield Family(name, "gauge", point.help, states)
        elif (value := _number(reading)) is not None:
            yield Family(name, "gauge", point.help, (({}, value),))
    help_ = "0 for each point that cannot be trusted now; a point that is good is not listed."
    yield Family("btrm_point_good", "gauge", help_, tuple(unsure))


def _alarms(snapshot: Snapshot) -> Iterator[Family]:
    found = tuple(
        ({"key": alarm.key, "severity": severity_of(alarm.key)}, 1.0) for alarm in snapshot.alarms
    )
    yield Family("btrm_alarm_active", "gauge", "An alarm that is active or latched.", found)


def _happened(tally: EventTally, snapshot: Snapshot) -> Iterator[Family]:
    at = tally.completed_at(snapshot)
    if at is not None:
        help_ = "When the last test that came to a result ended, seconds since 1970 (UTC)."
        yield _one("btrm_test_completed_at_seconds", help_, round(at, 3))
    yield _counter("btrm_events_total", "Lines of the event log.", "kind", tally.events.items())
    yield _counter("btrm_tests_total", "Tests that have ended.", "result", tally.tests.items())
    help_ = "Times the load went onto the battery, in a test or an outage."
    yield Family("btrm_transfers_total", "counter", help_, (({}, tally.transfers),))


def _listeners(bus: Bus, counts: Mapping[str, Mapping[str, int]]) -> Iterator[Family]:
    up = [
        ({"listener": name}, float(bool(found.address) and not found.fault))
        for name, found in sorted(bus.listeners.items())
        if found.address or found.fault
    ]
    help_ = "Whether a server listens, or a notifier reaches its target."
    yield Family("btrm_listener_up", "gauge", help_, tuple(up))
    asked = sorted(bus.requests.items())
    yield _counter("btrm_requests_total", "Requests that were read.", "server", asked)
    for what in SHARE_COUNTS:
        kind, ending = ("gauge", "") if what == "connections" else ("counter", "_total")
        found = [
            ({"listener": server}, float(some[what]))
            for server, some in sorted(counts.items())
            # what has never happened tells nothing, but for the two that people watch
            if what in some
            and (some[what] or (what in ("connections", "refused") and server in bus.listeners))
        ]
        name = f"btrm_listener_{what}{ending}"
        yield Family(name, kind, _SHARE_HELP.get(what, "Connections."), tuple(found))
    rest = [
        ({"server": server, "what": what}, float(count))
        for server, some in sorted(counts.items())
        if server not in NOTIFIERS
        for what, count in sorted(some.items())
        if what not in SHARE_COUNTS and count
    ]
    yield Family("btrm_server_count_total", "counter", "What the servers count.", tuple(rest))


def _notifiers(bus: Bus, last: int, counts: Mapping[str, Mapping[str, int]]) -> Iterator[Family]:
    backlog: dict[str, float] = {}
    for name, n in list(bus.reported.items()):
        kind = NOTIFIER_OF.get(name.rstrip("0123456789"), name.partition(" ")[0])
        backlog[kind] = max(backlog.get(kind, 0.0), float(last - n))  # of the one that is last
    waiting = [({"notifier": name}, lag) for name, lag in sorted(backlog.items())]
    yield Family("btrm_notifier_backlog", "gauge", "Events not dealt with yet.", tuple(waiting))
    for what, help_ in (("sent", "Messages that arrived."), ("failed", "Attempts that failed.")):
        found = [
            (name, some[what])
            for name, some in sorted(counts.items())
            # one that is off, and has told nothing, tells nothing
            if what in some and name in NOTIFIERS and (some[what] or name in backlog)
        ]
        yield _counter(f"btrm_notifier_{what}_total", help_, "notifier", found)


def _one(name: str, help_: str, value: float) -> Family:
    return Family(name, "gauge", help_, (({}, value),))


def _counter(name: str, help_: str, label: str, found: Iterable[tuple[str, int]]) -> Family:
    return Family(name, "counter", help_, tuple(({label: word}, float(n)) for word, n in found))


def _started_at() -> float:
    """By the clock of now: at the start it may not have been set yet."""
    return time.time() - (time.monotonic() - _STARTED)


def _number(reading: Reading) -> float | None:
    value = reading.value
    if isinstance(value, bool | int):
        return int(value)
    if isinstance(value, float) and math.isfinite(value):
        return round(value, 6)
    return None


def _line(name: str, labels: Mapping[str, str], value: float) -> str:
    words = ",".join(f'{label}="{_escape(text)}"' for label, text in labels.items())
    shown = str(int(value)) if value == int(value) else repr(value)
    return f"{name}{{{words}}} {shown}" if words else f"{name} {shown}"


def _escape(text: str) -> str:
    return text.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
