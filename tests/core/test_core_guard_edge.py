"""Where a guard that closes between two steps may energise K1 without waiting for the next."""

from __future__ import annotations

import pytest
from core_scenes import Bench, phase, rested, start, supply
from station import Station

from btrmd.core.machines.presence import Source
from btrmd.core.machines.transfer import Transfer, Where, moves_on_guard
from btrmd.core.recover import let_go
from btrmd.core.scan.context import StepContext
from btrmd.core.step import step
from btrmd.hal.sim.keys import set_keys
from btrmd.model.readings import MISSING, STALE


def would_move(station: Station) -> bool:
    """Whether a guard that had closed would make the next step energise K1."""
    inputs = station.inputs._replace(guard=True)
    moved, _ = step(station.state, inputs, station.settings, (), station.now)
    return moved.outputs.k1


def test_in_ups_mode_a_load_on_the_supply_is_armed() -> None:
    station = rested(dt=0.1)
    assert station.state.k1_on_guard
    assert would_move(station)


def test_with_ups_mode_off_the_battery_is_not_touched() -> None:
    station = rested(dt=0.1, ups__enabled=False)
    assert not station.state.k1_on_guard
    assert not would_move(station)


def test_with_k1_on_there_is_nothing_to_arm_and_the_watched_return_is_armed_again() -> None:
    station = rested(dt=0.1)
    supply(station, False)
    station.run(3.0)
    assert station.state.outputs.k1
    assert not station.state.k1_on_guard
    supply(station, True)
    assert station.until(lambda s: not s.state.outputs.k1, 30.0)
    assert station.inputs.guard, "the guard holds the bus for 10 s more"
    assert not station.state.k1_on_guard
    unlatched = station.inputs._replace(guard=False)  # a HAT whose line only compares
    station.state, _ = step(station.state, unlatched, station.settings, (), station.now)
    assert station.state.transfer.where is Where.RETURNED
    assert station.state.k1_on_guard
    assert would_move(station)


def test_a_test_on_the_battery_is_not_armed() -> None:
    station = rested(dt=0.1, ups__enabled=True)
    start(station)
    assert phase(station) == "running"
    assert not station.state.k1_on_guard


def test_an_outage_that_a_test_left_is_armed_though_ups_mode_is_off() -> None:
    station = rested(dt=0.1, ups__enabled=False)
    start(station)
    supply(station, False)
    station.run(3.0)
    assert station.state.transfer.carried
    supply(station, True)
    assert station.until(lambda s: not s.state.outputs.k1, 40.0)
    station.run(10.0)
    assert not station.state.transfer.carried
    assert not station.state.k1_on_guard


def test_an_active_or_unknown_guard_arms_nothing() -> None:
    bench = Bench(dt=0.1)
    bench.run(20.0)
    assert bench.state.k1_on_guard
    for line in (None, True):
        bench.put(guard=line, supply_v=13.8)
        bench.step()
        assert not bench.state.k1_on_guard


def test_an_unknown_supply_or_an_open_lvd_arms_nothing() -> None:
    station = rested(dt=0.1)
    station.lies["supply_v"] = None
    station.run(5.0)
    assert not station.state.k1_on_guard
    station = rested(dt=0.1, lvd__enabled=True, load_a=5.0)
    set_keys(station.plant, {"battery.soc": 0.02})
    supply(station, False)
    assert station.until(lambda s: s.state.lvd.is_open, 3600.0)
    assert not station.state.k1_on_guard


def test_a_guard_that_closes_as_a_carried_outage_ends_is_not_overlooked() -> None:
    """The step in which the supply is known to be back must look at the guard as any other does."""
    station = rested(dt=0.1)
    state = station.state
    carried = state._replace(transfer=state.transfer._replace(carried=True))
    moved, _ = step(carried, station.inputs._replace(guard=True), station.settings, (), station.now)
    assert moved.outputs.k1


def test_what_ends_everything_disarms() -> None:
    station = rested(dt=0.1)
    assert station.state.k1_on_guard
    state, _ = let_go(station.state, station.inputs, "The loop hung.", station.now)
    assert not state.k1_on_guard


def armed(
    *, where: Where = Where.SUPPLY, carried: bool = False, present: bool = True, ups: bool = False,
    k1_of_test: bool = False, lvd_open: bool = False, **put: object,
) -> bool:  # fmt: skip
    bench = Bench(dt=0.1, ups__enabled=ups)
    bench.put(**put)
    bench.step()
    ctx = StepContext(bench.now, 0.1, 0.0, bench.inputs, bench.state.setpoints)
    presence = bench.state.presence._replace(supply=Source(present=present))
    transfer = Transfer(where, carried=carried)
    return moves_on_guard(transfer, k1_of_test, lvd_open, presence, ctx)


@pytest.mark.parametrize(
    ("how", "answer"),
    [
        ({}, False),
        ({"ups": True}, True),
        ({"ups": True, "present": False}, True),
        ({"carried": True}, False),
        ({"carried": True, "present": False}, True),
        ({"present": False}, False),
        ({"where": Where.RETURNED}, True),
        ({"where": Where.BATTERY, "ups": True}, False),
        ({"ups": True, "k1_of_test": True}, False),
        ({"ups": True, "lvd_open": True}, False),
        ({"ups": True, "supply_v": None}, False),
        ({"ups": True, "supply_v": MISSING}, False),
        ({"ups": True, "supply_v": STALE}, True),
        ({"ups": True, "guard": True}, False),
        ({"ups": True, "guard": None}, False),
    ],
)
def test_each_condition_by_itself(how: dict[str, object], answer: bool) -> None:
    assert armed(**how) is answer  # type: ignore[arg-type]
