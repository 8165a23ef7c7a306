"""The lock on a state folder: one daemon, or one command that stands in for it, at a time."""

from __future__ import annotations

import errno
import fcntl
import os
import stat
import time
from contextlib import suppress
from pathlib import Path
from types import TracebackType

from ..model.errors import BtrmError

_POLL_S = 0.02


class DirLock:
    """An flock on STATE_DIR/lock; the kernel lets it go when the process ends, however it ends.

    Only processes that forked without exec share it: start children with exec.
    """

    def __init__(self, state_dir: Path) -> None:
        self.path = Path(state_dir) / "lock"
        self._fd: int | None = None

    @property
    def is_held(self) -> bool:
        return self._fd is not None

    def acquire(self, timeout: float = 0.0) -> None:
        """Take the lock, waiting at most `timeout` s; makes the folder when it is missing.

        Raises BtrmError when another process holds it or the folder cannot be used.
        """
        if self._fd is not None:
            return
        try:
            self.path.parent.mkdir(mode=0o750, parents=True, exist_ok=True)
            fd = _open(self.path)
        except OSError as error:
            raise BtrmError(f"{self.path} cannot be opened: {error.strerror}.") from error
        deadline = time.monotonic() + timeout
        while True:
            try:
                fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() < deadline:
                    time.sleep(_POLL_S)
                    continue
                holder = ""
                with suppress(OSError):  # the folder itself is the lock on a read-only disk
                    holder = os.pread(fd, 20, 0).decode("ascii", "replace").strip()
                os.close(fd)
                who = f" (process {holder})" if holder else ""
                raise BtrmError(
                    f"{self.path.parent} is in use by another btrmd{who}; stop it first "
                    "or choose another --state-dir."
                ) from None
            except OSError as error:
                os.close(fd)
                raise BtrmError(f"{self.path} cannot be locked: {error.strerror}.") from error
        self._fd = fd
        _give_to_station(fd, self.path.parent)
        _write_pid(fd)

    def release(self) -> None:
        """Let the lock go; the file stays, deleting it would let two hold it."""
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None

    def __enter__(self) -> DirLock:
        self.acquire()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.release()


def _open(path: Path) -> int:
    """The lock file, made when it is missing. On a disk that is read-only, the file as it is, or
    the folder: the load must be guarded there too. Raises OSError."""
    flags = os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
    try:
        return os.open(path, flags | os.O_RDWR | os.O_CREAT, 0o640)
    except OSError as error:
        if error.errno != errno.EROFS:
            raise
    with suppress(FileNotFoundError):
        return os.open(path, flags | os.O_RDONLY)
    return os.open(path.parent, flags | os.O_RDONLY | os.O_DIRECTORY)


def _give_to_station(fd: int, folder: Path) -> None:
    """A lock that root made before the first start must not keep the daemon out."""
    if os.geteuid() != 0:
        return
    lock, owner = os.fstat(fd), folder.stat()
    if lock.st_uid == 0 != owner.st_uid and lock.st_nlink == 1 and stat.S_ISREG(lock.st_mode):
        with suppress(OSError):  # a read-only disk
            os.fchown(fd, owner.st_uid, owner.st_gid)


def _write_pid(fd: int) -> None:
    """For the message of the next one; a full disk does not take the lock away. Nothing is written
    to what is no file of the folder's own: another name of it may stand anywhere."""
    try:
        found = os.fstat(fd)
        if found.st_nlink != 1 or not stat.S_ISREG(found.st_mode):
            return
        os.ftruncate(fd, 0)
        os.pwrite(fd, f"{os.getpid()}\n".encode(), 0)
    except OSError:
        return
