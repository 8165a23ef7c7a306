"""Setpoints named by a range of one: qualifiers 00 and 01 with start = stop (manual 12.3.4).

IEEE 1815 puts an index before each control (qualifiers 17 and 28), and so does py1815; the manual's
table allows the other form too. Both are of one length, so one is written as the other.
"""

from __future__ import annotations

from typing import Final

_CONTROLS: Final = frozenset(
    {3, 4, 5, 6}
)  # select, operate, direct operate with and without answer
_SETPOINT: Final = 41
_NARROW, _WIDE = 0x00, 0x01  # start and stop in one octet each, in two
_AT: Final = 2  # of the object header in a request; in a response the indications come before it
_ANSWER_AT: Final = 4


def with_index(fragment: bytes) -> bytes:
    """The request with an index where it has a range of one setpoint; any other as it is."""
    head = _range_of(fragment)
    return (
        fragment if head is None else fragment[:_AT] + _indexed(head) + fragment[_AT + len(head) :]
    )


def with_range(response: bytes, fragment: bytes) -> bytes:
    """The response with the echo in the form of the request `fragment`."""
    head = _range_of(fragment)
    if head is None or not response.startswith(_indexed(head), _ANSWER_AT):
        return response
    return response[:_ANSWER_AT] + head + response[_ANSWER_AT + len(head) :]


def _range_of(fragment: bytes) -> bytes | None:
    """The object header of a request for one setpoint by range; None for any other."""
    if len(fragment) < _AT + 5 or fragment[1] not in _CONTROLS or fragment[_AT] != _SETPOINT:
        return None
    size = {_NARROW: 1, _WIDE: 2}.get(fragment[_AT + 2], 0)
    head = fragment[_AT : _AT + 3 + 2 * size]
    start, stop = head[3 : 3 + size], head[3 + size :]
    return head if size and len(stop) == size and start == stop else None


def _indexed(head: bytes) -> bytes:
    """The same setpoint by its index: group, variation, qualifier, count 1, index."""
    if head[2] == _NARROW:
        return head[:2] + b"\x17\x01" + head[3:4]
    return head[:2] + b"\x28\x01\x00" + head[3:5]
