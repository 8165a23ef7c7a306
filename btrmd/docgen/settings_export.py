"""The exported settings: the JSON file that page and command line write and read back."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Final

from .. import __version__
from ..model.errors import DataError
from ..model.settings import SETTINGS, Settings, SettingValue

EXPORT_SCHEMA: Final = 1
MAX_EXPORT: Final = 1 << 20  # bytes
# What tells one unit from the next on a network, a bus and a map: never copied to another one.
IDENTITY: Final = frozenset(key for key in SETTINGS if key.startswith("network.")) | {
    "site.name",
    "site.location",
    "modbus.unit",
    "dnp3.address",
}
_KEYS: Final = ("btrmd", "schema", "settings")


def export_settings(
    settings: Settings, with_secrets: bool, for_another: bool = False
) -> dict[str, object]:
    """Every stored setting; secrets are null unless asked for. Logins are never part of it.

    `for_another`: without what makes this unit itself (IDENTITY).
    """
    values = dict(settings) if with_secrets else settings.public()
    if for_another:
        values = {key: value for key, value in values.items() if key not in IDENTITY}
    return {"btrmd": __version__, "schema": EXPORT_SCHEMA, "settings": values}


def exported_text(with_secrets: bool, for_another: bool) -> str:
    """The line of the event log."""
    whom = " for another unit" if for_another else ""
    return (
        f"The settings were exported{whom} {'with their' if with_secrets else 'without'} secrets."
    )


def read_export(raw: bytes, name: str) -> dict[str, object]:
    """The settings of an exported file, without the secrets that are null; not judged yet.

    Raises DataError: one sentence that names the file (`name`) and what is wrong with it.
    """
    if len(raw) > MAX_EXPORT:
        raise DataError(f"{name} is too long: allowed is {MAX_EXPORT} bytes.")
    try:
        content = json.loads(raw, object_pairs_hook=lambda pairs: _once(pairs, name))
    except DataError:
        raise
    except (ValueError, RecursionError) as error:
        where = f" (line {error.lineno})" if isinstance(error, json.JSONDecodeError) else ""
        raise DataError(f"{name} is not JSON{where}: expected a file of btrmd export.") from error
    if not isinstance(content, Mapping) or not isinstance(content.get("settings"), Mapping):
        raise DataError(f'{name} has no object "settings": expected a file of btrmd export.')
    if unknown := sorted(set(content) - set(_KEYS)):
        allowed = ", ".join(_KEYS)
        raise DataError(f"{name}: {unknown[0][:60]!r} is not known: allowed is {allowed}.")
    schema = content.get("schema")
    if schema != EXPORT_SCHEMA or isinstance(schema, bool):
        shown = repr(schema)[:60]
        raise DataError(f"{name}: schema = {shown} is refused: allowed is {EXPORT_SCHEMA}.")
    return {
        key: value
        for key, value in content["settings"].items()
        if not (value is None and key in SETTINGS and SETTINGS[key].secret)
    }


def _once(pairs: list[tuple[str, object]], name: str) -> dict[str, object]:
    """An object whose keys differ: of two values for one key neither is taken."""
    found = dict(pairs)
    if len(found) != len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in keys if keys.count(key) > 1)
        raise DataError(f"{name} has {twice[:60]!r} twice.")
    return found


def difference(before: Settings, after: Settings) -> dict[str, list[SettingValue]]:
    """key -> [before, after] of what differs; secrets as null."""
    old, new = before.public(), after.public()
    return {key: [old[key], new[key]] for key in before.differing(after)}
