"""`btrmd-helper`: the small program that runs as root and does what the daemon may not.

It knows eight verbs, each with checked fields, and ends itself when nobody asks. systemd starts it
by its socket; with `--socket` it makes one itself.
"""

from __future__ import annotations

import argparse
import logging
import os
import pwd
import signal
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from ..model.appliance import CONFIRM_S
from . import checks, nmcli
from .files import NETWORK_STATE
from .helper_socket import HelperReply, HelperSocket, bound_socket, passed_socket
from .network import Network
from .staging import READY_S, Places, Staging

log = logging.getLogger(__name__)

IDLE_S: Final = 30.0
USER: Final = "btrm"


class Helper:
    """The verbs."""

    def __init__(self, network: Network, staging: Staging) -> None:
        self._network = network
        self._staging = staging
        self._verbs: Mapping[str, Callable[[Mapping[str, object]], HelperReply]] = {
            "network.apply": self._apply,
            "network.confirm": self._confirm,
            "network.revert": self._revert,
            "network.show": self._show,
            "hostname.set": self._host_name,
            "update.stage": lambda request: _good(**staging.stage(request)),
            "update.install": lambda request: _good(text=staging.install(request)),
            "ping": lambda request: _good(text="btrmd-helper"),
        }

    def handle(self, request: Mapping[str, object]) -> HelperReply:
        """Raises BtrmError to refuse."""
        verb = request.get("verb")
        do = self._verbs.get(verb) if isinstance(verb, str) else None
        if do is None:
            raise checks.HelperRequestError(f"{str(verb)[:40]!r} is no verb of the helper.")
        return do(request)

    def _apply(self, request: Mapping[str, object]) -> HelperReply:
        text, job = self._network.apply(request)
        return HelperReply({"ok": True, "text": text}, job)

    def _confirm(self, request: Mapping[str, object]) -> HelperReply:
        checks.only(request, "address")
        return _good(text=self._network.confirm(checks.text(request, "address")))

    def _revert(self, request: Mapping[str, object]) -> HelperReply:
        checks.only(request)
        return _good(text=self._network.revert())

    def _show(self, request: Mapping[str, object]) -> HelperReply:
        checks.only(request)
        return _good(**self._network.show())

    def _host_name(self, request: Mapping[str, object]) -> HelperReply:
        checks.only(request, "host_name")
        name = checks.host_name(checks.text(request, "host_name"))
        nmcli.set_host_name(name)
        return _good(text=f"The host name is {name}.")


def _good(**facts: object) -> HelperReply:
    return HelperReply({"ok": True, **facts})


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="btrmd-helper", description=__doc__.splitlines()[0])
    parser.add_argument("--run-dir", type=Path, default=Path("/run/btrmd-helper"))
    parser.add_argument("--lib-dir", type=Path, default=Path("/var/lib/btrmd-helper"))
    parser.add_argument("--keys-dir", type=Path, default=Path("/etc/btrm/update.pub.d"))
    parser.add_argument("--incoming", type=Path, default=Path("/var/lib/btrm/update/bundle"))
    parser.add_argument("--daemon-run-dir", type=Path, default=Path("/run/btrm"))
    parser.add_argument("--daemon-state-dir", type=Path, default=Path("/var/lib/btrm"))
    parser.add_argument("--socket", type=Path, help="listen here (default: systemd's socket)")
    parser.add_argument("--user", default=USER, help="who may ask besides root")
    parser.add_argument("--idle-s", type=float, help=f"end after so long, default {IDLE_S:g}")
    parser.add_argument("--confirm-s", type=float, default=CONFIRM_S)
    parser.add_argument("--ready-s", type=float, default=READY_S)
    return parser


def _users(name: str) -> set[int]:
    """root, this process's own user, and the daemon's."""
    users = {0, os.getuid()}
    try:
        users.add(pwd.getpwnam(name).pw_uid)
    except KeyError:
        log.warning("there is no user %s: only root may ask", name)
    return users


def main(argv: list[str] | None = None) -> int:
    """Serve until told to stop, or until nobody has asked for a while."""
    args = _parser().parse_args(argv)
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
    os.umask(0o022)
    try:
        for folder in (args.run_dir, args.lib_dir):
            folder.mkdir(parents=True, exist_ok=True)
        listener = passed_socket()
        if listener is None:
            if args.socket is None:
                sys.stderr.write("btrmd-helper: systemd starts this by its socket; see --socket.\n")
                return 2
            listener = bound_socket(args.socket)
    except OSError as error:
        sys.stderr.write(f"btrmd-helper: {error}.\n")
        return 1
    network = Network(args.run_dir / NETWORK_STATE, args.confirm_s)
    places = Places(
        args.lib_dir, args.incoming, args.keys_dir, args.daemon_run_dir, args.daemon_state_dir
    )
    helper = Helper(network, Staging(places, os.getuid(), args.ready_s))
    helper_socket = HelperSocket(listener, helper.handle, _users(args.user))

    def stop(*_: Any) -> None:
        helper_socket.stop()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    idle_s = args.idle_s if args.socket is not None or args.idle_s is not None else IDLE_S
    with listener:
        helper_socket.serve(network.look, lambda: network.left_s, idle_s)
    network.give_up()
    return 0
