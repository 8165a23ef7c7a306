"""`btrmd webhook test`: a test to the webhook of the settings in force."""

from __future__ import annotations

import argparse

from .client import ControlClient
from .output import write_line
from .parsing import Verbs, add_place, place_of


def add_parsers(verbs: Verbs) -> None:
    parser = verbs.add("webhook", send)
    actions = parser.add_subparsers(dest="action", metavar="test", required=True, title="actions")
    action = actions.add_parser(
        "test",
        help="post a test",
        description="Post a test event (number 0) to the webhook and tell what became of it. Exit "
        "code 0: the server has taken it; 1: not so.",
    )
    action.set_defaults(run=send)
    add_place(action)


def send(args: argparse.Namespace) -> int:
    with ControlClient(place_of(args), timeout=30.0) as client:
        write_line(client.ask("webhook_test")["text"])
    return 0
