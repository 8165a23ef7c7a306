"""The Software Update page: a signed bundle, uploaded in pieces, then verified and installed."""

from __future__ import annotations

from typing import Final

from flask import Response, g, request

from btrmd.model.appliance import MAX_BUNDLE, UpdateState
from btrmd.model.commands import InstallUpdate, PutUpdate, ShowAppliance
from btrmd.model.value_text import format_number

from .answers import answer_json
from .bodies import BodyError, query_int
from .pages import Pages, see_other
from .roles import Role
from .routes import Route, RouteAccess, may_change
from .services import Services, source
from .wording import format_time

PATH: Final = "/update"
API_PATH: Final = "/api/v1/update"
TITLE: Final = "Software Update"
PIECE: Final = 256 * 1024  # bytes of one request; no login, no more than the usual limit
PIECES_AT: Final = "application/octet-stream"
STATUS: Final = {"running": 409, "interlock": 409, "unknown": 503}


class UpdatePage:
    """Views of the page and of its upload."""

    def __init__(self, services: Services, pages: Pages | None = None) -> None:
        self._services = services
        self._pages = pages

    def show(self) -> str:
        return self._render()

    def install(self) -> Response:
        """Verify and begin; the end stands here and in the event log."""
        answer = self._services.bus.perform(InstallUpdate(False, source()))
        if answer.ok:
            return see_other(PATH)
        return Response(self._render(answer.text), STATUS.get(answer.code, 422))

    def put(self) -> Response:
        """One piece of an upload: its place in the query, its bytes as the body."""
        offset = query_int(request, "offset", 0, 0, MAX_BUNDLE)
        total = query_int(request, "total", 0, 0, MAX_BUNDLE)
        if request.mimetype != PIECES_AT:
            raise BodyError(415, "type", f"The body must be {PIECES_AT}.")
        request.max_content_length = PIECE
        piece = request.get_data(cache=False)
        answer = self._services.bus.perform(PutUpdate(offset, total, piece, source()))
        if not answer.ok:
            raise BodyError(422, answer.code, answer.text)
        return answer_json({"received": offset + len(piece), "whole": answer.data["whole"]})

    def _render(self, alert: str = "") -> str:
        assert self._pages is not None
        services = self._services
        data = services.bus.perform(ShowAppliance()).data
        state = data.get("update")
        if not isinstance(state, UpdateState):
            state = UpdateState()
        uploaded = data.get("uploaded")
        size = uploaded if isinstance(uploaded, int) else 0
        return self._pages.render(
            "update.html",
            TITLE,
            alert=alert,
            version=services.version,
            state=state,
            ended=format_time(state.at) if state.at else "",
            is_busy=state.is_busy,
            is_bad=state.state in ("failed", "rolled_back", "refused"),
            has_helper=data.get("has_helper") is True,
            uploaded_mb=format_number(size / 1e6, 1) if size else "",
            max_mb=MAX_BUNDLE >> 20,
            max_bytes=MAX_BUNDLE,
            piece=PIECE,
            api=API_PATH,
            can_change=may_change(g.session, Role.ADMIN, services.bus.snapshot.settings),
        )


def update_routes(pages: Pages) -> list[Route]:
    """The page and its button."""
    page = UpdatePage(pages.services, pages)
    return [
        Route("GET", PATH, page.show, RouteAccess.PAGE),
        Route("POST", PATH, page.install, RouteAccess.OWN, role=Role.ADMIN),
    ]


def update_api(services: Services) -> list[Route]:
    """The upload."""
    return [
        Route(
            "POST",
            API_PATH,
            UpdatePage(services).put,
            RouteAccess.OWN,
            "Upload a piece of a signed update: the bytes from offset on, of total",
            query=("offset", "total"),
            answers=((413, "The piece is too large."), (422, "The piece does not fit.")),
            role=Role.ADMIN,
        )
    ]
