"""`btrmd network` and `btrmd update`: the host's address, and a signed update of this software."""

from __future__ import annotations

import argparse
import base64
import os
import time
from pathlib import Path
from typing import Any

from ..model.appliance import CONFIRM_S, MAX_BUNDLE
from ..model.errors import BtrmError, DataError
from ..model.value_text import format_number
from ..paths import run_dir
from ..servers.control_appliance import PIECE
from .client import ControlClient
from .output import fail, write_json, write_line
from .parsing import Verbs, add_json, place_of, wants_json

INSTALL_S = 120.0  # until the package is verified
WAIT_S = 900.0  # until the update has ended
POLL_S = 2.0


def add_parsers(verbs: Verbs) -> None:
    parser = verbs.add(
        "network",
        network,
        state=True,
        description="Give this machine the network of the settings (btrmd get network.address ...)."
        f" A change that is not confirmed within {CONFIRM_S:g} s is undone.",
    )
    parser.add_argument(
        "action",
        nargs="?",
        default="show",
        choices=("show", "apply", "confirm", "revert"),
        help="confirm by SSH counts when it came in by the new address",
    )
    add_json(parser)

    parser = verbs.add(
        "update",
        update,
        state=True,
        description="Install a signed update, or show how the last one ended.",
    )
    parser.add_argument("file", metavar="FILE", nargs="?", help="the bundle, *.btrm-update")
    parser.add_argument(
        "--allow-downgrade",
        action="store_true",
        help="an older version is meant; only root gives leave for that",
    )
    parser.add_argument("--no-wait", action="store_true", help="do not wait for the end")
    add_json(parser)


def network(args: argparse.Namespace) -> int:
    with ControlClient(place_of(args), INSTALL_S) as client:
        if args.action == "apply":
            write_line(client.ask("network_apply")["text"])
        elif args.action == "confirm":
            write_line(client.ask("network_confirm", address=_ssh_address())["text"])
        elif args.action == "revert":
            write_line(client.ask("network_revert")["text"])
        else:
            shown = client.ask("appliance")
            if wants_json(args):
                write_json({"has_helper": shown["has_helper"], **shown["network"]})
            else:
                _show_network(shown)
    return 0


def _show_network(shown: dict[str, Any]) -> None:
    change = shown["network"]
    if not shown["has_helper"]:
        write_line("btrmd-helper does not run here: this machine's network is set elsewhere.")
    if change["state"] in ("applying", "pending"):
        left = format_number(change["left_s"], 0, "s")
        write_line(f"{change['text'] or 'A change begins.'} {left} left.")
    else:
        write_line(change["text"] or "No network change has been made since the machine's start.")


def _ssh_address() -> str:
    """The address of this machine that the SSH connection came to, "" at the console."""
    words = os.environ.get("SSH_CONNECTION", "").split()
    return words[2] if len(words) == 4 else ""


def update(args: argparse.Namespace) -> int:
    if args.file is None:
        with ControlClient(place_of(args)) as client:
            state = client.ask("appliance")["update"]
        if wants_json(args):
            write_json(state)
        else:
            write_line(state["text"] or "No update has been made.")
        return 0
    with ControlClient(place_of(args), INSTALL_S) as client:
        before = client.ask("appliance")["update"]["n"]
        if args.allow_downgrade:
            _give_leave(args)
        _upload(client, Path(args.file))
        write_line(client.ask("update_install", downgrade=args.allow_downgrade)["text"])
    if args.no_wait:
        return 0
    return _await(args, before)


def _give_leave(args: argparse.Namespace) -> None:
    """Where this is root: the helper may install the version of this file though it is older.
    Everybody else asks without it, and is refused by the helper. Raises BundleError, OSError."""
    from ..appliance.bundle import named_version
    from ..appliance.client import make_client
    from ..appliance.minimum import give_leave

    if os.geteuid() != 0:
        return
    with Path(args.file).open("rb") as file:
        version = named_version(file)
    place = place_of(args)
    give_leave(make_client(run_dir(place.state_dir), place.state_dir).lib, version)


def _upload(client: ControlClient, path: Path) -> None:
    """Raises DataError, OSError."""
    with path.open("rb") as file:
        total = os.fstat(file.fileno()).st_size
        if not 0 < total <= MAX_BUNDLE:
            raise DataError(f"{path} is refused: {total} bytes; allowed are 1..{MAX_BUNDLE} bytes.")
        offset = 0
        while piece := file.read(PIECE):
            text = base64.b64encode(piece).decode()
            client.ask("update_put", offset=offset, total=total, piece=text)
            offset += len(piece)


def _await(args: argparse.Namespace, before: int) -> int:
    """Follow the update over the restart of the daemon."""
    deadline = time.monotonic() + WAIT_S
    while time.monotonic() < deadline:
        time.sleep(POLL_S)
        try:
            with ControlClient(place_of(args)) as client:
                state = client.ask("appliance")["update"]
        except BtrmError:
            continue  # it is being restarted
        if state["n"] > before and state["state"] != "installing":
            if state["state"] == "good":
                write_line(state["text"])
                return 0
            return fail(state["text"])
    return fail(f"The update has not ended within {WAIT_S:g} s; see journalctl -u btrmd-update.")
