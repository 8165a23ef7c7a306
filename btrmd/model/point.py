"""A point: one physical quantity or state of the station, and every place it is served at."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from .bindings import Dnp3, Modbus, Scalar, Show

PointKind = Literal["float", "int", "bool", "text", "list", "enum"]


@dataclass(frozen=True, slots=True)
class Point:
    """One row of the table.

    The value is in base units: `unit` is one of "V A Ah W s h min % °C" or empty. `low`, `high`:
    the range the station can produce; it decides which encodings must saturate. `choices`: the
    words of an enum. Current is positive while charging (battery) or flowing in its normal
    direction (load, charger, supply).
    """

    key: str
    kind: PointKind
    help: str
    unit: str = ""
    low: float | None = None
    high: float | None = None
    choices: tuple[str, ...] = ()
    modbus: tuple[Modbus, ...] = ()
    dnp3: tuple[Dnp3, ...] = ()
    snmp: tuple[Scalar, ...] = ()
    web: Show | None = None
