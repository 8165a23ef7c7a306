"""`btrmd test`: start, stop, show or await a capacity test."""

from __future__ import annotations

import argparse
import math
import time
from typing import Any

from ..model.value_text import read_number
from .client import CommandRefusedError, ControlClient
from .output import FAILURE, fail, write_json, write_line
from .parsing import Verbs, add_json, add_place, place_of, wants_json
from .verbs_status import test_line

POLL_S = 0.2
IDLE = "idle"
FINISHED = "finished"


def add_parsers(verbs: Verbs) -> None:
    parser = verbs.add("test", show, state=True)
    actions = parser.add_subparsers(
        dest="action", metavar="start|stop|status|wait", required=True, title="actions"
    )
    action = actions.add_parser("start", help="start a test, now or after a delay")
    action.add_argument("--type", choices=("1", "2"), help="default: the setting test.type")
    action.add_argument(
        "--delay-h", metavar="N", type=hours, default=0.0, help="hours until it starts, 0..500"
    )
    action.set_defaults(run=start)
    add_place(action)

    action = actions.add_parser("stop", help="stop the test, or cancel its delayed start")
    action.set_defaults(run=stop)
    add_place(action)

    action = actions.add_parser("status", help="the test that runs, else the last one")
    add_json(action)
    action.set_defaults(run=show)
    add_place(action)

    action = actions.add_parser(
        "wait",
        help="wait for the end of a test",
        description="Wait until test N (default: the one that runs) has finished, then print its "
        "result. Exit code 0: it has finished, whatever the result; 1: timed out, or no such test.",
    )
    action.add_argument("n", metavar="N", nargs="?", type=whole, help="number of a test")
    action.add_argument("--timeout", metavar="S", type=seconds, help="seconds; default: for ever")
    action.set_defaults(run=wait)
    add_place(action)


def start(args: argparse.Namespace) -> int:
    with ControlClient(place_of(args)) as client:
        answer = client.ask("test_start", type=args.type, delay_h=args.delay_h)
    n = answer.get("n")
    if args.delay_h:
        write_line(f"The test starts in {args.delay_h:g} h.")
    else:
        write_line("The test has begun." if n is None else f"Test {n} has begun.")
    return 0


def stop(args: argparse.Namespace) -> int:
    with ControlClient(place_of(args)) as client:
        client.ask("test_stop")
    return 0


def show(args: argparse.Namespace) -> int:
    with ControlClient(place_of(args)) as client:
        test = client.ask("test_status")["test"]
    if wants_json(args):
        write_json(test)
    else:
        write_line(test_line(test))
    return 0


def wait(args: argparse.Namespace) -> int:
    deadline = math.inf if args.timeout is None else time.monotonic() + args.timeout
    with ControlClient(place_of(args)) as client:
        n = args.n
        if n is None:
            n = _running_number(client, deadline)
            if n is None:
                return FAILURE
        while True:
            test = _find(client, n)
            if test is not None and test["state"] == FINISHED:
                write_line(test_line(test))
                return 0
            if test is None and _state(client) == IDLE and _find(client, n) is None:
                return fail(f"There is no test {n}.")
            if not _pause(deadline):
                return fail(f"Test {n} has not finished within {args.timeout:g} s.")


def _running_number(client: ControlClient, deadline: float) -> int | None:
    """The number of the test that runs; waits out a delayed start. None: failed, and said so."""
    while True:
        answer = client.ask("test_status")
        if answer["running"] is not None:
            return int(answer["running"])
        if answer["test"]["state"] == IDLE:
            fail("No test is running.")
            return None
        if not _pause(deadline):
            fail("The delayed test has not finished in time.")
            return None


def _find(client: ControlClient, n: int) -> dict[str, Any] | None:
    """Test `n`; None when there is none (yet)."""
    try:
        found: dict[str, Any] = client.ask("test_status", n=n)["test"]
    except CommandRefusedError as error:
        if error.code == "unknown":
            return None
        raise
    return found


def _state(client: ControlClient) -> str:
    return str(client.ask("test_status")["test"]["state"])


def _pause(deadline: float) -> bool:
    """Wait for the next look; False when the deadline has passed."""
    left = deadline - time.monotonic()
    if left <= 0:
        return False
    time.sleep(min(POLL_S, left))
    return True


def hours(text: str) -> float:
    try:
        value = read_number(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise argparse.ArgumentTypeError(f"{text!r} is refused: allowed is 0..500 h")
    return value  # its range is the daemon's to judge: a refusal, not a matter of usage


def seconds(text: str) -> float:
    try:
        value = read_number(text)
    except ValueError:
        value = -1.0
    if not 0.0 <= value < 1e9:
        raise argparse.ArgumentTypeError(f"{text!r} is refused: allowed is a number of seconds")
    return value


def whole(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 16):
        raise argparse.ArgumentTypeError(f"{text!r} is refused: allowed is the number of a test")
    return int(text)
