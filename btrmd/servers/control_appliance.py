"""The control socket's verbs for the host: network change and update, as host commands."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Mapping
from typing import Any, Final

from ..bus import Bus
from ..model.commands import (
    Answer,
    ApplyNetwork,
    ConfirmNetwork,
    HostCommand,
    InstallUpdate,
    PutUpdate,
    RevertNetwork,
    ShowAppliance,
    UpdateEnded,
)

Request = Mapping[str, Any]
Reply = dict[str, object]

PIECE: Final = 256 * 1024  # bytes of a piece of an update; a request is 1 MiB at most


def appliance_verbs(bus: Bus) -> dict[str, Callable[[Request, str], Reply]]:
    """Verb -> its handler. What is no good raises nothing: it is a refusal."""

    def do(host_command: HostCommand) -> Reply:
        answer = bus.perform(host_command)
        return _reply(answer)

    def show(request: Request, source: str) -> Reply:
        answer = bus.perform(ShowAppliance())
        if not answer.ok:
            return _reply(answer)
        data = dict(answer.data)
        for name in ("network", "update"):
            data[name] = data[name]._asdict()  # type: ignore[attr-defined]
        return {**data, "ok": True}

    def confirm(request: Request, source: str) -> Reply:
        address = request.get("address", "")
        if not isinstance(address, str):
            return _syntax('"address" is a text.')
        return do(ConfirmNetwork(address, source))

    def put(request: Request, source: str) -> Reply:
        offset, total, piece = (request.get(name) for name in ("offset", "total", "piece"))
        try:
            data = base64.b64decode(piece, validate=True) if isinstance(piece, str) else b""
        except binascii.Error:
            data = b""
        is_whole = type(offset) is int and type(total) is int
        if not is_whole or not 0 < len(data) <= PIECE:
            return _syntax(f'"offset" and "total" are numbers, "piece" 1..{PIECE} bytes, base64.')
        return do(PutUpdate(offset, total, data, source))  # type: ignore[arg-type]

    return {
        "appliance": show,
        "network_apply": lambda request, source: do(ApplyNetwork(source)),
        "network_confirm": confirm,
        "network_revert": lambda request, source: do(RevertNetwork(source)),
        "update_put": put,
        "update_install": lambda request, source: do(
            InstallUpdate(request.get("downgrade") is True, source)
        ),
        "update_ended": lambda request, source: do(UpdateEnded(source)),
    }


def _reply(answer: Answer) -> Reply:
    if answer.ok:
        return {**answer.data, "ok": True, "text": answer.text}
    return {"ok": False, "code": answer.code, "text": answer.text}


def _syntax(text: str) -> Reply:
    return {"ok": False, "code": "syntax", "text": text}
