"""Presence, step by step: the levels, the 10 s, and what is known before they are over."""

from __future__ import annotations

import pytest
from core_scenes import step_context

from btrmd.core.machines.presence import Presence, Source, step_presence
from btrmd.core.scan.context import StepContext


def fed(now: float, feeds: bool, **channels: object) -> StepContext:
    """A scan in which the supply is seen to feed the load, or not."""
    ctx = step_context(now, **channels)  # type: ignore[arg-type]
    ctx.supply_feeds = feeds
    return ctx


@pytest.mark.parametrize("volts", [12, 48])
@pytest.mark.parametrize(("name", "level"), [("supply", 11.5), ("charger", 12.6)])
def test_a_source_is_present_10_s_after_it_has_reached_its_level(
    name: str, level: float, volts: int
) -> None:
    def look(presence: Presence, now: float, each: float) -> Presence:
        put = {f"{name}_v": each * volts / 12.0, "charger_a": 0.0}
        return step_presence(presence, fed(now, False, volts=volts, **put))

    presence = look(Presence(), 100.0, level)
    source: Source = getattr(presence, name)
    assert (source.above_since, source.below_since, source.there_since) == (100.0, None, 100.0)
    assert source.state is None
    presence = look(presence, 109.9, level)
    assert getattr(presence, name).state is None
    presence = look(presence, 110.0, level)
    assert getattr(presence, name).state is True
    assert getattr(presence, name).above_for(115.0) == 15.0
    assert getattr(presence, name).below_for(115.0) == -1.0
    # below it, it is gone at once, and known to be
    presence = look(presence, 111.0, level - 0.01)
    source = getattr(presence, name)
    assert source.state is False
    assert (source.above_since, source.below_since, source.there_since) == (None, 111.0, None)
    assert (source.above_for(112.0), source.below_for(112.0)) == (-1.0, 1.0)


def test_an_absence_is_known_after_10_s_too() -> None:
    presence = Presence()
    for now, state in ((100.0, None), (109.9, None), (110.0, False), (120.0, False)):
        presence = step_presence(presence, fed(now, False, supply_v=0.0, charger_v=0.0))
        assert presence.supply.state is state, now
        assert presence.supply.below_since == 100.0


def test_a_charger_that_delivers_is_there_below_its_level() -> None:
    presence = Presence()
    for now in (100.0, 110.0):
        ctx = fed(now, False, charger_v=12.0, charger_a=0.06)
        presence = step_presence(presence, ctx)
    assert presence.charger == Source(None, None, 100.0, True, True)
    assert step_presence(presence, fed(111.0, False, charger_v=12.0, charger_a=0.05)).charger == (
        Source(None, 111.0, None, False, True)
    )


def test_a_supply_that_feeds_the_load_is_there_though_its_reading_is_low_or_bad() -> None:
    for volts in (9.0, None):
        presence = Presence()
        for now in (100.0, 110.0):
            presence = step_presence(presence, fed(now, True, supply_v=volts))
        assert presence.supply == Source(None, None, 100.0, True, True), volts


def test_a_reading_that_goes_bad_leaves_nothing_known() -> None:
    there = Presence(Source(90.0, None, 90.0, True, True), Source(90.0, None, 90.0, True, True))
    gone = step_presence(there, fed(100.0, False, supply_v=None, charger_v=None))
    assert gone == Presence()
    assert step_presence(gone, fed(101.0, False, supply_v=None, charger_v=None)) is gone


def test_a_scan_without_news_is_the_same_presence() -> None:
    there = Presence(Source(90.0, None, 90.0, True, True), Source(90.0, None, 90.0, True, True))
    assert step_presence(there, fed(200.0, True)) is there
