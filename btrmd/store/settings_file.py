"""The settings file: what pages, protocols and commands have set, apart from the defaults.

A file of an older version is brought to this one by numbered steps.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from ..model.errors import SettingError
from ..model.settings import Settings
from .json_file import JsonFile
from .site_file import load_site

NAME = "settings.json"

Raw = dict[str, object]  # key -> value as it stands in the file


class Migration(NamedTuple):
    """Turns the raw settings of version `to - 1` into those of version `to`."""

    to: int
    what: str
    change: Callable[[Raw], Raw]


MIGRATIONS: tuple[Migration, ...] = ()  # version 1 is the first

VERSION = 1


def check_order(migrations: Sequence[Migration], version: int) -> None:
    """Raises ValueError unless the steps lead 1 -> 2 -> ... -> `version` without a gap."""
    numbers = [migration.to for migration in migrations]
    if numbers != list(range(2, version + 1)):
        raise ValueError(f"migrations lead to {numbers}, expected 2..{version}")


def migrate(
    raw: Raw, version: int, migrations: Sequence[Migration] = MIGRATIONS, current: int = VERSION
) -> Raw:
    """Raw settings of file version `version` (1..current) brought to version `current`.

    Raises ValueError for a version outside 1..current.
    """
    if not 1 <= version <= current:
        raise ValueError(f"its version is {version}, this btrmd knows 1 to {current}")
    for migration in migrations:
        if migration.to > version:
            raw = migration.change(dict(raw))
    return raw


class LoadedSettings(NamedTuple):
    """`faults`: one sentence for each thing that was not taken over."""

    settings: Settings
    faults: tuple[str, ...] = ()


class SettingsFile:
    """CONFIG_DIR/settings.json over the site file's [defaults] over the defaults of the table.

    `is_lost`: the last load did not understand the file, so that everything is at its default.
    `refused`: what it did not take over of a file that it understood. Such a file is kept as it was
    beside the next one, or what somebody had set would be gone for good.
    """

    def __init__(self, config_dir: Path) -> None:
        self.config_dir = Path(config_dir)
        self._file = JsonFile(self.config_dir / NAME, 0o600)
        self._base: Settings | None = None
        self.is_lost = False
        self.refused: tuple[SettingError, ...] = ()

    @property
    def path(self) -> Path:
        return self._file.path

    def load(self, aside: bool = True) -> LoadedSettings:
        """The settings in force. A file that is not understood is kept aside, with a fault.

        `aside` False changes nothing on disk: for readers that do not hold the state lock.
        Raises ConfigError for a wrong site file.
        """
        self._base = None
        self.refused = ()
        settings = self._defaults()
        data, fault = self._file.load(aside)
        self.is_lost = bool(fault)
        if data is None:
            return LoadedSettings(settings, (fault,) if fault else ())
        try:
            raw = _raw_settings(data)
        except ValueError as error:
            self.is_lost = True
            return LoadedSettings(settings, (self._file.reject(str(error), aside),))
        settings, errors = settings.restored(raw)
        if errors:
            self.refused = tuple(errors)
            self._file.keep_copy()
        faults = tuple(f"{self.path}: {error} The default is used." for error in errors)
        return LoadedSettings(settings, faults)

    def save(self, settings: Settings) -> None:
        """Store what differs from the defaults, durable when this returns.

        Raises StorageError when the disk refuses: the old file is intact. Raises ConfigError when
        nothing was loaded before and the site file is wrong.
        """
        base = self._defaults()
        kept = {key: settings[key] for key in settings.differing(base)}
        # Some settings follow others (the parity follows the protocol): one that was put back to
        # its default by hand must be stored, or the next start would move it again.
        restored, _ = base.restored(kept)
        kept.update((key, settings[key]) for key in settings.differing(restored))
        self._file.save({"version": VERSION, "settings": kept})

    def _defaults(self) -> Settings:
        """What applies without the file; read once, so that an edit of the site file by hand
        takes effect at the next start and not in the middle of a save."""
        if self._base is None:
            site, overrides = load_site(self.config_dir)
            self._base = Settings.defaults(site, overrides)
        return self._base


def load_settings(config_dir: Path, aside: bool = True) -> LoadedSettings:
    """The settings in force in `config_dir`; see SettingsFile.load."""
    return SettingsFile(config_dir).load(aside)


def _raw_settings(data: dict[str, object]) -> Raw:
    """Raw values in this version's terms. Raises ValueError with the reason in words."""
    unknown = sorted(set(data) - {"version", "settings"})
    if unknown:
        raise ValueError(f"it holds the unknown entry {unknown[0]!r}")
    version, raw = data.get("version"), data.get("settings")
    if isinstance(version, bool) or not isinstance(version, int):
        raise ValueError("it names no version number")
    if not isinstance(raw, dict):
        raise ValueError("it holds no table of settings")
    return migrate(raw, version)
