"""Accounts: checks a login against the stored accounts and changes a password."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping
from typing import NamedTuple, Protocol

from btrmd.model.errors import sentence_of
from btrmd.net import is_private
from btrmd.passwords import (
    DECOY,
    FACTORY_USER,
    MAX_LENGTH,
    check_new_password,
    factory_accounts,
    hash_password,
    is_outdated,
    verify_password,
    with_password,
)

from .roles import Role, stored_role
from .sessions import Sessions, WebSession
from .throttle import FREE_FAILURES, Throttle

log = logging.getLogger(__name__)

MAX_USER_LENGTH = 64
NOBODY = "nobody"  # how an event names who has not logged in (model.events)
LOGIN_KEY = "web.login"
REFUSED_KEY = "web.login_refused"
LOCKOUT_KEY = "web.lockout"


class AuthStore(Protocol):
    """Where the accounts are kept; the daemon hands it in.

    The dictionary is `{"users": {NAME: {"hash": TEXT, "factory": BOOL, "role": TEXT}}}`; without
    a role a user is an admin. An empty dictionary means a new unit. Thread-safe; another process
    (`btrmd passwd`) may change the file at any time.
    """

    def load(self) -> dict[str, object]: ...

    def save(self, accounts: dict[str, object]) -> None:
        """Keep `accounts`, all or nothing. Raises BtrmError or OSError when it cannot."""


class LoginRefusal(NamedTuple):
    """Why a login or a password was refused. `code` also names the HTTP status (see STATUS)."""

    code: str
    text: str
    retry_after_s: int = 0


STATUS: Mapping[str, int] = {
    "credentials": 401,
    "no_role": 403,
    "unreached": 503,
    "wait": 429,
    "busy": 503,
    "private_only": 403,
    "password": 422,
    "storage": 503,
}


class WebUser(NamedTuple):
    """A usable entry of the accounts."""

    hash: str
    is_factory: bool
    role: Role


Tell = Callable[[str, str, str], None]  # key, one sentence, source: for the event log


def _tell_nobody(key: str, text: str, source: str) -> None:
    """Where there is no event log."""


class Elsewhere(Protocol):
    """Who knows users that are none of this unit's own (RADIUS)."""

    @property
    def credential(self) -> str:
        """What its sessions stand on; other settings make another one. "" = it is off."""

    def ask(self, user: str, password: str, address: str) -> Role | LoginRefusal | None:
        """The user's role; None = refused. Slow; any thread; raises nothing."""


class Accounts:
    """Thread-safe. The dispatcher brings logins one after the other; whatever else hashes waits
    for its turn here, so that no more than one hash is in memory (8 MB).

    `elsewhere`: asked about names that are none of this unit's own.
    """

    def __init__(
        self,
        store: AuthStore,
        sessions: Sessions,
        throttle: Throttle,
        tell: Tell = _tell_nobody,
        elsewhere: Elsewhere | None = None,
    ) -> None:
        self._elsewhere = elsewhere
        self._store = store
        self._sessions = sessions
        self._throttle = throttle
        self._tell = tell
        self._hashing = threading.Lock()
        self._factory: dict[str, object] = {}  # made once: its salt must stay the same

    def log_in(
        self, user: object, password: object, address: str, token: str | None = None
    ) -> WebSession | LoginRefusal:
        """Open a session, or say why not. Wrong attempts make the address wait, or the browser
        with this `token` if it is known."""
        if not isinstance(user, str) or not isinstance(password, str):
            user = password = ""
        user = user[: MAX_USER_LENGTH + 1]
        wait = self._throttle.wait_s(user, address, token)
        if wait > 0:
            return LoginRefusal("wait", f"Too many failed logins: wait {wait} s.", wait)
        with self._hashing:
            found = self._check(user, password)
        if found is None:
            return self._log_in_elsewhere(user, password, address, token)
        if found.is_factory and not is_private(address):
            self._tell(REFUSED_KEY, "The factory login was refused.", f"web {user} {address}")
            return LoginRefusal(
                "private_only",
                "Until a password is set, the factory login works from a private address only.",
            )
        hashed = self._renewed(user, password, found)
        device = self._throttle.succeeded(user, address, token)
        self._tell(LOGIN_KEY, f"{user} has logged in ({found.role.word}).", f"web {user} {address}")
        session = self._sessions.open(user, hashed, found.is_factory, found.role, address)
        session.device = device
        return session

    def _log_in_elsewhere(
        self, user: str, password: str, address: str, token: str | None
    ) -> WebSession | LoginRefusal:
        """By RADIUS, where that is on: never for a name of this unit's own."""
        elsewhere = self._elsewhere
        credential = elsewhere.credential if elsewhere is not None else ""
        if elsewhere is None or not credential or not self._is_foreign(user):
            return self._failed(user, address, token)
        role = elsewhere.ask(user, password, address)
        if role is None:
            return self._failed(user, address, token)
        if isinstance(role, LoginRefusal):
            return role
        device = self._throttle.succeeded(user, address, token)
        text = f"{user} has logged in ({role.word}, by RADIUS)."
        self._tell(LOGIN_KEY, text, f"web {user} {address}")
        session = self._sessions.open(user, credential, False, role, address)
        session.device = device
        return session

    def _is_foreign(self, user: str) -> bool:
        """A name that another server may be asked about: one printable word, so that it can forge
        no line of a log and no source of an event, and no own user's in other capitals."""
        is_word = user.isprintable() and len(user.split()) == 1 and user == user.strip()
        own = {name.casefold() for name in (*self.users(), NOBODY)}
        return is_word and len(user) <= MAX_USER_LENGTH and user.casefold() not in own

    def _failed(self, user: str, address: str, token: str | None) -> LoginRefusal:
        """A wrong name or password: count it, tell of it, say how long to wait."""
        count = self._throttle.failed(user, address, token)
        named = "".join(char if char.isprintable() else "?" for char in user[:32]) or "nobody"
        source = f"web {named} {address}"
        self._tell(REFUSED_KEY, f"Login as {named!r} refused: wrong name or password.", source)
        wait = self._throttle.wait_s(user, address, token)
        if count >= FREE_FAILURES and wait:
            text = f"{address} has to wait after {count} wrong logins, {wait} s now."
            self._tell(LOCKOUT_KEY, text, f"web {address}")
        again = f"wait {wait} s" if wait else "you may try again now"
        return LoginRefusal("credentials", f"User name or password is wrong: {again}.", wait)

    def _renewed(self, user: str, password: str, found: WebUser) -> str:
        """The stored hash, made anew if it is of an earlier, cheaper kind."""
        if found.is_factory or not is_outdated(found.hash):
            return found.hash
        with self._hashing:
            hashed = hash_password(password)
            accounts = self._store.load()
            users = accounts.get("users")
            entry = users.get(user) if isinstance(users, Mapping) else None
            if not isinstance(entry, Mapping) or entry.get("hash") != found.hash:
                return found.hash  # changed in this moment
            assert isinstance(users, Mapping)
            changed = {**accounts, "users": {**users, user: {**entry, "hash": hashed}}}
            try:
                self._store.save(changed)
            except OSError as error:
                log.warning("the password of %s keeps its earlier hash: %s", user, error)
                return found.hash
        self._sessions.renew(found.hash, hashed)
        return hashed

    def is_current(self, session: WebSession) -> bool:
        """False once the password was changed elsewhere; the session is closed then."""
        user = self.users().get(session.user)
        if user is None and self._elsewhere is not None:
            credential = self._elsewhere.credential
            if credential and session.credential == credential:
                return True
        if user is not None and user.hash == session.credential:
            session.role = user.role
            return True
        self._sessions.close(session)
        return False

    def set_password(
        self, session: WebSession, new: object, current: object, address: str
    ) -> WebSession | LoginRefusal:
        """Set the password of the session's user and log him out everywhere else.

        `current` must be given and right, except under the factory login, which was just typed.
        """
        if session.user not in self.users():
            return LoginRefusal("password", "This password is kept by the RADIUS server.")
        if not session.is_factory:
            wait = self._throttle.wait_s(session.user, address)
            if wait > 0:
                return LoginRefusal("wait", f"Too many wrong passwords: wait {wait} s.", wait)
            if not isinstance(current, str) or not current:
                return LoginRefusal("password", "The present password (current) is missing.")
        try:
            password = check_new_password(new)
        except ValueError as error:
            return LoginRefusal("password", str(error))
        try:
            with self._hashing:
                if not session.is_factory and self._check(session.user, str(current)) is None:
                    self._throttle.failed(session.user, address)
                    return LoginRefusal("password", "The present password (current) is wrong.")
                changed = with_password(self._store.load(), session.user, password)
                self._store.save(changed)
        except OSError as error:
            return LoginRefusal(
                "storage", f"The password could not be stored: {sentence_of(error)}"
            )
        self._sessions.close_all_of(session.user)
        user = _decode_users(changed)[session.user]
        return self._sessions.open(session.user, user.hash, False, user.role, address)

    def change(self, edit: Callable[[dict[str, object]], dict[str, object]]) -> LoginRefusal | None:
        """Store the accounts as `edit` makes them of the stored ones; one change at a time.

        `edit` raises ValueError to refuse, its text one sentence.
        """
        try:
            with self._hashing:
                self._store.save(edit(self._store.load() or self._new_accounts()))
        except ValueError as error:
            return LoginRefusal("password", str(error))
        except OSError as error:
            return LoginRefusal(
                "storage", f"The accounts could not be stored: {sentence_of(error)}"
            )
        return None

    def _check(self, user: str, password: str) -> WebUser | None:
        users = self.users()
        found = users.get(user)
        fits = len(password) <= MAX_LENGTH
        good = verify_password(password if fits else "", found.hash if found is not None else DECOY)
        return found if good and fits and found is not None else None

    def users(self) -> dict[str, WebUser]:
        """The users by name; a new unit has the factory login."""
        users = _decode_users(self._store.load())
        return users or self._new_unit()

    def _new_unit(self) -> dict[str, WebUser]:
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


def _decode_users(accounts: Mapping[str, object]) -> dict[str, WebUser]:
    """The usable entries; one of a wrong shape is as good as absent."""
    users = accounts.get("users")
    if not isinstance(users, Mapping):
        return {}
    return {
        name: WebUser(entry["hash"], entry.get("factory") is True, stored_role(entry.get("role")))
        for name, entry in users.items()
        if isinstance(name, str)
        and isinstance(entry, Mapping)
        and isinstance(entry.get("hash"), str)
    }
