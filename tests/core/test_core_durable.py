"""Durable: whatever a restart must not forget is stored in the step that changed it, unasked."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from core_scenes import Bench

from btrmd.core import durable, persist
from btrmd.core.capacity_test.state import CapacityTest
from btrmd.core.machines.alarms import Alarms, RaisedAlarm
from btrmd.core.machines.bank_fit import BankFit
from btrmd.core.machines.capacity import CapacityHealth
from btrmd.core.machines.guardwatch import GuardWatch
from btrmd.core.machines.lvd import Lvd
from btrmd.core.machines.recharge import Recharge
from btrmd.core.machines.relaywatch import latch
from btrmd.core.machines.schedule import Schedule
from btrmd.core.machines.transfer import Transfer
from btrmd.core.outage import Outage
from btrmd.core.scan.actions import Persist
from btrmd.core.scan.setpoints import Setpoints
from btrmd.core.state import State, new_state
from btrmd.model.commands import AckAlarm, CapacityCheck, Command, NextTestIn, ResetData, StartTest
from btrmd.model.discharge import Capacity, TestRecord, TestState
from btrmd.model.settings import Settings

# what changes by the passing of time, or is told only: stored with the rest, never by itself
DRIFTING = {
    "version", "saved_at", "last_reason", "charger_tied", "charger_owes_as", "float_s",
    "undischarged_s", "missing_ah", "missing_sd_ah", "blocks",
}  # fmt: skip

REST = new_state(Setpoints.of(Settings.defaults()), 0.0)
RECORD = TestRecord(7, "1", "delayed", "web admin", 1.8e9)
LATER = CapacityTest(TestState.DELAYED, RECORD, due=900.0)
RAISED = RaisedAlarm("The supply is lost.", 1.8e9)

# key of the stored state -> a state in which just that has become another
CHANGED: dict[str, State] = {
    "next_n": REST._replace(next_n=2),
    "replaced_after": REST._replace(replaced_after=4),
    "replaced_at": REST._replace(replaced_at=1.8e9),
    "capacity": REST._replace(health=CapacityHealth(Capacity.GOOD)),
    "low_alarm": REST._replace(health=CapacityHealth(low_alarm=True)),
    "forced": REST._replace(health=CapacityHealth(forced=True)),
    "last_n": REST._replace(health=CapacityHealth(last=RECORD)),
    "measured_n": REST._replace(health=CapacityHealth(measured=RECORD)),
    "low_text": REST._replace(health=CapacityHealth(low_text="2 h")),
    "is_probable": REST._replace(health=CapacityHealth(is_probable=True)),
    "relay_faults": REST._replace(relays=latch(REST.relays, "k2")),
    "charger_parted": REST._replace(relays=REST.relays._replace(recharge=Recharge(parted=True))),
    "charger_gone": REST._replace(relays=REST.relays._replace(recharge=Recharge(is_gone=True))),
    "charger_came_back": REST._replace(
        relays=REST.relays._replace(recharge=Recharge(came_back=True))
    ),
    "supply_helps_age_s": REST._replace(guard=GuardWatch(helps=(3.0,))),
    "weak_block": REST._replace(blocks=REST.blocks._replace(weak=2)),
    "schedule": REST._replace(schedule=Schedule(due=5.0)),
    "delayed": REST._replace(test=LATER),
    "carried": REST._replace(transfer=Transfer(carried=True)),
    "outage_waits": REST._replace(outage=Outage(RECORD)),
    "bank_fit": REST._replace(bank_fit=BankFit(12, False)),
    "lvd_open": REST._replace(lvd=Lvd(True)),
    "losses": REST._replace(losses={"storage": "The history is gone."}),
    "has_settings_file": REST._replace(has_settings_file=True),
    "alarms": REST._replace(alarms=Alarms({"supply.lost": RAISED})),
}


def test_all_that_is_stored_is_either_watched_or_known_to_drift() -> None:
    stored = persist.dump(REST, 0.0, 1.8e9).keys()
    assert stored == (CHANGED.keys() - {"weak_block"}) | DRIFTING
    assert CHANGED.keys() == durable.durable(REST, 0.0).keys()


@pytest.mark.parametrize("key", CHANGED)
def test_what_has_changed_is_stored(key: str) -> None:
    after = CHANGED[key]
    was, became = durable.durable(REST, 0.0), durable.durable(after, 0.0)
    assert {k for k in was if was[k] != became[k]} == {key}
    assert durable.must_store(REST, after)
    assert durable.must_store(after, REST)
    assert not durable.must_store(after, after._replace(last_now=9.0, last_reason="No."))


class ReadFields:
    """A state that keeps in mind what is read of it."""

    def __init__(self, state: State) -> None:
        self._state = state
        self.read: set[str] = set()

    def __getattr__(self, name: str) -> object:
        if name in State._fields:
            self.read.add(name)
            return getattr(self._state, name)
        got: Callable[[object], object] = vars(State)[name].fget
        return got(self)


@pytest.mark.parametrize("part", durable.PARTS, ids=lambda part: "+".join(part.fields))
@pytest.mark.parametrize("state", [REST, *CHANGED.values()])
def test_a_part_is_made_from_the_fields_it_names(part: durable.Part, state: State) -> None:
    watched = ReadFields(state)
    part.made(watched, 0.0)  # type: ignore[arg-type]
    assert watched.read <= set(part.fields)


def settled(**settings: object) -> Bench:
    bench = Bench(**settings)  # type: ignore[arg-type]
    bench.run(100.0)
    return bench


def stores(bench: Bench, seconds: int) -> int:
    """How often the core wants its state stored within that time."""
    count = 0
    for _ in range(seconds):
        bench.step()
        count += sum(isinstance(action, Persist) for action in bench.actions)
    return count


def test_an_hour_in_which_nothing_happens_stores_nothing() -> None:
    assert stores(settled(test__enabled=True, test__interval_h=500), 3600) == 0


def test_a_delayed_test_is_counted_down_without_storing() -> None:
    bench = settled()
    assert bench.ask(StartTest(delay_h=2.0)).ok
    assert stores(bench, 3600) == 0


@pytest.mark.parametrize(
    "command",
    [
        StartTest(delay_h=2.0),
        NextTestIn(5.0),
        CapacityCheck(False),
        ResetData(),
        AckAlarm("battery.low_capacity"),
    ],
    ids=lambda command: type(command).__name__,
)
def test_what_somebody_asked_for_survives_a_death_in_the_same_second(command: Command) -> None:
    bench = settled(test__enabled=True)
    assert bench.ask(CapacityCheck(True)).ok
    bench.run(30.0)
    assert bench.alarms == ("battery.low_capacity",)
    assert bench.ask(command).ok
    assert sum(isinstance(action, Persist) for action in bench.actions) == 1
