"""`btrmd events verify`: does the event log still say what was stored?"""

from __future__ import annotations

import argparse
import os
import sqlite3
from pathlib import Path
from typing import TYPE_CHECKING

from ..model.errors import BtrmError
from .output import FAILURE, fail, write_json, write_line
from .parsing import Verbs, add_json, add_place, place_of, wants_json

if TYPE_CHECKING:
    from ..store.chain import ChainHead, Verified

WAIT_S = 10.0  # for a database that is being written


def add_parsers(verbs: Verbs) -> None:
    parser = verbs.add("events", verify, state=True)
    actions = parser.add_subparsers(dest="action", metavar="verify", required=True, title="actions")
    action = actions.add_parser(
        "verify",
        help="look for lines that were changed or taken out",
        description="Every line of the event log is tied to the one before it of its class by a "
        "SHA-256. This looks through all of them and tells the head of each class. Who can write "
        "the file can make the whole chain anew: note the heads elsewhere from time to time and "
        "give them with --expect. Exit code 0: all hold together; 1: a line does not.",
    )
    action.add_argument(
        "--expect",
        metavar="N:LINK",
        action="append",
        default=[],
        help="a head that was noted earlier; its line must still be there, unchanged",
    )
    add_json(action)
    add_place(action)
    action.set_defaults(run=verify)


def verify(args: argparse.Namespace) -> int:
    from ..store.chain import parse_head
    from ..store.history_db import NAME

    noted = [parse_head(text) for text in args.expect]
    found = _look(place_of(args).state_dir / NAME, noted)
    if wants_json(args):
        write_json({"classes": [_facts(part) for part in found]})
    else:
        for part in found:
            write_line(_line(part))
    faults = [part.fault for part in found if part.fault]
    if faults:
        fail(" ".join(faults))
        return FAILURE
    return 0


def _look(path: Path, noted: list[ChainHead]) -> list[Verified]:
    from ..store.chain import verify as look_through

    if not path.is_file():
        raise BtrmError(f"There is no {path}; --state-dir names the state folder.")
    if not os.access(path, os.R_OK):
        raise BtrmError(f"{path} can be read by root and the service's user only.")
    try:
        connection = sqlite3.connect(
            f"{path.absolute().as_uri()}?mode=ro", uri=True, isolation_level=None, timeout=WAIT_S
        )
        try:
            connection.execute("BEGIN")
            if not connection.execute(
                "SELECT 1 FROM sqlite_master WHERE name = 'event_heads'"
            ).fetchone():
                raise BtrmError(f"{path} is of a btrmd that did not tie its lines to each other.")
            return look_through(connection, noted)
        finally:
            connection.close()
    except sqlite3.Error as error:
        raise BtrmError(f"{path} cannot be read: {error}.") from error


def _facts(part: Verified) -> dict[str, object]:
    return {
        "class": part.event_class.name.lower(),
        "lines": part.lines,
        "before": part.before,
        "first": part.first,
        "head": str(part.head) if part.head else None,
        "fault": part.fault or None,
    }


def _line(part: Verified) -> str:
    name = part.event_class.name.lower()
    if part.head is None:
        text = "no lines"
    else:
        text = f"{part.lines} lines from {part.first} on, head {part.head}"
    before = f", {part.before} lines of before there was a chain" if part.before else ""
    return f"{name}: {part.fault or text}{before}"
