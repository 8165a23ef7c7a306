"""A discharge: what ends it, at which border, with which words; Type 2 in all its ends."""

from __future__ import annotations

import pytest
from core_scenes import VOLTS, Bench, last, phase, rested, start, step_context

from btrmd.core.capacity_test.discharge import step_discharge
from btrmd.core.capacity_test.progress import Progress
from btrmd.core.capacity_test.state import CapacityTest, End, Watch
from btrmd.core.capacity_test.type1 import Policy
from btrmd.core.machines.lvd import Lvd
from btrmd.core.machines.relaywatch import Contact, RelayWatch
from btrmd.core.scan.actions import WantEstimate
from btrmd.core.scan.context import StepContext
from btrmd.model.commands import StartTest, StopTest
from btrmd.model.discharge import Estimate, TestRecord, TestState
from btrmd.model.readings import BAD, STALE
from btrmd.model.site import Site

# --- A discharge, step by step: what ends it, at which border, and with which words --------------

NOW = 10_000.0
FEEDS = {"battery_v": 12.4, "battery_a": -2.0, "load_v": 12.35, "supply_a": 0.29,
         "charger_v": 0.0, "charger_a": 0.0}  # fmt: skip
WELL, NO_LVD = RelayWatch(), Lvd()


def running(elapsed: float, type_: str = "2", volts: float = 12.4, **more: object) -> CapacityTest:
    """A test `elapsed` s after time 0 whose last 4 s were at `volts`."""
    window = tuple((NOW - s, volts) for s in (4.0, 3.0, 2.0, 1.0))
    progress = Progress(t0=NOW - elapsed, charge_as=2.0 * elapsed, seconds=elapsed, window=window)
    record = TestRecord(n=7, type=type_, state="running")
    test = CapacityTest(state=TestState.RUNNING, record=record, k1=True, k2=True,
                        progress=progress, policy=Policy(planned_s=7200.0))  # fmt: skip
    return test._replace(**more)


def stepped(
    test: CapacityTest, relays: RelayWatch = WELL, lvd: Lvd = NO_LVD, **put: object
) -> tuple[CapacityTest, StepContext]:
    ctx = step_context(NOW, **{**FEEDS, **put})  # type: ignore[arg-type]
    return step_discharge(test, relays, lvd, ctx), ctx


def ended(test: CapacityTest, **put: object) -> tuple[End, str]:
    made, _ = stepped(test, **put)  # type: ignore[arg-type]
    return made.end, made.reason


GOES_ON = (End.NONE, "")


def test_it_goes_on_until_the_planned_time_is_over() -> None:
    assert ended(running(7199.9)) == GOES_ON
    assert ended(running(7200.0)) == (End.PLANNED, "The planned 2 h 00 min are over.")
    made, _ = stepped(running(600.0))
    assert made.progress.window[-1] == (NOW, 12.4)


def test_within_the_first_minutes_only_2_s_below_10_5_v_end_it() -> None:
    """A battery dips as its load comes, and recovers."""
    low = {"battery_v": 10.4, "load_v": 10.4}
    young = running(600.0, volts=10.4)
    made, _ = stepped(young, **low)
    assert (made.end, made.watch.early_low) == (End.NONE, NOW)
    since = young._replace(watch=Watch(early_low=NOW - 1.9))
    assert ended(since, **low) == GOES_ON
    since = young._replace(watch=Watch(early_low=NOW - 2.0))
    assert ended(since, **low) == (End.CUTOFF, "The battery fell to 10.40 V within minutes.")
    made, _ = stepped(since, battery_v=10.5, load_v=10.5)
    assert (made.end, made.watch.early_low) == (End.NONE, None)


def test_later_the_mean_of_5_s_below_11_0_v_ends_it() -> None:
    later = running(601.0, "1", volts=11.0)
    assert ended(later, battery_v=10.9, load_v=10.9)[0] is End.CUTOFF
    assert ended(later, battery_v=10.9, load_v=10.9)[1] == "The battery reached 11.00 V."
    two = running(601.0, "2", volts=11.0)
    assert ended(two, battery_v=11.0, load_v=11.0, changes={"test.type2_minimum_mv": 11000}) == (
        GOES_ON
    )
    # for Type 2 the level is its own
    high = {"changes": {"test.type2_minimum_mv": 12500}}
    assert ended(running(601.0, "2", volts=12.4), **high) == (
        End.CUTOFF, "The battery reached 12.50 V.",
    )  # fmt: skip
    assert ended(running(601.0, "2", volts=12.6), battery_v=12.6, load_v=12.55, **high) == GOES_ON
    # a window that is shorter says too little
    short = later._replace(progress=later.progress._replace(window=((NOW - 3.8, 10.0),)))
    assert ended(short, battery_v=10.0, load_v=10.0)[0] is End.NONE
    whole = later._replace(progress=later.progress._replace(window=((NOW - 3.91, 10.0),)))
    assert ended(whole, battery_v=10.0, load_v=10.0)[0] is End.CUTOFF


def test_without_a_reading_of_the_last_5_s_nothing_is_told() -> None:
    blind = running(700.0)
    blind = blind._replace(progress=blind.progress._replace(window=()))
    assert ended(blind, battery_v=None) == GOES_ON
    assert ended(blind, battery_v=None, guard=True) == (End.ABORT, "The bus guard closed.")
    one = running(700.0, "1")
    one = one._replace(progress=one.progress._replace(window=()))
    assert ended(one, battery_v=None) == GOES_ON


def test_a_relay_that_is_faulty_aborts_it() -> None:
    made, _ = stepped(running(600.0), RelayWatch(k2=Contact(faulty=True)))
    assert made.end is End.ABORT
    assert "K2" in made.reason


def test_a_guard_that_closes_ends_it_by_what_the_battery_says() -> None:
    assert ended(running(600.0), guard=True) == (End.ABORT, "The bus guard closed.")
    low = running(700.0, "2", volts=11.15)
    own = {"changes": {"test.type2_minimum_mv": 11000}}
    assert ended(low, guard=True, battery_v=11.15, load_v=11.1, **own) == (
        End.CUTOFF, "The battery reached 11.00 V.",
    )  # fmt: skip
    high = running(700.0, "2", volts=11.25)
    assert ended(high, guard=True, battery_v=11.25, load_v=11.2, **own)[0] is End.ABORT
    # the mean of 5 s says more than one scan, which is told
    dip = high._replace(progress=high.progress._replace(window=((NOW - 4.0, 12.0), (NOW, 10.4))))
    assert ended(dip, guard=True, battery_v=11.3, load_v=11.25, **own) == (
        End.ABORT, "The bus guard closed: the battery fell to 10.40 V.",
    )  # fmt: skip
    # a level of its own that is higher does not count here
    twelve = {"changes": {"test.type2_minimum_mv": 11500}}
    between = running(700.0, "2", volts=11.6)
    assert ended(between, guard=True, battery_v=11.6, load_v=11.5, **twelve)[0] is End.ABORT


def test_an_lvd_that_is_due_ends_it() -> None:
    made, _ = stepped(running(600.0), lvd=Lvd(False, NOW - 10.0))
    assert (made.end, made.reason) == (End.CUTOFF, "The low-voltage disconnect is due.")
    made, _ = stepped(running(600.0), lvd=Lvd(False, NOW - 9.9))
    assert made.end is End.NONE


def test_no_verdict_comes_from_two_readings_that_contradict_each_other() -> None:
    test = running(7200.0)
    assert ended(test, load_v=11.91)[0] is End.PLANNED
    assert ended(test, load_v=11.89) == (
        End.ABORT,
        "No verdict: the battery voltage (12.40 V) and the load voltage (11.89 V) contradict each "
        "other.",
    )
    assert ended(test, load_v=12.91)[0] is End.ABORT
    # what goes on is judged by others
    assert ended(running(600.0), load_v=11.0) == GOES_ON
    low = running(600.0, "2", volts=11.0)
    assert ended(low, guard=True, battery_v=11.0, load_v=9.0)[0] is End.CUTOFF


# --- Type 1 --------------------------------------------------------------------------------------


def test_at_the_highest_load_it_must_hold_11_6_v() -> None:
    reason = "The battery is below 11.60 V at the highest load seen."
    low = running(601.0, "1", volts=11.55, top_load_a=2.0)
    put = {"battery_v": 11.55, "load_v": 11.5}
    assert ended(low, **put) == (End.EARLY, reason)
    assert ended(running(600.0, "1", volts=11.55, top_load_a=2.0), **put) == GOES_ON
    assert ended(running(601.0, "1", volts=11.6, top_load_a=2.0), battery_v=11.6, load_v=11.5) == (
        GOES_ON
    )
    # a load of 0.95 of the highest counts, a smaller one does not
    assert ended(low._replace(top_load_a=2.1), **put) == (End.EARLY, reason)
    assert ended(low._replace(top_load_a=2.2), **put) == GOES_ON
    made, _ = stepped(low, load_a=3.0, battery_a=-3.0)
    assert made.top_load_a == 3.0
    made, _ = stepped(low._replace(top_load_a=2.05), **put)
    assert made.top_load_a == 2.05
    assert ended(low, **put, load_a=None) == GOES_ON
    # Type 2 has its own level
    assert ended(running(601.0, "2", volts=11.55), changes={"test.type2_minimum_mv": 11000},
                 **put) == GOES_ON  # fmt: skip


def asked(test: CapacityTest, **put: object) -> bool:
    made, ctx = stepped(test, **put)  # type: ignore[arg-type]
    wanted = [a.n for a in ctx.actions if isinstance(a, WantEstimate)]
    assert wanted in ([], [7])
    if wanted:
        assert made.asked_at == NOW
        assert made.policy.evaluated_at == pytest.approx(NOW - made.progress.t0)
    return bool(wanted)


def test_an_estimate_is_asked_for_once_a_minute_after_20_min() -> None:
    assert asked(running(1200.0, "1"))
    assert not asked(running(1199.9, "1"))
    assert not asked(running(1200.0, "2"))
    lately = Policy(planned_s=7200.0, evaluated_at=1141.0)
    assert not asked(running(1200.0, "1", policy=lately))
    # while one is outstanding no other is asked for, for 30 s at most
    assert not asked(running(1300.0, "1", asked_at=NOW - 29.9))
    assert asked(running(1300.0, "1", asked_at=NOW - 30.0))


def test_it_ends_early_when_enough_is_known() -> None:
    knee = Estimate(90_000.0, 80_000.0, 100_000.0, is_knee=True)
    assert ended(running(600.0, "1", estimate=knee)) == (
        End.EARLY, "The voltage falls ever faster: the end is near.",
    )  # fmt: skip
    plain = knee._replace(is_knee=False)
    assert ended(running(600.0, "1", estimate=plain)) == GOES_ON
    assert ended(running(600.0, "2", estimate=knee)) == GOES_ON


# --- Every reason on which a running test ends, with its time and its sentence -------------------

STEPS = pytest.mark.parametrize("dt", [0.1, 1.0])


def running_bench(type_: str = "1", dt: float = 1.0, volts: int = 12, **settings: object) -> Bench:
    bench = Bench(volts=volts, dt=dt, **settings)
    bench.start(type_)
    return bench


def until_over(bench: Bench, limit_s: float) -> float:
    """Step until the discharge is over; the seconds it took."""
    began = bench.now
    while phase(bench) == "running" and bench.now - began < limit_s:
        bench.step()
    assert phase(bench) != "running", f"still running after {limit_s:g} s"
    return bench.now - began


def verdict(bench: Bench) -> tuple[str, str]:
    bench.free("battery_v", "supply_v", "temperature", "guard", "load_a", "load_v")
    bench.until("idle", 60.0)
    record = last(bench)
    assert record.state == "finished"
    return record.result, record.reason


@STEPS
@pytest.mark.parametrize("volts", VOLTS)
def test_the_cutoff_is_a_5_s_mean(volts: int, dt: float) -> None:
    bench = running_bench(dt=dt, volts=volts)
    bench.load_a = 3.0
    bench.run(10.0)
    bench.load_a = 2.0  # below the highest load seen the floor of 11.6 V does not count
    bench.run(600.0, dt=1.0)
    for battery_v in (12.4, 12.2, 12.0, 11.8, 11.7):  # at once it would be a cell that fails
        bench.put(battery_v=battery_v)
        bench.run(10.0)
    bench.put(battery_v=9.0)  # a second drags no mean of 5 s below 11 V ...
    bench.run(1.0)
    bench.put(battery_v=11.7)
    bench.run(10.0)
    assert phase(bench) == "running"
    bench.put(battery_v=10.99)  # ... five seconds do
    assert until_over(bench, 10.0) == pytest.approx(5.0, abs=1.1)
    result, reason = verdict(bench)
    assert f"The battery reached {11.0 * volts / 12:.2f} V." in reason
    assert result == "low"


@STEPS
def test_a_dip_in_the_first_10_min_is_no_cutoff(dt: float) -> None:
    bench = running_bench(dt=dt)
    bench.put(battery_v=10.51)
    bench.run(60.0)
    assert phase(bench) == "running"
    bench.free("battery_v")
    bench.run(560.0, dt=1.0)
    assert phase(bench) == "running"


@STEPS
def test_below_10_5_v_for_2_s_it_is_one_even_then(dt: float) -> None:
    bench = running_bench(dt=dt)
    bench.run(30.0)
    bench.put(battery_v=10.4)
    bench.run(1.0)
    bench.free("battery_v")
    bench.run(2.0)
    assert phase(bench) == "running"
    bench.put(battery_v=10.4)
    assert until_over(bench, 5.0) == pytest.approx(2.0, abs=1.01)
    result, reason = verdict(bench)
    assert (result, reason.split(".")[0]) == ("low", "The battery fell to 10")


def test_a_dip_that_lasts_ends_the_test_when_the_10_min_are_over() -> None:
    bench = running_bench()
    bench.put(battery_v=10.9)
    bench.run(580.0)
    assert phase(bench) == "running"
    until_over(bench, 30.0)
    result, _ = verdict(bench)
    assert result == "low"
    assert last(bench).duration_s == pytest.approx(600.0, abs=3.0)


def test_the_planned_end() -> None:
    bench = running_bench("2", test__type2_min=20)
    assert until_over(bench, 1300.0) == pytest.approx(1200.0, abs=5.0)
    assert bench.state.test.reason == "The planned 20 min are over."


def test_a_users_stop_returns_and_is_an_aborted_test() -> None:
    bench = running_bench()
    bench.run(100.0)
    assert bench.ask(StopTest("cli")).ok
    assert phase(bench) == "returning"
    assert not bench.state.outputs.k2
    again = bench.ask(StopTest("cli"))
    assert (again.ok, again.text) == (False, "The test is already returning to the supply.")
    assert verdict(bench) == ("aborted", "Stopped by cli.")
    assert last(bench).duration_s == pytest.approx(101.0, abs=3.0)
    idle = bench.ask(StopTest("cli"))
    assert (idle.ok, idle.text) == (False, "No test is running.")


ABORTS = [
    ({"supply_v": 11.4}, 2.0, "The supply was lost (11.40 V)."),
    ({"supply_v": -0.004}, 2.0, "The supply was lost (0.00 V)."),
    ({"temperature": 61.0}, 60.0, "Over-temperature: the enclosure is at 61.0 C."),
    ({"temperature": 45.0625}, 60.0, "The temperature of 45.1 C is outside 0 to 45 C."),
    ({"temperature": -0.0625}, 60.0, "The temperature of -0.1 C is outside 0 to 45 C."),
    ({"load_a": 22.1}, 5.0, "Over-current: the load takes 22.1 A."),
    ({"battery_v": BAD}, 2.0, "A needed sensor has no good reading."),
    ({"battery_a": STALE}, 2.0, "A needed sensor has no good reading."),
    ({"load_v": None}, 2.0, "A needed sensor has no good reading."),
    ({"load_a": None}, 2.0, "A needed sensor has no good reading."),
    ({"supply_v": None}, 2.0, "A needed sensor has no good reading."),
    ({"temperature": None}, 2.0, "A needed sensor has no good reading."),
    ({"guard": None}, 2.0, "A needed sensor has no good reading."),
    ({"guard": True}, 0.0, "The bus guard closed."),
    ({"supply_a": 2.4, "battery_a": 0.0}, 3.0, "Relay K1 does not move the load"),
    # closed, K2 ties the charger to the volts of the battery
    ({"charger_a": 0.5, "charger_v": 12.7}, 3.0, "Relay K2 does not switch the charger"),
]


@STEPS
@pytest.mark.parametrize(("channels", "delay_s", "words"), ABORTS)
@pytest.mark.long
def test_each_abort_has_its_time_and_its_sentence(
    channels: dict[str, object], delay_s: float, words: str, dt: float
) -> None:
    bench = running_bench(dt=dt)
    bench.run(120.0, dt=1.0)
    if delay_s >= 5.0:  # a shorter spell does nothing
        bench.put(**channels)
        bench.run(delay_s - 0.3)
        bench.free(*channels)
        bench.run(3.0)
        assert phase(bench) == "running"
    bench.put(**channels)
    assert until_over(bench, delay_s + 5.0) == pytest.approx(delay_s, abs=2.1)
    assert words in bench.records[1].reason or words in bench.state.test.reason
    assert not bench.state.outputs.k2
    bench.free(*channels)
    bench.until("idle", 30.0)
    assert bench.records[1].result == "aborted"
    assert words in bench.records[1].reason
    assert bench.records[1].reason.isascii()  # SNMP carries it as DisplayString


def test_the_400_is_over_its_rating_at_11_a() -> None:
    bench = Bench(site=Site(model="400"))
    bench.start()
    bench.load_a = 11.5
    until_over(bench, 10.0)
    assert verdict(bench) == ("aborted", "Over-current: the load takes 11.5 A.")


def test_a_lost_charger_or_a_full_event_disk_is_no_reason_to_end() -> None:
    bench = running_bench()
    bench.put(charger_v=0.0, charger_a=None, storage_ok=False, io1_v=None)
    bench.run(120.0)
    assert phase(bench) == "running"


def test_the_low_voltage_disconnect_waits_for_the_end_of_the_test() -> None:
    bench = running_bench(lvd__enabled=True)
    bench.run(590.0)
    bench.put(battery_v=10.45)
    while phase(bench) != "idle":
        assert not bench.state.outputs.k3, "K3 stays closed in a test"
        bench.step()
    assert last(bench).result == "low"
    bench.run(12.0)
    assert bench.state.lvd.is_open, "after the test it opens"


@pytest.mark.parametrize("volts", [12, 24])
def test_a_real_battery_runs_down_to_its_cutoff(volts: int) -> None:
    station = rested(volts, rated_ah=7.0, load_a=7.0, test__minimum_runtime_min=5)
    start(station)
    assert station.until(lambda s: phase(s) == "idle", 3 * 3600.0)
    record = last(station)
    assert record.result in ("good", "low")
    assert record.average_current == pytest.approx(7.0, rel=0.02)
    assert record.average_temperature == pytest.approx(25.0)
    assert station.plant.dropped_s == 0.0
    rows = station.curves[1]
    assert rows[0].time_s <= 1.0
    assert rows[-1].battery_v > 10.4 * volts / 12


# --- Type 2: a set time or a set voltage, and the verdict by the end voltage ---------------------


def run_test(bench: Bench, battery_v: float) -> None:
    bench.start("2")
    bench.put(battery_v=battery_v)
    while phase(bench) == "running":
        bench.step()
    bench.free("battery_v")
    bench.until("idle", 60.0)


@pytest.mark.parametrize("volts", VOLTS)
@pytest.mark.parametrize(("offset", "result"), [(0.0, "good"), (0.3, "good")])
def test_at_or_above_the_minimum_at_the_planned_time_is_good(
    volts: int, offset: float, result: str
) -> None:
    blocks = volts // 12
    minimum_mv = {12: 11800, 24: 23600, 36: 35400, 48: 47200}[volts]
    bench = Bench(volts=volts, test__type2_min=11)
    assert bench.state.setpoints.type2_minimum_v == minimum_mv / 1000.0
    run_test(bench, minimum_mv / 1000.0 / blocks + offset)
    record = last(bench)
    assert (record.result, record.type) == (result, "2")
    assert record.duration_s == pytest.approx(660.0, abs=3.0)
    assert record.end_voltage == pytest.approx(minimum_mv / 1000.0 + offset * blocks)
    assert record.reason.startswith("The planned 11 min are over.")


def test_the_minimum_reached_earlier_is_low() -> None:
    bench = Bench(test__type2_min=60)
    bench.start("2")
    bench.run(1500.0)
    bench.put(battery_v=11.7)
    bench.until("idle", 60.0)
    record = last(bench)
    assert record.result == "low"
    assert record.reason == "The battery reached 11.80 V. The planned time was 1 h 00 min."
    assert record.duration_s == pytest.approx(1506.0, abs=5.0)
    assert "battery.low_capacity" in bench.alarms


def test_below_the_minimum_at_the_end_of_a_short_test_is_low() -> None:
    bench = Bench(test__type2_min=5)
    run_test(bench, 11.79)
    record = last(bench)
    assert record.result == "low"
    assert record.duration_s == pytest.approx(300.0, abs=3.0)
    assert "11.790 V is below 11.800 V." in record.reason


def test_the_customers_cutoff_may_lie_below_11_v() -> None:
    bench = Bench(test__type2_min=20, test__type2_minimum_mv=10600)
    run_test(bench, 10.7)
    assert last(bench).result == "good"


def test_the_dip_of_the_first_minutes_does_not_end_it() -> None:
    bench = Bench(test__type2_min=20, test__type2_minimum_mv=12200)
    bench.start("2")
    bench.put(battery_v=12.0)
    bench.run(300.0)
    bench.free("battery_v")
    bench.until("idle", 1300.0)
    assert last(bench).result == "good"


def test_the_setting_chooses_the_type_and_both_sets_are_kept() -> None:
    bench = Bench(test__type=2, test__type2_min=7, test__minimum_runtime_min=99)
    bench.run(20.0)
    assert bench.ask(StartTest(None, source="x")).ok
    assert last(bench).type == "2"
    bench.change(test__type=1)
    assert bench.settings["test.type2_min"] == 7
    assert bench.settings["test.minimum_runtime_min"] == 99


def test_its_curve_gives_a_run_time_too_and_else_the_last_one_stays() -> None:
    bench = Bench(test__type2_min=12)
    bench.estimate = Estimate(9000.0, 8000.0, 10000.0)
    run_test(bench, 12.3)
    assert last(bench).estimate_s == 9000.0
    bench.estimate = "Too short."
    run_test(bench, 12.3)
    assert (last(bench).n, last(bench).estimate_s, last(bench).result) == (2, None, "good")
    assert bench.state.health.estimate == Estimate(9000.0, 8000.0, 10000.0)


def test_a_plant_run_ends_on_time_with_the_load_back() -> None:
    station = rested(24, dt=1.0, test__type2_min=15)
    start(station, "2")
    assert station.until(lambda s: phase(s) == "idle", 1200.0)
    record = last(station)
    assert record.result == "good"
    assert record.duration_s == pytest.approx(900.0, abs=3.0)
    assert record.end_voltage is not None
    assert 23.6 < record.end_voltage < 26.0
