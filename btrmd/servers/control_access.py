"""The control socket's verbs for who may come in: passwords, tokens, and the settings as a file."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Final, Protocol

from ..bus import Bus
from ..docgen.settings_export import export_settings, exported_text
from ..model.commands import Note
from ..model.errors import BusyError, SettingError
from ..tokens import decode_tokens, expiry, made_text, public_token

log = logging.getLogger(__name__)

Request = Mapping[str, Any]
Reply = dict[str, object]

MAX_USER: Final = 32  # characters of a login
USERS_KEY: Final = "web.users"
TOKENS_KEY: Final = "web.tokens"
EXPORT_KEY: Final = "settings.export"


class Passwords(Protocol):
    """Stores a login: user, password, role of a new user (None: one that there is)."""

    def __call__(self, user: str, password: str, role: str | None = None) -> None: ...


class Tokens(Protocol):
    """Where machines' tokens are kept. Every method raises BtrmError to refuse."""

    def load(self) -> Mapping[str, object]: ...

    def add(self, name: str, role: str, at: str, expires_at: str = "") -> str: ...

    def revoke(self, name: str) -> None: ...


def access_verbs(
    bus: Bus, set_password: Passwords | None, tokens: Tokens | None
) -> dict[str, Callable[[Request, str], Reply]]:
    """Verb -> its handler. Raises SettingError for what the stores refuse."""

    def tell(key: str, text: str, source: str) -> None:
        try:  # stored is stored
            bus.post(Note(key, text, source))
        except BusyError as error:
            log.warning("%s (%s) is not in the event log: %s", text, source, error)

    def passwd(request: Request, source: str) -> Reply:
        user, password, role = (request.get(name) for name in ("user", "password", "role"))
        if not isinstance(user, str) or not isinstance(password, str):
            return _syntax('"user" and "password" are texts.')
        if role is not None and not isinstance(role, str):
            return _syntax('"role" is a text.')
        if set_password is None:
            return _unknown("This daemon keeps no passwords.")
        set_password(check_user(user), password, role)
        what = f"User {user} was added as {role}." if role else f"The password of {user} was set."
        tell(USERS_KEY, what, source)
        return {"ok": True}

    def token_add(request: Request, source: str) -> Reply:
        name, role = request.get("name"), request.get("role", "viewer")
        expires = request.get("expires", "")
        if not isinstance(name, str) or not isinstance(role, str) or not isinstance(expires, str):
            return _syntax('"name", "role" and "expires" are texts.')
        if tokens is None:
            return _unknown("This daemon keeps no tokens.")
        now = datetime.now(UTC)
        ends = expiry(expires, now.timestamp())
        text = tokens.add(name, role, now.isoformat(timespec="seconds"), ends)
        tell(TOKENS_KEY, made_text(name, role, ends), source)
        return {"ok": True, "token": text}

    def token_list(request: Request, source: str) -> Reply:
        found = decode_tokens(tokens.load()) if tokens is not None else {}
        shown = [public_token(token) for token in found.values()]
        return {"ok": True, "tokens": shown}

    def token_revoke(request: Request, source: str) -> Reply:
        name = request.get("name")
        if not isinstance(name, str):
            return _syntax('"name" is a text.')
        if tokens is None:
            return _unknown("This daemon keeps no tokens.")
        tokens.revoke(name)
        tell(TOKENS_KEY, f"Token {name} was revoked.", source)
        return {"ok": True}

    def export(request: Request, source: str) -> Reply:
        has_secrets = request.get("secrets") is True
        for_another = request.get("for_another") is True
        tell(EXPORT_KEY, exported_text(has_secrets, for_another), source)
        settings = bus.snapshot.settings
        return {"ok": True, "export": export_settings(settings, has_secrets, for_another)}

    return {
        "passwd": passwd,
        "token_add": token_add,
        "token_list": token_list,
        "token_revoke": token_revoke,
        "export": export,
    }


def check_user(user: str) -> str:
    """A login name: 1..32 printable characters without blanks. Raises SettingError."""
    if not 0 < len(user) <= MAX_USER or not user.isprintable() or " " in user:
        raise SettingError("user", user, f"1..{MAX_USER} printable characters without blanks")
    return user


def _syntax(text: str) -> Reply:
    return {"ok": False, "code": "syntax", "text": text}


def _unknown(text: str) -> Reply:
    return {"ok": False, "code": "unknown", "text": text}
