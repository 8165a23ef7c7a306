"""The track of a battery: the hypotheses about it, carried along its discharges one by one."""

from __future__ import annotations

from collections.abc import Iterable
from math import exp, log
from statistics import median
from typing import NamedTuple

from . import hypotheses
from .ageing import YEAR_S
from .evidence import FULL_FROM, Evidence
from .hypotheses import Bank, WeighedDischarge, first_bank
from .rating import Rating, temperature_factor

BASE_SD = 0.015  # ln, what no model of load and temperature explains
LAW_SD = 0.12  # a ln of load: makers' rate laws differ by a third at C/2.5, not at C/10
WARM_SD = 0.002  # a degC off the usual temperature: the coefficient is 0.5 to 0.8 % a degree
NO_TEMP_SD = 0.03  # where the temperature of this one discharge is not known
ANOTHER_LOAD = 0.15  # ln: the usual load is another one from here
LOADS = 15
SEASON = 80  # temperatures kept
LEAST_LEVEL = -3.5  # ln (3 %): dead is dead, however soon it ended
GAP_YEARS = 0.1  # between two discharges whose clocks cannot be compared
LONGEST_GAP = 8.0  # years; more is a clock that jumped


class Counts(NamedTuple):
    """The discharges behind a track: `tests`, `outages`; of these `unrested` from full but without
    a day on float, `partial` from a known part of the charge, `unknown` from nobody knows what;
    `measured` from full down to the cutoff."""

    tests: int = 0
    outages: int = 0
    unrested: int = 0
    partial: int = 0
    unknown: int = 0
    measured: int = 0

    @property
    def all(self) -> int:
        """Every discharge."""
        return self.tests + self.outages

    @property
    def known(self) -> int:
        """Those that tell of the health from both sides."""
        return self.all - self.unknown

    def with_one(self, evidence: Evidence) -> Counts:
        """One more."""
        is_full = evidence.charge is not None and evidence.charge >= FULL_FROM
        return Counts(
            self.tests + (not evidence.is_outage),
            self.outages + evidence.is_outage,
            self.unrested + (is_full and not evidence.is_rested),
            self.partial + (evidence.is_known and not is_full),
            self.unknown + (not evidence.is_known),
            self.measured + (evidence.is_from_full and evidence.is_measured),
        )


class Track(NamedTuple):
    """What the discharges of one battery say. `rating` told or (`is_rated` False) taken from the
    first discharge. `n` of the last one; `at` (wall s, None = not known) of the last one that is
    dated, `since` years guessed from there on to the last one; `age` years since the first;
    `is_measured`: the last one went from full to the cutoff. `loads` A, `amps` the usual one;
    `temps` (wall s, 0 = not known; degC)."""

    rating: Rating
    is_rated: bool
    bank: Bank
    n: int = 0
    at: float | None = None
    age: float = 0.0
    counts: Counts = Counts()
    is_measured: bool = False
    amps: float = 0.0
    loads: tuple[float, ...] = ()
    temps: tuple[tuple[float, float], ...] = ()
    since: float = 0.0


def follow(evidence: Iterable[Evidence], rating: Rating | None) -> Track | None:
    """The track along `evidence` (by rising number); None without any."""
    track: Track | None = None
    for one in evidence:
        track = after(track, one, rating)
    return track


def after(track: Track | None, evidence: Evidence, rating: Rating | None = None) -> Track:
    """The track after one more discharge; `rating` is for the first one only."""
    if track is None:
        equal = Rating(equal_rating(evidence)) if rating is None else rating
        track = Track(equal, rating is not None, first_bank(), amps=evidence.amps)
        years = 0.0
    else:
        years = years_until(track, evidence.at)
    is_guess = evidence.at is None and track.at is not None
    track = _usual_load(track, evidence.amps)
    age = track.age + years
    temps = track.temps
    if evidence.temp_c is not None:
        # without a date it still tells how cold it gets
        temps = (*temps, (evidence.at or 0.0, evidence.temp_c))[-SEASON:]
    return track._replace(
        bank=hypotheses.after(track.bank, reading(track, evidence), years, age),
        n=evidence.n,
        at=track.at if is_guess else evidence.at,
        since=track.since + years if is_guess else 0.0,
        age=age,
        counts=track.counts.with_one(evidence),
        is_measured=evidence.is_from_full and evidence.is_measured,
        temps=temps,
    )


def reading(track: Track, evidence: Evidence) -> WeighedDischarge:
    """What the filter sees of one discharge, beside the site's usual load and temperature."""
    more = BASE_SD**2 + evidence.more**2 + load_var(track, evidence.amps)
    if track.temps:
        usual = sum(temp for _, temp in track.temps) / len(track.temps)
        if evidence.temp_c is None:
            more += NO_TEMP_SD**2
        else:
            more += (WARM_SD * (evidence.temp_c - usual)) ** 2
    return WeighedDischarge(
        max(LEAST_LEVEL, evidence.value(track.rating)), evidence.sd, more, evidence.is_measured,
        evidence.starts(track.rating), evidence.rehearsal,
    )  # fmt: skip


def load_var(track: Track, amps: float) -> float:
    """Variance (ln) that the law of load adds at `amps`, beside the usual load."""
    return (LAW_SD * log(amps / track.amps)) ** 2 if track.amps > 0.0 else 0.0


def years_between(before: float | None, at: float | None) -> float:
    """Years from one discharge to the next; a guess where the clocks cannot be compared."""
    if before is None or at is None:
        return GAP_YEARS
    years = (at - before) / YEAR_S
    return years if 0.0 <= years <= LONGEST_GAP else GAP_YEARS


def years_until(track: Track, at: float | None) -> float:
    """Years from the last discharge to the wall time `at`; None = not known."""
    if at is None:
        return GAP_YEARS
    years = years_between(track.at, at)
    return max(0.0, years - track.since) if track.since else years


def equal_rating(evidence: Evidence) -> float:
    """The rating Ah of the battery that would be new with this charge at this load."""
    charge = evidence.charge_ah / temperature_factor(evidence.temp_c)
    low, high = 0.3 * charge, 30.0 * charge
    for _ in range(40):
        middle = (low * high) ** 0.5
        if Rating(middle).charge_ah(evidence.amps, None) < charge:
            low = middle
        else:
            high = middle
    return (low * high) ** 0.5


def _usual_load(track: Track, amps: float) -> Track:
    """The usual load is the median of the last ones; another one makes the level less certain."""
    loads = (*track.loads, amps)[-LOADS:]
    usual = median(loads)
    if abs(log(usual / track.amps)) <= ANOTHER_LOAD:
        return track._replace(loads=loads)
    more = load_var(track, usual)
    bank = tuple(h._replace(ll=h.ll + more) for h in track.bank)
    return track._replace(loads=loads, amps=usual, bank=bank)


def level_of_run(track: Track, run_s: float, amps: float, temp_c: float | None) -> float:
    """ln level at which the battery just runs for `run_s` at `amps` and `temp_c`."""
    return log(max(run_s, 1e-3) / track.rating.run_s(amps, temp_c))


def run_at_level(track: Track, level: float, amps: float, temp_c: float | None) -> float:
    """Run time s of the battery at `level` (ln), `amps` and `temp_c`."""
    return exp(level) * track.rating.run_s(amps, temp_c)
