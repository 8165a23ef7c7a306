"""The table of points: everything the station knows, with its place in every protocol.

It is checked at import: a table that contradicts itself does not load.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import pairwise
from types import MappingProxyType
from typing import Final, TypeVar

from .encoding import charge_part, discharge_part
from .point import (
    AnalogInput,
    AnalogOutput,
    BinaryInput,
    Coil,
    Dnp3,
    HoldingRegister,
    InputRegister,
    Modbus,
    Number,
    Point,
    Scalar,
    Write,
)
from .point_io import IO_POINTS
from .point_power import BATTERY_POINTS, BLOCK_POINTS, PATH_POINTS, SOURCE_POINTS
from .point_system import SYSTEM_POINTS
from .point_test import RUNTIME_POINTS, TEST_POINTS
from .setting_table import SETTINGS

POINTS: Final[tuple[Point, ...]] = (
    *BATTERY_POINTS,
    *SOURCE_POINTS,
    *IO_POINTS,
    *TEST_POINTS,
    *RUNTIME_POINTS,
    *PATH_POINTS,
    *BLOCK_POINTS,
    *SYSTEM_POINTS,
)

UNITS = ("", "V", "A", "Ah", "W", "s", "h", "min", "%", "°C")
_SCALES = (1, 10, 100, 1000)
_DIVISORS = (1, 60, 3600)


def check_points(points: Iterable[Point]) -> dict[str, Point]:
    """The points by key. Raises ValueError naming the first point that is wrong and why."""
    table: dict[str, Point] = {}
    taken: dict[tuple[object, ...], str] = {}
    for point in points:
        if point.key in table:
            raise ValueError(f"{point.key} is in the table twice.")
        table[point.key] = point
        _check_row(point)
        for binding in (*point.modbus, *point.dnp3, *point.snmp):
            for place in _places(binding):
                if place in taken:
                    raise ValueError(f"{point.key}: {place} is already {taken[place]}.")
                taken[place] = point.key
            _check_binding(point, binding)
    for kind in ("Coil", "DiscreteInput", "InputRegister", "HoldingRegister"):
        _check_gaps(kind, taken)
    for kind in ("BinaryInput", "AnalogInput", "BinaryOutput", "AnalogOutput"):
        _check_gaps(kind, taken)
    _check_tree([place[1] for place in taken if place[0] == "oid"])
    return table


def _places(binding: Modbus | Dnp3 | Scalar) -> list[tuple[object, ...]]:
    if isinstance(binding, Scalar):
        return [("oid", binding.oid), ("name", binding.name)]
    address = getattr(binding, "address", None)
    return [
        (type(binding).__name__, getattr(binding, "index", None) if address is None else address)
    ]


def _check_row(point: Point) -> None:
    if point.unit not in UNITS:
        raise ValueError(f"{point.key}: unit {point.unit!r} is not one of {UNITS}.")
    if (point.kind == "enum") != bool(point.choices):
        raise ValueError(f"{point.key}: choices belong to an enum, and an enum has some.")
    if not point.help:
        raise ValueError(f"{point.key} has no help.")


def _check_binding(point: Point, binding: Modbus | Dnp3 | Scalar) -> None:
    write: Write | None = getattr(binding, "write", None)
    if write is not None:
        _check_write(point, write)
    is_bit = not hasattr(binding, "number")
    if is_bit and point.kind != "bool":
        raise ValueError(f"{point.key}: a bit needs a bool, not {point.kind}.")
    if isinstance(binding, InputRegister | HoldingRegister | AnalogInput | AnalogOutput):
        # 65535 and the most negative number mean "not known".
        low, high = (-32767, 32767) if binding.number.signed else (0, 65534)
        _check_number(point, binding.number, low, high)
    elif isinstance(binding, Scalar) and binding.syntax == "INTEGER":
        _check_number(point, binding.number, -(2**31), 2**31 - 1, is_signed=True)
    if isinstance(binding, Coil) and not write:
        raise ValueError(f"{point.key}: a coil that cannot be written is a discrete input.")


def _check_number(
    point: Point, number: Number, low: int, high: int, is_signed: bool = False
) -> None:
    if number.scale not in _SCALES or number.divisor not in _DIVISORS:
        raise ValueError(f"{point.key}: scale {number.scale}/{number.divisor} is not sane.")
    if point.kind == "bool" or point.kind in ("text", "enum"):
        if point.kind != "bool" and number.convert is None:
            raise ValueError(f"{point.key}: {point.kind} needs a conversion to be a number.")
        return
    if point.low is None or point.high is None:
        raise ValueError(f"{point.key} is a number on the wire and has no range.")
    least, most = point.low, point.high
    if number.convert in (charge_part, discharge_part):
        least = 0.0
    least, most = (limit * number.scale / number.divisor for limit in (least, most))
    if least < 0 and not (number.signed or is_signed):
        raise ValueError(f"{point.key} can be negative and is sent unsigned.")
    does_fit = low <= least and most <= high
    if does_fit == number.saturates:
        word = "fits, yet is declared to saturate" if does_fit else "does not fit and must saturate"
        raise ValueError(f"{point.key}: {least:g}..{most:g} in {low}..{high} {word}.")


def _check_write(point: Point, write: Write) -> None:
    if bool(write.setting) == bool(write.command):
        raise ValueError(f"{point.key}: a write names one setting or one command.")
    if write.setting and write.setting not in SETTINGS:
        raise ValueError(f"{point.key}: {write.setting} is not a setting.")
    if not 0 <= write.low < write.high <= 65534:
        raise ValueError(f"{point.key}: the write's range {write.low}..{write.high} is not sane.")


def _check_gaps(kind: str, taken: dict[tuple[object, ...], str]) -> None:
    """Addresses start at 0 and have no holes, so that a read of the whole block succeeds."""
    numbers = sorted(place[1] for place in taken if place[0] == kind and isinstance(place[1], int))
    if numbers != list(range(len(numbers))):
        raise ValueError(f"{kind}: the addresses {numbers} leave a hole.")


def _check_tree(oids: list[object]) -> None:
    """No object stands below another one."""
    paths = sorted(oid for oid in oids if isinstance(oid, tuple))
    for first, second in pairwise(paths):
        if second[: len(first)] == first:
            raise ValueError(f"OID {second} stands below the object {first}.")


POINT: Final[Mapping[str, Point]] = MappingProxyType(check_points(POINTS))

POINT_KEYS: Final[tuple[str, ...]] = tuple(POINT)

M = TypeVar("M", bound=Modbus)
D = TypeVar("D", bound=Dnp3)


def modbus_map(kind: type[M]) -> dict[int, tuple[Point, M]]:
    """Address -> (point, binding) of one Modbus table, by rising address."""
    found = {
        binding.address: (point, binding)
        for point in POINTS
        for binding in point.modbus
        if isinstance(binding, kind)
    }
    return dict(sorted(found.items()))


def dnp3_map(kind: type[D], extended: bool) -> dict[int, tuple[Point, D]]:
    """Index -> (point, binding) of one DNP3 group, with or without the extended profile."""
    found = {
        binding.index: (point, binding)
        for point in POINTS
        for binding in point.dnp3
        if isinstance(binding, kind) and (extended or not is_extended(binding))
    }
    return dict(sorted(found.items()))


def snmp_map() -> dict[tuple[int, ...], tuple[Point, Scalar]]:
    """OID below the enterprise, without the instance -> (point, binding), in walking order."""
    return dict(sorted((s.oid, (point, s)) for point in POINTS for s in point.snmp))


def is_extended(binding: Dnp3) -> bool:
    """True for what is served in the extended profile only."""
    return isinstance(binding, BinaryInput | AnalogInput) and binding.extended
