"""SET: exact errors, all or nothing, and never by who may only read."""

from __future__ import annotations

from typing import Any

import pytest
from pysnmp.proto.api import v2c
from snmp_station import BTRM, SYSTEM, Agent, request

from btrmd.model.commands import Answer, ChangeSettings, StartTest, StopTest

CONTACT, NAME, LOCATION = ((*SYSTEM, k, 0) for k in (4, 5, 6))
ENABLED, ADDRESS, COMMUNITY = ((*BTRM, 2, 1, 1, k, 0) for k in (2, 3, 4))
VOLTAGE, START = ((*BTRM, 99, 1, k, 0) for k in (1, 8))
TEXT, NUMBER = v2c.OctetString, v2c.Integer32

NO_ACCESS, WRONG_TYPE, WRONG_LENGTH, WRONG_VALUE = 6, 7, 8, 10
NO_CREATION, INCONSISTENT_VALUE, RESOURCE_UNAVAILABLE = 11, 12, 13
COMMIT_FAILED, NOT_WRITABLE = 14, 17
BAD_VALUE, NO_SUCH_NAME, GEN_ERR = 3, 2, 5


def test_all_of_it_is_one_change(agent: Agent) -> None:
    rows = [
        (CONTACT, TEXT("noc@example.com")),
        (ENABLED, NUMBER(1)),
        (ADDRESS, v2c.IpAddress("192.168.1.100")),
        (COMMUNITY, TEXT("traps")),
    ]
    status, _, back = agent.set(*rows)
    assert status == 0
    assert [name for name, _ in back] == [name for name, _ in rows]
    assert agent.owner.commands == [
        ChangeSettings(
            {
                "site.contact": "noc@example.com",
                "snmp.trap0.enabled": True,
                "snmp.trap0.address": "192.168.1.100",
                "snmp.trap0.community": "traps",
            },
            "snmp 127.0.0.1",
            from_wire=True,
        )
    ]
    assert str(agent.get(ADDRESS)[2][0][1].prettyPrint()) == "192.168.1.100"
    assert int(agent.get(ENABLED)[2][0][1]) == 1


@pytest.mark.parametrize(
    ("oid", "value", "status", "in_v1"),
    [
        (CONTACT, NUMBER(3), WRONG_TYPE, BAD_VALUE),
        (CONTACT, TEXT("x" * 23), WRONG_LENGTH, BAD_VALUE),
        (COMMUNITY, TEXT("x" * 16), WRONG_LENGTH, BAD_VALUE),
        (CONTACT, TEXT(b"\xff\xfe"), WRONG_VALUE, BAD_VALUE),
        (CONTACT, TEXT("a\nb"), WRONG_VALUE, BAD_VALUE),
        (ENABLED, NUMBER(2), WRONG_VALUE, BAD_VALUE),
        (ENABLED, TEXT("1"), WRONG_TYPE, BAD_VALUE),
        (ADDRESS, TEXT("1.2.3.4"), WRONG_TYPE, BAD_VALUE),
        (VOLTAGE, NUMBER(13), WRONG_VALUE, BAD_VALUE),
        (VOLTAGE, NUMBER(48), WRONG_VALUE, BAD_VALUE),  # a BTRM300
        (VOLTAGE, NUMBER(-2147483648), WRONG_VALUE, BAD_VALUE),
        (START, NUMBER(2), WRONG_VALUE, BAD_VALUE),
        ((*BTRM, 3, 20, 0), NUMBER(1), NOT_WRITABLE, NO_SUCH_NAME),
        ((*BTRM, 2, 1, 1, 1, 0), NUMBER(1), NOT_WRITABLE, NO_SUCH_NAME),
        ((*BTRM, 2, 1, 1, 2, 2), NUMBER(1), NO_CREATION, NO_SUCH_NAME),
        ((*SYSTEM, 4, 1), TEXT("x"), NO_CREATION, NO_SUCH_NAME),
        ((*BTRM, 7, 7), NUMBER(1), NOT_WRITABLE, NO_SUCH_NAME),
        ((*SYSTEM, 1, 0), TEXT("x"), NOT_WRITABLE, NO_SUCH_NAME),
    ],
)
def test_errors_are_exact_and_name_their_varbind(
    agent: Agent, oid: tuple[int, ...], value: Any, status: int, in_v1: int
) -> None:
    good = (NAME, TEXT("other"))
    assert agent.set(good, (oid, value), good)[:2] == (status, 2)
    assert agent.set(good, (oid, value), version=0)[:2] == (in_v1, 2)
    assert agent.owner.commands == [], "nothing at all is changed"


@pytest.mark.parametrize("version", [0, 1])
@pytest.mark.parametrize("community", ["public", "read", "watcher"])
def test_no_read_community_writes(agent: Agent, community: str, version: int) -> None:
    for oid, value in (
        (CONTACT, TEXT("intruder")), (ENABLED, NUMBER(1)), (START, NUMBER(1)),
        (VOLTAGE, NUMBER(24)), (ADDRESS, v2c.IpAddress("10.0.0.1")), ((*BTRM, 3, 20, 0), NUMBER(1)),
    ):  # fmt: skip
        status, place, _ = agent.set((oid, value), community=community, version=version)
        assert (status, place) == (NO_ACCESS if version else NO_SUCH_NAME, 1)
    assert agent.owner.commands == []
    assert agent.server.counters.bad_uses == 6


def test_a_test_is_started_and_stopped(agent: Agent) -> None:
    assert agent.set((START, NUMBER(1)))[0] == 0
    assert agent.set((START, NUMBER(0)))[0] == 0
    source = "snmp 127.0.0.1"
    assert agent.owner.commands == [StartTest(source=source), StopTest(source)]
    assert agent.set((START, NUMBER(1)), (CONTACT, TEXT("x")))[0] == INCONSISTENT_VALUE
    assert agent.set((START, NUMBER(1)), (START, NUMBER(0)))[0] == INCONSISTENT_VALUE
    assert len(agent.owner.commands) == 2


@pytest.mark.parametrize(
    ("code", "status", "in_v1"),
    [
        ("interlock", INCONSISTENT_VALUE, BAD_VALUE),
        ("running", INCONSISTENT_VALUE, BAD_VALUE),
        ("range", WRONG_VALUE, BAD_VALUE),
        ("busy", RESOURCE_UNAVAILABLE, GEN_ERR),
        ("storage", COMMIT_FAILED, GEN_ERR),
    ],
)
def test_a_refusal_of_the_owner_names_its_varbind(
    agent: Agent, code: str, status: int, in_v1: int
) -> None:
    agent.owner.refuse = Answer(False, code, "No.", {"key": "system.voltage"})
    rows = [(CONTACT, TEXT("x")), (VOLTAGE, NUMBER(24))]
    assert agent.set(*rows)[:2] == (status, 2)
    assert agent.set(*rows, version=0)[:2] == (in_v1, 2)


def test_the_same_object_twice_must_agree(agent: Agent) -> None:
    assert agent.set((CONTACT, TEXT("a")), (CONTACT, TEXT("a")))[0] == 0
    assert agent.set((CONTACT, TEXT("a")), (CONTACT, TEXT("b")))[:2] == (INCONSISTENT_VALUE, 2)


def test_reads_are_answered_while_the_owner_hangs(agent: Agent) -> None:
    agent.owner.close()
    agent.socket.send(request("Set", [(CONTACT, TEXT("x"))], "private", 1))
    assert int(agent.get((*BTRM, 3, 20, 0))[2][0][1]) == 13391
    status, _, _ = agent.get(CONTACT)
    assert status == 0
