"""A reading that was not believed is believed again: by whom, and when nobody can vouch for it."""

from __future__ import annotations

import pytest
from core_scenes import bad_readings, blamed, lie, rested, sentences, step_context, supply

from btrmd.core.machines.odd_one import count, judge, put
from btrmd.core.machines.plausible_state import Odd, Plausible
from btrmd.core.machines.recharge import Recharge
from btrmd.core.machines.reinstate import reinstate
from btrmd.core.scan.relations import LOAD, NOTHING, SUPPLY, Relation, Tie
from btrmd.hal.sim.keys import set_keys
from btrmd.model.board import Outputs

DOUBT = Odd("they contradict each other", doubted=True)


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
    first = (0.0,) * (len(Tie) - 1)

    def after(supply_v: float, found: Relation | None = None) -> Plausible:
        memory = Plausible(
            volts=(24.9, 24.4, 0.0, supply_v), broken_s=(5.9, *first), broken_since=(627.0, *first),
            broken_at=(690.0, *first), witness_at=(715.0, 715.0, 600.0, 600.0),
            odd=(None, DOUBT, None, DOUBT),
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


def test_others_vouch_for_both_ends_of_a_contradiction_or_the_charger_is_off() -> None:
    """A charger that is there, and that nobody vouches for, goes on contradicting the battery."""
    place = Tie.CHARGER_SILENT.value
    counted = put((0.0,) * len(Tie), place, 4.0)
    since = put((0.0,) * len(Tie), place, 990.0)
    memory = Plausible(
        broken_s=counted,
        broken_since=since,
        witness_at=(995.0, 0.0, 0.0, 0.0),
        odd=(DOUBT, None, DOUBT, None),
    )
    for charger_is_off, left in ((False, 4.0), (True, 3.5)):
        made = count(memory, NOTHING, 1000.0, 1.0, charger_is_off)
        assert made.broken_s[place] == left, charger_is_off


def test_two_that_were_named_vouch_for_each_other_at_volts_that_feed_something_only() -> None:
    ctx = step_context(1000.0)
    for volts, well_s in ((5.0, 0.0), (12.6, 1.0 / 6.0)):
        memory = Plausible(
            volts=(12.9, volts, 13.0, volts), odd=(None, Odd("why"), None, Odd("why")),
            found=(Relation(0.0, False, True), *NOTHING[1:]),
        )  # fmt: skip
        made = reinstate(memory, memory, ctx.inputs, Outputs(), ctx.sp, 1.0)
        for place in (LOAD, SUPPLY):
            one = made.odd[place]
            assert one is not None
            assert one.well_s == pytest.approx(well_s), volts


@pytest.mark.parametrize("volts", [12, 48])
def test_a_doubted_reading_that_comes_and_goes_behind_an_open_lvd_is_no_flood(volts: int) -> None:
    """Below 0 V its chip has none; the battery's was doubted and cleared ten times a second."""
    station = rested(volts, load_a=4.0, rated_ah=7.0, lvd__enabled=True)
    supply(station, False)
    lie(station, "load.voltage", f"{-2.0 * station.plant.blocks:g}")
    station.run(60.0)
    station.plant.battery.set_soc(0.04)  # type: ignore[union-attr]
    station.plant.touch()
    assert station.until(lambda s: s.state.lvd.is_open, 3000.0)
    assert blamed(station)[:1] == ["reading.battery.voltage"], "both are doubted"
    station.dt = 0.1
    count = len(station.events)
    for scan in range(300):
        station.lies["load_v"] = None if scan % 2 else lambda _: 0.0
        station.tick()
    raised = [e for e in station.events[count:] if e.key.startswith("reading.")]
    assert len(raised) <= 4


def test_one_that_has_no_reading_is_forgotten_by_what_it_contradicted_and_nothing_else() -> None:
    memory = Plausible(
        volts=(12.5, None, 13.5, 13.6), odd=(DOUBT, DOUBT, None, None), broken_s=(5.0,) * len(Tie)
    )
    made = reinstate(memory, memory, step_context().inputs, Outputs(), step_context().sp, 1.0)
    gone = (Tie.SUPPLY_LOAD, Tie.BATTERY_LOAD, Tie.SUPPLY_SILENT, Tie.CHARGER_LOAD)
    assert made.broken_s == tuple(0.0 if tie in gone else 5.0 for tie in Tie)
    assert made.odd[LOAD] is None


@pytest.mark.parametrize("volts", [12, 48])
@pytest.mark.parametrize(
    ("first", "text", "then"),
    [
        ("battery.voltage", "x0.78", "load.voltage"), ("battery.voltage", "+1.5", "load.voltage"),
        ("load.voltage", "x1.2", "battery.voltage"), ("load.voltage", "-1.5", "battery.voltage"),
    ],
)  # fmt: skip
def test_one_that_has_just_come_back_is_believed_when_the_other_one_jumps_away(
    first: str, text: str, then: str, volts: int
) -> None:
    """It had agreed for a second; then it was the jump alone that was believed: as a rested battery
    sinks, it sank on, and the LVD opened."""
    station = rested(volts, lvd__enabled=True)
    supply(station, False)
    station.run(20.0)
    lie(station, first, text if text[0] == "x" else f"{float(text) * volts / 12:+g}")
    station.run(25.0)
    assert blamed(station) == [f"reading.{first}"]
    lie(station, first, "off")
    station.run(1.0)
    assert blamed(station) == [f"reading.{first}"]
    lie(station, then, "x0.78")
    station.run(240.0)
    assert blamed(station) == [f"reading.{then}"]
    assert station.plant.dropped_s == 0.0
