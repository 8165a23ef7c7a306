"""SNMPv3: who asks is proven first (RFC 3414), then the same responder answers.

Whoever cannot prove that he knows a user's password gets nothing that helps him find it: no message
is signed for him, and an unknown user, a level too low and a wrong digest are one and the same
answer, made in the same steps. RFC 3414 3.2 has three counters for them and looks at the level
before the digest, so that one packet is enough to guess passwords against at home.
"""

from __future__ import annotations

import hmac
from collections.abc import Sequence
from typing import Final, NamedTuple, Protocol

from ...bus import Bus
from ...snmp import ber, usm
from ...snmp.engine import MOST, SnmpEngine
from ...snmp.message import Oid
from ...snmp.usm_report import PDU_HANDLERS, UsmStat, encode_report
from .access import SnmpUser
from .community import MOST_OUT, Communities, PendingSet
from .counters import Counters
from .pdu import Request, decode_request, encode_response
from .responder import Asker, Outcome, Status
from .udp_socket import Sender

WINDOW_S: Final = 150  # RFC 3414 2.2.3
LONGEST_NAME: Final = 32  # octets (RFC 3414 5: SnmpAdminString of 0..32)
_OVERHEAD: Final = 192  # octets of a message around its PDU, at most


class Agent(Protocol):
    """What the server lends."""

    counters: Counters

    @property
    def bus(self) -> Bus: ...

    def later(self, pending: PendingSet, raw: bytes, sender: Sender) -> None: ...


class Known(NamedTuple):
    """A user with his keys at this unit."""

    user: SnmpUser
    keys: usm.Keys


class Usm:
    """Used on the agent's thread. `own`: this unit's engine. Raises BtrmError when made without
    a start count."""

    def __init__(self, agent: Agent, answers: Communities, own: SnmpEngine) -> None:
        self._agent = agent
        self._answers = answers
        self._own = own
        self._boots = own.boots
        self._known: tuple[Known, ...] = ()
        self._stats: dict[Oid, int] = {}

    def serve(self, users: Sequence[SnmpUser]) -> None:
        """These users and no others, from now on; some milliseconds for each."""
        self._known = tuple(Known(user, usm.keys_of(user.v3, self._own.id)) for user in users)

    def receive(self, raw: bytes, sender: Sender) -> None:
        """One datagram that says it is version 3."""
        try:
            message = usm.parse(raw)
            if len(message.name) > LONGEST_NAME:
                raise ValueError("no name")
        except ValueError:
            self._agent.counters.damaged += 1
            return
        if message.stamp.engine_id != self._own.id:
            self._report(message, sender, UsmStat.ENGINE_IDS.oid, None)
            return
        known = self._proven(raw, message)
        if known is None:
            self._agent.counters.bad_names += 1
            self._report(message, sender, UsmStat.DIGESTS.oid, None)
        elif not self._is_timely(message.stamp):
            self._report(message, sender, UsmStat.TIME_WINDOWS.oid, known)
        else:
            self._open(raw, message, known, sender)

    # --- inside --------------------------------------------------------------------------------

    def _proven(self, raw: bytes, message: usm.UsmMessage) -> Known | None:
        """Whose message it is; None for nobody's. Every user's digest is made, whoever is named."""
        given = raw[message.mac.start : message.mac.end]
        found = None
        for known in self._known:
            v3 = known.user.v3
            right = usm.digest_of(raw, message, known.keys.auth, v3.auth)
            is_right = hmac.compare_digest(given, right)
            is_named = hmac.compare_digest(message.name, v3.name.encode())
            if is_right & is_named:
                found = known
        return found if message.flags & usm.AUTH else None

    def _is_timely(self, stamp: usm.Stamp) -> bool:
        """RFC 3414 3.2 7 a: neither an old message said once more, nor one of an earlier start."""
        return (
            self._boots < MOST
            and stamp.boots == self._boots
            and abs(stamp.seconds - self._own.seconds) <= WINDOW_S
        )

    def _open(self, raw: bytes, message: usm.UsmMessage, known: Known, sender: Sender) -> None:
        """A message that is proven to be of `known`, and of now."""
        is_private = bool(message.flags & usm.PRIV)
        if is_private and not known.keys.priv:
            self._report(message, sender, UsmStat.LEVELS.oid, known)
            return
        try:
            scoped = usm.unwrap(raw, message, known.keys.priv)
        except ValueError:
            if is_private:
                self._report(message, sender, UsmStat.DECRYPTIONS.oid, known)
            self._agent.counters.damaged += 1
            return
        try:
            request = decode_request(scoped.pdu)
        except ValueError:
            self._agent.counters.damaged += 1
            return
        if request is None:
            self._agent.counters.drops += 1
            return
        if scoped.context_engine != self._own.id:
            self._report(message, sender, PDU_HANDLERS, known, request.id)
            return
        is_allowed = not scoped.context and (is_private or not known.keys.priv)
        self._answer(raw, message, known, request, sender, is_allowed)

    def _answer(
        self,
        raw: bytes,
        message: usm.UsmMessage,
        known: Known,
        request: Request,
        sender: Sender,
        is_allowed: bool,
    ) -> None:
        is_private = bool(message.flags & usm.PRIV)
        most = min(message.max_size, MOST_OUT) - _OVERHEAD

        def sealed(outcome: Outcome) -> bytes:
            pdu = encode_response(request, outcome, most, False)
            stamp = usm.Stamp(self._own.id, self._boots, self._own.seconds)
            return usm.seal(
                pdu, self._own.id, message.id, stamp, known.user.v3, False, is_private=is_private
            )

        if not is_allowed:
            self._agent.counters.bad_uses += 1
            sender.send(sealed(Outcome(Status.AUTHORIZATION_ERROR, 1)))
            return
        asker = Asker(sender.host, known.user.may_write)
        snapshot = self._agent.bus.snapshot
        if request.kind != ber.SET:
            sender.send(sealed(self._answers.read(request, asker, snapshot)))
            return
        if not asker.may_write:
            self._agent.counters.bad_uses += 1
        self._agent.later(self._answers.pending(request, asker, snapshot, sealed), raw, sender)

    def _report(
        self,
        message: usm.UsmMessage,
        sender: Sender,
        counter: Oid,
        known: Known | None,
        request_id: int = 0,
    ) -> None:
        """Why a message is not answered, to who wants to know. Signed for `known` only, who has
        proven himself; in plain words and empty-handed for everybody else."""
        self._stats[counter] = count = (self._stats.get(counter, 0) + 1) % 2**32
        if not message.flags & usm.REPORTABLE:
            return
        stamp = usm.Stamp(self._own.id, self._boots, self._own.seconds)
        sender.send(
            usm.seal(
                encode_report(counter, count, request_id), self._own.id, message.id, stamp,
                known.user.v3 if known is not None else None, False,
                name=message.name, is_private=False,
            )
        )  # fmt: skip
