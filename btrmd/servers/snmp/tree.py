"""The tree: every object instance that is served, by rising OID."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from ...model.encoding import encode_scalar
from ...model.point import ENTERPRISE, MIB2_SYSTEM, Scalar, Write
from ...model.points import snmp_map
from ...model.setting_snmp import TRAP_ROWS
from ...model.setting_table import SETTINGS
from ...model.settings import Settings
from ...model.snapshot import Snapshot
from ...model.snmp_tree import SYSTEM_GROUP, TRAP_ENTRY, TRAP_TABLE, Column, SystemObject
from ...snmp.engine import uptime_ticks
from ...snmp.message import Oid

Plain = int | str | None
Read = Callable[[Snapshot], Plain]

SCALAR: Final = (0,)


@dataclass(frozen=True, slots=True)
class Leaf:
    """One instance. `read` gives None while nothing is known. `write` None = read-only.

    `is_secret`: readers see an empty text, only who may write sees the value.
    """

    oid: Oid
    syntax: str
    read: Read
    write: Write | None = None
    is_secret: bool = False


class Tree:
    """Leaves by OID. Raises ValueError when two of them have the same one."""

    def __init__(self, leaves: Iterable[Leaf]) -> None:
        self.leaves = tuple(sorted(leaves, key=lambda leaf: leaf.oid))
        self._oids = [leaf.oid for leaf in self.leaves]
        self._by_oid: Mapping[Oid, Leaf] = MappingProxyType(
            {leaf.oid: leaf for leaf in self.leaves}
        )
        if len(self._by_oid) != len(self.leaves):
            raise ValueError("Two SNMP objects have the same OID.")
        self._objects = {leaf.oid[:-1] for leaf in self.leaves}

    def get(self, oid: Oid) -> Leaf | None:
        """The leaf at exactly `oid`."""
        return self._by_oid.get(oid)

    def start(self, after: Oid) -> int:
        """Index of the first leaf behind `after`; len(leaves) at the end."""
        return bisect_right(self._oids, after)

    def has_object(self, oid: Oid) -> bool:
        """True when `oid` stands below an object that is served, whatever the instance."""
        return any(oid[:length] in self._objects for length in range(len(oid), 7, -1))

    def sibling(self, oid: Oid) -> Leaf | None:
        """A leaf of the object that `oid` belongs to."""
        for length in range(len(oid), 7, -1):
            if oid[:length] in self._objects:
                return self.leaves[bisect_left(self._oids, oid[:length])]
        return None


def system_leaves() -> list[Leaf]:
    """MIB-2's system group (R93)."""
    return [_system_leaf(item) for item in SYSTEM_GROUP]


def btrm_leaves() -> list[Leaf]:
    """The scalars of the point table and the trap table (REQUIREMENTS 1.1 and its section 4)."""
    found = [_scalar_leaf(oid, point.key, scalar) for oid, (point, scalar) in snmp_map().items()]
    found += [_cell(column, row) for column in TRAP_TABLE for row in TRAP_ROWS]
    return found


def _scalar_leaf(oid: Oid, key: str, scalar: Scalar) -> Leaf:
    def read(snapshot: Snapshot) -> Plain:
        return encode_scalar(scalar, snapshot.points[key])

    return Leaf((*ENTERPRISE, *oid, *SCALAR), scalar.syntax, read, scalar.write)


def _system_leaf(item: SystemObject) -> Leaf:
    oid = (*MIB2_SYSTEM, item.number, *SCALAR)
    if item.setting:
        return Leaf(oid, item.syntax, _of_setting(item.setting), Write(setting=item.setting))
    if item.point:
        return Leaf(oid, item.syntax, uptime_ticks)
    return Leaf(oid, item.syntax, lambda snapshot: item.text)


def _cell(column: Column, row: int) -> Leaf:
    oid = (*ENTERPRISE, *TRAP_ENTRY, column.number, row)
    if not column.setting:
        return Leaf(oid, column.syntax, lambda snapshot: row)
    key = column.key(row)
    return Leaf(
        oid, column.syntax, _of_setting(key), Write(setting=key), is_secret=SETTINGS[key].secret
    )


def _of_setting(key: str) -> Read:
    def read(snapshot: Snapshot) -> Plain:
        return plain(snapshot.settings, key)

    return read


def plain(settings: Settings, key: str) -> Plain:
    """A setting's value as SNMP carries it."""
    value = settings[key]
    if isinstance(value, bool):
        return int(value)
    return value if isinstance(value, int | str) else None
