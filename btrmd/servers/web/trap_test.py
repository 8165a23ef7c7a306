"""The button of SNMP Configuration that sends a test notification to every receiver."""

from __future__ import annotations

import threading
from typing import Final

from flask import Response

from btrmd.model.commands import SendTestTrap

from .form_page import NOTHING_TYPED, SPECS, FormPage
from .pages import Pages
from .roles import Role
from .routes import Route, RouteAccess
from .services import source

PAGE: Final = "/snmp"
PATH: Final = "/snmp/test-trap"


class TrapTest(FormPage):
    """One at a time: it may wait for confirmations, and workers are few."""

    def __init__(self, pages: Pages) -> None:
        super().__init__(pages, next(spec for spec in SPECS if spec.path == PAGE))
        self._busy = threading.Lock()

    def send(self) -> Response:
        """The page, with a sentence for each receiver."""
        if not self._busy.acquire(blocking=False):
            return self._words_of(False, ["Another test notification is on its way."], 409)
        try:
            answer = self._services.bus.perform(SendTestTrap(source()))
        finally:
            self._busy.release()
        given = answer.data.get("lines")
        lines = [str(line) for line in given] if isinstance(given, list | tuple) else []
        return self._words_of(answer.ok, lines or [answer.text], 200 if answer.ok else 409)

    def _words_of(self, is_good: bool, lines: list[str], status: int) -> Response:
        body = self._render(NOTHING_TYPED, trap_lines=lines, is_trap_good=is_good)
        return Response(body, status)


def trap_test_routes(pages: Pages) -> list[Route]:
    """What the button posts to."""
    view = TrapTest(pages).send
    return [Route("POST", PATH, view, RouteAccess.CHANGE, role=Role.OPERATOR)]
