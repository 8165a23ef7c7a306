"""What is written of a record that a dead daemon left open, and what letting go does."""

from __future__ import annotations

from core_scenes import step_context

from btrmd.core.capacity_test.state import IDLE
from btrmd.core.machines.lvd import Lvd
from btrmd.core.machines.transfer import Transfer, Where
from btrmd.core.outage import Outage
from btrmd.core.recover import closed_after_death, let_go, with_means
from btrmd.core.scan.actions import Persist, SaveRecord
from btrmd.core.state import State, new_state
from btrmd.model.board import SAFE_OUTPUTS, Outputs
from btrmd.model.discharge import CurveRow, TestRecord, TestState


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
