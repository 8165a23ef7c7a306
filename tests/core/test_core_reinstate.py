"""A reading that was not believed is believed again: by whom, and when nobody can vouch for it."""

from __future__ import annotations

import pytest
from core_scenes import bad_readings, lie, rested, sentences, step_context, supply

from btrmd.core.machines.odd_one import judge
from btrmd.core.machines.plausible_state import Odd, Plausible
from btrmd.core.machines.recharge import Recharge
from btrmd.core.scan.relations import LOAD, NOTHING, SUPPLY, Relation, Tie
from btrmd.hal.sim.keys import set_keys


@pytest.mark.parametrize("text", ["drift:-20", "-1.5"])
def test_a_reading_that_was_mended_while_nothing_flowed_has_its_say_again(text: str) -> None:
    """Nobody could vouch for it: the LVD opened on the load's reading alone, which lied."""
    station = rested(load_a=4.0, rated_ah=3.0, lvd__enabled=True)
    lie(station, "battery.voltage", "+1.5")
    station.run(30.0)
    set_keys(station.plant, {"charger.on": "0"})
    station.run(60.0)
    assert bad_readings(station) == ["reading.battery.voltage"]
    lie(station, "battery.voltage", "off")
    station.run(2.0)
    assert bad_readings(station) == []
    lie(station, "load.voltage", text)
    station.run(90.0)
    supply(station, False)
    assert station.until(lambda s: s.state.lvd.is_open, 9000.0)
    assert "LVD opened: the battery is at 10.4" in " ".join(sentences(station))


def test_a_supply_that_has_died_is_not_named_for_what_it_contradicted_before() -> None:
    """The battery vouched for the load in the outage; the supply read 0 V by right, was named for
    it, and K1 let go of the load."""
    doubt = Odd("they contradict each other", doubted=True)
    first = (0.0,) * (len(Tie) - 1)

    def after(supply_v: float, found: Relation | None = None) -> Plausible:
        memory = Plausible(
            volts=(24.9, 24.4, 0.0, supply_v), broken_s=(5.9, *first), broken_since=(627.0, *first),
            broken_at=(690.0, *first), witness_at=(715.0, 715.0, 600.0, 600.0),
            odd=(None, doubt, None, doubt),
            found=NOTHING if found is None else (found, *NOTHING[1:]),
        )  # fmt: skip
        ctx = step_context(716.0, volts=24)
        return judge(memory, ctx.inputs, ctx.sp, 716.0, False, Recharge(), False)

    died = after(0.02)
    assert died.odd == (None,) * 4
    assert died.broken_s == (0.0,) * len(Tie)
    assert after(15.9).odd == died.odd
    for memory in (after(16.1), after(0.02, Relation(-24.4, True))):
        assert memory.odd[LOAD] is None
        named = memory.odd[SUPPLY]
        assert named is not None
        assert not named.doubted, "it has volts, or feeds the load all the same"
