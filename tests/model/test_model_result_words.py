"""A result in words: how long, what it needs, what to do."""

from __future__ import annotations

import pytest

from btrmd.model.discharge import TestRecord
from btrmd.model.result_words import (
    FINDINGS,
    MARKS,
    format_action,
    format_lasting,
    format_mark,
    format_marks,
    format_need,
    format_result,
)

HOUR = 3600.0
LOW = TestRecord(
    1, "1", "finished", "low", "It is.", estimate_s=2 * HOUR, estimate_low_s=1.8 * HOUR,
    estimate_high_s=2.3 * HOUR, minimum_runtime_s=3 * HOUR,
)  # fmt: skip


def test_the_sentence_of_a_low_one() -> None:
    assert format_result(LOW) == (
        "Lasts about 2 h 00 min, needs 3 h. "
        "Check the connections, test again rested, else replace the battery."
    )


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(3 * HOUR, "3 h"), (12060.0, "3 h 21 min"), (2700.0, "45 min"), (0.0, "0 min")],
)
def test_a_time_that_was_set(seconds: float, text: str) -> None:
    assert format_need(seconds) == text


def test_a_measured_time_is_not_about() -> None:
    record = LOW._replace(estimate_low_s=2 * HOUR, estimate_high_s=2 * HOUR)
    assert format_lasting(record) == "Lasts 2 h 00 min, needs 3 h."
    assert format_lasting(record._replace(minimum_runtime_s=0.0)) == "Lasts 2 h 00 min."
    assert format_lasting(LOW._replace(type="2")) == "Lasts about 2 h 00 min."
    assert format_result(LOW._replace(estimate_s=None, result="aborted")) == ""


@pytest.mark.parametrize(
    ("result", "marks", "words"),
    [
        ("good", (), ""),
        ("good", ("marginal",), "a Type 2 test as long as the minimum"),
        ("good", ("not_full",), ""),
        ("good", ("marginal", "load_changed"), "while the load is steady"),
        ("low", ("marginal", "load_changed"), "while the load is steady"),
        ("low", ("marginal", "not_full", "unconfirmed"), "rest on float for two days"),
        ("low", ("marginal", "not_rested", "unconfirmed"), "rest on float for two days"),
        ("low", ("marginal", "not_rested"), "Check the connections"),
        ("low", ("marginal", "shorted_cell"), "Measure each block"),
        ("low", ("marginal", "not_lead_acid"), "Check the kind of battery"),
        ("good", ("history_differs", "marginal"), "if the battery is another one"),
        ("aborted", ("not_rested",), ""),
        ("none", (), ""),
    ],
)
def test_what_to_do_follows_from_result_and_marks(
    result: str, marks: tuple[str, ...], words: str
) -> None:
    said = format_action(LOW._replace(result=result, marks=marks))
    assert words in said
    assert bool(said) is bool(words)


def test_every_mark_has_words_and_all_of_it_is_ascii() -> None:
    for mark in MARKS:
        assert format_mark(mark) != mark
        assert format_mark(mark).isascii()
    assert format_mark("after_test:12") == "it went on from test 12"
    assert format_mark("new_one") == "new_one"
    assert format_marks(("not_full", "not_rested")).count(";") == 1
    assert set(FINDINGS) <= set(MARKS)
    for finding in FINDINGS:
        record = LOW._replace(marks=("marginal", finding))
        assert format_result(record).isascii()
        assert len(format_result(record)) < 200
