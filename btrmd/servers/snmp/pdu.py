"""The PDU: what a request asks for, read strictly from its octets (RFC 3416 section 3)."""

from __future__ import annotations

from typing import Final, NamedTuple

from ...snmp import ber
from ...snmp.message import Oid, encode_pdu
from .responder import Outcome, Status
from .values import INTEGER32, SentVarBind

REQUESTS: Final = (ber.GET, ber.GET_NEXT, ber.SET, ber.GET_BULK)
_OVERHEAD: Final = 64  # octets of a PDU around its varbinds


VarBind = tuple[Oid, SentVarBind]


class Request(NamedTuple):
    """`kind`: one of REQUESTS. `second` and `third`: of GETBULK non-repeaters and max-repetitions.
    `as_sent`: the encoded list of varbinds, for answers that repeat it."""

    kind: int
    id: int
    second: int
    third: int
    rows: tuple[VarBind, ...]
    as_sent: bytes


def decode_request(raw: bytes, is_v1: bool = False) -> Request | None:
    """The request in `raw`, one element; None for a PDU that no agent answers (a response, a trap).

    Raises ValueError for what is no PDU.
    """
    outer = ber.element(raw, 0, len(raw))
    if outer.tag not in REQUESTS or (is_v1 and outer.tag == ber.GET_BULK):
        ber.elements(raw, outer.start, outer.end)
        return None
    parts = ber.elements(raw, outer.start, outer.end)
    if len(parts) != 4 or parts[3].tag != ber.SEQUENCE:
        raise ValueError("no PDU")
    number, second, third = (_number(raw, part) for part in parts[:3])
    items = ber.elements(raw, parts[3].start, parts[3].end)
    rows = tuple([_row(raw, item) for item in items])
    return Request(outer.tag, number, second, third, rows, raw[parts[2].end : parts[3].end])


def encode_response(request: Request, outcome: Outcome, most: int, is_v1: bool) -> bytes:
    """The outcome as an encoded Response-PDU of at most `most` octets.

    A GETBULK may be answered in part (RFC 3416 4.2.3), any other request is tooBig then.
    """
    status, place, rows = outcome
    if rows is None:
        varbinds = request.as_sent
    else:
        parts = [ber.sequence((ber.oid(name), value)) for name, value in rows]
        left = most - _OVERHEAD
        size = sum(map(len, parts))
        if size > left:
            while parts and size > left:
                size -= len(parts.pop())
            if request.kind != ber.GET_BULK or not parts:
                # RFC 3416 4.2.1: no varbinds; RFC 1157 4.1.2: those of the request
                if is_v1:
                    return encode_response(request, Outcome(Status.TOO_BIG), most, is_v1)
                status, parts = Status.TOO_BIG, []
        varbinds = ber.sequence(parts)
    return encode_pdu(ber.RESPONSE, request.id, varbinds, status, place)


def _row(raw: bytes, item: ber.Element) -> VarBind:
    parts = ber.elements(raw, item.start, item.end)
    if item.tag != ber.SEQUENCE or len(parts) != 2:
        raise ValueError("no varbind")
    name, value = parts
    return ber.arcs_of(raw, name), SentVarBind(value.tag, raw[value.start : value.end])


def _number(raw: bytes, item: ber.Element) -> int:
    number = ber.whole(raw, item)
    if number not in INTEGER32:
        raise ValueError("no Integer32")
    return number
