"""Evidence: what one finished discharge says about the battery, by itself.

In ln of the charge to the cutoff over a new battery's at the same load and temperature, so that
discharges of different days compare. Only a discharge's own estimate is evidence, never what was
told after earlier ones were combined with it: fed with its own output a filter grows sure of
anything.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from math import exp, log, sqrt
from typing import NamedTuple

from ..model.discharge import TestRecord
from .rating import Rating

Z90 = 1.645  # half of a 90 % interval in sd
LEAST_SD = 0.02  # even a full discharge does not repeat better
FULL_FROM = 0.985  # a start this near to full is full
LEAST_CHARGE = 0.5  # from less than this a full battery's run time is a guess
SANE_FROM = 1_577_836_800.0  # 2020-01-01: a clock before it was never set
SANE_TO = 4_102_444_800.0  # 2100-01-01
SLACK_S = 86_400.0  # how far a clock that was set may run ahead and still be believed

MARK_CUTOFF = "reached_cutoff"
MARK_NOT_RESTED = "not_rested"
MARK_NOT_FULL = "not_full"
MARK_LOAD = "load_changed"
MARK_CELL = "shorted_cell"
MARK_CHATTERING = "chattering"
MARK_OTHER = "not_lead_acid"

LOAD_SD = 0.12  # a load that changed: what was drawn on is not what followed
CELL_SD = 0.25  # a shorted cell bends the curve; the loss is real, its size is not known


class Start(NamedTuple):
    """One way it may have begun: `weight`, `shift` ln from what was seen to a full battery's run
    time, and the `sd` that this brings."""

    weight: float
    shift: float
    sd: float


FULL = (Start(1.0, 0.0, 0.0),)
# A day on float was missing: full, or a little less (the last of the absorption takes its time; a
# tail current on float leaves no more than some 4 % to come, core/machines/charge.py).
UNRESTED = (Start(0.7, 0.0, 0.0), Start(0.3, 0.05, 0.04))


class Evidence(NamedTuple):
    """One discharge. `n` its number (order), `at` wall time s, None where the clock was not set.

    `charge_ah` to the cutoff from this start, at mean `amps` and `temp_c` (None = not known);
    `sd` of its ln by its own interval, `more` what marks bring beside it; `is_measured` down to
    the cutoff; `charge` it began with (0..1, 1 = full, None = not known), `is_rested` a day on
    float before; `rehearsal` ln and sd of (estimate from the first part / measured), for full
    discharges whose curve is known.
    """

    n: int
    at: float | None
    is_outage: bool
    charge_ah: float
    amps: float
    temp_c: float | None
    sd: float
    more: float = 0.0
    is_measured: bool = False
    charge: float | None = 1.0
    is_rested: bool = True
    rehearsal: tuple[float, float] | None = None

    @property
    def is_from_full(self) -> bool:
        """Known to have begun with a full, rested battery: it can tell of a loss."""
        return self.is_rested and self.charge is not None and self.charge >= FULL_FROM

    @property
    def is_known(self) -> bool:
        """The charge it began with is known, and enough to compare with a full one."""
        return self.charge is not None and self.charge >= LEAST_CHARGE

    def value(self, rating: Rating) -> float:
        """ln of the charge over a new battery's at this load and temperature."""
        return log(self.charge_ah / rating.charge_ah(self.amps, self.temp_c))

    def starts(self, rating: Rating) -> tuple[Start, ...]:
        """How it may have begun; none where nobody knows."""
        if self.charge is None or not self.is_known:
            return ()
        if self.charge >= FULL_FROM:
            return FULL if self.is_rested else UNRESTED
        return starts_at(self.charge, rating.charge_ah(self.amps, None) / rating.rated_ah)


def starts_at(charge: float, share: float) -> tuple[Start, ...]:
    """How a discharge that began with `charge` (0..1 of the full one) compares with one from full.

    `share` of the rated charge that a full battery gives at this load. What is missing comes off
    the end of the run, or takes its part of the whole of it: the truth lies between. And a charge
    balance loses count: the battery may have been fuller than it says.
    """
    part = max(0.05, charge)
    missing = 1.0 - part
    whole = -log(part)
    end = -log(max(0.12, 1.0 - missing / max(share, 0.3)))
    sd = 0.03 + 0.2 * missing
    return (
        Start(0.35, whole, sd),
        Start(0.40, end, sd + 0.2 * missing),
        Start(0.25, 0.45 * whole, 0.02 + 0.3 * whole),
    )


def reading_of(ert_s: float, low_s: float, high_s: float) -> tuple[float, float]:
    """ln of the run time s and its sd, from an estimate and its 90 % interval (s, > 0).

    An interval that reaches farther to one side moves the middle a little to it.
    """
    middle = log(ert_s)
    if high_s <= low_s:
        return middle, LEAST_SD
    below, above = middle - log(low_s), log(high_s) - middle
    return middle + 0.25 * (above - below), max(LEAST_SD, (below + above) / (2.0 * Z90))


def is_sane(at: float | None) -> bool:
    """A wall time s that a clock which was set could have told."""
    return at is not None and SANE_FROM <= at <= SANE_TO


def own_of(record: TestRecord) -> tuple[float, float, float] | None:
    """What this discharge alone says: run time and ends of the interval, s; None = nothing.

    Records of versions that kept no own estimate tell only what they measured.
    """
    if record.estimate_s is not None and record.estimate_s > 0.0 and is_full(record):
        return record.estimate_s, record.estimate_s, record.estimate_s
    own = record.own_estimate_s
    if own is None or own <= 0.0:
        return None
    low = own if record.own_low_s is None else max(record.own_low_s, 1.0)
    high = own if record.own_high_s is None else record.own_high_s
    return own, min(low, own), max(high, own)


def is_full(record: TestRecord) -> bool:
    """Down to the cutoff; an estimate whose interval is a point was measured, unless the point is
    only what earlier discharges made of it."""
    return MARK_CUTOFF in record.marks or (
        record.estimate_s is not None
        and record.estimate_low_s == record.estimate_high_s
        and record.own_low_s == record.own_high_s
    )


def charge_of(record: TestRecord) -> float | None:
    """Part of the full charge it began with; None = not known.

    Without a charge balance a rested test began full (a day on float); an outage may have begun
    anywhere.
    """
    if record.started_at_charge is not None:
        return record.started_at_charge
    if record.type == "outage" or MARK_NOT_FULL in record.marks:
        return None
    return 1.0


def begins_full(record: TestRecord) -> bool:
    """It began with a full, rested battery, as far as is known; also of one under way."""
    charge = charge_of(record)
    return charge is not None and charge >= FULL_FROM and MARK_NOT_RESTED not in record.marks


def why_not(record: TestRecord) -> str:
    """Why the record is no evidence: a few words; empty when it is."""
    if record.result == "aborted":
        return "ended before its time"
    amps = record.average_current
    if amps is None or amps <= 0.0:
        return "its load is not known"
    if MARK_CHATTERING in record.marks:
        return "the load went to the battery and back in it"
    if MARK_OTHER in record.marks:
        return "its curve is not a lead-acid battery's"
    if own_of(record) is None:
        return "no estimate of its own"
    return ""


def marks_sd(marks: Sequence[str]) -> float:
    """sd (ln) that findings about a discharge bring to its estimate."""
    spreads = ((MARK_LOAD, LOAD_SD), (MARK_CELL, CELL_SD))
    return sqrt(sum(spread**2 for mark, spread in spreads if mark in marks))


def evidence_of(record: TestRecord, rehearsal: tuple[float, float] | None = None) -> Evidence:
    """The record as evidence; ask `why_not` first (ValueError else)."""
    own = own_of(record)
    amps = record.average_current
    reason = why_not(record)
    if reason or own is None or amps is None:
        raise ValueError(f"record {record.n} is no evidence: {reason}.")
    middle, sd = reading_of(*own)
    at = record.ended_at if record.ended_at is not None else record.started_at
    return Evidence(
        record.n,
        at if is_sane(at) else None,
        record.type == "outage",
        exp(middle) * amps / 3600.0,
        amps,
        record.average_temperature,
        sd,
        marks_sd(record.marks),
        own[2] <= own[1],
        charge_of(record),
        MARK_NOT_RESTED not in record.marks,
        rehearsal,
    )


def dated(evidence: Sequence[Evidence], now: float | None = None) -> list[Evidence]:
    """The same (by rising number) without the times that a clock which jumped has given. `now`:
    wall time s, None where the clock is not set.

    Nothing has happened after now, unless most of it seems to have: then it is now that is wrong.
    Of all times those are believed that rise together the longest: one jump ahead and back costs
    one of them, and a clock that was wrong for long costs what it stamped.
    """
    if now is not None:
        late = {one.n for one in evidence if one.at is not None and one.at > now + SLACK_S}
        if 2 * len(late) < sum(one.at is not None for one in evidence):
            evidence = [one._replace(at=None) if one.n in late else one for one in evidence]
    ends: list[float] = []  # the lowest time with which so many rising ones can end
    last: list[int] = []  # ... and its position
    before: list[int | None] = [None] * len(evidence)
    for k, one in enumerate(evidence):
        if one.at is None:
            continue
        place = bisect_right(ends, one.at)
        before[k] = last[place - 1] if place else None
        ends[place:] = [one.at, *ends[place + 1 :]]
        last[place:] = [k, *last[place + 1 :]]
    kept = set()
    k_kept = last[-1] if last else None
    while k_kept is not None:
        kept.add(k_kept)
        k_kept = before[k_kept]
    return [
        one if one.at is None or k in kept else one._replace(at=None)
        for k, one in enumerate(evidence)
    ]
