"""What a manager asks again is found, not decoded anew: and is the same request to the last bit."""

from __future__ import annotations

import itertools
import random
from typing import Any

import pytest
from codec_cross import snmp_inputs
from pysnmp.proto.api import v2c
from snmp_station import BTRM, COMMUNITIES, SYSTEM, Agent, request

from btrmd.model.commands import ChangeSettings
from btrmd.model.settings import Settings
from btrmd.model.site import Site
from btrmd.servers.snmp.community import message_version
from btrmd.servers.snmp.known_requests import (
    LONGEST,
    MOST,
    KnownRequests,
    split_at_number,
)
from btrmd.servers.snmp.pdu import Request, decode_request
from btrmd.snmp.message import CommunityMessage

NULL = v2c.Null("")
LOCATION = (*SYSTEM, 6, 0)
NO_ACCESS, WRONG_VALUE = 6, 10


def get(number: int, *names: tuple[int, ...], **more: Any) -> bytes:
    rows = [(name, NULL) for name in names or (LOCATION,)]
    return request("Get", rows, more.pop("community", "public"), 1, request_id=number, **more)


def direct(raw: bytes, version: int) -> tuple[bytes, Request | None] | None:
    """As the decoder reads it; None where it refuses it."""
    try:
        message = CommunityMessage.parse(raw)
        return message.community, decode_request(message.pdu, version == 0)
    except ValueError:
        return None


def damaged(rng: random.Random, raw: bytes) -> bytes:
    made = bytearray(raw)
    for _ in range(rng.randrange(3)):
        at = rng.randrange(len(made))
        made[at] = rng.choice((made[at] ^ 1 << rng.randrange(8), rng.randrange(256)))
    if rng.random() < 0.1:
        made += rng.randbytes(rng.randrange(1, 4))
    return bytes(made)


def test_a_request_that_is_found_is_what_the_decoder_makes_of_it() -> None:
    """Good messages and damaged ones in any order, each with everything before it remembered."""
    rng = random.Random(17)
    known = KnownRequests()
    sources = list(itertools.islice(snmp_inputs(rng), 60))
    found = refused = 0
    for _ in range(6000):
        raw = damaged(rng, rng.choice(sources))
        version = message_version(raw)
        if version not in (0, 1):
            continue
        right = direct(raw, version)
        try:
            made = known.decode(raw, version)
        except ValueError:
            assert right is None, raw.hex()
            refused += 1
            continue
        assert right == made[:2], raw.hex()
        found += made.frame is None
        known.remember(made)
    assert found > 500
    assert refused > 500


@pytest.mark.parametrize("number", [0, 1, -1, 127, 128, -129, 2**31 - 1, -(2**31)])
def test_every_number_is_read_from_its_own_message(number: int) -> None:
    known = KnownRequests()
    for other in (0, 200, -300, 2**24, -(2**31)):
        known.remember(known.decode(get(other), 1))
    made = known.decode(get(number), 1)
    assert made.frame is None, "it is found"
    assert made.request is not None
    assert made.request.id == number


def test_another_name_value_or_community_is_another_request() -> None:
    known = KnownRequests()
    known.remember(known.decode(get(1), 1))
    for raw in (
        get(1, (*SYSTEM, 5, 0)),
        get(1, community="publik"),
        get(1, LOCATION, LOCATION),
        request("Set", [(LOCATION, v2c.OctetString("x"))], "public", 1, request_id=1),
        request("GetNext", [(LOCATION, NULL)], "public", 1, request_id=1),
    ):
        made = known.decode(raw, 1)
        assert made.frame is not None
        assert made[:2] == direct(raw, 1)


def test_a_large_request_and_odd_lengths_are_left_to_the_decoder() -> None:
    large = get(1, *[LOCATION] * 40)
    assert len(large) > LONGEST
    assert split_at_number(large) is None
    long_form = b"\x02\x01\x01\x04\x81\x06public" + get(1)[13:]
    assert split_at_number(b"\x30" + bytes((len(long_form),)) + long_form) is None
    for end in range(len(get(1))):
        split_at_number(get(1)[:end])  # raises nothing


def test_no_more_are_remembered_than_that_and_the_oldest_goes() -> None:
    known = KnownRequests()
    for last in range(MOST + 1):
        known.remember(known.decode(get(1, (1, 3, 6, 1, last)), 1))
    assert len(known._known) == MOST
    assert known.decode(get(1, (1, 3, 6, 1, 0)), 1).frame is not None
    assert known.decode(get(1, (1, 3, 6, 1, MOST)), 1).frame is None


def test_a_stranger_is_not_remembered(agent: Agent, monkeypatch: pytest.MonkeyPatch) -> None:
    agent.socket.send(get(7, community="stranger"))
    assert agent.get(LOCATION)[0] == 0
    assert len(agent.server._communities._known._known) == 1


def test_what_is_asked_again_is_answered_by_the_present_and_not_by_what_was(agent: Agent) -> None:
    """Values, rights and settings are those of now."""
    rows = [(LOCATION, v2c.OctetString("Roof"))]
    for place in ("Cellar", "Roof"):
        agent.publish(agent.bus.snapshot._replace(
            settings=agent.bus.snapshot.settings.with_changes({"site.location": place})
        ))  # fmt: skip
        assert bytes(agent.get(LOCATION)[2][0][1]) == place.encode()
    assert agent.set(*rows)[0] == 0
    assert agent.set(*rows)[0] == 0
    settings = agent.bus.snapshot.settings.with_changes({"snmp.write1": "", "snmp.read1": "x"})
    agent.publish(agent.bus.snapshot._replace(
        settings=settings.with_changes({"snmp.read2": "private"})
    ))  # fmt: skip
    assert agent.set(*rows)[0] == NO_ACCESS, "it may read only"
    assert agent.get(LOCATION, community="private")[0] == 0
    agent.socket.settimeout(0.3)
    with pytest.raises(TimeoutError):
        agent.get(LOCATION, community="public")


def test_a_set_is_judged_by_the_settings_as_they_are(agent: Agent) -> None:
    """What was let through under other settings is judged anew: 48 V on another model."""
    rows = [((*BTRM, 99, 1, 1, 0), v2c.Integer32(48))]
    small = agent.bus.snapshot.settings
    large = Settings.defaults(Site(model="400"), COMMUNITIES)
    for settings, status in ((large, 0), (large, 0), (small, WRONG_VALUE), (large, 0)):
        agent.publish(agent.bus.snapshot._replace(settings=settings))
        assert agent.set(*rows)[0] == status
    changed = ChangeSettings({"system.voltage": 48}, "snmp 127.0.0.1", from_wire=True)
    assert agent.owner.commands == [changed] * 3
