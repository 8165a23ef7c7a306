"""The backup file: settings, logins, board and the whole history of one unit, for its replacement.

A .tar.gz with backup.json first: what made it, and size and digest of every other file in it. What
belongs to the machine stays out: the serial number, the lock, reports of provisioning.
"""

from __future__ import annotations

import io
import json
import re
import sqlite3
import tarfile
import tempfile
import time
import zlib
from collections.abc import Iterator, Mapping
from contextlib import closing
from hashlib import sha256
from pathlib import Path
from typing import IO, Any, Final, NamedTuple

from ..model.errors import BtrmError, DataError

SCHEMA: Final = 1
MANIFEST: Final = "backup.json"
HISTORY: Final = "state/history.db"
SETTINGS: Final = "config/settings.json"
NAME: Final = re.compile(r"(config(/tls)?|state)/[A-Za-z0-9_][A-Za-z0-9_.-]{0,79}")
MOST_FILES: Final = 60
MOST_BYTES: Final = 1 << 20  # of a file but the history
MOST_HISTORY: Final = 256 << 20
_LEFT_OUT: Final = frozenset(
    {"lock", "numbers", "serial", "provision.json", "history.db", "history.db-wal",
     "history.db-shm", "sim.json"}
)  # fmt: skip
_ASIDE: Final = re.compile(r"\.(corrupt|before)-\d+$|\.applied$")
_PIECE: Final = 1 << 18


class BackupFacts(NamedTuple):
    """What a backup says of itself. `made_at`: ISO 8601, UTC."""

    version: str
    serial: str
    made_at: str
    files: Mapping[str, Mapping[str, object]]


def make_backup(
    out: IO[bytes], config_dir: Path, state_dir: Path, serial: str, version: str, wall: float
) -> int:
    """Write the backup; the daemon may be running. The number of files in it.

    Raises BtrmError or OSError when something cannot be read.
    """
    made_at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(wall))
    with tempfile.TemporaryDirectory(prefix="btrmd-backup-") as folder:
        sources = dict(_small_files(config_dir, state_dir))
        if (state_dir / "history.db").is_file():
            sources[HISTORY] = Path(folder) / "history.db"
            _copy_history(state_dir / "history.db", sources[HISTORY])
        facts = {
            name: {"bytes": path.stat().st_size, "sha256": _digest(path)}
            for name, path in sources.items()
        }
        text = json.dumps({"btrmd": version, "schema": SCHEMA, "serial": serial,
                           "made_at": made_at, "files": facts}, indent=1).encode()  # fmt: skip
        with tarfile.open(fileobj=out, mode="w:gz", format=tarfile.PAX_FORMAT) as archive:
            _add(archive, MANIFEST, io.BytesIO(text), len(text), wall)
            for name, path in sources.items():
                with path.open("rb") as file:
                    _add(archive, name, file, path.stat().st_size, wall)
    return len(sources)


def unpack_backup(path: Path, folder: Path) -> BackupFacts:
    """Unpack `path` into the empty `folder` once all of it has been found good.

    Raises DataError: one sentence with the file and what is wrong with it.
    """
    try:
        with tarfile.open(path, "r:gz") as archive:
            return _unpack(archive, path.name, folder)
    except (tarfile.TarError, EOFError, zlib.error, OSError) as error:
        if isinstance(error, OSError) and error.errno:
            raise
        raise DataError(f"{path.name} is damaged or no backup of btrmd: {error}.") from error


def judge_history(path: Path, newest: int) -> tuple[int, int]:
    """Highest number of events and of tests. Raises DataError unless the database is whole and
    its tables are known to this version (`newest`: theirs)."""
    try:
        with closing(sqlite3.connect(path)) as connection:
            found = connection.execute("PRAGMA quick_check").fetchone()[0]
            if found != "ok":
                raise DataError(f"The history in the backup is damaged: {found}.")
            version = connection.execute("PRAGMA user_version").fetchone()[0]
            if version > newest:
                raise DataError(
                    f"The history in the backup is of a newer btrmd (tables {version}, known are "
                    f"{newest}): update this unit first."
                )
            events = connection.execute("SELECT max(n) FROM events").fetchone()[0] or 0
            tests = connection.execute("SELECT max(n) FROM tests").fetchone()[0] or 0
            return int(events), int(tests)
    except sqlite3.Error as error:
        raise DataError(f"The history in the backup is damaged: {error}.") from error


# --- parts -------------------------------------------------------------------------------------


def _small_files(config_dir: Path, state_dir: Path) -> Iterator[tuple[str, Path]]:
    for base, folder in (("config", config_dir), ("config/tls", config_dir / "tls"),
                         ("state", state_dir)):  # fmt: skip
        for path in sorted(folder.iterdir()) if folder.is_dir() else ():
            name = f"{base}/{path.name}"
            is_ours = base != "state" or path.name not in _LEFT_OUT
            if not is_ours or not NAME.fullmatch(name) or _ASIDE.search(name):
                continue
            if not path.is_file() or path.is_symlink():
                continue
            if path.stat().st_size > MOST_BYTES:
                raise BtrmError(f"{path} is too long: allowed is {MOST_BYTES} bytes.")
            yield name, path


def _copy_history(source: Path, to: Path) -> None:
    """By SQLite's own backup: whole, whatever the daemon writes meanwhile."""
    try:
        with (
            closing(sqlite3.connect(f"file:{source}?mode=rw", uri=True, timeout=10.0)) as before,
            closing(sqlite3.connect(to)) as after,
        ):
            before.backup(after, pages=256, sleep=0.01)
            after.execute("PRAGMA journal_mode=DELETE")  # one file, without -wal
    except sqlite3.Error as error:
        raise BtrmError(f"{source} cannot be copied: {error}.") from error


def _digest(path: Path) -> str:
    found = sha256()
    with path.open("rb") as file:
        while piece := file.read(_PIECE):
            found.update(piece)
    return found.hexdigest()


def _add(archive: tarfile.TarFile, name: str, file: IO[bytes], size: int, wall: float) -> None:
    info = tarfile.TarInfo(name)
    info.size, info.mtime, info.mode = size, int(wall), 0o600
    archive.addfile(info, file)


def _unpack(archive: tarfile.TarFile, name: str, folder: Path) -> BackupFacts:
    first = archive.next()
    if first is None or first.name != MANIFEST or not first.isreg() or first.size > MOST_BYTES:
        raise DataError(f"{name} is no backup of btrmd: it does not begin with {MANIFEST}.")
    facts = _facts(_read(archive, first), name)
    wanted = dict(facts.files)
    while (member := archive.next()) is not None:
        listed = wanted.pop(member.name, None)
        if listed is None or not member.isreg():
            raise DataError(f"{name} holds {member.name[:80]!r}, which its {MANIFEST} does not.")
        most = MOST_HISTORY if member.name == HISTORY else MOST_BYTES
        if member.size > most or member.size != listed.get("bytes"):
            raise DataError(f"{name}: {member.name} has {member.size} bytes, not as announced.")
        to = folder / member.name
        to.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        source = archive.extractfile(member)
        assert source is not None
        with to.open("xb") as file:
            while piece := source.read(_PIECE):
                file.write(piece)
        if _digest(to) != listed.get("sha256"):
            raise DataError(f"{name} is damaged: {member.name} is not what was put in.")
    if wanted:
        raise DataError(f"{name} is not whole: {min(wanted)} is missing.")
    return facts


def _read(archive: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    file = archive.extractfile(member)
    assert file is not None
    return file.read()


def _facts(raw: bytes, name: str) -> BackupFacts:
    try:
        found: Any = json.loads(raw)
        files = found["files"]
        schema = found["schema"]
        facts = BackupFacts(str(found["btrmd"]), str(found["serial"]), str(found["made_at"]), files)
        names = list(files)
        is_good = all(isinstance(listed, dict) for listed in files.values())
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise DataError(f"{name}: its {MANIFEST} cannot be read.") from error
    if schema != SCHEMA:
        raise DataError(
            f"{name} is of another btrmd ({facts.version[:20]}): its schema is {schema!r}, known "
            f"is {SCHEMA}."
        )
    if not is_good or len(names) > MOST_FILES or not all(NAME.fullmatch(one) for one in names):
        raise DataError(f"{name}: its {MANIFEST} names files that no backup has.")
    if SETTINGS not in names and HISTORY not in names:
        raise DataError(f"{name} holds neither settings nor a history.")
    return facts
