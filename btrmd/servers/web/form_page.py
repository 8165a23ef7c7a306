"""Form pages: the pages that show settings and change them, POST, redirect, GET."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final, NamedTuple

from flask import Response, g, request
from werkzeug.datastructures import MultiDict

from btrmd.model.commands import Answer, ChangeSettings
from btrmd.model.settings import SETTINGS, allowed_text, format_setting
from btrmd.model.snapshot import Snapshot

from .form_panels import (
    dnp3_modbus_panel,
    email_panel,
    integrations_panel,
    network_panel,
    next_test_panel,
    port_panel,
    snmp_panel,
)
from .form_sections import make_sections, page_keys
from .form_submit import TYPE2_MINIMUM, Submission, kept_names, read_submission, with_labels
from .pages import Pages, see_other
from .roles import Role
from .routes import Route, RouteAccess, may_change
from .services import Services, source

STATUS: Final[Mapping[str, int]] = {"busy": 503, "storage": 503, "running": 409, "interlock": 409}
BUSY_RETRY_S: Final = 1

Panel = Callable[[Services, Snapshot], Mapping[str, object]]


class Spec(NamedTuple):
    """One page: its path, its menu name (which is also where its settings stand), its template,
    and what is shown beside the form."""

    path: str
    name: str
    template: str
    panel: Panel


SPECS: Final = (
    Spec("/battery-test", "Battery Test", "battery_test.html", next_test_panel),
    Spec("/port-options", "Port Options", "port_options.html", port_panel),
    Spec("/email", "E-Mail Configuration", "email.html", email_panel),
    Spec("/network", "Network Configuration", "network.html", network_panel),
    Spec("/dnp3-modbus", "DNP3 Modbus Configuration", "dnp3_modbus.html", dnp3_modbus_panel),
    Spec("/snmp", "SNMP Configuration", "snmp.html", snmp_panel),
    Spec("/integrations", "Integrations", "integrations.html", integrations_panel),
)

NOTHING_TYPED: Final = Submission({}, {}, {}, ())


class FormPage:
    """The views of one page."""

    def __init__(self, pages: Pages, spec: Spec) -> None:
        self._pages = pages
        self._services = pages.services
        self._spec = spec

    def show(self) -> str:
        """The form with the settings in force, and what a change just did."""
        saved = request.args.get("saved", "")
        alert = ""
        if request.args.get("restored") == TYPE2_MINIMUM:
            alert = _format_restored(self._services.bus.snapshot)
        count = int(saved) if saved in _COUNTS else None
        moved = _format_moved(request.args.get("moved", ""), self._services.bus.snapshot)
        kept = self._pages.kept(self._spec.path) if self._can_change() else None
        read = NOTHING_TYPED
        differing: tuple[str, ...] = ()
        if kept is not None:
            found = self._read(kept.fields)
            differing = tuple(SETTINGS[key].label for key in (*found.changes, *found.errors))
            read = read._replace(typed=found.typed)
        return self._render(
            read, alert=alert, saved=count, moved=moved, kept=kept, differing=differing
        )

    def save(self) -> Response:
        """All fields or none."""
        snapshot = self._services.bus.snapshot
        read = self._read(request.form)
        if read.errors:
            return Response(self._render(read), 422)
        if read.changes:
            answer = self._services.bus.submit(ChangeSettings(read.changes, source()))
            if not answer.ok:
                return self._refused(answer, read)
        place = f"{self._spec.path}?saved={min(len(read.changes), len(_COUNTS) - 1)}"
        moved = snapshot.settings.followers(read.changes)
        if moved:
            place += f"&moved={','.join(moved)}"
        if read.restored:
            place += f"&restored={read.restored[0]}"
        return see_other(place)

    def again(self, alert: str) -> str:
        """The page with a sentence above it."""
        return self._render(NOTHING_TYPED, alert=alert)

    def _refused(self, answer: Answer, read: Submission) -> Response:
        """What the owner refused: at its field where it names one, else above the form."""
        key = str(answer.data.get("key", ""))
        if key in page_keys(self._spec.name) and answer.code != "busy":
            errors = {key: _format_refused(key, answer)}
            status = 422 if answer.code == "range" else STATUS.get(answer.code, 409)
            return Response(self._render(read._replace(errors=errors)), status)
        status = STATUS.get(answer.code, 409)
        refused = Response(self._render(read, alert=with_labels(answer.text)), status)
        if status == 503:
            refused.headers["Retry-After"] = str(BUSY_RETRY_S)
        return refused

    def _render(
        self, read: Submission, alert: str = "", saved: int | None = None, **more: object
    ) -> str:
        snapshot = self._services.bus.snapshot
        can = self._can_change()
        sections = make_sections(self._spec.name, snapshot, read.typed, read.errors, can)
        return self._pages.render(
            self._spec.template,
            self._spec.name,
            sections=sections,
            wrong=[field for section in sections for field in section.fields if field.error],
            alert=alert,
            saved=saved,
            can_change=can,
            **self._spec.panel(self._services, snapshot),
            **more,
        )

    def _read(self, form: MultiDict[str, str]) -> Submission:
        keys = page_keys(self._spec.name)
        return read_submission(keys, form, self._services.bus.snapshot)

    def _can_change(self) -> bool:
        return may_change(g.session, Role.ADMIN, self._services.bus.snapshot.settings)


def _format_refused(key: str, answer: Answer) -> str:
    """What the owner said of one field, without the name that stands beside it."""
    if answer.code == "range":
        return with_labels(f"Allowed is {answer.data.get('allowed', '')}.")
    what, _, why = answer.text.partition(" is refused: ")
    if not why or not what.startswith(key):
        return with_labels(answer.text)
    return with_labels(f"{why[0].upper()}{why[1:]}")


MOST_KEYS: Final = 400  # characters
_COUNTS: Final = tuple(str(count) for count in range(len(SETTINGS) + 1))


def _format_moved(keys: str, snapshot: Snapshot) -> str:
    """Which settings have moved along with those that were saved, and to what."""
    known = [key for key in keys[:MOST_KEYS].split(",") if key in snapshot.settings]
    if "email.enabled" in known and snapshot.settings.flag("email.enabled"):
        return "There is a server and a recipient now, so alarms are sent by e-mail from now on."
    words = [
        f"{SETTINGS[key].label} = {format_setting(snapshot.settings[key])}"
        for key in known
        if not SETTINGS[key].secret
    ]
    return f"Changed with it: {', '.join(words)}." if words else ""


def _format_restored(snapshot: Snapshot) -> str:
    """R52: the page says that the default stands where something out of range was typed."""
    setting, settings = SETTINGS[TYPE2_MINIMUM], snapshot.settings
    return (
        f"{setting.label}: the entry was out of range "
        f"(allowed is {allowed_text(TYPE2_MINIMUM, settings)}), so the default value "
        f"{format_setting(settings.default(TYPE2_MINIMUM))} {setting.unit} has been set."
    )


def form_routes(pages: Pages) -> list[Route]:
    """The pages of SPECS, each with its form."""
    routes = []
    for spec in SPECS:
        page = FormPage(pages, spec)
        routes.append(Route("GET", spec.path, page.show, RouteAccess.PAGE))
        keeps = kept_names(page_keys(spec.name))
        save = Route("POST", spec.path, page.save, RouteAccess.CHANGE, role=Role.ADMIN, keeps=keeps)
        routes.append(save)
    return routes
