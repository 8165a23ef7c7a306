"""The guard's own step: when its acting is told, when it is over, what counts as a help."""

from __future__ import annotations

import pytest
from core_scenes import Bench, step_context

from btrmd.core.machines.alarms import SINKS
from btrmd.core.machines.guardwatch import UNHELPED, GuardWatch, step_guard
from btrmd.core.scan.actions import Tell
from btrmd.core.scan.due import EVERY_SCAN, NO_TIME


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
