"""The table of tests and outages."""

from __future__ import annotations

import json
import sqlite3

from ..model.discharge import TestRecord

KEEP = 20_000  # one a day for 54 years
FINISHED = "finished"

_FIELDS = TestRecord._fields
_NAMES = ", ".join(_FIELDS)
_UPSERT = (
    f"INSERT INTO tests ({_NAMES}) VALUES ({', '.join('?' * len(_FIELDS))}) "
    f"ON CONFLICT(n) DO UPDATE SET {', '.join(f'{f}=excluded.{f}' for f in _FIELDS[1:])}"
)


def upsert_test(connection: sqlite3.Connection, record: TestRecord) -> None:
    """Store a record, or its newer form; whether it is cleared stays as it was."""
    connection.execute(_UPSERT, record._replace(marks=json.dumps(record.marks)))  # type: ignore[arg-type]


def select_tests(
    connection: sqlite3.Connection, include_cleared: bool, limit: int
) -> list[TestRecord]:
    """Newest first."""
    where = "" if include_cleared else "WHERE NOT cleared"
    rows = connection.execute(
        f"SELECT {_NAMES} FROM tests {where} ORDER BY n DESC LIMIT ?", (limit,)
    ).fetchall()
    return [_record(row) for row in rows]


def select_test(connection: sqlite3.Connection, n: int) -> TestRecord | None:
    row = connection.execute(f"SELECT {_NAMES} FROM tests WHERE n = ?", (n,)).fetchone()
    return _record(row) if row else None


def select_unfinished(connection: sqlite3.Connection) -> tuple[TestRecord, ...]:
    """The records that were still going on, newest first: a delayed test and an outage may both."""
    rows = connection.execute(
        f"SELECT {_NAMES} FROM tests WHERE state != ? ORDER BY n DESC", (FINISHED,)
    ).fetchall()
    return tuple(map(_record, rows))


def last_test(connection: sqlite3.Connection) -> int:
    """The highest number stored, 0 when there is none."""
    return int(connection.execute("SELECT max(n) FROM tests").fetchone()[0] or 0)


def clear_tests(connection: sqlite3.Connection, up_to: int) -> None:
    """A data reset (C21): finished tests up to this number are no longer listed, nothing is
    deleted. What still goes on will have its result."""
    connection.execute(
        "UPDATE tests SET cleared = 1 WHERE n <= ? AND NOT cleared AND state = ?",
        (up_to, FINISHED),
    )


def trim_tests(connection: sqlite3.Connection, keep: int) -> int:
    """Delete all but the newest `keep` with their curves; returns how many went."""
    row = connection.execute(
        "SELECT n FROM tests ORDER BY n DESC LIMIT 1 OFFSET ?", (keep,)
    ).fetchone()
    if row is None:
        return 0
    connection.execute("DELETE FROM curves WHERE id < ?", ((row[0] + 1) << 20,))
    return connection.execute("DELETE FROM tests WHERE n <= ?", row).rowcount


def _record(row: tuple[object, ...]) -> TestRecord:
    fields = dict(zip(_FIELDS, row, strict=True))
    fields["marks"] = tuple(json.loads(str(fields["marks"])))
    return TestRecord(**fields)  # type: ignore[arg-type]
