"""Known requests: what managers ask again and again, not decoded anew each time.

A manager's request differs from the one before in its number only. What was decoded once is found
by all the octets around the number, so that it is the same request to the last bit.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from ...snmp import ber
from ...snmp.message import V1, CommunityMessage
from .pdu import Request, decode_request

MOST: Final = 64  # requests remembered,
LONGEST: Final = 512  # of so many octets at most
MOST_ID: Final = 4  # octets of a request's number; larger ones are left to the decoder's judgement

Frame = tuple[bytes, bytes]  # what stands before the number, and behind it


class CommunityRequest(NamedTuple):
    """A decoded message. `request` None: a PDU that no agent answers. `frame`: for `remember`."""

    community: bytes
    request: Request | None
    frame: Frame | None


class KnownRequests:
    """Used on the agent's thread. Only what a known community has asked is remembered, so that
    strangers push nothing out."""

    def __init__(self) -> None:
        self._known: dict[Frame, CommunityRequest] = {}

    def decode(self, raw: bytes, version: int) -> CommunityRequest:
        """The message in `raw` of that version. Raises ValueError for what is none."""
        split = split_at_number(raw)
        if split is None:
            return _decode(raw, version, None)
        frame, number = split
        known = self._known.get(frame)
        if known is None:
            return _decode(raw, version, frame)
        kind, _, second, third, rows, as_sent = known.request  # type: ignore[misc]
        number_of = int.from_bytes(number, "big", signed=True)
        request = Request(kind, number_of, second, third, rows, as_sent)
        return CommunityRequest(known.community, request, None)

    def remember(self, decoded: CommunityRequest) -> None:
        """Find it without decoding from now on; the oldest makes room."""
        frame = decoded.frame
        if frame is None or decoded.request is None:
            return
        known = self._known
        if len(known) >= MOST:
            del known[next(iter(known))]
        known[frame] = decoded


def _decode(raw: bytes, version: int, frame: Frame | None) -> CommunityRequest:
    _, community, pdu = CommunityMessage.parse(raw)
    return CommunityRequest(community, decode_request(pdu, version == V1), frame)


def split_at_number(raw: bytes) -> tuple[Frame, bytes] | None:
    """A community message of at most LONGEST octets around its request's number, and that number,
    which has 1..MOST_ID octets; None for any other, and for what is not laid out so.

    Headers are followed as the decoder follows them: where it accepts the message, the number is
    there and nowhere else. Nothing behind it depends on its value.
    """
    try:
        if len(raw) > LONGEST or raw[0] != ber.SEQUENCE:
            return None
        at = _body(raw, 1)
        if raw[at : at + 2] != b"\x02\x01" or raw[at + 3] != ber.OCTET_STRING:
            return None
        community_size = raw[at + 4]
        if community_size >= 0x80:
            return None
        at = _body(raw, at + 6 + community_size)
        size = raw[at + 1]
        if raw[at] != ber.INTEGER or not 1 <= size <= MOST_ID:
            return None
    except IndexError:
        return None
    start, end = at + 2, at + 2 + size
    return ((raw[:start], raw[end:]), raw[start:end]) if end < len(raw) else None


def _body(raw: bytes, at: int) -> int:
    """Where the body begins whose length is told at `at`."""
    size = raw[at]
    return at + 1 if size < 0x80 else at + 1 + (size & 0x7F)
