"""Encoding: readings into the bits of each protocol, and written numbers back; pure functions.

A binding whose scale is not enough names a conversion of this module.
"""

from __future__ import annotations

import math
import re
from typing import NamedTuple

from .point import (
    AnalogInput,
    AnalogOutput,
    HoldingRegister,
    InputRegister,
    Number,
    Rounding,
    Scalar,
    Write,
)
from .readings import GOOD, Reading, Value

TEST_STATES = ("idle", "delayed", "proving", "running", "returning")
LOAD_SOURCES = ("none", "supply", "battery", "charger", "shared")
_VERSION = re.compile(r"v?(\d{1,3})\.(\d{1,2})")


def voltage_code(value: Value) -> Value:
    """System voltage in V as the manual's selection: 12 -> 1, 24 -> 2, 36 -> 3, 48 -> 4."""
    return int(value) // 12 if isinstance(value, int | float) else None


def code_voltage(raw: int) -> Value:
    """The manual's selection as V; 1..4 are the caller's range."""
    return raw * 12


def firmware_register(value: Value) -> Value:
    """A version as major*100 + its first two minor digits (C12): "v2.616" -> 261, "1.30" -> 130."""
    match = _VERSION.match(value) if isinstance(value, str) else None
    return int(match[1]) * 100 + int(match[2]) if match else None


def charge_part(value: Value) -> Value:
    """Battery current while it charges, A; 0 while it discharges."""
    return max(value, 0.0) if isinstance(value, int | float) else None


def discharge_part(value: Value) -> Value:
    """Battery current while it discharges, A, positive; 0 while it charges."""
    return max(-value, 0.0) if isinstance(value, int | float) else None


def state_number(value: Value) -> Value:
    """test.state as its SNMP enumeration: idle 0, delayed 1, proving 2, running 3, returning 4."""
    return TEST_STATES.index(value) if value in TEST_STATES else None


def source_number(value: Value) -> Value:
    """load.source as a number: none 0, supply 1, battery 2, charger 3, shared 4."""
    return LOAD_SOURCES.index(value) if value in LOAD_SOURCES else None


# DNP3 flags (IEEE 1815 11.6): ONLINE, COMM_LOST, OVER_RANGE, STATE.
ONLINE = 0x01
COMM_LOST = 0x04
OVER_RANGE = 0x20
STATE = 0x80

NOT_KNOWN_UNSIGNED = 0xFFFF
NOT_KNOWN_SIGNED = 0x8000

# A countdown kept as a sum of ticks is 336.0000000001 h now and then; that is 336 h.
_GRAIN = 1e-6
_FAR = 1e15  # beyond every width; keeps an absurd reading from overflowing to infinity


class Analog(NamedTuple):
    """A DNP3 analog: the number and its flags."""

    value: int
    flags: int


def encode_number(number: Number, reading: Reading) -> int | None:
    """The whole number to send, before any limit; None when the value is not known.

    A stale reading still has its last value; bad and missing ones have none.
    """
    value = reading.value
    if value is not None and number.convert is not None:
        value = number.convert(value)
    if not isinstance(value, int | float) or not math.isfinite(value):
        return None
    scaled = min(max(value * number.scale / number.divisor, -_FAR), _FAR)
    if number.rounding is Rounding.DOWN:
        return math.floor(scaled + _GRAIN)
    if number.rounding is Rounding.UP:
        return math.ceil(scaled - _GRAIN)
    return math.floor(abs(scaled) + 0.5) * (-1 if scaled < 0 else 1)


def encode_bit(reading: Reading) -> bool:
    """A Modbus bit; not known is 0."""
    return reading.value is True


def encode_register(binding: InputRegister | HoldingRegister, reading: Reading) -> int:
    """A Modbus register, 0..65535; signed ones in two's complement.

    Values are held to 0..65534 or -32767..32767: 65535 and 0x8000 mean "not known".
    """
    number = binding.number
    raw = encode_number(number, reading)
    if number.signed:
        return NOT_KNOWN_SIGNED if raw is None else _held(raw, 16) & 0xFFFF
    return NOT_KNOWN_UNSIGNED if raw is None else min(max(raw, 0), NOT_KNOWN_UNSIGNED - 1)


def encode_binary(reading: Reading) -> int:
    """The flags octet of g1v2 and g10v2: 0x81 set, 0x01 clear, 0x04 not known.

    A stale value keeps its state and loses ONLINE: it is the last one that was reported.
    """
    if reading.value is None:
        return COMM_LOST
    state = STATE if reading.value is True else 0
    return state | (ONLINE if reading.quality is GOOD else COMM_LOST)


def encode_analog(binding: AnalogInput | AnalogOutput, reading: Reading, bits: int) -> Analog:
    """A DNP3 analog of 16 or 32 bits with flags; not known is value 0 with COMM_LOST only."""
    raw = encode_number(binding.number, reading)
    if raw is None:
        return Analog(0, COMM_LOST)
    held = _held(raw, bits)
    flags = ONLINE if reading.quality is GOOD else COMM_LOST
    return Analog(held, flags | (OVER_RANGE if held != raw else 0))


def encode_analog_bare(binding: AnalogInput | AnalogOutput, reading: Reading, bits: int) -> int:
    """A DNP3 analog without flags (g30v4, g30v3); not known is the most negative number."""
    raw = encode_number(binding.number, reading)
    return -(1 << (bits - 1)) if raw is None else _held(raw, bits)


def encode_scalar(binding: Scalar, reading: Reading) -> int | str | None:
    """An SNMP value: int, or text for a DisplayString; None means noSuchInstance."""
    value = reading.value
    if binding.syntax == "DisplayString":
        return value if isinstance(value, str) else None
    if isinstance(value, bool):
        return int(value)
    raw = encode_number(binding.number, reading)
    return None if raw is None else min(max(raw, -(2**31)), 2**31 - 1)


def decode_write(write: Write, raw: int) -> Value:
    """A written number as the setting's (or command's) value, not yet checked by the setting.

    Raises ValueError when it is outside the range the binding can ever take.
    """
    if not write.low <= raw <= write.high:
        raise ValueError(f"{raw} is outside {write.low}..{write.high}.")
    return raw if write.decode is None else write.decode(raw)


def _held(raw: int, bits: int) -> int:
    """`raw` within the signed range, the most negative number left free for "not known"."""
    most = (1 << (bits - 1)) - 1
    return min(max(raw, -most), most)
