"""Users: adding, removing and changing those who may log in (R148); one admin always remains."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Mapping
from typing import Final

from btrmd.passwords import with_password

from .accounts import Accounts, LoginRefusal
from .roles import ROLES, Role, stored_role
from .sessions import Sessions, WebSession

log = logging.getLogger(__name__)

MAX_USERS: Final = 50
MAX_NAME: Final = 32
NAME_TEXT: Final = f"1 to {MAX_NAME} letters, digits, dots, hyphens and underscores"
ROLE_TEXT: Final = "viewer, operator or admin"
_NAME: Final = re.compile(rf"[A-Za-z0-9._-]{{1,{MAX_NAME}}}")

Entries = dict[str, object]


class Users:
    """Every change is refused with one sentence (a Refusal), or stored and logged with who asked
    and from where; whoever is concerned must log in again."""

    def __init__(self, accounts: Accounts, sessions: Sessions, tell: Callable[[str], None]) -> None:
        """`tell` gets one sentence for the event log after each change."""
        self._accounts = accounts
        self._sessions = sessions
        self._tell = tell

    def add(self, by: WebSession, name: str, password: str, role: str) -> LoginRefusal | None:
        """A new user. A name that is taken is refused."""
        if not _NAME.fullmatch(name):
            return LoginRefusal("user", f"The user name is refused: allowed are {NAME_TEXT}.")
        if role not in ROLES:
            return LoginRefusal("role", f"The role is refused: allowed is {ROLE_TEXT}.")

        def edit(accounts: Entries) -> Entries:
            entries = _entries(accounts)
            if name in entries:
                raise ValueError(f"There is a user {name} already.")
            if len(entries) >= MAX_USERS:
                raise ValueError(f"There are {MAX_USERS} users already, which is the most.")
            return with_password(accounts, name, password, role)

        return self._change(by, "", edit, f"User {name} was added as {role}.")

    def set_role(self, by: WebSession, name: str, role: str) -> LoginRefusal | None:
        """Another role. The last admin stays one."""
        if role not in ROLES:
            return LoginRefusal("role", f"The role is refused: allowed is {ROLE_TEXT}.")

        def edit(accounts: Entries) -> Entries:
            _known(accounts, name)
            return _with_admin(_with_role(accounts, name, role))

        return self._change(by, name, edit, f"User {name} is {role} now.")

    def set_password(self, by: WebSession, name: str, password: str) -> LoginRefusal | None:
        """A new password for somebody else, who has forgotten his."""

        def edit(accounts: Entries) -> Entries:
            _known(accounts, name)
            return with_password(accounts, name, password)

        return self._change(by, name, edit, f"The password of {name} was set.")

    def remove(self, by: WebSession, name: str) -> LoginRefusal | None:
        """Not oneself, and not the last admin."""
        if name == by.user:
            return LoginRefusal("user", "You cannot remove yourself.")

        def edit(accounts: Entries) -> Entries:
            _known(accounts, name)
            kept = {user: entry for user, entry in _entries(accounts).items() if user != name}
            return _with_admin({**accounts, "users": kept})

        return self._change(by, name, edit, f"User {name} was removed.")

    def _change(
        self, by: WebSession, concerned: str, edit: Callable[[Entries], Entries], words: str
    ) -> LoginRefusal | None:
        refused = self._accounts.change(edit)
        if refused is not None:
            return refused
        log.info("%s By %s from %s.", words, by.user, by.address)
        self._tell(words)
        if concerned and concerned != by.user:
            self._sessions.close_all_of(concerned)
        return None


def _entries(accounts: Mapping[str, object]) -> Mapping[str, object]:
    users = accounts.get("users")
    return users if isinstance(users, Mapping) else {}


def _known(accounts: Mapping[str, object], name: str) -> Mapping[str, object]:
    entry = _entries(accounts).get(name)
    if not isinstance(entry, Mapping):
        raise ValueError("There is no such user.")
    return entry


def _with_role(accounts: Entries, name: str, role: str) -> Entries:
    entry = {**_known(accounts, name), "role": role}
    return {**accounts, "users": {**_entries(accounts), name: entry}}


def _with_admin(accounts: Entries) -> Entries:
    """`accounts`, if an admin is among them who can log in."""
    if not any(
        isinstance(entry, Mapping)
        and isinstance(entry.get("hash"), str)
        and stored_role(entry.get("role")) is Role.ADMIN
        for entry in _entries(accounts).values()
    ):
        raise ValueError("One user must remain an admin.")
    return accounts
