"""What the tests of the store share: things to store, and a station's writer on a real folder."""

from __future__ import annotations

import math
import random
import resource
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from btrmd.model.discharge import CurveRow, TestRecord
from btrmd.model.errors import BtrmError
from btrmd.model.events import Event, Kind
from btrmd.store.history_db import HistoryDb, Recovered
from btrmd.store.settings_file import SettingsFile
from btrmd.store.writer import Writer

START = 1_700_000_000.0


def an_event(n: int = 0, kind: Kind = Kind.RAISE, key: str = "battery.low_voltage") -> Event:
    text = f"Event {n}: the battery is below 11.0 V."
    return Event(n, START + n, float(n), key, kind, 10.9, 11.0, "core", text)


def a_record(n: int, state: str = "finished", result: str = "good") -> TestRecord:
    return TestRecord(
        n, "1", state, result, "", "cli", START, START + 3600.0, 3600.0, 4.2, 21.5, 12.01,
        20000.0, 18000.0, 22000.0, 14400.0, ("marginal", "not_rested"),
    )  # fmt: skip


def a_curve(rows: int, seed: int = 1, every_s: float = 1.0) -> list[CurveRow]:
    """A discharge as the board sees it: a slope, noise, a temperature that is lost for a while."""
    dice = random.Random(seed)
    return [
        CurveRow(
            round(i * every_s, 3),
            round(12.7 - i / rows - 0.2 * math.exp(-i / 30) + dice.gauss(0, 0.004), 3),
            round(-4.2 + dice.gauss(0, 0.008), 3),
            None if 100 <= i < 110 else round(21.5 + i / rows, 2),
            round(4.1 + dice.gauss(0, 0.008), 3),
        )
        for i in range(rows)
    ]


class Station:
    """A history with its writer, and everything the writer has told."""

    def __init__(self, folder: Path) -> None:
        self.history = HistoryDb(folder)
        self.recovered: Recovered = self.history.recover()
        self.published: list[Event] = []
        self.answers: list[BtrmError | None] = []
        self.answered = threading.Condition()
        self.writer = Writer(
            self.history,
            self.published.extend,
            SettingsFile(folder),
            self.recovered.last_event,
            refusal=self.recovered.refusal,
        )
        self.writer.start()

    def answer(self, error: BtrmError | None) -> None:
        with self.answered:
            self.answers.append(error)
            self.answered.notify_all()

    def wait_answers(self, count: int) -> list[BtrmError | None]:
        with self.answered:
            assert self.answered.wait_for(lambda: len(self.answers) >= count, 10.0)
        return self.answers

    def fold(self) -> None:
        """On the writer's thread, after its maintenance: bring the log into the database file."""
        assert self.writer.flush()
        before = len(self.answers)
        self.writer.run(
            lambda: self.history.database.open().execute("PRAGMA wal_checkpoint(TRUNCATE)"),
            self.answer,
        )
        assert self.wait_answers(before + 1)[before] is None

    def stop(self) -> bool:
        is_whole = self.writer.close()
        self.history.close()
        return is_whole


@contextmanager
def station(folder: Path) -> Iterator[Station]:
    made = Station(folder)
    try:
        yield made
    finally:
        made.stop()


@contextmanager
def disk_limit(size: int) -> Iterator[None]:
    """No file of this process may grow beyond `size` bytes: the kernel refuses the write."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
