"""Tokens: what machines log in with, shown once and kept as a hash only."""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta
from typing import Final, NamedTuple

from .model.errors import SettingError

PREFIX: Final = "btrmd_"  # so that a scanner of repositories finds one that got lost
BYTES: Final = 32
MAX_TOKENS: Final = 50
MAX_NAME: Final = 32
ROLES: Final = ("viewer", "operator", "admin")  # as those of users
LONGEST_DAYS: Final = 3650
EXPIRES_TEXT: Final = f"days (1..{LONGEST_DAYS}) or a date to come such as 2027-12-31"
_DATE: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_NAME: Final = re.compile(rf"[A-Za-z0-9._-]{{1,{MAX_NAME}}}")
NAME_TEXT: Final = f"1 to {MAX_NAME} letters, digits, dots, hyphens and underscores"


class Token(NamedTuple):
    """A stored token. `made_at` and `expires_at` ISO 8601 (UTC); "" = it does not expire."""

    name: str
    role: str
    made_at: str
    hash: str
    expires_at: str = ""

    @property
    def ends_at(self) -> float | None:
        """When it ends, wall time, s since 1970; None = the stored text is no time. Only with
        `expires_at`."""
        try:
            return datetime.fromisoformat(self.expires_at).timestamp()
        except (ValueError, OverflowError):
            return None

    def is_expired(self, now: float) -> bool:
        """`now`: wall time, s since 1970. A date that cannot be read is past."""
        if not self.expires_at:
            return False
        end = self.ends_at
        return end is None or end <= now


def decode_tokens(data: Mapping[str, object]) -> dict[str, Token]:
    """The usable tokens of a stored file by name; a misshapen entry counts as absent."""
    found = data.get("tokens")
    tokens = {}
    for name, entry in found.items() if isinstance(found, Mapping) else ():
        fields = entry if isinstance(entry, Mapping) else {}
        hashed, role = fields.get("hash"), fields.get("role")
        if isinstance(name, str) and isinstance(hashed, str) and role in ROLES:
            made, expires = str(fields.get("made_at", "")), str(fields.get("expires_at", ""))
            tokens[name] = Token(name, str(role), made, hashed, expires)
    return tokens


def with_token(
    data: Mapping[str, object], name: str, role: str, at: str, expires_at: str = ""
) -> tuple[dict[str, object], str]:
    """`data` with a new token, and its text, which is told this once.

    Raises SettingError for a name that is taken or none, a role there is not, or one too many.
    """
    tokens = decode_tokens(data)
    if not _NAME.fullmatch(name):
        raise SettingError("name", name, NAME_TEXT)
    if role not in ROLES:
        raise SettingError("role", role, ", ".join(ROLES))
    if name in tokens:
        raise SettingError("name", name, "a new name", f"There is a token {name} already.")
    if len(tokens) >= MAX_TOKENS:
        text = f"There are {MAX_TOKENS} tokens already, which is the most."
        raise SettingError("name", name, f"{MAX_TOKENS} tokens", text)
    text = PREFIX + secrets.token_urlsafe(BYTES)
    made = Token(name, role, at, hash_token(text), expires_at)
    return _encoded({**tokens, name: made}), text


def expiry(text: str, now: float) -> str:
    """When a token made at `now` (s since 1970) ends, ISO 8601; "" stays "". A date ends with its
    day (UTC). Raises SettingError."""
    if not text:
        return ""
    today = datetime.fromtimestamp(now, UTC)
    end = None
    if text.isascii() and text.removesuffix("d").isdigit():
        days = int(text.removesuffix("d")[:9])
        if 1 <= days <= LONGEST_DAYS:
            end = today + timedelta(days=days)
    elif _DATE.fullmatch(text):  # and no week of a year
        try:
            end = datetime.combine(date.fromisoformat(text), time.max, UTC)
        except ValueError:
            end = None
    if end is None or not today < end <= today + timedelta(days=LONGEST_DAYS):
        raise SettingError("expires", text, EXPIRES_TEXT)
    return end.isoformat(timespec="seconds")


def without_token(data: Mapping[str, object], name: str) -> dict[str, object]:
    """`data` without that token. Raises SettingError when there is none."""
    tokens = decode_tokens(data)
    if name not in tokens:
        known = ", ".join(tokens) or "none"
        raise SettingError("name", name, known, f"There is no token {name}; there is {known}.")
    del tokens[name]
    return _encoded(tokens)


def find_token(tokens: Mapping[str, Token], text: str) -> Token | None:
    """Whose token `text` is. It is 256 random bits: one hash of it is enough, and a fast one."""
    hashed = hash_token(text)
    found = None
    for token in tokens.values():
        if hmac.compare_digest(token.hash, hashed):
            found = token
    return found


def hash_token(text: str) -> str:
    """What is stored of a token."""
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()


def public_token(token: Token) -> dict[str, object]:
    """What lists show of it."""
    return {
        "name": token.name,
        "role": token.role,
        "made_at": token.made_at,
        "expires_at": token.expires_at or None,
    }


def made_text(name: str, role: str, expires_at: str) -> str:
    """For the event log."""
    until = f" until {expires_at[:10]}" if expires_at else ""
    return f"Token {name} was made as {role}{until}."


def _encoded(tokens: Mapping[str, Token]) -> dict[str, object]:
    return {
        "tokens": {
            token.name: {
                "role": token.role,
                "made_at": token.made_at,
                "hash": token.hash,
                **({"expires_at": token.expires_at} if token.expires_at else {}),
            }
            for token in tokens.values()
        }
    }
