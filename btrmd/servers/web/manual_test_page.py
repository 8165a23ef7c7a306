"""The Manual Test page (manual 8): what a start needs, start, stop, Capacity IO Check, reset."""

from __future__ import annotations

import re
from typing import Final

from flask import Response, g, request

from btrmd.docgen.event_text import with_names
from btrmd.model.commands import (
    Answer,
    CapacityCheck,
    Command,
    ResetData,
    StartTest,
    StopTest,
)
from btrmd.model.readings import Value
from btrmd.model.settings import find_setting
from btrmd.model.snapshot import Snapshot
from btrmd.model.thresholds import Thresholds

from .card import format_next, format_refusal, make_card
from .curve_points import Curves
from .discharge_plot import LiveCurve
from .kept_form import KeptForm
from .pages import Pages, see_other
from .roles import Role
from .routes import Route, RouteAccess, may_change
from .services import source
from .wording import CAPACITY_WORDS

PATH: Final = "/manual-test"
TITLE: Final = "Manual Test"
MAX_DELAY_H: Final = 500  # R53
_HOURS: Final = re.compile(r"[0-9]{1,4}(\.[0-9]{1,4})?")
DELAY_TEXT: Final = f"0..{MAX_DELAY_H} h, 0 = now"
KEEPS: Final = ("delay_h", "type")
_TYPES: Final = {"": None, "1": "1", "2": "2"}

# What a change did, by the word that the redirect carries.
DONE: Final = {
    "started": "The test has been asked for; its state stands below.",
    "delayed": "The start is set; it can be cancelled below.",
    "stopped": "The test has been stopped; the load goes back to the supply.",
    "low": "The capacity is forced low. All alarms that a weak battery would raise are on their "
    "way; the event log marks them as forced.",
    "nominal": "The capacity is back to nominal.",
    "reset": "The battery test data and settings are back to their defaults.",
    "data": "The battery test data is cleared.",
}
STATUS: Final = {"busy": 503, "storage": 503}


class ManualTestPage:
    """Views of one page with four forms."""

    def __init__(self, pages: Pages) -> None:
        self._pages = pages
        self._live = LiveCurve(Curves(pages.services.history))
        self._services = pages.services

    def show(self) -> str:
        can_run = may_change(g.session, Role.OPERATOR, self._services.bus.snapshot.settings)
        kept = self._pages.kept(PATH) if can_run else None
        return self._render(done=DONE.get(request.args.get("done", ""), ""), kept=kept)

    def start(self) -> Response:
        delay = request.form.get("delay_h", "0").strip() or "0"
        kind = request.form.get("type", "")
        errors = {}
        if not _HOURS.fullmatch(delay) or float(delay) > MAX_DELAY_H:
            errors["delay_h"] = f"Allowed is {DELAY_TEXT}."
        if kind not in _TYPES:
            errors["type"] = "Allowed is 1 or 2."
        if errors:
            return Response(self._render(errors=errors), 422)
        word = "started" if float(delay) == 0 else "delayed"
        return self._send(StartTest(_TYPES[kind], float(delay), source()), word)

    def stop(self) -> Response:
        return self._send(StopTest(source()), "stopped")

    def check(self) -> Response:
        low = request.form.get("low", "")
        if low not in ("true", "false"):
            text = "Choose what the capacity is to be: low or nominal."
            return Response(self._render(alert=text), 422)
        return self._send(
            CapacityCheck(low == "true", source()), "low" if low == "true" else "nominal"
        )

    def reset(self) -> Response:
        if request.form.get("sure") != "true":
            text = "Tick the box to say that the test results shall be cleared; nothing was reset."
            return Response(self._render(alert=text), 422)
        with_settings = request.form.get("settings", "true") == "true"
        word = "reset" if with_settings else "data"
        return self._send(ResetData(with_settings, source()), word)

    def _send(self, command: Command, word: str) -> Response:
        answer: Answer = self._services.bus.submit(command)
        if answer.ok:
            return see_other(f"{PATH}?done={word}")
        return Response(self._render(alert=answer.text), STATUS.get(answer.code, 409))

    def _render(
        self,
        alert: str = "",
        done: str = "",
        errors: dict[str, str] | None = None,
        kept: KeptForm | None = None,
    ) -> str:
        snapshot = self._services.bus.snapshot
        settings = snapshot.settings
        state = _value(snapshot.points["test.state"].value)
        capacity = _value(snapshot.points["capacity.state"].value)
        checks = snapshot.prechecks if snapshot.is_ticking else ()
        return self._pages.render(
            "manual_test.html",
            TITLE,
            alert=alert,
            done=done,
            errors=errors or {},
            kept=kept,
            typed={
                name: text[:60]
                for name, text in (kept.fields if kept is not None else request.form).items()
            },
            checks=[check._replace(text=with_names(check.text)) for check in checks],
            waiting=format_next(snapshot) if snapshot.waiting is not None else "",
            refusal=format_refusal(snapshot),
            rest=_format_rest(snapshot),
            ready=bool(checks) and all(check.ok for check in checks),
            state=state,
            is_idle=state == "idle",
            can_stop=state in ("delayed", "proving", "running"),
            card=make_card(snapshot),
            live=self._live.get(snapshot),
            start_v=Thresholds.of(settings).start_v,
            type_now=settings["test.type"],
            types=find_setting("test.type").choice_labels,
            capacity=CAPACITY_WORDS.get(capacity, capacity),
            can_run=may_change(g.session, Role.OPERATOR, settings),
            can_reset=may_change(g.session, Role.ADMIN, settings),
            delay_text=DELAY_TEXT,
        )


def _format_rest(snapshot: Snapshot) -> str:
    """What a start now would cost, where the battery is not rested as far as that is known."""
    waiting = snapshot.waiting
    if waiting is None or not waiting.is_unrested:
        return ""
    return (
        "The battery is not rested: a test that is started by hand runs all the same, and its "
        "result is marked so."
    )


def _value(value: Value) -> str:
    return str(value) if value is not None else "unknown"


def manual_test_routes(pages: Pages) -> list[Route]:
    """The page and what its buttons post to."""
    page = ManualTestPage(pages)
    change, operator = RouteAccess.CHANGE, Role.OPERATOR
    return [
        Route("GET", PATH, page.show, RouteAccess.PAGE),
        Route("POST", PATH, page.start, change, role=operator, keeps=KEEPS),
        Route("POST", f"{PATH}/stop", page.stop, change, role=operator),
        Route("POST", f"{PATH}/capacity-check", page.check, change, role=operator),
        Route("POST", f"{PATH}/reset", page.reset, change, role=Role.ADMIN),
    ]
