"""What goes wrong with a disk: damage, no room, no permission; nothing crashes, alarms go out."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from store_bench import Station, a_curve, a_record, an_event, disk_limit, station

import btrmd.store.writer as writer_module
from btrmd.model.errors import BtrmError
from btrmd.model.events import Event
from btrmd.store.errors import refusal
from btrmd.store.history_db import HistoryDb
from btrmd.store.maintenance import Maintenance
from btrmd.store.schema import MIGRATIONS, TABLES, prepare
from btrmd.store.tests import select_test


def fill(folder: Path) -> None:
    """A history of some hundred pages, closed properly."""
    with station(folder) as unit:
        for n in range(1, 2001):
            unit.writer.commit(events=[an_event(n)])
        unit.writer.commit(test=a_record(1), curve=(1, a_curve(4000)), state={"a": 1}, finish=True)
        assert unit.writer.flush()


def overwrite(path: Path, offset: int, data: bytes) -> None:
    with path.open("r+b") as file:
        file.seek(offset)
        file.write(data)


def garble_middle(path: Path) -> None:
    for page in range(2, path.stat().st_size // 4096, 3):
        overwrite(path, page * 4096, os.urandom(600))


def drop_a_table(path: Path) -> None:
    connection = sqlite3.connect(path)
    connection.execute("DROP TABLE tests")
    connection.commit()
    connection.close()


def make_foreign(path: Path) -> None:
    path.unlink()
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE somebody (elses INTEGER)")
    connection.commit()
    connection.close()


def make_newer(path: Path) -> None:
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA user_version=99")
    connection.execute("UPDATE state SET value = '99' WHERE key = 'reader'")
    connection.commit()
    connection.close()


def make_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


DAMAGE: dict[str, Callable[[Path], None]] = {
    "text": lambda path: (
        path.write_text("not a database at all, but long enough to be one" * 99) and None
    ),
    "header": lambda path: overwrite(path, 0, b"\xff" * 100),
    "page size": lambda path: overwrite(path, 16, b"\0\x01"),
    "schema page": lambda path: overwrite(path, 100, os.urandom(2000)),
    "half": lambda path: os.truncate(path, path.stat().st_size // 2),
    "odd length": lambda path: os.truncate(path, 4096 * 3 + 17),
    "one page": lambda path: os.truncate(path, 4096),
    "zeroes": lambda path: path.write_bytes(b"\0" * 40960) and None,
    "garbled": garble_middle,
    "table": drop_a_table,
    "foreign": make_foreign,
    "newer": make_newer,
    "folder": make_folder,
}


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE)
def test_a_damaged_database_is_kept_aside_and_numbers_go_on(
    tmp_path: Path, damage: Callable[[Path], None]
) -> None:
    fill(tmp_path)
    damage(tmp_path / "history.db")
    before = tmp_path / "history.db"
    content = before.read_bytes() if before.is_file() else None
    with station(tmp_path) as unit:
        unit.history.database.is_suspect = True  # as a reader would find: look at every page now
        assert unit.writer.flush()
        assert unit.writer.commit(events=[an_event()], on_done=unit.answer)[0].n > 2000
        assert unit.wait_answers(1) == [None]
        unit.fold()  # the look comes before the next job
        faults = unit.history.database.faults
        assert len(faults) == 1, faults
        assert "history.db.corrupt-1" in faults[0]
        assert unit.recovered.last_test in (0, 1)
        kept = "history.db was damaged and is kept as history.db.corrupt-1"
        assert unit.history.database.lost == kept
        assert unit.recovered.lost in ("", kept)  # "": found while it ran
    aside = tmp_path / "history.db.corrupt-1"
    if content is None:
        assert aside.is_dir()
    elif "garbled" not in faults[0]:
        assert aside.read_bytes()[:100] == content[:100] or aside.stat().st_size >= len(content)
    with station(tmp_path) as unit:
        assert unit.recovered.last_event > 2000
        assert (unit.recovered.faults, unit.recovered.lost) == ((), "")


@pytest.mark.parametrize(
    ("is_there", "lost"), [(True, "history.db was empty"), (False, "history.db was missing")]
)
def test_a_history_that_is_not_there_any_more_is_lost(
    tmp_path: Path, is_there: bool, lost: str
) -> None:
    fill(tmp_path)
    for path in tmp_path.glob("history.db*"):
        path.unlink()
    if is_there:
        (tmp_path / "history.db").touch()
    with station(tmp_path) as unit:
        assert unit.recovered.lost == lost
        unit.writer.commit(events=[an_event(5000)])
        assert unit.writer.flush()
    with station(tmp_path) as unit:
        assert unit.recovered.lost == ""


@pytest.mark.parametrize("suffix", ["-wal", "-shm"])
def test_rubbish_beside_the_database_costs_nothing(tmp_path: Path, suffix: str) -> None:
    fill(tmp_path)
    (tmp_path / f"history.db{suffix}").write_bytes(os.urandom(50_000))
    with station(tmp_path) as unit:
        assert unit.recovered.faults == ()
        assert unit.recovered.last_event == 2000
        assert len(list(unit.history.curve(1))) == 4000


def test_an_empty_file_is_filled(tmp_path: Path) -> None:
    (tmp_path / "history.db").touch()
    with station(tmp_path) as unit:
        assert (unit.recovered.faults, unit.recovered.lost) == ((), "")
        unit.writer.commit(events=[an_event(1)])
        assert unit.writer.flush()


def test_damage_while_running_is_noticed_and_the_state_kept(tmp_path: Path) -> None:
    fill(tmp_path)
    with station(tmp_path) as unit:
        unit.writer.commit(state={"capacity": "low"})
        unit.fold()
    unit = Station(tmp_path)
    assert unit.recovered.state == {"capacity": "low"}
    unit.writer.commit(state={"capacity": "good"})
    assert unit.writer.flush()
    garble_middle(tmp_path / "history.db")
    unit.history.tests()
    unit.history.events(limit=10_000)  # a reader meets the damage
    list(unit.history.curve(1))
    assert unit.history.database.is_suspect
    unit.fold()
    assert len(unit.history.database.faults) == 1
    unit.writer.commit(events=[an_event(5000)])
    unit.stop()
    with station(tmp_path) as unit:
        assert unit.recovered.state == {"capacity": "good"}
        assert unit.recovered.last_event == 5000


def test_of_several_damaged_databases_the_largest_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "history.db"
    for size in (50_000, 90_000, 20_000):
        path.write_bytes(b"?" * size)
        with station(tmp_path):
            pass
    kept = [p for p in tmp_path.iterdir() if ".corrupt-" in p.name]
    assert [p.stat().st_size for p in kept] == [90_000]


def test_a_deleted_database_is_made_anew_while_running(tmp_path: Path) -> None:
    with station(tmp_path) as unit:
        unit.writer.commit(events=[an_event(1)])
        assert unit.writer.flush()
        for name in ("history.db", "history.db-wal", "history.db-shm"):
            (tmp_path / name).unlink()
        unit.writer.commit(events=[an_event(2)])
        assert unit.writer.flush()
        assert [e.n for e in unit.history.events()] == [2]
    with station(tmp_path) as unit:
        assert unit.recovered.last_event == 2


# --- the disk refuses ----------------------------------------------------------------------------


def test_a_disk_that_refuses_loses_nothing_and_alarms_go_out(tmp_path: Path) -> None:
    unit = Station(tmp_path)
    unit.writer.commit(events=[an_event(1)])
    assert unit.writer.flush()
    assert unit.writer.fault == ""
    with disk_limit(1024):
        unit.writer.commit(events=[an_event(2)], test=a_record(1), state={"a": 2}, finish=True)
        unit.writer.commit(on_done=unit.answer)
        answer = unit.wait_answers(1)[0]
        assert isinstance(answer, BtrmError)
        assert "history.db" in str(answer)
        assert unit.writer.fault == str(answer)
        assert not unit.writer.flush()
        assert [e.n for e in unit.published] == [1, 2]
        assert [e.n for e in unit.history.events()] == [1, 2]
        assert unit.history.tests() == [a_record(1)]
        unit.writer.run(lambda: None, unit.answer)  # files go on being written
        assert unit.wait_answers(2)[1] is None
    assert unit.writer.flush()
    assert unit.writer.fault == ""
    assert [e.n for e in unit.published] == [1, 2], "nothing is published twice"
    unit.stop()
    found = HistoryDb(tmp_path)
    assert found.recover().state == {"a": 2}
    assert found.tests() == [a_record(1)]
    found.close()


def test_it_tries_again_by_itself(
    tmp_path: Path, wait_until: Callable[[Callable[[], object]], None]
) -> None:
    unit = Station(tmp_path)
    assert unit.writer.flush()
    with disk_limit(1):
        unit.writer.commit(test=a_record(1))
        wait_until(lambda: unit.writer.fault)
    wait_until(lambda: not unit.writer.fault)
    assert unit.stop()
    found = HistoryDb(tmp_path)
    assert found.test(1) == a_record(1)
    found.close()


def test_a_start_without_room_for_a_database(tmp_path: Path) -> None:
    with disk_limit(100):
        unit = Station(tmp_path)
        assert "history.db" in unit.recovered.refusal
        assert unit.writer.fault == unit.recovered.refusal, "told before anything is written"
        assert unit.recovered.faults == (), "it ends with the first write that succeeds"
        unit.writer.commit(events=[an_event()])
        assert not unit.writer.flush()
        assert len(unit.published) == 1
        assert [e.n for e in unit.history.events()] == [1]
        assert unit.history.trends(0, 1e10).rows == []
    assert unit.writer.flush()
    assert unit.writer.fault == ""
    assert [e.n for e in unit.history.events()] == [1]
    assert unit.stop()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 300 KB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = shutil.which("mount")
    if os.geteuid() != 0 or mount is None:
        pytest.skip("only root can mount a small disk")
    made = subprocess.run(
        [mount, "-t", "tmpfs", "-o", "size=300k", "tmpfs", folder], capture_output=True
    )
    if made.returncode != 0:
        pytest.skip("this place lets nobody mount a small disk")
    yield folder
    subprocess.run(["umount", folder], check=True)


def test_a_full_disk_that_gets_room_again(small_disk: Path) -> None:
    unit = Station(small_disk)
    unit.writer.commit(events=[an_event(1)])
    assert unit.writer.flush()
    ballast = small_disk / "ballast"
    with ballast.open("wb", buffering=0) as file, suppress(OSError):
        while file.write(b"x" * 1024):
            pass
    unit.writer.commit(events=[an_event(n) for n in range(2, 1500)], curve=(1, a_curve(2000)))
    assert not unit.writer.flush()
    assert "full" in unit.writer.fault
    assert len(unit.published) == 1499
    ballast.unlink()
    assert unit.writer.flush()
    assert unit.writer.fault == ""
    assert unit.stop()
    history = HistoryDb(small_disk)
    assert history.recover().last_event == 1499
    assert len(list(history.curve(1))) == 2000
    history.close()


# --- programming errors and odd callers ----------------------------------------------------------


def test_a_record_that_cannot_be_stored_stops_nothing_else(tmp_path: Path) -> None:
    with station(tmp_path) as unit:
        bad = a_record(1)._replace(started_at={})  # type: ignore[arg-type]
        unit.writer.commit(test=bad, on_done=unit.answer)
        assert isinstance(unit.wait_answers(1)[0], BtrmError)
        unit.writer.commit(test=a_record(2), on_done=unit.answer)
        assert unit.wait_answers(2)[1] is None
        assert unit.history.tests() == [a_record(2)]


def test_callbacks_and_jobs_that_fail_do_not_end_the_writer(tmp_path: Path) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("a bug elsewhere")

    with station(tmp_path) as unit:
        unit.writer._publish = fail
        unit.writer.commit(events=[an_event(1)], on_done=fail)
        unit.writer.run(fail, unit.answer)
        assert isinstance(unit.wait_answers(1)[0], BtrmError)
        unit.writer.run(lambda: (tmp_path / "no" / "such").write_text(""), unit.answer)
        assert "No such file" in str(unit.wait_answers(2)[1])
        unit.writer.commit(events=[an_event(2)], on_done=unit.answer)
        assert unit.wait_answers(3)[2] is None


def test_jobs_run_in_order_and_settings_are_saved(tmp_path: Path) -> None:
    with station(tmp_path) as unit:
        file = unit.writer._settings_file
        assert file is not None
        settings = file.load().settings
        for n in range(20):
            unit.writer.save_settings(settings.with_changes({"site.name": f"s{n}"}), unit.answer)
        assert unit.wait_answers(20) == [None] * 20
        assert file.load().settings["site.name"] == "s19"
        with disk_limit(5):
            unit.writer.save_settings(settings, unit.answer)
            assert "settings.json" in str(unit.wait_answers(21)[20])
        assert file.load().settings["site.name"] == "s19"


def test_after_the_end_a_waiter_is_told(tmp_path: Path) -> None:
    unit = Station(tmp_path)
    assert unit.stop()
    unit.writer.commit(events=[an_event(1)], on_done=unit.answer)
    assert "stopping" in str(unit.wait_answers(1)[0])


def test_several_commits_can_be_made_one(tmp_path: Path) -> None:
    with station(tmp_path) as unit:
        stored: list[tuple[Event, ...]] = []
        plain = unit.history.pending.take

        def spy() -> object:
            work = plain()
            if work.events or work.tests:
                stored.append(work.events)
                assert work.tests
                assert work.state
            return work

        unit.history.pending.take = spy  # type: ignore[assignment,method-assign]
        for n in range(1, 30):
            with unit.writer.together():
                unit.writer.commit(test=a_record(n), finish=True)
                unit.writer.commit(events=[an_event(n)], state={"n": n})
        assert unit.writer.flush()
        assert [event.n for work in stored for event in work] == list(range(1, 30))


# --- the schema ----------------------------------------------------------------------------------


def test_an_older_database_is_brought_up_to_date(tmp_path: Path) -> None:
    connection = sqlite3.connect(tmp_path / "x.db", isolation_level=None)
    prepare(connection)
    connection.execute("INSERT INTO state VALUES ('core', '{}')")
    steps = (*MIGRATIONS, ("ALTER TABLE tests ADD COLUMN note TEXT", "CREATE TABLE extra (a)"))
    prepare(connection, steps)
    prepare(connection, steps)
    assert connection.execute("PRAGMA user_version").fetchone() == (len(MIGRATIONS) + 1,)
    assert connection.execute("SELECT count(note) FROM tests").fetchone() == (0,)
    assert connection.execute("SELECT value FROM state").fetchone() == ("{}",)
    connection.close()


def test_tests_of_the_first_release_are_kept_without_an_own_estimate(tmp_path: Path) -> None:
    connection = sqlite3.connect(tmp_path / "x.db", isolation_level=None)
    prepare(connection, MIGRATIONS[:1])
    connection.execute(
        "INSERT INTO tests (n, type, state, result, reason, source, started_at, estimate_s, marks)"
        " VALUES (7, '1', 'finished', 'good', 'It held.', 'web', 1.75e9, 9000.0, '[\"marginal\"]')"
    )
    prepare(connection)
    record = select_test(connection, 7)
    connection.close()
    assert record is not None
    assert (record.estimate_s, record.marks) == (9000.0, ("marginal",))
    assert record.own_estimate_s is record.own_low_s is record.own_high_s is None
    assert record.started_at_charge is None


def test_a_migration_that_fails_changes_nothing(tmp_path: Path) -> None:
    connection = sqlite3.connect(tmp_path / "x.db", isolation_level=None)
    prepare(connection)
    with pytest.raises(sqlite3.OperationalError):
        prepare(connection, (*MIGRATIONS, ("CREATE TABLE extra (a)", "CREATE NONSENSE")))
    assert connection.execute("PRAGMA user_version").fetchone() == (len(MIGRATIONS),)
    names = {row[0] for row in connection.execute("SELECT name FROM sqlite_master")}
    assert names >= TABLES
    assert "extra" not in names
    connection.close()


def test_a_full_and_a_read_only_disk_are_called_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SQLite says "disk I/O error" for the one and "unable to open" for the other."""
    error = sqlite3.OperationalError("disk I/O error")
    assert "disk I/O error" in str(refusal(tmp_path / "history.db", error))
    real = os.statvfs(tmp_path)

    def disk(bavail: int, flag: int) -> None:
        fields = [*real]
        fields[4], fields[8] = bavail, flag
        monkeypatch.setattr(os, "statvfs", lambda path: os.statvfs_result(fields))

    disk(0, 0)
    assert "the disk is full" in str(refusal(tmp_path / "history.db", error))
    disk(1 << 20, os.ST_RDONLY)
    assert "the disk is read-only" in str(refusal(tmp_path / "history.db", error))


def test_an_error_of_its_own_does_not_end_the_writer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Whatever a turn ends in, what comes after it is written; who waits for a flush gets it."""
    monkeypatch.setattr(writer_module, "AFTER_ERROR_S", 0.0)
    with station(tmp_path) as unit:
        errors = [OverflowError("34"), KeyError("x")]
        run = Maintenance.run

        def fail(maintenance: Maintenance) -> None:
            if errors:
                raise errors.pop()
            run(maintenance)

        monkeypatch.setattr(Maintenance, "run", fail)
        for n in (1, 2, 3):
            unit.writer.commit(events=[an_event(n)])
            assert unit.writer.flush()
        assert not errors
        assert caplog.text.count("the writer met an error of its own") == 2
    with station(tmp_path) as unit:
        assert [event.n for event in unit.history.events(0, 10)] == [1, 2, 3]
