"""`btrmd battery replaced`: another battery was put in."""

from __future__ import annotations

import argparse
from typing import Any

from .client import ControlClient
from .output import write_line
from .parsing import Verbs, add_place, place_of


def add_parsers(verbs: Verbs) -> None:
    parser = verbs.add("battery", replaced, state=True)
    actions = parser.add_subparsers(
        dest="action", metavar="replaced", required=True, title="actions"
    )
    action = actions.add_parser(
        "replaced",
        help="another battery was put in",
        description="Tell that another battery was put in: earlier tests and outages stay in the "
        "history and count no more, capacity is not known, its alarm is cleared. Refused in a test "
        "and on battery.",
    )
    action.add_argument("--rated-ah", metavar="AH", help="its rating; default: as before")
    action.add_argument("--type", metavar="TYPE", help="its type; default: as before")
    action.set_defaults(run=replaced)
    add_place(action)


def replaced(args: argparse.Namespace) -> int:
    asked: dict[str, Any] = {}
    if args.rated_ah is not None:
        asked["rated_ah"] = args.rated_ah
    if args.type is not None:
        asked["type"] = args.type
    with ControlClient(place_of(args)) as client:
        answer = client.ask("battery_replaced", **asked)
    last = answer.get("after")
    write_line(
        f"The battery counts as replaced after discharge {last}."
        if last
        else "The battery counts as replaced; there was no discharge before."
    )
    return 0
