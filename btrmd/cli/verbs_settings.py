"""`btrmd get`, `set`, `export` and `import`: the settings, by the daemon or by their file."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .output import value_text, warn, write_json, write_line
from .parsing import Verbs, add_json, pair, pairs, place_of, wants_json
from .settings_client import open_settings

SECRET = "(secret)"
CHANGED = 10  # exit code, when --changed asks for it


def add_parsers(verbs: Verbs) -> None:
    parser = verbs.add(
        "get",
        get,
        state=True,
        config=True,
        description="Show the settings, or those named; a point's key shows its value.",
    )
    parser.add_argument("keys", metavar="KEY", nargs="*")
    add_json(parser)

    parser = verbs.add(
        "set",
        set_,
        state=True,
        config=True,
        description="Change settings, all or none, and say which were so already. A refused value "
        "changes nothing: exit code 1.",
    )
    add_changed(parser)
    parser.add_argument("pairs", metavar="KEY=VALUE", nargs="+", type=pair)

    parser = verbs.add(
        "export",
        export,
        state=True,
        config=True,
        description="Write all settings as JSON to standard output. Logins are never part of it.",
    )
    parser.add_argument(
        "--secrets", action="store_true", help="with passwords and communities (else null)"
    )

    parser.add_argument(
        "--for-another-unit",
        action="store_true",
        help="without what makes this unit itself: its network, name, location and addresses on "
        "Modbus and DNP3",
    )

    parser = verbs.add(
        "import",
        import_,
        state=True,
        config=True,
        description="Take the settings of a file like those of btrmd export, all or none, and show "
        "what changes. The file may hold a few settings only; all others, and secrets that are "
        "null, stay as they are. A second time it changes nothing.",
    )
    add_changed(parser)
    parser.add_argument("file", metavar="FILE", help="- = standard input")
    parser.add_argument("--dry-run", action="store_true", help="show only")


def get(args: argparse.Namespace) -> int:
    with open_settings(place_of(args)) as settings_client:
        values = settings_client.get(args.keys)
    if wants_json(args):
        write_json(values)
    else:
        write_settings(values)
    return 0


def set_(args: argparse.Namespace) -> int:
    changes = pairs(args.pairs)
    with open_settings(place_of(args)) as settings_client:
        done = settings_client.set(changes)
    for key, value in done.values.items():
        write_line(setting_line(key, value) + ("" if key in done.changed else " (unchanged)"))
    for key, text in done.notes.items():
        warn(f"{key} = {value_text(done.values[key])}: {text}")
    return exit_code(args, bool(done.changed))


def export(args: argparse.Namespace) -> int:
    with open_settings(place_of(args)) as settings_client:
        write_json(settings_client.export(args.secrets, args.for_another_unit), indent=1)
    return 0


def import_(args: argparse.Namespace) -> int:
    changes = read_export(args.file)
    with open_settings(place_of(args)) as settings_client:
        difference = settings_client.import_(changes, args.dry_run)
    for key, (before, after) in difference.items():
        if before is None and after is None:
            write_line(f"{key}: {SECRET}")
        else:
            write_line(f"{key}: {value_text(before)} -> {value_text(after)}")
    if not difference:
        write_line("Nothing differs.")
    return exit_code(args, bool(difference))


def add_changed(parser: argparse.ArgumentParser) -> None:
    """--changed, for programs that tell "changed" from "was so already"."""
    parser.add_argument(
        "--changed",
        action="store_true",
        help=f"exit code {CHANGED} when something has changed (or would), 0 when nothing has",
    )


def exit_code(args: argparse.Namespace, is_changed: bool) -> int:
    return CHANGED if args.changed and is_changed else 0


def write_settings(values: Mapping[str, Any]) -> None:
    """Lines of key = value, as `btrmd set` takes them."""
    for key, value in values.items():
        write_line(setting_line(key, value))


def setting_line(key: str, value: object) -> str:
    from ..model.settings import SETTINGS

    is_secret = key in SETTINGS and SETTINGS[key].secret
    return f"{key} = {SECRET if is_secret else value_text(value)}"


def read_export(name: str) -> dict[str, Any]:
    """The settings of an exported file, without the secrets that are null.

    Raises DataError (one sentence naming the file and what is wrong) and OSError.
    """
    from ..docgen import settings_export

    shown = "standard input" if name == "-" else name
    most = settings_export.MAX_EXPORT + 1
    if name == "-":
        raw = sys.stdin.buffer.read(most)
    else:
        with Path(name).open("rb") as file:
            raw = file.read(most)
    return settings_export.read_export(raw, shown)
