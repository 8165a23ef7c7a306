"""The table of events."""

from __future__ import annotations

import json
import math
import sqlite3
from collections.abc import Iterable
from typing import Any

from ..model.alarms import Severity, graded_keys
from ..model.events import EVERY_EVENT, LVD, Event, EventClass, EventFilter, Kind, at_least
from ..model.readings import Value
from . import chain

KEEP = 50_000  # R135 asks for 10 000
FLOOR = 10_000  # never below this when space is short
SHARE = {
    EventClass.ALARMS: 0.4,
    EventClass.PEOPLE: 0.3,
    EventClass.ACCESS: 0.1,
    EventClass.PROTOCOLS: 0.2,
}  # what each class has of the room whatever the others do; more as long as there is space
FIRST_TO_GO = (EventClass.PROTOCOLS, EventClass.ACCESS, EventClass.ALARMS, EventClass.PEOPLE)

_NAMES = ", ".join(Event._fields)

_MAX_TEXT = 400
_MAX_SOURCE = 120
_MAX_KEY = 100
_MAX_VALUE = 800


def trimmed(event: Event) -> Event:
    """The event with over-long texts cut, so that 10 000 of them are sure to find room."""
    if len(event.text) > _MAX_TEXT or len(event.source) > _MAX_SOURCE or len(event.key) > _MAX_KEY:
        return event._replace(
            key=event.key[:_MAX_KEY], source=event.source[:_MAX_SOURCE], text=event.text[:_MAX_TEXT]
        )
    return event


def insert_events(connection: sqlite3.Connection, events: Iterable[Event]) -> None:
    """Store events under their numbers, each tied to the one before it of its class; storing one
    twice (a repeat after a fault) is harmless."""
    heads = chain.load_heads(connection)
    newest = max((head.n for head in heads.values()), default=-1)
    rows, coming = [], set[int]()
    for event in events:
        row, kind = _row(event), event.event_class
        head = heads.get(kind)
        if event.n <= newest and (event.n in coming or _is_stored(connection, event.n)):
            continue
        coming.add(event.n)
        newest = max(newest, event.n)
        if head is not None and event.n <= head.n:
            link = None  # numbers went back: it stands beside the chain
        else:
            link = chain.link(b"" if head is None else head.link, row)
            heads[kind] = chain.ChainHead(event.n, link)
        rows.append((*row, kind.value, link))
    connection.executemany(
        f"INSERT INTO events ({_NAMES}, class, chain) VALUES (?,?,?,?,?,?,?,?,?,?,?,?)", rows
    )
    chain.store_heads(connection, heads)


def _is_stored(connection: sqlite3.Connection, n: int) -> bool:
    return connection.execute("SELECT 1 FROM events WHERE n = ?", (n,)).fetchone() is not None


def select_events(
    connection: sqlite3.Connection, after: int, limit: int, key: str | None
) -> list[Event]:
    """Events above `after` by rising number."""
    where, values = ("n > ? AND key = ?", (after, key)) if key else ("n > ?", (after,))
    rows = connection.execute(
        f"SELECT {_NAMES} FROM events WHERE {where} ORDER BY n LIMIT ?", (*values, limit)
    ).fetchall()
    return [_event(row) for row in rows]


def find_events(
    connection: sqlite3.Connection,
    before: int,
    limit: int,
    key: str,
    kind: str,
    chosen: EventFilter = EVERY_EVENT,
) -> list[Event]:
    """Events below `before` (0 = all) by falling number; a key means those below it too."""
    where, values = ["1"], list[object]()
    if before:
        where.append("n < ?")
        values.append(before)
    if key:
        # "/" follows "." in every collation of bytes, so this is "key." and whatever goes on.
        where.append("(key = ? OR (key >= ? AND key < ?))")
        values += [key, f"{key}.", f"{key}/"]
    if kind:
        where.append("kind = ?")
        values.append(kind)
    if chosen.start is not None:
        where.append("at >= ?")
        values.append(chosen.start)
    if chosen.end is not None:
        where.append("at < ?")
        values.append(chosen.end)
    if chosen.severity is not None:
        clause, keys = _of_severity(chosen.severity)
        where.append(clause)
        values += keys
    rows = connection.execute(
        f"SELECT {_NAMES} FROM events WHERE {' AND '.join(where)} ORDER BY n DESC LIMIT ?",
        (*values, limit),
    ).fetchall()
    return [_event(row) for row in rows]


def _of_severity(severity: Severity) -> tuple[str, list[object]]:
    """The condition for alarms of this severity and above, as EventFilter.fits has it."""
    keys = graded_keys(*at_least(severity))
    names = [key for key in keys if not key.endswith(".")]
    heads = [key for key in keys if key.endswith(".")]
    parts = [f"key IN ({','.join('?' * len(names))})", *("(key >= ? AND key < ?)" for _ in heads)]
    values = [*names, *(end for head in heads for end in (head, f"{head[:-1]}/"))]
    return f"(kind IN ('raise', 'clear') OR key = ?) AND ({' OR '.join(parts)})", [LVD, *values]


def last_event(connection: sqlite3.Connection) -> int:
    """The highest number stored, 0 when there is none."""
    return int(connection.execute("SELECT max(n) FROM events").fetchone()[0] or 0)


def trim_events(connection: sqlite3.Connection, keep: int) -> dict[EventClass, int]:
    """Delete the oldest until `keep` are left; returns how many went of which class.

    A class goes no further down than its share of `keep`, so that none pushes out another.
    """
    counts = {
        EventClass(number): count
        for number, count in connection.execute("SELECT class, count(*) FROM events GROUP BY class")
    }
    excess = sum(counts.values()) - keep
    gone = {}
    for kind in FIRST_TO_GO:
        beyond = counts.get(kind, 0) - int(SHARE[kind] * keep)
        number = min(excess, beyond)
        if number > 0:
            row = connection.execute(
                "SELECT n FROM events WHERE class = ? ORDER BY n LIMIT 1 OFFSET ?",
                (kind.value, number - 1),
            ).fetchone()
            gone[kind] = connection.execute(
                "DELETE FROM events WHERE class = ? AND n <= ?", (kind.value, row[0])
            ).rowcount
            excess -= number
    return gone


def encode_value(value: Value) -> str:
    """As JSON; a float that is no number is null."""
    if isinstance(value, float) and not math.isfinite(value):
        return "null"
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _MAX_VALUE else json.dumps(str(value)[: _MAX_VALUE // 2])


def decode_value(text: str) -> Value:
    """The value of `encode_value`; lists come back as tuples of texts."""
    value = json.loads(text)
    return tuple(value) if isinstance(value, list) else value


def _event(row: tuple[Any, ...]) -> Event:
    n, at, uptime, name, kind, value, level, source, text, tell = row
    return Event(
        n, at, uptime, name, Kind(kind), decode_value(value), level, source, text, bool(tell)
    )


def _row(event: Event) -> tuple[object, ...]:
    """The columns of `_NAMES`, as they are stored and as the chain sees them."""
    stored = event._asdict()
    stored.update(kind=event.kind.value, value=encode_value(event.value), notify=int(event.notify))
    return tuple(stored.values())
