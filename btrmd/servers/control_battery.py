"""The control socket's verb for a battery that was replaced."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ..bus import Bus
from .replacement import RATED, TYPE, replace_battery

Request = Mapping[str, Any]
Reply = dict[str, object]

FIELDS = {"rated_ah": RATED, "type": TYPE}


def battery_verbs(bus: Bus) -> dict[str, Callable[[Request, str], Reply]]:
    """Verb -> its handler. Raises SettingError for a rating or type that is refused."""

    def replaced(request: Request, source: str) -> Reply:
        changes = {key: request[name] for name, key in FIELDS.items() if name in request}
        answer = replace_battery(bus.submit, bus.snapshot.settings, changes, source)
        if not answer.ok:
            return {**answer.data, "ok": False, "code": answer.code, "text": answer.text}
        return {**answer.data, "ok": True, "text": answer.text}

    return {"battery_replaced": replaced}
