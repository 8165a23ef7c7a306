"""What follows from a state: who may discharge the battery, and whether an outage lasts."""

from __future__ import annotations

from core_scenes import step_context

from btrmd.core.outage import Outage
from btrmd.core.state import State, new_state
from btrmd.core.test.state import IDLE
from btrmd.core.transfer import Transfer, Where
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
