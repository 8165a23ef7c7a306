"""Community messages: SNMPv1 and v2c, from octets to octets."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, NamedTuple

from ...model.snapshot import Snapshot
from ...snmp import ber
from ...snmp.message import V1, encode_message
from .access import SnmpAccess
from .changes import SetChanges
from .counters import Counters
from .known_requests import KnownRequests
from .pdu import Request, encode_response
from .responder import Asker, Outcome, Responder

MOST_IN: Final = 8192  # octets of a request
MOST_OUT: Final = 8192  # octets of an answer
_OVERHEAD: Final = 32  # octets of a message around community and PDU


class PendingSet(NamedTuple):
    """A SET that was read: `begin(then)` asks the owner, and gives `then` the outcome; `encode`
    makes the answer of it."""

    begin: Callable[[Callable[[Outcome], object]], None]
    encode: Callable[[Outcome], bytes]


def message_version(raw: bytes) -> int | None:
    """The version of a message, None when it does not begin like one (RFC 1157, RFC 3412 6)."""
    if len(raw) < 8 or raw[0] != ber.SEQUENCE:
        return None
    at = 2 + (raw[1] & 0x7F if raw[1] & 0x80 else 0)
    if raw[at : at + 2] != b"\x02\x01" or len(raw) <= at + 2:
        return None
    return raw[at + 2]


class Communities:
    """One request, one answer. `answer` gives octets, None for silence, or the SET to begin."""

    def __init__(self, responder: Responder, changes: SetChanges, counters: Counters) -> None:
        self._responder = responder
        self._changes = changes
        self._counters = counters
        self._known = KnownRequests()

    def answer(
        self, raw: bytes, version: int, host: str, access: SnmpAccess, snapshot: Snapshot
    ) -> bytes | PendingSet | None:
        """Never raises for what is in `raw`: what cannot be decoded is counted."""
        is_v1 = version == V1
        try:
            decoded = self._known.decode(raw, version)
        except ValueError:
            self._counters.damaged += 1
            return None
        community, request, new_frame = decoded
        may_write = access.communities.get(community)
        if may_write is None:
            self._counters.bad_names += 1
            return None
        if new_frame is not None:
            self._known.remember(decoded)
        if request is None:  # a response, a trap: nothing an agent answers
            self._counters.drops += 1
            return None
        asker = Asker(host, may_write, is_v1)
        most = MOST_OUT - _OVERHEAD - len(community)

        def reply(outcome: Outcome) -> bytes:
            pdu = encode_response(request, outcome, most, is_v1)
            return encode_message(version, community, pdu)

        if request.kind == ber.SET:
            if not may_write:
                self._counters.bad_uses += 1
            return self.pending(request, asker, snapshot, reply)
        return reply(self.read(request, asker, snapshot))

    def pending(
        self,
        request: Request,
        asker: Asker,
        snapshot: Snapshot,
        encode: Callable[[Outcome], bytes],
    ) -> PendingSet:
        """A SET, not yet begun."""

        def begin(then: Callable[[Outcome], object]) -> None:
            self._changes.set(request.rows, asker, snapshot.settings, then)

        return PendingSet(begin, encode)

    def read(self, request: Request, asker: Asker, snapshot: Snapshot) -> Outcome:
        """The outcome of any request but SET."""
        names = [name for name, _ in request.rows]
        if request.kind == ber.GET:
            return self._responder.get(names, asker, snapshot)
        if request.kind == ber.GET_NEXT:
            return self._responder.get_next(names, asker, snapshot)
        return self._responder.get_bulk(names, request.second, request.third, asker, snapshot)
