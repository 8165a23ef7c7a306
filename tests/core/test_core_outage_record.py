"""When an outage's record begins and ends, on states put by hand."""

from __future__ import annotations

import pytest
from core_scenes import WALL_0, step_context

from btrmd.core.capacity_test.progress import Progress
from btrmd.core.capacity_test.state import IDLE
from btrmd.core.machines.blocks import Blocks
from btrmd.core.machines.flood import Flood
from btrmd.core.machines.presence import Presence, Source
from btrmd.core.outage import Outage
from btrmd.core.records import step_outage_record
from btrmd.core.scan.actions import SaveRecord
from btrmd.core.state import State, new_state
from btrmd.model.discharge import TestRecord, TestState

HERE = Source(0.0, None, 0.0, True, True)
RECORD = TestRecord(n=6, type="outage", state="running", started_at=WALL_0 - 100.0)
UNDER_WAY = Outage(RECORD, Progress(t0=900.0), asked_at=900.0)
HELD = Flood((1.0, 2.0), held=True)


def station(on: bool, **more: object) -> State:
    state = new_state(step_context().sp, 0.0)._replace(next_n=7)
    state = state._replace(
        presence=Presence(HERE, HERE), battery_use=state.battery_use._replace(on=on)
    )
    return state._replace(**more)  # type: ignore[arg-type]


def stepped(state: State, volts: int = 12, **changes: object) -> tuple[State, list[TestRecord]]:
    """The state after the step, and the records that ended in it."""
    ctx = step_context(volts=volts, changes=changes)
    made = step_outage_record(state, ctx)
    return made, [a.record for a in ctx.actions if isinstance(a, SaveRecord) and a.finished]


def test_nothing_happens_while_the_load_is_on_the_supply() -> None:
    state = station(False)
    assert stepped(state) == (state, [])
    assert stepped(state)[0] is state


def test_on_battery_a_record_begins_with_the_next_number() -> None:
    made, ended = stepped(station(True, carried_from=5))
    assert ended == []
    record = made.outage.record
    assert record is not None
    assert (record.n, record.marks, made.next_n) == (7, ("after_test:5", "not_full"), 8)
    assert made.carried_from is None
    assert made.outages.times == (1000.0,)
    # that it is stored says nothing of the blocks yet
    found = Blocks(hit_block=2, hits=3)
    assert stepped(station(True, blocks=found))[0].blocks == found
    # it goes on under its number
    again, _ = stepped(made)
    assert again.outage.record is not None
    assert (again.outage.record.n, again.next_n) == (7, 8)


@pytest.mark.parametrize(
    ("supply", "lvd_open", "reason"),
    [
        (HERE, False, "The supply is back."),
        (HERE, True, "The supply is back."),
        (Source(None, 900.0), True, "LVD opened."),
        (Source(None, 900.0), False, "The battery no longer feeds the load."),
    ],
)
def test_why_it_is_over(supply: Source, lvd_open: bool, reason: str) -> None:
    state = station(False, outage=UNDER_WAY, presence=Presence(supply, HERE))
    state = state._replace(lvd=state.lvd._replace(is_open=lvd_open))
    made, ended = stepped(state)
    assert made.outage.record is None
    assert [record.reason for record in ended] == [reason]
    assert made.next_n == 7


def test_one_that_comes_too_often_stays_open_until_10_min_of_quiet() -> None:
    state = station(False, outage=UNDER_WAY, outages=HELD)
    made, ended = stepped(state)
    assert made.outage.record is not None
    assert (made.outages.quiet_since, ended) == (1000.0, [])
    made, ended = stepped(state._replace(outages=HELD._replace(quiet_since=400.1)))
    assert made.outage.record is not None
    made, ended = stepped(state._replace(outages=HELD._replace(quiet_since=400.0)))
    assert len(ended) == 1
    assert made.outages == Flood((1.0, 2.0))
    # a test has a record of its own
    testing = state._replace(test=IDLE._replace(state=TestState.RUNNING))
    made, ended = stepped(testing)
    assert len(ended) == 1
    assert not made.outages.held


def test_what_it_has_said_of_the_blocks_is_taken() -> None:
    taps: dict[str, object] = {"block.tap1": "ch2"}
    record = RECORD._replace(estimate_s=3600.0)
    state = station(False, outage=UNDER_WAY._replace(record=record), blocks=Blocks(weak=2, hits=3))
    made, _ = stepped(state, 24, **taps)
    assert made.blocks == Blocks(weak=0)
    made, _ = stepped(state)
    assert made.blocks == Blocks(weak=2)
    going = state._replace(battery_use=state.battery_use._replace(on=True))
    assert stepped(going, 24, **taps)[0].blocks == Blocks(weak=2, hits=3)
