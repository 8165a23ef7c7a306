"""A clock that was never set is told in the status line."""

from __future__ import annotations

from btrmd.daemon.station import clock_faults


def test_a_clock_that_was_never_set_is_a_fault() -> None:
    assert clock_faults(60.0) == [
        "The clock says 1970-01-01, so it is not set: set it, or let NTP do it."
    ]
    assert clock_faults(1_780_000_000.0) == []
