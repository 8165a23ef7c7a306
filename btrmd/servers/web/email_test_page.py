"""The E-mail Test page (manual 9.4): sends with the saved settings and shows each step."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable
from typing import Final

from flask import Response, g

from btrmd.model.commands import MailStep
from btrmd.model.errors import BtrmError
from btrmd.model.settings import Settings
from btrmd.model.snapshot import Snapshot

from .form_sections import make_sections
from .pages import Pages, see_other
from .roles import Role
from .routes import Route, RouteAccess, may_change

log = logging.getLogger(__name__)

PATH: Final = "/email-test"
TITLE: Final = "E-mail Test"
PATIENCE_S: Final = 5.0  # a quick result is on the page that follows at once
MOST_STEPS: Final = 50
NO_MAILER: Final = "E-mail is not set up: this version of the unit does not send mail."


class MailRun:
    """The last test mail, sent on a thread of its own; thread-safe."""

    def __init__(self, tester: Callable[[], Iterable[MailStep]]) -> None:
        self._tester = tester
        self._lock = threading.Lock()
        self._done = threading.Event()
        self._done.set()
        self.steps: tuple[MailStep, ...] = ()

    @property
    def is_running(self) -> bool:
        return not self._done.is_set()

    def begin(self) -> bool:
        """Start one; False when one is under way."""
        with self._lock:
            if self.is_running:
                return False
            self._done.clear()
            self.steps = ()
        threading.Thread(target=self._run, name="mail-test", daemon=True).start()
        return True

    def wait(self, seconds: float) -> None:
        self._done.wait(seconds)

    def _run(self) -> None:
        try:
            for step in self._tester():
                self.steps = (*self.steps, step)[:MOST_STEPS]
        except (BtrmError, OSError) as error:
            self.steps = (*self.steps, MailStep(False, str(error)))
        except Exception:
            # The edge of a foreign part: the page says so, the log has the rest.
            log.exception("the test mail failed")
            text = "The mail sender met an error of its own; it is in the log."
            self.steps = (*self.steps, MailStep(False, text))
        finally:
            self._done.set()


class EmailTestPage:
    """Views of the page; `run` is None where this version sends no mail."""

    def __init__(self, pages: Pages) -> None:
        self._pages = pages
        tester = pages.services.mail_tester
        self._run = MailRun(tester) if tester is not None else None

    def show(self) -> str:
        return self._render()

    def send(self) -> Response:
        if self._run is None:
            return Response(self._render(NO_MAILER), 409)
        if not self._run.begin():
            return Response(self._render("A test mail is under way; wait for its result."), 409)
        self._run.wait(PATIENCE_S)
        return see_other(PATH)

    def _note(self, settings: Settings) -> str:
        """What should be set up first; "" when a mail can be tried."""
        if self._run is None:
            return NO_MAILER
        if settings["email.server"] in ("", settings.default("email.server")):
            return "E-mail is not set up: Server Addr is still the factory's."
        return ""

    def _render(self, alert: str = "") -> str:
        services = self._pages.services
        snapshot = services.bus.snapshot
        run = self._run
        steps = run.steps if run is not None else ()
        running = run is not None and run.is_running
        return self._pages.render(
            "email_test.html",
            TITLE,
            alert=alert,
            note=self._note(snapshot.settings),
            has_mailer=run is not None,
            rows=_rows(snapshot),
            steps=steps,
            is_running=running,
            is_good=bool(steps) and all(step.ok for step in steps) and not running,
            is_bad=any(not step.ok for step in steps),
            can_send=may_change(g.session, Role.OPERATOR, snapshot.settings),
        )


def _rows(snapshot: Snapshot) -> list[tuple[str, str]]:
    """The saved settings, read only; the password is named, never shown."""
    rows = []
    for section in make_sections("E-Mail Configuration", snapshot):
        for field in section.fields:
            if field.kind == "check":
                text = "enabled" if field.is_on else "not enabled"
            elif field.kind == "password":
                continue
            elif field.options:
                text = next((option.label for option in field.options if option.is_chosen), "")
            else:
                text = field.value or "—"
            rows.append((field.label, text))
    return rows


def email_test_routes(pages: Pages) -> list[Route]:
    """The page and its button."""
    page = EmailTestPage(pages)
    return [
        Route("GET", PATH, page.show, RouteAccess.PAGE),
        Route("POST", PATH, page.send, RouteAccess.CHANGE, role=Role.OPERATOR),
    ]
