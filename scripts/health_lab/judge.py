"""Judges what was told of synthetic histories: coverage, drops found, false findings, dates."""

from __future__ import annotations

import random
import statistics
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from .fleets import History
from .follow import Reported

QUIET = 0.08  # soh lost over the last two tests: less is no change worth a word
MARGIN = 1.08  # a minimum so far from the truth should not be told as firmly met, or missed
WITHIN = 2  # tests in which a drop is to be found


class Case(NamedTuple):
    """One history and what was told of it."""

    history: History
    reported: Sequence[Reported]


def share(hits: Iterable[bool]) -> tuple[int, float]:
    """How many there are, % of them that are true (nan for none)."""
    found = list(hits)
    return len(found), 100.0 * sum(found) / len(found) if found else float("nan")


def inside(case: Case) -> list[bool]:
    """For each row with a health: whether the truth lies in the told interval."""
    return [
        reported.low <= reported.row.soh <= reported.high
        for reported in case.reported
        if reported.low is not None and reported.high is not None
    ]


def widths(case: Case) -> list[float]:
    return [
        reported.high - reported.low
        for reported in case.reported
        if reported.low is not None and reported.high is not None
    ]


def is_found(case: Case) -> bool | None:
    """Whether the drop was suspected or confirmed within two tests; None without one."""
    at = case.history.drop_at
    if at is None or at + WITHIN > len(case.reported):
        return None
    return any(reported.change != "none" for reported in case.reported[at : at + WITHIN])


def false_findings(case: Case) -> list[bool]:
    """For each row in whose last two tests nothing was lost beside ageing: whether it cried."""
    rows, drop_at = case.history.rows, case.history.drop_at
    found = []
    for k, reported in enumerate(case.reported):
        if drop_at is not None and k >= drop_at:
            break
        if rows[max(0, k - 2)].soh - rows[k].soh < QUIET:
            found.append(reported.change != "none")
    return found


def running(case: Case) -> Sequence[Reported]:
    """The rows whose combined estimate is judged: after a drop the first two, else all."""
    at = case.history.drop_at
    if at is None:
        return case.reported if not case.history.drop else ()
    return case.reported[at : at + WITHIN]


def figures(ends: Sequence[Sequence[float]], truths: Sequence[float]) -> str:
    """Inside %, width %, firmly wrong % for a minimum just above and just below the truth."""
    held = wrong = 0
    for (_, low, high), true in zip(ends, truths, strict=True):
        held += low <= true <= high
        wrong += low > MARGIN * true or high < true / MARGIN
    wide = statistics.fmean(100.0 * (high - low) / middle for middle, low, high in ends)
    return f"{100.0 * held / len(ends):.1f} {wide:.0f} {100.0 * wrong / len(ends):.1f}"


class Date(NamedTuple):
    """A date that was told: `early` years before the failure (negative = late), None = no date."""

    early: float | None

    @property
    def is_before(self) -> bool:
        return self.early is not None and self.early >= 0.0


Choice = Callable[[Case], list[Reported]]


def _before(case: Case) -> list[Reported]:
    """What was told before the failure, from the second row on."""
    fails = case.history.fails
    if fails is None:
        return []
    return [reported for reported in case.reported[1:] if reported.row.years < fails]


def last(case: Case) -> list[Reported]:
    """At the last discharge before the failure."""
    return _before(case)[-1:]


def year(case: Case) -> list[Reported]:
    """At every discharge of the last year before the failure."""
    fails = case.history.fails or 0.0
    return [reported for reported in _before(case) if reported.row.years > fails - 1.0]


def cut(case: Case) -> list[Reported]:
    """The history cut at random 3 to 24 months before the failure."""
    fails = case.history.fails or 0.0
    some = [
        reported for reported in _before(case) if fails - 2.0 < reported.row.years < fails - 0.25
    ]
    return [random.Random(len(case.reported)).choice(some)] if some else []


def anywhere(case: Case) -> list[Reported]:
    """The history cut at random anywhere before the failure."""
    some = _before(case)
    return [random.Random(len(case.reported)).choice(some)] if some else []


def due(case: Case) -> list[Reported]:
    """The first time that the date comes before the next discharge: somebody acts."""
    every = case.history.extra["every"]
    for reported in _before(case):
        if reported.by is not None and reported.by - reported.row.years < every:
            return [reported]
    return _before(case)[-1:]


WAYS: dict[str, Choice] = {
    "last": last, "year": year, "cut": cut, "any": anywhere, "due": due,
}  # fmt: skip


def dates(case: Case, way: Choice) -> list[Date]:
    fails = case.history.fails or 0.0
    return [Date(None if reported.by is None else fails - reported.by) for reported in way(case)]


def median_months(found: Iterable[Date]) -> float:
    known = sorted(date.early for date in found if date.early is not None)
    return 12.0 * known[len(known) // 2] if known else float("nan")
