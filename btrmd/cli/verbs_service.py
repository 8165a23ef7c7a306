"""`btrmd selftest`, `calibrate`, `capacity` and `reset-data`: for whoever services the station."""

from __future__ import annotations

import argparse
import time
from typing import Any

from .client import ControlClient
from .output import fail, value_text, write_json, write_line
from .parsing import Verbs, add_json, decode_number, place_of, wants_json

POLL_S = 0.2
SELFTEST_S = 60.0  # a self-test takes 5 to 15 s; the rest is for its event to reach the disk


def add_parsers(verbs: Verbs) -> None:
    verbs.add(
        "selftest",
        selftest,
        state=True,
        description="Run the self-test again (5 to 15 s), print its result. Exit code 0: passed.",
    )

    parser = verbs.add(
        "calibrate",
        calibrate,
        state=True,
        description="Two-point calibration: feed a known value, then tell it with --low or --high.",
    )
    parser.add_argument("channel", metavar="CHANNEL", help="e.g. battery.voltage or load.current")
    action = parser.add_mutually_exclusive_group()
    action.add_argument(
        "--low", metavar="V", type=decode_number, help="true value at the low point, V or A"
    )
    action.add_argument(
        "--high", metavar="V", type=decode_number, help="true value at the high point"
    )
    action.add_argument("--clear", action="store_true", help="forget both points")
    action.add_argument("--show", action="store_true", help="show reading and points (default)")
    add_json(parser)

    parser = verbs.add(
        "capacity",
        capacity,
        state=True,
        description="Capacity IO Check: force capacity low, so that output, e-mail and protocols "
        "can be tried, then put it back to nominal.",
    )
    parser.add_argument("state", choices=("low", "nominal"))

    parser = verbs.add(
        "reset-data",
        reset_data,
        state=True,
        description="Clear the battery test data: capacity is unknown again.",
    )
    parser.add_argument(
        "--settings", action="store_true", help="also put the battery test settings to default"
    )


def selftest(args: argparse.Namespace) -> int:
    with ControlClient(place_of(args)) as client:
        after = client.ask("selftest")["after"]
        deadline = time.monotonic() + SELFTEST_S
        while time.monotonic() < deadline:
            answer = client.ask("selftest_result", after=after)
            if answer["result"] is not None:
                if answer["result"] == "failed":
                    return fail(answer["finding"])
                write_line(answer["finding"])
                return 0
            time.sleep(POLL_S)
    return fail(f"The self-test has not ended within {SELFTEST_S:g} s.")


def calibrate(args: argparse.Namespace) -> int:
    channel = args.channel
    with ControlClient(place_of(args)) as client:
        done: dict[str, Any] = {}
        if args.clear:
            done = client.ask("calibrate", channel=channel, point="clear")
        elif args.low is not None:
            done = client.ask("calibrate", channel=channel, point="low", actual=args.low)
        elif args.high is not None:
            done = client.ask("calibrate", channel=channel, point="high", actual=args.high)
        reading = client.ask("get", keys=[channel])["values"][channel]
        points = client.ask("calibration")["calibration"].get(channel)
    if wants_json(args):
        write_json({"channel": channel, "reading": reading, "calibration": points})
    else:
        if done.get("text"):
            write_line(done["text"])
        write_line(f"{channel} = {value_text(reading)}")
        write_line(f"calibration: {calibration_text(points)}")
    return 0


def calibration_text(points: Any) -> str:
    if not points:
        return "none"
    if not isinstance(points, dict):
        return value_text(points)
    return ", ".join(f"{name} {value_text(value)}" for name, value in points.items())


def capacity(args: argparse.Namespace) -> int:
    with ControlClient(place_of(args)) as client:
        client.ask("capacity_check", low=args.state == "low")
    return 0


def reset_data(args: argparse.Namespace) -> int:
    with ControlClient(place_of(args)) as client:
        client.ask("reset", settings=args.settings)
    return 0
