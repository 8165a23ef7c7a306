"""The table of curves: chunks of packed rows, a test's number and a chunk number in their id."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence

from ..model.discharge import CurveRow
from .curve_codec import decode_rows, encode_rows, thinned

CHUNK = 1800  # rows a chunk once a test is over: packs best, and little memory to read

_SHIFT = 20


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
