"""Cross-origin reads (Fetch standard): a wall's page on a site that is named reads with a token.

Nobody is allowed by default. Only GET below /api/v1/ is, only with the header Authorization, and
never with cookies: a page gets what its token gets anyway, and no browser lends it a login.
"""

from __future__ import annotations

from typing import Final

from flask import Response, request

from btrmd.bus import Bus
from btrmd.model.setting_format import read_origins

SETTING: Final = "web.cors_origins"
FOLDER: Final = "/api/v1/"
MAX_AGE_S: Final = 600  # for which a browser keeps the answer to its preflight


class Cors:
    """Before and after a request."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus

    def preflight(self) -> Response | None:
        """The answer to a browser that asks whether it may read; None where it is another one."""
        asked = request.headers
        if request.method != "OPTIONS" or not self._is_named():
            return None
        wanted = asked.get("Access-Control-Request-Headers", "").lower().replace(" ", "")
        if asked.get("Access-Control-Request-Method") != "GET" or wanted != "authorization":
            return None
        answer = Response(status=204)
        answer.headers["Access-Control-Allow-Methods"] = "GET"
        answer.headers["Access-Control-Allow-Headers"] = "Authorization"
        answer.headers["Access-Control-Max-Age"] = str(MAX_AGE_S)
        return self._allow(answer)

    def mark(self, answer: Response) -> Response:
        """A read with a token by a page of a site that is named may be read by that page."""
        if request.path.startswith(FOLDER):
            answer.vary.add("Origin")
        if request.method == "GET" and "Authorization" in request.headers and self._is_named():
            return self._allow(answer)
        return answer

    def _allow(self, answer: Response) -> Response:
        answer.headers["Access-Control-Allow-Origin"] = request.headers["Origin"]
        answer.vary.add("Origin")
        return answer

    def _is_named(self) -> bool:
        allowed = self._bus.snapshot.settings.text(SETTING)
        origin = request.headers.get("Origin", "")
        if not allowed or not request.path.startswith(FOLDER):
            return False
        return origin in read_origins(allowed)
