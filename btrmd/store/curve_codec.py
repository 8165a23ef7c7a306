"""Packed curves: rows of a discharge as delta-coded integers, about a quarter of their CSV size."""

from __future__ import annotations

import math
import sys
import zlib
from array import array
from collections.abc import Iterator, Sequence

from ..model.discharge import CurveRow

FORMAT = 1
SCALES = (1000, 1000, 1000, 100, 1000)  # ms, mV, mA, 0.01 degC, mA

_NONE = -(2**31)
_LIMIT = 2**31 - 1
_MASK = 0xFFFFFFFF


def encode_rows(rows: Sequence[CurveRow]) -> bytes:
    """Rows as one blob: format byte, then by column zigzag deltas, bytes sorted by weight, zlib."""
    body = bytearray()
    for column, scale in enumerate(SCALES):
        deltas = array("I")
        before = 0
        for row in rows:
            value = _scaled(row[column], scale)
            delta = (value - before) & _MASK
            before = value
            deltas.append(((delta << 1) & _MASK) ^ (_MASK if delta & 0x80000000 else 0))
        if sys.byteorder == "big":
            deltas.byteswap()
        raw = deltas.tobytes()
        for weight in range(4):
            body += raw[weight::4]
    return bytes((FORMAT,)) + zlib.compress(bytes(body), 6)


def decode_rows(data: bytes, count: int) -> Iterator[CurveRow]:
    """The rows of `encode_rows`. Raises ValueError when the blob is damaged."""
    if not data or data[0] != FORMAT:
        raise ValueError("a curve has an unknown format")
    try:
        body = zlib.decompress(data[1:])
    except zlib.error as error:
        raise ValueError(f"a curve is damaged: {error}") from error
    if len(body) != 4 * len(SCALES) * count:
        raise ValueError("a curve has a wrong length")
    columns = []
    for column, scale in enumerate(SCALES):
        raw = bytearray(4 * count)
        for weight in range(4):
            start = (4 * column + weight) * count
            raw[weight::4] = body[start : start + count]
        deltas = array("I", bytes(raw))
        if sys.byteorder == "big":
            deltas.byteswap()
        columns.append(_values(deltas, scale))
    for time_s, battery_v, battery_a, temp_c, load_a in zip(*columns, strict=True):
        yield CurveRow(
            math.nan if time_s is None else time_s,
            math.nan if battery_v is None else battery_v,
            math.nan if battery_a is None else battery_a,
            temp_c,
            load_a,
        )


def thinned(rows: Sequence[CurveRow], head_s: float = 300.0, step: int = 10) -> list[CurveRow]:
    """The first `head_s` s whole (coup de fouet, resistance), then every `step`th and the last."""
    last = len(rows) - 1
    return [row for i, row in enumerate(rows) if row.time_s <= head_s or i % step == 0 or i == last]


def _values(deltas: array[int], scale: int) -> Iterator[float | None]:
    value = 0
    for zigzag in deltas:
        delta = (zigzag >> 1) ^ (_MASK if zigzag & 1 else 0)
        value = (value + delta) & _MASK
        signed = value - 0x100000000 if value & 0x80000000 else value
        yield None if signed == _NONE else signed / scale


def _scaled(value: float | None, scale: int) -> int:
    if value is None or not math.isfinite(value):
        return _NONE
    return max(-_LIMIT, min(_LIMIT, round(value * scale)))
