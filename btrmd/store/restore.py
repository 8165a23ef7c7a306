"""The restore: a backup takes the place of what a unit has, which is kept aside."""

from __future__ import annotations

import itertools
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Final, NamedTuple

from ..model.errors import DataError
from .atomic import read_regular, sync_folder, write_atomic
from .backup import HISTORY, MOST_BYTES, SETTINGS, BackupFacts, judge_history, unpack_backup
from .history_db import HistoryDb
from .schema import MIGRATIONS
from .sequence_numbers import SequenceFile
from .settings_file import SettingsFile

# Numbers that the unit may have given out after the backup was made are not used again.
EVENTS_AHEAD: Final = 1_000_000
TESTS_AHEAD: Final = 100
MODES: Final = {"config/btrmd.toml": 0o644, "config/hardware.toml": 0o644}
CALIBRATION: Final = "config/calibration.json"


class Restored(NamedTuple):
    """`tests`, `events`: the highest numbers in the history, 0 where the backup has none."""

    facts: BackupFacts
    files: int
    events: int
    tests: int


def restore(
    path: Path, config_dir: Path, state_dir: Path, *, replace: bool = False,
    new_board: bool = False, dry_run: bool = False,
) -> Restored:  # fmt: skip
    """Take over the backup `path`. The caller holds the lock of the state folder.

    `replace`: also where this unit has tests of its own. `new_board`: without the calibration.
    Everything is judged before anything is changed. Raises DataError with one sentence, or OSError
    when the disk refuses: the restore can be run again then.
    """
    with tempfile.TemporaryDirectory(prefix=".restore-", dir=state_dir) as folder:
        staged = Path(folder)
        facts = unpack_backup(path, staged)
        names = [name for name in facts.files if not (new_board and name == CALIBRATION)]
        if SETTINGS in names:
            faults = SettingsFile(staged / "config").load(aside=False).faults
            if faults:
                raise DataError(f"The settings in the backup cannot be used: {faults[0]}")
        events = tests = 0
        if HISTORY in names:
            events, tests = judge_history(staged / HISTORY, len(MIGRATIONS))
            own = _own_tests(state_dir)
            if own and not replace:
                raise DataError(
                    f"This unit has {own} test{'s' if own > 1 else ''} of its own: --replace puts "
                    "them aside."
                )
        if not dry_run:
            places = {"config": config_dir, "state": state_dir}
            _take(staged, [name for name in names if name != HISTORY], places)
            if HISTORY in names:
                _take_history(staged / HISTORY, state_dir, events, tests)
        return Restored(facts, len(names), events, tests)


def _own_tests(state_dir: Path) -> int:
    if not (state_dir / "history.db").is_file():
        return 0
    history = HistoryDb(state_dir)
    try:
        return len(history.tests(True))
    finally:
        history.close()


def _take(staged: Path, names: list[str], places: Mapping[str, Path]) -> None:
    for name in names:
        base, _, rest = name.partition("/")
        to = places[base] / rest
        if to.parent != places[base]:
            _make_folder(to.parent)
        # As root too, what the station has put there leads to no other file: no link is read, and
        # none is written through.
        if to.is_symlink():
            os.rename(to, _aside(to))
        elif to.is_file():
            write_atomic(_aside(to), read_regular(to, MOST_BYTES), 0o600)
        write_atomic(to, (staged / name).read_bytes(), MODES.get(name, 0o600))


def _make_folder(folder: Path) -> None:
    if folder.is_dir():
        return
    folder.mkdir(mode=0o700)
    if os.geteuid() == 0:
        above = folder.parent.stat()
        os.chown(folder, above.st_uid, above.st_gid)


def _take_history(staged: Path, state_dir: Path, events: int, tests: int) -> None:
    path, numbers = state_dir / "history.db", state_dir / "numbers"
    owner = path.stat() if path.exists() else state_dir.stat()
    for old in (path, *(path.with_name(path.name + end) for end in ("-wal", "-shm")), numbers):
        if os.path.lexists(old):
            os.rename(old, _aside(old))
    SequenceFile(numbers).reserve(events + EVENTS_AHEAD, tests + TESTS_AHEAD, ahead=True)
    with staged.open("rb") as file:
        os.fsync(file.fileno())
    for made in (staged, numbers):
        os.chmod(made, 0o600)
        if os.geteuid() == 0:
            os.chown(made, owner.st_uid, owner.st_gid, follow_symlinks=False)
    os.rename(staged, path)
    sync_folder(state_dir)


def _aside(path: Path) -> Path:
    """NAME.before-N, N above any that exists."""
    for number in itertools.count(1):
        to = path.with_name(f"{path.name}.before-{number}")
        if not os.path.lexists(to):
            return to
    raise AssertionError  # count does not end
