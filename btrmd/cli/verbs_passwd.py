"""`btrmd passwd`: the password of a web login, by the daemon or by its file."""

from __future__ import annotations

import argparse
import sys
from getpass import getpass

from ..model.errors import SettingError
from ..passwords import FACTORY_USER, MAX_LENGTH, ROLES, check_new_password
from ..servers.control_access import check_user
from .client import ControlClient
from .parsing import Verbs, place_of
from .settings_client import daemon_of, store_password


def add_parsers(verbs: Verbs) -> None:
    parser = verbs.add(
        "passwd",
        run,
        state=True,
        config=True,
        description="Set the password of a web login (8 to 128 characters). A name that is not "
        "known is refused, unless --add --role ROLE makes a new user of it.",
    )
    parser.add_argument(
        "--stdin", action="store_true", help="read it from the first line of standard input"
    )
    parser.add_argument("--user", metavar="NAME", default=FACTORY_USER, help="default: admin")
    parser.add_argument("--add", action="store_true", help="a new user, with --role")
    parser.add_argument("--role", choices=ROLES, help="of a new user")


def run(args: argparse.Namespace) -> int:
    if args.add is not (args.role is not None):
        raise argparse.ArgumentTypeError("--add and --role go together")
    user = check_user(args.user)
    password = check_new_password(read_password(args.stdin, user))
    place = place_of(args)
    client: ControlClient | None = daemon_of(place)
    if client is None:
        store_password(place, user, password, args.role)
        return 0
    with client:
        client.ask("passwd", user=user, password=password, role=args.role)
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
