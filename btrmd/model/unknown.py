"""Unknown: which of the Modbus input registers hold no value now, as two words of bits.

A master that cannot be told that 65535 is no value looks here first.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from .bindings import InputRegister
from .points import modbus_map
from .readings import Reading

WORDS: Final = ("modbus.unknown1", "modbus.unknown2")  # points
FIRST: Final = 13  # the manual's input registers 0..12 in the first word, the others in the second

_KEYS: Final = [point.key for _, (point, _) in modbus_map(InputRegister).items()]
_OF: Final = tuple(
    tuple((key, 1 << bit) for bit, key in enumerate(keys) if key not in WORDS)
    for keys in (_KEYS[:FIRST], _KEYS[FIRST:])
)


def unknown_registers(readings: Mapping[str, Reading]) -> tuple[int, int]:
    """Bit k of the first word: input register k; bit k of the second: input register 13 + k.
    A point that is not there has no value."""
    first, second = (
        sum(bit for key, bit in word if key not in readings or readings[key].value is None)
        for word in _OF
    )
    return first, second
