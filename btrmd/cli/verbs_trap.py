"""`btrmd trap test`: a test notification to every SNMP receiver that is enabled."""

from __future__ import annotations

import argparse

from .client import CommandRefusedError, ControlClient
from .output import FAILURE, fail, write_lines
from .parsing import Verbs, add_place, place_of


def add_parsers(verbs: Verbs) -> None:
    parser = verbs.add("trap", send)
    actions = parser.add_subparsers(dest="action", metavar="test", required=True, title="actions")
    action = actions.add_parser(
        "test",
        help="send a test notification",
        description="Send a test notification to every enabled SNMP receiver and tell what became "
        "of each. Exit code 0: all were sent, and confirmed where they do confirm; 1: not so.",
    )
    action.set_defaults(run=send)
    add_place(action)


def send(args: argparse.Namespace) -> int:
    with ControlClient(place_of(args)) as client:
        try:
            answer = client.ask("trap_test")
        except CommandRefusedError as error:
            lines = error.facts.get("lines") or [str(error)]
            for line in lines:
                fail(str(line))
            return FAILURE
    write_lines(answer["lines"])
    return 0
