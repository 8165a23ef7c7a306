"""Services: one interface for whatever the daemon starts, and what the ready line waits for."""

from __future__ import annotations

import pytest
from fieldbus_snapshot import make_snapshot

import btrmd.daemon.station
from btrmd.bus import Bus
from btrmd.model.service import Service
from btrmd.model.settings import Settings
from btrmd.notify.notifier import Notifier
from btrmd.servers.fieldbus.listener_config import FieldbusOptions
from btrmd.servers.fieldbus.service import Fieldbus
from btrmd.servers.nut.server import NutServer
from btrmd.servers.snmp.server import SnmpServer
from btrmd.servers.web.server import WebServer
from btrmd.snmp.engine import SnmpEngine

ENGINE = SnmpEngine("0123456789abcdef", lambda: 1)
NOTIFIERS = {"mail", "mqtt", "syslog", "traps", "webhook"}
PARTS = {
    "appliance", "control", "fieldbus", "memory", "nut", "snmp", "web", *NOTIFIERS,
}  # fmt: skip


def test_every_part_of_the_station_is_a_service_with_a_name_of_its_own() -> None:
    assert btrmd.daemon.station.Station
    direct = [one for one in Service.__subclasses__() if one.__module__.startswith("btrmd.")]
    notifiers = Notifier.__subclasses__()
    own = [one for one in [*direct, *notifiers] if one is not Notifier]
    assert WebServer in own
    assert {one.name for one in notifiers} == NOTIFIERS
    assert sorted(one.name for one in own) == sorted(PARTS)


def test_a_service_that_forgets_its_name_or_its_end_fails_at_once() -> None:
    with pytest.raises(TypeError, match="name"):
        type("Nameless", (Service,), {})

    class Endless(Service, name="endless"):
        def start(self) -> None: ...

    with pytest.raises(TypeError, match="stop"):
        Endless()  # type: ignore[abstract]


def bus_of(**changes: object) -> Bus:
    named = {key.replace("__", "."): value for key, value in changes.items()}
    return Bus(make_snapshot(Settings.defaults().with_changes(named)))


@pytest.mark.parametrize(
    ("address", "names"), [("none", ()), ("127.0.0.1:0", ("snmp",)), ("[::1]:161", ("snmp",))]
)
def test_the_agent_is_waited_for_where_it_has_an_address(
    address: str, names: tuple[str, ...]
) -> None:
    assert tuple(SnmpServer(bus_of(), address, ENGINE).listeners) == names


@pytest.mark.parametrize(
    ("address", "names"), [(None, ()), ("none", ()), ("127.0.0.1:0", ("nut",))]
)
def test_nut_is_waited_for_by_option_and_not_by_settings(
    address: str | None, names: tuple[str, ...]
) -> None:
    assert tuple(NutServer(bus_of(nut__enabled=True), address).listeners) == names


def test_the_fieldbus_is_waited_for_by_options_and_settings() -> None:
    options = FieldbusOptions(modbus="127.0.0.1:0")
    assert set(Fieldbus(bus_of(), options).listeners) == {"modbus"}
    enabled = bus_of(dnp3__enabled=True)
    assert set(Fieldbus(enabled, options).listeners) == {"modbus", "dnp3"}
