"""`btrmd dns-sd`: tell avahi-daemon what this unit serves."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Final

from ..model.errors import BtrmError
from .output import warn, write_line
from .parsing import Verbs, place_of

FILE: Final = Path("/etc/avahi/services/btrmd.service")


def add_parsers(verbs: Verbs) -> None:
    parser = verbs.add(
        "dns-sd",
        announce,
        state=True,
        config=True,
        description="Print the service file of avahi-daemon for what the settings open. With "
        "--write put it where avahi-daemon looks, or remove it while dns_sd.enabled is false; the "
        "service does this before each start. Without avahi-daemon nothing is written.",
    )
    parser.add_argument("--write", action="store_true", help=f"write {FILE}")
    parser.add_argument("--file", type=Path, default=FILE, help="another file for --write")


def announce(args: argparse.Namespace) -> int:
    from ..daemon.unit_serial import unit_serial
    from ..docgen.dns_sd import MARK, service_file, services
    from ..store.atomic import write_atomic
    from ..store.settings_file import SettingsFile

    place = place_of(args)
    if not place.config_dir.is_dir():
        raise BtrmError(f"There is no folder {place.config_dir}.")
    loaded = SettingsFile(place.config_dir).load(aside=False)
    for fault in loaded.faults:
        warn(fault)
    settings = loaded.settings
    serial = unit_serial(place.state_dir, is_simulated=False)
    text = service_file(
        settings.text("site.name"), services(settings, serial, f"BTRM{settings.site.model}")
    )
    if not args.write:
        write_line(text.rstrip("\n"))
        return 0
    path: Path = args.file
    before = path.read_text() if path.is_file() else ""
    if before and MARK not in before:
        raise BtrmError(f"{path} is not of btrmd and stays as it is.")
    if not settings.flag("dns_sd.enabled"):
        if before:
            path.unlink()
            write_line(f"{path} is removed: dns_sd.enabled is false.")
    elif path.parent.is_dir():
        if text != before:
            write_atomic(path, text.encode(), 0o644)
            write_line(f"{path} is written.")
    else:
        raise BtrmError(f"There is no folder {path.parent}: install avahi-daemon for dns_sd.")
    return 0
