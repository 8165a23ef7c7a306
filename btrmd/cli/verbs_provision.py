"""`btrmd provision`: take the settings that somebody has put on the boot partition, once."""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable, Sequence
from hashlib import file_digest
from pathlib import Path
from typing import TYPE_CHECKING

from ..model.errors import BtrmError
from .output import fail, write_line
from .parsing import Verbs, place_of
from .provisioning import NAMES
from .settings_client import DaemonSettings, SettingsClient, config_lock, open_settings

if TYPE_CHECKING:
    from ..store.provision_file import ProvisionFile
    from .place import Folders

BACKUP = "btrm-backup.tar.gz"
FOLDERS = ("/boot/firmware", "/boot")  # Raspberry Pi OS from bookworm on, and before
APPLIED = ".applied"  # appended to the name of a file that was taken over


def add_parsers(verbs: Verbs) -> None:
    parser = verbs.add(
        "provision",
        provision,
        state=True,
        config=True,
        description=f"Restore {BACKUP} (of btrmd backup), then apply btrm.json, or this unit's row "
        "of btrm.csv, from the first FOLDER that has one, all or none, and rename it. The service "
        "does this before each start. Without such a file nothing happens: exit code 0.",
    )
    where = f"default {' '.join(FOLDERS)}, and a memory stick labelled BTRM"
    parser.add_argument("folders", metavar="FOLDER", nargs="*", help=where)


def provision(args: argparse.Namespace) -> int:
    from .memory_stick import memory_stick

    if args.folders:
        return _provision(args, args.folders)
    with memory_stick() as stick:
        return _provision(args, (*FOLDERS, *stick.folders), stick.fault)


def _provision(args: argparse.Namespace, folders: Sequence[str], fault: str = "") -> int:
    """`fault`: why a further folder cannot be read."""
    from ..store.provision_file import ProvisionFile

    place = place_of(args)
    if not place.state_dir.is_dir():
        raise BtrmError(f"There is no state folder {place.state_dir}.")
    kept = ProvisionFile(place.state_dir)
    whole, path = _first(folders, (BACKUP,)), _first(folders, NAMES)
    if whole is None and path is None:
        if refusal := _misnamed(folders, (BACKUP, *NAMES)) or fault:
            return _refuse(refusal, kept)
        before = kept.load()
        if before.is_fault:  # the file that was refused is gone
            kept.save(before._replace(is_fault=False))
        return 0
    code = _take(whole, place, kept, _restore, _others(folders, whole)) if whole is not None else 0
    if path is not None and not code:
        code = _take(path, place, kept, _apply, _others(folders, path))
    if fault and not code:
        text = kept.load().text  # of a file that was read before it may say so already
        return _refuse(text if fault in text else f"{text} {fault}".strip(), kept)
    return code


def _first(folders: Sequence[str], names: Sequence[str]) -> Path | None:
    paths = (Path(folder) / name for folder in folders for name in names)
    # whatever has the name is meant: a folder or a FIFO is refused with a sentence later
    return next((path for path in paths if os.path.lexists(path)), None)


def _others(folders: Sequence[str], taken: Path) -> str:
    """A sentence on further files that would do as well as `taken`; "" = there are none."""
    names = (BACKUP,) if taken.name == BACKUP else NAMES
    paths = [Path(folder) / name for folder in folders for name in names]
    left = [str(path) for path in paths if path.exists() and not path.samefile(taken)]
    if not left:
        return ""
    return f" {' and '.join(left)} {'waits' if len(left) == 1 else 'wait'} for the next start."


def _misnamed(folders: Sequence[str], names: Sequence[str]) -> str:
    """A sentence on a file that somebody means to be one of `names`; "" = there is none. Windows
    hides ".txt", and a partition that tells capitals apart is not asked in capitals."""
    for folder in folders:
        try:
            found = sorted(os.listdir(folder))
        except OSError:
            continue
        for name in found:
            wanted = name.lower().removesuffix(".txt")
            if wanted in names:
                path = Path(folder) / name
                return f"{path} was not applied, nothing has been changed: name it {wanted}."
    return ""


def _refuse(text: str, kept: ProvisionFile) -> int:
    """The file is a fault until it is gone; the same refusal is told once."""
    from ..store.provision_file import Provision

    before = kept.load()
    is_new = text != before.text or not before.is_fault
    kept.save(Provision(text, True, before.is_reported and not is_new, before.digest))
    return fail(text)


def _restore(path: Path, place: Folders) -> str:
    """A unit that has tests of its own is never replaced so."""
    from ..store import restore
    from ..store.lock import DirLock
    from .verbs_backup import restored_text

    lock = DirLock(place.state_dir)
    lock.acquire()
    try:
        with config_lock(place.config_dir):
            return restored_text(
                path.name, restore.restore(path, place.config_dir, place.state_dir)
            )
    finally:
        lock.release()


def _apply(path: Path, place: Folders) -> str:
    from ..docgen.settings_export import MAX_EXPORT
    from ..store.atomic import read_regular
    from .provisioning import read_provision

    raw = read_regular(path, MAX_EXPORT + 1)
    with open_settings(place) as settings_client:
        serial = _serial(settings_client, place)
        wanted = read_provision(raw, path.name, serial)
        # what merely moves along, such as a gateway out of reach, is no setting of the file
        changed = [key for key in settings_client.import_(wanted, False) if key in wanted]
    count = f"{len(changed)} setting{'' if len(changed) == 1 else 's'} changed"
    return f"{path.name} was applied to the unit {serial}: {count}."


def _take(
    path: Path, place: Folders, kept: ProvisionFile, apply: Callable[[Path, Folders], str],
    others: str,
) -> int:  # fmt: skip
    """Apply `path` once, keep what became of it, and rename it. `others`: a sentence on what was
    left alone."""
    from ..store.atomic import open_regular
    from ..store.provision_file import Provision

    before = kept.load()
    try:
        with open_regular(path) as file:
            digest = file_digest(file, "sha256").hexdigest()
        if digest in before.digest.split(","):
            return 0
        text = apply(path, place) + others
    except (BtrmError, OSError) as error:
        return _refuse(f"{path} was not applied, nothing has been changed: {error}", kept)
    sentence = text if before.is_reported or before.is_fault else f"{before.text} {text}"
    # Kept before it is renamed: after a power cut between the two it is not applied a second time.
    both = ",".join(filter(None, (*before.digest.split(",")[-1:], digest)))
    kept.save(Provision(sentence, False, False, both))
    try:
        os.replace(path, path.with_name(path.name + APPLIED))
    except OSError as error:
        write_line(f"{path} stays, it cannot be renamed: {error.strerror}.")
    else:
        kept.save(Provision(sentence, False, False, before.digest))
    write_line(text)
    return 0


def _serial(settings_client: SettingsClient, place: Folders) -> str:
    if isinstance(settings_client, DaemonSettings):
        return str(settings_client.get(["system.serial"])["system.serial"])
    from ..daemon.unit_serial import unit_serial

    return unit_serial(place.state_dir, is_simulated=False)
