"""The accounts file: CONFIG_DIR/auth.json, password hashes only, readable by the service alone."""

from __future__ import annotations

from ..model.passwords import with_password
from ..store.json_file import JsonFile


class AccountsFile:
    """What servers/web asks of its store. A file that cannot be read counts as a new unit."""

    def __init__(self, file: JsonFile) -> None:
        self._file = file

    def load(self) -> dict[str, object]:
        return dict(self._file.load().data or {})

    def save(self, accounts: dict[str, object]) -> None:
        """Durable when it returns; raises StorageError."""
        self._file.save(accounts)

    def set_password(self, user: str, password: str) -> None:
        """Raises SettingError for a password that is refused, StorageError."""
        self.save(with_password(self.load(), user, password))

    def reset(self) -> None:
        """Back to the factory login (PB1, R91)."""
        self.save({})
