"""Passwords: how they are judged, hashed and checked, shared by the pages and the command line."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import os
import unicodedata
from collections.abc import Mapping
from typing import Final

from .errors import SettingError

MIN_LENGTH: Final = 8  # R150
MAX_LENGTH: Final = 128
FACTORY_USER: Final = "admin"  # manual 10.4.1; opens nothing but the setting of a password (R147)
FACTORY_PASSWORD: Final = "btrm"

# 16 MB a hash: hard for an attacker's graphics card, bearable on a board with 512 MB. Whoever
# checks passwords must do it one at a time (RFC 7914; memory is 128 * N * r bytes).
_N, _R, _P = 2**14, 8, 1
_MAX_MEMORY = 64 * 1024 * 1024
_SALT_BYTES = 16
_HASH_BYTES = 32
_ALLOWED = f"{MIN_LENGTH}..{MAX_LENGTH} characters"


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")


DECOY: Final = "$".join(
    ("scrypt", str(_N), str(_R), str(_P), _text(bytes(_SALT_BYTES)), _text(bytes(_HASH_BYTES)))
)
"""A stored text that no password has: checked when a user does not exist, to take as long."""


def check_new_password(password: object) -> str:
    """`password` if it may be used.

    Raises SettingError (value not repeated) for anything but 8..128 characters of valid text.
    """
    if not isinstance(password, str) or not MIN_LENGTH <= len(password) <= MAX_LENGTH:
        raise _refused(f"The password is refused: allowed are {_ALLOWED}.")
    if any(unicodedata.category(char) in ("Cc", "Cs") for char in password):
        raise _refused(f"The password is refused: allowed are {_ALLOWED} that can be typed.")
    return password


def hash_password(password: str, salt: bytes | None = None) -> str:
    """The text to store: scheme, cost, salt and hash. Takes 16 MB and some 50 ms."""
    salt = os.urandom(_SALT_BYTES) if salt is None else salt
    return "$".join(
        ("scrypt", str(_N), str(_R), str(_P), _text(salt), _text(_derive(password, salt)))
    )


def verify_password(password: str, stored: str) -> bool:
    """True when `password` made `stored`; constant time for any stored text of this scheme.

    A text of another scheme or cost never matches: the costs are not the file's to choose.
    """
    parts = stored.split("$")
    if len(parts) != 6 or parts[:4] != ["scrypt", str(_N), str(_R), str(_P)]:
        return False
    try:
        salt, expected = base64.b64decode(parts[4]), base64.b64decode(parts[5])
    except (binascii.Error, ValueError):
        return False
    return hmac.compare_digest(_derive(password, salt), expected)


def factory_accounts() -> dict[str, object]:
    """The accounts of a new unit: the factory login, which can only set a password."""
    return {"users": {FACTORY_USER: {"hash": hash_password(FACTORY_PASSWORD), "factory": True}}}


def with_password(accounts: Mapping[str, object], user: str, password: str) -> dict[str, object]:
    """A copy of `accounts` in which `user` has `password` and is no factory login any more.

    What else stands in his entry (his role) stays. An unknown user is added. Raises SettingError
    when the password is refused.
    """
    users = accounts.get("users")
    kept = dict(users) if isinstance(users, Mapping) else {}
    old = kept.get(user)
    entry = dict(old) if isinstance(old, Mapping) else {}
    hashed = hash_password(check_new_password(password))
    kept[user] = {**entry, "hash": hashed, "factory": False}
    return {**accounts, "users": kept}


def _derive(password: str, salt: bytes) -> bytes:
    # NFC: the same word typed on two keyboards is the same password.
    text = unicodedata.normalize("NFC", password).encode("utf-8", "surrogatepass")
    return hashlib.scrypt(text, salt=salt, n=_N, r=_R, p=_P, maxmem=_MAX_MEMORY, dklen=_HASH_BYTES)


def _refused(text: str) -> SettingError:
    return SettingError("password", None, _ALLOWED, text)
