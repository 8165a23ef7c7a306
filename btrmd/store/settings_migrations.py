"""Migrations of settings.json: numbered steps from any older version of the file to this one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

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
