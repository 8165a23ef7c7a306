"""What starts by itself, what the held buttons do, and what a restart that is due refuses."""

from __future__ import annotations

import pytest
from core_scenes import WALL_0, Bench, last, phase, rested, sentences, step_context

from btrmd.core.capacity_test.state import IDLE
from btrmd.core.held_buttons import step_held_buttons
from btrmd.core.machines.buttons import Buttons
from btrmd.core.machines.float_time import FloatTime
from btrmd.core.machines.presence import Presence, Source
from btrmd.core.machines.schedule import Schedule
from btrmd.core.scan.actions import ClearTests, Forward, RestoreSettings, Tell
from btrmd.core.scan.context import StepContext
from btrmd.core.starts import step_starts
from btrmd.core.state import State, new_state
from btrmd.model.commands import (
    CapacityCheck,
    ChangeSettings,
    NextTestIn,
    ResetData,
    RestartUnit,
    RunSelfTest,
    StartTest,
)
from btrmd.model.discharge import TestRecord, TestState

# --- What starts by itself, and what the held buttons do, on states put by hand ------------------

HERE = Source(0.0, None, 0.0, True, True)
RESTED = FloatTime(24 * 3600.0, None)
ENABLED: dict[str, object] = {"test.enabled": True, "test.interval_h": 168, "test.type": 2}
DUE = Schedule(due=1000.0, interval_s=168 * 3600.0)


def ready(**more: object) -> State:
    state = new_state(step_context(changes=ENABLED).sp, 0.0)
    return state._replace(
        presence=Presence(HERE, HERE), selftest=state.selftest._replace(state="good"), next_n=7,
        float_time=RESTED, **more,
    )  # type: ignore[arg-type] # fmt: skip


def context(boot: float = 0.0, **put: object) -> StepContext:
    return step_context(changes=ENABLED, boot=boot, **put)  # type: ignore[arg-type]


def started(state: State, ctx: StepContext | None = None) -> State:
    return step_starts(state, ctx or context())


def test_what_is_due_starts() -> None:
    made = started(ready(schedule=DUE))
    test = made.test
    assert (test.state, test.scheduled, made.next_n) == (TestState.PROVING, True, 8)
    assert test.record is not None
    assert (test.record.n, test.record.type, test.record.source) == (7, "2", "schedule")
    assert made.schedule.due == 1000.0 + 168 * 3600.0
    later = ready(schedule=DUE._replace(due=1000.1))
    assert started(later) is later


@pytest.mark.parametrize("why", ["young", "self-test", "restart", "busy", "unrested"])
def test_what_keeps_it_waiting(why: str) -> None:
    state, ctx = ready(schedule=DUE), context(boot=1000.0 - 14.9 if why == "young" else 0.0)
    if why == "self-test":
        state = state._replace(selftest=state.selftest._replace(state="running"))
    elif why == "restart":
        state = state._replace(restart_at=1003.0)
    elif why == "busy":
        state = state._replace(test=IDLE._replace(state=TestState.RETURNING))
    elif why == "unrested":
        state = state._replace(float_time=FloatTime())
    assert started(state, ctx).test == state.test
    assert started(ready(schedule=DUE), context(boot=985.0)).test.state is TestState.PROVING


def test_one_that_may_not_start_is_tried_again() -> None:
    made = started(ready(schedule=DUE), context(load_a=0.1, supply_a=0.4))
    text = "The load takes 0.10 A; a test needs at least 0.2 A."
    assert (made.test, made.next_n, made.last_reason) == (IDLE, 7, text)
    assert (made.schedule.retries, made.schedule.refused) == (1, text)
    assert made.refusal is not None
    assert (made.refusal.text, made.refusal.at) == (text, WALL_0)


def delayed(due: float) -> State:
    record = TestRecord(n=5, type="2", state="delayed", source="web")
    return ready(test=IDLE._replace(state=TestState.DELAYED, record=record, due=due))


def test_a_delayed_test_starts_under_its_own_number() -> None:
    made = started(delayed(1000.0))
    assert (made.test.state, made.test.scheduled, made.next_n) == (TestState.PROVING, False, 7)
    assert made.test.record is not None
    assert (made.test.record.n, made.test.record.type, made.test.record.source) == (5, "2", "web")
    assert made.refusal is None
    assert started(delayed(1000.1)).test.state is TestState.DELAYED
    assert started(delayed(1000.0), context(boot=990.0)).test.state is TestState.DELAYED


def test_a_delayed_test_that_may_not_start_is_over() -> None:
    made = started(delayed(1000.0), context(load_a=0.1, supply_a=0.4))
    assert made.test == IDLE
    assert made.refusal is not None
    assert made.refusal.text == "The load takes 0.10 A; a test needs at least 0.2 A."
    assert made.health.last is not None
    assert (made.health.last.n, made.health.last.result) == (5, "aborted")


# --- held buttons --------------------------------------------------------------------------------


def held(state: State, *names: str) -> tuple[State, StepContext]:
    """A step in which these buttons have been held for 15 s."""
    since = {f"{name}_since": 985.0 for name in names}
    state = state._replace(buttons=Buttons(**since))  # type: ignore[arg-type]
    ctx = context()
    ctx.inputs = ctx.inputs._replace(**dict.fromkeys(names, True))
    return step_held_buttons(state, ctx), ctx


def texts(ctx: StepContext) -> list[str]:
    return [a.event.text for a in ctx.actions if isinstance(a, Tell)]


def test_pb1_restores_the_network_and_restarts_after_3_s() -> None:
    made, ctx = held(ready(), "pb1")
    assert (made.restart_at, made.restart_source) == (1003.0, "PB1")
    assert RestoreSettings("network", "PB1") in ctx.actions
    assert texts(ctx) == ["PB1 held: default address and access restored, restarting."]
    assert made.buttons.flash_until == 1003.0
    assert made.buttons.pb1_fired


def test_pb2_clears_the_test_data_and_restores_the_tests_settings() -> None:
    made, ctx = held(ready(last_reason="R"), "pb2")
    assert ClearTests("PB2") in ctx.actions
    assert RestoreSettings("battery", "PB2") in ctx.actions
    assert (made.restart_at, made.last_reason) == (None, "")
    assert made.buttons.flash_until == 1003.0


def test_both_do_both_and_a_running_test_refuses_all() -> None:
    made, ctx = held(ready(), "pb1", "pb2")
    assert made.restart_at == 1003.0
    assert ClearTests("PB2") in ctx.actions
    busy = ready(test=IDLE._replace(state=TestState.RUNNING))
    for names, word in ((("pb1",), "PB1"), (("pb2",), "PB2"), (("pb1", "pb2"), "PB1 and PB2")):
        made, ctx = held(busy, *names)
        assert texts(ctx) == [f"{word} refused: a test is running."]
        assert made.restart_at is None
        assert made.buttons.flash_until <= 1000.0
        assert not any(isinstance(a, ClearTests | RestoreSettings) for a in ctx.actions)


def test_a_button_that_is_not_held_changes_nothing() -> None:
    state = ready()
    assert step_held_buttons(state, context()) is state
    ctx = context()
    ctx.inputs = ctx.inputs._replace(pb1=True)
    made = step_held_buttons(state, ctx)
    assert made.buttons.pb1_since == 1000.0
    assert ctx.actions == []


# --- A start that is refused, and a restart that is due ------------------------------------------

START = StartTest("1", source="test")


@pytest.mark.parametrize(
    "command",
    [StartTest("3"), StartTest("1", -0.1), StartTest("1", 500.1), StartTest("1", float("nan"))],
)
def test_a_wrong_type_or_delay_is_refused_with_its_range(command: StartTest) -> None:
    bench = Bench()
    bench.run(20.0)
    refused = bench.ask(command)
    assert refused.code == "range"
    assert "allowed is" in refused.text


def test_a_second_start_is_refused_and_the_first_goes_on() -> None:
    station = rested()
    assert station.ask(START).ok
    refused = station.ask(START)
    assert refused.code == "running"
    assert refused.text == "A test is already proving."
    assert any(refused.text in text for text in sentences(station))
    station.run(40.0)
    assert phase(station) == "running"
    assert last(station).n == 1


@pytest.mark.parametrize(
    "command",
    [
        StartTest("1", source="x"), StartTest("2", 1.0, "x"), NextTestIn(1.0, "x"),
        ChangeSettings({"ups.enabled": False}, "x"), RunSelfTest("x"), RestartUnit("x"),
        CapacityCheck(True, "x"), ResetData(source="x"),
    ],
)  # fmt: skip
def test_nothing_begins_that_a_restart_would_end(command: object) -> None:
    bench = Bench(dt=0.1)
    bench.run(20.0)
    assert bench.ask(RestartUnit("cli")).ok
    refused = bench.ask(command)
    assert (refused.ok, refused.code, refused.text) == (
        False, "restart", "A restart is due; ask again after it.",
    )  # fmt: skip


def test_a_button_that_is_held_asks_for_a_restart_and_keeps_its_own_changes() -> None:
    """F8: PB1's restart is due 3 s after the hold; what restores the defaults passes."""
    bench = Bench(dt=0.1)
    bench.run(20.0)
    bench.put(pb1=True)
    bench.run(15.2)
    bench.put(pb1=False)
    assert bench.ask(START).code == "restart"
    assert phase(bench) == "idle"
    bench.step(ChangeSettings({"web.authorization": "writes"}, "PB1"))
    assert any(isinstance(action, Forward) for action in bench.actions)


def test_both_buttons_held_together_restore_both() -> None:
    """PB1's restart does not refuse the defaults that PB2 asks for in the same moment."""
    bench = Bench(dt=0.1)
    bench.run(20.0)
    bench.put(pb1=True, pb2=True)
    bench.run(15.2)
    bench.put(pb1=False, pb2=False)
    for source, change in (("PB1", {"web.authorization": "writes"}), ("PB2", {"test.type": "1"})):
        bench.step(ChangeSettings(change, source))
        assert any(isinstance(action, Forward) for action in bench.actions), source
    assert bench.ask(ChangeSettings({"test.type": "1"}, "x")).code == "restart"


def test_a_test_that_falls_due_before_a_restart_waits_for_it() -> None:
    bench = Bench(dt=0.1, test__enabled=True, test__interval_h=24)
    bench.run(20.0)
    bench.ask(RestartUnit("cli"))
    bench.state = bench.state._replace(
        restart_at=bench.now + 30.0, schedule=bench.state.schedule._replace(due=bench.now + 1.0),
        float_time=bench.state.float_time._replace(float_s=1e6),
    )  # fmt: skip
    bench.run(20.0)
    assert phase(bench) == "idle"
    assert bench.state.schedule.due is not None
