"""The site file btrmd.toml: written by hand, read at start, never written by btrmd."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from ..model.errors import ConfigError, SettingError
from ..model.settings import Settings
from ..model.site import Site, decode_site, flatten

NAME = "btrmd.toml"
_TABLES = ("site", "defaults")


class SiteFile(NamedTuple):
    """`overrides`: the `[defaults]` table as raw setting values, validated."""

    site: Site
    overrides: Mapping[str, object]


def load_site(config_dir: Path) -> SiteFile:
    """Read CONFIG_DIR/btrmd.toml; a missing file means defaults.

    Raises ConfigError naming file, key, value and what is allowed.
    """
    path = Path(config_dir) / NAME
    try:
        text = path.read_bytes().decode("utf-8")
    except FileNotFoundError:
        return SiteFile(Site(), {})
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path} is not UTF-8 text (byte {error.start}).") from error
    try:
        tables = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise ConfigError(f"{path} is not TOML: {error}.") from error
    for name, table in tables.items():
        if name not in _TABLES:
            raise ConfigError(f"{path}: [{name}] is not known; allowed are [site] and [defaults].")
        if not isinstance(table, dict):
            raise ConfigError(
                f"{path}: {name} = {table!r} is refused: allowed is a table [{name}]."
            )
    site = decode_site(tables.get("site", {}), str(path))
    overrides = flatten(tables.get("defaults", {}))
    try:
        Settings.defaults(site, overrides)
    except SettingError as error:
        raise ConfigError(f"{path}: [defaults] {error}") from error
    return SiteFile(site, overrides)
