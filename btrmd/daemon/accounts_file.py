"""Small files of logins in CONFIG_DIR, hashes only, readable by the service alone."""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping

from ..passwords import factory_accounts, with_password
from ..store.json_file import JsonFile
from ..tokens import with_token, without_token

log = logging.getLogger(__name__)

_NOTHING: Mapping[str, object] = {}


class _Kept:
    """A file that is read once for each of its versions: the command line may replace it at any
    time, and is asked for with every request."""

    def __init__(self, file: JsonFile) -> None:
        self._file = file
        self._seen: tuple[tuple[int, ...], Mapping[str, object]] = ((), _NOTHING)

    def load(self) -> Mapping[str, object]:
        """The same object until the file changes. One that cannot be read counts as empty."""
        version: tuple[int, ...] = ()
        try:
            found = os.stat(self._file.path)
            version = (found.st_ino, found.st_mtime_ns, found.st_size)
        except OSError:
            pass  # there is none, or none that can be reached: load() says which
        seen = self._seen
        if not version or version != seen[0]:
            loaded = self._file.load()
            if loaded.fault:  # while the daemon runs; its start has a fault for it
                log.warning("%s", loaded.fault)
            seen = self._seen = (version, loaded.data or _NOTHING)
        return seen[1]

    def save(self, data: Mapping[str, object]) -> None:
        """Durable when it returns; raises StorageError."""
        self._file.save(data)
        self._seen = ((), _NOTHING)


class AccountsFile:
    """auth.json: what servers/web asks of its store. One that cannot be read is a new unit's."""

    def __init__(self, file: JsonFile) -> None:
        self._kept = _Kept(file)

    def load(self) -> dict[str, object]:
        return dict(self._kept.load())

    def save(self, accounts: dict[str, object]) -> None:
        """Durable when it returns; raises StorageError."""
        self._kept.save(accounts)

    def set_password(self, user: str, password: str, role: str | None = None) -> None:
        """With `role` a new user, without one that there is. Raises SettingError for a password or
        a user that is refused, StorageError."""
        self.save(with_password(self.load() or factory_accounts(), user, password, role))

    def reset(self) -> None:
        """Back to the factory login (PB1, R91)."""
        self.save({})


class TokensFile:
    """tokens.json: what machines log in with."""

    def __init__(self, file: JsonFile) -> None:
        self._kept = _Kept(file)

    def load(self) -> Mapping[str, object]:
        """The same object until the file changes."""
        return self._kept.load()

    def add(self, name: str, role: str, at: str, expires_at: str = "") -> str:
        """A new token's text, told this once. Raises SettingError, StorageError."""
        data, text = with_token(self.load(), name, role, at, expires_at)
        self._kept.save(data)
        return text

    def revoke(self, name: str) -> None:
        """Raises SettingError when there is no such token, StorageError."""
        self._kept.save(without_token(self.load(), name))
