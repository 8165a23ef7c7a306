"""The test's states: begin, stop, the way back, and what happens when there is none."""

from __future__ import annotations

import pytest
from core_scenes import (
    VOLTS,
    WALL_0,
    Bench,
    last,
    phase,
    rested,
    sentences,
    start,
    step_context,
    supply,
)
from station import Station

from btrmd.core.capacity_test.progress import Progress
from btrmd.core.capacity_test.sequence import abort, begin, close, step_test, stop, take_estimate
from btrmd.core.capacity_test.state import IDLE, CapacityTest, CheckPhase, End, Moved, Watch
from btrmd.core.capacity_test.type1 import Policy
from btrmd.core.machines.capacity import CapacityHealth, adopt
from btrmd.core.machines.condition import StartCondition
from btrmd.core.machines.lvd import Lvd
from btrmd.core.machines.presence import Presence, Source
from btrmd.core.machines.relaywatch import RelayWatch
from btrmd.core.machines.transfer import Handover, Transfer, Where
from btrmd.core.recover import closed_after_death, let_go
from btrmd.core.scan.actions import SaveRecord, Tell, WantEstimate
from btrmd.core.scan.context import StepContext
from btrmd.hal.sim.plant import Plant
from btrmd.model.board import SAFE_OUTPUTS
from btrmd.model.commands import EstimateReady, StartTest, StopTest
from btrmd.model.discharge import Capacity, Estimate, TestRecord, TestState

# --- The test's states, step by step: begin, stop, the way back, and what each writes ------------

NOW = 1000.0
HERE = Source(0.0, None, 0.0, True, True)
GONE = Source(None, NOW - 2.0, None, False, True)
RECORD = TestRecord(n=7, type="1", state="running", source="web", started_at=WALL_0 - 600.0)
FEEDS = {"battery_v": 12.4, "battery_a": -2.0, "load_v": 12.35, "supply_a": 0.29,
         "charger_v": 0.0, "charger_a": 0.0}  # fmt: skip


def test_in(state: TestState, **more: object) -> CapacityTest:
    progress = Progress(t0=NOW - 600.0, charge_as=1200.0, seconds=600.0,
                        window=tuple((NOW - s, 12.4) for s in (4.0, 3.0, 2.0, 1.0)))  # fmt: skip
    test = CapacityTest(state=state, record=RECORD, since=NOW - 5.0, k1=True, k2=True,
                        progress=progress)  # fmt: skip
    return test._replace(**more)


test_in.__test__ = False  # type: ignore[attr-defined]


def told(ctx: StepContext) -> list[tuple[str, object, str]]:
    return [(a.event.key, a.event.value, a.event.text) for a in ctx.actions if isinstance(a, Tell)]


def saved(ctx: StepContext) -> list[tuple[str, bool]]:
    return [(a.record.state, a.finished) for a in ctx.actions if isinstance(a, SaveRecord)]


def stepped(
    test: CapacityTest, *, where: Where = Where.SUPPLY, supply: Source = HERE, **put: object
) -> tuple[Moved, StepContext]:
    ctx = step_context(NOW, **{**FEEDS, **put})  # type: ignore[arg-type]
    made = step_test(test, Transfer(where), RelayWatch(), Lvd(), Presence(supply, HERE), ctx)
    return made, ctx


# --- begin and end -------------------------------------------------------------------------------


def test_a_test_begins_with_the_checks() -> None:
    ctx = step_context(NOW, changes={"test.minimum_runtime_min": 30})
    stands = StartCondition(charge=0.9, is_full=False, is_used=True)
    test = begin(7, "2", "web", 0.0, True, stands, ctx)
    assert (test.state, test.scheduled, test.since, test.phase_since) == (
        TestState.PROVING, True, NOW, NOW,
    )  # fmt: skip
    assert (test.is_used, test.k1, test.k2, test.phase) == (True, False, False, CheckPhase.PATH)
    record = test.record
    assert record is not None
    assert record == TestRecord(
        n=7, type="2", state="proving", source="web", started_at=WALL_0, minimum_runtime_s=1800.0,
        marks=("not_full",), started_at_charge=0.9,
    )  # fmt: skip
    assert saved(ctx) == [("proving", False)]
    assert told(ctx) == [
        ("test.state", "proving", "Test 7 (Type 2) started: proving the battery path.")
    ]


def test_one_with_a_delay_waits() -> None:
    ctx = step_context(NOW)
    test = begin(7, "1", "web", 5400.0, False, StartCondition(charge=0.9), ctx)
    assert (test.state, test.since, test.due) == (TestState.DELAYED, NOW, NOW + 5400.0)
    assert not test.is_on
    assert test.record is not None
    assert (test.record.state, test.record.started_at, test.record.started_at_charge) == (
        "delayed", WALL_0 + 5400.0, None,
    )  # fmt: skip
    assert saved(ctx) == [("delayed", False)]
    assert told(ctx) == [("test.state", "delayed", "Test 7 (Type 1) will start in 1.5 h.")]


@pytest.mark.parametrize(
    ("result", "marks", "words"),
    [
        ("good", (), "Test 7 finished, capacity good: R."),
        ("low", (), "Test 7 finished, capacity low: R."),
        ("none", (), "Test 7 ended: R."),
        ("aborted", (), "Test 7 was aborted: R."),
        ("low", ("marginal",), "Test 7 finished, capacity probably low: R."),
        ("good", ("marginal",), "Test 7 finished, capacity probably good: R."),
        ("low", ("marginal", "unconfirmed"), "Test 7 finished, capacity perhaps low: R."),
    ],
)
def test_the_words_of_an_end(result: str, marks: tuple[str, ...], words: str) -> None:
    ctx = step_context(NOW)
    record = RECORD._replace(result=result, marks=marks, reason="R.")
    made = close(test_in(TestState.RETURNING), record, ctx)
    assert (made.state, made.ended_at) == ("finished", WALL_0)
    assert saved(ctx) == [("finished", True)]
    key, value, text = told(ctx)[0]
    assert (key, value) == ("test.result", result)
    assert text.startswith(words)


def test_an_end_moves_the_begin_by_a_clock_that_was_set() -> None:
    moved = RECORD._replace(started_at=5.0)
    made = close(test_in(TestState.RETURNING), moved, step_context(NOW))
    assert made.started_at == WALL_0 - 600.0
    # without a time 0, from when the state was entered; a delayed one has not begun
    young = test_in(TestState.PROVING, progress=Progress())
    assert close(young, moved, step_context(NOW)).started_at == WALL_0 - 5.0
    delayed = test_in(TestState.DELAYED)
    assert close(delayed, moved, step_context(NOW)).started_at == WALL_0


def test_an_abort_keeps_what_was_measured() -> None:
    made = abort(test_in(TestState.RUNNING), "Why.", step_context(NOW))
    assert (made.result, made.reason, made.duration_s) == ("aborted", "Why.", 600.0)
    assert made.average_current == 2.0
    early = test_in(TestState.PROVING, progress=Progress())
    assert abort(early, "Why.", step_context(NOW)).duration_s is None
    known = test_in(TestState.RETURNING, record=RECORD._replace(duration_s=5.0))
    assert abort(known, "Why.", step_context(NOW)).duration_s == 5.0


def test_a_stop_by_state() -> None:
    def stopped(test: CapacityTest) -> Moved:
        return stop(test, "Why.", step_context(NOW, **FEEDS))  # type: ignore[arg-type]

    for test, back in (
        (test_in(TestState.DELAYED), Handover.NONE),
        (test_in(TestState.PROVING, k1=False), Handover.NONE),
        (test_in(TestState.PROVING), Handover.RETURN),
    ):
        moved = stopped(test)
        assert (moved.test, moved.handover) == (IDLE, back)
        assert moved.closed is not None
        assert moved.closed.reason == "Why."
    moved = stopped(test_in(TestState.RUNNING))
    assert (moved.test.state, moved.test.k1, moved.test.k2) == (TestState.RETURNING, True, False)
    assert (moved.test.end, moved.closed, moved.handover) == (End.ABORT, None, Handover.NONE)
    returning = test_in(TestState.RETURNING)
    assert stopped(returning) == Moved(returning)


# --- estimates -----------------------------------------------------------------------------------

READY = EstimateReady(7, Estimate(100_000.0, 90_000.0, 110_000.0))


def test_an_estimate_is_taken_by_its_own_test_while_it_is_on() -> None:
    ctx = step_context(NOW)
    asked = test_in(TestState.RUNNING, asked_at=NOW - 1.0, no_estimate="x")
    made = take_estimate(asked, READY, ctx)
    assert (made.estimate, made.asked_at, made.no_estimate) == (READY.estimate, None, "")
    assert made.record is not None
    assert made.record.estimate_s == 100_000.0
    assert made.policy.whole_s == asked.policy.planned_s
    returning = take_estimate(asked._replace(state=TestState.RETURNING), READY, ctx)
    assert returning.estimate == READY.estimate
    assert returning.policy == asked.policy
    for other in (asked._replace(state=TestState.DELAYED), asked._replace(record=None)):
        assert take_estimate(other, READY, ctx) is other
    assert take_estimate(asked, READY._replace(test_n=8), ctx) is asked
    none = take_estimate(asked, EstimateReady(7, None, "Too short."), ctx)
    assert (none.asked_at, none.no_estimate, none.estimate) == (None, "Too short.", None)


# --- the way back --------------------------------------------------------------------------------


def test_what_ends_a_discharge_gives_the_charger_back_at_once() -> None:
    over = test_in(TestState.RUNNING, policy=Policy(planned_s=600.0))
    moved, ctx = stepped(over)
    assert (moved.test.state, moved.test.since) == (TestState.RETURNING, NOW)
    assert (moved.test.k1, moved.test.k2, moved.test.end) == (True, False, End.PLANNED)
    assert moved.test.asked_at == NOW
    assert [a.n for a in ctx.actions if isinstance(a, WantEstimate)] == [7]
    assert moved.test.record is not None
    assert (moved.test.record.state, moved.test.record.duration_s) == ("returning", 600.0)
    assert ("returning", False) in saved(ctx)
    assert told(ctx)[0][2].endswith("Returning to the supply.")


def test_the_last_estimate_is_asked_for_where_it_can_say_something() -> None:
    def asks(type_: str, volts: float, **put: object) -> bool:
        low = tuple((NOW - s, volts) for s in (4.0, 3.0, 2.0, 1.0))
        test = test_in(TestState.RUNNING, record=RECORD._replace(type=type_))
        test = test._replace(progress=test.progress._replace(t0=NOW - 700.0, window=low))
        moved, ctx = stepped(test, battery_v=volts, load_v=volts, **put)
        assert moved.test.state is TestState.RETURNING
        wanted = any(isinstance(a, WantEstimate) for a in ctx.actions)
        assert (moved.test.asked_at is not None) is wanted
        return wanted

    assert not asks("1", 10.9)  # it has measured its own time
    assert asks("2", 10.9, changes={"test.type2_minimum_mv": 11000})
    assert not asks("1", 12.4, guard=True)  # aborted


def test_a_supply_that_is_lost_in_a_test_makes_an_outage_of_it() -> None:
    lost = test_in(TestState.RUNNING, watch=Watch(supply=NOW - 2.0))
    moved, _ = stepped(lost, supply=GONE, supply_v=0.0, supply_a=0.0, battery_a=-2.3)
    assert (moved.test, moved.handover) == (IDLE, Handover.CARRY)
    assert moved.closed is not None
    assert moved.closed.result == "aborted"
    proving = test_in(TestState.PROVING, phase=CheckPhase.TAKEOVER, phase_since=NOW - 1.0,
                      watch=Watch(supply=NOW - 2.0))  # fmt: skip
    moved, _ = stepped(proving, supply=GONE, supply_v=0.0, supply_a=0.0, battery_a=-2.3)
    assert (moved.handover, moved.failed_start) == (Handover.CARRY, False)
    moved, _ = stepped(proving._replace(k1=False, scheduled=True), supply=GONE, supply_v=0.0,
                       supply_a=0.0, battery_a=-2.3)  # fmt: skip
    assert (moved.handover, moved.failed_start) == (Handover.NONE, True)


def back(age: float, supply: Source, **more: object) -> Moved:
    test = test_in(TestState.RETURNING, since=NOW - age, k2=False, end=End.PLANNED, judged=True,
                   **more)  # fmt: skip
    put = {"supply_v": 0.0} if supply is GONE else {}
    return stepped(test, supply=supply, **put)[0]


def test_k1_lets_go_when_the_supply_has_been_there_for_2_s() -> None:
    young = Source(NOW - 1.9, None, NOW - 1.9)
    ready = Source(NOW - 2.0, None, NOW - 2.0)
    moved = back(2.0, ready)
    assert (moved.test.k1, moved.handover) == (False, Handover.RETURN)
    assert moved.test.state is TestState.RETURNING
    for age, source in ((2.0, young), (1.9, ready)):
        assert back(age, source).test.k1
    # one whose volts are not known is tried
    test = test_in(TestState.RETURNING, since=NOW - 2.0, judged=True)
    assert not stepped(test, supply=Source(), supply_v=None)[0].test.k1
    assert stepped(test._replace(since=NOW - 1.0), supply=Source(), supply_v=None)[0].test.k1


def test_a_supply_that_is_not_there_is_carried_after_2_s_and_one_that_flickers_after_30_s() -> None:
    moved = back(1.0, GONE)
    assert (moved.test, moved.handover) == (IDLE, Handover.CARRY)
    assert moved.closed is not None
    assert back(1.0, Source(None, NOW - 1.9)).handover is Handover.NONE
    flickers = Source(NOW - 0.5, None, NOW - 0.5)
    assert back(30.0, flickers).handover is Handover.NONE
    assert back(30.1, flickers).handover is Handover.CARRY
    # a verdict that was not reached yet is reached now
    late = back(30.1, flickers, asked_at=NOW - 1.0)
    assert late.closed is not None


def test_it_ends_when_the_watch_over_the_return_does() -> None:
    test = test_in(TestState.RETURNING, k1=False, k2=False, judged=True,
                   record=RECORD._replace(result="good", reason="R."))  # fmt: skip
    assert stepped(test, where=Where.RETURNED)[0] == Moved(test)
    moved, _ = stepped(test, where=Where.SUPPLY)
    assert moved.test == IDLE
    assert moved.closed is not None
    assert (moved.closed.result, moved.closed.marks) == ("good", ())
    moved, _ = stepped(test, where=Where.BATTERY)
    assert moved.closed is not None
    assert moved.closed.marks == ("return_failed",)


def test_the_verdict_waits_5_s_for_the_last_estimate() -> None:
    test = test_in(TestState.RETURNING, k1=False, k2=False, end=End.PLANNED, asked_at=NOW - 4.9)
    moved, ctx = stepped(test)
    assert (moved.test.judged, saved(ctx)) == (False, [])
    for asked_at in (NOW - 5.0, None):
        moved, ctx = stepped(test._replace(asked_at=asked_at), where=Where.RETURNED)
        assert moved.test.judged
        assert len(saved(ctx)) == 1
        assert moved.test.record is not None
        assert moved.test.record.result == "aborted"  # no estimate was possible
    done = test._replace(judged=True)
    assert saved(stepped(done, where=Where.RETURNED)[1]) == []


def test_a_clock_that_is_set_in_a_test_moves_its_begin() -> None:
    test = test_in(TestState.RUNNING, record=RECORD._replace(started_at=5.0))
    moved, ctx = stepped(test)
    assert moved.test.record is not None
    assert moved.test.record.started_at == WALL_0 - 600.0
    assert saved(ctx) == [("running", False)]
    assert saved(stepped(test_in(TestState.RUNNING))[1]) == []


def test_what_is_idle_or_delayed_stays_so() -> None:
    for test in (IDLE, test_in(TestState.DELAYED)):
        assert stepped(test)[0] == Moved(test)


# --- The way back: charger, supply, watch; and what happens when there is no way back ------------

STEPS = pytest.mark.parametrize("dt", [0.1, 1.0])


@STEPS
@pytest.mark.parametrize("volts", VOLTS)
def test_charger_first_supply_2_s_later_and_5_s_of_watching(volts: int, dt: float) -> None:
    station = rested(volts, dt=dt)
    start(station)
    station.run(20.0)
    asked = station.now
    station.ask(StopTest("test"))
    assert (station.state.outputs.k1, station.state.outputs.k2) == (True, False)
    assert station.until(lambda s: not s.state.outputs.k1, 10.0)
    assert station.now - asked == pytest.approx(2.0, abs=2.1 * dt)
    assert phase(station) == "returning"
    released = station.now
    assert station.until(lambda s: phase(s) == "idle", 10.0)
    assert station.now - released == pytest.approx(5.0, abs=2.1 * dt)
    sense = station.plant.sense()
    assert sense.supply_a > 1.9
    assert sense.charger_a > 0.1
    assert station.plant.dropped_s == 0.0
    assert station.plant.lowest_v_block > 11.5
    assert last(station).type == "1"


@STEPS
def test_a_bus_that_stays_low_gets_the_battery_back(dt: float) -> None:
    bench = Bench(dt=dt)
    bench.start()
    bench.ask(StopTest("test"))
    while bench.state.outputs.k1:
        bench.step()
    bench.put(load_v=11.4, supply_v=11.7)
    bench.run(4.0)
    assert not bench.state.outputs.k1
    bench.run(2.5)
    assert bench.state.outputs.k1
    bench.free("load_v", "supply_v")
    bench.run(3.0)
    record = bench.records[1]
    assert record.state == "finished"
    assert "return_failed" in record.marks
    assert bench.state.on_battery
    assert bench.state.transfer.wait_s == 20.0
    bench.run(40.0)
    assert not bench.state.outputs.k1
    assert not bench.state.on_battery
    assert bench.records[2].state == "finished"


@STEPS
def test_a_supply_that_goes_as_the_load_returns_costs_the_load_nothing(dt: float) -> None:
    station = rested(dt=dt, ups__enabled=False)
    start(station)
    station.run(20.0)
    station.ask(StopTest("test"))
    assert station.until(lambda s: not s.state.outputs.k1, 10.0)
    supply(station, False)
    station.run(20.0)
    assert phase(station) == "idle"
    assert station.state.outputs.k1
    assert station.state.on_battery
    assert station.plant.dropped_s == 0.0
    supply(station, True)
    station.run(60.0)
    assert not station.state.on_battery
    assert station.plant.dropped_s == 0.0


@STEPS
@pytest.mark.parametrize("volts", [12, 48])
@pytest.mark.parametrize("ups", [True, False])
@pytest.mark.long
def test_a_supply_lost_in_a_test_is_carried_as_an_outage(volts: int, ups: bool, dt: float) -> None:
    station = rested(volts, dt=dt, ups__enabled=ups)
    start(station)
    station.run(60.0)
    supply(station, False)
    station.run(5.0)
    test, outage = station.records[1], station.records[2]
    assert (test.state, test.result) == ("finished", "aborted")
    assert test.reason == "The supply was lost (0.00 V)."
    assert test.duration_s == pytest.approx(62.0, abs=4.0)
    assert (outage.type, outage.state, outage.marks) == ("outage", "running", ("after_test:1",))
    station.run(100.0 if dt < 1.0 else 300.0)
    assert station.state.outputs.k1
    assert not station.state.outputs.k2
    assert station.state.on_battery
    supply(station, True)
    station.run(9.0)
    assert station.state.outputs.k1, "the supply must be present for 10 s"
    station.run(10.0)
    assert not station.state.outputs.k1
    assert station.records[2].reason == "The supply is back."
    station.run(20.0)
    assert station.state.outputs.k3 is not ups
    assert station.plant.dropped_s == 0.0
    assert station.plant.dead_s == 0.0
    assert len(station.records) == 2


@STEPS
@pytest.mark.parametrize("alive", [True, False])
def test_with_a_bad_supply_reading_k1_is_released_and_the_guard_decides(
    alive: bool, dt: float
) -> None:
    station = rested(dt=dt, ups__enabled=False)
    start(station)
    station.run(60.0)
    station.lies["supply_v"] = None
    if not alive:
        supply(station, False)
    station.run(8.0)
    assert not station.state.outputs.k1
    assert not station.state.outputs.k3
    station.run(30.0)
    assert (phase(station), station.records[1].result) == ("idle", "aborted")
    assert station.records[1].reason == "A needed sensor has no good reading."
    assert station.plant.sense().guard is not alive
    assert station.plant.sense().load_v > 11.5
    assert station.plant.dropped_s == 0.0
    assert station.state.on_battery is not alive
    del station.lies["supply_v"]
    station.run(30.0)
    assert station.state.outputs.k1 is not alive, "UPS mode is off, but the outage is carried"
    assert station.plant.dropped_s == 0.0


@STEPS
def test_an_outage_goes_on_under_the_guard_when_the_supply_reading_dies(dt: float) -> None:
    station = rested(dt=dt)
    supply(station, False)
    station.run(30.0)
    assert station.state.outputs.k1
    station.lies["supply_v"] = None
    station.run(60.0)
    assert not station.state.outputs.k1
    assert station.plant.sense().guard
    assert station.state.on_battery
    assert "The supply is back." not in station.records[1].reason
    del station.lies["supply_v"]
    station.run(30.0)
    assert station.state.outputs.k1
    supply(station, True)
    station.run(60.0)
    assert station.records[1].reason == "The supply is back."
    assert len(station.records) == 1
    assert station.plant.dropped_s == 0.0


def test_a_supply_that_flickers_at_the_end_of_a_test_does_not_hold_the_battery_for_ever() -> None:
    bench = Bench(dt=0.5, lvd__enabled=True)
    bench.start()
    bench.run(30.0)
    bench.ask(StopTest("test"))
    for second in range(90):
        bench.put(supply_v=11.45 if second % 2 else 11.55)
        bench.run(1.0)
    assert phase(bench) == "idle"
    assert bench.records[1].state == "finished"
    bench.put(supply_v=11.45, battery_v=10.4, load_v=10.37)
    bench.run(15.0)
    assert bench.state.lvd.is_open, "outside a test LVD protects the battery"


def test_a_welded_k1_is_told_within_5_s_and_the_load_is_fed_all_the_while() -> None:
    station = rested(dt=0.1)
    start(station)
    station.run(60.0)
    station.plant.relay_faults["k1"] = "welded"
    station.ask(StopTest("test"))
    assert station.until(lambda s: not s.state.outputs.k1, 5.0)
    station.run(5.0)
    assert station.state.relays.faulty == ("k1",)
    assert "relay.k1" in station.state.alarms.keys
    station.run(30.0)
    assert station.records[1].state == "finished"
    assert station.plant.dropped_s == 0.0


@STEPS
def test_a_charger_that_does_not_come_back_is_told_after_60_s(dt: float) -> None:
    station = rested(dt=dt)
    start(station)
    station.run(60.0)
    station.ask(StopTest("test"))
    station.plant.charger.switch(False)
    station.plant.touch()
    ended = station.now
    assert station.until(lambda s: "charger.lost" in s.state.alarms.keys, 90.0)
    assert station.now - ended == pytest.approx(60.0, abs=2.5)


def test_a_charger_in_bulk_below_its_presence_volts_is_not_lost() -> None:
    station = rested(dt=1.0, rated_ah=7.0, load_a=5.0)
    start(station, "2")
    station.plant.battery.set_soc(0.5)
    station.plant.touch()
    station.run(30.0)
    station.ask(StopTest("test"))
    station.run(300.0)
    assert station.plant.sense().charger_v < 12.6
    assert "charger.lost" not in station.state.alarms.keys


def test_a_return_is_told_once() -> None:
    station = rested(dt=0.1)
    start(station)
    station.run(10.0)
    station.ask(StopTest("test"))
    station.run(60.0)
    reported = sentences(station)
    assert len(reported) == len(set(reported))
    assert sum("Returning" in text for text in reported) == 1


# --- the daemon's own end ------------------------------------------------------------------------


@pytest.mark.parametrize("where", ["proving", "running", "returning", "outage", "delayed", "idle"])
def test_the_daemons_stop_closes_everything_and_releases_everything(where: str) -> None:
    station = rested(dt=1.0)
    if where == "outage":
        supply(station, False)
        station.run(30.0)
    elif where == "delayed":
        assert station.ask(StartTest("1", 2.0, "test")).ok
    elif where != "idle":
        start(station) if where != "proving" else station.ask(StartTest("1", source="test"))
        station.run(5.0)
        if where == "returning":
            station.ask(StopTest("test"))
    state, actions = let_go(station.state, station.inputs, "The daemon stopped.", station.now)
    station.state = state
    station._carry_out(actions, (), 0)
    assert state.outputs == SAFE_OUTPUTS
    if where in ("proving", "running", "returning"):
        record = station.records[1]
        assert (record.state, record.result) == ("finished", "aborted")
        assert record.reason == "The daemon stopped."
        assert state.test.state.value == "idle"
    elif where == "outage":
        assert station.records[1].state == "finished"
        assert state.transfer.carried
    elif where == "delayed":
        assert state.test.state.value == "delayed"
        assert station.records[1].state == "delayed"
    station.drive()
    station.pass_time(3.0)
    assert station.plant.dropped_s == 0.0


@pytest.mark.parametrize("where", ["proving", "running", "returning"])
@pytest.mark.parametrize("mains", [True, False])
def test_after_a_crash_the_load_is_fed_and_the_test_is_aborted(where: str, mains: bool) -> None:
    station = rested(dt=1.0, ups__enabled=False)
    if where == "proving":
        station.ask(StartTest("1", source="test"))
    else:
        start(station)
    station.run(10.0)
    if where == "returning":
        station.ask(StopTest("test"))
    if not mains:
        supply(station, False)
    station.crash(20.0)
    record = station.records[1]
    assert (record.state, record.result) == ("finished", "aborted")
    station.run(120.0)
    assert station.state.on_battery is not mains
    assert station.state.outputs.k3 is mains, "UPS mode is off, but the outage is carried over"
    assert station.plant.dropped_s == 0.0
    assert station.ask(StartTest("1", source="test")).ok is mains


def test_a_record_left_open_by_a_dead_daemon_is_closed() -> None:
    left = TestRecord(3, "1", state="running", started_at=1.0)
    closed = closed_after_death(left, 500.0, 77.0)
    assert (closed.state, closed.result, closed.duration_s) == ("finished", "aborted", 77.0)
    judged = left._replace(state="returning", result="low", reason="Too short.", duration_s=60.0)
    closed = closed_after_death(judged, 500.0, 77.0)
    assert (closed.result, closed.reason, closed.duration_s) == ("low", "Too short.", 60.0)
    outage = closed_after_death(left._replace(type="outage"), 500.0, 77.0)
    assert (outage.result, outage.reason) == ("none", "The daemon stopped in the outage.")


def test_a_verdict_that_was_reached_before_the_death_counts() -> None:
    low = TestRecord(3, "1", state="finished", result="low", estimate_s=3600.0)
    health = adopt(CapacityHealth(), low)
    assert (health.state, health.low_alarm, health.last) == (Capacity.LOW, True, low)
    assert health.estimate is not None
    aborted = adopt(health, low._replace(n=4, result="aborted"))
    assert (aborted.state, aborted.low_alarm, aborted.measured) == (Capacity.LOW, True, low)


def test_a_stop_and_a_start_in_the_same_scan_leave_no_test_without_a_result() -> None:
    bench = Bench()
    bench.run(20.0)
    assert bench.ask(StartTest("1", 1.0, "a")).ok
    stopped, started = bench.step(StopTest("a"), StartTest("1", source="b"))
    assert stopped.ok
    assert (started.ok, started.text) == (False, "A test has just been stopped; ask again.")
    assert phase(bench) == "idle"
    assert bench.ask(StartTest("1", source="b")).ok
    bench.run(5.0)
    assert {n: r.state for n, r in bench.records.items()} == {1: "finished", 2: "proving"}


# --- The station's stories, each told over the simulated plant -----------------------------------


def rested_site(**settings: object) -> Station:
    plant = Plant(rated_ah=17.0)
    station = Station({"battery.rated_ah": 17, **settings}, plant=plant)
    station.plant.load.hold(2.0)
    station.run(30.0)
    return station


def test_a_type_1_test_moves_the_load_and_brings_it_back() -> None:
    station = rested_site()
    answer = station.ask(StartTest("1", source="test"))
    assert answer.ok, answer.text
    assert station.until(lambda s: s.state.test.state.value == "running", 60.0), station.events
    sense = station.plant.sense()
    assert sense.battery_a < -1.9
    assert sense.supply_a < 0.5
    station.run(1800.0)
    running = station.state.test.record
    assert running is not None
    assert running.estimate_s is not None  # people see it while the test runs
    assert station.until(lambda s: s.state.test.state.value == "idle", 5 * 3600.0)
    record = station.records[1]
    assert record.state == "finished"
    assert record.result in ("good", "low")
    assert record.estimate_s is not None
    station.run(20.0)
    assert station.plant.sense().supply_a > 1.9
    assert station.plant.dropped_s == 0.0
    assert not station.state.outputs.k1
    assert not station.state.outputs.k2
    assert station.state.alarms.keys in ((), ("battery.low_capacity",))


@pytest.mark.parametrize("volts", [12, 48])
@pytest.mark.parametrize("ends", ["by command", "by its checks"])
def test_no_load_goes_back_to_a_supply_that_is_about_to_be_lost(ends: str, volts: int) -> None:
    """K1 let it go to 10.6 V a block as the test ended within 2 s of the supply's sinking."""
    station = rested(volts, dt=0.1)
    station.ask(StartTest("2", source="test"))
    station.run(3.0)
    station.plant.load.hold(0.05)  # too little to be seen on the battery
    assert station.until(lambda s: s.state.outputs.k1, 60.0)
    station.plant.supply.volts = 10.9 * volts / 12
    station.plant.touch()
    station.tick()
    assert phase(station) == "proving"
    if ends == "by command":
        assert station.ask(StopTest("test")).ok
    assert station.until(lambda s: phase(s) == "idle", 3.0)
    assert station.state.outputs.k1
    assert not station.state.outputs.k2
    station.run(60.0)
    assert station.state.outputs.k1
    station.plant.supply.volts = 13.6 * volts / 12
    station.plant.touch()
    station.run(20.0)
    assert not station.state.outputs.k1
    assert station.plant.dropped_s == 0.0
