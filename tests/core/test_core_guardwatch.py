"""The guard: when its acting is told, when it is over, and when it may energise K1."""

from __future__ import annotations

import pytest
from core_scenes import Bench, phase, rested, start, step_context, supply
from station import Station

from btrmd.core.machines.alarms import SINKS
from btrmd.core.machines.guardwatch import UNHELPED, GuardWatch, step_guard
from btrmd.core.machines.presence import Source
from btrmd.core.machines.relaywatch import Contact
from btrmd.core.machines.transfer import Transfer, Where, moves_on_guard
from btrmd.core.recover import let_go
from btrmd.core.scan.actions import Tell
from btrmd.core.scan.context import StepContext
from btrmd.core.scan.due import EVERY_SCAN, NO_TIME
from btrmd.core.step import step
from btrmd.hal.sim.keys import set_keys
from btrmd.model.readings import MISSING, STALE

# --- The guard's own step: when its acting is told, when it is over, what counts as a help -------


def stepped(
    watch: GuardWatch, now: float, guard: bool | None, *, k1: bool = False, k3: bool = False,
    absent: bool = False, transferred: bool = False,
) -> tuple[GuardWatch, list[str]]:  # fmt: skip
    ctx = step_context(now, guard=guard)
    made = step_guard(watch, k1, k3, absent, transferred, ctx)
    return made, [action.event.key for action in ctx.actions if isinstance(action, Tell)]


def test_a_guard_that_acts_is_an_event_after_5_s_and_only_once() -> None:
    watch, told = stepped(GuardWatch(was_active=False), 100.0, True)
    assert watch.active_since == 100.0
    assert watch.next_due(0.0) == EVERY_SCAN
    assert told == []
    watch, told = stepped(watch, 104.9, True)
    assert told == []
    watch, told = stepped(watch, 105.0, True)
    assert told == ["guard.active"]
    assert watch.active_since == 100.0
    assert watch.next_due(0.0) == NO_TIME
    watch, told = stepped(watch, 106.0, True)
    assert told == []


def test_it_is_over_when_it_has_been_idle_for_10_s() -> None:
    watch = GuardWatch(100.0, None, True, True)
    watch, _ = stepped(watch, 200.0, False)
    assert (watch.active_since, watch.idle_since) == (100.0, 200.0)
    assert watch.next_due(0.0) == EVERY_SCAN
    watch, _ = stepped(watch, 205.0, False)
    assert watch.idle_since == 200.0
    again, told = stepped(watch, 206.0, True)
    assert (again.active_since, again.idle_since, told) == (100.0, None, [])
    watch, _ = stepped(watch, 209.9, False)
    assert watch.active_since == 100.0
    watch, _ = stepped(watch, 210.0, False)
    assert (watch.active_since, watch.idle_since, watch.reported) == (None, None, False)
    assert watch.next_due(0.0) == NO_TIME
    # and one that never was active has nothing to end
    assert stepped(GuardWatch(was_active=False), 300.0, False)[0].idle_since is None


@pytest.mark.parametrize(
    ("guard", "k1", "k3", "absent", "acts"),
    [
        (True, False, False, False, True),
        (True, False, False, True, True),
        # K1 carries an outage: the guard only waits, latched
        (True, True, False, True, False),
        (True, True, False, False, True),
        (True, False, True, False, False),
        (False, False, False, True, False),
        (None, False, False, True, False),
    ],
)
def test_what_is_acting(guard: bool | None, k1: bool, k3: bool, absent: bool, acts: bool) -> None:
    watch, _ = stepped(GuardWatch(), 100.0, guard, k1=k1, k3=k3, absent=absent)
    assert (watch.active_since is not None) is acts


@pytest.mark.parametrize(
    ("load_v", "absent", "is_told"), [(10.9, False, True), (11.1, False, False), (9.0, True, False)]
)
def test_with_the_path_open_a_load_that_a_live_supply_lets_sink_is_told(
    load_v: float, absent: bool, is_told: bool
) -> None:
    """UPS mode off: the guard has no battery to give, and nobody else would say so."""
    watch, told = GuardWatch(was_active=False), []
    for now in (100.0, 105.0):
        ctx = step_context(now, guard=True, load_v=load_v)
        watch = step_guard(watch, False, True, absent, False, ctx)
        told += [action.event.text for action in ctx.actions if isinstance(action, Tell)]
    assert (watch.active_since is not None) is is_told
    assert watch.path_open is is_told
    assert told == ([UNHELPED] if is_told else [])
    assert "battery path is open" in SINKS


@pytest.mark.parametrize(
    ("was", "guard", "k1", "transferred", "helps"),
    [
        (False, True, False, False, 1),
        # what was so already, or is not known to have been otherwise, has not just come
        (True, True, False, False, 0),
        (None, True, False, False, 0),
        (False, False, False, False, 0),
        (False, None, False, False, 0),
        # with K1 on the supply has no load to be helped with
        (False, True, True, False, 0),
        (False, False, False, True, 1),
        (False, True, False, True, 1),
    ],
)
def test_what_is_a_help(
    was: bool | None, guard: bool | None, k1: bool, transferred: bool, helps: int
) -> None:
    watch, _ = stepped(GuardWatch(was_active=was), 100.0, guard, k1=k1, transferred=transferred)
    assert watch.helps == (100.0,) * helps
    assert watch.was_active is guard


def test_a_guard_and_the_transfer_within_5_s_are_one_help() -> None:
    watch = GuardWatch(was_active=True, helps=(100.0,))
    assert stepped(watch, 104.9, True, transferred=True)[0].helps == (100.0,)
    assert stepped(watch, 105.0, True, transferred=True)[0].helps == (100.0, 105.0)


def test_more_than_three_helps_within_an_hour_are_a_weak_supply() -> None:
    watch = GuardWatch(was_active=False, helps=(1000.0, 1010.0, 1020.0))
    assert not watch.is_weak
    assert stepped(watch, 4599.9, True)[0].is_weak
    watch, _ = stepped(watch, 4600.0, True)
    assert watch.helps == (1010.0, 1020.0, 4600.0)
    assert not watch.is_weak
    assert stepped(watch, 5700.0, False)[0].helps == (4600.0,)


def test_a_test_that_goes_on_as_an_outage_is_no_help_to_a_weak_supply() -> None:
    bench = Bench()
    bench.run(20.0)
    bench.start()
    bench.put(supply_v=0.0, supply_a=0.0)
    bench.run(10.0)
    assert bench.state.on_battery
    assert bench.state.transfer.carried
    assert bench.state.guard.helps == ()
    # where the supply fails the load outside a test, it is one
    bench = Bench(ups__enabled=True)
    bench.run(20.0)
    bench.put(guard=True, supply_v=0.0, supply_a=0.0)
    bench.run(3.0)
    assert bench.state.outputs.k1
    assert len(bench.state.guard.helps) == 1


# --- Where a guard that closes between two steps may energise K1 without waiting for the next ----


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


LETS_GO = Contact()


def armed(
    *, where: Where = Where.SUPPLY, carried: bool = False, present: bool = True, ups: bool = False,
    k1_of_test: bool = False, lvd_open: bool = False, k1: Contact = LETS_GO,
    is_misfit: bool = False, **put: object,
) -> bool:  # fmt: skip
    bench = Bench(dt=0.1, ups__enabled=ups)
    bench.put(**put)
    bench.step()
    ctx = StepContext(bench.now, 0.1, 0.0, bench.inputs, bench.state.setpoints)
    ctx.is_misfit = is_misfit
    presence = bench.state.presence._replace(supply=Source(present=present))
    transfer = Transfer(where, carried=carried)
    return moves_on_guard(transfer, k1_of_test, lvd_open, k1, presence, ctx)


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
        ({"ups": True, "is_misfit": True}, False),
        ({"ups": True, "k1": Contact(odd_since=9.0)}, False),
        ({"ups": True, "k1": Contact(odd_since=9.0, faulty=True)}, True),
        ({"ups": True, "supply_v": None}, False),
        ({"ups": True, "supply_v": MISSING}, False),
        ({"ups": True, "supply_v": STALE}, True),
        ({"ups": True, "guard": True}, False),
        ({"ups": True, "guard": None}, False),
    ],
)
def test_each_condition_by_itself(how: dict[str, object], answer: bool) -> None:
    assert armed(**how) is answer  # type: ignore[arg-type]


def test_a_guard_that_acts_is_one_line_of_the_log_however_long() -> None:
    bench = Bench(dt=0.1)
    bench.run(20.0)
    bench.put(guard=True, supply_v=12.0)
    bench.run(30.0)
    closed = [event for event in bench.events if "guard has closed" in event.text]
    assert [(event.kind.value, event.value) for event in closed] == [("change", True)]
