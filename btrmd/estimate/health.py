"""Health: what the discharges so far say together about the battery's charge (BATTERY, history).

All in ln of the charge to the cutoff over a new battery's at the same load and temperature, so that
tests on different days compare. Pure: the owner hands in the records and the time.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from math import exp, log, sqrt
from typing import NamedTuple

from ..model.discharge import CurveRow, Estimate, TestRecord
from .rated import new_charge_ah, temperature_factor

YEAR_S = 365.25 * 86400.0
Z90 = 1.645  # half of a 90 % interval in sd
LEAST_SD = 0.02  # even a full discharge does not repeat better
MODEL_SD = 0.06  # an estimate's error that another estimate of the same battery would share
DRIFT_YEAR = -0.03  # ln a year a battery loses at first, if nothing else is known ...
DRIFT_SD_YEAR = 0.04  # ... and how much it may differ
STEP_SD = 3.0  # a change by more of its sd is no ageing: another battery, or a failed cell

MARK_CUTOFF = "reached_cutoff"


class Past(NamedTuple):
    """One earlier discharge: `at` wall time s, `value` ln health, its `sd`; `is_measured`: down to
    the cutoff."""

    at: float
    value: float
    sd: float
    is_measured: bool


class Health(NamedTuple):
    """After all discharges: `value` ln health at wall time `at`, `sd`; `is_measured`: one of them
    went to the cutoff; `since`: which Past this battery begins with; `stepped`: the last one lies
    a step away from those before it."""

    at: float
    value: float
    sd: float
    is_measured: bool
    since: int
    stepped: bool

    @property
    def soh_pct(self) -> float:
        """State of health, % of a new battery's charge."""
        return min(150.0, 100.0 * exp(self.value))

    @property
    def interval_pct(self) -> tuple[float, float]:
        """Ends of its 90 % interval, %."""
        low, high = (100.0 * exp(self.value + side * Z90 * self.sd) for side in (-1.0, 1.0))
        return low, min(150.0, high)


def usual_s(rated_ah: float, amps: float, temp_c: float | None) -> float:
    """Run time s of a new battery at `amps` (> 0) and `temp_c`."""
    return new_charge_ah(rated_ah, amps) * temperature_factor(temp_c) / amps * 3600.0


def past_of(record: TestRecord, rated_ah: float, site: float = 0.0) -> Past | None:
    """The record as history sees it; None when it tells no run time.

    `site` ln factor by which full discharges here outlast their estimates.
    """
    ert, amps = record.estimate_s, record.average_current
    if ert is None or ert <= 0.0 or amps is None or amps <= 0.0 or record.result == "aborted":
        return None
    low, high = record.estimate_low_s or ert, record.estimate_high_s or ert
    is_measured = high <= low
    sd = LEAST_SD if is_measured else max(LEAST_SD, log(high / max(low, 1.0)) / (2.0 * Z90))
    value = log(ert / usual_s(rated_ah, amps, record.average_temperature))
    return Past(
        record.ended_at or record.started_at,
        value if is_measured else value + site,
        sd,
        is_measured,
    )


def health_of(pasts: Sequence[Past]) -> Health | None:
    """The filtered health after `pasts` (oldest first); None without any."""
    found: Health | None = None
    for number, past in enumerate(pasts):
        if found is None:
            found = Health(past.at, past.value, past.sd, past.is_measured, number, False)
            continue
        years = max(0.0, past.at - found.at) / YEAR_S
        value = found.value + DRIFT_YEAR * years
        var = found.sd**2 + DRIFT_SD_YEAR**2 * years
        apart = abs(past.value - value) / sqrt(var + past.sd**2)
        if apart > STEP_SD:
            found = Health(past.at, past.value, past.sd, past.is_measured, number, True)
            continue
        gain = var / (var + past.sd**2)
        is_measured = found.is_measured or past.is_measured
        least = LEAST_SD if is_measured else MODEL_SD
        sd = max(least, sqrt(var * (1.0 - gain)))
        value += gain * (past.value - value)
        found = Health(past.at, value, sd, is_measured, found.since, False)
    return found


def site_factor(ratios: Sequence[float]) -> float:
    """ln factor for estimates here, from ln(measured / estimated) of full discharges; the mean
    times n / (n + 1), since few discharges say little."""
    return max(-0.3, min(sum(ratios) / (len(ratios) + 1), 0.3)) if ratios else 0.0


def combine(
    made: Estimate,
    seen_s: float,
    amps: float,
    temp_c: float | None,
    rated_ah: float,
    health: Health | None,
    site: float,
    now: float,
) -> Estimate:
    """The estimate of the running test with what earlier discharges say; measured stays measured.

    `seen_s` so long it has run, `amps` its mean, `now` wall time s.
    """
    if made.low_s >= made.high_s or amps <= 0.0:
        return made
    low, centre, high = (log(value) + site for value in (made.low_s, made.ert_s, made.high_s))
    warnings = made.warnings
    method = made.method
    if health is not None:
        years = max(0.0, now - health.at) / YEAR_S
        before = health.value + DRIFT_YEAR * years + log(usual_s(rated_ah, amps, temp_c))
        before_sd = sqrt(health.sd**2 + DRIFT_SD_YEAR**2 * years + LEAST_SD**2)
        sd = (high - low) / (2.0 * Z90)
        if abs(before - centre) > STEP_SD * sqrt(sd**2 + before_sd**2):
            warnings = (*warnings, "The battery differs from the last tests; they are left out.")
        else:
            weight = sd**2 / (sd**2 + before_sd**2)
            narrow = sqrt(1.0 - weight)
            below, above = (centre - low) * narrow, (high - centre) * narrow
            centre += weight * (before - centre)
            low, high = centre - below, centre + above
            method = f"{method} and history"
    ends = [max(exp(value), seen_s) for value in (centre, low, high)]
    return Estimate(ends[0], ends[1], ends[2], method, warnings, made.is_knee)


def step_resistance(rows: Sequence[CurveRow]) -> float | None:
    """Ohm of the whole bank from the moment it took the load; None where that was not seen.

    The largest rise of the discharge current between two rows of the first 10 s. It screens for a
    broken connection or a dry cell; it does not measure capacity.
    """
    best: tuple[float, float] | None = None
    for before, after in itertools.pairwise(rows):
        if after.time_s > 10.0:
            break
        rise = before.battery_a - after.battery_a
        if rise >= 0.2 and (best is None or rise > best[0]):
            best = rise, (before.battery_v - after.battery_v) / rise
    return None if best is None or best[1] <= 0.0 else best[1]
