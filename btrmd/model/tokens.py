"""Tokens: what machines log in with, shown once and kept as a hash only."""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from collections.abc import Mapping
from typing import Final, NamedTuple

from .errors import SettingError

PREFIX: Final = "btrmd_"  # so that a scanner of repositories finds one that got lost
BYTES: Final = 32
MAX_TOKENS: Final = 50
MAX_NAME: Final = 32
ROLES: Final = ("viewer",)  # a token reads
_NAME: Final = re.compile(rf"[A-Za-z0-9._-]{{1,{MAX_NAME}}}")
NAME_TEXT: Final = f"1 to {MAX_NAME} letters, digits, dots, hyphens and underscores"


class Token(NamedTuple):
    """A stored token. `made_at` ISO 8601."""

    name: str
    role: str
    made_at: str
    hash: str


def decode_tokens(data: Mapping[str, object]) -> dict[str, Token]:
    """The usable tokens of a stored file by name; a misshapen entry counts as absent."""
    found = data.get("tokens")
    tokens = {}
    for name, entry in found.items() if isinstance(found, Mapping) else ():
        fields = entry if isinstance(entry, Mapping) else {}
        hashed, role = fields.get("hash"), fields.get("role")
        if isinstance(name, str) and isinstance(hashed, str) and role in ROLES:
            tokens[name] = Token(name, str(role), str(fields.get("made_at", "")), hashed)
    return tokens


def with_token(
    data: Mapping[str, object], name: str, role: str, at: str
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
    made = Token(name, role, at, hash_token(text))
    return _encoded({**tokens, name: made}), text


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


def _encoded(tokens: Mapping[str, Token]) -> dict[str, object]:
    return {
        "tokens": {
            token.name: {"role": token.role, "made_at": token.made_at, "hash": token.hash}
            for token in tokens.values()
        }
    }
