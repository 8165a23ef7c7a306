"""SNMPv3 and who cannot prove himself: he learns nothing, and gets nothing to guess against."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from typing import NamedTuple

import pytest
from snmp_station import COMMUNITIES, SYSTEM, Agent, make_snapshot

from btrmd.model.settings import Settings
from btrmd.snmp import ber, usm
from btrmd.snmp.engine import SnmpEngine
from btrmd.snmp.message import encode_message
from btrmd.snmp.usm import Stamp, V3User, seal

ENGINE = SnmpEngine("test")  # as the station's agent is made
READABLE = V3User("reader", "sha256", "authentic-1", "none", "")
PRIVATE = V3User("keeper", "sha512", "authentic-2", "aes256", "private-2")
USERS = {
    "snmp.v3.enabled": True,
    "snmp.v3.read_user": READABLE.name,
    "snmp.v3.read_auth": READABLE.auth,
    "snmp.v3.read_auth_password": READABLE.auth_password,
    "snmp.v3.read_priv": READABLE.priv,
    "snmp.v3.write_user": PRIVATE.name,
    "snmp.v3.write_auth": PRIVATE.auth,
    "snmp.v3.write_auth_password": PRIVATE.auth_password,
    "snmp.v3.write_priv": PRIVATE.priv,
    "snmp.v3.write_priv_password": PRIVATE.priv_password,
}
USM_STATS = (1, 3, 6, 1, 6, 3, 15, 1, 1)
LEVELS, WINDOWS, ENGINES, DIGESTS, DECRYPTIONS = 1, 2, 4, 5, 6


class Answer(NamedTuple):
    """An answer in its parts; `counter` and `count`: the first varbind of a report."""

    head: bytes  # flags and security model
    name: bytes
    mac: bytes
    salt: bytes
    counter: tuple[int, ...]
    count: int
    pdu_tag: int


@pytest.fixture
def agent() -> Iterator[Agent]:
    made = Agent(make_snapshot(Settings.defaults(overrides={**COMMUNITIES, **USERS})))
    yield made
    made.close()


def get(
    oid: tuple[int, ...] = (*SYSTEM, 1, 0), tag: int = ber.GET, a: int = 0, b: int = 0
) -> bytes:
    row = ber.sequence((ber.oid(oid), b"\x05\x00"))
    return ber.tlv(tag, ber.integer(77) + ber.integer(a) + ber.integer(b) + ber.sequence((row,)))


def stamp(boots: int = 1, seconds: int = 0, engine_id: bytes = ENGINE.id) -> Stamp:
    return Stamp(engine_id, boots, seconds)


def message(
    user: V3User, when: Stamp | None = None, pdu: bytes | None = None, **more: bool
) -> bytes:
    when = when or stamp()
    return seal(pdu or get(), when.engine_id, 4711, when, user, True, **more)


def changed(raw: bytes, flags: int | None = None, mac: bytes | None = None) -> bytes:
    """`raw` with other flags or a digest of the same length."""
    out, found = bytearray(raw), usm.parse(raw)
    if flags is not None:
        outer = ber.element(raw, 0, len(raw))
        head = ber.elements(raw, outer.start, outer.end)[1]
        out[ber.elements(raw, head.start, head.end)[2].start] = flags
    if mac is not None:
        out[found.mac.start : found.mac.end] = mac
    return bytes(out)


def spoilt(raw: bytes) -> bytes:
    """`raw` with a digest that is wrong in its last octet."""
    found = usm.parse(raw)
    last = raw[found.mac.end - 1] ^ 1
    return changed(raw, mac=raw[found.mac.start : found.mac.end - 1] + bytes((last,)))


def read(raw: bytes) -> Answer:
    found = usm.parse(raw)
    outer = ber.element(raw, 0, len(raw))
    head = ber.elements(raw, outer.start, outer.end)[1]
    parts = ber.elements(raw, head.start, head.end)
    counter, count, tag = (), 0, 0
    if not found.flags & usm.PRIV:
        pdu = usm.unwrap(raw, found, b"").pdu
        tag = pdu[0]
        whole = ber.element(pdu, 0, len(pdu))
        rows = ber.elements(pdu, whole.start, whole.end)[3]
        row = ber.elements(pdu, rows.start, rows.end)[0]
        name, value = ber.elements(pdu, row.start, row.end)
        counter = ber.arcs_of(pdu, name)
        count = int.from_bytes(pdu[value.start : value.end], "big")
    mac = raw[found.mac.start : found.mac.end]
    return Answer(
        raw[parts[2].start : parts[3].end], found.name, mac, found.salt, counter, count, tag
    )


def strangers() -> dict[str, bytes]:
    """What somebody without a password may send."""
    nobody = READABLE._replace(name="nobody")
    guess = READABLE._replace(auth_password="a-wrong-guess")
    weaker = PRIVATE._replace(priv="none")
    found = {
        "the packet of the report signed": changed(message(weaker), flags=5, mac=bytes(48)),
        "an unknown user": message(nobody),
        "a wrong password": message(guess),
        "a wrong digest": spoilt(message(READABLE)),
        "no digest": changed(message(READABLE), mac=bytes(24)),
        "no level": changed(message(READABLE), flags=4),
        "no level, a private user": changed(message(PRIVATE, is_private=False), flags=4),
        "a level too low": spoilt(message(PRIVATE, is_private=False)),
        "a private message, spoilt": spoilt(message(PRIVATE)),
        "a private message of a readable user": changed(message(READABLE), flags=7, mac=bytes(24)),
        "long ago": spoilt(message(READABLE, stamp(seconds=10**6))),
        "another start": spoilt(message(PRIVATE, stamp(boots=9))),
        "start 0": changed(message(weaker, stamp(boots=0)), flags=5, mac=bytes(48)),
    }
    return found


@pytest.mark.parametrize("case", strangers())
def test_no_answer_is_signed_for_who_has_proven_nothing(agent: Agent, case: str) -> None:
    answer = read(agent.ask(strangers()[case]))
    assert (answer.mac, answer.salt) == (b"", b"")
    assert answer.head[0] == 0, "neither authentic nor encrypted"
    assert answer.pdu_tag == ber.REPORT
    assert answer.counter == (*USM_STATS, DIGESTS, 0)


def test_no_octet_of_a_stranger_draws_a_digest(agent: Agent) -> None:
    """Whatever is changed of a good message that was never sent before."""
    rng = random.Random(15)
    good = [message(READABLE), message(PRIVATE), message(PRIVATE, is_private=False)]
    for _ in range(1500):
        raw = bytearray(rng.choice(good))
        for _ in range(rng.randrange(1, 4)):
            raw[rng.randrange(len(raw))] ^= 1 << rng.randrange(8)
        if bytes(raw) in good:
            continue
        agent.socket.send(bytes(raw))
        agent.socket.send(message(READABLE, stamp(engine_id=b"\x80\0\0\0\5marker")))
        while True:
            answer = read(agent.socket.recv(65535))
            assert answer.mac == b""
            if answer.counter == (*USM_STATS, ENGINES, 0) and answer.name == b"reader":
                break


def test_unknown_user_wrong_level_and_wrong_digest_are_one_answer(agent: Agent) -> None:
    """The same octets but for the name, which is the asker's own, and the count, which rises."""
    seen = set()
    for count in (1, 4, 7):
        for n, raw in enumerate(
            (
                message(READABLE._replace(name="nobody")),
                changed(message(READABLE), flags=4),
                spoilt(message(READABLE)),
            )
        ):
            answer = read(agent.ask(raw))
            assert answer.count == count + n
            seen.add(answer._replace(count=0, name=b""))
    assert len(seen) == 1


def test_as_many_digests_are_made_whoever_is_named(
    agent: Agent, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[str] = []
    digest_of: Callable[..., bytes] = usm.digest_of

    def counted(raw: bytes, found: usm.UsmMessage, key: bytes, auth: str) -> bytes:
        made.append(auth)
        return digest_of(raw, found, key, auth)

    monkeypatch.setattr(usm, "digest_of", counted)
    counts = set()
    for raw in (*strangers().values(), message(READABLE), message(PRIVATE)):
        made.clear()
        agent.ask(raw)
        counts.add(tuple(made))
    assert counts == {("sha256", "sha512")}


def test_the_window_of_time_is_150_seconds_and_this_start(
    agent: Agent, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(SnmpEngine, "seconds", property(lambda self: 1000))
    for boots, seconds, is_good in (
        (1, 1000, True), (1, 850, True), (1, 1150, True), (1, 849, False), (1, 1151, False),
        (0, 1000, False), (2, 1000, False),
    ):  # fmt: skip
        answer = read(agent.ask(message(READABLE, stamp(boots, seconds))))
        assert (answer.pdu_tag == ber.RESPONSE) is is_good, (boots, seconds)
        if not is_good:  # whoever has the password is told the time, so that he can trust it
            assert answer.counter == (*USM_STATS, WINDOWS, 0)
            assert len(answer.mac) == 24


def test_a_level_below_the_users_is_refused_to_him_only_who_is_proven(agent: Agent) -> None:
    raw = agent.ask(message(PRIVATE, is_private=False))
    found = usm.open_message(raw, PRIVATE, ENGINE.id)
    assert found.is_authentic
    assert ber.integer(16) in found.pdu, "authorizationError"


def test_the_unit_tells_its_engine_to_whoever_asks(agent: Agent) -> None:
    raw = agent.ask(seal(get(), b"", 5, Stamp(), None, True))
    answer = read(raw)
    assert usm.parse(raw).stamp.engine_id == ENGINE.id
    assert (answer.mac, answer.counter) == (b"", (*USM_STATS, ENGINES, 0))


def test_who_wants_no_report_gets_none(agent: Agent) -> None:
    quiet = seal(get(), ENGINE.id, 5, stamp(), READABLE._replace(name="nobody"), False)
    agent.socket.send(quiet)
    assert read(agent.ask(message(READABLE))).pdu_tag == ber.RESPONSE


def test_a_getbulk_of_less_than_nothing_is_answered(agent: Agent) -> None:
    """RFC 3416 4.2.3: what is below zero counts as zero."""
    asked = get((1, 3), ber.GET_BULK, -5, -1)
    raw = agent.ask(encode_message(1, b"public", asked))
    outer = ber.element(raw, 0, len(raw))
    pdu = ber.elements(raw, outer.start, outer.end)[2]
    number, status, index, rows = ber.elements(raw, pdu.start, pdu.end)
    assert [ber.whole(raw, part) for part in (number, status, index)] == [77, 0, 0]
    assert rows.start == rows.end
