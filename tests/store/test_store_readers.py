"""Readers' connections are closed by name, none is left to the collector."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from btrmd.store.database import Database


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    found = Database(tmp_path / "x.db")
    found.open()
    yield found
    found.close()


def is_closed(connection: sqlite3.Connection) -> bool:
    try:
        connection.execute("SELECT 1")
    except sqlite3.ProgrammingError as error:
        return "closed" in str(error)
    return False


def reader_of_an_ended_thread(database: Database) -> sqlite3.Connection:
    found: list[sqlite3.Connection] = []
    thread = threading.Thread(target=lambda: found.append(database.reader()))
    thread.start()
    thread.join()
    return found[0]


def test_a_thread_keeps_its_reader_until_all_are_closed(database: Database) -> None:
    own = database.reader()
    assert database.reader() is own
    other = reader_of_an_ended_thread(database)
    assert not is_closed(own)
    database.close()
    assert is_closed(own)
    assert is_closed(other)


def test_the_next_reader_closes_those_of_ended_threads(database: Database) -> None:
    ended = reader_of_an_ended_thread(database)
    own = database.reader()
    assert is_closed(ended)
    assert not is_closed(own)


def test_a_reader_that_a_damaged_file_refuses_is_closed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[sqlite3.Connection] = []
    connect = sqlite3.connect

    def noted(*words: object, **named: object) -> sqlite3.Connection:
        made.append(connect(*words, **named))  # type: ignore[call-overload]
        return made[-1]

    monkeypatch.setattr(sqlite3, "connect", noted)
    path = tmp_path / "x.db"
    path.write_bytes(b"no database at all. " * 500)
    with pytest.raises(sqlite3.DatabaseError):
        Database(path).reader()
    assert [is_closed(connection) for connection in made] == [True]
