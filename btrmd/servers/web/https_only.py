"""HTTP beside HTTPS: what becomes of a plain request when the settings want it encrypted."""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import quote

from flask import Response, request

from btrmd.bus import Bus
from btrmd.net import in_brackets, split_address

from .answers import refuse

SETTING: Final = "web.http"
HSTS: Final = "web.hsts_days"
DAY_S: Final = 86400
HTTPS_PORT: Final = 443
OPEN_PATHS: Final = frozenset({"/healthz"})  # asked by supervisors, tells nothing
_HOST: Final = re.compile(r"[A-Za-z0-9.-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\]")


def is_http_wanted(bus: Bus) -> bool:
    """False only where HTTPS is open instead: nobody is to be locked out."""
    if bus.snapshot.settings[SETTING] != "off":
        return True
    return not _https_address(bus)


class HttpsOnly:
    """Before every request, also before the gate."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus

    def check(self) -> Response | None:
        """None lets the request pass."""
        if request.is_secure or self._bus.snapshot.settings[SETTING] == "on":
            return None
        address = _https_address(self._bus)
        if not address or request.path in OPEN_PATHS:
            return None
        if request.method not in ("GET", "HEAD"):
            return refuse(403, "https", "This unit takes changes over HTTPS only.")
        named = re.sub(r":[0-9]*\Z", "", request.host)
        own, port = split_address(address)
        host = named if _HOST.fullmatch(named) else in_brackets(own)
        place = f"https://{host}" if port == HTTPS_PORT else f"https://{host}:{port}"
        path = quote(request.path, safe="/:@!$&'()*+,;=-._~")
        query = quote(request.query_string, safe="/:@!$&'()*+,;=-._~%?")
        # Not 308: a browser would remember it when the setting is back to what it was.
        return Response(status=307, headers={"Location": f"{place}{path}{query and '?' + query}"})


def hsts(bus: Bus) -> str:
    """The header's value for an encrypted answer, "" where it is switched off."""
    days = bus.snapshot.settings.integer(HSTS)
    return f"max-age={days * DAY_S}" if days else ""


def _https_address(bus: Bus) -> str:
    listener = bus.listeners.get("https")
    return listener.address if listener is not None else ""
