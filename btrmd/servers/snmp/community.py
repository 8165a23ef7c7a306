"""Community messages: SNMPv1 and v2c, from octets to octets."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final

from pyasn1.codec.ber import decoder, encoder
from pysnmp.proto import api
from pysnmp.proto.api import v1, v2c

from ...model import ber
from ...model.snapshot import Snapshot
from .access import Access
from .changes import Changes, VarBind
from .counters import Counters
from .responder import Asker, Outcome, Responder, Status
from .values import Asn1, Oid

V1: Final = int(api.SNMP_VERSION_1)
V2C: Final = int(api.SNMP_VERSION_2C)
V3: Final = 3
MOST_IN: Final = 8192  # octets of a request
MOST_OUT: Final = 8192  # octets of an answer
_OVERHEAD: Final = 128  # for what stands around the varbinds

Reply = bytes | None
Later = Awaitable[Reply]


def message_version(raw: bytes) -> int | None:
    """The version of a message, None when it does not begin like one (RFC 1157, RFC 3412 6)."""
    if len(raw) < 8 or raw[0] != 0x30:
        return None
    at = 2 + (raw[1] & 0x7F if raw[1] & 0x80 else 0)
    if raw[at : at + 2] != b"\x02\x01" or len(raw) <= at + 2:
        return None
    return raw[at + 2]


class Communities:
    """One request, one answer. `answer` gives octets, None for silence, or both later for a SET."""

    def __init__(self, responder: Responder, changes: Changes, counters: Counters) -> None:
        self._responder = responder
        self._changes = changes
        self._counters = counters

    def answer(
        self, raw: bytes, version: int, host: str, access: Access, snapshot: Snapshot
    ) -> Reply | Later:
        """Never raises for what is in `raw`: what cannot be decoded is counted."""
        module: Any = v1 if version == V1 else v2c
        try:
            message, _ = decoder.decode(raw, asn1Spec=module.Message())
            community = bytes(module.apiMessage.get_community(message))
            pdu = module.apiMessage.get_pdu(message)
            asked = request_of(module, pdu)
        except Exception:  # hostile octets: the decoder raises whatever it likes
            self._counters.damaged += 1
            return None
        may_write = access.communities.get(community)
        if may_write is None:
            self._counters.bad_names += 1
            return None
        if asked is None:  # a response, a trap: nothing an agent answers
            self._counters.drops += 1
            return None
        asker = Asker(host, may_write, version == V1)

        def reply(outcome: Outcome) -> bytes:
            return ber.message(version, community, response(module, pdu, outcome, MOST_OUT))

        if pdu.tagSet == module.SetRequestPDU.tagSet:
            if not may_write:
                self._counters.bad_uses += 1
            return self._set(asked, asker, snapshot, reply)
        return reply(self.read(module, pdu, asked, asker, snapshot))

    async def _set(
        self,
        asked: Sequence[VarBind],
        asker: Asker,
        snapshot: Snapshot,
        reply: Callable[[Outcome], bytes],
    ) -> Reply:
        return reply(await self.change(asked, asker, snapshot))

    async def change(self, asked: Sequence[VarBind], asker: Asker, snapshot: Snapshot) -> Outcome:
        """The outcome of a SET."""
        return await self._changes.set(asked, asker, snapshot.settings)

    def read(
        self, module: Any, pdu: Asn1, asked: Sequence[VarBind], asker: Asker, snapshot: Snapshot
    ) -> Outcome:
        """The outcome of any request but SET."""
        names = [name for name, _ in asked]
        if pdu.tagSet == module.GetRequestPDU.tagSet:
            return self._responder.get(names, asker, snapshot)
        if pdu.tagSet == module.GetNextRequestPDU.tagSet:
            return self._responder.get_next(names, asker, snapshot)
        return self._responder.get_bulk(
            names,
            int(v2c.apiBulkPDU.get_non_repeaters(pdu)),
            int(v2c.apiBulkPDU.get_max_repetitions(pdu)),
            asker,
            snapshot,
        )


def request_of(module: Any, pdu: Asn1) -> list[VarBind] | None:
    """The varbinds of a request an agent answers, else None."""
    kinds = [module.GetRequestPDU, module.GetNextRequestPDU, module.SetRequestPDU]
    if module is v2c:
        kinds.append(v2c.GetBulkRequestPDU)
    if all(pdu.tagSet != kind.tagSet for kind in kinds):
        return None
    return [(oid_of(name), value) for name, value in module.apiPDU.get_varbinds(pdu)]


def oid_of(name: Asn1) -> Oid:
    """An OBJECT IDENTIFIER as a tuple."""
    return tuple(name)


def response(module: Any, request: Asn1, outcome: Outcome, most: int) -> bytes:
    """The outcome as an encoded Response-PDU of at most `most` octets.

    A GETBULK may be answered in part (RFC 3416 4.2.3), any other request is tooBig then.
    """
    status, place, rows = outcome
    if rows is None:
        varbinds = bytes(encoder.encode(module.apiPDU.get_varbind_list(request)))
    else:
        parts = [ber.sequence((ber.oid(name), value)) for name, value in rows]
        room = most - _OVERHEAD
        size = sum(map(len, parts))
        if size > room:
            while parts and size > room:
                size -= len(parts.pop())
            if module is v1 or request.tagSet != v2c.GetBulkRequestPDU.tagSet or not parts:
                # RFC 3416 4.2.1: no varbinds; RFC 1157 4.1.2: those of the request
                if module is v1:
                    return response(module, request, Outcome(Status.TOO_BIG), most)
                status, parts = Status.TOO_BIG, []
        varbinds = ber.sequence(parts)
    return ber.response(int(module.apiPDU.get_request_id(request)), status, place, varbinds)
