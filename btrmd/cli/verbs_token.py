"""`btrmd token`: what machines come with instead of a login, by the daemon or by its file."""

from __future__ import annotations

import argparse
from datetime import UTC, datetime
from typing import Any

from ..model.tokens import ROLES, decode_tokens, with_token, without_token
from .output import table, warn, write_json, write_line, write_lines
from .parsing import Verbs, add_json, add_place, place_of, wants_json
from .settings_door import daemon_of, lock_files


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
    nested.set_defaults(run=add)
    nested = actions.add_parser("list", help="names and roles")
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
            text = client.ask("token_add", name=args.name, role=args.role)["token"]
    else:
        with lock_files(place):
            at = datetime.now(UTC).isoformat(timespec="seconds")
            file, data = _file(place.config_dir)
            made, text = with_token(data, args.name, args.role, at)
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
        _, data = _file(place.config_dir)
        found = [
            {"name": t.name, "role": t.role, "made_at": t.made_at}
            for t in decode_tokens(data).values()
        ]
    if wants_json(args):
        write_json({"tokens": found})
    else:
        write_lines(table([(t["name"], t["role"], t["made_at"]) for t in found]))
    return 0


def _file(config_dir: Any) -> tuple[Any, dict[str, object]]:
    from ..store.json_file import JsonFile

    file = JsonFile(config_dir / "tokens.json")
    loaded = file.load()
    if loaded.fault:
        warn(loaded.fault)
    return file, dict(loaded.data or {})
