"""Lateness: what the metrics say about the ticks of the last ten minutes."""

from __future__ import annotations

import pytest

from btrmd.owner.lateness import KEPT, Lateness


def test_without_a_tick_there_is_nothing_to_tell() -> None:
    assert Lateness().gauges() == {}


def test_the_worst_of_a_thousand_and_the_worst_of_all() -> None:
    lateness = Lateness()
    for _ in range(1000):
        lateness.add(0.001)
    for late in (0.030, 0.040):
        lateness.add(late)
    lateness.add(-0.050)  # early is not late
    gauges = lateness.gauges()
    assert gauges["tick_lateness_p999_seconds"] == pytest.approx(0.030)
    assert gauges["tick_lateness_max_seconds"] == pytest.approx(0.040)


def test_what_is_long_past_is_forgotten() -> None:
    lateness = Lateness()
    lateness.add(9.0)
    for _ in range(KEPT):
        lateness.add(0.001)
    assert lateness.gauges()["tick_lateness_max_seconds"] == pytest.approx(0.001)
