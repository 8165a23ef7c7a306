"""The command `btrmd`: finds the verb, runs it, turns errors into one sentence and an exit code.

Exit codes: 0 good, 1 failure or refusal, 2 usage, 130 interrupted, 141 the reader of a pipe left.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from importlib import import_module
from io import TextIOWrapper

from .. import __version__
from ..model.errors import BtrmError
from .output import FAILURE, fail
from .parsing import USAGE, Parser, Verbs

INTERRUPTED = 130
PIPE_CLOSED = 141

# verb -> (module of this package, one line of help). Only the module of the verb that is called
# is imported: `btrmd get` must not wait for what `btrmd estimate` needs.
VERBS: dict[str, tuple[str, str]] = {
    "run": ("verbs_run", "run the daemon in the foreground"),
    "get": ("verbs_settings", "show settings, or a point's value"),
    "set": ("verbs_settings", "change settings, all or none"),
    "status": ("verbs_status", "show the running daemon: points, listeners, alarms, test"),
    "test": ("verbs_tests", "start, stop, show or await a capacity test"),
    "report": ("verbs_report", "print the report of a test or outage"),
    "alarms": ("verbs_status", "list the alarms, or acknowledge one"),
    "ack": ("verbs_status", "acknowledge an alarm"),
    "events": ("verbs_events", "verify that the event log says what was stored"),
    "sim": ("verbs_sim", "show or change the running simulation"),
    "estimate": ("verbs_estimate", "estimate the run time from a recorded discharge"),
    "health": ("verbs_health", "state of health and forecast from a history of discharges"),
    "points": ("verbs_points", "list the point table with every protocol's address"),
    "trap": ("verbs_send_test", "send a test notification to the SNMP receivers"),
    "webhook": ("verbs_send_test", "post a test to the webhook"),
    "mib": ("verbs_points", "print the SNMP MIB text"),
    "check": ("verbs_check", "validate configuration and hardware, one line a finding"),
    "selftest": ("verbs_service", "run the self-test of the running daemon again"),
    "calibrate": ("verbs_service", "show, set or clear the calibration of a channel"),
    "capacity": ("verbs_service", "force the capacity state, to try what hangs on it"),
    "battery": ("verbs_battery", "tell that another battery was put in"),
    "reset-data": ("verbs_service", "clear the battery test data"),
    "network": ("verbs_appliance", "give this machine the network of the settings"),
    "update": ("verbs_appliance", "install a signed update"),
    "passwd": ("verbs_passwd", "set the password of a web login"),
    "token": ("verbs_token", "make, list and revoke tokens of machines"),
    "export": ("verbs_settings", "write all settings as JSON"),
    "import": ("verbs_settings", "take settings from such a file"),
    "backup": ("verbs_backup", "write the whole unit, its history too, to one file"),
    "restore": ("verbs_backup", "take over such a file, as its replacement"),
    "dns-sd": ("verbs_dns_sd", "tell avahi-daemon what this unit serves"),
    "provision": ("verbs_provision", "take the settings put on the boot partition, once"),
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; `argv` without the program's name. Returns the exit code, never raises."""
    words = list(sys.argv[1:] if argv is None else argv)
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # a terminal without a degree sign
    try:
        code = _run(words)
        sys.stdout.flush()
        return code
    except SystemExit as stop:  # argparse: --help, --version, usage
        return stop.code if isinstance(stop.code, int) else FAILURE
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        # What is still buffered has no reader; without this the interpreter complains at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return PIPE_CLOSED
    except BtrmError as error:
        return fail(str(error))
    except OSError as error:
        name = f"{error.filename}: " if error.filename else ""
        return fail(f"{name}{error.strerror or error}.")


def build_parser(verb: str | None = None) -> Parser:
    """The parser; only `verb` knows its options, the others are there for the list of verbs."""
    parser = Parser(
        prog="btrmd",
        description="Battery tester and monitor for DC power plants.",
        epilog="btrmd VERB --help tells the rest.",
    )
    parser.add_argument("--version", action="version", version=f"btrmd {__version__}")
    subparsers = parser.add_subparsers(
        dest="verb", metavar="VERB", title="verbs", required=True, parser_class=Parser
    )
    wanted = VERBS[verb][0] if verb is not None else None
    if wanted is not None:
        module = import_module(f".{wanted}", __package__)
        module.add_parsers(Verbs(subparsers, {name: text for name, (_, text) in VERBS.items()}))
    for name, (where, text) in VERBS.items():
        if where != wanted:
            subparsers.add_parser(name, help=text)
    return parser


def _run(words: list[str]) -> int:
    verb = next((word for word in words if word in VERBS), None)
    parser = build_parser(verb)
    if not words:
        parser.print_help(sys.stderr)
        return USAGE
    args = parser.parse_args(words)
    del parser  # the daemon runs below for years, and has no use for it
    try:
        code = args.run(args)
    except argparse.ArgumentTypeError as error:
        usage = f"btrmd {args.verb}: {error}; see btrmd {args.verb} --help.\n"
        Parser(prog="btrmd").exit(USAGE, usage)
    return int(code)
