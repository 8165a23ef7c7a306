"""What follows from a state: who may discharge the battery, and when it is looked at next."""

from __future__ import annotations

import pytest
from core_scenes import step_context

from btrmd.core.capacity_test.progress import Progress
from btrmd.core.capacity_test.state import IDLE, CapacityTest, CheckPhase, End, Moved, Watch
from btrmd.core.capacity_test.type1 import Policy
from btrmd.core.machines.alarms import Alarms, RaisedAlarm
from btrmd.core.machines.buttons import Buttons
from btrmd.core.machines.digital import BELOW_1V, Digital, DigitalInput
from btrmd.core.machines.guardwatch import GuardWatch
from btrmd.core.machines.lines import InputLines
from btrmd.core.machines.lvd import Lvd
from btrmd.core.machines.onbattery import OnBattery
from btrmd.core.machines.plausible_state import Plausible
from btrmd.core.machines.presence import Presence, Source
from btrmd.core.machines.recharge import Recharge
from btrmd.core.machines.relaywatch import Contact, RelayWatch
from btrmd.core.machines.schedule import Schedule
from btrmd.core.machines.selftest import SelfTest
from btrmd.core.machines.transfer import Handover, Transfer, Where
from btrmd.core.outage import Outage
from btrmd.core.scan.due import EVERY_SCAN, NO_TIME
from btrmd.core.scan.setpoints import Setpoints
from btrmd.core.state import State, new_state
from btrmd.model.board import SAFE_OUTPUTS
from btrmd.model.discharge import TestRecord, TestState
from btrmd.model.settings import Settings

# --- What follows from a state: who may discharge the battery, and whether an outage lasts -------


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


def test_put_is_replace_and_refuses_what_no_state_has() -> None:
    state = fresh()
    made = state.put(last_now=6.0, next_n=3, refusal=None)
    assert made == state._replace(last_now=6.0, next_n=3)
    assert type(made) is type(state)
    assert state.last_now == 0.0
    with pytest.raises(KeyError):
        state.put(nothing=1)


# --- Each machine says when it wants to be looked at next; the state's answer is the earliest ----

NOW = 5000.0
RECORD = TestRecord(7, "outage", "running", "core", 1.8e9)
SETPOINTS = Setpoints.of(Settings.defaults())
THERE = Source(above_since=1.0, there_since=1.0, present=True, known=True)
QUIET = new_state(SETPOINTS, 0.0)._replace(
    selftest=SelfTest("good"), presence=Presence(THERE, THERE), last_now=NOW
)
GONE = RaisedAlarm("The supply is lost.", 1.8e9, clearing=NOW - 1.0)
STAYS = GONE._replace(clearing=None)

EVERY: dict[str, dict[str, object]] = {
    "selftest runs": {"selftest": SelfTest()},
    "contradiction": {"plausible": Plausible(broken_s=(0.4, *Plausible().broken_s[1:]))},
    "guard line": {"plausible": Plausible(lines=InputLines(guard_s=0.1))},
    "path line": {"plausible": Plausible(lines=InputLines(path_s=0.1))},
    "supply appears": {"presence": Presence(Source(there_since=NOW), THERE)},
    "charger goes": {"presence": Presence(THERE, Source(below_since=NOW))},
    "debounce 1": {"digital": Digital(io1=DigitalInput(BELOW_1V, False, NOW))},
    "debounce 2": {"digital": Digital(io2=DigitalInput(BELOW_1V, False, NOW))},
    "odd relay": {"relays": RelayWatch(k2=Contact(odd_since=NOW))},
    "owed charge": {"relays": RelayWatch(recharge=Recharge(waited_s=0.1))},
    "low bus": {"transfer": Transfer(low_ticks=1)},
    "on battery": {"transfer": Transfer(Where.BATTERY)},
    "watched return": {"transfer": Transfer(Where.RETURNED)},
    "lvd opens": {"lvd": Lvd(low_since=NOW)},
    "lvd closes": {"lvd": Lvd(is_open=True, high_since=NOW)},
    "lvd recalled": {"lvd": Lvd(is_open=True, remembered=True)},
    "delayed test": {"test": CapacityTest(TestState.DELAYED, due=NOW + 900.0)},
    "running test": {"test": CapacityTest(TestState.RUNNING)},
    "outage": {"outage": Outage(RECORD)},
    "alarm comes": {"alarms": Alarms(pending={"supply.lost": NOW})},
    "alarm goes": {"alarms": Alarms(raised={"supply.lost": GONE})},
    "held PB1": {"buttons": Buttons(pb1_since=NOW)},
    "held PB2": {"buttons": Buttons(pb2_since=NOW)},
    "guard told": {"guard": GuardWatch(active_since=NOW)},
    "guard over": {"guard": GuardWatch(active_since=1.0, idle_since=NOW, reported=True)},
    "battery gives": {"battery_use": OnBattery(flows_since=NOW)},
    "battery feeds": {"battery_use": OnBattery(on=True)},
    "k1 on": {"outputs": SAFE_OUTPUTS._replace(k1=True)},
    "k2 on": {"outputs": SAFE_OUTPUTS._replace(k2=True)},
}  # fmt: skip

AT: dict[str, tuple[dict[str, object], float]] = {
    "nothing": ({}, NO_TIME),
    "next test": ({"schedule": Schedule(due=NOW + 7200.0)}, NOW + 7200.0),
    "waits for rest": ({"schedule": Schedule(due=NOW - 1.0)}, NO_TIME),
    "tests are off": ({"schedule": Schedule(left_s=60.0)}, NO_TIME),
    "LEDs flash": ({"buttons": Buttons(flash_until=NOW + 3.0)}, NOW + 3.0),
    "LEDs flashed": ({"buttons": Buttons(flash_until=NOW)}, NO_TIME),
    "restart": ({"restart_at": NOW + 3.0}, NOW + 3.0),
    "earliest": (
        {"restart_at": NOW + 3.0, "schedule": Schedule(due=NOW + 2.0)}, NOW + 2.0,
    ),
    "raised alarm that stays": ({"alarms": Alarms(raised={"supply.lost": STAYS})}, NO_TIME),
    "latched relay": ({"relays": RelayWatch(k1=Contact(odd_since=1.0, faulty=True))}, NO_TIME),
    "guard that only waits": ({"guard": GuardWatch(active_since=1.0, reported=True)}, NO_TIME),
    "lvd open": ({"lvd": Lvd(is_open=True)}, NO_TIME),
}  # fmt: skip


@pytest.mark.parametrize("name", EVERY)
def test_a_machine_that_times_what_is_measured_wants_every_scan(name: str) -> None:
    state = QUIET._replace(**EVERY[name])  # type: ignore[arg-type]
    assert state.next_due(NOW) == EVERY_SCAN
    other = state._replace(restart_at=NOW + 1.0)  # whoever else waits does not hide it
    assert other.next_due(NOW) == EVERY_SCAN


@pytest.mark.parametrize("name", AT)
def test_a_time_that_only_passes_is_named(name: str) -> None:
    changed, due = AT[name]
    assert QUIET._replace(**changed).next_due(NOW) == due  # type: ignore[arg-type]


def test_no_machine_is_forgotten() -> None:
    """Whatever of the state is declared in core, limits apart, says when it is due."""
    machines = {
        name: type(default)
        for name, default in State._field_defaults.items()
        if type(default).__module__.startswith("btrmd.core.")
    }
    assert len(machines) >= 18
    silent = [name for name, kind in machines.items() if not hasattr(kind, "next_due")]
    assert silent == []
    assert set(State._fields) - set(machines) == {
        "setpoints", "boot", "last_now", "outputs", "k1_on_guard", "load_unproven", "settings_seen",
        "losses", "has_settings_file", "unsolicited", "chatter",
        "next_n", "carried_from", "last_reason", "restart_at", "restart_source",
        "protocol_start", "replaced_after", "replaced_at", "refusal",
    }  # fmt: skip


def test_each_machine_is_asked() -> None:
    for name, default in State._field_defaults.items():
        if not hasattr(default, "next_due"):
            continue
        asked: list[float] = []

        class Asked(type(default)):  # type: ignore[misc]
            def next_due(self, now: float, asked: list[float] = asked) -> float:
                asked.append(now)
                return now + 1.5

        state = QUIET._replace(**{name: Asked(*default)})
        assert state.next_due(NOW) == NOW + 1.5, name
        assert asked == [NOW], name
