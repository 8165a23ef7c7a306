"""`btrmd provision`: take the settings that somebody has put on the boot partition, once."""

from __future__ import annotations

import argparse
import os
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

from ..model.errors import BtrmError
from .output import fail, write_line
from .parsing import Verbs, place_of
from .settings_client import DaemonSettings, SettingsClient, open_settings

if TYPE_CHECKING:
    from ..store.provision_file import ProvisionFile
    from .place import Folders

FOLDERS = ("/boot/firmware", "/boot")  # Raspberry Pi OS from bookworm on, and before
APPLIED = ".applied"  # appended to the name of a file that was taken over


def add_parsers(verbs: Verbs) -> None:
    parser = verbs.add(
        "provision",
        provision,
        state=True,
        config=True,
        description="Apply btrm.json, or this unit's row of btrm.csv, from the first FOLDER that "
        "has one, all or none, and rename it. The service does this before each start. Without "
        "such a file nothing happens: exit code 0.",
    )
    parser.add_argument("folders", metavar="FOLDER", nargs="*", help=f"default {' '.join(FOLDERS)}")


def provision(args: argparse.Namespace) -> int:
    from ..model.provisioning import NAMES
    from ..store.provision_file import ProvisionFile

    folders = args.folders or FOLDERS
    paths = (Path(folder) / name for folder in folders for name in NAMES)
    path = next((path for path in paths if path.is_file()), None)
    place = place_of(args)
    if not place.state_dir.is_dir():
        raise BtrmError(f"There is no state folder {place.state_dir}.")
    kept = ProvisionFile(place.state_dir)
    before = kept.load()
    if path is None:
        if before.is_fault:  # the file that was refused is gone
            kept.save(before._replace(is_fault=False))
        return 0
    return _apply(path, place, kept)


def _apply(path: Path, place: Folders, kept: ProvisionFile) -> int:
    from ..model.provisioning import read_provision
    from ..model.settings_export import MAX_EXPORT
    from ..store.atomic import read_regular
    from ..store.provision_file import Provision

    before = kept.load()
    try:
        raw = read_regular(path, MAX_EXPORT + 1)
        digest = sha256(raw).hexdigest()
        if digest == before.digest:
            return 0
        with open_settings(place) as settings_client:
            serial = _serial(settings_client, place)
            changed = settings_client.import_(read_provision(raw, path.name, serial), False)
    except (BtrmError, OSError) as error:
        text = f"{path} was not applied, nothing has been changed: {error}"
        is_new = text != before.text or not before.is_fault
        kept.save(Provision(text, True, before.is_reported and not is_new, before.digest))
        return fail(text)
    count = f"{len(changed)} setting{'' if len(changed) == 1 else 's'} changed"
    text = f"{path.name} was applied to the unit {serial}: {count}."
    # Kept before it is renamed: after a power cut between the two it is not applied a second time.
    kept.save(Provision(text, False, False, digest))
    try:
        os.replace(path, path.with_name(path.name + APPLIED))
    except OSError as error:
        write_line(f"{path} stays, it cannot be renamed: {error.strerror}.")
    else:
        kept.save(Provision(text, False, False))
    write_line(text)
    return 0


def _serial(settings_client: SettingsClient, place: Folders) -> str:
    if isinstance(settings_client, DaemonSettings):
        return str(settings_client.get(["system.serial"])["system.serial"])
    from ..daemon.unit_serial import unit_serial

    return unit_serial(place.state_dir, is_simulated=False)
