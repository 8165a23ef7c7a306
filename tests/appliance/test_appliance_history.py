"""The history over an update that is rolled back: a copy, and what was written since."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from btrmd.appliance.installer import history
from btrmd.model.discharge import TestRecord
from btrmd.model.events import Event, Kind
from btrmd.store import chain
from btrmd.store.history_db import HistoryDb
from btrmd.store.schema import MIGRATIONS, prepare
from btrmd.store.writer import Writer

AT = 1_790_000_000.0
CHANGED = (
    "ALTER TABLE events ADD COLUMN place TEXT",
    "ALTER TABLE tests ADD COLUMN place TEXT NOT NULL DEFAULT 'here'",
    "CREATE TABLE places (a)",
)
NEWER = (*MIGRATIONS, CHANGED)


@contextmanager
def station(folder: Path) -> Iterator[Writer]:
    """A history at work, as this version of btrmd has it."""
    kept = HistoryDb(folder)
    kept.recover()
    writer = Writer(kept, lambda events: None)
    writer.start()
    try:
        yield writer
        assert writer.flush()
    finally:
        writer.close()
        kept.close()
    assert kept.database.faults == ()


def line(n: int) -> Event:
    return Event(n, AT + n, 1.0, "io1.config", Kind.COMMAND, n, None, "cli root", f"Line {n}.")


def record(n: int, state: str) -> TestRecord:
    return TestRecord(n, "1", state, "good", "", "cli", AT, AT, 1.0, 1.0, 20.0, 12.0,
                      1.0, 1.0, 1.0, 1.0, ())  # fmt: skip


def before(folder: Path) -> None:
    with station(folder) as writer:
        writer.commit(events=[line(n) for n in range(1, 11)], state={"next_n": 3})
        writer.commit(test=record(1, "finished"), finish=True)
        writer.commit(test=record(2, "running"))
        writer.trend(60, {"battery.voltage": 13.5})


def newer_at_work(folder: Path, readable_from: int) -> None:
    """The version after this one has its time with the history."""
    with closing(sqlite3.connect(folder / "history.db", isolation_level=None)) as database:
        prepare(database, NEWER, readable_from)
        database.execute("UPDATE events SET text = 'Line 10, again.' WHERE n = 10")
        database.execute(
            "INSERT INTO events (n, at, uptime_s, key, kind, value, source, text, notify, class, "
            "chain, place) VALUES (11, 1.79e9, 2.0, 'x', 'change', '1', 'core', 'Line 11.', 0, 0, "
            "x'00', 'there')"
        )
        database.execute("UPDATE tests SET state = 'finished', result = 'low' WHERE n = 2")
        database.execute("UPDATE state SET value = '{\"next_n\":4}' WHERE key = 'core'")
        database.execute("INSERT INTO trend_60 (t, battery_voltage) VALUES (120, 13400)")


def test_the_copy_comes_back_with_what_was_written_since(tmp_path: Path) -> None:
    before(tmp_path)
    assert history.keep(tmp_path) == ""
    assert not history.is_too_new(tmp_path)
    newer_at_work(tmp_path, len(NEWER))
    assert history.is_too_new(tmp_path)
    assert history.give_back(tmp_path) == ""
    assert not history.is_too_new(tmp_path)
    with station(tmp_path) as writer:
        kept = writer._history
        assert kept.recover().state == {"next_n": 4}
        assert [event.text for event in kept.events()] == [
            *(f"Line {n}." for n in range(1, 10)), "Line 10, again.", "Line 11."
        ]  # fmt: skip
        assert [(t.n, t.state, t.result) for t in kept.tests()] == [
            (2, "finished", "low"), (1, "finished", "good")
        ]  # fmt: skip
        assert len(kept.trends(0, 200, ["battery.voltage"]).rows) == 2
    assert sorted(path.name for path in tmp_path.glob("history.db*")) == [
        "history.db", "history.db.of-newer-version"
    ]  # fmt: skip
    with closing(sqlite3.connect(tmp_path / "history.db.of-newer-version")) as database:
        assert database.execute("SELECT place FROM events WHERE n = 11").fetchone() == ("there",)
    assert history.give_back(tmp_path) == "", "once more changes nothing"
    assert history.keep(tmp_path) == ""
    assert not (tmp_path / "history.db.of-newer-version").exists(), "kept until the next update"


def test_one_that_only_added_to_the_tables_stays_as_it_is(tmp_path: Path) -> None:
    before(tmp_path)
    history.keep(tmp_path)
    newer_at_work(tmp_path, 3)
    assert not history.is_too_new(tmp_path)
    assert history.give_back(tmp_path) == ""
    with closing(sqlite3.connect(tmp_path / "history.db")) as database:
        assert database.execute("SELECT place FROM events WHERE n = 11").fetchone() == ("there",)
    with station(tmp_path) as writer:
        assert writer._history.last_event() == 11


def test_a_database_of_before_it_could_say_anything_is_given_back_too(tmp_path: Path) -> None:
    """0.1.0 knew one set of tables and wrote no word on who can use them."""
    with closing(sqlite3.connect(tmp_path / "history.db", isolation_level=None)) as database:
        prepare(database, MIGRATIONS[:1], 1)
        database.execute("DELETE FROM state WHERE key = 'reader'")
        database.execute(
            "INSERT INTO events VALUES (1, 1.0, 1.0, 'x', 'change', '1', NULL, 'core', 'Old.', 0)"
        )
    assert history.keep(tmp_path) == ""
    with station(tmp_path) as writer:
        writer.commit(events=[line(2)])
    assert history.give_back(tmp_path) == ""
    with closing(sqlite3.connect(tmp_path / "history.db")) as database:
        assert database.execute("PRAGMA user_version").fetchone() == (1,)
        rows = database.execute("SELECT * FROM events ORDER BY n").fetchall()
    assert [(row[0], row[8]) for row in rows] == [(1, "Old."), (2, "Line 2.")]
    assert {len(row) for row in rows} == {10}


def test_the_copy_is_made_beside_a_daemon_at_work(tmp_path: Path) -> None:
    with station(tmp_path) as writer:
        writer.commit(events=[line(n) for n in range(1, 101)])
        assert writer.flush()
        assert history.keep(tmp_path) == ""
        writer.commit(events=[line(101)])
    with closing(sqlite3.connect(tmp_path / history.COPY)) as database:
        assert database.execute("SELECT count(*) FROM events").fetchone() == (100,)
        assert not [part.fault for part in chain.verify(database) if part.fault]
    assert (tmp_path / history.COPY).stat().st_mode & 0o777 == 0o600


def test_what_cannot_be_copied(tmp_path: Path) -> None:
    assert history.keep(tmp_path) == "", "there is none"
    (tmp_path / "history.db").write_bytes(b"nonsense" * 1000)
    assert history.keep(tmp_path) == "", "the daemon puts it aside itself"
    assert not (tmp_path / history.COPY).exists()
    assert not history.is_too_new(tmp_path)
    (tmp_path / "history.db").unlink()
    before(tmp_path)
    (tmp_path / (history.COPY + ".new")).mkdir()
    with pytest.raises(OSError, match="directory"):
        history.keep(tmp_path)


@pytest.mark.skipif(os.getuid() != 0, reason="only root can be refused by nothing but the disk")
def test_a_disk_without_room_refuses_the_update(tmp_path: Path) -> None:
    import resource

    before(tmp_path)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, limits[1]))
    try:
        assert history.keep(tmp_path) != ""
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert not (tmp_path / history.COPY).exists()
    assert not (tmp_path / (history.COPY + ".new")).exists()
