"""`btrmd events verify`: on a real history, beside a running writer, after somebody was at it."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from btrmd.model.events import Event, Kind
from btrmd.store.history_db import HistoryDb
from btrmd.store.schema import MIGRATIONS, prepare
from btrmd.store.writer import Writer

if TYPE_CHECKING:
    from conftest import Run


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """A state folder whose history is open, as beside a running daemon."""
    history = HistoryDb(tmp_path)
    history.recover()
    writer = Writer(history, lambda events: None)
    writer.start()
    for n in range(20):
        source = "modbus 10.0.0.5" if n % 2 else "web admin 10.0.0.9"
        event = Event(
            0, 1.79e9, 1.0, "io1.config", Kind.COMMAND, n, None, source, "Changed.", False
        )
        writer.commit(events=[event])
    assert writer.flush()
    yield tmp_path
    writer.close()
    history.close()


def test_a_log_that_holds_together(run: Run, folder: Path) -> None:
    result = run("events", "verify", "--state-dir", folder)
    assert result.code == 0, result.err
    assert "people: 10 lines from 1 on, head 19:" in result.out
    assert "protocols: 10 lines from 2 on, head 20:" in result.out
    assert "alarms: no lines" in result.out
    heads = [line.rpartition("head ")[2] for line in result.out.splitlines() if "head" in line]
    words = [word for head in heads for word in ("--expect", head)]
    assert run("events", "verify", *words, "--state-dir", folder).code == 0


def test_a_changed_line_is_named(run: Run, folder: Path) -> None:
    connection = sqlite3.connect(folder / "history.db")
    connection.execute("UPDATE events SET text = 'Nothing.' WHERE n = 7")
    connection.commit()
    connection.close()
    result = run("events", "verify", "--json", "--state-dir", folder)
    assert result.code == 1
    assert result.err == (
        "btrmd: Line 7 is not what was stored, or a line between 5 and it is gone.\n"
    )
    classes = {part["class"]: part for part in json.loads(result.out)["classes"]}
    assert classes["people"]["fault"]
    assert classes["protocols"]["fault"] is None


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (("--expect", "7"), "'7' is no head of a chain: allowed is N:LINK"),
        (("--expect", "7:" + "00" * 16), "Line 7 is not what it was when 7:0000"),
    ],
)
def test_a_noted_head_that_does_not_fit(
    run: Run, folder: Path, words: tuple[str, ...], text: str
) -> None:
    result = run("events", "verify", *words, "--state-dir", folder)
    assert result.code == 1
    assert text in result.err


def test_where_there_is_nothing_to_verify(run: Run, tmp_path: Path) -> None:
    result = run("events", "verify", "--state-dir", tmp_path)
    assert (result.code, result.err.count("\n")) == (1, 1)
    assert "There is no " in result.err
    connection = sqlite3.connect(tmp_path / "history.db", isolation_level=None)
    prepare(connection, MIGRATIONS[:2])
    connection.close()
    result = run("events", "verify", "--state-dir", tmp_path)
    assert (result.code, result.err.count("\n")) == (1, 1)
    assert "did not tie its lines" in result.err
    (tmp_path / "history.db").write_bytes(b"x" * 10_000)
    result = run("events", "verify", "--state-dir", tmp_path)
    assert (result.code, result.err.count("\n")) == (1, 1)
    assert "cannot be read" in result.err
    assert run("events").code == 2
