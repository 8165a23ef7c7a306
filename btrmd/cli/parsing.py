"""Parsing: the argument parser of all commands and the options that several verbs share."""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Callable
from typing import Any, NoReturn

from ..model.value_text import read_number
from .place import HELP, Folders, find_place

USAGE = 2  # exit code


class Parser(argparse.ArgumentParser):
    """An argparse parser whose usage error is one sentence, exit code 2."""

    def __init__(self, **options: Any) -> None:
        options.setdefault("allow_abbrev", False)
        options.setdefault("formatter_class", argparse.RawDescriptionHelpFormatter)
        super().__init__(**options)

    def error(self, message: str) -> NoReturn:
        text = message.rstrip(".")
        sys.stderr.write(f"{self.prog}: {text}; see {self.prog} --help.\n")
        sys.exit(USAGE)


class Verbs:
    """What a verb module gets to add its parsers to; the one-line help comes from main's table."""

    def __init__(self, subparsers: Any, helps: dict[str, str]) -> None:
        self.subparsers = subparsers
        self._helps = helps

    def add(
        self,
        verb: str,
        run: Callable[[argparse.Namespace], int],
        *,
        state: bool = False,
        config: bool = False,
        description: str = "",
    ) -> Parser:
        """A parser for `verb` with the options of the place; `run(args)` returns the exit code."""
        text = self._helps[verb]
        parser: Parser = self.subparsers.add_parser(
            verb,
            help=text,
            description=description or f"{text[0].upper()}{text[1:]}.",
            epilog=HELP if state or config else None,
        )
        parser.set_defaults(run=run)
        if state or config:
            add_place(parser, config=config)
        return parser


def add_place(parser: argparse.ArgumentParser, *, config: bool = False) -> None:
    """--state-dir and, for verbs that can do with the files, --config-dir."""
    # SUPPRESS: the option may stand before or after a sub-verb without one undoing the other.
    parser.add_argument(
        "--state-dir",
        metavar="DIR",
        default=argparse.SUPPRESS,
        help="state folder of the daemon that is meant",
    )
    if config:
        parser.add_argument(
            "--config-dir",
            metavar="DIR",
            default=argparse.SUPPRESS,
            help="config folder, used when no daemon runs on it",
        )


def decode_number(text: str) -> float:
    """A finite number for argparse. Raises ArgumentTypeError."""
    try:
        value = read_number(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise argparse.ArgumentTypeError(f"{text!r} is refused: allowed is a number")
    return value


def decode_whole(text: str) -> int:
    """A whole number, 0 or more, for argparse. Raises ArgumentTypeError."""
    if not (text.isascii() and text.isdigit() and len(text) < 16):
        raise argparse.ArgumentTypeError(f"{text!r} is refused: allowed is a whole number")
    return int(text)


def add_json(parser: argparse._ActionsContainer) -> None:
    parser.add_argument("--json", action="store_true", default=argparse.SUPPRESS, help="print JSON")


def wants_json(args: argparse.Namespace) -> bool:
    return bool(getattr(args, "json", False))


def place_of(args: argparse.Namespace) -> Folders:
    return find_place(getattr(args, "config_dir", None), getattr(args, "state_dir", None))


def pair(text: str) -> tuple[str, str]:
    """KEY=VALUE as (key, value)."""
    key, equals, value = text.partition("=")
    if not equals or not key.strip():
        raise argparse.ArgumentTypeError(f"{text!r} is not KEY=VALUE")
    return key.strip(), value


def pairs(items: list[tuple[str, str]]) -> dict[str, str]:
    """The pairs as a mapping. Raises ArgumentTypeError for a key that is given twice."""
    changes: dict[str, str] = {}
    for key, value in items:
        if key in changes:
            raise argparse.ArgumentTypeError(f"{key} is given twice")
        changes[key] = value
    return changes
