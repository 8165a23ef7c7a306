"""Idle: what keeps the core awake, one by one, and how much of a change it looks at."""

from __future__ import annotations

import pytest
from core_scenes import measured, step_context

from btrmd.core.idle import is_same
from btrmd.core.machines.alarms import RaisedAlarm
from btrmd.core.machines.presence import Presence, Source
from btrmd.core.machines.transfer import Where
from btrmd.core.scan.due import NO_TIME
from btrmd.core.scan.setpoints import Setpoints
from btrmd.core.state import State, new_state
from btrmd.model.discharge import TestState
from btrmd.model.settings import Settings
from btrmd.model.site import Site

HERE = Source(0.0, None, 0.0, True, True)


def quiet() -> State:
    """A station on which nothing is under way."""
    state = new_state(Setpoints.of(Settings.defaults(Site())), 0.0)
    return state._replace(
        last_now=1000.0,
        presence=Presence(HERE, HERE),
        selftest=state.selftest._replace(state="good"),
    )


def test_a_quiet_station_is_idle() -> None:
    assert quiet().next_due(1000.0) == NO_TIME


AWAKE = {
    "test": lambda s: s._replace(test=s.test._replace(state=TestState.DELAYED)),
    "transfer": lambda s: s._replace(transfer=s.transfer._replace(where=Where.RETURNED)),
    "low bus": lambda s: s._replace(transfer=s.transfer._replace(low_ticks=1)),
    "on battery": lambda s: s._replace(battery_use=s.battery_use._replace(on=True)),
    "flows": lambda s: s._replace(battery_use=s.battery_use._replace(flows_since=999.0)),
    "k1": lambda s: s._replace(outputs=s.outputs._replace(k1=True)),
    "k2": lambda s: s._replace(outputs=s.outputs._replace(k2=True)),
    "self-test": lambda s: s._replace(selftest=s.selftest._replace(state="running")),
    "io1": lambda s: s._replace(
        digital=s.digital._replace(io1=s.digital.io1._replace(since=999.0))
    ),
    "io2": lambda s: s._replace(
        digital=s.digital._replace(io2=s.digital.io2._replace(since=999.0))
    ),
    "pb1": lambda s: s._replace(buttons=s.buttons._replace(pb1_since=999.0)),
    "pb2": lambda s: s._replace(buttons=s.buttons._replace(pb2_since=999.0)),
    "restart": lambda s: s._replace(restart_at=1003.0),
    "flash": lambda s: s._replace(buttons=s.buttons._replace(flash_until=1000.1)),
    "pending alarm": lambda s: s._replace(alarms=s.alarms._replace(pending={"x": 999.0})),
    "clearing alarm": lambda s: s._replace(
        alarms=s.alarms._replace(raised={"x": RaisedAlarm("", 0.0)._replace(clearing=999.0)})
    ),
    "coming": lambda s: s._replace(presence=Presence(HERE, Source(999.0, None, 999.0))),
    "unknown": lambda s: s._replace(presence=Presence(Source(None, 999.0), HERE)),
    "lvd low": lambda s: s._replace(lvd=s.lvd._replace(low_since=999.0)),
    "lvd high": lambda s: s._replace(lvd=s.lvd._replace(high_since=999.0)),
    "lvd remembered": lambda s: s._replace(lvd=s.lvd._replace(remembered=True)),
    "relay": lambda s: s._replace(
        relays=s.relays._replace(k1=s.relays.k1._replace(odd_since=999.0))
    ),
    "recharge": lambda s: s._replace(
        relays=s.relays._replace(recharge=s.relays.recharge._replace(waited_s=0.1))
    ),
    "contradiction": lambda s: s._replace(
        plausible=s.plausible._replace(broken_s=(0.0, 0.5, *s.plausible.broken_s[2:]))
    ),
    "guard line": lambda s: s._replace(
        plausible=s.plausible._replace(lines=s.plausible.lines._replace(guard_s=0.1))
    ),
    "path line": lambda s: s._replace(
        plausible=s.plausible._replace(lines=s.plausible.lines._replace(path_s=0.1))
    ),
    "guard": lambda s: s._replace(guard=s.guard._replace(active_since=999.0)),
}


@pytest.mark.parametrize("what", AWAKE)
def test_what_is_under_way_keeps_it_awake(what: str) -> None:
    assert AWAKE[what](quiet()).next_due(1000.0) <= 1003.0


ASLEEP = {
    "flash over": lambda s: s._replace(buttons=s.buttons._replace(flash_until=1000.0)),
    "raised alarm": lambda s: s._replace(
        alarms=s.alarms._replace(raised={"x": RaisedAlarm("", 0.0)})
    ),
    "latched relay": lambda s: s._replace(
        relays=s.relays._replace(k1=s.relays.k1._replace(odd_since=999.0, faulty=True))
    ),
    "absent": lambda s: s._replace(presence=Presence(Source(None, 0.0, None, False, True), HERE)),
    "nothing known": lambda s: s._replace(presence=Presence()),
    "guard told": lambda s: s._replace(guard=s.guard._replace(active_since=900.0, reported=True)),
}


@pytest.mark.parametrize("what", ASLEEP)
def test_what_only_lasts_does_not(what: str) -> None:
    assert ASLEEP[what](quiet()).next_due(1000.0) == NO_TIME


ANALOG = (
    "battery_v", "battery_a", "load_v", "load_a", "charger_v", "charger_a", "supply_v", "supply_a",
    "io1_v", "io2_v",
)  # fmt: skip


@pytest.mark.parametrize("name", ANALOG)
def test_a_change_of_0_1_v_or_a_is_looked_at(name: str) -> None:
    seen = step_context(**{name: 1.0}).inputs  # type: ignore[arg-type]
    for value, same in (
        (1.0, True), (1.09, True), (0.91, True), (1.11, False), (0.89, False), (None, False),
    ):  # fmt: skip
        assert is_same(seen, seen._replace(**{name: measured(value, 1001.0)})) is same, value


@pytest.mark.parametrize("name", ANALOG)
def test_exactly_0_1_is_a_change(name: str) -> None:
    seen = step_context(**{name: 0.0}).inputs  # type: ignore[arg-type]
    for value in (0.1, -0.1):
        assert not is_same(seen, seen._replace(**{name: measured(value, 1001.0)})), value


def test_exactly_half_a_degree_is_a_change() -> None:
    seen = step_context(temperature=20.0).inputs
    for value in (20.5, 19.5):
        assert not is_same(seen, seen._replace(temperature=measured(value, 1001.0))), value


def test_a_change_of_half_a_degree_is_looked_at() -> None:
    seen = step_context(temperature=25.0).inputs
    for value, same in ((25.4, True), (24.6, True), (25.6, False), (24.4, False), (None, False)):
        scan = seen._replace(temperature=measured(value, 1001.0))
        assert is_same(seen, scan) is same, value


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("guard", True), ("guard", None), ("batt_path", False), ("pb1", True), ("pb2", True),
        ("chips", ()), ("storage_ok", False), ("clock_ok", False), ("settings_ok", False),
    ],
)  # fmt: skip
def test_a_line_or_a_finding_is_looked_at(name: str, value: object) -> None:
    seen = step_context().inputs
    assert is_same(seen, seen)
    assert not is_same(seen, seen._replace(**{name: value}))
