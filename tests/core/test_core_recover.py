"""Recovery: the record that a dead daemon left open, and what was remembered is checked."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from core_scenes import VOLTS, rested, step_context, supply
from station import Station

from btrmd.core.capacity_test.state import IDLE
from btrmd.core.machines.lvd import Lvd
from btrmd.core.machines.transfer import Transfer, Where
from btrmd.core.outage import Outage
from btrmd.core.recover import closed_after_death, let_go, with_means
from btrmd.core.scan.actions import Persist, SaveRecord
from btrmd.core.state import State, new_state
from btrmd.hal.sim.keys import set_keys
from btrmd.model.board import SAFE_OUTPUTS, Outputs
from btrmd.model.discharge import CurveRow, TestRecord, TestState

# --- What is written of a record that a dead daemon left open, and what letting go does ----------


def row(time_s: float, volts: float, amps: float, temp: float | None = 20.0) -> CurveRow:
    return CurveRow(time_s, volts, amps, temp, -amps)


ROWS = [
    row(0.0, 12.6, -2.0),
    row(10.0, 12.4, -4.0, 30.0),
    row(15.0, 12.2, 3.0),
    row(20.0, 12.0, -1.0),
]
TEST = TestRecord(n=3, type="1", state="running", started_at=1000.0)


def test_means_come_from_the_curve_weighed_by_time() -> None:
    made = with_means(TEST, ROWS)
    # 10 s of 2 A and 5 s of 4 A; what charged is no part of it, nor the last row
    assert made.average_current == 40.0 / 15.0
    assert made.average_temperature == (200.0 + 150.0) / 15.0
    # the last 5 s
    assert made.end_voltage == 12.1
    own = TEST._replace(average_current=1.0, average_temperature=2.0, end_voltage=3.0)
    assert with_means(own, ROWS) == own
    assert with_means(TEST, ()) == TEST
    one = with_means(TEST, ROWS[:1])
    assert (one.average_current, one.average_temperature, one.end_voltage) == (None, None, 12.6)
    cold = [row(0.0, 12.6, -2.0, None), row(10.0, 12.4, -2.0, None)]
    assert with_means(TEST, cold).average_temperature is None
    assert with_means(TEST, cold).average_current == 2.0
    twice = [row(0.0, 12.6, -2.0), row(0.0, 12.6, -9.0), row(10.0, 12.4, -2.0)]
    assert with_means(TEST, twice).average_current == 9.0
    rest = [row(0.0, 12.6, 0.0), row(10.0, 12.4, 0.0)]
    assert with_means(TEST, rest).average_current is None


def test_a_test_that_was_on_is_aborted_unless_it_had_its_verdict() -> None:
    made = closed_after_death(TEST, 1500.0, 300.0, ROWS)
    assert (made.state, made.result, made.reason) == (
        "finished", "aborted", "The daemon stopped in the test.",
    )  # fmt: skip
    assert (made.ended_at, made.duration_s) == (1500.0, 300.0)
    assert made.average_current is not None
    good = closed_after_death(TEST._replace(result="good", reason="R"), 1500.0, 300.0)
    assert (good.result, good.reason) == ("good", "R")
    told = closed_after_death(TEST._replace(reason="R"), 1500.0, 300.0)
    assert (told.result, told.reason) == ("none", "R")
    bare = closed_after_death(TEST._replace(result="low"), 1500.0, 300.0)
    assert (bare.result, bare.reason) == ("low", "")
    outage = closed_after_death(TEST._replace(type="outage"), 1500.0, None)
    assert (outage.result, outage.reason, outage.duration_s) == (
        "none", "The daemon stopped in the outage.", None,
    )  # fmt: skip
    known = closed_after_death(TEST._replace(duration_s=7.0), 1500.0, 300.0)
    assert known.duration_s == 7.0
    # a clock that went back does not end it before it began
    assert closed_after_death(TEST, 900.0, 300.0).ended_at == 1300.0
    assert closed_after_death(TEST, 900.0, None).ended_at == 1000.0


def released(state: State) -> State:
    made, actions = let_go(state, step_context().inputs, "Why.", 1000.0)
    assert any(isinstance(action, Persist) for action in actions)
    assert made.outputs == SAFE_OUTPUTS
    assert not made.k1_on_guard
    return made


def test_letting_go_releases_and_remembers_who_carried() -> None:
    fresh = new_state(step_context().sp, 0.0)._replace(
        outputs=Outputs(k1=True, k3=True), k1_on_guard=True
    )
    assert not released(fresh).transfer.carried
    for carrying in (
        fresh._replace(transfer=Transfer(carried=True)),
        fresh._replace(transfer=Transfer(Where.BATTERY)),
        fresh._replace(test=IDLE._replace(k1=True)),
    ):
        made = released(carrying)
        assert made.transfer == Transfer(since=1000.0, carried=True)
    assert not released(fresh._replace(transfer=Transfer(Where.RETURNED))).transfer.carried
    used = fresh._replace(battery_use=fresh.battery_use._replace(on=True))
    assert not released(used).battery_use.on


def test_an_open_lvd_is_remembered_and_a_closed_one_stays_as_it_is() -> None:
    fresh = new_state(step_context().sp, 0.0)
    assert released(fresh._replace(lvd=Lvd(True))).lvd == Lvd(True, remembered=True)
    assert released(fresh._replace(lvd=Lvd(False, 5.0))).lvd == Lvd(False, 5.0)


def test_what_was_on_is_closed_and_what_waits_goes_on_waiting() -> None:
    fresh = new_state(step_context().sp, 0.0)
    delayed = IDLE._replace(state=TestState.DELAYED, due=2000.0)
    assert released(fresh._replace(test=delayed)).test == delayed
    running = IDLE._replace(state=TestState.RUNNING, record=TEST, k1=True, since=900.0)
    state = fresh._replace(
        test=running, outage=Outage(TestRecord(n=4, type="outage", state="running"))
    )
    made, actions = let_go(state, step_context().inputs, "Why.", 1000.0)
    assert made.test == IDLE
    assert made.outage.record is None
    assert made.last_reason != ""
    saved = {a.record.n: a.record for a in actions if isinstance(a, SaveRecord)}
    assert (saved[3].result, saved[4].reason) == ("aborted", "Why.")
    assert made.health.last is not None
    assert made.health.last.n == 3


# --- The record that a dead daemon left open, closed at the next start ---------------------------

DIED_ROWS = (
    CurveRow(0.0, 12.7, -2.0, 24.0, 1.8),
    CurveRow(10.0, 12.5, -4.0, None, 3.8),
    CurveRow(40.0, 12.4, 0.5, 26.0, 1.8),  # charged meanwhile: no part of the discharge,
    CurveRow(45.0, 12.4, 0.0, 26.0, 1.8),  # nor is what was idle
    CurveRow(50.0, 12.3, -2.0, 26.0, 1.8),
    CurveRow(54.0, 12.1, -2.0, 26.0, 1.8),
    CurveRow(55.0, 11.9, -2.0, 26.0, 1.8),
)


def record(**changes: object) -> TestRecord:
    made = TestRecord(n=7, type="2", source="test", started_at=1000.0, state="running")
    return made._replace(**changes)


@pytest.mark.parametrize(
    ("left", "result", "reason"),
    [
        ({}, "aborted", "The daemon stopped in the test."),
        ({"result": "good", "reason": "The planned 1 h are over."}, "good",
         "The planned 1 h are over."),
        ({"reason": "Stopped."}, "none", "Stopped."),
        ({"result": "low"}, "low", ""),
        ({"type": "outage"}, "none", "The daemon stopped in the outage."),
    ],
)  # fmt: skip
def test_a_verdict_already_reached_stands(
    left: dict[str, object], result: str, reason: str
) -> None:
    made = closed_after_death(record(**left), 2000.0, 55.0, DIED_ROWS)
    assert (made.state, made.result, made.reason) == ("finished", result, reason)
    assert (made.ended_at, made.duration_s) == (2000.0, 55.0)


def test_a_duration_that_is_known_is_kept() -> None:
    assert closed_after_death(record(duration_s=30.0), 2000.0, 55.0).duration_s == 30.0
    assert closed_after_death(record(), 2000.0, None).duration_s is None


def test_a_clock_that_went_back_ends_it_no_earlier_than_it_lasted() -> None:
    assert closed_after_death(record(), 900.0, 55.0).ended_at == 1055.0
    assert closed_after_death(record(), 900.0, None).ended_at == 1000.0


def test_the_means_come_from_what_was_discharged() -> None:
    made = with_means(record(), DIED_ROWS)
    # 10 s at 2 A, 30 s at 4 A, then 5 s at 2 A; the last row lasts no time
    assert made.average_current == pytest.approx((20.0 + 120.0 + 10.0) / 45.0)
    # 10 s at 24 degC, then 5 s at 26; where no temperature was known nothing counts
    assert made.average_temperature == pytest.approx((240.0 + 130.0) / 15.0)
    assert made.end_voltage == pytest.approx((12.3 + 12.1 + 11.9) / 3.0)


def test_without_rows_or_time_there_are_no_means() -> None:
    for rows in ((), DIED_ROWS[:1]):
        made = with_means(record(), rows)
        assert (made.average_current, made.average_temperature) == (None, None)
    assert with_means(record(), ()).end_voltage is None
    assert with_means(record(), DIED_ROWS[:1]).end_voltage == 12.7


def test_means_that_were_worked_out_stay() -> None:
    kept = record(average_current=9.0, average_temperature=8.0, end_voltage=7.0)
    assert with_means(kept, DIED_ROWS) == kept


def test_rows_that_are_out_of_order_weigh_nothing() -> None:
    rows = (
        DIED_ROWS[0],
        DIED_ROWS[1],
        CurveRow(5.0, 12.5, -9.0, 24.0, 1.8),
        CurveRow(7.0, 12.5, -9.0, 24.0, 1.8),
    )
    assert with_means(record(), rows).average_current == pytest.approx((20.0 + 18.0) / 12.0)


# --- What was remembered is checked against the first good readings before anything is driven ----


def flat(volts: int = 12, *, dt: float = 1.0, load_a: float = 5.0) -> Station:
    """The LVD has opened in an outage; the load has been dark for a minute."""
    station = rested(volts, dt=dt, rated_ah=7.0, load_a=load_a, lvd__enabled=True)
    supply(station, False)
    station.plant.battery.set_soc(0.08)
    assert station.until(lambda s: s.state.lvd.is_open, 3600.0)
    station.run(60.0)
    assert station.plant.sense().load_v < 9.0 * volts / 12
    return station


def die(station: Station, seconds: float = 5.0) -> None:
    """kill -9: the coils fall off within 2 s; the daemon is back after `seconds`."""
    station.crash(seconds)


def hang(station: Station) -> None:
    """The loop hangs for 3 s; the heartbeat circuit releases the coils, the loop then wakes up."""
    for _ in range(3):
        station.pass_time(1.0)
    station.state, _ = let_go(station.state, station.inputs, "It hung.", station.now)
    station.drive()


def fall(station: Station) -> None:
    """A step raises: all outputs safe, what is on is closed."""
    station.state, _ = let_go(station.state, station.inputs, "It fell.", station.now)
    station.drive()
    station.pass_time(1.0)


ENDS = pytest.mark.parametrize("end", [die, hang, fall])


@ENDS
@pytest.mark.parametrize("volts", VOLTS)
def test_a_bank_that_was_charged_meanwhile_keeps_its_load(
    volts: int, end: Callable[[Station], None]
) -> None:
    station = flat(volts)
    for name in ("k1", "k2", "k3"):
        station.plant.set_coil(name, False)
    set_keys(station.plant, {"charger.on": 1, "battery.soc": 0.99})
    end(station)
    dark = station.plant.dropped_s + station.plant.dead_s
    station.run(90.0)
    assert station.plant.dropped_s + station.plant.dead_s - dark < 0.05
    assert not station.state.lvd.is_open
    assert station.state.on_battery
    assert station.plant.sense().load_v > 11.5 * volts / 12


@ENDS
@pytest.mark.parametrize("dt", [0.1, 1.0])
def test_a_load_that_the_restart_has_put_back_is_cut_off_only_when_the_battery_is_low(
    dt: float, end: Callable[[Station], None]
) -> None:
    station = flat(dt=dt)
    station.plant.battery.set_soc(0.3)  # 11.7 V: not yet above 12.5 V
    end(station)
    dark = station.plant.dead_s
    station.run(60.0)
    assert not station.state.outputs.k3
    assert station.plant.dead_s == dark
    station.plant.battery.set_soc(0.02)
    station.run(15.0)
    assert station.state.lvd.is_open
    assert station.plant.dropped_s == 0.0


@ENDS
def test_an_open_lvd_stays_open_while_the_load_lives_on_the_supply(
    end: Callable[[Station], None],
) -> None:
    station = flat()
    supply(station, True)
    station.plant.charger.switch(False)
    station.run(30.0)
    assert station.state.outputs.k3
    end(station)
    station.run(20.0)
    assert station.state.lvd.is_open
    assert station.state.outputs.k3
    assert station.plant.dropped_s == 0.0
    station.plant.battery.set_soc(1.0)
    station.run(59.0)
    assert station.state.lvd.is_open
    station.run(5.0)
    assert not station.state.lvd.is_open


def test_nothing_is_driven_before_the_first_good_readings() -> None:
    station = flat()
    station.crash(5.0)
    station.lies["battery_v"] = None
    station.run(1.0)
    assert not station.state.outputs.k3
    station.run(3.0)
    assert not station.state.lvd.is_open, "nothing tells that the battery is low"


def test_it_is_forgotten_with_the_setting() -> None:
    station = flat()
    station.settings = station.settings.with_changes({"lvd.enabled": False})
    station.crash(5.0)
    station.run(5.0)
    assert not station.state.lvd.is_open
    assert not station.state.outputs.k3


@pytest.mark.parametrize("on", [True, False])
def test_an_outage_that_was_carried_is_carried_on_only_without_a_supply(on: bool) -> None:
    from btrmd.model.commands import StartTest

    station = rested(ups__enabled=False)
    assert station.ask(StartTest("1", source="x")).ok
    station.run(40.0)
    station.plant.supply.on = False
    station.plant.touch()
    station.run(10.0)
    assert station.state.transfer.carried
    station.plant.supply.on = on
    station.plant.touch()
    station.crash(5.0)
    station.run(40.0)
    assert station.state.outputs.k1 is not on
    assert station.state.outputs.k3 is on
    assert station.plant.dropped_s == 0.0
