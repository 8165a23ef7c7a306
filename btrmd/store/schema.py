"""The tables of history.db and the numbered steps that lead to them."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

from .trends import COLUMNS, TIERS

APPLICATION_ID = 0x42545244  # "BTRD": a database of somebody else is not touched
PAGE_BYTES = 4096

_BLOCK_COLUMNS = tuple(f"battery_block{n}_voltage" for n in range(1, 5))  # added later
_TREND_COLUMNS = ", ".join(
    f"{column} INTEGER" for column in COLUMNS if column not in _BLOCK_COLUMNS
)

MIGRATIONS: tuple[tuple[str, ...], ...] = (
    (
        """CREATE TABLE events (
            n INTEGER PRIMARY KEY, at REAL NOT NULL, uptime_s REAL NOT NULL, key TEXT NOT NULL,
            kind TEXT NOT NULL, value TEXT NOT NULL, threshold REAL, source TEXT NOT NULL,
            text TEXT NOT NULL, notify INTEGER NOT NULL)""",
        """CREATE TABLE tests (
            n INTEGER PRIMARY KEY, type TEXT NOT NULL, state TEXT NOT NULL, result TEXT NOT NULL,
            reason TEXT NOT NULL, source TEXT NOT NULL, started_at REAL NOT NULL, ended_at REAL,
            duration_s REAL, average_current REAL, average_temperature REAL, end_voltage REAL,
            estimate_s REAL, estimate_low_s REAL, estimate_high_s REAL, minimum_runtime_s REAL,
            marks TEXT NOT NULL, cleared INTEGER NOT NULL DEFAULT 0)""",
        # id = test number << 20 | chunk; grade 0 = all rows, 1 = thinned
        """CREATE TABLE curves (
            id INTEGER PRIMARY KEY, rows INTEGER NOT NULL, grade INTEGER NOT NULL,
            data BLOB NOT NULL)""",
        *(f"CREATE TABLE trend_{tier} (t INTEGER PRIMARY KEY, {_TREND_COLUMNS})" for tier in TIERS),
        "CREATE TABLE state (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID",
    ),
    (
        # Discharges stored before had only what was told, with their history in it: it is nobody's
        # own evidence, so the new columns stay empty for them.
        "ALTER TABLE tests ADD COLUMN own_estimate_s REAL",
        "ALTER TABLE tests ADD COLUMN own_low_s REAL",
        "ALTER TABLE tests ADD COLUMN own_high_s REAL",
        "ALTER TABLE tests ADD COLUMN started_at_charge REAL",
    ),
    (
        # whose room a line takes (model/events.EventClass), and its link to the line before
        "ALTER TABLE events ADD COLUMN class INTEGER NOT NULL DEFAULT 0",
        "ALTER TABLE events ADD COLUMN chain BLOB",
        "UPDATE events SET class = 1 WHERE kind = 'command' AND substr(source, 1, 4) IN "
        "('web ', 'cli ')",
        "UPDATE events SET class = 3 WHERE (kind = 'command' OR value = '\"aborted\"') AND "
        "substr(source, 1, instr(source || ' ', ' ') - 1) IN ('modbus', 'dnp3', 'snmp', 'nut')",
        "UPDATE events SET class = 2 WHERE substr(source, 1, 11) = 'web nobody '",
        "CREATE TABLE event_heads (class INTEGER PRIMARY KEY, n INTEGER NOT NULL, "
        "chain BLOB NOT NULL)",
    ),
    # the voltage of each block, where taps are wired
    tuple(
        f"ALTER TABLE trend_{tier} ADD COLUMN {column} INTEGER"
        for tier in TIERS
        for column in _BLOCK_COLUMNS
    ),
)
"""Step i leads from user_version i to i + 1. Released steps are never changed."""

READABLE_FROM = 3
"""The oldest version whose btrmd can read and write the tables as they are after the last step.

It is stored in the database, so that an update that is rolled back does not lock out its history:
an older btrmd goes on with a newer database that says so. A step that only adds tables, or columns
that may be left out, leaves this number as it is; any other raises it to the step's own version.
Every statement names its columns for that reason.
"""

READER = "reader"  # the key in the table of state under which it is stored

FIRST_TABLES = frozenset(
    {"events", "tests", "curves", "state"} | {f"trend_{tier}" for tier in TIERS}
)
TABLES = FIRST_TABLES | {"event_heads"}


class ForeignDatabaseError(ValueError):
    """The file is a sound SQLite database, but not one this btrmd can use."""


def prepare(
    connection: sqlite3.Connection,
    migrations: Sequence[Sequence[str]] = MIGRATIONS,
    readable_from: int = READABLE_FROM,
) -> None:
    """Bring an empty or older database to the present tables; one of a newer btrmd stays as it is
    where it says that this one can use it.

    Raises ForeignDatabaseError when it is of another program or a btrmd too new, or lacks a table;
    sqlite3.Error when file or disk is bad.
    """
    version = _pragma(connection, "user_version")
    present = _tables(connection)
    if version == 0 and not present:
        connection.execute(f"PRAGMA page_size={PAGE_BYTES}")
    elif _pragma(connection, "application_id") != APPLICATION_ID:
        raise ForeignDatabaseError("it belongs to another program")
    elif version > len(migrations) and _reader(connection, version) > len(migrations):
        raise ForeignDatabaseError(
            f"its version is {version}, this btrmd knows 1 to {len(migrations)}"
        )
    elif FIRST_TABLES - present:
        raise ForeignDatabaseError(f"the table {min(FIRST_TABLES - present)} is missing")
    connection.execute("PRAGMA journal_mode=WAL")
    for number in range(version, len(migrations)):
        connection.execute("BEGIN IMMEDIATE")
        try:
            for statement in migrations[number]:
                connection.execute(statement)
            connection.execute(f"PRAGMA application_id={APPLICATION_ID}")
            connection.execute(f"PRAGMA user_version={number + 1}")
            if number + 1 == len(migrations):
                connection.execute(
                    "INSERT OR REPLACE INTO state (key, value) VALUES (?, ?)",
                    (READER, str(readable_from)),
                )
            connection.execute("COMMIT")
        except sqlite3.Error:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise
    missing = TABLES - _tables(connection)
    if missing and len(migrations) >= len(MIGRATIONS):
        raise ForeignDatabaseError(f"the table {min(missing)} is missing")


def _tables(connection: sqlite3.Connection) -> set[str]:
    rows = connection.execute("SELECT name FROM sqlite_master WHERE type='table'").fetchall()
    return {row[0] for row in rows}


def _reader(connection: sqlite3.Connection, version: int) -> int:
    """The oldest version that can use the database; its own where it does not say."""
    row = connection.execute("SELECT value FROM state WHERE key = ?", (READER,)).fetchone()
    text = str(row[0]) if row else ""
    return int(text) if text.isascii() and text.isdigit() else version


def _pragma(connection: sqlite3.Connection, name: str) -> int:
    return int(connection.execute(f"PRAGMA {name}").fetchone()[0])
