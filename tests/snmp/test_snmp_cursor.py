"""Cursors: nothing lost, nothing told twice, whatever dies in between."""

from __future__ import annotations

import threading

from snmp_station import MemoryHistory, MemoryNumbers, make_snapshot

from btrmd.bus import RING, Bus
from btrmd.model.errors import BtrmError
from btrmd.model.events import Event, Kind
from btrmd.notify.cursor import SAVE_EVERY, Cursor


def event(n: int, key: str = "io1", kind: Kind = Kind.RAISE) -> Event:
    return Event(n, 1.0, 1.0, key, kind, True, None, "core", "Text.")


class Bench:
    """A bus and a history that are told of the same events."""

    def __init__(self) -> None:
        self.history = MemoryHistory()
        self.store = MemoryNumbers()
        self.bus = Bus(make_snapshot())

    def tell(self, *numbers: int) -> None:
        events = [event(n) for n in numbers]
        self.history.list += events
        self.bus.publish_events(events)

    def restart(self) -> None:
        """The history and the numbers stay, the ring of the bus is new."""
        self.bus = Bus(make_snapshot())

    def cursor(self, name: str = "mail") -> Cursor:
        return Cursor(name, self.bus, self.history, self.store)


def numbers(cursor: Cursor, limit: int = 200) -> list[int]:
    return [event.n for event in cursor.fetch(limit)]


def test_a_new_consumer_begins_behind_what_is_there() -> None:
    bench = Bench()
    bench.tell(1, 2, 3)
    cursor = bench.cursor()
    assert numbers(cursor) == []
    bench.tell(4)
    assert numbers(cursor) == [4]
    bench.restart()
    assert numbers(bench.cursor()) == [4], "killed before it told anybody: not lost"


def test_what_was_not_done_comes_again_after_a_restart_and_nothing_else() -> None:
    bench = Bench()
    cursor = bench.cursor()
    bench.tell(1, 2, 3)
    assert numbers(cursor) == [1, 2, 3]
    cursor.done(1, True)
    cursor.done(2, True)
    bench.restart()
    again = bench.cursor()
    assert numbers(again) == [3]
    bench.tell(4)
    assert numbers(again) == [3, 4]
    again.done(3, True)
    again.done(4, True)
    assert numbers(again) == []


def test_what_the_disk_refused_is_told_from_the_ring_in_its_place() -> None:
    """The history has 1..20 and 61.. again; what came between is in the ring alone."""
    bench = Bench()
    cursor = bench.cursor()
    bench.tell(*range(1, 21))
    bench.bus.publish_events([event(n) for n in range(21, 61)])  # the disk refuses
    bench.tell(*range(61, RING + 41))  # the ring begins at 41
    reported: list[int] = []
    while found := numbers(cursor, 10):
        reported += found
        for n in found:
            cursor.done(n, True)
    assert reported == [*range(1, 21), *range(41, RING + 41)], "21..40 are nowhere any more"


def test_a_recipient_that_is_gone_waits_for_nothing() -> None:
    bench = Bench()
    cursor = bench.cursor("mail x")
    bench.tell(1, 2)
    assert bench.bus.reported == {"mail x": 0}
    cursor.forget()
    assert bench.bus.reported == {}


def test_a_consumer_that_lags_behind_the_ring_reads_the_history() -> None:
    bench = Bench()
    cursor = bench.cursor()
    for n in range(1, RING + 301):
        bench.tell(n)
    seen: list[int] = []
    while batch := cursor.fetch(150):
        seen += [item.n for item in batch]
        cursor.done(batch[-1].n, False)
    assert seen == list(range(1, RING + 301))


def test_numbers_may_jump() -> None:
    bench = Bench()
    cursor = bench.cursor()
    bench.tell(1)
    cursor.done(1, True)
    bench.tell(900, 901)
    assert numbers(cursor) == [900, 901]


def test_a_new_database_does_not_silence_a_consumer() -> None:
    bench = Bench()
    bench.store = MemoryNumbers(mail=5000)
    cursor = bench.cursor()
    bench.tell(1, 2)
    assert numbers(cursor) == [1, 2]


def test_events_that_concern_nobody_are_seldom_saved() -> None:
    bench = Bench()
    cursor = bench.cursor()
    saves = bench.store.saves
    for n in range(1, SAVE_EVERY):
        cursor.done(n, False)
    assert bench.store.saves == saves
    cursor.close()
    assert bench.store.numbers["mail"] == SAVE_EVERY - 1


def test_a_disk_that_refuses_does_not_stop_the_telling() -> None:
    bench = Bench()
    cursor = bench.cursor()
    bench.tell(1, 2)

    def refuse(name: str, n: int) -> None:
        raise BtrmError("The disk is full.")

    bench.store.save = refuse  # type: ignore[method-assign]
    cursor.done(1, True)
    assert numbers(cursor) == [2]


def test_waiting_ends_with_an_event_or_with_the_bus() -> None:
    bench = Bench()
    cursor = bench.cursor()
    assert numbers(cursor) == []
    assert not cursor.wait(0.01)
    waited: list[bool] = []
    thread = threading.Thread(target=lambda: waited.append(cursor.wait(20.0)))
    thread.start()
    bench.tell(1)
    thread.join(5.0)
    assert waited == [True]
    cursor.done(1, True)
    thread = threading.Thread(target=lambda: waited.append(cursor.wait(20.0)))
    thread.start()
    bench.bus.close()
    thread.join(5.0)
    assert waited == [True, False]
