"""Whether the battery feeds the load, step by step, on readings put by hand."""

from __future__ import annotations

from core_scenes import WALL_0, measured, model_for

from btrmd.core.machines.onbattery import OnBattery, step_on_battery
from btrmd.core.machines.transfer import Transfer, Where
from btrmd.core.scan.context import StepContext
from btrmd.core.scan.setpoints import Setpoints
from btrmd.model.board import Inputs
from btrmd.model.settings import Settings

ON_SUPPLY = {
    "battery_v": 13.5, "battery_a": 0.02, "load_v": 13.5, "load_a": 2.0, "supply_v": 13.6,
    "supply_a": 2.3, "charger_v": 13.55, "charger_a": 0.02,
}  # fmt: skip
HELPS = {"battery_v": 12.6, "battery_a": -1.5, "supply_v": 12.6, "supply_a": 0.8, "load_v": 12.6}


def looked(
    was: OnBattery, now: float, *, volts: int = 12, where: Where = Where.SUPPLY, k1: bool = False,
    k1_is_faulty: bool = False, in_test: bool = False, settled_s: float = 10.0,
    **channels: object,
) -> OnBattery:  # fmt: skip
    """One step; volts are a block's, no guard."""
    settings = Settings.defaults(model_for(volts)).with_changes({"system.voltage": volts})
    put = {**ON_SUPPLY, **channels}
    for name in ("battery_v", "load_v", "supply_v", "charger_v"):
        if isinstance(put[name], float):
            put[name] = put[name] * (volts // 12)
    readings = {name: measured(value, now) for name, value in put.items()}
    inputs = Inputs(**readings, guard=False, batt_path=True, wall=WALL_0)
    ctx = StepContext(now, 0.1, 0.0, inputs, Setpoints.of(settings))
    return step_on_battery(was, Transfer(where), in_test, False, k1, k1_is_faulty, settled_s, ctx)


def test_a_discharge_beside_the_supply_is_on_battery_after_2_s() -> None:
    was = OnBattery()
    for now, on in ((100.0, False), (101.9, False), (102.0, True)):
        was = looked(was, now, **HELPS)
        assert was.on is on, now


def test_it_is_over_2_s_after_the_last_current() -> None:
    was = OnBattery(True, flows_since=90.0, flowed_at=100.0, on_at=100.0)
    was = looked(was, 101.9)
    assert was.on
    assert not looked(was, 102.0).on


def test_what_flows_in_a_test_or_while_the_contacts_move_is_not_on_battery() -> None:
    assert looked(OnBattery(), 100.0, **HELPS, settled_s=0.5).flows_since == 100.0
    assert looked(OnBattery(), 100.0, **HELPS, settled_s=0.4).flows_since is None
    assert looked(OnBattery(), 100.0, **HELPS, in_test=True).flows_since is None
    was = OnBattery(True, flowed_at=100.0, on_at=100.0)
    assert looked(was, 100.5).on
    assert not looked(was, 100.5, in_test=True).on
    assert not looked(was, 100.5, k1=True).on


def test_a_return_that_has_not_relieved_the_battery_is_on_battery_without_a_wait() -> None:
    for now, on in ((104.9, True), (105.1, False)):
        was = OnBattery(False, on_at=100.0)
        assert looked(was, now, **HELPS).on is on


def test_a_k1_that_sticks_is_on_battery_until_it_is_known_that_nothing_flows() -> None:
    unknown = {"battery_a": None, "supply_a": None, "load_a": None, "charger_a": None}
    known = OnBattery(True)
    blind = OnBattery(True)
    for second in range(32):
        how = {"where": Where.BATTERY, "k1": True, "k1_is_faulty": True}
        known = looked(known, 100.0 + second, **how)  # type: ignore[arg-type]
        blind = looked(blind, 100.0 + second, **how, **unknown)  # type: ignore[arg-type]
        assert known.on is (second < 30), second
    assert blind.on


def test_a_48_v_bus_is_dead_below_36_v_and_nobody_feeds_it() -> None:
    dead = {"battery_a": 0.0, "load_a": 0.0, "supply_v": 0.0, "supply_a": 0.0}
    for block_v, on in ((8.9, False), (9.0, True)):
        was = OnBattery(True)
        for second in range(6):
            was = looked(
                was, 100.0 + second, volts=48, where=Where.BATTERY, k1=True, load_v=block_v, **dead
            )
        assert was.on is on, block_v
