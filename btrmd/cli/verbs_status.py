"""`btrmd status`, `btrmd alarms` and `btrmd ack`: what the running daemon sees."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from typing import Any

from ..model.discharge import TestRecord
from ..model.result_words import format_action, is_combined
from ..model.value_text import format_number
from .client import ControlClient
from .output import reading_text, table, value_text, write_json, write_line, write_lines
from .parsing import Verbs, add_json, add_place, place_of, wants_json


def add_parsers(verbs: Verbs) -> None:
    add_json(verbs.add("status", status, state=True))

    parser = verbs.add("alarms", alarms, state=True)
    add_json(parser)
    actions = parser.add_subparsers(dest="action", metavar="ack KEY")
    nested = actions.add_parser("ack", help="acknowledge an alarm")
    add_place(nested)
    nested.add_argument("key", metavar="KEY")
    nested.set_defaults(run=acknowledge)

    parser = verbs.add(
        "ack",
        acknowledge,
        state=True,
        description="Acknowledge an alarm; a latched one whose cause is gone is cleared by it.",
    )
    parser.add_argument("key", metavar="KEY", help="as in btrmd alarms")


def status(args: argparse.Namespace) -> int:
    with ControlClient(place_of(args)) as client:
        answer = client.ask("status")
    del answer["ok"]
    if wants_json(args):
        write_json(answer)
        return 0
    points: Mapping[str, Mapping[str, Any]] = answer["points"]
    write_lines(table([(key, reading_text(point)) for key, point in points.items()]))
    write_line()
    faults: Mapping[str, str] = answer["listener_faults"]
    for name, address in answer["listeners"].items():
        write_line(f"listener {name}: {address or 'closed'} {faults.get(name, '')}".rstrip())
    write_lines(alarm_line(alarm) for alarm in answer["alarms"])
    write_lines(f"fault: {fault}" for fault in answer["faults"])
    if not answer["is_ticking"]:
        write_line("fault: The owner loop has stopped ticking; the values above are old.")
    write_line(test_line(answer["test"]))
    return 0


def alarms(args: argparse.Namespace) -> int:
    with ControlClient(place_of(args)) as client:
        found: list[dict[str, Any]] = client.ask("alarms")["alarms"]
    if wants_json(args):
        write_json({"alarms": found})
    else:
        write_lines(alarm_line(alarm) for alarm in found)
    return 0


def acknowledge(args: argparse.Namespace) -> int:
    with ControlClient(place_of(args)) as client:
        client.ask("ack", key=args.key)
    return 0


def alarm_line(alarm: Mapping[str, Any]) -> str:
    """One line for one alarm."""
    words = ["active" if alarm["active"] else "gone"]
    words += [word for word in ("latched", "acknowledged") if alarm[word]]
    return f"alarm {alarm['key']}: {alarm['text']} (since {alarm['since']}, {', '.join(words)})"


def test_line(test: Mapping[str, Any]) -> str:
    """One line for the test that runs, or for the last one."""
    if test["n"] is None:
        return f"test: {test['state']}, none yet"
    parts = [f"test {test['n']} (type {test['type']}): {test['state']}"]
    if test["result"] != "none":
        parts.append(f"result {test['result']}")
    if test["reason"]:
        parts.append(test["reason"].rstrip("."))
    if test["duration_s"] is not None:
        parts.append(f"ran {duration_text(test['duration_s'])}")
    if test["estimate_s"] is not None:
        parts.append(f"run time {estimate_text(test)}")
    record = record_of(test)
    if is_combined(record):
        parts.append(f"this discharge alone {own_text(test)}")
    if test.get("started_at_charge") is not None:
        charge = format_number(100.0 * test["started_at_charge"], 0, "%")
        parts.append(f"began at {charge} of the charge")
    if test["marks"]:
        parts.append(f"marks {value_text(test['marks'])}")
    line = ", ".join(parts)
    action = format_action(record)
    return f"{line}. {action}" if action else line


def own_text(test: Mapping[str, Any]) -> str:
    """What this discharge says without the earlier ones."""
    own = {
        "estimate_s": test["own_estimate_s"],
        "estimate_low_s": test["own_low_s"],
        "estimate_high_s": test["own_high_s"],
    }
    return estimate_text(own)


def record_of(test: Mapping[str, Any]) -> TestRecord:
    """The test as the pages have it; its times are of no use here."""
    known = {name: test[name] for name in TestRecord._fields if name in test}
    return TestRecord(**{**known, "started_at": 0.0, "marks": tuple(test["marks"])})


def estimate_text(test: Mapping[str, Any]) -> str:
    """The estimate with its interval."""
    text = duration_text(test["estimate_s"])
    low, high = test["estimate_low_s"], test["estimate_high_s"]
    if low is None or high is None:
        return text
    return f"{text} ({duration_text(low)} to {duration_text(high)})"


def duration_text(seconds: float) -> str:
    """Seconds as hours and minutes: 4 h 05 min; under 10 minutes as seconds."""
    if seconds < 600:
        return format_number(seconds, 0, "s")
    hours, minutes = divmod(int(seconds // 60), 60)  # down, as everywhere else
    return f"{hours} h {minutes:02d} min" if hours else f"{minutes} min"
