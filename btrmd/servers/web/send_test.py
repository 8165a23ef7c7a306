"""The buttons that send a test to those who are told of events: trap receivers, the webhook."""

from __future__ import annotations

import threading
from typing import Final

from flask import Response

from btrmd.model.commands import Answer, HostCommand, SendTestTrap, SendTestWebhook

from .form_page import NOTHING_TYPED, SPECS, FormPage
from .pages import Pages
from .roles import Role
from .routes import Route, RouteAccess
from .services import source

TRAP_PAGE: Final = "/snmp"
WEBHOOK_PAGE: Final = "/integrations"


class SendTest(FormPage):
    """One at a time: it may wait for others, and workers are few."""

    def __init__(self, pages: Pages, page: str) -> None:
        super().__init__(pages, next(spec for spec in SPECS if spec.path == page))
        self._busy = threading.Lock()

    def _perform(self, command: HostCommand, busy: str) -> Answer:
        """What became of it; `busy` while another one is on its way."""
        if not self._busy.acquire(blocking=False):
            return Answer(False, "busy", busy)
        try:
            return self._services.bus.perform(command)
        finally:
            self._busy.release()


class TrapTest(SendTest):
    """SNMP Configuration: a test notification to every receiver."""

    def send(self) -> Response:
        """The page, with a sentence for each receiver."""
        answer = self._perform(SendTestTrap(source()), "Another test notification is on its way.")
        given = answer.data.get("lines")
        lines = [str(line) for line in given] if isinstance(given, list | tuple) else []
        body = self._render(
            NOTHING_TYPED, trap_lines=lines or [answer.text], is_trap_good=answer.ok
        )
        return Response(body, 200 if answer.ok else 409)


class WebhookTest(SendTest):
    """Integrations: a test to the webhook."""

    def send(self) -> Response:
        """The page, with what became of it."""
        answer = self._perform(SendTestWebhook(source()), "Another test is on its way.")
        body = self._render(NOTHING_TYPED, webhook_notice=answer.text, is_webhook_good=answer.ok)
        return Response(body, 200 if answer.ok else 409)


def send_test_routes(pages: Pages) -> list[Route]:
    """What the buttons post to."""
    views = {
        f"{TRAP_PAGE}/test-trap": TrapTest(pages, TRAP_PAGE).send,
        f"{WEBHOOK_PAGE}/test-webhook": WebhookTest(pages, WEBHOOK_PAGE).send,
    }
    return [
        Route("POST", path, view, RouteAccess.CHANGE, role=Role.OPERATOR)
        for path, view in views.items()
    ]
