"""GET, GETNEXT and GETBULK over a real socket, read back by another codec."""

from __future__ import annotations

import socket
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pysnmp.proto.api import v2c
from snmp_station import BTRM, COMMUNITIES, SYSTEM, Agent, answer_of, make_snapshot, request

from btrmd.bus import Bus
from btrmd.model.settings import Settings
from btrmd.net import split_address
from btrmd.servers.snmp import server
from btrmd.servers.snmp.udp_socket import UdpSocket
from btrmd.snmp.engine import SnmpEngine

GOLDEN = tomllib.loads(
    (Path(__file__).parents[1] / "golden" / "snmp.toml").read_text(encoding="utf-8")
)
VOLTAGE = (*BTRM, 3, 20, 0)
TYPES = {"INTEGER": v2c.Integer32, "DisplayString": v2c.OctetString}


@pytest.mark.parametrize("row", GOLDEN["scalar"], ids=lambda row: row["name"])
def test_every_object_of_the_golden_map_reads_as_it_says(agent: Agent, row: dict) -> None:
    key = row["point"].replace(".", "__")
    agent.publish(make_snapshot(agent.bus.snapshot.settings, **{key: row["value"]}))
    oid = (*BTRM, *map(int, row["oid"].split(".")), 0)
    for version in (0, 1):
        status, _, [(name, value)] = agent.get(oid, version=version)
        assert (status, name) == (0, oid)
        assert value.tagSet == TYPES[row["syntax"]].tagSet
        wire = bytes(value).decode() if row["syntax"] == "DisplayString" else int(value)
        assert wire == row["wire"]


def walk(agent: Agent, start: tuple[int, ...], version: int = 1) -> dict[tuple[int, ...], object]:
    found: dict[tuple[int, ...], object] = {}
    name = start
    while True:
        status, _, rows = agent.next(name, version=version)
        if status == 2 or v2c.EndOfMibView.tagSet == rows[0][1].tagSet:
            return found
        assert rows[0][0] > name, "a walk rises"
        name, found[name] = rows[0][0], rows[0][1]


def test_walks_of_both_versions_and_a_bulk_walk_find_the_same_in_order(agent: Agent) -> None:
    first = walk(agent, (1, 3), version=0)
    assert list(first) == list(walk(agent, (1, 3)))
    status, _, rows = agent.bulk([(1, 3)], 0, 200)
    assert status == 0
    assert [name for name, _ in rows[:-1]] == list(first)
    assert rows[-1][1].tagSet == v2c.EndOfMibView.tagSet
    assert (*SYSTEM, 1, 0) in first
    assert (*BTRM, 2, 1, 1, 1, 0) in first, "the manual's walk shows the index"


def test_what_is_not_known_is_no_such_instance_and_skipped(agent: Agent) -> None:
    agent.publish(make_snapshot(agent.bus.snapshot.settings, battery__voltage=None))
    _, _, [(_, value), (_, object_)] = agent.get(VOLTAGE, (*BTRM, 3, 19, 0))
    assert value.tagSet == v2c.NoSuchInstance.tagSet
    assert object_.tagSet == v2c.NoSuchObject.tagSet
    assert agent.get((*SYSTEM, 1, 0), VOLTAGE, version=0)[:2] == (2, 2)
    assert VOLTAGE not in walk(agent, BTRM)


def test_getbulk_repeats_and_stops_at_the_end(agent: Agent) -> None:
    last = (1, 3, 6, 1, 6, 3, 10, 2, 1, 3)
    status, _, rows = agent.bulk([(*SYSTEM, 1), (*BTRM, 3, 1), last], 1, 3)
    assert status == 0
    names = [name for name, _ in rows]
    assert names[:3] == [(*SYSTEM, 1, 0), (*BTRM, 3, 1, 0), (*last, 0)]
    assert names[3:5] == [(*BTRM, 3, 2, 0), (*last[:-1], 4, 0)]
    assert rows[6][1].tagSet == v2c.EndOfMibView.tagSet
    assert agent.bulk([(1, 3)], 0, 0)[2] == []


def test_an_answer_keeps_to_its_size(agent: Agent) -> None:
    """A GETBULK is answered in part, a GET is tooBig."""
    sixty = [(1, 3, 6, 1, 2, 1, 1, 4)] * 60
    settings = Settings.defaults(overrides={**COMMUNITIES, "site.contact": "x" * 22})
    agent.publish(make_snapshot(settings))
    status, _, rows = agent.bulk(sixty, 0, 8)
    assert status == 0
    assert 100 < len(rows) < 480
    many = [(*SYSTEM, 4, 0)] * 280
    assert agent.get(*many)[:1] == (1,)
    assert agent.get(*many, version=0)[0] == 1


def test_sys_up_time_counts_hundredths(agent: Agent) -> None:
    value = agent.get((*SYSTEM, 3, 0))[2][0][1]
    assert value.tagSet == v2c.TimeTicks.tagSet
    assert int(value) == 23109


def test_a_wrong_community_is_silent_and_counted(agent: Agent) -> None:
    null = v2c.Null("")
    for community in ("Public", "", "private ", "x" * 300):
        assert agent.is_silent_to(request("Get", [(VOLTAGE, null)], community, 1))
        assert agent.is_silent_to(request("Get", [(VOLTAGE, null)], community, 0))
    assert agent.server.counters.bad_names == 8


def test_versions_can_be_switched_off(agent: Agent) -> None:
    settings = agent.bus.snapshot.settings
    raw = request("Get", [(VOLTAGE, v2c.Null(""))], "public", 0)
    assert not agent.is_silent_to(raw)
    agent.socket.recv(65535)
    agent.publish(make_snapshot(settings.with_changes({"snmp.v1_enabled": False})))
    assert agent.is_silent_to(raw)
    assert agent.server.counters.bad_versions == 1


def test_a_community_changes_at_once(agent: Agent) -> None:
    settings = agent.bus.snapshot.settings
    agent.publish(make_snapshot(settings.with_changes({"snmp.read3": "later", "snmp.read1": ""})))
    raw = request("Get", [(VOLTAGE, v2c.Null(""))], "public", 1)
    agent.socket.send(raw)
    assert agent.get(VOLTAGE, community="later")[0] == 0
    assert agent.server.counters.bad_names == 1


def test_a_trap_community_is_shown_to_writers_only(agent: Agent) -> None:
    settings = agent.bus.snapshot.settings
    agent.publish(make_snapshot(settings.with_changes({"snmp.trap0.community": "sesame"})))
    cell = (*BTRM, 2, 1, 1, 4, 0)
    assert bytes(agent.get(cell)[2][0][1]) == b""
    assert bytes(agent.get(cell, community="private")[2][0][1]) == b"sesame"


def test_an_occupied_port_is_reported_and_retried(
    agent: Agent, wait_until: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "FIRST_RETRY_S", 0.05)
    bus = Bus(make_snapshot())
    second = server.SnmpServer(bus, agent.address, SnmpEngine("second"))
    second.start()
    try:
        listener = bus.listeners["snmp"]
        assert listener.address == ""
        assert agent.address in listener.fault
        agent.server.stop()
        wait_until(lambda: bus.listeners["snmp"].address == agent.address)  # type: ignore[operator]
    finally:
        second.stop()


class _TwiceBroken(UdpSocket):
    """Cannot be made the first two times, for a reason nobody has thought of."""

    made = 0

    def __init__(self, *args: Any) -> None:
        type(self).made += 1
        if self.made <= 2:
            raise ZeroDivisionError("thought of by nobody")
        super().__init__(*args)


class _ToldBus(Bus):
    """Keeps all that was told of listeners."""

    def __init__(self) -> None:
        super().__init__(make_snapshot())
        self.told: list[tuple[str, str]] = []

    def report_listener(self, name: str, address: str, fault: str = "") -> None:
        super().report_listener(name, address, fault)
        self.told.append((address, fault))


def test_an_agent_that_ends_by_an_error_tells_it_and_is_started_again(
    wait_until: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "FIRST_RETRY_S", 0.05)
    monkeypatch.setattr(server, "UdpSocket", _TwiceBroken)
    monkeypatch.setattr(_TwiceBroken, "made", 0)
    bus = _ToldBus()
    agent = server.SnmpServer(bus, "127.0.0.1:0", SnmpEngine("again"))
    agent.start()
    try:
        wait_until(lambda: bus.listeners["snmp"].address)
        fault = "The SNMP agent ended by an error (thought of by nobody) and is started again."
        assert bus.told[:2] == [("", fault), ("", fault)]
        host, port = split_address(bus.listeners["snmp"].address)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as manager:
            manager.settimeout(5.0)
            asked = request("Get", [((*SYSTEM, 1, 0), v2c.Null(""))], "public", 1)
            manager.sendto(asked, (host, port))
            assert answer_of(manager.recv(65535))[0] == 0
    finally:
        agent.stop()
    assert not agent._thread.is_alive()


def test_an_error_behind_the_open_socket_leaves_its_place_to_the_next_start(
    wait_until: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The socket that stayed open would have kept the agent's own place from it for ever."""
    refresh, broken = server.SnmpServer._refresh, [1]

    def once_broken(agent: server.SnmpServer) -> None:
        if broken:
            broken.pop()
            raise ZeroDivisionError("thought of by nobody")
        refresh(agent)

    monkeypatch.setattr(server, "FIRST_RETRY_S", 0.05)
    monkeypatch.setattr(server.SnmpServer, "_refresh", once_broken)
    bus = _ToldBus()
    agent = server.SnmpServer(bus, "127.0.0.1:0", SnmpEngine("again"))
    agent.start()
    try:
        wait_until(lambda: bus.told[-1][0] and len(bus.told) > 2)
        assert not any("in use" in fault for _, fault in bus.told)
        assert bus.told[0][0] == bus.told[-1][0]
    finally:
        agent.stop()


def test_an_agent_in_a_pause_after_an_error_stops_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "FIRST_RETRY_S", 3600.0)
    monkeypatch.setattr(server, "UdpSocket", _TwiceBroken)
    monkeypatch.setattr(_TwiceBroken, "made", 0)
    agent = server.SnmpServer(Bus(make_snapshot()), "127.0.0.1:0", SnmpEngine("again"))
    agent.start()
    assert _TwiceBroken.made == 1
    agent.stop()
    assert not agent._thread.is_alive()
