"""The button of Integrations that posts a test to the webhook."""

from __future__ import annotations

import threading
from typing import Final

from flask import Response

from btrmd.model.commands import SendTestWebhook

from .form_page import NOTHING_TYPED, SPECS, FormPage
from .pages import Pages
from .roles import Role
from .routes import Route, RouteAccess
from .services import source

PAGE: Final = "/integrations"
PATH: Final = "/integrations/test-webhook"


class WebhookTest(FormPage):
    """One at a time: it waits for a server, and workers are few."""

    def __init__(self, pages: Pages) -> None:
        super().__init__(pages, next(spec for spec in SPECS if spec.path == PAGE))
        self._busy = threading.Lock()

    def send(self) -> Response:
        """The page, with what became of it."""
        if not self._busy.acquire(blocking=False):
            return self._answer(False, "Another test is on its way.")
        try:
            answer = self._services.bus.perform(SendTestWebhook(source()))
        finally:
            self._busy.release()
        return self._answer(answer.ok, answer.text)

    def _answer(self, is_good: bool, text: str) -> Response:
        body = self._render(NOTHING_TYPED, webhook_notice=text, is_webhook_good=is_good)
        return Response(body, 200 if is_good else 409)


def webhook_test_routes(pages: Pages) -> list[Route]:
    """What the button posts to."""
    return [Route("POST", PATH, WebhookTest(pages).send, RouteAccess.CHANGE, role=Role.OPERATOR)]
