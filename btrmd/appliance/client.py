"""The daemon's side: asks the helper at its socket, and reads the files in which it tells."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from ..model.appliance import NetworkState, NetworkWish, UpdateState
from ..model.errors import BtrmError
from .files import NETWORK_STATE, UPDATE_STATE, is_installing, read_json, uptime

ANSWER_S: Final = 90.0  # a Pi takes its time to start Python and to read a package through
INSTALLED_RUN: Final = Path("/run/btrm")


class HelperError(BtrmError, RuntimeError):
    """The helper refused, or is not there; the text is one sentence."""


class HelperClient:
    """Keeps nothing open; every question is a connection. Implements model.appliance.Appliance."""

    def __init__(self, run: Path, lib: Path) -> None:
        """`run`: the folder of helper.sock and network.json; `lib`: that of update.json."""
        self.lib = lib
        self._socket = run / "helper.sock"
        self._network = run / NETWORK_STATE
        self._update = lib / UPDATE_STATE

    @property
    def is_there(self) -> bool:
        """True where a helper, or systemd for it, listens."""
        return self._socket.exists()

    def apply_network(self, wish: NetworkWish, keep: bool) -> str:
        fields = {**wish._asdict(), "dns": list(wish.dns)}
        return self._ask("network.apply", keep=keep, **fields)

    def confirm_network(self, address: str) -> str:
        return self._ask("network.confirm", address=address)

    def revert_network(self) -> str:
        return self._ask("network.revert")

    def network_state(self) -> NetworkState:
        data = read_json(self._network)
        state = _text(data, "state") or "none"
        left = max(0.0, _number(data, "until") - uptime())
        return NetworkState(
            state, _text(data, "address"), left, _text(data, "text"), _number(data, "at")
        )

    def install_update(self, downgrade: bool) -> str:
        self._ask("update.stage")
        return self._ask("update.install", downgrade=downgrade)

    def update_state(self) -> UpdateState:
        data = read_json(self._update)
        return UpdateState(
            _text(data, "state") or "none", _text(data, "version"), _text(data, "previous"),
            _text(data, "text"), _number(data, "at"), int(_number(data, "n")),
            is_installing(data),
        )  # fmt: skip

    def _ask(self, verb: str, **fields: object) -> str:
        """The helper's sentence. Raises HelperError."""
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock:
                sock.settimeout(ANSWER_S)
                sock.connect(str(self._socket))
                sock.sendall(json.dumps({"verb": verb, **fields}).encode() + b"\n")
                answer = json.loads(_line(sock))
        except (FileNotFoundError, ConnectionRefusedError) as error:
            raise HelperError(
                f"btrmd-helper does not run on this machine (no answer at {self._socket}), so the "
                "network and the software cannot be changed from here."
            ) from error
        except (OSError, ValueError) as error:
            raise HelperError(f"btrmd-helper did not answer {verb}: {error}.") from error
        if not isinstance(answer, dict) or answer.get("ok") is not True:
            text = answer.get("text") if isinstance(answer, dict) else None
            raise HelperError(str(text or "btrmd-helper refused without a reason."))
        return str(answer.get("text", ""))


def make_client(daemon_run: Path, state_dir: Path) -> HelperClient:
    """The helper of the daemon on `state_dir`: the installed one's is systemd's; others have
    theirs, if any, in their own folders."""
    if daemon_run == INSTALLED_RUN:
        return HelperClient(Path("/run/btrmd-helper"), Path("/var/lib/btrmd-helper"))
    return HelperClient(daemon_run / "helper", state_dir / "helper")


def _line(sock: socket.socket) -> bytes:
    data = b""
    deadline = time.monotonic() + ANSWER_S
    while b"\n" not in data:
        piece = sock.recv(65536)
        if not piece or len(data) > 1 << 20 or time.monotonic() > deadline:
            raise ConnectionResetError("it went away")
        data += piece
    return data


def _text(data: Mapping[str, Any], key: str) -> str:
    value = data.get(key)
    return value if isinstance(value, str) else ""


def _number(data: Mapping[str, Any], key: str) -> float:
    value = data.get(key)
    return float(value) if isinstance(value, int | float) else 0.0
