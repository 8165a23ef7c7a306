"""The report of one discharge: what an auditor asks of a battery test, on one page."""

from __future__ import annotations

from collections.abc import Callable
from math import inf
from typing import Final, NamedTuple

from ..model.discharge import TestRecord
from ..model.readings import BAD, MISSING
from ..model.result_words import (
    format_action,
    format_hours,
    format_mark,
    format_need,
    is_dated,
    weak_block,
)
from ..model.settings import SETTINGS
from ..model.snapshot import Snapshot
from ..model.thresholds import Thresholds
from ..model.value_text import CLOCK_SANE_S, format_beside, format_number

FormatTime = Callable[[float | None], str]

UNKNOWN: Final = "not known"
NO_DATE: Final = "the clock was not set"
RESULTS: Final = {"good": "Good", "low": "Low", "aborted": "Aborted", "none": "No judgement"}
OUTAGE: Final = "outage"
DAY_S: Final = 86400.0
YEAR_S: Final = 366 * DAY_S


class ReportSection(NamedTuple):
    """A heading and its lines of label and text."""

    title: str
    rows: tuple[tuple[str, str], ...]


class Report(NamedTuple):
    """`result`: the verdict in words, `advice` what to do about it ("" = nothing)."""

    n: int
    title: str
    site: str
    result: str
    advice: str
    sections: tuple[ReportSection, ...]

    def encode(self) -> dict[str, object]:
        """For machines: sections as objects of label and text."""
        return {
            "n": self.n,
            "title": self.title,
            "site": self.site,
            "result": self.result,
            "advice": self.advice,
            "sections": {section.title: dict(section.rows) for section in self.sections},
        }


def make_report(
    record: TestRecord, snapshot: Snapshot, version: str, calibrated: str, format_time: FormatTime
) -> Report:
    """The report of `record`. `version` of the software; `calibrated` when channels were last
    calibrated, in words; `format_time` writes wall times (s since 1970)."""
    name, place = (snapshot.settings.text(f"site.{key}") for key in ("name", "location"))
    is_outage = record.type == OUTAGE
    kind = "Outage" if is_outage else f"Battery test {record.n}, Type {record.type}"
    return Report(
        record.n,
        f"{kind}, {format_time(record.started_at) if is_dated(record) else NO_DATE}",
        f"{name}, {place}",
        _result(record),
        format_action(record),
        (
            ReportSection("Site and battery", _site(snapshot)),
            ReportSection("Conditions", _conditions(record, format_time)),
            ReportSection("Result", _outcome(record, snapshot)),
            ReportSection("Instrument", _instrument(snapshot, version, calibrated)),
        ),
    )


def format_moment(at: float | None, zone: str) -> str:
    """ "2026-05-17 08:30 UTC", in a zone of the site's own "2026-05-17 10:30 local (08:30 UTC)"."""
    if at is None or at <= 0:
        return UNKNOWN
    return format_beside(at, zone, "%Y-%m-%d %H:%M")


def this_year(records: list[TestRecord], at: float) -> list[TestRecord]:
    """The finished discharges of the year before the wall time `at`; all where no clock is set."""
    # what is dated ahead was stamped by a clock that was wrong, if this one is right
    latest = at + DAY_S if at >= CLOCK_SANE_S else inf
    return [
        record
        for record in records
        if record.state == "finished"
        and at - YEAR_S < (record.ended_at or record.started_at) <= latest
    ]


def _result(record: TestRecord) -> str:
    if record.type == OUTAGE:
        return "An outage is not judged"
    if record.state != "finished":
        return "Not finished"
    word = RESULTS.get(record.result, record.result)
    if "unconfirmed" in record.marks:
        return f"{word}, not confirmed"
    return f"{word}, probably" if "marginal" in record.marks else word


def _site(snapshot: Snapshot) -> tuple[tuple[str, str], ...]:
    settings = snapshot.settings
    rated = settings["battery.rated_ah"]
    kinds = SETTINGS["battery.type"]
    kind = dict(zip(kinds.choices, kinds.choice_labels, strict=True)).get(
        str(settings["battery.type"]), UNKNOWN
    )
    return (
        ("Name", settings.text("site.name")),
        ("Location", settings.text("site.location")),
        ("System voltage", f"{settings['system.voltage']} V ({settings.blocks} x 12 V)"),
        ("Battery rating", f"{rated:g} Ah" if isinstance(rated, int | float) else "not set"),
        ("Battery type", str(kind)),
    )


def _conditions(record: TestRecord, format_time: FormatTime) -> tuple[tuple[str, str], ...]:
    charge = record.started_at_charge
    notes = [f"{text[0].upper()}{text[1:]}" for text in map(format_mark, record.marks)]
    dated = is_dated(record)
    return (
        ("Began", format_time(record.started_at) if dated else UNKNOWN),
        ("Ended", format_time(record.ended_at) if dated else UNKNOWN),
        ("Started by", record.source or UNKNOWN),
        ("Length", UNKNOWN if record.duration_s is None else format_hours(record.duration_s)),
        ("Average load", _number(record.average_current, 2, "A")),
        ("Temperature", _number(record.average_temperature, 0, "degC")),
        (
            "Charge at the start",
            UNKNOWN if charge is None else format_number(100.0 * charge, 0, "%"),
        ),
        ("To be noted", "; ".join(notes) or "nothing"),
    )


def _outcome(record: TestRecord, snapshot: Snapshot) -> tuple[tuple[str, str], ...]:
    cutoff = Thresholds.of(snapshot.settings).cutoff_v
    low, high = record.estimate_low_s, record.estimate_high_s
    lasts = UNKNOWN if record.estimate_s is None else format_hours(record.estimate_s)
    span = (
        UNKNOWN if low is None or high is None else f"{format_hours(low)} to {format_hours(high)}"
    )
    minimum = record.minimum_runtime_s
    soh = _point(snapshot, "battery.soh")
    block = weak_block(record)
    rows = [
        (f"Estimated run time to {format_number(cutoff, 2, 'V')}", lasts),
        ("90 % interval", span),
        ("Minimum run time", format_need(minimum) if minimum else "none: no judgement"),
        ("End voltage", _number(record.end_voltage, 2, "V")),
        ("State of health now", _number(soh, 0, "%")),
    ]
    if block:
        rows.append(("Weakest block", f"block {block} ends the run"))
    if record.reason:
        rows.append(("Reason of the end", record.reason))
    return tuple(rows)


def _instrument(snapshot: Snapshot, version: str, calibrated: str) -> tuple[tuple[str, str], ...]:
    serial = snapshot.points["system.serial"].value
    return (
        ("Unit", f"BTRM{snapshot.settings.site.model}"),
        ("Serial number", str(serial) if serial else UNKNOWN),
        ("Software", f"btrmd {version}"),
        ("Calibration", calibrated),
    )


def _number(value: float | None, decimals: int, unit: str) -> str:
    return UNKNOWN if value is None else format_number(value, decimals, unit)


def _point(snapshot: Snapshot, key: str) -> float | None:
    reading = snapshot.points.get(key)
    if reading is None or reading.quality is BAD or reading.quality is MISSING:
        return None
    return float(reading.value) if isinstance(reading.value, int | float) else None
