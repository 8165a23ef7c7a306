"""`btrmd trap test` and `btrmd webhook test`: a test to those who are told of events."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Final

from .client import CommandRefusedError, ControlClient
from .output import FAILURE, fail, write_line, write_lines
from .parsing import Verbs, add_place, place_of

WEBHOOK_S: Final = 30.0  # a server may be slow


def add_parsers(verbs: Verbs) -> None:
    _add(
        verbs, "trap", send_trap, "send a test notification",
        "Send a test notification to every enabled SNMP receiver and tell what became of each. "
        "Exit code 0: all were sent, and confirmed where they do confirm; 1: not so.",
    )  # fmt: skip
    _add(
        verbs, "webhook", send_webhook, "post a test",
        "Post a test event (number 0) to the webhook and tell what became of it. Exit code 0: the "
        "server has taken it; 1: not so.",
    )  # fmt: skip


def _add(
    verbs: Verbs,
    verb: str,
    run: Callable[[argparse.Namespace], int],
    help: str,
    description: str,
) -> None:
    parser = verbs.add(verb, run)
    actions = parser.add_subparsers(dest="action", metavar="test", required=True, title="actions")
    action = actions.add_parser("test", help=help, description=description)
    action.set_defaults(run=run)
    add_place(action)


def send_trap(args: argparse.Namespace) -> int:
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


def send_webhook(args: argparse.Namespace) -> int:
    with ControlClient(place_of(args), timeout=WEBHOOK_S) as client:
        write_line(client.ask("webhook_test")["text"])
    return 0
