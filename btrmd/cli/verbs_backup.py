"""`btrmd backup` and `btrmd restore`: a whole unit in one file, and back on its replacement."""

from __future__ import annotations

import argparse
import os
import time
from pathlib import Path
from typing import TYPE_CHECKING

from ..model.errors import BtrmError
from ..model.value_text import format_number
from .output import write_line
from .parsing import Verbs, place_of
from .settings_client import config_lock

if TYPE_CHECKING:
    from ..store.restore import Restored

LOCK_S = 2.0


def add_parsers(verbs: Verbs) -> None:
    parser = verbs.add(
        "backup",
        backup,
        state=True,
        config=True,
        description="Write settings, logins, certificate, calibration and the whole history to "
        "FILE (.tar.gz); the service may be running. It holds every secret of the unit.",
    )
    parser.add_argument("file", metavar="FILE", type=Path)
    parser = verbs.add(
        "restore",
        restore,
        state=True,
        config=True,
        description="Take over a file of btrmd backup, all or none, while the service is stopped. "
        "What was there is kept aside as NAME.before-N. The serial number stays this unit's.",
    )
    parser.add_argument("file", metavar="FILE", type=Path)
    parser.add_argument("--dry-run", action="store_true", help="judge the file, change nothing")
    parser.add_argument(
        "--replace", action="store_true", help="also where this unit has tests of its own"
    )
    parser.add_argument(
        "--new-board", action="store_true", help="leave the calibration out: the HAT is another one"
    )


def backup(args: argparse.Namespace) -> int:
    from .. import __version__
    from ..daemon.unit_serial import unit_serial
    from ..store.backup import make_backup

    place = place_of(args)
    if not place.state_dir.is_dir() and not place.config_dir.is_dir():
        raise BtrmError(f"There is neither {place.config_dir} nor {place.state_dir}.")
    serial = unit_serial(place.state_dir, is_simulated=False)
    path: Path = args.file
    half = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with os.fdopen(os.open(half, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as out:
            count = make_backup(
                out, place.config_dir, place.state_dir, serial, __version__, time.time()
            )
            out.flush()
            os.fsync(out.fileno())
        os.replace(half, path)
    finally:
        half.unlink(missing_ok=True)
    size = path.stat().st_size
    weight = format_number(size / 1e6, 1, "MB")
    write_line(f"{path} holds {count} files of the unit {serial} in {weight}.")
    return 0


def restore(args: argparse.Namespace) -> int:
    from ..store import restore as store
    from ..store.lock import DirLock

    place = place_of(args)
    if not args.file.is_file():
        raise BtrmError(f"There is no file {args.file}.")
    for folder in (place.config_dir, place.state_dir):  # a unit that was never started has none
        if not folder.parent.is_dir():
            raise BtrmError(f"There is no folder {folder.parent}.")
        folder.mkdir(mode=0o750, exist_ok=True)
    lock = DirLock(place.state_dir)
    try:
        lock.acquire(LOCK_S)
    except BtrmError as error:
        raise BtrmError(f"{error} Stop the service first: sudo systemctl stop btrmd.") from error
    try:
        with config_lock(place.config_dir):
            done = store.restore(
                args.file, place.config_dir, place.state_dir,
                replace=args.replace, new_board=args.new_board, dry_run=args.dry_run,
            )  # fmt: skip
    finally:
        lock.release()
    write_line(restored_text(args.file.name, done, args.dry_run))
    return 0


def restored_text(name: str, done: Restored, dry_run: bool = False) -> str:
    """One sentence for the screen, the event log and Help."""
    verb = "can be restored" if dry_run else "was restored"
    facts = done.facts
    history = f", with the history up to test {done.tests}" if done.events else ""
    return (
        f"{name} of the unit {facts.serial} ({facts.made_at}, btrmd {facts.version}) {verb}: "
        f"{done.files} files{history}."
    )
