"""Health: what the discharges so far say together about the battery's charge."""

from __future__ import annotations

from collections.abc import Iterable
from math import exp
from typing import NamedTuple

from .hypotheses import DROPPED, FALLS, RISEN, Bank, Hypothesis
from .mixture import Part, quantile
from .track import Counts, Track

NONE, SUSPECTED, CONFIRMED = "none", "suspected", "confirmed"
RELEVANT = 0.07  # ln: a loss that is worth a word
RELEVANT_RISE = 0.12
SUSPECT = 0.17  # probability of such a change from which it is said ...
CONFIRM = 0.80  # ... from which two discharges have shown it ...
MEASURED = 0.90  # ... or one that went down to the cutoff
NOTABLE = 0.12  # from here the interval holds both: as before, and changed
NEWS = 2  # discharges after the change for which it is news
# ln, how the charge of a new battery differs from what it is judged by: its own maker's table, or
# the mean of many makers' tables, which agree within 4 % at 20 h and within 7 at 5 h.
OWN_TABLE_SD, TABLE_SD = 0.02, 0.035
MOST_PCT = 150.0
# Ends of the told interval. The filter allows for more error than synthetic fleets had: with 5 and
# 95 % these ends hold 96 of 100 truths, with 6.5 and 93.5 % 94 (docs/estimate.md has the tables).
ENDS = (0.065, 0.5, 0.935)


class Change(NamedTuple):
    """`word` none, suspected or confirmed; `chance` (0..1) that the battery has changed by more
    than ageing explains, within the last discharges; `points` ln by which (negative = lost)."""

    word: str
    chance: float
    size: float


class BatteryHealth(NamedTuple):
    """State of health in % of a new battery's charge at the usual load, with its 90 % interval;
    None where no rating was told or nothing counts in full, and where all of the interval is more
    than a battery of the told rating can have (`is_too_much`)."""

    soh_pct: float | None
    low_pct: float | None
    high_pct: float | None
    change: Change
    rests_on: str
    is_too_much: bool = False


def health_of(track: Track) -> BatteryHealth:
    """What the track says now."""
    change = change_of(track)
    if not track.is_rated or track.counts.known == 0:
        return BatteryHealth(None, None, None, change, rests_on(track.counts))
    table_sd = OWN_TABLE_SD if track.rating.has_own_table else TABLE_SD
    low, middle, high = interval(track.bank, change, table_sd**2)
    if 100.0 * exp(low) >= MOST_PCT:
        return BatteryHealth(None, None, None, change, rests_on(track.counts), is_too_much=True)
    pct = [min(MOST_PCT, 100.0 * exp(value)) for value in (middle, low, high)]
    return BatteryHealth(pct[0], pct[1], pct[2], change, rests_on(track.counts))


def change_of(track: Track) -> Change:
    """Whether the battery has changed lately."""
    if track.counts.all < 2:
        return Change(NONE, 0.0, 0.0)
    lost = [h for h in track.bank if is_lost(h)]
    risen = [h for h in track.bank if is_risen(h)]
    group = lost if _weight(lost) >= _weight(risen) else risen
    chance = _weight(group)
    if chance <= 0.0:
        return Change(NONE, 0.0, 0.0)
    size = sum(h.weight * (h.level - h.before) for h in group) / chance
    twice = _weight(h for h in group if h.since >= 1)
    if twice >= CONFIRM or (track.is_measured and chance >= MEASURED):
        word = CONFIRMED
    else:
        word = SUSPECTED if chance >= SUSPECT else NONE
    return Change(word, chance, size)


def is_lost(h: Hypothesis) -> bool:
    """It says that the battery lost something lately."""
    is_loss = h.change in (DROPPED, FALLS) and h.before - h.level >= RELEVANT
    return is_loss and h.since <= NEWS


def is_risen(h: Hypothesis) -> bool:
    """It says that the battery is better than before: restored, or another one."""
    return h.change == RISEN and h.level - h.before >= RELEVANT_RISE and h.since <= NEWS


def interval(bank: Bank, change: Change, more: float = 0.0) -> tuple[float, float, float]:
    """Ends and middle of the level (ln). With a notable chance of a change both ends hold what
    either says by itself, never their mean made narrow, and the middle is the mean: the median
    would stay with what is a little likelier. `more` variance on top."""
    parts = parts_of(bank, more)
    low, middle, high = (quantile(parts, share) for share in ENDS)
    if change.chance >= NOTABLE and change.word != CONFIRMED:
        middle = sum(h.weight * h.level for h in bank) / _weight(bank)
        changed = [h for h in bank if is_lost(h) or is_risen(h)]
        same = [h for h in bank if not (is_lost(h) or is_risen(h))]
        for group in (changed, same):
            if _weight(group) >= 0.02:
                own = parts_of(group, more)
                low = min(low, quantile(own, ENDS[0]))
                high = max(high, quantile(own, ENDS[2]))
    return low, middle, high


def parts_of(bank: Iterable[Hypothesis], more: float = 0.0) -> list[Part]:
    """The levels as a mixture."""
    return [(h.weight, h.level, (h.ll + more) ** 0.5) for h in bank]


def rests_on(counts: Counts) -> str:
    """The evidence in words: "3 tests and 1 outage", and what of it counts for less."""
    kinds = ((counts.tests, "test"), (counts.outages, "outage"))
    parts = [f"{count} {word}{'' if count == 1 else 's'}" for count, word in kinds if count]
    less = (
        (counts.unrested, "not rested"),
        (counts.partial, "from a part of the charge"),
        (counts.unknown, "from an unknown charge"),
    )
    words = ", ".join(f"{count} {word}" for count, word in less if count)
    return (" and ".join(parts) or "no discharge") + (f" ({words})" if words else "")


def _weight(group: Iterable[Hypothesis]) -> float:
    return sum(h.weight for h in group)
