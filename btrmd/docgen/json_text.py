"""JSON: how readings, tests, events and alarms look outside (DESIGN section 8).

Whoever sends them uses it: the API, MQTT, webhooks.
"""

from __future__ import annotations

import json
import math
from datetime import UTC, datetime
from operator import attrgetter
from typing import Final

from ..model.alarms import severity_of, worst_first
from ..model.discharge import TestRecord
from ..model.events import Event
from ..model.points import POINT
from ..model.readings import BAD, MISSING, Reading, Value
from ..model.snapshot import AlarmView, Snapshot
from .advice import advise

_DIGITS: Final = 6  # of a float: below every resolution of the board, and short
_UNITS: Final = {key: point.unit for key, point in POINT.items()}

_encoder = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":"))


def dumps(document: object) -> bytes:
    """`document` as compact UTF-8 JSON. Raises ValueError for NaN and infinity."""
    return _encoder.encode(document).encode("utf-8", "replace")


def iso_time(at: float | None) -> str | None:
    """Wall time (s since 1970) as ISO 8601 in UTC, to the millisecond; None stays None."""
    if at is None or not math.isfinite(at):
        return None
    try:
        return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds")[:-6] + "Z"
    except (OverflowError, OSError, ValueError):
        return None


def number(value: float | None) -> float | None:
    """A float for JSON: rounded, and None for NaN and infinity."""
    if value is None or not math.isfinite(value):
        return None
    return round(value, _DIGITS)


def plain(value: Value) -> object:
    """A point's value for JSON: numbers that are numbers, lists for tuples."""
    if isinstance(value, float):
        return number(value)
    return list(value) if isinstance(value, tuple) else value


def encode_reading(key: str, reading: Reading) -> dict[str, object]:
    """`{"value", "unit", "quality", "at"}`; no value is given out on a bad reading."""
    quality = reading.quality
    value = None if quality is BAD or quality is MISSING else plain(reading.value)
    at = iso_time(reading.at) if reading.at > 0 else None  # 0 = never read
    return {"value": value, "unit": _UNITS.get(key, ""), "quality": quality.value, "at": at}


def encode_test(test: TestRecord) -> dict[str, object]:
    """One entry of /api/v1/tests."""
    return {
        "n": test.n,
        "type": test.type,
        "state": test.state,
        "result": test.result,
        "reason": test.reason,
        "source": test.source,
        "started_at": iso_time(test.started_at),
        "ended_at": iso_time(test.ended_at),
        "duration_s": number(test.duration_s),
        "average_current": number(test.average_current),
        "average_temperature": number(test.average_temperature),
        "end_voltage": number(test.end_voltage),
        "estimate_s": number(test.estimate_s),
        "estimate_low_s": number(test.estimate_low_s),
        "estimate_high_s": number(test.estimate_high_s),
        "minimum_runtime_s": number(test.minimum_runtime_s),
        "marks": list(test.marks),
        "own_estimate_s": number(test.own_estimate_s),
        "own_low_s": number(test.own_low_s),
        "own_high_s": number(test.own_high_s),
        "started_at_charge": number(test.started_at_charge),
    }


def encode_event(event: Event) -> dict[str, object]:
    """One entry of /api/v1/events."""
    return {
        "n": event.n,
        "at": iso_time(event.at),
        "uptime_s": number(event.uptime_s),
        "key": event.key,
        "kind": event.kind.value,
        "value": plain(event.value),
        "threshold": number(event.threshold),
        "source": event.source,
        "text": event.text,
    }


def encode_alarms(snapshot: Snapshot) -> list[dict[str, object]]:
    """All active or latched alarms, the worst first."""
    alarms = worst_first(snapshot.alarms, attrgetter("key"))
    return [encode_alarm(alarm, advise(alarm.key, snapshot)) for alarm in alarms]


def encode_alarm(alarm: AlarmView, advice: str) -> dict[str, object]:
    """One active or latched alarm; `advice`: what to do about it."""
    return {
        "key": alarm.key,
        "text": alarm.text,
        "since": iso_time(alarm.since),
        "active": alarm.active,
        "latched": alarm.latched,
        "acknowledged": alarm.acknowledged,
        "severity": severity_of(alarm.key),
        "advice": advice,
    }
