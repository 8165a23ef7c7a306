"""Flood: the same pair at most six times an hour, then one sentence until 10 min of quiet."""

from __future__ import annotations

from btrmd.core.machines.flood import NO_FLOOD, Flood, chattering


def test_the_seventh_time_within_an_hour_is_held() -> None:
    flood = NO_FLOOD
    for now in (0.0, 60.0, 120.0, 180.0, 240.0, 300.0):
        flood = flood.come(now)
        assert not flood.held, now
    flood = flood.come(360.0)
    assert flood.held
    assert flood.times == (0.0, 60.0, 120.0, 180.0, 240.0, 300.0, 360.0)


def test_what_is_older_than_an_hour_does_not_count() -> None:
    flood = Flood((0.0, 1000.0, 2000.0))
    assert flood.come(3599.9).times == (0.0, 1000.0, 2000.0, 3599.9)
    assert flood.come(3600.0).times == (1000.0, 2000.0, 3600.0)


def test_one_that_is_not_held_may_go_at_once() -> None:
    flood = Flood((1.0, 2.0))
    assert flood.step(True, 3.0) == (flood, True)
    assert flood.let_go() is flood


def test_one_that_is_held_goes_after_10_min_of_quiet_and_counts_what_it_hides() -> None:
    flood = Flood((1.0, 2.0), held=True)
    assert flood.step(True, 100.0) == (flood, False)
    flood, may_go = flood.step(False, 100.0)
    assert (flood.quiet_since, flood.hidden, may_go) == (100.0, 0, False)
    same, may_go = flood.step(False, 699.9)
    assert (same, may_go) == (flood, False)
    assert flood.step(False, 700.0) == (flood, True)
    flood, may_go = flood.step(True, 650.0)
    assert (flood.quiet_since, flood.hidden, may_go) == (None, 1, False)
    flood, may_go = flood.step(True, 651.0)
    assert (flood.hidden, may_go) == (1, False)
    flood, _ = flood.step(False, 660.0)
    flood, _ = flood.step(True, 670.0)
    assert flood.hidden == 2
    assert flood.let_go() == Flood((1.0, 2.0))


def test_the_sentence_says_how_often_and_for_how_long() -> None:
    assert chattering(Flood((1.0, 2.0, 3.0))) == (
        "It is chattering: 3 times within an hour; it is told again when it has been steady for "
        "10 min."
    )
