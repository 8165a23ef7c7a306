"""The point maps for people: every Modbus, DNP3 and SNMP address with what it reads now."""

from __future__ import annotations

from typing import NamedTuple

from btrmd.model.encoding import (
    COMM_LOST,
    encode_analog,
    encode_binary,
    encode_bit,
    encode_register,
    encode_scalar,
)
from btrmd.model.point import (
    ENTERPRISE,
    AnalogInput,
    AnalogOutput,
    BinaryInput,
    BinaryOutput,
    Coil,
    DiscreteInput,
    HoldingRegister,
    InputRegister,
    Point,
    Scalar,
)
from btrmd.model.points import dnp3_map, modbus_map, snmp_map
from btrmd.model.snapshot import Snapshot

from .wording import NOTHING


class MapRow(NamedTuple):
    """`address` in the protocol's words, `value` as it would be sent now."""

    address: str
    key: str
    text: str
    value: str


def modbus_rows(snapshot: Snapshot) -> list[tuple[str, list[MapRow]]]:
    """The four tables by function code."""
    return [
        ("Coils (01, 05)", _bits(Coil, snapshot)),
        ("Discrete inputs (02)", _bits(DiscreteInput, snapshot)),
        ("Holding registers (03, 06)", _registers(HoldingRegister, snapshot)),
        ("Input registers (04)", _registers(InputRegister, snapshot)),
    ]


def dnp3_rows(snapshot: Snapshot) -> list[tuple[str, list[MapRow]]]:
    """The four groups; the extended profile's points where it is served."""
    return [
        ("Binary inputs (g1)", _binaries(BinaryInput, snapshot)),
        ("Binary outputs (g10)", _binaries(BinaryOutput, snapshot)),
        ("Analog inputs (g30)", _analogs(AnalogInput, snapshot)),
        ("Analog outputs (g40, g41)", _analogs(AnalogOutput, snapshot)),
    ]


def _row(address: int, point: Point, value: str) -> MapRow:
    return MapRow(str(address), point.key, point.help, value)


def _bits(kind: type[Coil] | type[DiscreteInput], snapshot: Snapshot) -> list[MapRow]:
    return [
        _row(address, point, str(int(encode_bit(snapshot.points[point.key]))))
        for address, (point, _) in modbus_map(kind).items()
    ]


def _registers(
    kind: type[HoldingRegister] | type[InputRegister], snapshot: Snapshot
) -> list[MapRow]:
    found: dict[int, tuple[Point, HoldingRegister | InputRegister]] = {**modbus_map(kind)}
    return [
        _row(address, point, str(encode_register(binding, snapshot.points[point.key])))
        for address, (point, binding) in found.items()
    ]


def _binaries(kind: type[BinaryInput] | type[BinaryOutput], snapshot: Snapshot) -> list[MapRow]:
    extended = snapshot.settings.flag("dnp3.extended")
    return [
        _row(index, point, f"0x{encode_binary(snapshot.points[point.key]):02X}")
        for index, (point, _) in dnp3_map(kind, extended).items()
    ]


def _analogs(kind: type[AnalogInput] | type[AnalogOutput], snapshot: Snapshot) -> list[MapRow]:
    extended = snapshot.settings.flag("dnp3.extended")
    found: dict[int, tuple[Point, AnalogInput | AnalogOutput]] = {**dnp3_map(kind, extended)}
    rows = []
    for index, (point, binding) in found.items():
        sent = encode_analog(binding, snapshot.points[point.key], 16)
        is_known = sent.value or not sent.flags & COMM_LOST
        rows.append(_row(index, point, str(sent.value) if is_known else NOTHING))
    return rows


def snmp_rows(snapshot: Snapshot) -> list[MapRow]:
    """Our scalars in walking order; an object without a value is left out of a walk."""
    return [_snmp_row(oid, found, snapshot) for oid, found in snmp_map().items()]


def _snmp_row(oid: tuple[int, ...], found: tuple[Point, Scalar], snapshot: Snapshot) -> MapRow:
    point, scalar = found
    value = encode_scalar(scalar, snapshot.points[point.key])
    names = {number: name for name, number in scalar.names}
    if value is None:
        shown = NOTHING
    elif isinstance(value, int) and value in names:
        shown = f"{names[value]} ({value})"
    else:
        shown = str(value)
    dotted = ".".join(str(arc) for arc in (*ENTERPRISE, *oid, 0))
    return MapRow(dotted, f"{scalar.name} ({scalar.access})", point.help, shown)
