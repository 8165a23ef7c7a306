"""`btrmd check`: whether configuration and hardware are well."""

from __future__ import annotations

import argparse
import sys

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
        from .findings import file_findings

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
