"""The LVD's own step on readings put by hand: who agrees, and what is said of it."""

from __future__ import annotations

from core_scenes import WALL_0, Bench, measured, model_for

from btrmd.core.machines.lvd import Lvd, step_lvd
from btrmd.core.scan.actions import Tell
from btrmd.core.scan.context import StepContext
from btrmd.core.scan.setpoints import Setpoints
from btrmd.model.board import Inputs
from btrmd.model.settings import Settings

OUTAGE = {
    "battery_a": -2.4, "load_a": 2.0, "supply_v": 0.0, "supply_a": 0.0,
    "charger_v": 0.0, "charger_a": 0.0,
}  # fmt: skip


def scene(volts: int, now: float, guard: bool | None, **channels: object) -> StepContext:
    """One scan: V of the bank, A; None = bad."""
    changes = {"system.voltage": volts, "lvd.enabled": True}
    settings = Settings.defaults(model_for(volts)).with_changes(changes)
    readings = {name: measured(value, now) for name, value in {**OUTAGE, **channels}.items()}
    inputs = Inputs(**readings, guard=guard, batt_path=True, wall=WALL_0)
    return StepContext(now, 0.1, 0.0, inputs, Setpoints.of(settings))


def texts(ctx: StepContext) -> list[str]:
    return [action.event.text for action in ctx.actions if isinstance(action, Tell)]


def test_both_witnesses_are_below_the_level_and_up_to_2_v_apart_in_a_48_v_bank() -> None:
    """A battery reading that drifts down while the load hangs at 10.6 V a block cuts off nobody."""
    for load_v, is_open in ((41.95, True), (42.05, False), (43.7, False)):
        ctx = scene(48, 100.0, True, battery_v=40.1, load_v=load_v)
        made = step_lvd(Lvd(False, low_since=90.0), True, False, ctx)
        assert made.is_open is is_open, load_v


def test_what_was_remembered_is_forgotten_for_a_load_that_the_lines_show_on_the_battery() -> None:
    lvd = Lvd(True, remembered=True)
    ctx = scene(12, 100.0, True, battery_v=10.9, load_v=10.8, load_a=None, battery_a=None)
    assert step_lvd(lvd, True, False, ctx) == Lvd()
    assert texts(ctx) == ["LVD closed: the restart has put the load back on the battery."]


def test_where_nobody_knows_what_was_remembered_waits_for_2_s() -> None:
    unknown = {"load_v": None, "load_a": None, "battery_a": None, "supply_v": None}
    lvd = Lvd(True, remembered=True)
    for now in (100.0, 101.0, 101.9):
        ctx = scene(12, now, None, battery_v=10.9, **unknown)
        lvd = step_lvd(lvd, False, False, ctx)
        assert (lvd.is_open, lvd.is_driven, texts(ctx)) == (True, False, []), now
    ctx = scene(12, 102.0, None, battery_v=10.9, **unknown)
    assert step_lvd(lvd, False, False, ctx) == Lvd()
    assert "it cannot be told whether the battery is low" in texts(ctx)[0]


def test_what_was_remembered_is_driven_again_on_a_proven_supply() -> None:
    ctx = scene(12, 100.0, False, battery_v=10.9, load_v=13.4, supply_v=13.6, supply_a=2.4)
    assert step_lvd(Lvd(True, remembered=True), True, True, ctx) == Lvd(True)
    assert texts(ctx) == []


def test_a_guard_that_acts_is_one_line_of_the_log_however_long() -> None:
    bench = Bench(dt=0.1)
    bench.run(20.0)
    bench.put(guard=True, supply_v=12.0)
    bench.run(30.0)
    closed = [event for event in bench.events if "guard has closed" in event.text]
    assert [(event.kind.value, event.value) for event in closed] == [("change", True)]
