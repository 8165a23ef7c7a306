"""A point: one physical quantity or state of the station, and every place it is served at.

A binding is its place in one protocol, with how the value is put into bits there.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Literal

from .readings import Value

Convert = Callable[[Value], Value]
Decode = Callable[[int], Value]

PointKind = Literal["float", "int", "bool", "text", "list", "enum"]
CommandName = Literal["", "reset_data", "start_stop"]
Syntax = Literal["INTEGER", "DisplayString", "IpAddress", "TimeTicks", "OBJECT IDENTIFIER"]
Access = Literal["ro", "rw", "n-a"]

ENTERPRISE = (1, 3, 6, 1, 4, 1, 34506)  # Twin Falls, the maker's arc (REQUIREMENTS 1.1)
MIB2_SYSTEM = (1, 3, 6, 1, 2, 1, 1)


class Rounding(Enum):
    """How a scaled value becomes a whole number."""

    NEAREST = "nearest"
    DOWN = "down"
    UP = "up"


@dataclass(frozen=True, slots=True)
class Write:
    """What a protocol's write means: one setting, or one command; exactly one of them is named.

    `reset_data`: 1 clears the test data, 0 does nothing. `start_stop`: 1 starts a test, 0 stops
    it (C11). `low`, `high`: what can ever be accepted on the wire; the setting's own range (model,
    site file, system voltage) is checked after it. `decode` turns the wire's number into the
    setting's value.
    """

    setting: str = ""
    command: CommandName = ""
    low: int = 0
    high: int = 1
    decode: Decode | None = None


@dataclass(frozen=True, slots=True)
class Number:
    """A numeric encoding: wire = round(convert(value) * scale / divisor).

    `signed` False: a negative value is sent as 0. `saturates` says that the point's range is wider
    than the wire's: what does not fit is sent as the wire's limit.
    """

    scale: int = 1
    divisor: int = 1
    rounding: Rounding = Rounding.NEAREST
    signed: bool = False
    saturates: bool = False
    convert: Convert | None = None


@dataclass(frozen=True, slots=True)
class Coil:
    """Modbus function 01, 05, 15. Not known: 0."""

    address: int
    write: Write


@dataclass(frozen=True, slots=True)
class DiscreteInput:
    """Modbus function 02. Not known: 0."""

    address: int


@dataclass(frozen=True, slots=True)
class InputRegister:
    """Modbus function 04, 16 bits. Not known: 65535 unsigned, 0x8000 signed."""

    address: int
    number: Number = Number()


@dataclass(frozen=True, slots=True)
class HoldingRegister:
    """Modbus function 03, 06, 16, 16 bits. Not known: 65535."""

    address: int
    write: Write
    number: Number = Number()


@dataclass(frozen=True, slots=True)
class BinaryInput:
    """DNP3 group 1; `event`: its changes are events of group 2. Not known: flags 0x04."""

    index: int
    event: bool = False
    extended: bool = False


@dataclass(frozen=True, slots=True)
class AnalogInput:
    """DNP3 group 30. Not known: flags 0x04 and value 0, without flags the most negative number."""

    index: int
    number: Number = Number()
    extended: bool = False


@dataclass(frozen=True, slots=True)
class BinaryOutput:
    """DNP3 group 10, written by g10v1 or operated by g12v1. Not known: flags 0x04."""

    index: int
    write: Write


@dataclass(frozen=True, slots=True)
class AnalogOutput:
    """DNP3 group 40 (status) and 41 (direct operate)."""

    index: int
    write: Write
    number: Number = Number()


@dataclass(frozen=True, slots=True)
class Scalar:
    """An SNMP scalar below the enterprise arc. Not known: noSuchInstance, skipped in a walk.

    `oid` without the enterprise and without the instance .0. `names`: an enumeration's labels.
    """

    oid: tuple[int, ...]
    name: str
    syntax: Syntax = "INTEGER"
    number: Number = Number()
    names: tuple[tuple[str, int], ...] = ()
    write: Write | None = None

    @property
    def access(self) -> Access:
        return "rw" if self.write else "ro"


@dataclass(frozen=True, slots=True)
class Show:
    """A row of the manual's status page: label, digits behind the point, the manual's words.

    `words`: (for True, for False), or none. `missing`: what stands there while the value is
    missing. `table` "status" or "io"; in "io" the label is CHANNEL/COLUMN.
    """

    label: str
    decimals: int = 0
    words: tuple[str, str] | None = None
    missing: str = ""
    table: Literal["status", "io", "mode", "footer"] = "status"


Modbus = Coil | DiscreteInput | InputRegister | HoldingRegister
Dnp3 = BinaryInput | AnalogInput | BinaryOutput | AnalogOutput


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
