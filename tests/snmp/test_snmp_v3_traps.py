"""SNMPv3 notifications, as net-snmp's snmptrapd takes them: traps by our engine, informs by its."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from snmp_fixtures import ENGINE, Bench, change, event
from snmp_station import BTRM
from snmp_trapd import Trapd

from btrmd.model.commands import SendTestTrap
from btrmd.notify.traps import receiver as receiving
from btrmd.notify.traps import tester
from btrmd.notify.traps.sender import LISTENER
from btrmd.notify.traps.target import TrapTarget
from btrmd.notify.traps.usm_session import Heard, UsmSession
from btrmd.snmp.engine import MOST, SnmpEngine
from btrmd.snmp.usm import Stamp, V3User, keys_of, open_message, seal

Wait = Callable[..., None]
NAMES = {
    "sha224": "SHA-224", "sha256": "SHA-256", "sha384": "SHA-384", "sha512": "SHA-512",
    "aes128": "AES-128", "aes192": "AES-192", "aes256": "AES-256",
}  # fmt: skip
USER = V3User("btrm", "sha256", "authentic-1", "aes128", "private-1")
OIDS = ".".join(str(arc) for arc in BTRM)


def created(user: V3User, engine_id: bytes = b"") -> str:
    """snmptrapd's configuration for `user`; `engine_id` of who sends traps, none for informs."""
    where = f"-e 0x{engine_id.hex()} " if engine_id else ""
    words = f"createUser {where}{user.name} {NAMES[user.auth]} {user.auth_password}"
    level = "auth"
    if user.priv != "none":
        words += f" {NAMES[user.priv]} {user.priv_password}"
        level = "priv"
    return f"{words}\nauthUser log {user.name} {level}\n"


def tell_as(bench: Bench, user: V3User, port: int, kind: str) -> None:
    change(
        bench, snmp__trap0__enabled=True, snmp__trap0__address="127.0.0.1",
        snmp__trap0__port=port, snmp__trap0__kind=kind, snmp__v3__notify_user=user.name,
        snmp__v3__notify_auth=user.auth, snmp__v3__notify_auth_password=user.auth_password,
        snmp__v3__notify_priv=user.priv, snmp__v3__notify_priv_password=user.priv_password,
    )  # fmt: skip


def fault(bench: Bench) -> str:
    found = bench.bus.listeners.get(LISTENER)
    return "" if found is None else found.fault


@pytest.fixture
def bench() -> Iterator[Bench]:
    made = Bench()
    yield made
    if made.sender is not None:
        made.sender.stop()


@pytest.mark.parametrize("kind", ["trap_v3", "inform_v3"])
@pytest.mark.parametrize(
    ("auth", "priv"), [("sha224", "aes128"), ("sha256", "aes256"), ("sha384", "aes192"),
                       ("sha512", "none")],
)  # fmt: skip
def test_snmptrapd_takes_it(
    bench: Bench, tmp_path: Path, wait_until: Wait, auth: str, priv: str, kind: str
) -> None:
    user = USER._replace(auth=auth, priv=priv)
    users = created(user) if kind == "inform_v3" else created(user, ENGINE.id)
    trapd = Trapd(tmp_path, users)
    try:
        tell_as(bench, user, trapd.port, kind)
        bench.start()
        for n in (7, 8):
            bench.tell(event(n))
            line = trapd.line(f"{OIDS}.0.3")
            assert f"{OIDS}.3.3.0 = INTEGER: 1" in line
            assert f"{OIDS}.99.2.2.0 = Gauge32: {n}" in line
        wait_until(lambda: bench.numbers.numbers["trap0"] == 8)
        answer = bench.bus.perform(SendTestTrap())
        assert answer.ok
        assert (f"by engine 0x{ENGINE.id.hex()};" in answer.text) == (kind == "trap_v3")
        assert f"{OIDS}.99.0.16" in trapd.line("Test notification.")
        assert fault(bench) == "", "nothing to complain of"
    finally:
        trapd.close()


def test_a_receiver_that_started_anew_is_told_again(
    bench: Bench, tmp_path: Path, wait_until: Wait, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another engine id, another count of starts: found out by itself."""
    monkeypatch.setattr(receiving, "FIRST_PAUSE_S", 0.1)
    first = Trapd(tmp_path / "one", created(USER))
    tell_as(bench, USER, first.port, "inform_v3")
    bench.start()
    bench.tell(event(1))
    first.line(f"{OIDS}.0.3")
    wait_until(lambda: bench.numbers.numbers["trap0"] == 1)
    first.close()
    second = Trapd(tmp_path / "two", "engineIDType 3\n" + created(USER), first.port)
    try:
        bench.tell(event(2))
        assert "Gauge32: 2" in second.line(f"{OIDS}.0.3")
        wait_until(lambda: bench.numbers.numbers["trap0"] == 2)
    finally:
        second.close()


def test_what_a_receiver_complains_of_is_said(
    bench: Bench, tmp_path: Path, wait_until: Wait, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(receiving, "FIRST_PAUSE_S", 0.05)
    monkeypatch.setattr(tester, "TEST_S", 1.0)
    trapd = Trapd(tmp_path, created(USER))
    try:
        tell_as(bench, USER._replace(name="nobody"), trapd.port, "inform_v3")
        bench.start()
        bench.tell(event(1))
        wait_until(lambda: "does not know the user." in fault(bench))
        answer = bench.bus.perform(SendTestTrap())
        assert (answer.ok, answer.code) == (False, "unconfirmed")
        assert answer.text.endswith("does not know the user.")
        tell_as(bench, USER._replace(auth_password="another-1"), trapd.port, "inform_v3")
        wait_until(lambda: "finds the digest wrong" in fault(bench))
        tell_as(bench, USER._replace(auth_password=""), trapd.port, "inform_v3")
        wait_until(lambda: fault(bench).endswith("btrm has no password."))
        tell_as(bench, USER, trapd.port, "inform_v3")
        assert "Gauge32: 1" in trapd.line(f"{OIDS}.0.3")
        wait_until(lambda: fault(bench) == "")
    finally:
        trapd.close()


def test_keys_are_those_of_the_rfc() -> None:
    """RFC 7860 has no vectors; RFC 3414 A.3.2's method with SHA-2, by pysnmp's own code."""
    from hashlib import sha224, sha512

    from pyasn1.type.univ import OctetString
    from pysnmp.entity import config
    from pysnmp.proto.secmod.eso.priv.aes256 import Aes256
    from pysnmp.proto.secmod.rfc3414 import localkey

    for name, function in (("sha224", sha224), ("sha512", sha512)):
        user = USER._replace(auth=name, priv="aes256")
        keys = keys_of(user, ENGINE.id)
        engine = OctetString(ENGINE.id)
        assert keys.auth == bytes(localkey.password_to_key(user.auth_password, engine, function))
    auth = config.USM_AUTH_HMAC128_SHA224
    theirs = Aes256()
    secret = theirs.hash_passphrase(auth, USER.priv_password)
    ours = keys_of(USER._replace(auth="sha224", priv="aes256"), ENGINE.id)
    assert ours.priv == bytes(theirs.localize_key(auth, secret, OctetString(ENGINE.id)))


def test_a_damaged_message_opens_for_nobody() -> None:
    """Spoiled responses: a ValueError each, and none of them is taken for the good one."""
    rng = random.Random(4)
    stamp = Stamp(b"\x80\0\0\0\5engine", 3, 1000)
    pdu = bytes.fromhex("a20b 02 01 05 02 01 00 02 01 00 30 00")
    good = seal(pdu, stamp.engine_id, 99, stamp, USER, False)
    assert open_message(good, USER, stamp.engine_id).pdu == pdu
    for _ in range(3000):
        raw = bytearray(good)
        for _ in range(rng.randrange(1, 4)):
            raw[rng.randrange(len(raw))] ^= 1 << rng.randrange(8)
        if rng.randrange(4) == 0:
            del raw[rng.randrange(len(raw)) :]
        if bytes(raw) == good:
            continue
        try:
            opened = open_message(bytes(raw), USER, stamp.engine_id)
        except ValueError:
            continue
        assert not opened.is_authentic


def test_a_stranger_confirms_nothing() -> None:
    talk = UsmSession(ENGINE)
    theirs = Stamp(b"\x80\0\0\0\5engine", 3, 1000)
    pdu = bytes.fromhex("a20b 02 01 05 02 01 00 02 01 00 30 00")
    report = bytes.fromhex(
        "a81e 020105 020100 020100 3013 3011 060a 2b060106030f01010400 410301e240".replace(" ", "")
    )
    asked = talk.inform(pdu, USER)
    number = open_message(asked, USER, b"").message_id
    assert talk.hear(seal(report, b"", number + 1, theirs, None, False), USER, 5) is Heard.NOTHING
    assert talk.hear(seal(report, b"", number, theirs, None, False), USER, 5) is Heard.AGAIN
    sent = talk.inform(pdu, USER)
    number = open_message(sent, USER, theirs.engine_id).message_id
    plain = seal(pdu, b"", number, theirs, None, False)
    assert talk.hear(plain, USER, 5) is Heard.NOTHING, "not authentic"
    readable = seal(pdu, b"", number, theirs, USER._replace(priv="none"), False)
    assert talk.hear(readable, USER, 5) is Heard.NOTHING, "authentic, and not encrypted"
    assert talk.hear(seal(pdu, b"", number, theirs, USER, False), USER, 6) is Heard.NOTHING
    assert talk.hear(seal(pdu, b"", number, theirs, USER, False), USER, 5) is Heard.CONFIRMED


def test_the_engine_counts_its_starts_when_it_is_asked_first(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[int] = []

    def count() -> int:
        asked.append(1)
        return 2**40

    engine = SnmpEngine("unit", count)
    assert asked == []
    assert (engine.boots, engine.boots) == (MOST, MOST)
    assert asked == [1]
    assert 5 <= len(engine.id) <= 32
    assert engine.id != SnmpEngine("other").id
    now = time.monotonic()
    monkeypatch.setattr("btrmd.snmp.engine.time.monotonic", lambda: now)
    later = SnmpEngine("unit")
    assert later.seconds == 0
    now += 7.9
    assert later.seconds == 7


def test_passwords_are_in_no_text() -> None:
    target = TrapTarget("h", 1, "", "trap_v3", USER)
    assert USER.auth_password not in repr(target)
    assert USER.priv_password not in repr(target)
