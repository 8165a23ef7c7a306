"""Combining: the estimate of the running discharge with what earlier ones say."""

from __future__ import annotations

from math import exp
from typing import NamedTuple

from ..model.discharge import Estimate
from . import hypotheses
from .evidence import FULL, MARK_OTHER, marks_sd, reading_of
from .health import ENDS, NOTABLE, SUSPECT, change_of, interval, is_lost, is_risen, parts_of
from .hypotheses import WeighedDischarge, ahead
from .mixture import quantile
from .track import BASE_SD, Track, level_of_run, load_var, run_at_level, years_until

DIFFERS = "history_differs"
LEAST_PART = 0.75  # of its own interval: estimates of one battery share most of their errors
LEAST_PART_MEASURED = 0.25  # where full discharges have taught what they share


class Discharge(NamedTuple):
    """The one under way: `seen_s` so long it has run, `amps` its mean (> 0), `temp_c` or None;
    `is_from_full`: it began with a full, rested battery; `now` wall time s, None = not set."""

    seen_s: float
    amps: float
    temp_c: float | None
    is_from_full: bool
    now: float | None


def combine(made: Estimate, track: Track | None, discharge: Discharge) -> Estimate:
    """The estimate with history; `own_*` keep what `made` said.

    What was measured stays, and so does what began below full charge: earlier discharges tell of
    a full battery. Where this one contradicts them nothing is narrowed: the interval spans both,
    with the finding `history_differs`.
    """
    if (
        track is None
        or track.counts.known == 0
        or made.low_s >= made.high_s
        or discharge.amps <= 0.0
        or not discharge.is_from_full
        or MARK_OTHER in made.findings
    ):
        return made
    own = [
        level_of_run(track, value, discharge.amps, discharge.temp_c)
        for value in (made.low_s, made.ert_s, made.high_s)
    ]
    years = years_until(track, discharge.now)
    more = BASE_SD**2 + load_var(track, discharge.amps)
    middle, sd = reading_of(*(exp(value) for value in (own[1], own[0], own[2])))
    reading = WeighedDischarge(middle, sd, more + marks_sd(made.findings) ** 2, False, FULL, None)
    reported = track._replace(
        bank=hypotheses.after(track.bank, reading, years, track.age + years),
        counts=track.counts._replace(tests=track.counts.tests + 1),
        is_measured=False,
    )
    change = change_of(reported)
    low, centre, high = interval(reported.bank, change, more)
    before = parts_of([ahead(h, years) for h in track.bank], more)
    was = [quantile(before, share) for share in ENDS]
    fresh = sum(h.weight for h in reported.bank if h.since == 0 and (is_lost(h) or is_risen(h)))
    outside = not was[0] <= own[1] <= was[2] and not own[0] <= was[1] <= own[2]
    is_other = outside or fresh >= SUSPECT
    if is_other or change.chance >= NOTABLE:
        low, high = min(low, own[0]), max(high, own[2])
        if is_other:
            low, high = min(low, was[0]), max(high, was[2])
            centre = own[1]
    part = LEAST_PART_MEASURED if track.counts.measured else LEAST_PART
    low = min(low, min(centre, own[1]) - part * (own[1] - own[0]))
    high = max(high, max(centre, own[1]) + part * (own[2] - own[1]))
    ends = [
        max(discharge.seen_s, run_at_level(track, value, discharge.amps, discharge.temp_c))
        for value in (centre, low, high)
    ]
    found = made._replace(
        ert_s=ends[0], low_s=ends[1], high_s=ends[2],
        method=f"{made.method} and history",
        own_s=made.ert_s, own_low_s=made.low_s, own_high_s=made.high_s,
    )  # fmt: skip
    if not is_other:
        return found
    return found._replace(
        warnings=(*made.warnings, _differs(own[1], was[1])),
        findings=(*made.findings, DIFFERS),
    )


def _differs(own: float, was: float) -> str:
    pct = 100.0 * (exp(own - was) - 1.0)
    word = "less" if pct < 0.0 else "more"
    return (
        f"This discharge says {abs(pct):.0f} % {word} than the earlier ones;"
        " both are held until another one decides."
    )
