"""The Backup page: all settings as one file, and back from it; shown first, then all or none."""

from __future__ import annotations

import json
import secrets
import threading
import time
from collections import OrderedDict
from collections.abc import Mapping
from typing import Final, NamedTuple

from flask import Response, g, request

from btrmd.docgen.settings_export import (
    difference,
    export_settings,
    exported_text,
    read_export,
)
from btrmd.model.commands import ChangeSettings
from btrmd.model.errors import DataError, SettingError
from btrmd.model.settings import SETTINGS, Settings, format_setting

from .bodies import MAX_BODY
from .pages import Pages, see_other
from .roles import Role
from .routes import Route, RouteAccess, may_change
from .services import source

PATH: Final = "/backup"
TITLE: Final = "Backup"
NOTE_KEY: Final = "settings.export"
KEPT_S: Final = 600.0  # how long a file waits between being shown and being applied
MOST_KEPT: Final = 4
SECRET: Final = "(secret)"
STATUS: Final = {"busy": 503, "storage": 503, "range": 422}


class Upload(NamedTuple):
    """A file that was shown to `user` and may be applied by him; `at` monotonic s."""

    user: str
    name: str
    changes: Mapping[str, object]
    at: float


class ImportLine(NamedTuple):
    """One setting that would change, in words."""

    key: str
    label: str
    page: str
    before: str
    after: str


class Uploads:
    """Files between the two steps. They wait here, because they may hold secrets and pages never
    do; the newest few, for ten minutes."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: OrderedDict[str, Upload] = OrderedDict()

    def keep(self, user: str, name: str, changes: Mapping[str, object]) -> str:
        """The word by which `take` finds it."""
        word = secrets.token_urlsafe(18)
        with self._lock:
            while len(self._kept) >= MOST_KEPT:
                self._kept.popitem(last=False)
            self._kept[word] = Upload(user, name, changes, time.monotonic())
        return word

    def take(self, word: str, user: str) -> Upload | None:
        """Once only."""
        with self._lock:
            found = self._kept.get(word)
            if found is None or found.user != user:
                return None
            del self._kept[word]
        return found if time.monotonic() - found.at < KEPT_S else None


class BackupPage:
    """Views of the page. The gate has made sure of the role."""

    def __init__(self, pages: Pages) -> None:
        self._pages = pages
        self._services = pages.services
        self._uploads = Uploads()

    def show(self) -> str:
        count = request.args.get("restored", "")
        done = ""
        if count.isascii() and count.isdigit() and int(count[:4]) <= len(SETTINGS):
            done = f"Restored: {int(count[:4])} settings have been changed."
        return self._render(done=done)

    def plain(self) -> Response:
        """The file without secrets: nothing that the pages do not show."""
        for_another = request.args.get("for") == "another"
        self._services.note(NOTE_KEY, exported_text(False, for_another))
        return self._file(with_secrets=False, for_another=for_another)

    def with_secrets(self) -> Response:
        """The file with passwords and communities, for an admin who says that he wants them."""
        if request.form.get("sure") != "true":
            text = "Tick the box to say that the file shall hold passwords and communities."
            return self._again(text, 422)
        self._services.note(NOTE_KEY, exported_text(True, False))
        return self._file(with_secrets=True)

    def check(self) -> Response:
        """Dry run: what the file would change. Nothing is changed here."""
        file = request.files.get("file")
        raw = file.read(MAX_BODY + 1) if file is not None else b""
        name = (file.filename or "The file")[:60] if file is not None else "The file"
        if not raw:
            return self._again("No file was chosen, or it is empty.", 422)
        try:
            changes = read_export(raw, name)
            before = self._services.bus.snapshot.settings
            after = before.with_changes(changes)
        except (DataError, SettingError) as error:
            return self._again(f"{_format(error)} Nothing has been changed.", 422)
        lines = _lines(before, after)
        word = self._uploads.keep(_user(), name, changes) if lines else ""
        return Response(self._render(lines=lines, name=name, word=word, is_checked=True))

    def apply(self) -> Response:
        """All or none, by the owner, who judges it once more."""
        upload = self._uploads.take(request.form.get("upload", ""), _user())
        if upload is None:
            text = "The file has been waiting too long: choose it once more."
            return self._again(text, 409)
        before = self._services.bus.snapshot.settings
        try:
            after = before.with_changes(upload.changes)
        except SettingError as error:
            return self._again(f"{_format(error)} Nothing has been changed.", 422)
        keys = before.differing(after)
        if keys:
            # also what is so already: named, it does not move along with others
            changes = {k: after[k] for k in after if k in keys or k in upload.changes}
            answer = self._services.bus.submit(ChangeSettings(changes, source()))
            if not answer.ok:
                text = f"{answer.text} Nothing has been changed."
                return self._again(text, STATUS.get(answer.code, 409))
        return see_other(f"{PATH}?restored={len(keys)}")

    def _file(self, with_secrets: bool, for_another: bool = False) -> Response:
        snapshot = self._services.bus.snapshot
        document = export_settings(snapshot.settings, with_secrets, for_another)
        body = json.dumps(document, indent=1, ensure_ascii=False) + "\n"
        day = time.strftime("%Y-%m-%d", time.gmtime(snapshot.at))
        place = "".join(
            c if c.isascii() and c.isalnum() else "-"
            for c in snapshot.settings.text("site.location")
        )
        what = "for-another-unit" if for_another else place.strip("-") or "unit"
        name = f"btrmd-{what}-{day}.json"
        headers = {"Content-Disposition": f'attachment; filename="{name}"'}
        return Response(body, mimetype="application/json", headers=headers)

    def _again(self, text: str, status: int) -> Response:
        return Response(self._render(alert=text), status)

    def _render(self, alert: str = "", done: str = "", **shown: object) -> str:
        settings = self._services.bus.snapshot.settings
        session = g.session
        return self._pages.render(
            "backup.html",
            TITLE,
            alert=alert,
            done=done,
            can_change=may_change(session, Role.ADMIN, settings),
            is_admin=session is not None and session.role is Role.ADMIN,
            count=len(settings),
            max_kb=MAX_BODY // 1024,
            **shown,
        )


def _lines(before: Settings, after: Settings) -> list[ImportLine]:
    lines = []
    for key, (old, new) in difference(before, after).items():
        setting = SETTINGS[key]
        if setting.secret:
            shown = (SECRET if before[key] else "empty", SECRET if after[key] else "empty")
        else:
            shown = (format_setting(old) or "empty", format_setting(new) or "empty")
        lines.append(ImportLine(key, setting.label, setting.page, *shown))
    return lines


def _format(error: DataError | SettingError) -> str:
    """The sentence, without the value of a secret."""
    if isinstance(error, SettingError) and error.key in SETTINGS and SETTINGS[error.key].secret:
        return f"{error.key} is refused: allowed is {error.allowed}."
    return str(error)


def _user() -> str:
    return str(g.session.token) if g.session is not None else ""


def backup_routes(pages: Pages) -> list[Route]:
    """The page, its files and the two steps of the way back."""
    page = BackupPage(pages)
    admin = Role.ADMIN
    return [
        Route("GET", PATH, page.show, RouteAccess.PAGE),
        Route("GET", f"{PATH}/settings.json", page.plain, RouteAccess.PAGE),
        Route("POST", f"{PATH}/export", page.with_secrets, RouteAccess.OWN, role=admin),
        Route("POST", f"{PATH}/check", page.check, RouteAccess.CHANGE, role=admin),
        Route("POST", f"{PATH}/apply", page.apply, RouteAccess.CHANGE, role=admin),
    ]
