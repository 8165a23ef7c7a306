"""The table of curves: chunks of packed rows, a test's number and a chunk number in their id.

Packed are the rows of a discharge as delta-coded integers, about a quarter of their CSV size.
"""

from __future__ import annotations

import math
import sqlite3
import sys
import zlib
from array import array
from collections.abc import Iterator, Sequence

from ..model.discharge import CurveRow

CHUNK = 1800  # rows a chunk once a test is over: packs best, and little memory to read
FORMAT = 1  # five columns
FORMAT_BLOCKS = 2  # a second byte: how many blocks have a column of their own behind the five
SCALES = (1000, 1000, 1000, 100, 1000)  # ms, mV, mA, 0.01 degC, mA
BLOCK_SCALE = 1000  # mV
MOST_BLOCKS = 4

_NONE = -(2**31)
_LIMIT = 2**31 - 1
_MASK = 0xFFFFFFFF
_SHIFT = 20


def encode_rows(rows: Sequence[CurveRow]) -> bytes:
    """Rows as one blob: format, then by column zigzag deltas, bytes sorted by weight, zlib."""
    blocks = min(max((len(row.block_v) for row in rows), default=0), MOST_BLOCKS)
    body = bytearray()
    for column, scale in enumerate(SCALES):
        body += _encode([row[column] for row in rows], scale)  # type: ignore[misc]
    for block in range(blocks):
        volts = (row.block_v for row in rows)
        body += _encode([v[block] if block < len(v) else None for v in volts], BLOCK_SCALE)
    head = bytes((FORMAT_BLOCKS, blocks)) if blocks else bytes((FORMAT,))
    return head + zlib.compress(bytes(body), 6)


def _encode(values: Sequence[float | None], scale: int) -> bytes:
    deltas = array("I")
    before = 0
    for plain in values:
        value = _scaled(plain, scale)
        delta = (value - before) & _MASK
        before = value
        deltas.append(((delta << 1) & _MASK) ^ (_MASK if delta & 0x80000000 else 0))
    if sys.byteorder == "big":
        deltas.byteswap()
    raw = deltas.tobytes()
    return b"".join(raw[weight::4] for weight in range(4))


def decode_rows(data: bytes, count: int) -> Iterator[CurveRow]:
    """The rows of `encode_rows`. Raises ValueError when the blob is damaged."""
    blocks, start = 0, 1
    if data[:1] == bytes((FORMAT_BLOCKS,)) and len(data) > 1 and data[1] <= MOST_BLOCKS:
        blocks, start = data[1], 2
    elif data[:1] != bytes((FORMAT,)):
        raise ValueError("a curve has an unknown format")
    try:
        body = zlib.decompress(data[start:])
    except zlib.error as error:
        raise ValueError(f"a curve is damaged: {error}") from error
    scales = (*SCALES, *(BLOCK_SCALE,) * blocks)
    if len(body) != 4 * len(scales) * count:
        raise ValueError("a curve has a wrong length")
    columns = []
    for column, scale in enumerate(scales):
        raw = bytearray(4 * count)
        for weight in range(4):
            at = (4 * column + weight) * count
            raw[weight::4] = body[at : at + count]
        deltas = array("I", bytes(raw))
        if sys.byteorder == "big":
            deltas.byteswap()
        columns.append(_values(deltas, scale))
    for time_s, battery_v, battery_a, temp_c, load_a, *block_v in zip(*columns, strict=True):
        yield CurveRow(
            math.nan if time_s is None else time_s,
            math.nan if battery_v is None else battery_v,
            math.nan if battery_a is None else battery_a,
            temp_c,
            load_a,
            tuple(block_v),
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


def append_rows(connection: sqlite3.Connection, n: int, rows: Sequence[CurveRow]) -> None:
    """Store `rows` behind those that test `n` has already."""
    first, end = _ids(n)
    row = connection.execute(
        "SELECT max(id) FROM curves WHERE id >= ? AND id < ?", (first, end)
    ).fetchone()
    following = first if row[0] is None else row[0] + 1
    for i, start in enumerate(range(0, len(rows), CHUNK)):
        part = rows[start : start + CHUNK]
        _insert(connection, following + i, part, 0)


def select_chunks(connection: sqlite3.Connection, n: int) -> list[tuple[bytes, int]]:
    """The packed chunks of test `n` with their row counts, in order."""
    return connection.execute(
        "SELECT data, rows FROM curves WHERE id >= ? AND id < ? ORDER BY id", _ids(n)
    ).fetchall()


def unpack(chunks: Sequence[tuple[bytes, int]]) -> Iterator[CurveRow]:
    """The rows of `chunks`, unpacked as they are asked for. Raises ValueError when damaged."""
    for data, count in chunks:
        yield from decode_rows(data, count)


def repack(connection: sqlite3.Connection, n: int, thin: bool = False) -> None:
    """Store the curve of test `n` anew in full chunks; `thin` True: about a tenth of the rows.

    A damaged curve is left alone, or deleted where it should have been thinned.
    """
    chunks = select_chunks(connection, n)
    if not chunks or (not thin and len(chunks) <= 2):
        return
    try:
        rows = list(unpack(chunks))
    except ValueError:
        if thin:
            delete_curve(connection, n)
        return
    if thin:
        rows = thinned(rows)
    delete_curve(connection, n)
    first, _ = _ids(n)
    for i, start in enumerate(range(0, len(rows), CHUNK)):
        _insert(connection, first + i, rows[start : start + CHUNK], int(thin))


def delete_curve(connection: sqlite3.Connection, n: int) -> None:
    connection.execute("DELETE FROM curves WHERE id >= ? AND id < ?", _ids(n))


def oldest_curve(connection: sqlite3.Connection, grade: int | None, before: int) -> int | None:
    """The lowest test number below `before` with a curve (of this grade)."""
    where, values = ("", ()) if grade is None else ("AND grade = ?", (grade,))
    row = connection.execute(
        f"SELECT id FROM curves WHERE id < ? {where} ORDER BY id LIMIT 1",
        (before << _SHIFT, *values),
    ).fetchone()
    return int(row[0]) >> _SHIFT if row else None


def _insert(connection: sqlite3.Connection, id_: int, rows: Sequence[CurveRow], grade: int) -> None:
    connection.execute(
        "INSERT INTO curves (id, rows, grade, data) VALUES (?, ?, ?, ?)",
        (id_, len(rows), grade, encode_rows(rows)),
    )


def _ids(n: int) -> tuple[int, int]:
    """First id of test `n` and the one behind its last."""
    return n << _SHIFT, (n + 1) << _SHIFT
