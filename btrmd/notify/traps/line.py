"""The line: a socket towards one receiver, over which a notification goes out and is confirmed."""

from __future__ import annotations

import random
import socket
from typing import Final, NamedTuple

from ...model.errors import BtrmError
from ...model.snapshot import Snapshot
from ...model.snmp_engine import SnmpEngine
from .conversation import Conversation, Heard
from .message import Telling, answer_v2c, confirmed_id, message_v2c, notification_pdu, trap_v1
from .target import Target, lack_of

_ANSWER: Final = 8192
_ROUNDS: Final = 4  # of learning for one sending: who, what time, and one to spare


class Notice(NamedTuple):
    """One notification under way."""

    told: Telling
    target: Target
    request_id: int

    @classmethod
    def about(cls, told: Telling, target: Target) -> Notice:
        return cls(told, target, random.getrandbits(31))


class CannotSendError(BtrmError):
    """The text is what stands behind "SNMP receiver .. ": why the notification cannot leave."""


class Line:
    """Used by one thread; never blocks."""

    def __init__(self, engine: SnmpEngine) -> None:
        self._conversation = Conversation(engine)
        self._rounds = 0
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)  # settings hold IPv4
        self._socket.setblocking(False)

    def close(self) -> None:
        self._socket.close()

    def fileno(self) -> int:
        """For select."""
        return self._socket.fileno()

    @property
    def trouble(self) -> str:
        """What the receiver complains of, behind its address; "" = nothing."""
        return self._conversation.trouble

    def send(self, notice: Notice, snapshot: Snapshot, is_repeat: bool = False) -> None:
        """One datagram. Raises CannotSendError."""
        if is_repeat:
            self._conversation.forget()
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
            if notice is None or address[0] != notice.target.host:
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
            return self._conversation.hear(raw, target.user, notice.request_id)
        try:
            is_it = confirmed_id(answer_v2c(raw)) == notice.request_id
        except ValueError:
            is_it = False
        return Heard.CONFIRMED if is_it else Heard.NOTHING

    def _put(self, notice: Notice, snapshot: Snapshot) -> None:
        target = notice.target
        try:
            raw = self._message(notice, snapshot)
            self._socket.sendto(raw, (target.host, target.port))
        except CannotSendError:
            raise
        except BtrmError as error:
            raise CannotSendError(f"at {target.where} is not told: {error}") from error
        except OSError as error:  # no route, no interface: the network may come up
            raise CannotSendError(
                f"at {target.where} cannot be reached: {error.strerror or error}."
            ) from error

    def _message(self, notice: Notice, snapshot: Snapshot) -> bytes:
        told, target, request_id = notice
        if target.kind == "trap_v1":
            return trap_v1(told, snapshot, target.community, own_host(target.host))
        pdu = notification_pdu(told, snapshot, request_id, target.confirms)
        if not target.kind.endswith("v3"):
            return message_v2c(pdu, target.community)
        user = target.user
        assert user is not None
        lack = lack_of(user)
        if lack:
            raise CannotSendError(f"at {target.where} is not told: {lack}.")
        if target.confirms:
            return self._conversation.inform(pdu, user)
        return self._conversation.trap(pdu, user)


def own_host(peer: str) -> str:
    """The address this machine has towards `peer`. Raises OSError without a route."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect((peer, 9))
        return str(probe.getsockname()[0])
