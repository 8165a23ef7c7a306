"""The user-based security of SNMPv3 (RFC 3414, 3826, 7860): messages sealed and opened.

Used both ways: the agent opens requests and seals answers, notifications the other way round.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from functools import lru_cache
from typing import Any, Final, NamedTuple

from ..model.settings import Settings
from . import ber
from .engine import MOST
from .message import V3

SECURITY_MODEL: Final = 3  # USM
LARGEST: Final = 65507  # octets of a message we take: a whole UDP datagram
AUTH, PRIV, REPORTABLE = 1, 2, 4  # msgFlags
MAC: Final = {"sha224": 16, "sha256": 24, "sha384": 32, "sha512": 48}  # octets (RFC 7860 4)
KEY: Final = {"aes128": 16, "aes192": 24, "aes256": 32}  # octets
MEGABYTE: Final = 2**20
BLOCK: Final = 16


SMALLEST: Final = 484  # octets any SNMP engine can take (RFC 3412 6.3)
SALT: Final = 8  # octets (RFC 3826 3.1.2.1)


class V3User(NamedTuple):
    """A user of SNMPv3. `auth` sha224..sha512, `priv` none, aes128..aes256 (with "none" messages
    are authentic and readable)."""

    name: str
    auth: str
    auth_password: str
    priv: str
    priv_password: str

    @classmethod
    def of(cls, settings: Settings, role: str) -> V3User:
        """The user of `role`: read or write of the agent, notify of the notifications."""
        names = ("user", "auth", "auth_password", "priv", "priv_password")
        return cls(*(settings.text(f"snmp.v3.{role}_{name}") for name in names))

    @property
    def has_passwords(self) -> bool:
        """Those that `auth` and `priv` ask for are set."""
        return bool(self.auth_password and (self.priv == "none" or self.priv_password))

    def __repr__(self) -> str:
        """Without the passwords: this may end up in a log."""
        return f"V3User({self.name}, {self.auth}, {self.priv})"


class Keys(NamedTuple):
    """A user's keys at one engine. `priv` b"" = messages are not encrypted."""

    auth: bytes
    priv: bytes


class Stamp(NamedTuple):
    """The authoritative engine of a message, its start count and its time, s."""

    engine_id: bytes = b""
    boots: int = 0
    seconds: int = 0


class UsmMessage(NamedTuple):
    """The outside of a message, none of it verified. `max_size`: octets of an answer its sender
    takes; `mac`: where the digest stands; `data`: the scoped PDU, an OCTET STRING if encrypted."""

    id: int
    max_size: int
    flags: int
    stamp: Stamp
    name: bytes
    mac: ber.Element
    salt: bytes
    data: ber.Element


class Scoped(NamedTuple):
    """A scoped PDU; `pdu` is one element."""

    context_engine: bytes
    context: bytes
    pdu: bytes


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
    name: bytes = b"",
    is_private: bool = True,
) -> bytes:
    """A message for `user`; `user` None = neither authentic nor encrypted (discovery, reports to
    whoever calls himself `name`). `is_private` False: not encrypted though the user could."""
    scoped = ber.sequence((_text(context_engine), _text(b""), pdu))
    flags = REPORTABLE if is_reportable else 0
    mac = salt = b""
    data = scoped
    if user is not None:
        keys = keys_of(user, stamp.engine_id)
        flags |= AUTH
        name, mac = user.name.encode(), bytes(MAC[user.auth])
        if keys.priv and is_private:
            flags |= PRIV
            salt = secrets.token_bytes(SALT)
            data = _text(_cipher(keys.priv, stamp, salt).encryptor().update(scoped))
    security = ber.sequence(
        (_text(stamp.engine_id), ber.integer(stamp.boots), ber.integer(stamp.seconds),
         _text(name), _text(mac), _text(salt))
    )  # fmt: skip
    head = ber.sequence(
        (ber.integer(message_id), ber.integer(LARGEST), _text(bytes((flags,))),
         ber.integer(SECURITY_MODEL))
    )  # fmt: skip
    whole = ber.sequence((ber.integer(V3), head, _text(security), data))
    if user is None:
        return whole
    # Counted from the end, as the lengths before it have no fixed size.
    at = len(whole) - len(data) - len(_text(salt)) - len(mac)
    digest = hmac.digest(keys.auth, whole, user.auth)[: len(mac)]
    return whole[:at] + digest + whole[at + len(mac) :]


def parse(raw: bytes) -> UsmMessage:
    """The outside of a message. Raises ValueError for anything that is none of SNMPv3 and USM."""
    outer = ber.element(raw, 0, len(raw))
    version, head, security, data = _parts(raw, outer, 4)
    message_id, max_size, flags, model = _parts(raw, head, 4)
    if ber.whole(raw, version) != V3 or ber.whole(raw, model) != SECURITY_MODEL:
        raise ValueError("no SNMPv3 message")
    number, size = ber.whole(raw, message_id), ber.whole(raw, max_size)
    flag = ber.octets(raw, flags)
    if not 0 <= number <= MOST or not SMALLEST <= size <= MOST or len(flag) != 1:
        raise ValueError("no head of a message")
    if flag[0] & PRIV and not flag[0] & AUTH:
        raise ValueError("encrypted and not authentic")
    ber.octets(raw, security)
    inner = ber.element(raw, security.start, security.end)
    engine, boots, seconds, name, mac, salt = _parts(raw, inner, 6)
    stamp = Stamp(ber.octets(raw, engine), ber.whole(raw, boots), ber.whole(raw, seconds))
    if not (0 <= stamp.boots <= MOST and 0 <= stamp.seconds <= MOST):
        raise ValueError("no time")
    ber.octets(raw, mac)
    return UsmMessage(
        number, size, flag[0], stamp, ber.octets(raw, name), mac, ber.octets(raw, salt), data
    )


def digest_of(raw: bytes, message: UsmMessage, key: bytes, auth: str) -> bytes:
    """The digest that `message` (which is `raw`) must carry to be from who has `key`."""
    start, end = message.mac.start, message.mac.end
    return hmac.digest(key, raw[:start] + bytes(end - start) + raw[end:], auth)[: MAC[auth]]


def unwrap(raw: bytes, message: UsmMessage, key: bytes) -> Scoped:
    """The scoped PDU, decrypted with `key` if it is encrypted. Raises ValueError."""
    data = message.data
    if not message.flags & PRIV:
        return _scoped(raw, data)
    if data.tag != ber.OCTET_STRING or not key or len(message.salt) != SALT:
        raise ValueError("not to be decrypted")
    body = raw[data.start : data.end]
    plain = bytes(_cipher(key, message.stamp, message.salt).decryptor().update(body))
    return _scoped(plain, ber.element(plain, 0, len(plain)))


def open_message(raw: bytes, user: V3User, engine_id: bytes) -> Opened:
    """A message to us. Raises ValueError for anything that is none, or that claims to be authentic
    or encrypted and cannot be opened with the user's keys at `engine_id`."""
    message = parse(raw)
    is_authentic = bool(message.flags & AUTH)
    key = b""
    if is_authentic:
        if message.stamp.engine_id != engine_id or message.name != user.name.encode():
            raise ValueError("another engine or user")
        keys = keys_of(user, engine_id)
        right = digest_of(raw, message, keys.auth, user.auth)
        if not hmac.compare_digest(raw[message.mac.start : message.mac.end], right):
            raise ValueError("a wrong digest")
        key = keys.priv
    scoped = unwrap(raw, message, key)
    was_encrypted = bool(message.flags & PRIV)
    return Opened(message.id, message.stamp, is_authentic, was_encrypted, scoped.pdu)


def _scoped(raw: bytes, item: ber.Element) -> Scoped:
    engine, context, pdu = _parts(raw, item, 3)
    return Scoped(ber.octets(raw, engine), ber.octets(raw, context), raw[context.end : pdu.end])


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
