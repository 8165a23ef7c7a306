"""The views of System Status: the page, and the acknowledgement of an alarm."""

from __future__ import annotations

from operator import attrgetter
from typing import Final

from flask import Response, g, request

from btrmd.model.alarms import worst_first
from btrmd.model.commands import AckAlarm

from .bodies import query_int, refuse_field
from .pages import Pages, see_other
from .roles import Role
from .routes import Route, RouteAccess, may_change
from .services import source
from .status_sparks import Sparks
from .status_values import StatusValues
from .wording import format_time

REFRESH_S: Final = 10  # without script
RENEWAL_S: Final = 15  # of the summary, where nobody says otherwise
RENEWALS: Final = {15: "15 s", 60: "minute", 300: "5 min", 0: ""}
FASTEST_S: Final = 5
SLOWEST_S: Final = 3600
MOST_ALARMS: Final = 8  # of the summary: it stays small
_MAX_KEY: Final = 100
_REFUSED: Final = {"busy": 503, "storage": 503}


class StatusViews:
    """System Status with what changes there."""

    def __init__(self, pages: Pages) -> None:
        self._pages = pages
        self._services = pages.services
        self._values = StatusValues(Sparks(pages.services.history))

    def show(self, refused: str = "") -> str:
        """The page; `refused`: the sentence of a change that was not made."""
        snapshot = self._services.bus.snapshot
        made = self._values.get(snapshot)
        return self._pages.render(
            "status.html",
            "System Status",
            page=made.page,
            values=made.html,
            may_acknowledge=may_change(g.session, Role.OPERATOR, snapshot.settings),
            refused=refused,
            refresh_s=REFRESH_S,
        )

    def summary(self) -> Response:
        """The verdict alone, for a wall: it renews itself, without script.

        How often is the reader's to say, never included (`?renew=SECONDS`, 0 = never): WCAG 2.2,
        2.2.1. A page that only a script renews would stand still on a wall without one, and tell
        what is long over.
        """
        renew_s = query_int(request, "renew", RENEWAL_S, 0, SLOWEST_S)
        if 0 < renew_s < FASTEST_S:
            refuse_field("renew", renew_s, f"0 (never) or {FASTEST_S}..{SLOWEST_S} s")
        snapshot = self._services.bus.snapshot
        worst = worst_first(snapshot.alarms, attrgetter("key"))[:MOST_ALARMS]
        alarms = [(alarm.text, format_time(alarm.since)) for alarm in worst]
        body = self._pages.render(
            "summary.html", "Summary", alarms=alarms, renew_s=renew_s, renewals=RENEWALS,
            more=len(snapshot.alarms) - len(alarms),
        )  # fmt: skip
        return Response(body, headers={"Refresh": str(renew_s)} if renew_s else {})

    def acknowledge(self) -> Response:
        """One alarm by its key; then the page that the form stood on."""
        key = request.form.get("key", "")[:_MAX_KEY]
        answer = self._services.bus.submit(AckAlarm(key, source()))
        if not answer.ok:
            refused = Response(self.show(answer.text), _REFUSED.get(answer.code, 409))
            if refused.status_code == 503:
                refused.headers["Retry-After"] = "1"
            return refused
        return see_other("/events" if request.form.get("from") == "events" else "/")


def status_routes(pages: Pages) -> list[Route]:
    """System Status and its form."""
    views = StatusViews(pages)
    return [
        Route("GET", "/", views.show, RouteAccess.PAGE),
        Route("GET", "/summary", views.summary, RouteAccess.PAGE),
        Route("POST", "/acknowledge", views.acknowledge, RouteAccess.CHANGE, role=Role.OPERATOR),
    ]
