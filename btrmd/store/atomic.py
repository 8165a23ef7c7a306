"""Atomic files: whatever happens, a file holds the old bytes or the new ones, never a mix."""

from __future__ import annotations

import errno
import itertools
import os
import re
import stat
from contextlib import suppress
from io import BufferedReader
from pathlib import Path

_serial = itertools.count()


def write_atomic(path: Path, data: bytes, mode: int = 0o600) -> None:
    """Replace `path` by a file with `data` and permissions `mode`, durable when this returns.

    Temporary file in the same folder, fsync, rename, fsync of the folder. Written as root, the
    file gets the owner of the one it replaces (or of the folder), so that a daemon without
    privileges can still read what `sudo btrmd set` wrote.
    Raises OSError when the disk refuses; the old file is then intact.
    """
    folder = path.parent
    temporary = folder / f".{path.name}.{os.getpid()}-{next(_serial)}.tmp"
    with suppress(FileNotFoundError):  # left by a dead process that had our number
        temporary.unlink()
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    fd = os.open(temporary, flags, mode)
    try:
        with os.fdopen(fd, "wb") as file:
            os.fchmod(fd, mode)  # the umask may have taken bits away
            _give_to_owner(fd, path, folder)
            file.write(data)
            file.flush()
            os.fsync(fd)
        os.rename(temporary, path)
    except BaseException:
        with suppress(OSError):
            temporary.unlink()
        raise
    sync_folder(folder)


def read_regular(path: Path, most: int) -> bytes:
    """The first `most` bytes of a regular file; raises OSError as `open_regular`."""
    with open_regular(path) as file:
        return file.read(most)


def open_regular(path: Path) -> BufferedReader:
    """A regular file for reading, without waiting for anything else.

    Raises OSError for what is no file (a FIFO would never end) and, as root, for a symbolic link:
    the folders belong to a daemon without rights, which must not choose what root reads.
    """
    flags = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC
    if os.geteuid() == 0:
        flags |= os.O_NOFOLLOW
    try:
        fd = os.open(path, flags)
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise OSError(errno.ELOOP, "it is a symbolic link", str(path)) from None
        raise
    kind = os.fstat(fd).st_mode
    if not stat.S_ISREG(kind):
        os.close(fd)
        if stat.S_ISDIR(kind):
            raise IsADirectoryError(errno.EISDIR, "it is a folder", str(path))
        raise OSError(errno.EINVAL, "it is no regular file", str(path))
    return os.fdopen(fd, "rb")


def sync_folder(folder: Path) -> None:
    """Make renames and new names in `folder` durable. Raises OSError."""
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def remove_leftovers(path: Path) -> list[Path]:
    """Delete temporary files of `path` whose process is dead; returns what was deleted."""
    pattern = re.compile(rf"\.{re.escape(path.name)}\.(\d+)-\d+\.tmp")
    removed: list[Path] = []
    try:
        names = os.listdir(path.parent)
    except OSError:
        return removed
    for name in names:
        match = pattern.fullmatch(name)
        if match is None or _is_running(int(match.group(1))):
            continue
        with suppress(OSError):
            (path.parent / name).unlink()
            removed.append(path.parent / name)
    return removed


def keep_aside(path: Path) -> Path:
    """Rename a file that is not understood to NAME.corrupt-N. Raises OSError when the folder cannot
    be changed."""
    target = name_aside(path)
    os.rename(path, target)
    sync_folder(path.parent)
    return target


def name_aside(path: Path) -> Path:
    """NAME.corrupt-N, N above any that exists. Raises OSError for a folder that cannot be read."""
    pattern = re.compile(rf"{re.escape(path.name)}\.corrupt-(\d+)(-wal)?")
    taken = [
        int(match.group(1)) for match in map(pattern.fullmatch, os.listdir(path.parent)) if match
    ]
    return path.with_name(f"{path.name}.corrupt-{max(taken, default=0) + 1}")


def _give_to_owner(fd: int, path: Path, folder: Path) -> None:
    """As root only: owner and group of the file that is replaced, else of its folder."""
    if os.geteuid() != 0:
        return
    try:
        model = path.stat()
    except OSError:
        model = folder.stat()
    os.fchown(fd, model.st_uid or _station_of(folder), model.st_gid)


def _station_of(folder: Path) -> int:
    """The user whose files stand in `folder` beside root's; root where it is root's alone.

    /etc/btrm is root's, sticky, and writable by the station's group: what root writes there for
    the station must be the station's, or it can neither read nor replace it.
    """
    import grp
    import pwd

    found = folder.stat()
    is_shared = found.st_mode & stat.S_ISVTX and found.st_mode & stat.S_IWGRP
    if found.st_uid or not found.st_gid or not is_shared:
        return found.st_uid
    try:
        return pwd.getpwnam(grp.getgrgid(found.st_gid).gr_name).pw_uid
    except KeyError:
        return found.st_uid


def _is_running(pid: int) -> bool:
    if pid == os.getpid():
        return False  # our number from before a restart of the machine, or of an exec
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):
        return True
    return True
