"""Damaged packets: counted, silent, without a traceback, without growth, and the agent answers."""

from __future__ import annotations

import contextlib
import logging
import random
import subprocess
import sys
import time
from pathlib import Path

import pytest
from pysnmp.proto.api import v2c
from snmp_station import BTRM, COMMUNITIES, SYSTEM, Agent, make_snapshot, request

from btrmd.model.settings import Settings

COUNT = 1500
VOLTAGE = (*BTRM, 3, 20, 0)
V3 = {
    "snmp.v3.enabled": True,
    "snmp.v3.read_user": "noc",
    "snmp.v3.read_auth_password": "authentic",
    "snmp.v3.read_priv": "none",
}


def seeds() -> list[bytes]:
    """Good messages to spoil, and the classics (PROTOS c06: lengths, tags, nesting, big OIDs)."""
    null = v2c.Null("")
    good = [
        request("Get", [((*BTRM, 3, 20, 0), null)], "public", version) for version in (0, 1)
    ] + [
        request("GetNext", [((1, 3), null)] * 5, "public", 1),
        request("GetBulk", [((1, 3), null)], "public", 1, max_repetitions=50),
        request("Set", [((*SYSTEM, 4, 0), v2c.OctetString("x"))], "public", 1),
        bytes.fromhex("303e020103301102042d9d3f2f020300ffe304010402010304103 00e0400020100"
                      "0201000400040004003014040004 00a00e02046cf9a1ec0201000201003000"
                      .replace(" ", "")),
    ]  # fmt: skip
    classics = [
        b"",
        b"\x30",
        b"\x30\x80" * 2000,
        b"\x30\x84\xff\xff\xff\xff\x02\x01\x01",
        b"\x30\x82\x1f\x00\x02\x01\x01" + b"\x30\x80" * 3000,
        b"\x30\x0c\x02\x01\x01\x04\x06public\xa0\x80" + b"\x00" * 40,
        bytes.fromhex("3029020101 0406")
        + b"public"
        + bytes.fromhex("a01c 0204 00000001 020100 020100 300e 300c 0608 ffffffffffffffff 0500"),
        bytes.fromhex("3082 0fff 020101 0406") + b"public" + b"\xa0\x82\x0f\xf0" + b"\xff" * 4080,
        b"\x30\x0b\x02\x04\x7f\xff\xff\xff\x04\x03abc",
        b"%n%s%x" * 50,
        random.Random(1).randbytes(60_000),
    ]
    return good + classics


def spoiled(rng: random.Random, sources: list[bytes]) -> bytes:
    raw = bytearray(rng.choice(sources))
    kind = rng.randrange(5)
    if kind == 0 or not raw:
        return rng.randbytes(rng.randrange(200))
    if kind == 1:
        return bytes(raw[: rng.randrange(len(raw))])
    for _ in range(rng.randrange(1, 5)):
        at = rng.randrange(len(raw))
        if kind == 2:
            raw[at] = rng.randrange(256)
        elif kind == 3:
            raw[at] ^= 1 << rng.randrange(8)
        else:
            raw[at:at] = rng.randbytes(rng.randrange(1, 9))
    return bytes(raw[:60_000])


def resident_mb() -> float:
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096 / 1e6


@pytest.mark.parametrize("with_v3", [False, True], ids=["communities", "v3"])
def test_thousands_of_damaged_packets(with_v3: bool, caplog: pytest.LogCaptureFixture) -> None:
    settings = Settings.defaults(overrides={**COMMUNITIES, **(V3 if with_v3 else {})})
    agent = Agent(make_snapshot(settings))
    rng = random.Random(20)
    sources = seeds()
    try:
        with caplog.at_level(logging.DEBUG):
            grown = 0.0
            for n in range(COUNT):
                agent.socket.send(spoiled(rng, sources) if n >= len(sources) else sources[n])
                if n % 20 == 0:
                    check_answers(agent)
                if n == 300:
                    grown = resident_mb()
            start = time.monotonic()
            check_answers(agent)
            assert time.monotonic() - start < 3.0  # the figure itself is the bench's
        assert agent.server.counters.damaged > COUNT / 4
        assert resident_mb() - grown < 5.0
        assert "Traceback" not in caplog.text
        assert len(caplog.records) < 5, caplog.text
        assert agent.owner.commands == []
    finally:
        agent.close()


def check_answers(agent: Agent) -> None:
    """The request with the number 0x4D4D4D4D is answered; answers to undamaged ones are passed.

    A full socket buffer loses datagrams, as UDP may: a manager asks again, and so do we.
    """
    raw = request("Get", [(VOLTAGE, v2c.Null(""))], "public", 1, request_id=0x4D4D4D4D)
    agent.socket.settimeout(0.5)
    for _ in range(10):
        agent.socket.send(raw)
        with contextlib.suppress(TimeoutError):
            while b"MMMM" not in agent.socket.recv(65535):
                pass
            return
    pytest.fail("no answer within 5 s")


def test_only_one_answer_to_a_repeated_set(agent: Agent) -> None:
    agent.owner.close()
    raw = request("Set", [((*SYSTEM, 4, 0), v2c.OctetString("x"))], "private", 1)
    for _ in range(30):
        agent.socket.send(raw)
    check_answers(agent)
    assert len(agent.bus.take()) == 1


FLOOD = """
import socket, sys, time
sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
sender.bind(("127.0.0.9", 0))
sender.connect((sys.argv[1], int(sys.argv[2])))
walk = bytes.fromhex(sys.argv[3])
print("begun", flush=True)
while True:
    for _ in range(20):
        try:
            sender.send(walk)
        except OSError:
            pass
    time.sleep(0.005)  # some thousand a second, not all that a processor can send
"""


def test_a_flood_from_one_address_leaves_the_others_their_answers(agent: Agent) -> None:
    """Several times as many walks as the agent may answer, and a manager at another address."""
    host, _, port = agent.address.rpartition(":")
    walk = request("GetBulk", [((1, 3), v2c.Null(""))], "public", 1, max_repetitions=200)
    with subprocess.Popen(
        [sys.executable, "-c", FLOOD, host, port, walk.hex()], stdout=subprocess.PIPE
    ) as flood:
        try:
            assert flood.stdout is not None
            assert flood.stdout.readline() == b"begun\n"
            while agent.server.counters.packets < 2000:
                check_answers(agent)
        finally:
            flood.kill()
