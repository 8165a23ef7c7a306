"""The Network page's buttons: apply the stored settings to the host, confirm, take back (R152)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from flask import Response

from btrmd.model.commands import ApplyNetwork, ConfirmNetwork, HostCommand, RevertNetwork

from .form_page import SPECS, FormPage
from .network_change import local_address
from .pages import Pages, see_other
from .roles import Role
from .routes import Route, RouteAccess
from .services import source

PATH: Final = "/network"


class NetworkButtons:
    """Each one a command to the host; what is refused stands on the page."""

    def __init__(self, pages: Pages) -> None:
        self._services = pages.services
        spec = next(spec for spec in SPECS if spec.path == PATH)
        self._page = FormPage(pages, spec)

    def apply(self) -> Response:
        return self._do(lambda: ApplyNetwork(source()))

    def confirm(self) -> Response:
        return self._do(lambda: ConfirmNetwork(local_address() or "?", source()))

    def revert(self) -> Response:
        return self._do(lambda: RevertNetwork(source()))

    def _do(self, make: Callable[[], HostCommand]) -> Response:
        answer = self._services.bus.perform(make())
        if answer.ok:
            return see_other(PATH)
        return Response(self._page.again(answer.text), 409)


def network_routes(pages: Pages) -> list[Route]:
    """The three buttons; the page itself is one of the form pages."""
    buttons = NetworkButtons(pages)
    return [
        Route("POST", f"{PATH}/{name}", view, RouteAccess.CHANGE, role=Role.ADMIN)
        for name, view in (
            ("apply", buttons.apply),
            ("confirm", buttons.confirm),
            ("revert", buttons.revert),
        )
    ]
