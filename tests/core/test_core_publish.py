"""Points as they are published: what is known, what is not, and what an outage has left."""

from __future__ import annotations

import pytest
from core_scenes import WALL_0, step_context

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
    alarm_views,
    is_unsolicited,
    points,
    remaining_s,
    running_estimate,
)
from btrmd.core.state import State, new_state
from btrmd.model.board import Inputs, Outputs
from btrmd.model.discharge import Estimate, TestRecord, TestState
from btrmd.model.readings import Measurement, Quality

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
