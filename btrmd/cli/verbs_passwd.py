"""`btrmd passwd`: the password of a web login, by the daemon or by its file."""

from __future__ import annotations

import argparse
import sys
from getpass import getpass

from ..model.errors import SettingError
from ..model.passwords import FACTORY_USER, MAX_LENGTH, check_new_password
from ..servers.control_verbs import check_user
from .client import Client
from .parsing import Verbs, place_of
from .settings_door import daemon_of, store_password


def add_parsers(verbs: Verbs) -> None:
    parser = verbs.add(
        "passwd",
        run,
        state=True,
        config=True,
        description="Set the password of a web login (8 to 128 characters).",
    )
    parser.add_argument(
        "--stdin", action="store_true", help="read it from the first line of standard input"
    )
    parser.add_argument("--user", metavar="NAME", default=FACTORY_USER, help="default: admin")


def run(args: argparse.Namespace) -> int:
    user = check_user(args.user)
    password = check_new_password(read_password(args.stdin, user))
    place = place_of(args)
    client: Client | None = daemon_of(place)
    if client is None:
        store_password(place, user, password)
        return 0
    with client:
        client.ask("passwd", user=user, password=password)
    return 0


def read_password(from_stdin: bool, user: str) -> str:
    """The new password; asked for twice at a terminal. Raises SettingError when they differ."""
    if from_stdin:
        return sys.stdin.readline(4 * MAX_LENGTH).rstrip("\r\n")
    try:
        first = getpass(f"New password for {user}: ")
        again = getpass("The same again: ")
    except EOFError:
        first, again = "", ""
    if first != again:
        text = "The two passwords differ; nothing was changed."
        raise SettingError("password", None, "the same twice", text)
    return first
