"""The fieldbus service: listeners follow the settings, and survive what befalls them."""

from __future__ import annotations

import asyncio
import os
import socket
import time
from collections.abc import Callable
from typing import Any

import pytest
from fieldbus_snapshot import make_snapshot
from fieldbus_station import SerialPair, Station, Wire
from free_port import free_port
from test_fieldbus_modbus_rtu import Master, framed
from waiting import wait_until

from btrmd.bus import Bus
from btrmd.model.settings import Settings
from btrmd.model.site import Site
from btrmd.servers.fieldbus import service
from btrmd.servers.fieldbus.access import AllowList
from btrmd.servers.fieldbus.context import Endpoint, FieldbusContext
from btrmd.servers.fieldbus.listener_config import (
    FieldbusOptions,
    ListenerConfig,
    SerialLine,
    TcpPlace,
    listener_configs,
)
from btrmd.servers.fieldbus.modbus_tcp import ModbusTcp
from btrmd.servers.fieldbus.service import Fieldbus, wanted_listeners

READ = "0001 0000 0006 01 04 0000 0001"


# --- plans ---------------------------------------------------------------------------------------


def places(options: FieldbusOptions, **settings: object) -> dict[str, str]:
    changes = {key.replace("__", "."): value for key, value in settings.items()}
    made = Settings.defaults(Site(modbus="10.0.0.1")).with_changes(changes)
    found = listener_configs(made, options)
    assert frozenset(found) == wanted_listeners(made, options)
    return {name: f"{plan.protocol} {plan.place}" for name, plan in found.items()}


def test_out_of_the_box_all_is_closed() -> None:
    assert places(FieldbusOptions()) == {}


def test_settings_open_listeners_at_the_site_s_host() -> None:
    found = places(FieldbusOptions(), modbus__enabled=True, modbus__port=1502)
    assert found == {"modbus": "modbus 10.0.0.1:1502"}
    found = places(FieldbusOptions(), modbus__enabled=True, dnp3__enabled=True)
    assert found == {"modbus": "modbus 10.0.0.1:502", "dnp3": "dnp3 0.0.0.0:20000"}


def test_options_overrule_settings() -> None:
    found = places(FieldbusOptions("[::1]:5020", "none"), dnp3__enabled=True)
    assert found == {"modbus": "modbus [::1]:5020"}
    line = SerialLine("/dev/ttyS0", "dnp3", 19200, "none")
    assert list(places(FieldbusOptions(serial=line))) == ["serial"]
    off = FieldbusOptions(serial=SerialLine("none"))
    assert places(off, serial__protocol="modbus") == {}
    assert list(places(FieldbusOptions(), serial__protocol="modbus")) == ["serial"]


@pytest.mark.parametrize(
    ("allow", "peer", "is_allowed"),
    [
        ("", "203.0.113.9", True),
        ("10.0.0.0/8", "10.1.2.3", True),
        ("10.0.0.0/8", "11.1.2.3", False),
        ("10.0.0.0/8", "::ffff:10.1.2.3", True),
        ("192.168.1.5 10.0.0.0/8", "192.168.1.5", True),
        ("fe80::/10", "fe80::1%eth0", True),
        ("10.0.0.0/8", "fe80::1", False),
        ("10.0.0.0/8", "", False),
    ],
)
def test_access(allow: str, peer: str, is_allowed: bool) -> None:
    assert AllowList(allow).allows(peer) is is_allowed


# --- listeners -----------------------------------------------------------------------------------


def test_a_listener_opens_moves_and_closes_with_the_settings(
    start_station: Callable[..., Station],
) -> None:
    station = start_station(FieldbusOptions())
    assert "modbus" not in station.bus.listeners
    ports = [free_port(), free_port()]
    for port in ports:
        station.owner.change(modbus__enabled=True, modbus__port=port)
        wait_until(lambda port=port: station.address().endswith(f":{port}"))
        with Wire(f"127.0.0.1:{port}") as wire:
            assert wire.ask(READ)
    with pytest.raises(ConnectionRefusedError):
        Wire(f"127.0.0.1:{ports[0]}")
    with Wire(f"127.0.0.1:{ports[1]}") as wire:
        assert wire.ask(READ)
        station.owner.change(modbus__enabled=False)
        assert wire.is_closed()
    wait_until(lambda: not station.bus.listeners["modbus"].address)
    assert station.bus.listeners["modbus"].fault == ""
    with pytest.raises(ConnectionRefusedError):
        Wire(f"127.0.0.1:{ports[1]}")


def test_other_settings_leave_connections_alone(station: Station) -> None:
    with station.connect() as wire:
        assert wire.ask(READ)
        station.owner.change(modbus__unit=2, site__location="Here", snmp__read1="x")
        station.owner.change(serial__protocol="modbus", serial__device="/dev/does-not-exist")
        assert "/dev/does-not-exist" in station.fault("serial")
        assert wire.ask("0001 0000 0006 02 04 0000 0001").endswith("02 34 4f")


def test_a_port_in_use_is_told_and_tried_again(start_station: Callable[..., Station]) -> None:
    with socket.socket() as blocker:
        blocker.bind(("127.0.0.1", 0))
        blocker.listen()
        port = blocker.getsockname()[1]
        station = start_station(FieldbusOptions(f"127.0.0.1:{port}"))
        assert "in use" in station.fault()
        assert f"127.0.0.1:{port}" in station.fault()
    assert station.address() == f"127.0.0.1:{port}"
    assert station.bus.listeners["modbus"].fault == ""


class _Broken(Endpoint):
    """Fails in a way nobody has thought of, then is lost, then holds."""

    made = 0

    async def start(self) -> str:
        type(self).made += 1
        if self.made == 1:
            raise ZeroDivisionError("thought of by nobody")
        if self.made == 2:
            self.context.loop.call_soon(self.lose, "It was pulled.")
        return f"place {self.made}"

    async def stop(self) -> None:
        if self.made == 2:
            raise RuntimeError("nor was this")


def test_an_error_of_one_listener_closes_no_other(caplog: pytest.LogCaptureFixture) -> None:
    from btrmd.servers.fieldbus.service import FACTORIES

    bus = Bus(make_snapshot())
    _Broken.made = 0

    def broken(context: FieldbusContext, plan: ListenerConfig) -> Endpoint:
        assert plan.place == TcpPlace("127.0.0.1", 7)
        return _Broken(context, plan)

    factories = {**FACTORIES, ("dnp3", False): broken}
    service = Fieldbus(bus, FieldbusOptions("127.0.0.1:0", "127.0.0.1:7"), factories)
    service.start()
    try:
        wait_until(lambda: {"modbus", "dnp3"} <= bus.listeners.keys())
        wait_until(lambda: "ZeroDivisionError" in bus.listeners["dnp3"].fault)
        wait_until(lambda: bus.listeners["dnp3"].fault == "It was pulled.")
        wait_until(lambda: bus.listeners["dnp3"].address == "place 3")
        with Wire(bus.listeners["modbus"].address) as wire:
            assert wire.ask(READ)
    finally:
        service.stop()
    assert bus.listeners["modbus"].address == bus.listeners["dnp3"].address == ""


def test_a_fieldbus_that_ends_by_an_error_tells_it_and_is_started_again(
    station: Station, monkeypatch: pytest.MonkeyPatch
) -> None:
    where = station.address()
    errors = [ZeroDivisionError("thought of by nobody")]

    def configs(*args: Any) -> Any:
        if errors:
            raise errors.pop()
        return listener_configs(*args)

    told: list[tuple[str, ...]] = []
    report = station.bus.report_listener
    monkeypatch.setattr(service, "listener_configs", configs)
    monkeypatch.setattr(
        station.bus, "report_listener", lambda *words: (report(*words), told.append(words))
    )
    with station.connect() as wire:
        assert wire.ask(READ)
        station.owner.change(site__location="Here")
        assert wire.is_closed()
    fault = "modbus stopped by an error (thought of by nobody) and is started again."
    wait_until(lambda: told[-1:] == [("modbus", where, "")])
    assert ("modbus", "", fault) in told
    with station.connect() as wire:
        assert wire.ask(READ)


def test_a_job_that_fails_takes_no_other_s_turn(caplog: pytest.LogCaptureFixture) -> None:
    """An error in one of what is regular is logged once and counted; the rest is done, and it is
    tried again."""
    bus = Bus(make_snapshot())
    done: list[str] = []

    def fails() -> None:
        done.append("fails")
        raise ZeroDivisionError(f"the {len(done)}th")

    def fails_otherwise() -> None:
        raise ValueError("no number")

    async def look_three_times() -> FieldbusContext:
        context = FieldbusContext(bus)
        context.regular += [fails, fails_otherwise, lambda: done.append("behind")]
        for _ in range(3):
            context.look()
        return context

    context = asyncio.run(look_three_times())
    assert done == ["fails", "behind"] * 3
    assert context.failed_looks == 6
    assert bus.counts["fieldbus"] == {"failed_looks": 6}
    logged = [record for record in caplog.records if record.levelname == "ERROR"]
    assert ["fails failed" in record.getMessage() for record in logged] == [True, False]
    assert [record.exc_info is not None for record in logged] == [True, True]


def test_a_look_that_fails_closes_nothing_and_new_settings_are_followed(
    monkeypatch: pytest.MonkeyPatch, start_station: Callable[..., Station]
) -> None:
    """The station ends before the patch does: what is regular is taken out as it was put in."""
    failed: list[object] = []

    def fail(self: ModbusTcp) -> None:
        failed.append(self)
        raise ZeroDivisionError("thought of by nobody")

    monkeypatch.setattr(ModbusTcp, "_sweep", fail)
    station = start_station()
    with station.connect() as wire:
        wait_until(lambda: failed)
        assert wire.ask(READ)
        station.owner.change(serial__protocol="modbus", serial__device="/dev/does-not-exist")
        assert "/dev/does-not-exist" in station.fault("serial")
        assert wire.ask(READ)


def test_stopping_is_quick_with_clients_and_a_write_under_way(
    start_station: Callable[..., Station],
) -> None:
    station = start_station()
    with station.connect() as idle, station.connect() as writer:
        assert idle.ask(READ)
        station.owner.is_deaf.set()
        writer.send("0001 0000 0006 01 05 0001 ff00")
        wait_until(lambda: station.bus._inbox)
        start = time.monotonic()
        station.service.stop()
        assert time.monotonic() - start < 2.0
        assert idle.is_closed()
        assert writer.is_closed()
    station.owner.is_deaf.clear()  # the late answer finds nobody and harms nobody
    wait_until(lambda: station.owner.commands)


# --- the serial line -----------------------------------------------------------------------------


def test_an_adapter_that_is_pulled_and_put_back(
    cable: SerialPair, start_station: Callable[..., Station]
) -> None:
    station = start_station(FieldbusOptions("127.0.0.1:0", "none", SerialLine(str(cable.here))))
    station.address("serial")
    for _ in range(2):
        master = Master(cable)
        assert master.ask("01 04 0000 0001") == framed("01 04 02 344f").hex(" ")
        os.close(master.fd)
        cable.pull()
        assert str(cable.here) in station.fault("serial")
        with station.connect() as wire:
            assert wire.ask(READ)  # the other listener does not notice
        cable.plug()
        wait_until(lambda: station.bus.listeners["serial"].address)


def test_a_port_that_refuses_parity_is_a_warning(
    cable: SerialPair, start_station: Callable[..., Station]
) -> None:
    line = SerialLine(str(cable.here), "modbus", 9600, "even")
    station = start_station(FieldbusOptions("none", "none", line))
    assert station.address("serial") == str(cable.here)
    wait_until(lambda: "parity" in station.bus.listeners["serial"].fault)


def test_the_line_changes_its_protocol_with_the_settings(
    cable: SerialPair, start_station: Callable[..., Station]
) -> None:
    station = start_station(FieldbusOptions("none", "none"))
    station.owner.change(serial__protocol="modbus", serial__device=str(cable.here))
    assert station.address("serial") == str(cable.here)
    station.owner.change(serial__baud=19200)
    wait_until(lambda: station.bus.listeners["serial"].address)
    master = Master(cable)
    try:
        assert master.ask("01 04 0000 0001") == framed("01 04 02 344f").hex(" ")
        station.owner.change(serial__protocol="none")
        wait_until(lambda: not station.bus.listeners["serial"].address)
        assert not station.bus.listeners["serial"].fault
    finally:
        os.close(master.fd)


def test_a_device_that_is_no_line(start_station: Callable[..., Station]) -> None:
    line = SerialLine("/dev/null")
    station = start_station(FieldbusOptions("127.0.0.1:0", "none", line))
    assert "/dev/null" in station.fault("serial")
    with station.connect() as wire:
        assert wire.ask(READ)
