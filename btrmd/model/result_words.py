"""A result in words: how long the battery lasts, what it needs, and what to do about it.

Plain ASCII: the sentences go out as SNMP DisplayStrings too.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from .discharge import TestRecord

# Marks under which no verdict is firm, and the half sentence that says why.
FINDINGS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "not_lead_acid": "the curve does not look like that of a lead-acid battery",
        "shorted_cell": "a cell seems to be shorted",
        "load_changed": "the load changed in the discharge",
        "not_full": "the battery was not full at its start",
        "history_differs": "it differs from the discharges before",
    }
)

MARKS: Final[Mapping[str, str]] = MappingProxyType(
    {
        **FINDINGS,
        "marginal": "too close to the minimum, or too doubtful, to be sure",
        "unconfirmed": "another test has to confirm it",
        "not_rested": "not rested: less than 24 h on float, or discharged within 48 h",
        "reached_cutoff": "it went down to the cutoff",
        "return_failed": "the supply failed when the load went back to it",
        "after_test": "it went on from a test",
        "weak_block": "one block ends the run",
        "clock_not_set": "the clock was not set: when it was is not known",
        "chattering": "the load went to the battery and back again and again",
    }
)

MINUTE_S: Final = 60.0
_CHECK: Final = "Check the connections, test again rested, else replace the battery."
_AGAIN: Final = "Let it rest on float for two days, then test again: this is no verdict yet."
# What to do about a finding; the first that applies is said.
_ACTIONS: Final = (
    ("not_lead_acid", "Check the kind of battery; only a Type 2 test can judge this one."),
    ("shorted_cell", "Measure each block and replace the one that is low."),
    ("load_changed", "Test again while the load is steady."),
    ("history_differs", "Test again rested; if the battery is another one, say so."),
    ("not_full", _AGAIN),
)


def format_hours(seconds: float) -> str:
    """ "20 h 31 min", "3 h 00 min", "45 min"."""
    hours, minutes = divmod(int(max(seconds, 0.0) // 60), 60)
    return f"{hours} h {minutes:02d} min" if hours else f"{minutes} min"


def format_need(seconds: float) -> str:
    """A time somebody has set: "3 h", "3 h 20 min", "45 min"."""
    hours, minutes = divmod(int(max(seconds, 0.0) // 60), 60)
    words = [f"{hours} h"] if hours else []
    return " ".join([*words, f"{minutes} min"] if minutes or not hours else words)


def format_mark(mark: str) -> str:
    """A mark in words; one that nobody knows stays as it is."""
    name, _, number = mark.partition(":")
    words = MARKS.get(name, mark)
    if name == "after_test":
        return f"{words.removesuffix('a test')}test {number}"
    return f"block {number} ends the run" if name == "weak_block" and number else words


def weak_block(record: TestRecord) -> int:
    """The block that a discharge has found to end the run, 0 = none."""
    for mark in record.marks:
        name, _, number = mark.partition(":")
        if name == "weak_block" and number.isdigit():
            return int(number)
    return 0


def is_dated(record: TestRecord) -> bool:
    """Whether its times are dates: false where no clock was set, and they began in 1970."""
    return "clock_not_set" not in record.marks


def format_marks(marks: tuple[str, ...]) -> str:
    """All marks in words, separated by semicolons."""
    return "; ".join(format_mark(mark) for mark in marks)


def is_combined(record: TestRecord) -> bool:
    """Whether earlier discharges have changed what is told, by a minute or more."""
    reported = (record.estimate_s, record.estimate_low_s, record.estimate_high_s)
    own = (record.own_estimate_s, record.own_low_s, record.own_high_s)
    pairs = [(a, b) for a, b in zip(reported, own, strict=True) if a is not None and b is not None]
    return len(pairs) == len(reported) and any(abs(a - b) >= MINUTE_S for a, b in pairs)


def format_lasting(record: TestRecord) -> str:
    """ "Lasts about 2 h 00 min, needs 3 h."; "" where nothing is known."""
    if record.estimate_s is None:
        return ""
    about = "" if record.estimate_low_s == record.estimate_high_s else "about "
    text = f"Lasts {about}{format_hours(record.estimate_s)}"
    minimum = record.minimum_runtime_s
    return (
        f"{text}, needs {format_need(minimum)}." if minimum and record.type != "2" else f"{text}."
    )


def format_action(record: TestRecord) -> str:
    """What a person should do now; "" where there is nothing to do or to tell."""
    if record.result not in ("good", "low"):
        return ""
    block = weak_block(record)
    if block:
        return f"Block {block} ends the run: measure it at its terminals and replace it."
    for mark, action in _ACTIONS:
        # a good result from a battery that was not full is all the better
        if mark in record.marks and (record.result == "low" or "marginal" in record.marks):
            return action
    if "unconfirmed" in record.marks:
        return _AGAIN
    if record.result == "low":
        return _CHECK
    if "marginal" in record.marks:
        return "Too close to tell: a Type 2 test as long as the minimum makes sure."
    return ""


def format_result(record: TestRecord) -> str:
    """The result as a sentence with an action, such as "Lasts about 2 h 00 min, needs 3 h. Check
    the connections, test again rested, else replace the battery."; "" where nothing is known."""
    return " ".join(part for part in (format_lasting(record), format_action(record)) if part)
