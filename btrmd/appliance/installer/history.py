"""The history over an update: a copy from before it, for the version before, should that return.

A newer btrmd may bring the tables of history.db up to date, and the older one then knows nothing of
them. So the history is copied before the update; when the update is rolled back and the database
does not say that the older version can use it, the copy comes back, with every row that was written
since put into it. To be run as the station's own user, because the folder is the station's.
"""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing, suppress
from pathlib import Path
from typing import Final
from urllib.parse import quote

from .durable import sync_file, sync_folder

NAME: Final = "history.db"
COPY: Final = "history.db.before-update"
NEWER: Final = "history.db.of-newer-version"
READER: Final = "reader"  # of the table state: the oldest version that can use the database
WAIT_S: Final = 30.0
# What is put into the copy of what was written since, by the first column of each table.
TABLES: Final = ("events", "event_heads", "tests", "curves", "trend_60", "trend_900", "trend_86400")


def keep(folder: Path) -> str:
    """Copy the history as it is now; "" when that is done, or there is none that can be read.

    Else why not, in words: there is no room for it.
    """
    source, copy = folder / NAME, folder / COPY
    new = folder / (COPY + ".new")
    for old in (new, folder / NEWER):
        _remove(old)
    if not source.is_file():
        _remove(copy)
        return ""
    try:
        with closing(_open(source)) as one, closing(sqlite3.connect(new)) as other:
            one.backup(other)
        os.chmod(new, 0o600)
        sync_file(new)
        new.replace(copy)
        sync_folder(folder)
    except sqlite3.DatabaseError as error:
        _remove(new)
        code = getattr(error, "sqlite_errorcode", None)
        if code is not None and code & 0xFF in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
            _remove(copy)  # the daemon puts it aside itself
            return ""
        return str(error)
    except OSError as error:
        _remove(new)
        return error.strerror or str(error)
    return ""


def is_too_new(folder: Path) -> bool:
    """True when the database cannot be used by the version that wrote the copy."""
    current, copy = folder / NAME, folder / COPY
    if not current.is_file() or not copy.is_file():
        return False
    try:
        with closing(_open(copy)) as one, closing(_open(current)) as other:
            known, version = _version(one), _version(other)
            return version > known and _reader(other, version) > known
    except sqlite3.Error:
        return False


def give_back(folder: Path) -> str:
    """Put the copy in the place of a database that is too new, with the rows written since; the
    newer one stays beside it until the next update. The station must be stopped.

    "" when that is done or there is nothing to do, else what went wrong.
    """
    if not is_too_new(folder):
        return ""
    current, copy, newer = folder / NAME, folder / COPY, folder / NEWER
    try:
        with closing(sqlite3.connect(current, timeout=WAIT_S, isolation_level=None)) as database:
            database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            database.execute("PRAGMA journal_mode=DELETE")  # no log may be left beside the next one
        with closing(sqlite3.connect(copy, timeout=WAIT_S, isolation_level=None)) as database:
            database.execute("PRAGMA journal_mode=DELETE")
            database.execute("ATTACH ? AS newer", (str(current),))
            database.execute("BEGIN IMMEDIATE")
            for table in TABLES:
                _merge(database, table)
            _merge(database, "state", "WHERE key = 'core'")
            database.execute("COMMIT")
        _remove(newer)
        os.link(current, newer)
        copy.replace(current)
        sync_folder(folder)
    except sqlite3.Error as error:
        return str(error)
    except OSError as error:
        return error.strerror or str(error)
    return ""


def _merge(database: sqlite3.Connection, table: str, which: str = "") -> None:
    """The rows of the newer table, in the columns both have; a row with the same key is renewed."""
    columns = [
        [row[1] for row in database.execute(f"PRAGMA {schema}.table_info({table})")]
        for schema in ("main", "newer")
    ]
    common = ", ".join(name for name in columns[0] if name in columns[1])
    if common:
        database.execute(
            f"INSERT OR REPLACE INTO main.{table} ({common}) "
            f"SELECT {common} FROM newer.{table} {which}"
        )


def _open(path: Path) -> sqlite3.Connection:
    # quote(), not Path.as_uri(): that imports its module when called, and whoever has given up its
    # rights may not be able to read it
    name = quote(str(path.absolute()))
    return sqlite3.connect(f"file://{name}?mode=ro", uri=True, timeout=WAIT_S)


def _version(database: sqlite3.Connection) -> int:
    return int(database.execute("PRAGMA user_version").fetchone()[0])


def _reader(database: sqlite3.Connection, version: int) -> int:
    try:
        row = database.execute("SELECT value FROM state WHERE key = ?", (READER,)).fetchone()
    except sqlite3.Error:
        return version
    text = str(row[0]) if row else ""
    return int(text) if text.isascii() and text.isdigit() else version


def _remove(path: Path) -> None:
    with suppress(FileNotFoundError):
        path.unlink()
