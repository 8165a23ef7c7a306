"""`btrmd check`: whether configuration and hardware are well."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from ..model.errors import BtrmError
from .output import FAILURE, write_lines
from .parsing import Verbs, place_of
from .settings_client import daemon_of


def add_parsers(verbs: Verbs) -> None:
    verbs.add(
        "check",
        run,
        state=True,
        config=True,
        description="Validate configuration and hardware, one line a finding. A running daemon is "
        "asked; without one the files are read. Exit code 0: no finding.",
    )


def run(args: argparse.Namespace) -> int:
    place = place_of(args)
    client = daemon_of(place)
    if client is None:
        found = file_findings(place.config_dir)
        who = f"the files in {place.config_dir} (no btrmd is running on {place.state_dir})"
    else:
        with client:
            found = [str(finding) for finding in client.ask("check")["findings"]]
        who = f"btrmd on {place.state_dir}"
    write_lines(found)
    count = {0: "no finding", 1: "1 finding"}.get(len(found), f"{len(found)} findings")
    # On stderr, so that standard output stays one line a finding.
    sys.stderr.write(f"btrmd: {count} from {who}.\n")
    return FAILURE if found else 0


def file_findings(config_dir: Path) -> list[str]:
    """What a daemon that starts on these files would complain of, one sentence each; only reads."""
    from ..hal.config import find_hardware_file, load_hardware
    from ..store.settings_file import load_settings

    found: list[str] = []
    if not config_dir.is_dir():
        found.append(f"There is no folder {config_dir}: only defaults are in force.")
    try:
        found += load_settings(config_dir, aside=False).faults
    except BtrmError as error:
        found.append(str(error))
    try:
        load_hardware(find_hardware_file(config_dir))
    except BtrmError as error:
        found.append(str(error))
    return found
