"""`btrmd backup` and `restore`: a replacement unit takes over all of another one, or nothing."""

from __future__ import annotations

import gzip
import io
import json
import os
import sqlite3
import tarfile
from collections.abc import Callable, Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from btrmd.model.discharge import TestRecord
from btrmd.model.events import Event, Kind
from btrmd.store.history_db import HistoryDb
from btrmd.store.lock import DirLock
from btrmd.store.settings_file import load_settings
from btrmd.store.writer import Writer

Run = Callable[..., Any]
AT = 1_780_000_000.0
SERIAL = "10000000deadbe17"


class Unit(NamedTuple):
    config: Path
    state: Path

    @property
    def place(self) -> tuple[object, ...]:
        return ("--config-dir", self.config, "--state-dir", self.state)

    def history(self) -> tuple[list[int], list[int], int]:
        """Numbers of events and tests, and the number that the next event would have at least."""
        history = HistoryDb(self.state)
        try:
            found = history.recover()
            assert found.faults == ()
            numbers = [event.n for event in history.events(0, 10_000)]
            return numbers, [test.n for test in history.tests(True)], found.last_event
        finally:
            history.close()


def make_unit(folder: Path, serial: str, tests: int) -> Unit:
    unit = Unit(folder / "config", folder / "state")
    for made in unit:
        made.mkdir(parents=True)
    (unit.state / "serial").write_text(serial)
    history = HistoryDb(unit.state)
    found = history.recover()
    writer = Writer(history, lambda events: None, None, found.last_event)
    writer.start()
    for n in range(1, tests + 1):
        event = Event(
            0, AT + n, 1.0, "test.result", Kind.CHANGE, "good", None, "core", f"Test {n}."
        )
        record = TestRecord(n, "1", "finished", "good", "x", "cli", AT - 60, AT + n, 60.0)
        writer.commit([event], test=record, finish=True)
    assert writer.flush()
    writer.close()
    history.close()
    return unit


@pytest.fixture(autouse=True)
def no_board(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("btrmd.daemon.unit_serial.BOARD_FILE", tmp_path / "none")


@pytest.fixture
def old(tmp_path: Path, run: Run) -> Unit:
    """Site 17 with three tests, a login, a token, a certificate and a calibration."""
    unit = make_unit(tmp_path / "old", SERIAL, 3)
    run("set", "site.name=Site 17", "email.password=sesame", "battery.rated_ah=100", *unit.place)
    (unit.config / "auth.json").write_text('{"users": {}}')
    (unit.config / "calibration.json").write_text('{"gain": 1}')
    (unit.config / "tls").mkdir()
    (unit.config / "tls" / "server.pem").write_text("pem")
    (unit.state / "cursors.json").write_text('{"mqtt": 2}')
    return unit


@pytest.fixture
def new(tmp_path: Path) -> Unit:
    return make_unit(tmp_path / "new", "10000000deadbe99", 0)


@pytest.fixture
def file(tmp_path: Path, old: Unit, run: Run) -> Iterator[Path]:
    made = tmp_path / "site17.tar.gz"
    done = run("backup", made, *old.place)
    assert (done.code, done.err) == (0, "")
    assert done.out.startswith(f"{made} holds 6 files of the unit {SERIAL} in ")
    assert made.stat().st_mode & 0o777 == 0o600
    yield made
    assert list(tmp_path.glob(".*tmp*")) == []


def test_a_replacement_takes_over_settings_logins_and_the_whole_history(
    run: Run, file: Path, old: Unit, new: Unit
) -> None:
    done = run("restore", file, *new.place)
    assert done.code == 0, done.err
    assert f"site17.tar.gz of the unit {SERIAL}" in done.out
    assert done.out.endswith("was restored: 6 files, with the history up to test 3.\n")
    settings = load_settings(new.config).settings
    assert settings["site.name"] == "Site 17"
    assert settings["email.password"] == "sesame"
    for name in ("auth.json", "calibration.json", "tls/server.pem"):
        assert (new.config / name).read_bytes() == (old.config / name).read_bytes()
    assert (new.state / "cursors.json").read_text() == '{"mqtt": 2}'
    events, tests, last = new.history()
    assert (events, tests) == ([1, 2, 3], [3, 2, 1])
    assert last >= 1_000_003, "what the old unit told after the backup keeps its numbers"
    assert (new.state / "serial").read_text() == "10000000deadbe99", "the machine is another one"
    assert (new.state / "history.db.before-1").is_file()
    assert not list(new.state.glob(".restore-*"))


def test_a_backup_of_a_unit_that_writes_is_whole(run: Run, tmp_path: Path, new: Unit) -> None:
    unit = make_unit(tmp_path / "busy", SERIAL, 1)
    history = HistoryDb(unit.state)
    writer = Writer(history, lambda events: None, None, history.recover().last_event)
    writer.start()
    try:
        writer.commit([Event(0, AT, 1.0, "io1", Kind.RAISE, True, None, "core", "x")])
        assert writer.flush()
        done = run("backup", tmp_path / "b.tar.gz", *unit.place)
        assert done.code == 0, done.err
        writer.commit([Event(0, AT, 1.0, "io1", Kind.CLEAR, True, None, "core", "x")])
        assert writer.flush()
    finally:
        writer.close()
        history.close()
    assert run("restore", tmp_path / "b.tar.gz", *new.place).code == 0
    assert new.history()[0] == [1, 2]


def test_a_unit_with_tests_of_its_own_is_replaced_only_on_purpose(
    run: Run, file: Path, tmp_path: Path
) -> None:
    used = make_unit(tmp_path / "used", "10000000deadbe55", 2)
    refused = run("restore", file, *used.place)
    assert refused.code == 1
    assert "This unit has 2 tests of its own: --replace puts them aside." in refused.err
    assert used.history()[1] == [2, 1]
    assert not (used.config / "settings.json").exists()
    assert run("restore", file, "--replace", *used.place).code == 0
    assert used.history()[1] == [3, 2, 1]
    aside = sqlite3.connect(used.state / "history.db.before-1")
    assert aside.execute("SELECT count(*) FROM tests").fetchone() == (2,)
    aside.close()


def test_a_dry_run_and_a_new_board(run: Run, file: Path, new: Unit) -> None:
    done = run("restore", file, "--dry-run", *new.place)
    assert "can be restored: 6 files" in done.out
    assert new.history()[1] == []
    assert sorted(path.name for path in new.config.iterdir()) == []
    assert run("restore", file, "--new-board", *new.place).code == 0
    assert not (new.config / "calibration.json").exists()


def test_not_while_the_service_runs(run: Run, file: Path, new: Unit) -> None:
    """The lock is another process's."""
    ready, done = os.pipe(), os.pipe()
    child = os.fork()
    if not child:
        DirLock(new.state).acquire()
        os.write(ready[1], b"x")
        os.read(done[0], 1)
        os._exit(0)
    os.read(ready[0], 1)
    refused = run("restore", file, *new.place)
    os.write(done[1], b"x")
    os.waitpid(child, 0)
    for end in (*ready, *done):
        os.close(end)
    assert refused.code == 1
    assert "Stop the service first: sudo systemctl stop btrmd." in refused.err


# --- bad files --------------------------------------------------------------------------------


def contents(file: Path) -> dict[str, bytes]:
    with tarfile.open(file) as archive:
        return {one.name: archive.extractfile(one).read() for one in archive}  # type: ignore[union-attr]


def packed(parts: dict[str, bytes], seal: bool = True) -> bytes:
    """An archive; `seal`: with sizes and digests that are right."""
    parts = dict(parts)
    if seal:
        manifest = json.loads(parts["backup.json"])
        manifest["files"] = {
            name: {"bytes": len(raw), "sha256": sha256(raw).hexdigest()}
            for name, raw in parts.items() if name != "backup.json"
        }  # fmt: skip
        parts["backup.json"] = json.dumps(manifest).encode()
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as archive:
        for name, raw in parts.items():
            info = tarfile.TarInfo(name)
            info.size = len(raw)
            archive.addfile(info, io.BytesIO(raw))
    return out.getvalue()


def newer(parts: dict[str, bytes], tmp_path: Path) -> dict[str, bytes]:
    path = tmp_path / "newer.db"
    path.write_bytes(parts["state/history.db"])
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA user_version = 999")
    connection.commit()
    connection.close()
    return {**parts, "state/history.db": path.read_bytes()}


def torn(raw: bytes) -> bytes:
    return raw[:4096] + b"\xff" * (len(raw) - 4096)


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda p, t: b"", "is damaged or no backup of btrmd"),
        (lambda p, t: b"hello", "is damaged or no backup of btrmd"),
        (lambda p, t: gzip.compress(b"hello" * 400), "is damaged or no backup of btrmd"),
        (lambda p, t: packed(p)[:-200], "is damaged or no backup of btrmd"),
        (lambda p, t: packed({"x": b"1"}, False), "does not begin with backup.json"),
        (lambda p, t: packed({**p, "backup.json": b"[]"}, False), "cannot be read"),
        (lambda p, t: packed({**p, "config/auth.json": b"{ }"}, False), "not as announced"),
        (
            lambda p, t: packed({**p, "config/auth.json": b'{"users": []}'}, False),
            "config/auth.json is not what was put in",
        ),
        (lambda p, t: packed({**p, "config/x.json": b"{}"}, False), "backup.json does not"),
        (
            lambda p, t: packed({k: v for k, v in p.items() if k != "state/history.db"}, False),
            "is not whole: state/history.db is missing",
        ),
        (lambda p, t: packed({**p, "config/../../evil": b"x"}), "names files that no backup has"),
        (lambda p, t: packed({**p, "/etc/passwd": b"x"}), "names files that no backup has"),
        (lambda p, t: packed({**p, "config/settings.json": b"{"}), "The settings in the backup"),
        (
            lambda p, t: packed({**p, "state/history.db": torn(p["state/history.db"])}),
            "The history in the backup is damaged",
        ),
        (lambda p, t: packed(newer(p, t)), "of a newer btrmd (tables 999"),
        (
            lambda p, t: packed({**p, "backup.json": p["backup.json"].replace(
                b'"schema": 1', b'"schema": 2')}),
            "its schema is 2, known is 1",
        ),
    ],
)  # fmt: skip
def test_a_bad_file_changes_nothing_and_says_what_is_wrong(
    run: Run, file: Path, new: Unit, tmp_path: Path,
    spoil: Callable[[dict[str, bytes], Path], bytes], words: str,
) -> None:  # fmt: skip
    bad = tmp_path / "bad.tar.gz"
    bad.write_bytes(spoil(contents(file), tmp_path))
    before = {path: path.read_bytes() for path in new.state.iterdir() if path.is_file()}
    done = run("restore", bad, *new.place)
    assert done.code == 1
    assert words in done.err, done.err
    assert done.err.count("\n") == 1
    after = {path: path.read_bytes() for path in new.state.iterdir() if path.is_file()}
    before.pop(new.state / "lock", None)
    after.pop(new.state / "lock", None)
    assert before == after
    assert list(new.config.iterdir()) == []


def test_what_is_put_aside_leads_to_no_other_file(
    run: Run, file: Path, new: Unit, tmp_path: Path
) -> None:
    """Root restores into folders that belong to a daemon without rights."""
    secret, target = tmp_path / "shadow", tmp_path / "target"
    secret.write_text("root:$6$")
    (new.config / "auth.json").symlink_to(secret)
    (new.config / "calibration.json").write_text("{}")
    (new.config / "calibration.json.before-1").symlink_to(target)
    assert run("restore", file, *new.place).code == 0
    assert secret.read_text() == "root:$6$"
    assert not target.exists()
    assert (new.config / "auth.json").read_text() == '{"users": {}}'
    assert not (new.config / "auth.json").is_symlink()
    assert (new.config / "calibration.json.before-2").read_text() == "{}"
    assert "root" not in "".join(
        path.read_text()
        for path in new.config.iterdir()
        if path.is_file() and not path.is_symlink()
    )


def test_a_file_that_is_not_there(run: Run, new: Unit, tmp_path: Path) -> None:
    done = run("restore", tmp_path / "none", *new.place)
    assert (done.code, done.err) == (1, f"btrmd: There is no file {tmp_path / 'none'}.\n")


# --- the boot partition -----------------------------------------------------------------------


def test_a_replacement_finds_it_on_its_boot_partition(
    run: Run, file: Path, new: Unit, tmp_path: Path
) -> None:
    boot = tmp_path / "boot"
    boot.mkdir()
    (boot / "btrm-backup.tar.gz").write_bytes(file.read_bytes())
    (boot / "btrm.json").write_text('{"schema": 1, "settings": {"site.location": "Hilltop"}}')
    done = run("provision", boot, *new.place)
    assert done.code == 0, done.err
    assert "with the history up to test 3." in done.out
    settings = load_settings(new.config).settings
    assert (settings["site.name"], settings["site.location"]) == ("Site 17", "Hilltop")
    assert sorted(path.name for path in boot.iterdir()) == [
        "btrm-backup.tar.gz.applied", "btrm.json.applied",
    ]  # fmt: skip
    report = json.loads((new.state / "provision.json").read_text())
    assert "was restored" in report["text"]
    assert "btrm.json was applied" in report["text"]
    (boot / "btrm-backup.tar.gz").write_bytes(file.read_bytes())
    refused = run("provision", boot, *new.place)
    assert refused.code == 1
    assert "This unit has 3 tests of its own" in refused.err
