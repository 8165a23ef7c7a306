"""Atomic files, small JSON files and the lock on a state folder."""

from __future__ import annotations

import errno
import grp
import os
import pwd
import signal
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from store_bench import disk_limit

from btrmd.model.errors import BtrmError
from btrmd.store.atomic import keep_aside, read_regular, remove_leftovers, write_atomic
from btrmd.store.errors import StorageError
from btrmd.store.json_file import JsonFile
from btrmd.store.lock import DirLock


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def test_a_file_is_replaced_whole_with_its_mode(tmp_path: Path) -> None:
    path = tmp_path / "file"
    write_atomic(path, b"old")
    write_atomic(path, b"new", 0o640)
    assert path.read_bytes() == b"new"
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert names(tmp_path) == {"file"}


def test_a_refused_write_leaves_the_old_file_and_no_other(tmp_path: Path) -> None:
    path = tmp_path / "file"
    write_atomic(path, b"old")
    with disk_limit(10), pytest.raises(OSError, match="too large"):
        write_atomic(path, b"x" * 100)
    assert path.read_bytes() == b"old"
    assert names(tmp_path) == {"file"}


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_what_root_writes_stays_readable_for_the_daemon(tmp_path: Path) -> None:
    path = tmp_path / "file"
    os.chown(tmp_path, 12345, 12346)
    write_atomic(path, b"new file: as the folder")
    assert (path.stat().st_uid, path.stat().st_gid) == (12345, 12346)
    os.chown(path, 54321, 54320)
    write_atomic(path, b"old file: as it was")
    assert (path.stat().st_uid, path.stat().st_gid) == (54321, 54320)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_in_a_folder_that_root_shares_it_is_the_stations(tmp_path: Path) -> None:
    """/etc/btrm is root:btrm 1770; here the user and the group "daemon" stand for btrm."""
    station, group = pwd.getpwnam("daemon").pw_uid, grp.getgrnam("daemon").gr_gid
    path = tmp_path / "file"
    os.chown(tmp_path, 0, group)
    tmp_path.chmod(0o1770)
    write_atomic(path, b"new")
    assert (path.stat().st_uid, path.stat().st_gid) == (station, group)
    os.chown(path, 0, 0)  # as an earlier version left it
    write_atomic(path, b"newer")
    assert path.stat().st_uid == station
    tmp_path.chmod(0o750)  # root's alone: nobody else is meant
    path.unlink()
    write_atomic(path, b"root's")
    assert path.stat().st_uid == 0


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_a_lock_that_root_made_first_does_not_keep_the_daemon_out(tmp_path: Path) -> None:
    os.chown(tmp_path, 12345, 12346)
    with DirLock(tmp_path):
        found = (tmp_path / "lock").stat()
    assert (found.st_uid, found.st_gid) == (12345, 12346)


@pytest.mark.parametrize("has_file", [True, False])
def test_a_read_only_disk_is_locked_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, has_file: bool
) -> None:
    if has_file:
        (tmp_path / "lock").write_text("")
    real = os.open

    def read_only(path: object, flags: int, *rest: int) -> int:
        if flags & os.O_ACCMODE != os.O_RDONLY:
            raise OSError(errno.EROFS, "Read-only file system")
        return real(path, flags, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(os, "open", read_only)
    with DirLock(tmp_path) as lock:
        assert lock.is_held
        with pytest.raises(BtrmError, match="in use by another btrmd"):
            DirLock(tmp_path).acquire()
    with DirLock(tmp_path) as again:
        assert again.is_held


def test_leftovers_of_dead_processes_only_are_removed(tmp_path: Path) -> None:
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    old = tmp_path / f".file.{dead.pid}-3.tmp"
    living = tmp_path / f".file.{os.getppid()}-3.tmp"
    other = tmp_path / ".elsewhere.1-1.tmp"
    for path in (old, living, other):
        path.write_text("half")
    assert remove_leftovers(tmp_path / "file") == [old]
    assert names(tmp_path) == {living.name, other.name}


def test_nothing_kept_aside_is_ever_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "file"
    (tmp_path / "file.corrupt-7").write_text("from long ago")
    for n in (8, 9):
        path.write_text(f"bad {n}")
        assert keep_aside(path).name == f"file.corrupt-{n}"
    assert (tmp_path / "file.corrupt-7").read_text() == "from long ago"
    assert (tmp_path / "file.corrupt-8").read_text() == "bad 8"


def test_json_round_trip(tmp_path: Path) -> None:
    file = JsonFile(tmp_path / "auth.json")
    assert file.load() == (None, "")
    data = {"admin": {"salt": "Zürich", "n": [1, 2.5, None, True]}}
    file.save(data)
    assert JsonFile(tmp_path / "auth.json").load() == (data, "")
    assert stat.S_IMODE((tmp_path / "auth.json").stat().st_mode) == 0o600


BAD_FILES = {
    "empty": b"",
    "zeroes": b"\0" * 512,
    "truncated": b'{"version": 1, "settings": {"site.name": "Hi',
    "list": b"[1, 2]",
    "not utf-8": b'{"a": "\xff\xfe"}',
    "not a number": b'{"a": NaN}',
    "deep": b"[" * 200_000,
    "binary": bytes(range(256)),
    "huge": b'{"a": "' + b"x" * (1 << 20) + b'"}',
}


@pytest.mark.parametrize("content", BAD_FILES.values(), ids=BAD_FILES)
def test_a_broken_json_file_is_kept_aside_with_a_sentence(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "calibration.json"
    path.write_bytes(content)
    loaded = JsonFile(path).load()
    assert loaded.data is None
    assert str(path) in loaded.fault
    assert "calibration.json.corrupt-1" in loaded.fault
    assert loaded.fault.count("\n") == 0
    assert (tmp_path / "calibration.json.corrupt-1").read_bytes() == content


def test_a_reader_without_the_lock_changes_nothing_and_a_save_still_keeps_it(
    tmp_path: Path,
) -> None:
    path = tmp_path / "auth.json"
    path.write_text("{")
    file = JsonFile(path)
    assert "auth.json" in file.load(aside=False).fault
    assert names(tmp_path) == {"auth.json"}
    file.save({"a": 1})
    assert (tmp_path / "auth.json.corrupt-1").read_text() == "{"
    assert file.load().data == {"a": 1}


def test_a_folder_in_the_place_of_a_file(tmp_path: Path) -> None:
    path = tmp_path / "auth.json"
    path.mkdir()
    file = JsonFile(path)
    assert "folder" in file.load().fault
    file.save({"a": 1})
    assert (tmp_path / "auth.json.corrupt-1").is_dir()


def test_a_refused_save_says_which_file_and_why(tmp_path: Path) -> None:
    file = JsonFile(tmp_path / "auth.json")
    file.save({"a": 1})
    with (
        disk_limit(5),
        pytest.raises(StorageError, match=r"auth\.json cannot be written: File too"),
    ):
        file.save({"a": 2})
    with pytest.raises(BtrmError, match="cannot hold"):
        file.save({"a": float("nan")})
    assert file.load().data == {"a": 1}


LOCK_SCRIPT = """
import sys, pathlib
from btrmd.store.lock import DirLock
lock = DirLock(pathlib.Path(sys.argv[1]))
lock.acquire()
print("held", flush=True)
sys.stdin.read()
"""


def test_a_second_process_is_refused_until_the_first_is_killed(tmp_path: Path) -> None:
    holder = subprocess.Popen(
        [sys.executable, "-c", LOCK_SCRIPT, str(tmp_path / "state")],
        cwd=Path(__file__).parents[2],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    try:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        lock = DirLock(tmp_path / "state")
        with pytest.raises(BtrmError, match=rf"in use by another btrmd \(process {holder.pid}\)"):
            lock.acquire()
        with pytest.raises(BtrmError):
            lock.acquire(timeout=0.1)
        holder.send_signal(signal.SIGKILL)
        lock.acquire(timeout=10.0)
        assert lock.is_held
        lock.release()
        assert not lock.is_held
    finally:
        holder.kill()
        holder.communicate()


def test_a_state_folder_that_cannot_be_made_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("a file")
    with pytest.raises(BtrmError, match="lock cannot be opened"):
        DirLock(tmp_path / "state").acquire()


# --- folders of another user ---------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["fifo", "folder", "device", "missing"])
def test_only_a_regular_file_is_read_and_nothing_is_waited_for(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "settings.json"
    if kind == "fifo":
        os.mkfifo(path)  # nobody writes: opening it plainly would wait for ever
    elif kind == "folder":
        path.mkdir()
    elif kind == "device":
        path = Path("/dev/zero")
    with pytest.raises(OSError, match=r"regular file|folder|No such file"):
        read_regular(path, 100)
    if kind != "device":
        loaded = JsonFile(path).load(aside=False)
        assert loaded.data is None
        assert bool(loaded.fault) is (kind != "missing")


def test_as_root_a_link_of_the_station_leads_nowhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What root reads is shown in messages and copied into files: /etc/shadow must not be."""
    secret, link = tmp_path / "shadow", tmp_path / "provision.json"
    secret.write_text('{"text": "root:$6$"}')
    link.symlink_to(secret)
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    with pytest.raises(OSError, match="symbolic link"):
        read_regular(link, 100)
    assert JsonFile(link).load(aside=False).data is None
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert read_regular(link, 6) == b'{"text'


@pytest.mark.parametrize("kind", ["hard link", "fifo", "symlink"])
def test_the_lock_writes_into_no_other_file(tmp_path: Path, kind: str) -> None:
    other, state = tmp_path / "other", tmp_path / "state"
    state.mkdir()
    other.write_text("precious\n")
    if kind == "hard link":
        os.link(other, state / "lock")
    elif kind == "fifo":
        os.mkfifo(state / "lock")
    else:
        (state / "lock").symlink_to(other)
    lock = DirLock(state)
    if kind == "symlink":
        with pytest.raises(BtrmError, match="cannot be opened"):
            lock.acquire()
    else:
        with lock:
            assert lock.is_held
    assert other.read_text() == "precious\n"
