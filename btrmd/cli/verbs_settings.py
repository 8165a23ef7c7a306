"""`btrmd get`, `set`, `export` and `import`: the settings, by the daemon or by their file."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .output import value_text, write_json, write_line
from .parsing import Verbs, add_json, pair, pairs, place_of, wants_json
from .settings_door import open_door

SECRET = "(secret)"


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
        description="Change settings, all or none. A refused value changes nothing: exit code 1.",
    )
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

    parser = verbs.add(
        "import",
        import_,
        state=True,
        config=True,
        description="Take the settings of a file that btrmd export wrote, all or none, and show "
        "what changes. Secrets that are null stay as they are.",
    )
    parser.add_argument("file", metavar="FILE", help="- = standard input")
    parser.add_argument("--dry-run", action="store_true", help="show only")


def get(args: argparse.Namespace) -> int:
    with open_door(place_of(args)) as door:
        values = door.get(args.keys)
    if wants_json(args):
        write_json(values)
    else:
        write_settings(values)
    return 0


def set_(args: argparse.Namespace) -> int:
    changes = pairs(args.pairs)
    with open_door(place_of(args)) as door:
        values = door.set(changes)
    write_settings(values)
    return 0


def export(args: argparse.Namespace) -> int:
    with open_door(place_of(args)) as door:
        write_json(door.export(args.secrets), indent=1)
    return 0


def import_(args: argparse.Namespace) -> int:
    changes = read_export(args.file)
    with open_door(place_of(args)) as door:
        difference = door.import_(changes, args.dry_run)
    for key, (before, after) in difference.items():
        if before is None and after is None:
            write_line(f"{key}: {SECRET}")
        else:
            write_line(f"{key}: {value_text(before)} -> {value_text(after)}")
    if not difference:
        write_line("Nothing differs.")
    return 0


def write_settings(values: Mapping[str, Any]) -> None:
    """Lines of key = value, as `btrmd set` takes them."""
    from ..model.settings import SETTINGS

    for key, value in values.items():
        is_secret = key in SETTINGS and SETTINGS[key].secret
        write_line(f"{key} = {SECRET if is_secret else value_text(value)}")


def read_export(name: str) -> dict[str, Any]:
    """The settings of an exported file, without the secrets that are null.

    Raises DataError (one sentence naming the file and what is wrong) and OSError.
    """
    from ..model import settings_export

    shown = "standard input" if name == "-" else name
    most = settings_export.MAX_EXPORT + 1
    if name == "-":
        raw = sys.stdin.buffer.read(most)
    else:
        with Path(name).open("rb") as file:
            raw = file.read(most)
    return settings_export.read_export(raw, shown)
