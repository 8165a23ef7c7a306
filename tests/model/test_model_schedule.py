"""The test window: days, hours over midnight, and dates on which nothing starts."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from btrmd.model.schedule import MAX_DATES, Window, read_dates, read_days
from btrmd.model.settings import SettingError, Settings


def at(text: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()


@pytest.mark.parametrize(
    ("days", "hours", "closed", "when", "is_open"),
    [
        ("", (0, 24), "", "2026-06-01T03:00", True),
        ("", (8, 17), "", "2026-06-01T07:59", False),
        ("", (8, 17), "", "2026-06-01T08:00", True),
        ("", (8, 17), "", "2026-06-01T16:59", True),
        ("", (8, 17), "", "2026-06-01T17:00", False),
        ("mon", (0, 24), "", "2026-06-01T12:00", True),
        ("TUE, sun", (0, 24), "", "2026-06-01T12:00", False),
        # Over midnight: the day is that of the evening.
        ("mon", (22, 4), "", "2026-06-02T03:59", True),
        ("mon", (22, 4), "", "2026-06-01T03:59", False),
        ("mon", (22, 4), "", "2026-06-02T04:00", False),
        ("mon", (22, 4), "", "2026-06-02T22:00", False),
        ("", (9, 9), "", "2026-06-01T09:00", True),
        ("", (9, 0), "", "2026-06-01T23:59", True),
        ("", (9, 0), "", "2026-06-02T00:00", False),
        ("", (0, 24), "2026-12-24..2027-01-06", "2026-12-23T23:59", True),
        ("", (0, 24), "2026-12-24..2027-01-06", "2026-12-24T00:00", False),
        ("", (0, 24), "2026-12-24..2027-01-06 2027-02-01", "2027-01-07T00:00", True),
        ("", (0, 24), "2026-12-24..2027-01-06;2027-02-01", "2027-02-01T13:00", False),
        ("", (22, 4), "2026-12-24", "2026-12-25T03:00", False),
    ],
)
def test_a_moment_lies_in_the_window_or_not(
    days: str, hours: tuple[int, int], closed: str, when: str, is_open: bool
) -> None:
    window = Window(read_days(days), *hours, read_dates(closed))
    assert window.is_open(at(when)) is is_open


@given(
    st.integers(0, 23),
    st.integers(0, 24),
    st.sets(st.integers(0, 6), min_size=1),
    st.integers(0, 4_000_000),
)
def test_every_window_opens_within_eight_days(
    from_h: int, to_h: int, days: set[int], minute: int
) -> None:
    window = Window(frozenset(days), from_h, to_h)
    start = 1_780_000_000.0 + 60.0 * minute
    assert any(window.is_open(start + 1800.0 * i) for i in range(8 * 48))


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("test.window_days", "mon, tux"),
        ("test.window_days", "monday"),
        ("test.window_from_h", 24),
        ("test.window_to_h", 25),
        ("test.blackout", "2026-02-30"),
        ("test.blackout", "24.12.2026"),
        ("test.blackout", "2026-12-24..2026-12-23"),
        ("test.blackout", " ".join(["2026-12-24"] * (MAX_DATES + 1))),
    ],
)
def test_what_is_no_window_is_refused(key: str, value: object) -> None:
    with pytest.raises(SettingError):
        Settings.defaults().with_changes({key: value})
