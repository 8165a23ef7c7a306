"""The line: a socket towards one receiver, over which a notification goes out and is confirmed."""

from __future__ import annotations

import random
import socket
from typing import Final, NamedTuple

from ...model.errors import BtrmError
from ...model.snapshot import Snapshot
from ...names import FIRST_WAIT_S, HostPort, Names, NoAddressError
from ...net import is_same_host
from ...snmp.engine import SnmpEngine
from ...snmp.message import V2C, CommunityMessage, encode_message, response_id
from .message import Telling, notification_pdu, trap_v1
from .target import TrapTarget, lack_of
from .usm_session import Heard, UsmSession

_ANSWER: Final = 8192
_ROUNDS: Final = 4  # of learning for one sending: who, what time, and one to spare


class Notice(NamedTuple):
    """One notification under way."""

    reported: Telling
    target: TrapTarget
    request_id: int

    @classmethod
    def about(cls, reported: Telling, target: TrapTarget) -> Notice:
        return cls(reported, target, random.getrandbits(31))


class CannotSendError(BtrmError):
    """The text is what stands behind "SNMP receiver .. ": why the notification cannot leave."""


class TrapLine:
    """Used by one thread. Waits for nothing but, once, a name's first look-up (`wait_s`)."""

    def __init__(self, engine: SnmpEngine, wait_s: float = FIRST_WAIT_S) -> None:
        self._usm_session = UsmSession(engine)
        self._rounds = 0
        self._names = Names()
        self._wait_s = wait_s
        self._peer = ""  # the address of the last sending
        self._family = socket.AF_INET
        self._socket = _open(self._family)

    def close(self) -> None:
        self._socket.close()

    def fileno(self) -> int:
        """For select."""
        return self._socket.fileno()

    @property
    def trouble(self) -> str:
        """What the receiver complains of, behind its address; "" = nothing."""
        return self._usm_session.trouble

    def send(self, notice: Notice, snapshot: Snapshot, is_repeat: bool = False) -> None:
        """One datagram. Raises CannotSendError."""
        if is_repeat:
            self._usm_session.forget()
        self._rounds = 0
        self._put(notice, snapshot)

    def listen(self, notice: Notice | None, snapshot: Snapshot) -> bool:
        """Take what has come in; True when `notice` is confirmed. Raises CannotSendError when what
        was learnt leads to another sending that cannot leave."""
        while True:
            try:
                raw, address = self._socket.recvfrom(_ANSWER)
            except (BlockingIOError, InterruptedError):
                return False
            except OSError:  # what the network says about a datagram that went out
                continue
            if notice is None or not is_same_host(address[0], self._peer):
                continue
            heard = self._hear(raw, notice)
            if heard is Heard.CONFIRMED:
                return True
            if heard is Heard.AGAIN and self._rounds < _ROUNDS:
                self._rounds += 1
                self._put(notice, snapshot)

    def _hear(self, raw: bytes, notice: Notice) -> Heard:
        target = notice.target
        if target.kind == "inform_v3" and target.user is not None:
            return self._usm_session.hear(raw, target.user, notice.request_id)
        try:
            answer = CommunityMessage.parse(raw)
            is_it = answer.version == V2C and response_id(answer.pdu) == notice.request_id
        except ValueError:
            is_it = False
        return Heard.CONFIRMED if is_it else Heard.NOTHING

    def _put(self, notice: Notice, snapshot: Snapshot) -> None:
        target = notice.target
        try:
            place = self._names.find(target.host, target.port, self._wait_s)
            raw = self._message(notice, snapshot, place)
            self._towards(place).sendto(raw, place.address)
        except CannotSendError:
            raise
        except NoAddressError as error:
            raise CannotSendError(f"at {target.where} cannot be reached: {error}.") from error
        except BtrmError as error:
            raise CannotSendError(f"at {target.where} is not told: {error}") from error
        except OSError as error:  # no route, no interface: the network may come up
            raise CannotSendError(
                f"at {target.where} cannot be reached: {error.strerror or error}."
            ) from error

    def _towards(self, place: HostPort) -> socket.socket:
        """The socket for an address; another one where the family has changed."""
        if place.family != self._family:
            made = _open(place.family)  # first: without it the old one stays
            self._socket.close()
            self._socket, self._family = made, place.family
        self._peer = place.address[0]
        return self._socket

    def _message(self, notice: Notice, snapshot: Snapshot, place: HostPort) -> bytes:
        reported, target, request_id = notice
        if target.kind == "trap_v1":
            return trap_v1(reported, snapshot, target.community, own_host(place))
        pdu = notification_pdu(reported, snapshot, request_id, target.confirms)
        if not target.kind.endswith("v3"):
            return encode_message(V2C, target.community.encode(), pdu)
        user = target.user
        assert user is not None
        lack = lack_of(user)
        if lack:
            raise CannotSendError(f"at {target.where} is not told: {lack}.")
        if target.confirms:
            return self._usm_session.inform(pdu, user)
        return self._usm_session.trap(pdu, user)


def _open(family: socket.AddressFamily) -> socket.socket:
    made = socket.socket(family, socket.SOCK_DGRAM)
    made.setblocking(False)
    return made


def own_host(place: HostPort) -> str:
    """The IPv4 address this machine has towards `place`; 0.0.0.0 towards IPv6, for which SNMPv1
    has no room (RFC 3584 3.1). Raises OSError without a route."""
    if place.family != socket.AF_INET:
        return "0.0.0.0"
    with socket.socket(place.family, socket.SOCK_DGRAM) as probe:
        probe.connect(place.address)
        return str(probe.getsockname()[0])
