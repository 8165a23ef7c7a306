"""Chatter: what guard and K1 do again and again is told six times, then with a count."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

import pytest
from core_scenes import rested, step_context

from btrmd.core.machines.chatter import step_chatter
from btrmd.core.machines.flood import Flood
from btrmd.core.scan.actions import Persist, Tell
from btrmd.core.scan.context import StepContext
from btrmd.model.events import Kind


def told(
    floods: Mapping[str, Flood], now: float, key: str = "relay.k1", kind: Kind = Kind.CHANGE,
    *, notify: bool = False,
) -> tuple[Mapping[str, Flood], list[str]]:  # fmt: skip
    ctx: StepContext = step_context(now)
    ctx.do(Persist())
    ctx.tell(key, kind, "It moves.", notify=notify)
    made = step_chatter(floods, ctx)
    assert isinstance(ctx.actions[0], Persist), "nothing else is struck"
    return made, [action.event.text for action in ctx.actions if isinstance(action, Tell)]


def test_the_seventh_time_within_an_hour_is_told_with_a_count_and_no_more_until_it_is_steady() -> (
    None
):
    floods: Mapping[str, Flood] = {}
    for n in range(6):
        floods, texts = told(floods, 100.0 * n)
        assert texts == ["It moves."]
    floods, texts = told(floods, 600.0)
    assert texts == [
        "It moves. It is chattering: 7 times within an hour; it is told again when it has been "
        "steady for 10 min."
    ]
    for now in (601.0, 1200.0, 1799.9):
        floods, texts = told(floods, now)
        assert texts == []
    floods, texts = told(floods, 2399.9)
    assert len(texts) == 1
    assert "11 times within an hour" in texts[0]
    # an hour later all is as it was
    _, texts = told(floods, 6000.0)
    assert texts == ["It moves."]


def test_each_key_has_its_own_count_and_what_has_a_rule_of_its_own_none() -> None:
    floods: Mapping[str, Flood] = {}
    for n in range(7):
        floods, _ = told(floods, float(n))
    assert told(floods, 8.0)[1] == []
    assert told(floods, 8.0, "guard.active")[1] == ["It moves."]
    for n in range(9):  # alarms count for themselves, and what people are told of is never struck
        assert told(floods, 8.0 + n, kind=Kind.RAISE)[1] == ["It moves."]
        assert told(floods, 8.0 + n, notify=True)[1] == ["It moves."]
        assert told(floods, 8.0 + n, "ups.on_battery")[1] == ["It moves."]


def test_a_step_without_events_keeps_its_count() -> None:
    floods = {"relay.k1": Flood((1.0,))}
    assert step_chatter(floods, step_context(2.0)) is floods


@pytest.mark.parametrize(("on_s", "off_s"), [(20, 20), (25, 15), (40, 20), (60, 20), (90, 30)])
@pytest.mark.parametrize("volts", [12, 48])
def test_a_supply_that_comes_and_goes_is_told_in_few_words(
    volts: int, on_s: int, off_s: int
) -> None:
    """67 to 108 lines an hour before; now six pairs of each alarm, seven of guard and K1 each."""
    station = rested(volts, rated_ah=40.0)
    before, began, dropped = len(station.events), station.now, station.plant.dropped_s
    while station.now < began + 3600.0:
        there = (station.now - began) % (on_s + off_s) < on_s
        if there is not station.plant.supply.on:
            station.plant.supply.on = there
            station.plant.touch()
        station.tick()
    keys = Counter(event.key for event in station.events[before:])
    assert keys["guard.active"] <= 7
    assert keys["relay.k1"] <= 7
    assert keys.total() <= 41
    assert station.plant.dropped_s == dropped
