"""The point table as text: JSON objects and Markdown, with every protocol's address."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ..model.point import (
    AnalogInput,
    AnalogOutput,
    BinaryInput,
    BinaryOutput,
    Coil,
    DiscreteInput,
    HoldingRegister,
    InputRegister,
    Number,
    Point,
    Rounding,
    Scalar,
    Write,
)
from ..model.points import POINTS, dnp3_map, modbus_map, snmp_map
from ..model.setting_snmp import TRAP_ROWS
from ..model.snmp_tree import ALL_NOTIFICATIONS, SYSTEM_GROUP, TRAP_ENTRY, TRAP_TABLE
from .markdown import markdown_table

_MODBUS_NAMES = {
    Coil: "coil",
    DiscreteInput: "discrete_input",
    HoldingRegister: "holding_register",
    InputRegister: "input_register",
}
_DNP3_NAMES = {
    BinaryInput: "binary_input",
    BinaryOutput: "binary_output",
    AnalogInput: "analog_input",
    AnalogOutput: "analog_output",
}


def points_json() -> list[dict[str, object]]:
    """One object a point: key, kind, unit, help, and its addresses in every protocol."""
    return [_point_json(point) for point in POINTS]


def points_markdown() -> str:
    """The tables of docs/points.md: all points, then one table for each protocol."""
    parts = [
        "## All points\n",
        markdown_table(
            ("Key", "Kind", "Unit", "Modbus", "DNP3", "SNMP", "Meaning"),
            (
                (
                    f"`{point.key}`",
                    ", ".join(point.choices) or point.kind,
                    point.unit,
                    ", ".join(_short_modbus(point)),
                    ", ".join(_short_dnp3(point)),
                    ", ".join(_oid(scalar.oid) for scalar in point.snmp),
                    point.help,
                )
                for point in POINTS
            ),
        ),
        "## Modbus\n",
        "Addresses are zero-based. Not known is 65535, or 0x8000 where signed; a bit is 0.\n",
        *_modbus_tables(),
        "## DNP3\n",
        "Not known is flags 0x04 and value 0; without flags the most negative number. "
        "Points marked extended are served with `dnp3.extended` only.\n",
        *_dnp3_tables(),
        "## SNMP\n",
        "OIDs below 1.3.6.1.4.1.34506; scalars have the instance .0. Not known is "
        "noSuchInstance.\n",
        _snmp_table(),
        "### trapTable (34506.2.1.1) and the system group (1.3.6.1.2.1.1)\n",
        _tree_table(),
        "### Notifications\n",
        markdown_table(
            ("OID", "Name", "Alarm"),
            ((_oid(n.oid), n.name, f"`{n.alarm}`") for n in ALL_NOTIFICATIONS),
        ),
    ]
    return "\n".join(parts)


def number_text(number: Number) -> str:
    """How a value is scaled, in words: "x1000, signed, saturates"."""
    words = []
    if number.scale != 1:
        words.append(f"x{number.scale}")
    if number.divisor != 1:
        words.append(f"/{number.divisor}")
    if number.rounding is not Rounding.NEAREST:
        words.append(f"rounded {number.rounding.value}")
    if number.convert is not None:
        words.append(number.convert.__name__.replace("_", " "))
    if number.signed:
        words.append("signed")
    if number.saturates:
        words.append("saturates")
    return ", ".join(words)


def _point_json(point: Point) -> dict[str, object]:
    row: dict[str, object] = {
        "key": point.key,
        "kind": point.kind,
        "unit": point.unit,
        "help": point.help,
    }
    if point.choices:
        row["choices"] = list(point.choices)
    row["modbus"] = [
        {"table": _MODBUS_NAMES[type(binding)], "address": binding.address, **_details(binding)}
        for binding in point.modbus
    ]
    row["dnp3"] = [
        {"group": _DNP3_NAMES[type(binding)], "index": binding.index, **_details(binding)}
        for binding in point.dnp3
    ]
    row["snmp"] = [
        {
            "oid": f"1.3.6.1.4.1.{_oid(scalar.oid)}.0",
            "name": scalar.name,
            "syntax": scalar.syntax,
            "access": scalar.access,
            **_details(scalar),
        }
        for scalar in point.snmp
    ]
    row["web"] = point.web.label if point.web else None
    return row


def _details(binding: object) -> dict[str, object]:
    """What a binding has beside its address."""
    details: dict[str, object] = {}
    number = getattr(binding, "number", None)
    if isinstance(number, Number):
        details |= {"scale": number.scale, "divisor": number.divisor, "signed": number.signed}
        details["rounding"] = number.rounding.value
        if number.convert is not None:
            details["convert"] = number.convert.__name__
    for name in ("event", "extended"):
        if getattr(binding, name, False):
            details[name] = True
    write = getattr(binding, "write", None)
    if isinstance(write, Write):
        details["write"] = {
            "setting": write.setting or None,
            "command": write.command or None,
            "low": write.low,
            "high": write.high,
        }
    return details


def _modbus_tables() -> Iterable[str]:
    for title, bits in (
        ("Coils (functions 01, 05)", modbus_map(Coil)),
        ("Discrete inputs (function 02)", modbus_map(DiscreteInput)),
    ):
        yield f"### {title}\n"
        yield markdown_table(
            ("Address", "Point", "Meaning", "Write"),
            (
                (str(address), f"`{point.key}`", point.help, _write_text(binding))
                for address, (point, binding) in bits.items()
            ),
        )
    for title, registers in (
        ("Holding registers (functions 03, 06)", modbus_map(HoldingRegister)),
        ("Input registers (function 04)", modbus_map(InputRegister)),
    ):
        yield f"### {title}\n"
        yield markdown_table(
            ("Address", "Point", "Unit", "Encoding", "Write"),
            (
                (
                    str(address),
                    f"`{point.key}`",
                    point.unit,
                    number_text(binding.number),
                    _write_text(binding),
                )
                for address, (point, binding) in registers.items()
            ),
        )


def _dnp3_tables() -> Iterable[str]:
    for title, bits in (
        ("Binary inputs (group 1, events group 2)", dnp3_map(BinaryInput, extended=True)),
        ("Binary outputs (group 10)", dnp3_map(BinaryOutput, extended=True)),
    ):
        yield f"### {title}\n"
        yield markdown_table(
            ("Index", "Point", "Meaning", "Notes", "Write"),
            (
                (str(index), f"`{point.key}`", point.help, _notes(binding), _write_text(binding))
                for index, (point, binding) in bits.items()
            ),
        )
    for title, analogs in (
        ("Analog inputs (group 30)", dnp3_map(AnalogInput, extended=True)),
        ("Analog outputs (groups 40, 41)", dnp3_map(AnalogOutput, extended=True)),
    ):
        yield f"### {title}\n"
        yield markdown_table(
            ("Index", "Point", "Unit", "Encoding", "Notes", "Write"),
            (
                (
                    str(index),
                    f"`{point.key}`",
                    point.unit,
                    number_text(binding.number),
                    _notes(binding),
                    _write_text(binding),
                )
                for index, (point, binding) in analogs.items()
            ),
        )


def _snmp_table() -> str:
    return markdown_table(
        ("OID", "Name", "Syntax", "Access", "Point", "Encoding"),
        (
            (
                _oid(oid),
                scalar.name,
                _syntax(scalar),
                scalar.access,
                f"`{point.key}`",
                number_text(scalar.number),
            )
            for oid, (point, scalar) in snmp_map().items()
        ),
    )


def _tree_table() -> str:
    rows = [
        (
            _oid((*TRAP_ENTRY, column.number, row)),
            f"{column.name}.{row}",
            column.syntax,
            column.access,
            f"`{column.key(row)}`" if column.setting else str(row),
        )
        for column in TRAP_TABLE
        for row in TRAP_ROWS
    ]
    rows += [
        (
            f"1.3.6.1.2.1.1.{item.number}.0",
            item.name,
            item.syntax,
            item.access,
            item.text or f"`{item.point or item.setting}`",
        )
        for item in SYSTEM_GROUP
    ]
    return markdown_table(("OID", "Name", "Syntax", "Access", "Value"), rows)


def _short_modbus(point: Point) -> list[str]:
    short = {Coil: "coil", DiscreteInput: "DI", HoldingRegister: "HR", InputRegister: "IR"}
    return [f"{short[type(binding)]} {binding.address}" for binding in point.modbus]


def _short_dnp3(point: Point) -> list[str]:
    short = {BinaryInput: "BI", BinaryOutput: "BO", AnalogInput: "AI", AnalogOutput: "AO"}
    return [f"{short[type(binding)]} {binding.index}" for binding in point.dnp3]


def _write_text(binding: object) -> str:
    write = getattr(binding, "write", None)
    if not isinstance(write, Write):
        return ""
    if write.command == "reset_data":
        return "1 clears the test data"
    if write.command == "start_stop":
        return "1 starts, 0 stops a test"
    return f"{write.low}..{write.high} sets `{write.setting}`"


def _notes(binding: object) -> str:
    return ", ".join(name for name in ("event", "extended") if getattr(binding, name, False))


def _syntax(scalar: Scalar) -> str:
    names = ", ".join(f"{name}({number})" for name, number in scalar.names)
    return f"{scalar.syntax} {{ {names} }}" if names else scalar.syntax


def _oid(oid: Sequence[int]) -> str:
    return ".".join(str(arc) for arc in (34506, *oid))
