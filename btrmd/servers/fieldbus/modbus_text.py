"""The Modbus map as text: docs/modbus-map.md, for the person who sets up the SCADA side."""

from __future__ import annotations

from typing import Final

from ...docgen.markdown import markdown_table
from ...model.point import (
    Coil,
    DiscreteInput,
    HoldingRegister,
    InputRegister,
    Number,
    Point,
    Rounding,
    Write,
)
from ...model.points import modbus_map
from ...model.service import STALL_S
from .modbus_request import MOST, MOST_READ_23, MOST_WRITTEN_23
from .modbus_rtu import gap_s
from .modbus_tcp import LIMIT, TURN

_UNITS: Final = {
    ("V", 1000, 1): "mV",
    ("A", 1000, 1): "mA",
    ("s", 1, 60): "min",
    ("s", 1, 3600): "h",
}
_BAUDS: Final = (1200, 9600, 19200)

_HEAD: Final = """\
The unit is a Modbus server (slave) over TCP and over a serial line (RTU). Addresses below are those
on the wire, counted from zero; the reference in the second column is what many masters show (coil 0
is 00001, input register 0 is 30001). Names and addresses up to input register 12 and discrete input
5 are the manual's (chapter 13); those after it are extensions.

## Before you trend: not known

**Read input registers 28 and 29 first**: they say which of the others hold no value now. Bit k of
register 28 is input register k (0..12, the manual's), its bit 13 is input register 30 (an extension
that came later), bit k of register 29 is input register 13 + k
(13..27). A set bit: do not use that register. Both are always known.

A value that the unit does not know (a dead sensor, a run time before the first test) is 65535,
signed registers 32768 (0x8000). A master that is told nothing else trends these as values: make
them bad values in its scaling. Known values are held to 0..65534 and -32767..32767. A bit that is
not known is 0; "any fault" (discrete input 5) tells of alarms.
"""

_BEHAVIOUR: Final = """\
## Functions

| Function | Name | Most at once |
| --- | --- | --- |
| 1 | read coils | {bits} |
| 2 | read discrete inputs | {bits} |
| 3 | read holding registers | {words} |
| 4 | read input registers | {words} |
| 5 | write single coil | 1 |
| 6 | write single register | 1 |
| 15 | write multiple coils | {coils} |
| 16 | write multiple registers | {written} |
| 17 | report server id: unit, FF (the control loop runs), model and version | |
| 22 | mask write register | 1 |
| 23 | write, then read registers | {written_23} and {read_23} |
| 43/14 | read device identification: objects 0 to 2, 4 to 6, 128 (serial number) | |

## Exceptions

| Code | When |
| --- | --- |
| 01 illegal function | a function not in the table above; a write while `modbus.writes` is off |
| 02 illegal data address | the request leaves the table |
| 03 illegal data value | a count or length that is wrong; a value outside its range |
| 04 server device failure | a refusal for any other reason: an interlock forbids the test, the \
disk refuses the change; inputs of a unit whose control loop has hung for 10 s |
| 06 server device busy | a refusal while a test runs; the control loop has no time for it |

They are checked in this order: function, count, address, value. A refused write changes nothing:
a function 16 is all or none; a function 15 works from the lowest coil up and stops at the first
refusal. What was refused and why stands in `test.reason`, the event log and on the web pages.

## Writing

A write is the same command as on the web page: same ranges, same interlocks, and an event with the
master's address, also when it changes nothing. (A master that writes the same values all day gets
a line every ten seconds; what it writes beyond that is told as a number, once a minute.) When the
answer arrives the new value can be read. 1 to coil 3 is refused while a test is on; 0 to coil 3
while none is on is accepted and does nothing, so that a master may write all four coils back.
Modbus has no login: `modbus.writes` forbids all writes, `modbus.allow` lists the addresses that may
connect.

## Modbus TCP

Units {unit_words} are answered, other units are not. Requests may be sent one behind the other
without waiting; they are answered in their order, {turn} of them before other clients have their
turn. A frame with a foreign protocol id is skipped; a length that cannot be closes the connection.
At most {clients} clients. When all places are taken, the address with the most clients gives one up
to an address with fewer, the longest silent first ([operations](operations.md#who-may-connect)).
After {idle} min without a request a client is disconnected, and after {stall} s without taking an
answer.

## Modbus RTU

8 data bits, 1 stop bit, parity and speed by `serial.parity` and `serial.baud`. A frame ends at a
silence of 3.5 characters ({gaps}; 1.75 ms above 19200 baud). Because a UART hands over the last
bytes of a frame late, a piece that is no frame by itself is kept for another eight characters.
Frames for other units and frames with a wrong CRC are not answered. A broadcast (unit 0) is carried
out without an answer. If the master asks again before a write is done, only the newer request is
answered.
"""


def modbus_markdown() -> str:
    """All of docs/modbus-map.md below its title."""
    parts = [_HEAD]
    parts.append("## Coils (functions 1, 5, 15)\n")
    parts.append(_bits(modbus_map(Coil), 0))
    parts.append("## Discrete inputs (function 2)\n")
    parts.append(_bits(modbus_map(DiscreteInput), 10000))
    parts.append("## Holding registers (functions 3, 6, 16, 22, 23)\n")
    parts.append(_registers(modbus_map(HoldingRegister), 40000))
    parts.append("## Input registers (function 4)\n")
    parts.append(_registers(modbus_map(InputRegister), 30000))
    gaps = ", ".join(f"{1000 * gap_s(baud):.2f} ms at {baud}" for baud in _BAUDS)
    parts.append(
        _BEHAVIOUR.format(
            bits=MOST[1],
            words=MOST[3],
            coils=MOST[15],
            written=MOST[16],
            written_23=MOST_WRITTEN_23,
            read_23=MOST_READ_23,
            unit_words="`modbus.unit`, 0 and 255",
            turn=TURN,
            clients=LIMIT.most,
            idle=f"{LIMIT.idle_s / 60:g}",
            stall=f"{STALL_S:g}",
            gaps=gaps,
        )
    )
    return "\n".join(parts)


def _bits(
    found: dict[int, tuple[Point, Coil]] | dict[int, tuple[Point, DiscreteInput]], base: int
) -> str:
    return markdown_table(
        ("Address", "Reference", "Point", "1 means", "Writing"),
        (
            (str(n), f"{base + n + 1:05d}", f"`{point.key}`", point.help, _writing(binding))
            for n, (point, binding) in found.items()
        ),
    )


def _registers(
    found: dict[int, tuple[Point, InputRegister]] | dict[int, tuple[Point, HoldingRegister]],
    base: int,
) -> str:
    return markdown_table(
        ("Address", "Reference", "Point", "Unit", "Range", "Not known", "Meaning", "Writing"),
        (
            (
                str(n),
                f"{base + n + 1:05d}",
                f"`{point.key}`",
                _unit(point, binding.number),
                "-32767..32767" if binding.number.signed else "0..65534",
                "0x8000" if binding.number.signed else "65535",
                _meaning(point, binding.number),
                _writing(binding),
            )
            for n, (point, binding) in found.items()
        ),
    )


def _unit(point: Point, number: Number) -> str:
    if number.convert is not None:
        return "code"
    key = (point.unit, number.scale, number.divisor)
    return _UNITS.get(key, point.unit)


def _meaning(point: Point, number: Number) -> str:
    words = [point.help]
    if number.convert is not None:
        name = number.convert.__name__
        words.append(
            {
                "voltage_code": "1 = 12 V, 2 = 24 V, 3 = 36 V, 4 = 48 V.",
                "firmware_register": "130 = 1.30.",
                "source_number": "0 none, 1 supply, 2 battery, 3 charger, 4 shared.",
            }[name]
        )
    if number.rounding is not Rounding.NEAREST:
        words.append(f"Rounded {number.rounding.value}.")
    return " ".join(words)


def _writing(binding: object) -> str:
    write = getattr(binding, "write", None)
    if not isinstance(write, Write):
        return ""
    if write.command == "reset_data":
        return "1 clears the test data, 0 does nothing"
    if write.command == "start_stop":
        return "1 starts a test, 0 stops it"
    return f"{write.low}..{write.high} to `{write.setting}`"
