"""A finished test or outage in words: a line of the tables of Battery Status and Discharges."""

from __future__ import annotations

from typing import Final, NamedTuple

from btrmd.model.discharge import TestRecord
from btrmd.model.result_words import format_action, is_dated
from btrmd.model.value_text import format_number

from .card import TONES, format_notes, format_own, format_verdict
from .wording import NOTHING, format_duration, format_time

UNKNOWN: Final = "not known"


class Past(NamedTuple):
    """One test of the history in words."""

    n: int
    kind: str
    ended: str
    result: str
    tone: str
    estimate: str
    interval: str
    length: str
    current: str
    temperature: str
    voltage: str
    reason: str
    own: str = ""
    notes: str = ""


def format_moment(test: TestRecord, at: float | None) -> str:
    """When a test began or ended, wall s, as far as the clock was set."""
    return format_time(at) if is_dated(test) else UNKNOWN


def format_past(test: TestRecord) -> Past:
    """A test of the history in words; what is not known is said so or left out."""
    estimate = UNKNOWN if test.estimate_s is None else format_duration(test.estimate_s)
    interval = ""
    if test.estimate_low_s is not None and test.estimate_high_s is not None:
        interval = (
            f"{format_duration(test.estimate_low_s)} to {format_duration(test.estimate_high_s)}"
        )
    return Past(
        test.n,
        "Outage" if test.type == "outage" else f"Type {test.type}",
        format_moment(test, test.ended_at or test.started_at),
        format_verdict(test) if test.state == "finished" else "Running",
        TONES.get(test.result, ""),
        NOTHING if test.type == "outage" and test.estimate_s is None else estimate,
        interval,
        format_duration(test.duration_s),
        _with_unit(test.average_current, 2, "A"),
        _with_unit(test.average_temperature, 0, "°C"),
        _with_unit(test.end_voltage, 2, "V"),
        " ".join(part for part in (test.reason, format_action(test)) if part),
        format_own(test),
        format_notes(test),
    )


def _with_unit(value: float | None, decimals: int, unit: str) -> str:
    return NOTHING if value is None else format_number(value, decimals, unit)
