"""An outage's record: what it begins with, measures and ends with, whatever the clock does."""

from __future__ import annotations

import pytest
from core_scenes import WALL_0, Station, last, lie, rested, start, step_context, supply

from btrmd.core.capacity_test.progress import Progress, advance, ended, restamped
from btrmd.core.machines.condition import StartCondition
from btrmd.core.machines.flood import NO_FLOOD, Flood
from btrmd.core.outage import NO_OUTAGE, Outage, close, step_outage, take_estimate
from btrmd.core.scan.actions import SaveRecord, Tell, WantEstimate
from btrmd.core.scan.context import StepContext
from btrmd.model.commands import EstimateReady, StartTest, StopTest
from btrmd.model.discharge import Estimate, TestRecord
from btrmd.model.events import Kind

# --- An outage's record, step by step: what it begins with, measures, and ends with --------------

RECORD = TestRecord(n=7, type="outage", state="running", started_at=WALL_0 - 700.0)
GIVES = {"battery_v": 12.0, "battery_a": -2.0, "temperature": 20.0}


def stepped(
    outage: Outage, ctx: StepContext, on: bool = True, flood: Flood = NO_FLOOD,
    carried_from: int | None = None, charge: float | None = None, full: bool = True,
) -> Outage:  # fmt: skip
    stands = StartCondition(charge=charge, is_full=full)
    return step_outage(outage, on, 7, carried_from, stands, "The supply is back.", flood, ctx)


def told(ctx: StepContext) -> list[tuple[Kind, object, str]]:
    return [(a.event.kind, a.event.value, a.event.text) for a in ctx.actions
            if isinstance(a, Tell)]  # fmt: skip


def test_it_begins_with_a_record_a_curve_and_an_event() -> None:
    ctx = step_context(changes={"test.minimum_runtime_min": 30})
    made = stepped(NO_OUTAGE, ctx, charge=0.9)
    record = made.record
    assert record is not None
    assert (record.n, record.type, record.state, record.source) == (7, "outage", "running", "core")
    assert (record.started_at, record.minimum_runtime_s, record.marks) == (WALL_0, 1800.0, ())
    assert record.started_at_charge == 0.9
    assert (made.progress.t0, made.asked_at, made.measured_s) == (1000.0, 1000.0, None)
    assert [(a.record, a.curve) for a in ctx.actions if isinstance(a, SaveRecord)] == [
        (record, True)
    ]
    assert told(ctx) == [(Kind.RAISE, True, "The load runs on the battery.")]
    assert stepped(NO_OUTAGE, step_context(), on=False) is NO_OUTAGE


def test_what_marks_it_at_its_begin() -> None:
    marked = stepped(NO_OUTAGE, step_context(), carried_from=3, full=False,
                     flood=Flood((1.0, 2.0), held=True))  # fmt: skip
    assert marked.record is not None
    assert marked.record.marks == ("after_test:3", "not_full", "chattering")
    ctx = step_context()
    stepped(NO_OUTAGE, ctx, flood=Flood((1.0, 2.0), held=True))
    assert told(ctx)[0][2].startswith("The load runs on the battery. It is chattering: 2 times")


def running(elapsed: float, **more: object) -> Outage:
    window = tuple((1000.0 - s, 10.9) for s in (4.0, 3.0, 2.0, 1.0))
    progress = Progress(t0=1000.0 - elapsed, charge_as=1200.0, seconds=600.0, temp_ks=12000.0,
                        temp_s=600.0, window=window)  # fmt: skip
    record = RECORD._replace(started_at=WALL_0 - elapsed)
    return Outage(record, progress, asked_at=940.0)._replace(**more)


def wants(elapsed: float, asked_at: float) -> bool:
    ctx = step_context(**GIVES)  # type: ignore[arg-type]
    made = stepped(running(elapsed, asked_at=asked_at), ctx)
    wanted = [a.n for a in ctx.actions if isinstance(a, WantEstimate)]
    assert made.asked_at == (1000.0 if wanted else asked_at)
    assert wanted in ([], [7])
    return bool(wanted)


def test_after_10_min_it_is_estimated_once_a_minute() -> None:
    assert wants(600.0, 940.0)
    assert not wants(599.9, 940.0)
    assert not wants(600.0, 940.1)


def reached(elapsed: float, volts: float, before: float | None = None) -> float | None:
    ctx = step_context(**{**GIVES, "battery_v": volts})  # type: ignore[arg-type]
    return stepped(running(elapsed, measured_s=before), ctx).measured_s


def test_the_cutoff_counts_once_after_10_min() -> None:
    # four readings of 10.9 V and this one: 11.0 V is their mean at 11.4 V
    assert reached(700.0, 11.3) == 700.0
    assert reached(700.0, 11.4) is None
    assert reached(600.0, 11.3) is None
    assert reached(600.1, 11.3) == pytest.approx(600.1)
    assert reached(700.0, 11.3, before=650.0) == 650.0


def test_what_the_charger_gives_back_is_no_part_of_it() -> None:
    outage = running(700.0)
    made = stepped(outage, step_context(**{**GIVES, "battery_a": 0.1}))  # type: ignore[arg-type]
    assert made.progress is outage.progress
    made = stepped(outage, step_context(**{**GIVES, "battery_a": 0.0}))  # type: ignore[arg-type]
    assert made.progress is outage.progress
    assert made.relieved_s == outage.relieved_s + 0.1
    made = stepped(outage, step_context(**GIVES))  # type: ignore[arg-type]
    assert made.progress is not outage.progress
    assert made.relieved_s == outage.relieved_s
    made = stepped(outage, step_context(**{**GIVES, "battery_a": None}))  # type: ignore[arg-type]
    assert made.progress is not outage.progress


def test_it_ends_with_what_was_measured() -> None:
    ctx = step_context(**GIVES)  # type: ignore[arg-type]
    estimate = Estimate(3600.0, 3000.0, 4000.0)
    outage = running(700.0, estimate=estimate)
    assert stepped(outage, ctx, on=False) is NO_OUTAGE
    saved = [a for a in ctx.actions if isinstance(a, SaveRecord)]
    assert [a.finished for a in saved] == [True]
    record = saved[0].record
    assert (record.state, record.reason, record.ended_at) == (
        "finished", "The supply is back.", WALL_0,
    )  # fmt: skip
    assert (record.duration_s, record.average_current) == (700.0, 2.0)
    assert (record.average_temperature, record.end_voltage) == (20.0, 10.9)
    assert record.estimate_s == 3600.0
    assert "reached_cutoff" not in record.marks
    assert told(ctx) == [(Kind.CLEAR, False, "Outage over: The supply is back.")]


def test_one_that_reached_the_cutoff_has_measured_its_run_time() -> None:
    ctx = step_context(**GIVES)  # type: ignore[arg-type]
    close(running(700.0, measured_s=650.0), "LVD opened.", ctx)
    record = next(a.record for a in ctx.actions if isinstance(a, SaveRecord))
    assert "reached_cutoff" in record.marks
    assert record.estimate_s == 650.0
    assert told(ctx) == [(Kind.CHANGE, False, "The battery no longer feeds the load: LVD opened.")]
    ctx = step_context()
    assert close(NO_OUTAGE, "x", ctx) is NO_OUTAGE
    assert ctx.actions == []


def test_what_the_estimate_has_found_stays_with_the_record() -> None:
    for found, marks in ((("load_changed", "unheard_of"), ("load_changed",)), ((), ())):
        ctx = step_context(**GIVES)  # type: ignore[arg-type]
        estimate = Estimate(3600.0, 3000.0, 4000.0, findings=found)
        close(running(700.0, estimate=estimate), "The supply is back.", ctx)
        record = next(a.record for a in ctx.actions if isinstance(a, SaveRecord))
        assert record.marks == marks


def test_an_estimate_is_taken_for_its_own_record_only() -> None:
    outage, ready = running(700.0), EstimateReady(7, Estimate(3600.0, 3000.0, 4000.0))
    made = take_estimate(outage, ready)
    assert made.estimate == ready.estimate
    assert made.record is not None
    assert made.record.estimate_s == 3600.0
    assert take_estimate(outage, ready._replace(test_n=8)) is outage
    assert take_estimate(outage, ready._replace(estimate=None)) is outage
    assert take_estimate(NO_OUTAGE, ready) is NO_OUTAGE


# --- progress: sums and wall times ----------------------------------------------------------------


def test_progress_adds_what_is_known() -> None:
    before = Progress(1.0, 10.0, 5.0, 100.0, 5.0, ((994.9, 11.0), (995.0, 12.0), (999.0, 12.2)))
    made = advance(before, step_context(dt=2.0, **GIVES))  # type: ignore[arg-type]
    assert made == Progress(
        1.0, 14.0, 7.0, 140.0, 7.0, ((995.0, 12.0), (999.0, 12.2), (1000.0, 12.0))
    )  # fmt: skip
    assert made.mean_a == 2.0
    assert made.mean_temp == 20.0
    assert made.charge_ah == pytest.approx(14.0 / 3600.0)
    assert made.mean_v == pytest.approx(12.066667)
    assert made.window_s == 5.0
    bad = {"battery_v": None, "battery_a": None, "temperature": None}
    made = advance(before, step_context(dt=2.0, **bad))
    assert made == before._replace(window=((995.0, 12.0), (999.0, 12.2)))
    half = Progress(charge_as=1.0, seconds=0.5, temp_ks=10.0, temp_s=0.5)
    assert (half.mean_a, half.mean_temp) == (2.0, 20.0)
    empty = Progress()
    assert (empty.mean_a, empty.mean_temp, empty.mean_v, empty.window_s) == (None, None, None, 0.0)


def test_a_clock_that_is_set_moves_the_begin_of_a_record() -> None:
    inputs = step_context().inputs
    for off, moved in ((60.0, False), (-60.0, False), (60.1, True), (-60.1, True)):
        record = RECORD._replace(started_at=WALL_0 - 100.0 + off)
        made = restamped(record, 100.0, inputs)
        assert (made is not record) is moved, off
        assert made.started_at == pytest.approx(WALL_0 - 100.0 + (0.0 if moved else off))
    assert restamped(RECORD, 1e12, inputs).started_at == 0.0
    made = ended(RECORD._replace(started_at=WALL_0 - 100.0), 100.0, inputs)
    assert (made.ended_at, made.marks) == (WALL_0, ())
    unset = inputs._replace(clock_ok=False)
    marked = ended(made, 100.0, unset)
    assert marked.marks == ("clock_not_set",)
    assert ended(marked, 100.0, unset).marks == ("clock_not_set",)


# --- A wall clock that is not set, or set in the middle: durations and charge do not go by it ----

UNSET = 60.0  # 1970-01-01
AHEAD = WALL_0 + 12 * 365.0 * 86400.0
BACK = WALL_0 - 365.0 * 86400.0


def set_clock(station: Station, wall: float) -> None:
    station.wall = wall
    station.clock_ok = wall >= BACK


def outage(station: Station, then: float | None = None) -> TestRecord:
    """An outage of 1200 s; after half of it the clock says `then`."""
    supply(station, False)
    station.run(600.0)
    if then is not None:
        set_clock(station, then)
        station.run(2.0)
        running = last(station)
        assert running.started_at == pytest.approx(max(0.0, station.wall - 600.0), abs=10.0)
    station.run(600.0)
    supply(station, True)
    assert station.until(lambda s: last(s).state == "finished", 60.0)
    return last(station)


def capacity_test(station: Station, then: float | None = None) -> TestRecord:
    start(station)
    station.run(600.0)
    if then is not None:
        set_clock(station, then)
    station.run(600.0)
    assert station.ask(StopTest("test")).ok
    assert station.until(lambda s: last(s).state == "finished", 60.0)
    return last(station)


@pytest.mark.parametrize("then", [UNSET, AHEAD, BACK, WALL_0 + 90.0])
@pytest.mark.parametrize("discharge", [outage, capacity_test], ids=["outage", "test"])
def test_a_record_lasts_as_long_as_it_lasted_whatever_the_clock_does(
    discharge: object, then: float
) -> None:
    assert callable(discharge)
    station = rested()
    record: TestRecord = discharge(station, then)
    assert record.duration_s == pytest.approx(1205.0, abs=40.0)
    assert record.ended_at is not None
    if then != UNSET:
        assert record.ended_at - record.started_at == pytest.approx(record.duration_s, abs=75.0)
        assert "clock_not_set" not in record.marks
    else:
        assert 0.0 <= record.started_at <= record.ended_at
        assert "clock_not_set" in record.marks


@pytest.mark.parametrize("discharge", [outage, capacity_test], ids=["outage", "test"])
def test_a_clock_that_was_never_set_is_marked(discharge: object) -> None:
    assert callable(discharge)
    station = rested()
    set_clock(station, UNSET)
    record: TestRecord = discharge(station)
    assert record.marks.count("clock_not_set") == 1
    assert record.duration_s == pytest.approx(1205.0, abs=40.0)


@pytest.mark.parametrize("discharge", [outage, capacity_test], ids=["outage", "test"])
def test_a_clock_set_in_the_middle_dates_the_start_too(discharge: object) -> None:
    assert callable(discharge)
    station = rested()
    set_clock(station, UNSET)
    record: TestRecord = discharge(station, WALL_0)
    assert "clock_not_set" not in record.marks
    assert record.started_at == pytest.approx(WALL_0 - 600.0, abs=40.0)


def test_a_delayed_test_that_is_taken_back_ends_when_it_is_taken_back() -> None:
    station = rested()
    assert station.ask(StartTest("1", 2.0, source="test")).ok
    set_clock(station, AHEAD)
    assert station.ask(StopTest("test")).ok
    record = last(station)
    assert record.started_at == record.ended_at == pytest.approx(AHEAD, abs=5.0)


@pytest.mark.parametrize("text", ["-1.0", "noise:1.2", "hold"])
@pytest.mark.parametrize(("volts", "load_a", "rated_ah"), [(12, 5.0, 7.0), (48, 2.0, 4.0)])
def test_a_battery_current_that_lies_carries_no_load_that_the_lvd_has_made_dark(
    volts: int, load_a: float, rated_ah: float, text: str
) -> None:
    """It was told to run on the battery, beside "LOAD DISCONNECTED", in up to eight records."""
    station = rested(volts, load_a=load_a, rated_ah=rated_ah, lvd__enabled=True)
    station.plant.battery.set_soc(0.3)  # type: ignore[union-attr]
    supply(station, False)
    station.run(60.0)
    lie(station, "battery.current", text)
    assert station.until(lambda s: s.state.lvd.is_open, 6000.0)
    station.run(10.0)
    events, records = len(station.kinds("ups.on_battery")), len(station.records)
    station.run(300.0)
    assert not station.state.on_battery
    assert (len(station.kinds("ups.on_battery")), len(station.records)) == (events, records)


EMPTY = {**GIVES, "battery_v": 10.0}


def test_an_outage_whose_battery_reading_was_doubted_concludes_nothing() -> None:
    """Estimate, measured time and the wish for another estimate: also when it is well again."""
    made = Estimate(9000.0, 8000.0, 10000.0)
    progress = Progress(t0=0.0)
    outage = Outage(RECORD, progress, made, 0.0)
    ctx = step_context(1000.0, **EMPTY)  # type: ignore[arg-type]
    sure = stepped(outage, ctx)
    assert (sure.estimate, sure.measured_s, sure.is_doubted) == (made, 1000.0, False)
    assert [a for a in ctx.actions if isinstance(a, WantEstimate)] != []
    ctx = step_context(1000.0, **EMPTY)  # type: ignore[arg-type]
    ctx.doubts = {"battery.voltage": "It is."}
    belied = stepped(outage, ctx)
    assert (belied.estimate, belied.measured_s, belied.is_doubted) == (None, None, True)
    ctx = step_context(1100.0, **EMPTY)  # type: ignore[arg-type]
    again = stepped(belied, ctx)
    assert (again.estimate, again.measured_s, again.is_doubted) == (None, None, True)
    assert [a for a in ctx.actions if isinstance(a, WantEstimate)] == []
    assert take_estimate(again, EstimateReady(7, made)) is again
    ctx = step_context(1000.0, **EMPTY)  # type: ignore[arg-type]
    ctx.doubts = {"supply.voltage": "It is."}
    assert not stepped(outage, ctx).is_doubted
