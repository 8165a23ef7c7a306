"""What follows from a state: who may discharge the battery, and whether an outage lasts."""

from __future__ import annotations

from core_scenes import step_context

from btrmd.core.capacity_test.progress import Progress
from btrmd.core.capacity_test.state import IDLE, CheckPhase, End, Moved, Watch
from btrmd.core.capacity_test.type1 import Policy
from btrmd.core.machines.transfer import Handover, Transfer, Where
from btrmd.core.outage import Outage
from btrmd.core.state import State, new_state
from btrmd.model.discharge import TestRecord, TestState


def fresh(ups: bool = False) -> State:
    return new_state(step_context(changes={"ups.enabled": ups}).sp, 0.0)


def test_with_ups_mode_off_only_a_test_or_what_followed_it_may_discharge() -> None:
    assert not fresh().may_discharge
    assert fresh(True).may_discharge
    assert fresh()._replace(test=IDLE._replace(state=TestState.RUNNING)).may_discharge
    assert not fresh()._replace(test=IDLE._replace(state=TestState.DELAYED)).may_discharge
    assert fresh()._replace(transfer=Transfer(carried=True)).may_discharge
    for where in (Where.BATTERY, Where.RETURNED):
        assert fresh()._replace(transfer=Transfer(where)).may_discharge


def test_an_outage_lasts_while_the_battery_feeds_or_the_return_is_watched() -> None:
    record = TestRecord(n=1, type="outage", state="running")
    open_ = fresh()._replace(outage=Outage(record))
    used = open_.battery_use._replace(on=True)
    assert not open_.in_outage
    assert open_._replace(battery_use=used).in_outage
    assert open_._replace(transfer=Transfer(Where.RETURNED)).in_outage
    assert not open_._replace(transfer=Transfer(Where.BATTERY)).in_outage
    assert not fresh()._replace(battery_use=used).in_outage
    assert not fresh().in_outage
    assert open_._replace(battery_use=used).on_battery


def test_no_test_holds_nothing_and_has_judged_nothing() -> None:
    assert (IDLE.state, IDLE.record, IDLE.phase, IDLE.end) == (
        TestState.IDLE, None, CheckPhase.PATH, End.NONE,
    )  # fmt: skip
    assert not any((IDLE.scheduled, IDLE.k1, IDLE.k2, IDLE.judged, IDLE.is_used))
    assert (IDLE.since, IDLE.phase_since, IDLE.phase_ticks, IDLE.due, IDLE.top_load_a) == (
        0.0, 0.0, 0, 0.0, 0.0,
    )  # fmt: skip
    assert (IDLE.progress, IDLE.policy, IDLE.watch) == (Progress(), Policy(), Watch())
    assert (IDLE.estimate, IDLE.no_estimate, IDLE.asked_at, IDLE.reason) == (None, "", None, "")
    plain = Moved(IDLE)
    assert (plain.handover, plain.closed, plain.suspect) == (Handover.NONE, None, "")
    assert not any((plain.proved, plain.failed_start))
