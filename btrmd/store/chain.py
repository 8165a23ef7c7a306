"""The chain of events: each line is tied to the one before it of its class.

So a line that was changed or taken out afterwards shows (`btrmd events verify`). The link of a line
is the SHA-256 of the link before and of what the line says, cut to 16 bytes. A class has a chain of
its own because only its oldest lines are ever dropped. Whoever can write the file can also make new
links: a head that was noted elsewhere is what tells of that.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from ..model.errors import DataError
from ..model.events import Event, EventClass

LINK_BYTES: Final = 16
_NAMES: Final = ", ".join(Event._fields)


class ChainHead(NamedTuple):
    """The newest line of a class and its link."""

    n: int
    link: bytes

    def __str__(self) -> str:
        return f"{self.n}:{self.link.hex()}"


class Verified(NamedTuple):
    """Of one class: `lines` that hold together, the oldest of them `first`; `before` lines were
    stored before there was a chain. `fault`: a sentence, "" = none."""

    event_class: EventClass
    lines: int
    before: int
    first: int
    head: ChainHead | None
    fault: str


def link(before: bytes, row: Sequence[object]) -> bytes:
    """The link of a line, from that before it (empty for the first) and its columns as stored."""
    document = json.dumps(row, ensure_ascii=True, separators=(",", ":"), default=repr).encode()
    return hashlib.sha256(before + document).digest()[:LINK_BYTES]


def load_heads(connection: sqlite3.Connection) -> dict[EventClass, ChainHead]:
    rows = connection.execute("SELECT class, n, chain FROM event_heads").fetchall()
    return {EventClass(number): ChainHead(n, bytes(found)) for number, n, found in rows}


def store_heads(connection: sqlite3.Connection, heads: Mapping[EventClass, ChainHead]) -> None:
    connection.executemany(
        "INSERT OR REPLACE INTO event_heads (class, n, chain) VALUES (?,?,?)",
        [(kind.value, head.n, head.link) for kind, head in heads.items()],
    )


def parse_head(text: str) -> ChainHead:
    """A noted head, "N:LINK". Raises DataError."""
    number, _, found = text.partition(":")
    try:
        head = ChainHead(int(number), bytes.fromhex(found))
    except ValueError:
        head = ChainHead(0, b"")
    if head.n < 1 or len(head.link) != LINK_BYTES:
        raise DataError(
            f"{text!r} is no head of a chain: allowed is N:LINK as `btrmd events verify` tells it, "
            f"LINK with {2 * LINK_BYTES} hexadecimal digits."
        )
    return head


def verify(connection: sqlite3.Connection, noted: Sequence[ChainHead] = ()) -> list[Verified]:
    """Look through every class. `noted`: heads of earlier times, which must stand there still.

    Reads in one go, within a transaction of the caller's. Raises sqlite3.Error.
    """
    heads = load_heads(connection)
    found = [_verify(connection, kind, heads.get(kind)) for kind in EventClass]
    for head in noted:
        row = connection.execute(
            "SELECT class, chain FROM events WHERE n = ?", (head.n,)
        ).fetchone()
        if row is None or row[1] != head.link:
            text = (
                f"Line {head.n} is not what it was when {head} was noted."
                if row
                else f"Line {head.n}, noted as {head}, is not in the log any more."
            )
            place = EventClass(row[0]).value if row else EventClass.ALARMS.value
            found[place] = found[place]._replace(fault=found[place].fault or text)
    return found


def _verify(connection: sqlite3.Connection, kind: EventClass, head: ChainHead | None) -> Verified:
    lines = before = first = 0
    fault = ""
    last: ChainHead | None = None
    for *row, found in connection.execute(
        f"SELECT {_NAMES}, chain FROM events WHERE class = ? ORDER BY n", (kind.value,)
    ):
        n = int(row[0])
        if found is None:
            if last is None:
                before += 1
                continue
            fault = f"Line {n} has no link, though lines before it have one."
            break
        # The oldest line's own link is taken as given: what was before it has been dropped.
        if last is not None and link(last.link, row) != found:
            fault = f"Line {n} is not what was stored, or a line between {last.n} and it is gone."
            break
        last = ChainHead(n, bytes(found))
        first = first or n
        lines += 1
    if not fault and last != head:
        fault = (
            f"The newest line should be {head.n}; {f'it is {last.n}' if last else 'there is none'}."
            if head
            else "There are lines, but nothing is known of the newest."
        )
    return Verified(kind, lines, before, first, last, fault)
