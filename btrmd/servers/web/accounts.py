"""Accounts: checks a login against the stored accounts and changes a password."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping
from typing import NamedTuple, Protocol

from btrmd.model.passwords import (
    DECOY,
    FACTORY_USER,
    MAX_LENGTH,
    check_new_password,
    factory_accounts,
    verify_password,
    with_password,
)

from .roles import Role, stored_role
from .sessions import Session, Sessions
from .throttle import Throttle, is_private

log = logging.getLogger(__name__)

MAX_USER_LENGTH = 64


class AuthStore(Protocol):
    """Where the accounts are kept; the daemon hands it in.

    The dictionary is `{"users": {NAME: {"hash": TEXT, "factory": BOOL, "role": TEXT}}}`; without
    a role a user is an admin. An empty dictionary means a new unit. Thread-safe; another process
    (`btrmd passwd`) may change the file at any time.
    """

    def load(self) -> dict[str, object]: ...

    def save(self, accounts: dict[str, object]) -> None:
        """Keep `accounts`, all or nothing. Raises BtrmError or OSError when it cannot."""


class Refusal(NamedTuple):
    """Why a login or a password was refused. `code` also names the HTTP status (see STATUS)."""

    code: str
    text: str
    retry_after_s: int = 0


STATUS: Mapping[str, int] = {
    "credentials": 401,
    "wait": 429,
    "busy": 503,
    "private_only": 403,
    "password": 422,
    "storage": 503,
}


class User(NamedTuple):
    """A usable entry of the accounts."""

    hash: str
    is_factory: bool
    role: Role


class Accounts:
    """Thread-safe; at most one password is hashed at a time (16 MB each), one more may wait."""

    def __init__(self, store: AuthStore, sessions: Sessions, throttle: Throttle) -> None:
        self._store = store
        self._sessions = sessions
        self._throttle = throttle
        self._hashing = threading.Lock()
        self._queue = threading.BoundedSemaphore(2)
        self._factory: dict[str, object] = {}  # made once: its salt must stay the same

    def log_in(self, user: object, password: object, address: str) -> Session | Refusal:
        """Open a session, or say why not. Wrong attempts make address and account wait."""
        if not isinstance(user, str) or not isinstance(password, str):
            user = password = ""
        user = user[: MAX_USER_LENGTH + 1]
        wait = self._throttle.wait_s(user, address)
        if wait > 0:
            return Refusal("wait", f"Too many failed logins: wait {wait} s.", wait)
        if not self._queue.acquire(blocking=False):
            return Refusal("busy", "Another login is being checked: try again in 1 s.", 1)
        try:
            with self._hashing:
                found = self._check(user, password)
        finally:
            self._queue.release()
        if found is None:
            self._throttle.failed(user, address)
            log.warning("login refused: user %r from %s", user, address)
            wait = self._throttle.wait_s(user, address)
            again = f"wait {wait} s" if wait else "you may try again now"
            return Refusal("credentials", f"User name or password is wrong: {again}.", wait)
        if found.is_factory and not is_private(address):
            log.warning("factory login refused from %s", address)
            return Refusal(
                "private_only",
                "Until a password is set, the factory login works from a private address only.",
            )
        self._throttle.succeeded(user, address)
        log.info("login: user %s from %s", user, address)
        return self._sessions.open(user, found.hash, found.is_factory, found.role, address)

    def is_current(self, session: Session) -> bool:
        """False once the password was changed elsewhere; the session is closed then."""
        user = self.users().get(session.user)
        if user is not None and user.hash == session.credential:
            session.role = user.role
            return True
        self._sessions.close(session)
        return False

    def set_password(
        self, session: Session, new: object, current: object, address: str
    ) -> Session | Refusal:
        """Set the password of the session's user and log him out everywhere else.

        `current` must be given and right, except under the factory login, which was just typed.
        """
        if not session.is_factory:
            wait = self._throttle.wait_s(session.user, address)
            if wait > 0:
                return Refusal("wait", f"Too many wrong passwords: wait {wait} s.", wait)
            if not isinstance(current, str) or not current:
                return Refusal("password", "The present password (current) is missing.")
        try:
            password = check_new_password(new)
        except ValueError as error:
            return Refusal("password", str(error))
        if not self._queue.acquire(blocking=False):
            return Refusal("busy", "Another login is being checked: try again in 1 s.", 1)
        try:
            with self._hashing:
                if not session.is_factory and self._check(session.user, str(current)) is None:
                    self._throttle.failed(session.user, address)
                    return Refusal("password", "The present password (current) is wrong.")
                changed = with_password(self._store.load(), session.user, password)
                self._store.save(changed)
        except OSError as error:
            return Refusal("storage", f"The password could not be stored: {error}.")
        finally:
            self._queue.release()
        log.info("password set: user %s from %s", session.user, address)
        self._sessions.close_all_of(session.user)
        user = _decode_users(changed)[session.user]
        return self._sessions.open(session.user, user.hash, False, user.role, address)

    def change(self, edit: Callable[[dict[str, object]], dict[str, object]]) -> Refusal | None:
        """Store the accounts as `edit` makes them of the stored ones; one change at a time.

        `edit` raises ValueError to refuse, its text one sentence.
        """
        if not self._queue.acquire(blocking=False):
            return Refusal("busy", "Another login is being checked: try again in 1 s.", 1)
        try:
            with self._hashing:
                self._store.save(edit(self._store.load() or self._new_accounts()))
        except ValueError as error:
            return Refusal("password", str(error))
        except OSError as error:
            return Refusal("storage", f"The accounts could not be stored: {error}.")
        finally:
            self._queue.release()
        return None

    def _check(self, user: str, password: str) -> User | None:
        users = self.users()
        found = users.get(user)
        fits = len(password) <= MAX_LENGTH
        good = verify_password(password if fits else "", found.hash if found is not None else DECOY)
        return found if good and fits and found is not None else None

    def users(self) -> dict[str, User]:
        """The users by name; a new unit has the factory login."""
        users = _decode_users(self._store.load())
        return users or self._new_unit()

    def _new_unit(self) -> dict[str, User]:
        """The factory login, for a unit whose accounts name nobody."""
        return _decode_users(self._new_accounts())

    def _new_accounts(self) -> dict[str, object]:
        if not self._factory:
            self._factory = factory_accounts()
            try:
                self._store.save(self._factory)
            except OSError as error:
                log.error("cannot store the factory login of %s: %s", FACTORY_USER, error)
        return self._factory


def _decode_users(accounts: Mapping[str, object]) -> dict[str, User]:
    """The usable entries; one of a wrong shape is as good as absent."""
    users = accounts.get("users")
    if not isinstance(users, Mapping):
        return {}
    return {
        name: User(entry["hash"], entry.get("factory") is True, stored_role(entry.get("role")))
        for name, entry in users.items()
        if isinstance(name, str)
        and isinstance(entry, Mapping)
        and isinstance(entry.get("hash"), str)
    }
