"""The table of points: everything the station knows, with its place in every protocol."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, TypeVar

from .bindings import AnalogInput, BinaryInput, Dnp3, Modbus, Scalar
from .point import Point
from .point_check import check_points
from .point_io import IO_POINTS
from .point_power import BATTERY_POINTS, BLOCK_POINTS, PATH_POINTS, SOURCE_POINTS
from .point_system import SYSTEM_POINTS
from .point_test import RUNTIME_POINTS, TEST_POINTS

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
