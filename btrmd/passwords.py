"""Passwords: how they are judged, hashed and checked, shared by the pages and the command line."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import os
from collections.abc import Mapping
from typing import Final, NamedTuple

from .model.errors import SettingError

MIN_LENGTH: Final = 8  # R150
MAX_LENGTH: Final = 128
FACTORY_USER: Final = "admin"  # manual 10.4.1; opens nothing but the setting of a password (R147)
FACTORY_PASSWORD: Final = "btrm"


class Cost(NamedTuple):
    """What a hash costs (RFC 7914): memory 128 * n * r bytes, time as n * r * p."""

    n: int
    r: int
    p: int

    @property
    def words(self) -> tuple[str, str, str]:
        """As they stand in a stored text."""
        return str(self.n), str(self.r), str(self.p)


# One of the settings of equal strength that the OWASP Password Storage Cheat Sheet names, the one
# with the least memory (8 MB): the board has 512 MB and the daemon's budget is 75. Whoever checks
# passwords must do it one at a time.
COST: Final = Cost(2**13, 8, 10)
_FORMER: Final = Cost(2**14, 8, 1)  # of btrmd 0.1; taken until the next login renews it
_REST: Final = Cost(2**13, 8, 8)  # what a former hash is cheaper by: the time must tell nothing
_MAX_MEMORY = 32 * 1024 * 1024
_SALT_BYTES = 16
_HASH_BYTES = 32
_ALLOWED = f"{MIN_LENGTH}..{MAX_LENGTH} characters"


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")


DECOY: Final = "$".join(
    ("scrypt", *COST.words, _text(bytes(_SALT_BYTES)), _text(bytes(_HASH_BYTES)))
)
"""A stored text that no password has: checked when a user does not exist, to take as long."""


def check_new_password(password: object) -> str:
    """`password` if it may be used.

    Raises SettingError (value not repeated) for anything but 8..128 characters of valid text.
    """
    if not isinstance(password, str) or not MIN_LENGTH <= len(password) <= MAX_LENGTH:
        raise _refused(f"The password is refused: allowed are {_ALLOWED}.")
    import unicodedata  # 0.6 MB, for passwords only

    if any(unicodedata.category(char) in ("Cc", "Cs") for char in password):
        raise _refused(f"The password is refused: allowed are {_ALLOWED} that can be typed.")
    return password


def hash_password(password: str, salt: bytes | None = None, cost: Cost = COST) -> str:
    """The text to store: scheme, cost, salt and hash. Takes 8 MB and some 300 ms (a Pi: 3 s)."""
    salt = os.urandom(_SALT_BYTES) if salt is None else salt
    return "$".join(("scrypt", *cost.words, _text(salt), _text(_derive(password, salt, cost))))


def verify_password(password: str, stored: str) -> bool:
    """True when `password` made `stored`; takes as long for any stored text of these costs.

    A text of another scheme or cost never matches: the costs are not the file's to choose.
    """
    parts = stored.split("$")
    cost = next((c for c in (COST, _FORMER) if parts[:4] == ["scrypt", *c.words]), None)
    if len(parts) != 6 or cost is None:
        return False
    try:
        salt, expected = base64.b64decode(parts[4]), base64.b64decode(parts[5])
    except (binascii.Error, ValueError):
        return False
    is_right = hmac.compare_digest(_derive(password, salt, cost), expected)
    if cost is _FORMER:
        _derive(password, salt, _REST)
    return is_right


def is_outdated(stored: str) -> bool:
    """True when a stored text was made at another cost than a new one would be."""
    return stored.split("$")[1:4] != list(COST.words)


def factory_accounts() -> dict[str, object]:
    """The accounts of a new unit: the factory login, which can only set a password."""
    return {"users": {FACTORY_USER: {"hash": hash_password(FACTORY_PASSWORD), "factory": True}}}


ROLES: Final = ("viewer", "operator", "admin")  # each may all that the one before it may


def with_password(
    accounts: Mapping[str, object], user: str, password: str, role: str | None = None
) -> dict[str, object]:
    """A copy of `accounts` in which `user` has `password` and is no factory login any more.

    What else stands in his entry (his role) stays. `role`: he is new and gets it; None: he must be
    there already. In accounts without anybody the factory's name is there. Raises SettingError when
    user, role or password is refused.
    """
    users = accounts.get("users")
    kept = dict(users) if isinstance(users, Mapping) else {}
    if not kept:
        kept[FACTORY_USER] = {}
    entry = _entry_for(kept, user, role)
    hashed = hash_password(check_new_password(password))
    kept[user] = {**entry, "hash": hashed, "factory": False}
    if kept.get(FACTORY_USER) == {}:
        del kept[FACTORY_USER]
    return {**accounts, "users": kept}


def _entry_for(users: Mapping[str, object], user: str, role: str | None) -> dict[str, object]:
    """What stands in the entry of `user` beside his password."""
    found = users.get(user)
    known = ", ".join(sorted(users))
    if role is None:
        if not isinstance(found, Mapping):
            text = f"There is no user {user}; there is {known}. To add one, name his role."
            raise SettingError("user", user, known, text)
        return dict(found)
    if role not in ROLES:
        raise SettingError("role", role, ", ".join(ROLES))
    if isinstance(found, Mapping):
        raise SettingError("user", user, "a new name", f"There is a user {user} already.")
    return {"role": role}


def _derive(password: str, salt: bytes, cost: Cost) -> bytes:
    import unicodedata

    # NFC: the same word typed on two keyboards is the same password.
    text = unicodedata.normalize("NFC", password).encode("utf-8", "surrogatepass")
    return hashlib.scrypt(
        text, salt=salt, n=cost.n, r=cost.r, p=cost.p, maxmem=_MAX_MEMORY, dklen=_HASH_BYTES
    )


def _refused(text: str) -> SettingError:
    return SettingError("password", None, _ALLOWED, text)
