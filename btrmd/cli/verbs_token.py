"""`btrmd token`: what machines come with instead of a login, by the daemon or by its file."""

from __future__ import annotations

import argparse
from datetime import UTC, datetime
from typing import Any

from ..tokens import (
    EXPIRES_TEXT,
    ROLES,
    decode_tokens,
    expiry,
    public_token,
    with_token,
    without_token,
)
from .output import table, warn, write_json, write_line, write_lines
from .parsing import Verbs, add_json, add_place, place_of, wants_json
from .settings_client import daemon_of, lock_files


def add_parsers(verbs: Verbs) -> None:
    parser = verbs.add(
        "token",
        show,
        state=True,
        config=True,
        description="Tokens for machines: Authorization: Bearer TOKEN in place of a login. The "
        "text is shown once, when it is made; the unit keeps a hash of it.",
    )
    add_json(parser)
    actions = parser.add_subparsers(dest="action", metavar="add|list|revoke")
    nested = actions.add_parser("add", help="make one and print it")
    add_place(nested, config=True)
    nested.add_argument("name", metavar="NAME")
    nested.add_argument("--role", choices=ROLES, default="viewer", help="default: viewer, it reads")
    nested.add_argument("--expires", default="", metavar="D", help=f"{EXPIRES_TEXT}; else never")
    nested.set_defaults(run=add)
    nested = actions.add_parser("list", help="names, roles and ends")
    add_place(nested, config=True)
    add_json(nested)
    nested.set_defaults(run=show)
    nested = actions.add_parser("revoke", help="it is unknown from now on")
    add_place(nested, config=True)
    nested.add_argument("name", metavar="NAME")
    nested.set_defaults(run=revoke)


def add(args: argparse.Namespace) -> int:
    place = place_of(args)
    client = daemon_of(place)
    if client is not None:
        with client:
            text = client.ask("token_add", name=args.name, role=args.role, expires=args.expires)[
                "token"
            ]
    else:
        with lock_files(place):
            now = datetime.now(UTC)
            at, ends = now.isoformat(timespec="seconds"), expiry(args.expires, now.timestamp())
            file, data = _file(place.config_dir)
            made, text = with_token(data, args.name, args.role, at, ends)
            file.save(made)
    write_line(text)
    return 0


def revoke(args: argparse.Namespace) -> int:
    place = place_of(args)
    client = daemon_of(place)
    if client is not None:
        with client:
            client.ask("token_revoke", name=args.name)
        return 0
    with lock_files(place):
        file, data = _file(place.config_dir)
        file.save(without_token(data, args.name))
    return 0


def show(args: argparse.Namespace) -> int:
    place = place_of(args)
    client = daemon_of(place)
    if client is not None:
        with client:
            found = client.ask("token_list")["tokens"]
    else:
        _, data = _file(place.config_dir, aside=False)  # whoever only looks changes nothing
        found = [public_token(token) for token in decode_tokens(data).values()]
    if wants_json(args):
        write_json({"tokens": found})
    else:
        write_lines(table([_row(token) for token in found]))
    return 0


def _row(token: dict[str, Any]) -> tuple[str, str, str, str]:
    ends = token["expires_at"]
    return token["name"], token["role"], token["made_at"], f"until {ends}" if ends else ""


def _file(config_dir: Any, aside: bool = True) -> tuple[Any, dict[str, object]]:
    from ..store.json_file import JsonFile

    file = JsonFile(config_dir / "tokens.json")
    loaded = file.load(aside=aside)
    if loaded.fault:
        warn(loaded.fault)
    return file, dict(loaded.data or {})
