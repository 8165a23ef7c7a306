"""A finished test or outage in words: a line of the tables of Battery Status and Discharges."""

from __future__ import annotations

from typing import Final, NamedTuple

from btrmd.model.discharge import TestRecord
from btrmd.model.result_words import say_action

from .card import TONES, say_notes, say_own, say_verdict
from .wording import NOTHING, say_duration, say_time

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


def say_past(test: TestRecord) -> Past:
    """A test of the history in words; what is not known is said so or left out."""
    estimate = UNKNOWN if test.estimate_s is None else say_duration(test.estimate_s)
    interval = ""
    if test.estimate_low_s is not None and test.estimate_high_s is not None:
        interval = f"{say_duration(test.estimate_low_s)} to {say_duration(test.estimate_high_s)}"
    return Past(
        test.n,
        "Outage" if test.type == "outage" else f"Type {test.type}",
        say_time(test.ended_at or test.started_at),
        say_verdict(test) if test.state == "finished" else "Running",
        TONES.get(test.result, ""),
        NOTHING if test.type == "outage" and test.estimate_s is None else estimate,
        interval,
        say_duration(test.duration_s),
        _with_unit(test.average_current, 2, "A"),
        _with_unit(test.average_temperature, 0, "°C"),
        _with_unit(test.end_voltage, 2, "V"),
        " ".join(part for part in (test.reason, say_action(test)) if part),
        say_own(test),
        say_notes(test),
    )


def _with_unit(value: float | None, decimals: int, unit: str) -> str:
    return NOTHING if value is None else f"{value:.{decimals}f} {unit}"
