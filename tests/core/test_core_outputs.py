"""Outputs: when the load is proven on the supply, when K3 may be pulled, what CH1 and CH2 say."""

from __future__ import annotations

import pytest
from core_scenes import WALL_0, Bench, measured, model_for, rested, start, step_context

from btrmd.core.capacity_test.state import IDLE
from btrmd.core.machines.buttons import Buttons
from btrmd.core.machines.lvd import Lvd
from btrmd.core.machines.presence import Presence, Source
from btrmd.core.machines.transfer import Transfer, Where
from btrmd.core.outputs import (
    battery_fault,
    combine,
    is_unproven,
    keep_path_open,
    on_supply,
)
from btrmd.core.scan.context import StepContext
from btrmd.core.scan.setpoints import Setpoints
from btrmd.hal.sim.keys import set_keys
from btrmd.model.board import Inputs, Outputs
from btrmd.model.commands import StartTest, StopTest
from btrmd.model.discharge import TestState
from btrmd.model.readings import BAD
from btrmd.model.settings import Settings

# --- Outputs: when the load is proven on the supply, when K3 may be pulled, what CH1 and CH2
#     say

AT_SUPPLY, CLOSED = Transfer(), Lvd()
ABOVE = Presence(Source(0.0, None, 0.0, True, True))


@pytest.mark.parametrize("volts", [12, 48])
def test_the_load_is_proven_by_volts_current_and_an_idle_guard(volts: int) -> None:
    def proven(where: Where = Where.SUPPLY, k1: bool = False, presence: Presence = ABOVE,
               **put: object) -> bool:  # fmt: skip
        ctx = step_context(volts=volts, **put)  # type: ignore[arg-type]
        return on_supply(Transfer(where), Outputs(k1=k1), presence, ctx, False)

    blocks = volts // 12
    assert proven()
    assert not proven(Where.RETURNED)
    assert not proven(Where.BATTERY)
    assert not proven(k1=True)
    assert not proven(guard=True)
    assert not proven(guard=None)
    assert not proven(presence=Presence())
    assert proven(load_v=11.0 * blocks)
    assert not proven(load_v=11.0 * blocks - 0.01)
    assert not proven(load_v=None)
    # the supply gives at least 0.8 of what the load takes; below 0.2 A nothing can be told
    assert proven(load_a=2.0, supply_a=1.6)
    assert not proven(load_a=2.0, supply_a=1.59)
    assert not proven(load_a=None)
    assert not proven(supply_a=None)
    assert proven(load_a=0.19, supply_a=0.0)
    assert not proven(load_a=0.2, supply_a=0.0)


def test_a_load_that_was_not_seen_on_the_supply_proves_nothing_once_it_takes_little() -> None:
    for before in (False, True):
        assert is_unproven(before, True, step_context(load_a=0.2)) is False
        assert is_unproven(before, False, step_context(load_a=0.2)) is True
        for proven in (False, True):
            assert is_unproven(before, proven, step_context(load_a=0.19)) is before
            assert is_unproven(before, proven, step_context(load_a=None)) is before


@pytest.mark.parametrize("volts", [12, 24])
def test_a_load_that_falls_on_a_k1_that_nothing_had_shown_to_be_welded_keeps_its_path(
    volts: int,
) -> None:
    """0.5 A by K1, beside a charger: no current is large enough to tell of a welded K1."""
    station = rested(volts, load_a=0.5, ups__enabled=False)
    start(station, "1")
    station.run(60.0)
    set_keys(station.plant, {"fault.relay.k1": "welded"})
    station.ask(StopTest("test"))
    station.run(15.0)
    set_keys(station.plant, {"load.amps": 0.05})
    station.run(600.0)
    assert not station.state.outputs.k3
    assert station.plant.dropped_s == 0.0
    # it takes enough to be seen on the supply, where it is again
    set_keys(station.plant, {"fault.relay.k1": "off", "load.amps": 1.0})
    station.run(10.0)
    set_keys(station.plant, {"load.amps": 0.05})
    station.run(10.0)
    assert station.state.outputs.k3
    assert station.plant.dropped_s == 0.0


def test_k3_is_kept_only_with_ups_mode_off_and_the_load_on_the_supply() -> None:
    def kept(ups: bool = False, test: TestState = TestState.IDLE, where: Where = Where.SUPPLY,
             carried: bool = False, k3: bool = False, proven: bool = True) -> bool:  # fmt: skip
        ctx = step_context(changes={"ups.enabled": ups})
        transfer = Transfer(where, carried=carried)
        return keep_path_open(IDLE._replace(state=test), transfer, Outputs(k3=k3), proven, ctx)

    assert kept()
    assert not kept(ups=True)
    assert not kept(test=TestState.RUNNING)
    assert not kept(where=Where.BATTERY)
    assert not kept(where=Where.RETURNED)
    assert not kept(carried=True)
    # once it is energised, its state no longer needs the proof; without it nothing is energised
    assert not kept(proven=False)
    assert kept(proven=False, k3=True)


@pytest.mark.parametrize(
    ("config", "quiet", "fault"), [(0, False, False), (3, True, False), (4, False, True)]
)
def test_an_output_opens_or_closes_on_a_battery_fault(
    config: int, quiet: bool, fault: bool
) -> None:
    """R172: normally low opens on a fault, normally open closes on it."""
    for alarms, pulls in (
        ((), quiet),
        (("battery.low_voltage",), fault),
        (("supply.lost",), quiet),
    ):
        ctx = step_context(changes={"io1.config": config})
        made = combine(IDLE, Transfer(), Lvd(), False, alarms, Buttons(), False, ctx)
        assert made.ch1 is pulls, alarms
        assert made.ch2 is False


def test_only_a_fault_of_the_battery_is_one() -> None:
    assert not battery_fault(())
    assert battery_fault(("supply.lost", "battery.low_voltage"))
    assert not battery_fault(("supply.lost",))


def test_each_relay_is_driven_by_whom_it_belongs_to() -> None:
    ctx = step_context()

    def made(test: object = IDLE, transfer: Transfer = AT_SUPPLY, path_open: bool = False,
             lvd: Lvd = CLOSED) -> Outputs:  # fmt: skip
        return combine(test, transfer, lvd, path_open, (), Buttons(), False, ctx)  # type: ignore[arg-type]

    assert made()[:3] == (False, False, False)
    assert made(IDLE._replace(k1=True))[:3] == (True, False, False)
    assert made(IDLE._replace(k2=True))[:3] == (False, True, False)
    assert made(transfer=Transfer(Where.BATTERY))[:3] == (True, False, False)
    assert made(transfer=Transfer(Where.RETURNED))[:3] == (False, False, False)
    assert made(path_open=True)[:3] == (False, False, True)


# --- When the load counts as proven on the supply: every condition by itself ---------------------

WELL = {
    "battery_v": 13.5, "battery_a": 0.02, "load_v": 13.5, "load_a": 2.0, "supply_v": 13.6,
    "supply_a": 2.3, "charger_v": 13.55, "charger_a": 0.02,
}  # fmt: skip


def context(guard: bool | None = False, ups: bool = False, **channels: object) -> StepContext:
    settings = Settings.defaults(model_for(12)).with_changes({"ups.enabled": ups})
    readings = {name: measured(value, 100.0) for name, value in {**WELL, **channels}.items()}
    inputs = Inputs(**readings, guard=guard, batt_path=True, wall=WALL_0)
    return StepContext(100.0, 0.1, 0.0, inputs, Setpoints.of(settings))


def proven(
    ctx: StepContext, *, where: Where = Where.SUPPLY, k1: bool = False, above: float | None = 50.0
) -> bool:
    presence = Presence()._replace(supply=Source(above_since=above))
    return on_supply(Transfer(where), Outputs(k1=k1), presence, ctx, False)


def test_a_load_that_draws_from_a_healthy_supply_is_proven() -> None:
    assert proven(context())


@pytest.mark.parametrize(
    "how", [{"where": Where.RETURNED}, {"where": Where.BATTERY}, {"k1": True}, {"above": None}]
)
def test_a_relay_or_a_source_that_says_otherwise_disproves_it(how: dict[str, object]) -> None:
    assert not proven(context(), **how)  # type: ignore[arg-type]


@pytest.mark.parametrize("guard", [True, None])
def test_an_active_or_unknown_guard_disproves_it(guard: bool | None) -> None:
    assert not proven(context(guard))


@pytest.mark.parametrize(
    ("channels", "answer"),
    [
        ({"load_v": None}, False),
        ({"load_a": None}, False),
        ({"supply_a": None}, False),
        ({"load_v": 10.99}, False),
        ({"load_v": 11.0}, True),
        # four fifths of the load's current come from the supply, or there is hardly any
        ({"load_a": 5.0, "supply_a": 3.99}, False),
        ({"load_a": 5.0, "supply_a": 4.0}, True),
        ({"load_a": 0.2, "supply_a": 0.15}, False),
        ({"load_a": 0.19, "supply_a": 0.0}, True),
    ],
)
def test_the_bus_and_the_currents_decide(channels: dict[str, object], answer: bool) -> None:
    assert proven(context(**channels)) is answer


@pytest.mark.parametrize(
    ("channels", "answer"),
    [
        # HAT_W of 4 W at 13.6 V: 0.294 A
        ({"load_a": 0.3, "supply_a": 0.29, "charger_a": 2.5, "battery_a": 2.2}, False),
        ({"load_a": 0.3, "supply_a": 0.29, "charger_a": 0.0, "battery_a": -0.3}, False),
        ({"load_a": 0.3, "supply_a": 0.535, "charger_a": 2.5, "battery_a": 2.2}, True),
        ({"load_a": 0.3, "supply_a": 0.533, "charger_a": 2.5, "battery_a": 2.2}, False),
        # a unit that takes less than it may: battery and charger take no part
        ({"load_a": 0.3, "supply_a": 0.4, "charger_a": 0.02, "battery_a": 0.01}, True),
        ({"load_a": 1.0, "supply_a": 1.0, "charger_a": 1.0, "battery_a": 0.8}, True),
        ({"load_a": 1.0, "supply_a": 1.0, "charger_a": 1.0, "battery_a": 0.79}, False),
        # what they do is not known
        ({"load_a": 0.3, "supply_a": 0.4, "charger_a": None}, False),
        ({"load_a": 0.3, "supply_a": 0.4, "battery_a": None}, False),
        ({"load_a": 0.3, "supply_a": 0.6, "battery_a": None}, True),
        ({"load_a": 0.3, "supply_a": 0.23}, False),
        ({"load_a": 2.0, "supply_a": 2.3}, True),
        ({"load_a": 0.19, "supply_a": 2.3}, False),
    ],
)
def test_beside_a_doubted_k1_what_the_unit_itself_takes_proves_nothing(
    channels: dict[str, object], answer: bool
) -> None:
    """A load of 0.3 A beside a supply that gives this unit as much: K3 was pulled on a welded K1,
    and the load fell until the guard closed."""
    presence = Presence()._replace(supply=Source(above_since=50.0))
    assert on_supply(Transfer(), Outputs(), presence, context(**channels), True) is answer


def test_on_a_joined_source_only_its_own_current_tells_of_a_doubted_load() -> None:
    ctx = context(load_a=0.3, supply_a=0.4, charger_a=0.02, battery_a=0.01)
    ctx.sp = ctx.sp._replace(single_source=True)
    presence = Presence()._replace(supply=Source(above_since=50.0))
    assert not on_supply(Transfer(), Outputs(), presence, ctx, True)
    ctx.inputs = ctx.inputs._replace(supply_a=measured(0.6, 100.0))
    assert on_supply(Transfer(), Outputs(), presence, ctx, True)


@pytest.mark.parametrize("volts", [12, 48])
@pytest.mark.parametrize("load_a", [0.3, 0.5])
def test_k3_is_not_pulled_on_a_welded_k1_under_a_small_load(load_a: float, volts: int) -> None:
    station = rested(volts, load_a=0.5, ups__enabled=False)
    station.ask(StartTest("2", 0.0, "test"))
    station.run(100.0)
    set_keys(station.plant, {"fault.relay.k1": "welded", "battery.soc": "0.2"})
    station.ask(StopTest("test"))
    assert station.until(lambda s: "relay.k1" in s.state.alarms.keys, 60.0)
    station.run(60.0)
    station.plant.load.hold(load_a)
    station.plant.touch()
    for _ in range(600):
        station.run(1.0)
        assert not station.state.outputs.k3
    assert station.plant.dropped_s == 0.0


@pytest.mark.parametrize(
    ("how", "answer"),
    [
        ({}, True),
        ({"ups": True}, False),
        ({"is_proven": False}, False),
        ({"is_proven": False, "k3": True}, True),
        ({"where": Where.BATTERY}, False),
        ({"where": Where.RETURNED}, False),
        ({"carried": True}, False),
    ],
)
def test_the_path_is_opened_for_ups_mode_off_on_a_proven_load_and_then_kept(
    how: dict[str, object], answer: bool
) -> None:
    transfer = Transfer(how.get("where", Where.SUPPLY), carried=how.get("carried") is True)  # type: ignore[arg-type]
    outputs = Outputs(k3=how.get("k3") is True)
    is_proven = how.get("is_proven") is not False
    ctx = context(ups=how.get("ups") is True)
    assert keep_path_open(IDLE, transfer, outputs, is_proven, ctx) is answer


@pytest.mark.parametrize("channel", ["load_v", "load_a", "supply_a"])
def test_a_bad_reading_proves_nothing_whatever_it_says(channel: str) -> None:
    ctx = context()
    believed = getattr(ctx.inputs, channel)
    ctx.inputs = ctx.inputs._replace(**{channel: believed._replace(quality=BAD)})
    assert not proven(ctx)


# --- The first step ------------------------------------------------------------------------------


def test_the_outputs_are_safe_from_the_first_step() -> None:
    bench = Bench()
    bench.step()
    assert bench.state.outputs[:3] == (False, False, False)
