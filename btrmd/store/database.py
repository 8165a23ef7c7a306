"""The database file: opened, checked, replaced when damaged; one writer, a reader a thread."""

from __future__ import annotations

import logging
import os
import sqlite3
import threading
import weakref
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from .atomic import keep_aside, sync_folder
from .errors import StorageError, refusal
from .schema import PAGE_BYTES, ForeignDatabaseError, prepare

log = logging.getLogger(__name__)

HARD_BYTES = 45_000_000  # SQLite itself refuses to grow beyond it
WAL_BYTES = 2_000_000  # what the write-ahead log keeps on disk between checkpoints

_DAMAGE = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


class Database:
    """`transaction()` belongs to one thread at a time (the writer); `reader()` to any.

    `faults`: a sentence for each database that had to be put aside since the start.
    `lost`: what has become of the last of them, a few words; "" = none.
    `is_suspect`: a reader met damage; the writer then checks.
    """

    def __init__(self, path: Path) -> None:
        self.path = Path(path)
        self.faults: tuple[str, ...] = ()
        self.lost = ""
        self.is_suspect = False
        self._connection: sqlite3.Connection | None = None
        self._identity: tuple[int, int] | None = None
        self._generation = 0
        self._local = threading.local()
        self._readers: list[tuple[weakref.ref[threading.Thread], sqlite3.Connection]] = []
        self._lock = threading.Lock()

    # --- the writer's side ---------------------------------------------------------------------

    def open(self) -> sqlite3.Connection:
        """The writer's connection, made or opened at need; a damaged file is put aside first.

        Raises StorageError when the disk refuses.
        """
        if self._connection is not None:
            if self._identity == self._stat():
                return self._connection
            self._drop_writer()  # the file was deleted or replaced under us
            self.lost = f"{self.path.name} was deleted or replaced in the running unit"
        for _ in range(2):
            try:
                self._connection = self._open()
            except ForeignDatabaseError as error:
                self.put_aside(str(error))
            except sqlite3.DatabaseError as error:
                if not is_damage(error) and not self.path.is_dir():
                    raise refusal(self.path, error) from error
                self.put_aside(str(error))
            except OSError as error:
                raise refusal(self.path, error) from error
            else:
                self._identity = self._stat()
                self._generation += 1
                return self._connection
        raise StorageError(f"{self.path} cannot be made anew; check the storage of the unit.")

    @contextmanager
    def transaction(self, durable: bool) -> Iterator[sqlite3.Connection]:
        """All or nothing. `durable`: on the disk when this returns, else only in good order.

        Raises StorageError when the disk refuses, or when damage was found: the file is then put
        aside already and a repeat goes into a new one.
        """
        connection = self.open()
        try:
            connection.execute(f"PRAGMA synchronous={'FULL' if durable else 'NORMAL'}")
            connection.execute("BEGIN IMMEDIATE")
            yield connection
            connection.execute("COMMIT")
        except (sqlite3.ProgrammingError, sqlite3.IntegrityError, sqlite3.DataError):
            self._roll_back(connection)
            raise
        except sqlite3.DatabaseError as error:
            # The connection stays: its log and shared memory are what readers can still read by.
            self._roll_back(connection)
            if is_damage(error):
                self.put_aside(str(error))
            raise refusal(self.path, error) from error
        except BaseException:
            self._roll_back(connection)
            raise

    def check(self) -> None:
        """Look through the whole file and put it aside when it is damaged. Raises StorageError."""
        self.is_suspect = False
        try:
            found = self.open().execute("PRAGMA quick_check(1)").fetchone()[0]
        except sqlite3.DatabaseError as error:
            if not is_damage(error):
                raise refusal(self.path, error) from error
            found = str(error)
        if found != "ok":
            lines = [line for line in found.splitlines() if not line.startswith("***")]
            self.put_aside(lines[0] if lines else "its check failed")
            self.open()

    def put_aside(self, reason: str) -> None:
        """Rename the file away, with its log; of several such files only the largest is kept.

        Raises StorageError when the folder cannot be changed.
        """
        self._drop_writer()
        try:
            target = keep_aside(self.path)
            with suppress(FileNotFoundError):
                os.rename(f"{self.path}-wal", f"{target}-wal")
            with suppress(FileNotFoundError):
                os.unlink(f"{self.path}-shm")
            self._keep_largest()
        except OSError as error:
            raise refusal(self.path, error) from error
        fault = (
            f"{self.path} was damaged ({reason}); it is kept as {target.name}, a new history began."
        )
        log.error(fault)
        self.lost = f"{self.path.name} was damaged and is kept as {target.name}"
        self.faults = (*self.faults, fault)

    def close(self) -> None:
        """Close every connection; the last one folds the log into the file."""
        with self._lock:
            readers, self._readers = self._readers, []
        self._generation += 1
        for _, connection in readers:
            connection.close()
        self._drop_writer()

    # --- the readers' side ---------------------------------------------------------------------

    def reader(self) -> sqlite3.Connection:
        """This thread's read-only connection. Raises sqlite3.Error when there is no database."""
        generation = self._generation
        held: tuple[int, sqlite3.Connection] | None = getattr(self._local, "held", None)
        if held is not None:
            if held[0] == generation:
                return held[1]
            self._forget(held[1])
            self._local.held = None
        connection = sqlite3.connect(
            f"{self.path.absolute().as_uri()}?mode=ro",
            uri=True,
            isolation_level=None,
            check_same_thread=False,  # only close() is ever called from elsewhere
        )
        try:
            connection.execute("PRAGMA cache_size=-256")  # KB: there may be a dozen of these
        except BaseException:  # it reads the schema, and the file may be damaged
            connection.close()
            raise
        self._local.held = (generation, connection)
        with self._lock:
            self._readers.append((weakref.ref(threading.current_thread()), connection))
            dead = [c for thread, c in self._readers if not _is_alive(thread)]
        for stale in dead:
            self._forget(stale)
        return connection

    def _forget(self, connection: sqlite3.Connection) -> None:
        with self._lock:
            self._readers = [item for item in self._readers if item[1] is not connection]
        connection.close()

    # --- inside --------------------------------------------------------------------------------

    def _open(self) -> sqlite3.Connection:
        self.path.parent.mkdir(mode=0o750, parents=True, exist_ok=True)
        if not self.path.exists():
            os.close(os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
            sync_folder(self.path.parent)
        connection = sqlite3.connect(
            self.path, isolation_level=None, timeout=5.0, check_same_thread=False
        )
        try:
            prepare(connection)
            connection.execute("PRAGMA cache_size=-1024")
            connection.execute(f"PRAGMA journal_size_limit={WAL_BYTES}")
            connection.execute(f"PRAGMA wal_autocheckpoint={WAL_BYTES // PAGE_BYTES}")
            connection.execute(f"PRAGMA max_page_count={HARD_BYTES // PAGE_BYTES}")
            for table, column in (("events", "n"), ("tests", "n"), ("curves", "id")):
                connection.execute(f"SELECT max({column}) FROM {table}").fetchone()
        except BaseException:
            connection.close()
            raise
        return connection

    def _drop_writer(self) -> None:
        connection, self._connection = self._connection, None
        self._generation += 1
        if connection is not None:
            with suppress(sqlite3.Error):
                connection.close()

    def _roll_back(self, connection: sqlite3.Connection) -> None:
        with suppress(sqlite3.Error):
            if connection.in_transaction:
                connection.execute("ROLLBACK")

    def _stat(self) -> tuple[int, int] | None:
        try:
            found = os.stat(self.path)
        except OSError:
            return None
        return found.st_dev, found.st_ino

    def _keep_largest(self) -> None:
        """Damaged databases count towards the 50 MB too."""
        prefix = f"{self.path.name}.corrupt-"
        aside = [p for p in self.path.parent.glob(f"{prefix}*") if p.suffix[-4:] != "-wal"]
        aside.sort(key=lambda p: p.stat().st_size if p.is_file() else -1)
        for path in aside[:-1]:
            if path.is_file():
                path.unlink()
                Path(f"{path}-wal").unlink(missing_ok=True)


def is_damage(error: sqlite3.Error) -> bool:
    """True when the file is at fault and not the disk."""
    code = getattr(error, "sqlite_errorcode", None)
    return code is not None and code & 0xFF in _DAMAGE


def _is_alive(reference: weakref.ref[threading.Thread]) -> bool:
    thread = reference()
    return thread is not None and thread.is_alive()
