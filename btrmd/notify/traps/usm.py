"""The user-based security of SNMPv3 (RFC 3414, 3826, 7860): messages sealed and opened.

Of pysnmp's engine, which does the same, the first message costs 15 MB and an event loop.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from functools import lru_cache
from typing import Any, Final, NamedTuple

from ...model import ber
from ...model.snmp_engine import MOST
from .target import V3User

VERSION: Final = 3
SECURITY_MODEL: Final = 3  # USM
LARGEST: Final = 65507  # octets of a message we take: a whole UDP datagram
AUTH, PRIV, REPORTABLE = 1, 2, 4  # msgFlags
MAC: Final = {"sha224": 16, "sha256": 24, "sha384": 32, "sha512": 48}  # octets (RFC 7860 4)
KEY: Final = {"aes128": 16, "aes192": 24, "aes256": 32}  # octets
MEGABYTE: Final = 2**20
BLOCK: Final = 16


class Keys(NamedTuple):
    """A user's keys at one engine. `priv` b"" = messages are not encrypted."""

    auth: bytes
    priv: bytes


class Stamp(NamedTuple):
    """The authoritative engine of a message, its start count and its time, s."""

    engine_id: bytes = b""
    boots: int = 0
    seconds: int = 0


class Opened(NamedTuple):
    """A message that came in. `is_authentic`: its digest is the user's; `pdu` is one element."""

    message_id: int
    stamp: Stamp
    is_authentic: bool
    was_encrypted: bool
    pdu: bytes


@lru_cache(maxsize=8)
def keys_of(user: V3User, engine_id: bytes) -> Keys:
    """Both keys, localized; some milliseconds each."""
    priv = b""
    if user.priv != "none":
        size = KEY[user.priv]
        priv = _localized(user.priv_password.encode(), engine_id, user.auth)
        while len(priv) < size:  # as the agent does it: draft-reeder, "AES-256-C" in net-snmp
            priv += _localized(priv, engine_id, user.auth)
        priv = priv[:size]
    return Keys(_localized(user.auth_password.encode(), engine_id, user.auth), priv)


def seal(
    pdu: bytes,
    context_engine: bytes,
    message_id: int,
    stamp: Stamp,
    user: V3User | None,
    is_reportable: bool,
) -> bytes:
    """A message for `user`; `user` None = neither authentic nor encrypted (discovery)."""
    scoped = ber.sequence((_text(context_engine), _text(b""), pdu))
    flags = REPORTABLE if is_reportable else 0
    name = mac = salt = b""
    data = scoped
    if user is not None:
        keys = keys_of(user, stamp.engine_id)
        flags |= AUTH
        name, mac = user.name.encode(), bytes(MAC[user.auth])
        if keys.priv:
            flags |= PRIV
            salt = secrets.token_bytes(8)
            data = _text(_cipher(keys.priv, stamp, salt).encryptor().update(scoped))
    security = ber.sequence(
        (_text(stamp.engine_id), ber.integer(stamp.boots), ber.integer(stamp.seconds),
         _text(name), _text(mac), _text(salt))
    )  # fmt: skip
    head = ber.sequence(
        (ber.integer(message_id), ber.integer(LARGEST), _text(bytes((flags,))),
         ber.integer(SECURITY_MODEL))
    )  # fmt: skip
    whole = ber.sequence((ber.integer(VERSION), head, _text(security), data))
    if user is None:
        return whole
    # Counted from the end, as the lengths before it have no fixed size.
    at = len(whole) - len(data) - len(_text(salt)) - len(mac)
    digest = hmac.digest(keys.auth, whole, user.auth)[: len(mac)]
    return whole[:at] + digest + whole[at + len(mac) :]


def open_message(raw: bytes, user: V3User, engine_id: bytes) -> Opened:
    """A message to us. Raises ValueError for anything that is none, or that claims to be authentic
    or encrypted and cannot be opened with the user's keys at `engine_id`."""
    outer = ber.element(raw, 0, len(raw))
    version, head, security, data = _parts(raw, outer, 4)
    message_id, _, flags, model = _parts(raw, head, 4)
    if ber.whole(raw, version) != VERSION or ber.whole(raw, model) != SECURITY_MODEL:
        raise ValueError("no SNMPv3 message")
    flag = raw[flags.start] if flags.end - flags.start == 1 else 0
    ber.octets(raw, security)
    inner = ber.element(raw, security.start, security.end)
    engine, boots, seconds, name, mac, salt = _parts(raw, inner, 6)
    stamp = Stamp(ber.octets(raw, engine), ber.whole(raw, boots), ber.whole(raw, seconds))
    if not (0 <= stamp.boots <= MOST and 0 <= stamp.seconds <= MOST):
        raise ValueError("no time")
    body = raw[data.start : data.end]
    if flag & AUTH:
        if stamp.engine_id != engine_id or ber.octets(raw, name) != user.name.encode():
            raise ValueError("another engine or user")
        keys = keys_of(user, engine_id)
        found = ber.octets(raw, mac)
        zeroed = raw[: mac.start] + bytes(len(found)) + raw[mac.end :]
        right = hmac.digest(keys.auth, zeroed, user.auth)[: MAC[user.auth]]
        if not hmac.compare_digest(found, right):
            raise ValueError("a wrong digest")
        if flag & PRIV:
            if data.tag != ber.OCTET_STRING or not keys.priv or salt.end - salt.start != 8:
                raise ValueError("not to be decrypted")
            plain = _cipher(keys.priv, stamp, ber.octets(raw, salt)).decryptor().update(body)
            scoped = ber.element(plain, 0, len(plain))
            return _opened(plain, scoped, ber.whole(raw, message_id), stamp, True, True)
    elif flag & PRIV:
        raise ValueError("encrypted and not authentic")
    return _opened(raw, data, ber.whole(raw, message_id), stamp, bool(flag & AUTH), False)


def _opened(
    raw: bytes, scoped: ber.Element, message_id: int, stamp: Stamp, authentic: bool, private: bool
) -> Opened:
    _, context, pdu = _parts(raw, scoped, 3)
    return Opened(message_id, stamp, authentic, private, raw[context.end : pdu.end])


def _parts(raw: bytes, item: ber.Element, count: int) -> list[ber.Element]:
    found = ber.elements(raw, item.start, item.end)
    if item.tag != ber.SEQUENCE or len(found) != count:
        raise ValueError("no such SEQUENCE")
    return found


def _localized(secret: bytes, engine_id: bytes, name: str) -> bytes:
    """RFC 3414 A.2: a megabyte of the password, hashed, then bound to the engine."""
    long = (secret * (MEGABYTE // len(secret) + 1))[:MEGABYTE]
    key = hashlib.new(name, long).digest()
    return hashlib.new(name, key + engine_id + key).digest()


def _cipher(key: bytes, stamp: Stamp, salt: bytes) -> Any:
    # Loaded with the first encrypted notification only.
    from cryptography.hazmat.decrepit.ciphers.modes import CFB
    from cryptography.hazmat.primitives.ciphers import Cipher, algorithms

    vector = stamp.boots.to_bytes(4, "big") + stamp.seconds.to_bytes(4, "big") + salt
    return Cipher(algorithms.AES(key), CFB(vector))


def _text(octets: bytes) -> bytes:
    return ber.tlv(ber.OCTET_STRING, octets)
