"""RADIUS: asks a server about a name and a password (RFC 2865, PAP), and for the role."""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
import socket
import time
from collections import deque
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Final, NamedTuple

from ..model.errors import BtrmError
from ..model.settings import Settings
from ..net import host_and_port

REQUEST, ACCEPT, REJECT, CHALLENGE = 1, 2, 3, 11  # RFC 2865 3
USER_NAME, USER_PASSWORD, FILTER_ID, CALLING_STATION = 1, 2, 11, 31  # RFC 2865 5
NAS_IDENTIFIER, NAS_PORT_TYPE, VIRTUAL = 32, 61, 5
MESSAGE_AUTHENTICATOR: Final = 80  # RFC 2869 5.14
TRIES: Final = 3
WAIT_S: Final = 2.0  # for the answer to each
MOST: Final = 4096  # octets of a packet
MOST_PASSWORD: Final = 128  # octets, RFC 2865 5.2
MOST_VALUE: Final = 253
ROLES: Final = ("viewer", "operator", "admin")


class RadiusError(BtrmError):
    """The server could not be asked, or its answer cannot be used; one sentence."""


class RadiusServer(NamedTuple):
    """Whom to ask, and what to make of the answer."""

    host: str
    port: int
    secret: str
    role: str
    is_signed: bool

    @classmethod
    def of(cls, settings: Settings) -> RadiusServer | None:
        """None while RADIUS is off."""
        if not settings.flag("radius.enabled"):
            return None
        return cls(
            settings.text("radius.server"),
            settings.integer("radius.port"),
            settings.text("radius.secret"),
            settings.text("radius.role"),
            settings.flag("radius.signed"),
        )

    def __repr__(self) -> str:
        """Without the secret: this may end up in a log."""
        return f"RadiusServer({self.where})"

    @property
    def where(self) -> str:
        return host_and_port(self.host, self.port)


def ask(target: RadiusServer, user: str, password: str, serial: str, address: str) -> str | None:
    """The role of `user`: viewer, operator, admin; "" = accepted, and no role goes with it. None =
    refused. `address`: where the login comes from. Waits for at most 6 s. Raises RadiusError."""
    name, word = user.encode(), password.encode("utf-8", "surrogatepass")
    if not target.host or not target.secret:
        lack = "server" if not target.host else "shared secret"
        raise RadiusError(f"No {lack} is set for logins by RADIUS.")
    if not name or len(name) > MOST_VALUE or len(word) > MOST_PASSWORD or b"\0" in name + word:
        return None
    number, authenticator = secrets.randbelow(256), os.urandom(16)
    secret = target.secret.encode()
    packet = _request(number, authenticator, secret, name, word, serial, address)
    answer = _exchange(target, packet, number, authenticator, secret)
    code = answer[0]
    if code == CHALLENGE:
        raise RadiusError(
            f"The RADIUS server {target.where} asks for more than a password: that cannot be given."
        )
    if code != ACCEPT:
        return None
    found = [value.decode("utf-8", "replace").lower() for kind, value in _attributes(answer)
             if kind == FILTER_ID]  # fmt: skip
    role = next((word for word in found if word in ROLES), target.role)
    return "" if role == "none" else role


# --- packets -----------------------------------------------------------------------------------


def _request(
    number: int, authenticator: bytes, secret: bytes, name: bytes, word: bytes, serial: str,
    address: str,
) -> bytes:  # fmt: skip
    body = b"".join(
        (
            _attribute(MESSAGE_AUTHENTICATOR, bytes(16)),  # first: CVE-2024-3596
            _attribute(USER_NAME, name),
            _attribute(USER_PASSWORD, _hidden(word, secret, authenticator)),
            _attribute(NAS_IDENTIFIER, f"btrmd-{serial}".encode()[:MOST_VALUE]),
            _attribute(NAS_PORT_TYPE, VIRTUAL.to_bytes(4, "big")),
            _attribute(CALLING_STATION, address.encode()[:MOST_VALUE] or b"-"),
        )
    )
    head = bytes((REQUEST, number)) + (20 + len(body)).to_bytes(2, "big") + authenticator
    signed = hmac.new(secret, head + body, hashlib.md5).digest()
    return head + body[:2] + signed + body[18:]


def _attribute(kind: int, value: bytes) -> bytes:
    return bytes((kind, len(value) + 2)) + value


def _hidden(word: bytes, secret: bytes, authenticator: bytes) -> bytes:
    """RFC 2865 5.2."""
    padded = word.ljust(max(-(-len(word) // 16), 1) * 16, b"\0")
    out, last = b"", authenticator
    for i in range(0, len(padded), 16):
        mask = hashlib.md5(secret + last, usedforsecurity=False).digest()
        last = bytes(a ^ b for a, b in zip(padded[i : i + 16], mask, strict=True))
        out += last
    return out


def _exchange(
    target: RadiusServer, packet: bytes, number: int, authenticator: bytes, secret: bytes
) -> bytes:
    """The answer that is the server's; the others are thrown away."""
    where, lack = target.where, ""
    try:
        found = socket.getaddrinfo(target.host, target.port, type=socket.SOCK_DGRAM)
    except OSError as error:  # of the resolver too
        raise RadiusError(
            f"The name {target.host} is not found: {error.strerror or error}."
        ) from error
    with ExitStack() as opened:
        links: deque[socket.socket] = deque()  # a name may have several addresses
        refusal: OSError = OSError("no address")
        for family, kind, protocol, _, place in found[:TRIES]:
            try:
                link = opened.enter_context(socket.socket(family, kind, protocol))
                link.connect(place)
            except OSError as error:
                refusal = error
            else:
                links.append(link)
        tries = 0
        while links and tries < TRIES:
            sock = links[0]
            try:
                sock.send(packet)
                end = time.monotonic() + WAIT_S
                while (left := end - time.monotonic()) > 0.0:
                    sock.settimeout(left)
                    try:
                        answer = sock.recv(MOST)
                    except TimeoutError:
                        break
                    fault = _fault(answer, number, authenticator, secret, target.is_signed)
                    if not fault:
                        return answer[: int.from_bytes(answer[2:4], "big")]
                    lack = fault
            except OSError as error:
                refusal = error
                links.popleft()
                continue
            tries += 1
            links.rotate(-1)
        if not links:
            why = refusal.strerror or refusal
            raise RadiusError(f"The RADIUS server {where} cannot be reached: {why}.") from refusal
    if lack:
        raise RadiusError(f"The answer of the RADIUS server {where} is refused: {lack}.")
    raise RadiusError(
        f"The RADIUS server {where} did not answer within {TRIES * WAIT_S:g} s; it may not know "
        "this unit, or another shared secret."
    )


def _fault(answer: bytes, number: int, authenticator: bytes, secret: bytes, is_signed: bool) -> str:
    """Why an answer is none; "" = it is the server's."""
    size = int.from_bytes(answer[2:4], "big")
    if len(answer) < 20 or not 20 <= size <= len(answer) or answer[1] != number:
        return "it is damaged or for another question"
    answer = answer[:size]
    if answer[0] not in (ACCEPT, REJECT, CHALLENGE):
        return f"it is none to a login (code {answer[0]})"
    made = hashlib.md5(
        answer[:4] + authenticator + answer[20:] + secret, usedforsecurity=False
    ).digest()
    if not hmac.compare_digest(made, answer[4:20]):
        return "it was made with another shared secret"
    try:
        places = [at for at, kind, _ in _places(answer) if kind == MESSAGE_AUTHENTICATOR]
    except ValueError:
        return "it is damaged"
    if not places:  # a refusal that is forged lets nobody in, and older servers sign none
        lacks = is_signed and answer[0] != REJECT
        return "it has no Message-Authenticator (radius.signed)" if lacks else ""
    at = places[0]
    if len(answer[at + 2 : at + 18]) != 16:
        return "it is damaged"
    bare = answer[:4] + authenticator + answer[20 : at + 2] + bytes(16) + answer[at + 18 :]
    signed = hmac.new(secret, bare, hashlib.md5).digest()
    if not hmac.compare_digest(signed, answer[at + 2 : at + 18]):
        return "its Message-Authenticator is wrong"
    return ""


def _places(packet: bytes) -> Iterator[tuple[int, int, int]]:
    """Place, kind and length of every attribute. Raises ValueError for a damaged one."""
    at = 20
    while at < len(packet):
        if at + 2 > len(packet) or not 2 <= packet[at + 1] <= len(packet) - at:
            raise ValueError("an attribute is damaged")
        yield at, packet[at], packet[at + 1]
        at += packet[at + 1]


def _attributes(packet: bytes) -> Iterator[tuple[int, bytes]]:
    for at, kind, size in _places(packet):
        yield kind, packet[at + 2 : at + size]
