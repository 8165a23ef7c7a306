"""The event log under floods and under attack: room of one's own, what was lost, the chain."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from random import Random

import pytest
from store_bench import a_curve, a_record, an_event, station

from btrmd.model.errors import DataError
from btrmd.model.events import Event, EventClass, Kind
from btrmd.store import chain, events
from btrmd.store.events import FLOOR, insert_events, select_events, trim_events
from btrmd.store.schema import MIGRATIONS, ForeignDatabaseError, prepare
from btrmd.store.write_queue import MAX_EVENTS, WriteQueue

PLC, ADMIN = "modbus 10.0.0.5", "web admin 10.0.0.9"


def line(n: int, source: str = PLC, kind: Kind = Kind.COMMAND) -> Event:
    return an_event(n, kind)._replace(source=source)


def database(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, isolation_level=None)
    prepare(connection)
    connection.execute("PRAGMA synchronous=OFF")
    return connection


def counts(connection: sqlite3.Connection) -> dict[EventClass, int]:
    rows = connection.execute("SELECT class, count(*) FROM events GROUP BY class").fetchall()
    return {EventClass(number): count for number, count in rows}


# --- room of one's own ---------------------------------------------------------------------------


def test_protocols_push_out_nothing_but_protocols(tmp_path: Path) -> None:
    connection = database(tmp_path / "x.db")
    mine = [line(n, ADMIN) for n in range(1, 31)]
    alarms = [line(n, "core", Kind.RAISE) for n in range(31, 61)]
    insert_events(connection, [*mine, *alarms])
    for start in range(61, 2061, 100):
        insert_events(connection, [line(n) for n in range(start, start + 100)])
        trim_events(connection, 200)
    assert counts(connection) == {
        EventClass.ALARMS: 30, EventClass.PEOPLE: 30, EventClass.PROTOCOLS: 140
    }  # fmt: skip
    kept = select_events(connection, 0, 1000, None)
    assert [event.n for event in kept[:60]] == list(range(1, 61))
    assert kept[-1].n == 2060
    connection.close()


def test_a_class_uses_what_the_others_leave_and_gives_it_back(tmp_path: Path) -> None:
    connection = database(tmp_path / "x.db")
    insert_events(connection, [line(n) for n in range(1, 101)])
    assert trim_events(connection, 100) == {}
    insert_events(connection, [line(n, "core", Kind.RAISE) for n in range(101, 201)])
    gone = trim_events(connection, 100)
    assert gone == {EventClass.PROTOCOLS: 80, EventClass.ALARMS: 20}, "each down to its share"
    insert_events(connection, [line(n, ADMIN) for n in range(201, 221)])
    assert trim_events(connection, 100) == {EventClass.ALARMS: 20}
    connection.close()


def test_the_shares_are_the_whole_and_the_smallest_room_is_still_some() -> None:
    assert sum(events.SHARE.values()) == pytest.approx(1.0)
    assert all(int(share * FLOOR) >= 1_000 for share in events.SHARE.values())


# --- while the disk refuses ----------------------------------------------------------------------


def test_a_flood_that_waits_for_the_disk_costs_nobody_else_a_line() -> None:
    pending = WriteQueue()
    mine = [line(n, ADMIN) for n in range(1, 7)]
    pending.add_events(mine, False, 0.0)
    pending.add_events([line(n, "core", Kind.RAISE) for n in range(7, 10)], True, 0.0)
    many = MAX_EVENTS[EventClass.PROTOCOLS] + 500
    for n in range(10, 10 + many):
        pending.add_events([line(n)], False, 0.0)
    assert [event for event in pending.events.values() if event.source == ADMIN] == mine
    assert len(pending.events) == 9 + MAX_EVENTS[EventClass.PROTOCOLS]
    assert pending.losses.number == 500
    assert pending.losses.take() == (
        f"There was no room for 500 lines of the event log (protocols: 500 of {PLC})."
    )
    assert not pending.losses
    pending.remove(pending.take(), 1.0)
    pending.add_events([line(9999)], False, 2.0)
    assert not pending.losses, "what was stored gives its room back"


def test_losses_name_some_sources_and_count_all() -> None:
    pending, rng = WriteQueue(), Random(1)
    most = MAX_EVENTS[EventClass.ACCESS]
    for n in range(1, most + 2001):
        source = f"web x{rng.randrange(200)} 10.0.0.1"
        pending.add_events([line(n, source)._replace(key="web.login_refused")], False, 0.0)
    pending.add_minute(1, ())
    pending.losses.add("rows of discharge curves", 7)
    assert pending.losses.number == 2007
    text = pending.losses.take()
    assert text.startswith("There was no room for 2000 lines of the event log (refused logins: ")
    assert "of other sources, " in text
    assert "7 rows of discharge curves" in text
    assert len(text) < 400


def test_losses_are_told_once_when_the_disk_takes_things_again(tmp_path: Path) -> None:
    with station(tmp_path) as unit:
        unit.history.pending.losses.add("minutes of trends", 3)
        unit.writer._refusal = "The disk is full."
        assert unit.writer.take_losses() == (0, "")
        unit.writer._refusal = ""
        assert unit.writer.take_losses() == (3, "There was no room for 3 minutes of trends.")
        assert unit.writer.take_losses() == (0, "")


def test_what_is_dropped_of_age_is_told_with_its_class(tmp_path: Path) -> None:
    with station(tmp_path) as unit:
        for start in range(1, events.KEEP + 3_000, 1_000):
            unit.writer.commit(events=[line(n) for n in range(start, start + 1_000)])
            assert unit.writer.flush()
        number, text = unit.writer.take_losses()
    assert 1_000 <= number <= 3_000
    assert text == (
        f"There was no room for {number} of the oldest lines of the event log (protocols)."
    )


# --- the chain -----------------------------------------------------------------------------------


SOURCES = (PLC, ADMIN, "core", "dnp3 10.0.0.6", "web nobody 10.0.0.7")


def filled(path: Path, number: int = 200) -> sqlite3.Connection:
    connection, rng = database(path), Random(7)
    for start in range(1, number + 1, 10):
        insert_events(connection, [line(n, rng.choice(SOURCES)) for n in range(start, start + 10)])
    return connection


def faults(connection: sqlite3.Connection, *noted: chain.ChainHead) -> list[str]:
    return [found.fault for found in chain.verify(connection, noted) if found.fault]


def test_a_log_nobody_has_touched_holds_together(tmp_path: Path) -> None:
    connection = filled(tmp_path / "x.db")
    found = chain.verify(connection)
    assert not faults(connection)
    assert sum(part.lines for part in found) == 200
    heads = [part.head for part in found if part.head]
    assert faults(connection, *heads) == []
    trim_events(connection, 100)
    assert not faults(connection), "its oldest lines may go"
    insert_events(connection, [line(n) for n in range(201, 231)])
    assert not faults(connection, *heads[:1])
    connection.close()


@pytest.mark.parametrize("column", [*Event._fields, "class", "chain"])
def test_a_change_of_any_part_of_a_line_shows(tmp_path: Path, column: str) -> None:
    connection = filled(tmp_path / "x.db")
    changed = {
        "n": "1000 + n", "kind": "'clear'", "text": "text || ' '", "class": "(class + 1) % 4",
        "chain": "NULL", "value": "'11'", "source": "'web admin 10.0.0.66'", "key": "'x'",
    }.get(column, f"{column} + 1")  # fmt: skip
    connection.execute(f"UPDATE events SET {column} = {changed} WHERE n = 120")
    assert faults(connection)
    connection.close()


def test_a_line_taken_out_or_put_in_shows_wherever_it_is(tmp_path: Path) -> None:
    for n in (100, 101, 150, 199, 200):
        connection = filled(tmp_path / f"{n}.db")
        connection.execute("DELETE FROM events WHERE n = ?", (n,))
        assert len(faults(connection)) == 1
        connection.close()
    connection = filled(tmp_path / "x.db")
    connection.execute("DELETE FROM events WHERE n > 150")
    assert any("newest line should be" in fault for fault in faults(connection))
    connection.close()
    connection = filled(tmp_path / "y.db")
    connection.execute("INSERT INTO events SELECT 1000, at, uptime_s, key, kind, value, threshold, "
                       "source, text, notify, class, chain FROM events WHERE n = 50")  # fmt: skip
    assert faults(connection)
    connection.close()


def test_who_makes_the_whole_chain_anew_is_found_by_a_noted_head(tmp_path: Path) -> None:
    connection = filled(tmp_path / "x.db")
    noted = [part.head for part in chain.verify(connection) if part.head]
    kept = select_events(connection, 0, 1000, None)
    connection.execute("DELETE FROM events")
    connection.execute("DELETE FROM event_heads")
    insert_events(connection, [e._replace(text="Nothing.") if e.n == 20 else e for e in kept])
    assert not faults(connection)
    assert len(faults(connection, *noted)) == 1
    gone = chain.ChainHead(5000, bytes(16))
    assert "5000" in faults(connection, gone)[0]
    connection.close()


def test_a_repeat_after_a_fault_changes_neither_line_nor_chain(tmp_path: Path) -> None:
    connection = filled(tmp_path / "x.db")
    again = select_events(connection, 180, 1000, None)
    insert_events(connection, again)
    assert not faults(connection)
    assert connection.execute("SELECT count(*) FROM events").fetchone() == (200,)
    connection.close()


def test_a_number_that_is_taken_is_no_fault_whoever_has_it(tmp_path: Path) -> None:
    """Twice in one piece, and by a line of another class: what is stored stays as it was."""
    connection = filled(tmp_path / "x.db")
    first, last = select_events(connection, 198, 2, None)
    other = first._replace(n=201, source="modbus 192.0.2.9", kind=Kind.COMMAND)
    assert other.event_class is not last._replace(n=201, key="x", source="core").event_class
    insert_events(connection, [other, other, last._replace(n=201, key="x", source="core")])
    insert_events(connection, [last._replace(n=201, key="x", source="core")])
    assert select_events(connection, 198, 9, None) == [first, last, other]
    assert not faults(connection)
    connection.close()


@pytest.mark.parametrize("text", ["", "12", "0:" + "00" * 16, "12:zz", "12:00", "x:" + "00" * 16])
def test_a_noted_head_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(DataError, match="is no head of a chain: allowed is N:LINK"):
        chain.parse_head(text)
    head = chain.ChainHead(12, bytes(range(16)))
    assert chain.parse_head(str(head)) == head


# --- older and newer databases -------------------------------------------------------------------


def test_lines_of_before_get_their_class_and_stand_before_the_chain(tmp_path: Path) -> None:
    connection = sqlite3.connect(tmp_path / "x.db", isolation_level=None)
    prepare(connection, MIGRATIONS[:2])
    old = [
        *(line(n, source) for n, source in enumerate(SOURCES, 1)),
        line(6, "cli root"),
        line(7, "core", Kind.RAISE),
        line(8, "snmp ::1", Kind.CHANGE)._replace(value="aborted", key="test.result"),
        line(9, "snmp ::1", Kind.CHANGE)._replace(value="low", key="test.result"),
        line(10, "nutty 1"),
    ]
    for event in old:
        connection.execute("INSERT INTO events VALUES (?,?,?,?,?,?,?,?,?,?)", events._row(event))
    prepare(connection)
    found = dict(connection.execute("SELECT n, class FROM events").fetchall())
    assert found == {event.n: event.event_class.value for event in old}
    insert_events(connection, [line(11), line(12)])
    verified = {part.event_class: part for part in chain.verify(connection)}
    assert not faults(connection)
    assert (verified[EventClass.PROTOCOLS].lines, verified[EventClass.PROTOCOLS].before) == (2, 3)
    assert select_events(connection, 0, 100, None)[: len(old)] == old
    connection.close()


ADDED = (
    "ALTER TABLE events ADD COLUMN more TEXT",
    "ALTER TABLE tests ADD COLUMN more TEXT",
    "ALTER TABLE event_heads ADD COLUMN more TEXT",
    "ALTER TABLE curves ADD COLUMN more TEXT",
    "ALTER TABLE trend_60 ADD COLUMN more TEXT",
    "ALTER TABLE trend_900 ADD COLUMN more TEXT",
    "ALTER TABLE trend_86400 ADD COLUMN more TEXT",
    "ALTER TABLE state ADD COLUMN more TEXT",
    "CREATE TABLE extra (a)",
)


def test_a_newer_database_that_says_so_is_used_after_going_back(tmp_path: Path) -> None:
    """An update that only added to the tables is rolled back: the history goes on."""
    connection = sqlite3.connect(tmp_path / "history.db", isolation_level=None)
    prepare(connection, (*MIGRATIONS, ADDED), 3)
    insert_events(connection, [line(1)])
    connection.close()
    with station(tmp_path) as unit:
        assert unit.history.database.faults == ()
        assert [event.n for event in unit.history.events()] == [1]
        unit.writer.commit(test=a_record(5), events=[line(2)], state={"a": 1}, finish=True)
        unit.writer.commit(curve=(5, a_curve(100)))
        unit.writer.trend(0, {"battery.voltage": 12.5})
        unit.writer.trend(90_000, {"battery.voltage": 12.5})
        assert unit.writer.flush()
        assert not unit.writer.fault
        version = unit.history.database.reader().execute("PRAGMA user_version").fetchone()
        assert version == (len(MIGRATIONS) + 1,)


def test_a_newer_database_that_does_not_is_kept_aside_whole(tmp_path: Path) -> None:
    connection = sqlite3.connect(tmp_path / "x.db", isolation_level=None)
    newer = (*MIGRATIONS, ("CREATE TABLE extra (a)",))
    prepare(connection, newer, len(newer))
    with pytest.raises(
        ForeignDatabaseError,
        match=f"its version is {len(MIGRATIONS) + 1}, this btrmd knows 1 to {len(MIGRATIONS)}",
    ):
        prepare(connection)
    for word in ("", "x", "-1", str(len(newer))):
        connection.execute("UPDATE state SET value = ? WHERE key = 'reader'", (word,))
        with pytest.raises(ForeignDatabaseError):
            prepare(connection)
    connection.close()
