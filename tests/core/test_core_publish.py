"""Points as they are published: what is known, what is not, in every state of the station."""

from __future__ import annotations

import pytest
from core_scenes import VOLTS, WALL_0, Bench, phase, rested, start, step_context, supply

from btrmd.core.capacity_test.progress import Progress
from btrmd.core.capacity_test.state import IDLE
from btrmd.core.machines.alarms import RaisedAlarm
from btrmd.core.machines.blocks import Blocks
from btrmd.core.machines.charge import ChargeBalance
from btrmd.core.machines.presence import Presence, Source
from btrmd.core.machines.schedule import Schedule
from btrmd.core.machines.transfer import Transfer, Where
from btrmd.core.outage import Outage
from btrmd.core.publish import (
    UNTESTED,
    alarm_views,
    is_unsolicited,
    points,
    remaining_s,
    running_estimate,
)
from btrmd.core.state import State, new_state
from btrmd.model.board import Inputs, Outputs
from btrmd.model.chemistry import hours_at, new_charge_ah
from btrmd.model.commands import CapacityCheck, StartTest, StopTest
from btrmd.model.discharge import Estimate, TestRecord, TestState
from btrmd.model.encoding import encode_register
from btrmd.model.point import InputRegister
from btrmd.model.points import POINT_KEYS, modbus_map
from btrmd.model.readings import BAD, GOOD, MISSING, STALE, Measurement, Quality, Reading, Value

# --- Points as they are published: what is known, what is not, and what an outage has left -------

NOW = 1000.0
RECORD = TestRecord(
    n=4, type="1", result="low", state="finished", ended_at=5.0, duration_s=6.0,
    average_current=2.0, average_temperature=8.0, end_voltage=9.0, estimate_s=7200.0,
    estimate_low_s=6000.0, estimate_high_s=8000.0,
)  # fmt: skip
OUTAGE = TestRecord(n=5, type="outage", state="running")


def fresh(**changes: object) -> State:
    return new_state(step_context(changes=changes).sp, 900.0)


def shown(state: State, inputs: Inputs | None = None) -> dict[str, object]:
    """Key -> value, "bad"/"missing" ... where there is none."""
    made = points(state, inputs or step_context().inputs, {"system.model": "300"}, NOW)
    return {
        key: reading.quality.value if reading.value is None else reading.value
        for key, reading in made.items()
    }


def test_a_reading_is_shown_with_its_quality_and_its_time() -> None:
    inputs = step_context().inputs
    stale = Measurement(12.5, Quality.STALE, NOW - 7.0)
    inputs = inputs._replace(
        battery_v=stale, load_v=Measurement(9.9, Quality.BAD, NOW),
        io3_v=Measurement(1.0, Quality.MISSING, NOW),
        load_a=Measurement(1.0, Quality.STALE, NOW + 5.0),
    )  # fmt: skip
    made = points(fresh(), inputs, {}, NOW)
    assert made["battery.voltage"] == (12.5, Quality.STALE, WALL_0 - 7.0)
    assert made["load.current"] == (1.0, Quality.STALE, WALL_0)
    assert made["load.voltage"] == (None, Quality.BAD, WALL_0)
    assert made["io3.voltage"] == (None, Quality.MISSING, WALL_0)
    assert made["supply.voltage"] == (13.6, Quality.GOOD, WALL_0)
    assert made["guard.active"] == (False, Quality.GOOD, WALL_0)
    assert points(fresh(), inputs._replace(guard=None), {}, NOW)["guard.active"] == (
        None, Quality.MISSING, WALL_0,
    )  # fmt: skip


def test_presence_has_the_quality_of_what_it_is_told_from() -> None:
    here, gone, unknown = (
        Source(0.0, None, 0.0, True, True), Source(None, 0.0, None, False, True), Source(),
    )  # fmt: skip
    bad = step_context(supply_v=None).inputs
    good = step_context().inputs

    def supply(source: Source, inputs: Inputs) -> object:
        return shown(fresh()._replace(presence=Presence(source, here)), inputs)["supply.present"]

    assert supply(here, good) is True
    assert supply(gone, good) is False
    assert supply(unknown, good) == "missing"
    assert supply(here, bad) is True, "current proves it without volts"
    assert supply(gone, bad) == "bad"
    assert supply(unknown, bad) == "bad"
    assert shown(fresh()._replace(presence=Presence(gone, here)))["charger.present"] is True


def test_what_is_shown_of_the_last_test() -> None:
    state = fresh()
    nothing = shown(state)
    for key in ("number", "last_at", "last_duration", "last_current", "last_temperature",
                "last_voltage"):  # fmt: skip
        assert nothing[f"test.{key}"] == "missing", key
    assert (nothing["test.result"], nothing["test.failed"], nothing["test.data_present"]) == (
        "none", False, False,
    )  # fmt: skip
    assert nothing["runtime.estimate"] == "missing"
    health = state.health._replace(last=RECORD, measured=RECORD)
    made = shown(state._replace(health=health))
    assert [made[f"test.{key}"] for key in (
        "number", "last_at", "last_duration", "last_current", "last_temperature", "last_voltage",
        "result", "failed", "data_present",
    )] == [4, 5.0, 6.0, 2.0, 8.0, 9.0, "low", True, True]  # fmt: skip
    assert [made[f"runtime.{key}"] for key in ("estimate", "estimate_low", "estimate_high")] == [
        7200.0, 6000.0, 8000.0,
    ]  # fmt: skip
    for result, failed in (("good", False), ("none", False), ("aborted", True)):
        other = health._replace(last=RECORD._replace(result=result))
        assert shown(state._replace(health=other))["test.failed"] is failed


def test_what_is_shown_of_a_test_under_way() -> None:
    own = Estimate(100.0, 90.0, 110.0)
    state = fresh()._replace(health=fresh().health._replace(measured=RECORD))
    test = IDLE._replace(state=TestState.RUNNING, record=RECORD._replace(n=9), k1=True,
                         progress=Progress(t0=970.0), estimate=own)  # fmt: skip
    made = shown(state._replace(test=test))
    assert (made["test.number"], made["test.running"], made["test.elapsed"]) == (9, True, 30.0)
    assert made["test.state"] == "running"
    assert made["runtime.estimate"] == 100.0
    assert running_estimate(state._replace(test=test._replace(estimate=None))) == Estimate(
        7200.0, 6000.0, 8000.0
    )
    idle = test._replace(state=TestState.IDLE)
    assert running_estimate(state._replace(test=idle)) == Estimate(7200.0, 6000.0, 8000.0)
    assert shown(state._replace(test=test._replace(k1=False)))["test.elapsed"] == "missing"
    unbegun = test._replace(progress=Progress())
    assert shown(state._replace(test=unbegun))["test.elapsed"] == "missing"
    delayed = test._replace(state=TestState.DELAYED, due=1060.0)
    assert shown(state._replace(test=delayed))["test.start_in"] == 60.0
    assert shown(state._replace(test=delayed._replace(due=900.0)))["test.start_in"] == 0.0
    assert shown(state._replace(test=test))["test.start_in"] == "missing"


def in_outage(
    *, estimate: Estimate | None = None, measured: TestRecord | None = None, amps: float = 2.0,
    charge: float | None = None, **changes: object,
) -> State:  # fmt: skip
    state = fresh(**changes)
    progress = Progress(t0=400.0, charge_as=amps * 100.0, seconds=100.0)
    return state._replace(
        battery_use=state.battery_use._replace(on=True), transfer=Transfer(Where.BATTERY),
        outage=Outage(OUTAGE._replace(started_at_charge=charge), progress, estimate),
        health=state.health._replace(measured=measured),
    )  # fmt: skip


GIVING = step_context(battery_a=-2.0, load_a=2.0).inputs


def test_what_an_outage_has_left() -> None:
    assert remaining_s(fresh(), GIVING, NOW) is None
    assert remaining_s(in_outage(estimate=Estimate(1000.0, 1.0, 2.0)), GIVING, NOW) == 400.0
    assert remaining_s(in_outage(estimate=Estimate(500.0, 1.0, 2.0)), GIVING, NOW) == 0.0
    # from the last test's run time, scaled by the load
    assert remaining_s(in_outage(measured=RECORD), GIVING, NOW) == 6600.0
    assert remaining_s(in_outage(measured=RECORD, amps=1.0), GIVING, NOW) == 13800.0
    # a heavier load takes less charge out as well, by makers' tables: 0.59 in 2 h, 0.50 in 1 h,
    # and below an hour by its fourth root
    heavier = 3600.0 * (0.50 / 0.59) ** (4.0 / 3.0) - 600.0
    rated: dict[str, object] = {"battery.rated_ah": 17.0}
    for known in ({}, rated):
        left = remaining_s(in_outage(measured=RECORD, amps=4.0, **known), GIVING, NOW)
        assert left == pytest.approx(heavier, rel=0.003)
    # one that was empty in the test is so, whatever its rating
    empty = RECORD._replace(estimate_s=0.0)
    for amps in (1.0, 4.0):
        assert remaining_s(in_outage(measured=empty, amps=amps, **rated), GIVING, NOW) == 0.0
    assert remaining_s(in_outage(measured=RECORD, amps=400.0), GIVING, NOW) == 0.0
    # and a battery that was not full has so much less
    half = remaining_s(in_outage(measured=RECORD, charge=0.5), GIVING, NOW)
    assert half == pytest.approx(3600.0 - 600.0)
    assert remaining_s(in_outage(measured=RECORD, amps=0.0), GIVING, NOW) is None
    assert remaining_s(in_outage(measured=RECORD, amps=-1.0), GIVING, NOW) is None
    for unknown in ({"estimate_s": None}, {"average_current": None}, {"average_current": 0.0}):
        assert remaining_s(in_outage(measured=RECORD._replace(**unknown)), GIVING, NOW) is None
    assert remaining_s(in_outage(), GIVING, NOW) is None


@pytest.mark.parametrize(("relieved_s", "left_s"), [(0.0, 400.0), (60.0, 400.0), (60.1, 460.1)])
def test_only_what_the_estimate_leaves_out_is_left_out_of_the_time_passed(
    relieved_s: float, left_s: float
) -> None:
    """Up to a minute that a charger carried is in the estimate's curve, and so in the time."""
    state = in_outage(estimate=Estimate(1000.0, 1.0, 2.0))
    state = state._replace(outage=state.outage._replace(relieved_s=relieved_s))
    assert remaining_s(state, GIVING, NOW) == pytest.approx(left_s)


def test_without_a_test_the_rating_tells_roughly() -> None:
    rated: dict[str, object] = {"battery.rated_ah": 100.0}
    whole = remaining_s(in_outage(**rated), GIVING, NOW)
    assert whole is not None
    half = remaining_s(in_outage(charge=0.5, **rated), GIVING, NOW)
    assert half == pytest.approx(0.5 * (whole + 600.0) - 600.0)
    double = remaining_s(in_outage(amps=4.0, **rated), GIVING, NOW)
    assert double is not None
    assert double + 600.0 < 0.5 * (whole + 600.0)  # more current, and less charge for it
    # 0.8 of a new battery's charge, which is more than its rating at so small a current
    assert 0.8 * 100.0 / 2.0 * 3600.0 < whole + 600.0 < 1.1 * 100.0 / 2.0 * 3600.0
    assert remaining_s(in_outage(amps=5000.0, **rated), GIVING, NOW) == 0.0


def test_a_battery_below_its_cutoff_has_nothing_left() -> None:
    state = in_outage(measured=RECORD)

    def left(battery_v: float | None, battery_a: float = -2.0) -> object:
        inputs = step_context(battery_v=battery_v, battery_a=battery_a, load_a=2.0).inputs
        return shown(state, inputs)["runtime.remaining"]

    assert left(10.99) == 0.0
    assert left(11.0) == 6600.0
    assert left(None) == 6600.0
    assert left(11.0, 0.0) == "missing"  # a charger carries the load
    assert shown(fresh(), step_context(battery_v=5.0).inputs)["runtime.remaining"] == "missing"


def test_alarms_and_outputs() -> None:
    state = fresh()
    quiet = shown(state)
    assert (quiet["alarm.any"], quiet["alarm.fault"], quiet["alarm.list"]) == (False, False, ())
    for key in ("battery.low_capacity", "battery.low_voltage", "supply.lost"):
        assert quiet[key] is False
        alarms = state.alarms._replace(raised={key: RaisedAlarm("T", 5.0)})
        made = shown(state._replace(alarms=alarms))
        assert made[key] is True
        assert made["alarm.list"] == (key,)
    for key in ("io1", "io2"):
        alarms = state.alarms._replace(raised={key: RaisedAlarm("T", 5.0)})
        made = shown(state._replace(alarms=alarms))
        assert (made[f"{key}.alarm"], made["alarm.any"]) == (True, True)
    view = alarm_views(state._replace(
        alarms=state.alarms._replace(raised={"clock": RaisedAlarm("T", 5.0, latched=True)})
    ))  # fmt: skip
    assert [tuple(v) for v in view] == [("clock", "T", 5.0, True, True, False)]
    driven = shown(state._replace(outputs=Outputs(k1=True)))
    assert (driven["relay.k1"], driven["relay.k2"], driven["relay.k3"]) == (True, False, False)
    assert shown(state._replace(outputs=Outputs(k2=True)))["relay.k2"] is True
    assert shown(state._replace(outputs=Outputs(k3=True)))["relay.k3"] is True
    assert shown(state)["system.uptime"] == 100.0
    assert shown(state)["system.model"] == "300"


def test_the_output_channel_says_battery_faults() -> None:
    fault = {"battery.low_voltage": RaisedAlarm("", 0.0)}
    for config, quiet, alarmed in ((2, False, False), (3, False, True), (4, False, True)):
        state = fresh(**{"io1.config": config})
        assert shown(state)["io1.output"] is quiet
        faulty = state._replace(alarms=state.alarms._replace(raised=fault))
        assert shown(faulty)["io1.output"] is alarmed, config
    assert shown(fresh())["io2.output"] == "missing"
    for config, output in ((2, "missing"), (3, False), (4, False)):
        state = fresh()
        state = state._replace(setpoints=state.setpoints._replace(io2_config=config))
        assert shown(state)["io2.output"] == output


def test_with_the_extended_map_every_alarm_is_a_fault() -> None:
    clock = {"clock": RaisedAlarm("", 0.0)}
    for extended in (False, True):
        state = fresh(**{"dnp3.extended": extended})
        state = state._replace(alarms=state.alarms._replace(raised=clock))
        assert shown(state)["alarm.fault"] is extended
    state = fresh()
    worn = state.alarms._replace(raised={"battery.low_capacity": RaisedAlarm("", 0.0)})
    assert shown(state._replace(alarms=worn))["alarm.fault"] is True


def test_unsolicited_is_what_a_master_said_last_else_what_is_set() -> None:
    for setting in (False, True):
        state = fresh(**{"dnp3.unsolicited": setting})
        assert is_unsolicited(state) is setting
        for said in (False, True):
            assert is_unsolicited(state._replace(unsolicited=said)) is said


def test_the_charge_and_the_next_test() -> None:
    state = fresh(**{"battery.rated_ah": 100.0})
    assert shown(state)["battery.charge"] == "missing"
    assert shown(state._replace(charge=ChargeBalance(25.0, 1.0)))["battery.charge"] == 75.0
    planned = state._replace(schedule=Schedule(due=1010.0))
    assert shown(planned)["test.next"] == 10.0
    assert shown(state)["test.waiting"] == ""


def test_the_block_that_will_end_the_run() -> None:
    state = new_state(step_context(volts=24, changes={"block.tap1": "ch2"}).sp, 900.0)
    weak = Estimate(1.0, 1.0, 1.0, weak_block=2)
    state = state._replace(blocks=Blocks(weak=1))
    assert shown(state)["battery.weak_block"] == 1
    testing = state._replace(test=IDLE._replace(estimate=weak))
    assert shown(testing)["battery.weak_block"] == 2
    outage = testing._replace(outage=Outage(OUTAGE, estimate=weak._replace(weak_block=0)))
    assert shown(outage)["battery.weak_block"] == 0
    assert shown(testing._replace(outage=Outage(OUTAGE)))["battery.weak_block"] == 1
    assert shown(fresh())["battery.weak_block"] == "missing"
    # 27 V over both, 13 V up to the tap
    made = shown(state, step_context(volts=24, battery_v=27.0, battery_a=0.0, io2_v=13.0).inputs)
    assert (made["battery.block1.voltage"], made["battery.block2.voltage"]) == (13.0, 14.0)
    assert (made["battery.block1.deviation"], made["battery.block2.deviation"]) == (-0.5, 0.5)
    assert made["battery.block3.voltage"] == "missing"
    bad = shown(state, step_context(volts=24, battery_v=None, io2_v=None).inputs)
    assert (bad["battery.block1.voltage"], bad["battery.block2.deviation"]) == ("bad", "bad")


# --- What people see: the points of the status pages in every state of the station ---------------

IDENTITY: dict[str, Value] = {
    "system.model": "BTRM300", "system.firmware": "1.0", "system.build_date": "x",
    "system.serial": "y",
}  # fmt: skip
RUN_TIME = Estimate(9000.0, 8000.0, 10000.0)


def ready(**settings: object) -> Bench:
    bench = Bench(**settings)
    bench.estimate = RUN_TIME
    bench.run(20.0)
    return bench


def reading(bench: Bench, key: str) -> Reading:
    return points(bench.state, bench.inputs, IDENTITY, bench.now - bench.dt)[key]


def value_of(bench: Bench, key: str) -> object:
    return reading(bench, key).value


def test_before_the_first_test_capacity_is_unknown_and_there_is_no_run_time() -> None:
    bench = ready()
    for key, value in [
        ("capacity.state", "unknown"), ("test.result", "none"), ("test.number", None),
        ("runtime.estimate", None), ("runtime.estimate_low", None), ("test.last_duration", None),
        ("test.state", "idle"), ("test.data_present", False), ("runtime.remaining", None),
    ]:  # fmt: skip
        assert value_of(bench, key) == value, key
    assert reading(bench, "runtime.estimate").quality is MISSING


def test_a_finished_test_shows_its_time_load_temperature_and_run_time() -> None:
    bench = ready(test__type2_min=12)
    bench.start("2")
    bench.until("idle", 800.0)
    for key, value in [
        ("capacity.state", "good"), ("test.result", "good"), ("test.number", 1),
        ("runtime.estimate", 9000.0), ("runtime.estimate_low", 8000.0),
        ("runtime.estimate_high", 10000.0), ("test.data_present", True), ("test.failed", False),
    ]:  # fmt: skip
        assert value_of(bench, key) == value, key
    assert value_of(bench, "test.last_duration") == pytest.approx(720.0, abs=3.0)
    assert value_of(bench, "test.last_current") == pytest.approx(2.0)
    assert value_of(bench, "test.last_temperature") == pytest.approx(25.0)
    assert value_of(bench, "test.last_voltage") == pytest.approx(12.6)
    assert str(value_of(bench, "test.reason")).startswith("The planned 12 min are over.")


def test_a_running_test_shows_its_running_run_time_and_its_age() -> None:
    bench = ready()
    bench.start("1")
    assert value_of(bench, "runtime.estimate") is None
    bench.run(1300.0)
    assert value_of(bench, "runtime.estimate") == 9000.0
    assert value_of(bench, "test.elapsed") == pytest.approx(1300.0, abs=5.0)
    assert value_of(bench, "test.number") == 1
    bench.ask(StopTest("x"))
    bench.until("idle", 30.0)
    assert value_of(bench, "test.elapsed") is None
    assert value_of(bench, "runtime.estimate") is None, "an aborted test leaves no run time"
    assert value_of(bench, "test.failed") is True


def test_a_delayed_test_shows_when_it_starts() -> None:
    bench = ready()
    bench.ask(StartTest("1", 2.0, "x"))
    bench.run(600.0)
    assert (value_of(bench, "test.state"), value_of(bench, "test.running")) == ("delayed", False)
    assert value_of(bench, "test.start_in") == pytest.approx(6600.0, abs=5.0)


def test_a_delayed_test_that_is_stopped_did_not_begin_after_its_end() -> None:
    bench = ready()
    bench.ask(StartTest("1", 2.0, "x"))
    bench.run(600.0)
    assert bench.ask(StopTest("x")).ok
    record = bench.records[1]
    assert (record.state, record.result) == ("finished", "aborted")
    assert record.started_at == record.ended_at


def test_the_time_to_the_next_test_counts_down_and_stays_while_disabled() -> None:
    bench = ready(test__interval_h=10)
    assert value_of(bench, "test.next") == 36000.0
    bench.change(test__enabled=True)
    bench.run(3600.0, dt=10.0)
    assert value_of(bench, "test.next") == pytest.approx(32400.0, abs=15.0)
    bench.change(test__enabled=False)
    bench.run(3600.0, dt=10.0)
    assert value_of(bench, "test.next") == pytest.approx(32400.0, abs=30.0)
    assert value_of(bench, "test.interval") == 36000.0


def test_remaining_run_time_in_an_outage_follows_the_load() -> None:
    bench = ready(test__type2_min=12)
    bench.start("2")
    bench.until("idle", 800.0)
    bench.run(10.0)
    bench.load_a = 4.0  # twice the load of the test
    bench.put(guard=True, supply_v=0.0, supply_a=0.0, battery_a=-4.0)  # the HAT fed elsewhere
    bench.run(60.0)
    assert value_of(bench, "ups.on_battery") is True
    begun = bench.state.outage.record.started_at_charge or 1.0
    expected = begun * 3600.0 * hours_at(2.5, 2.0, 4.0) - 60.0
    assert value_of(bench, "runtime.remaining") == pytest.approx(expected, rel=0.05)
    bench.estimate = Estimate(5000.0, 4000.0, 6000.0)
    bench.run(700.0)
    assert value_of(bench, "runtime.remaining") == pytest.approx(5000.0 - 760.0, abs=10.0)
    bench.free("guard", "supply_v", "supply_a", "battery_a")
    bench.run(30.0)
    assert value_of(bench, "runtime.remaining") is None


def test_the_time_left_is_not_known_while_a_charger_carries_the_load() -> None:
    bench = ready(battery__rated_ah=17.0)
    bench.estimate = None
    outage = {"guard": True, "supply_v": 0.0, "supply_a": 0.0}
    bench.put(**outage, charger_a=2.3, battery_a=-0.01)  # a little of noise
    bench.run(3600.0, dt=1.0)
    assert value_of(bench, "ups.on_battery") is True
    assert value_of(bench, "load.source") == "charger"
    assert reading(bench, "runtime.remaining")[:2] == (None, MISSING)
    bench.put(**outage, charger_a=0.0, charger_v=0.0, battery_a=-2.0)
    bench.run(60.0, dt=1.0)
    assert value_of(bench, "load.source") == "battery"
    # 80 % of 17 Ah at 2 A, whatever had passed before the battery gave anything
    by_rating = 3600.0 * UNTESTED * new_charge_ah(17.0, 2.0) / 2.0
    assert value_of(bench, "runtime.remaining") == pytest.approx(by_rating, rel=0.05)
    assert bench.state.outage.progress.mean_a == pytest.approx(2.0)


def test_a_run_that_a_charger_made_longer_is_not_a_measured_run_time() -> None:
    for relieved_s, is_measured in ((0.0, True), (3600.0, False)):
        bench = ready()
        outage = {"guard": True, "supply_v": 0.0, "supply_a": 0.0}
        bench.put(**outage, charger_a=2.3, battery_a=0.0)
        bench.run(relieved_s, dt=1.0)
        bench.put(**outage, charger_a=0.0, charger_v=0.0, battery_a=-2.0)
        bench.run(700.0, dt=1.0)
        bench.put(**outage, charger_a=0.0, charger_v=0.0, battery_a=-2.0, battery_v=10.0)
        bench.run(30.0)
        assert (bench.state.outage.measured_s is not None) == is_measured
        assert value_of(bench, "runtime.remaining") == 0.0


def test_presence_has_the_quality_of_its_voltage() -> None:
    bench = ready()
    assert reading(bench, "supply.present")[:2] == (True, GOOD)
    bench.put(supply_v=11.0, supply_a=0.0, charger_v=None)
    bench.step()
    assert reading(bench, "supply.present")[:2] == (False, GOOD)
    assert reading(bench, "charger.present")[:2] == (None, BAD)


def test_a_bad_reading_has_no_value_and_a_stale_one_keeps_its_last() -> None:
    bench = ready()
    bench.put(battery_v=None, load_v=STALE)
    bench.step()
    assert reading(bench, "battery.voltage")[:2] == (None, BAD)
    stale = reading(bench, "load.voltage")
    assert (stale.value, stale.quality) == (-999.0, STALE)


@pytest.mark.parametrize(("config", "digital"), [(0, None), (1, True), (2, False), (3, None)])
def test_digital_in_is_known_in_digital_modes_only(config: int, digital: bool | None) -> None:
    bench = ready(io1__config=config)
    assert value_of(bench, "io1.digital") is digital
    assert value_of(bench, "io1.voltage") == 0.0
    assert value_of(bench, "io1.output") is False


@pytest.mark.parametrize("config", [3, 4])
def test_digital_out_is_on_while_a_battery_fault_is_signalled(config: int) -> None:
    bench = ready(io1__config=config)
    assert value_of(bench, "io1.output") is False
    bench.ask(CapacityCheck(True, "x"))
    assert value_of(bench, "io1.output") is True


@pytest.mark.parametrize("extended", [False, True])
def test_any_fault_is_the_manuals_four_or_with_the_extension_all(extended: bool) -> None:
    bench = ready(io1__config=2)
    bench.change(dnp3__extended=extended)
    bench.put(storage_ok=False)
    bench.run(2.0)
    assert value_of(bench, "alarm.any") is True
    assert value_of(bench, "alarm.fault") is extended
    bench.put(io1_v=5.0)
    bench.run(3.0)
    assert value_of(bench, "alarm.fault") is True
    assert value_of(bench, "alarm.list") == ("storage", "io1")
    assert [view.key for view in alarm_views(bench.state)] == ["storage", "io1"]


def test_modes_relays_and_uptime() -> None:
    bench = ready(ups__enabled=False, lvd__enabled=True)
    assert (value_of(bench, "ups.enabled"), value_of(bench, "lvd.enabled")) == (False, True)
    assert (value_of(bench, "lvd.open"), value_of(bench, "ups.on_battery")) == (False, False)
    assert [value_of(bench, f"relay.{k}") for k in ("k1", "k2", "k3")] == [False, False, True]
    assert value_of(bench, "system.uptime") == pytest.approx(19.0)
    assert value_of(bench, "system.voltage") == 12
    bench.start("1")
    assert [value_of(bench, f"relay.{k}") for k in ("k1", "k2", "k3")] == [True, True, False]
    assert value_of(bench, "ups.on_battery") is False, "a test is no outage"
    assert phase(bench) == "running"


def test_two_words_say_which_registers_hold_no_value() -> None:
    """Before the first test there is no run time; a dead sensor takes its own registers along."""
    bench = Bench()
    bench.run(30.0)

    def bits() -> tuple[set[int], set[int]]:
        seen = points(bench.state, bench.inputs, IDENTITY, bench.now - bench.dt)
        first, second = (int(str(seen[f"modbus.unknown{n}"].value)) for n in (1, 2))
        low = {k for k in range(13) if first >> k & 1} | ({30} if first >> 13 & 1 else set())
        assert first < 1 << 14
        assert second < 1 << 15
        return low, {13 + k for k in range(15) if second >> k & 1}

    low, _ = bits()
    assert 6 in low, "the run time"
    assert not low & {0, 1, 2, 3}, "volts and amps are measured"
    bench.put(battery_v=None)
    bench.run(15.0)
    now, above = bits()
    assert now > low
    table = modbus_map(InputRegister)
    seen = points(bench.state, bench.inputs, IDENTITY, bench.now - bench.dt)
    for address, (point, binding) in table.items():
        is_unknown = encode_register(binding, seen[point.key]) == (
            0x8000 if binding.number.signed else 0xFFFF
        )
        assert is_unknown is (address in now | above), (address, point.key)


# --- Every point of the table --------------------------------------------------------------------


@pytest.mark.parametrize("volts", VOLTS)
def test_every_point_of_the_table_is_published_in_every_state(volts: int) -> None:
    station = rested(volts)

    def check() -> None:
        made = points(station.state, station.inputs, IDENTITY, station.now)
        assert set(made) == set(POINT_KEYS)
        for key, reading in made.items():
            assert (reading.value is None) is (reading.quality in (Quality.BAD, Quality.MISSING)), (
                key
            )

    check()
    start(station)
    station.run(30.0)
    check()
    station.lies["battery_v"] = None
    station.run(1.0)
    check()
    del station.lies["battery_v"]
    supply(station, False)
    station.run(30.0)
    check()
    assert points(station.state, station.inputs, IDENTITY, station.now)["ups.on_battery"].value
