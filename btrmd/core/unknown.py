"""Unknown: which of the Modbus input registers hold no value now, as two words of bits.

A master that cannot be told that 65535 is no value looks here first.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from ..model.point import InputRegister
from ..model.points import modbus_map
from ..model.readings import Reading

WORDS: Final = ("modbus.unknown1", "modbus.unknown2")  # points
FIRST: Final = 13  # the manual's input registers 0..12 in the first word, 13..27 in the second
LATER: Final = 30  # registers 30 and 31 in the first word's bits 13 and 14, which were free

_KEYS: Final = {address: point.key for address, (point, _) in modbus_map(InputRegister).items()}
_PLACES: Final = (
    {address: address if address < LATER else FIRST + address - LATER
     for address in _KEYS if address < FIRST or address >= LATER},
    {address: address - FIRST for address in _KEYS if FIRST <= address < LATER},
)  # fmt: skip
_OF: Final = tuple(
    tuple((_KEYS[address], 1 << bit) for address, bit in places.items()
          if _KEYS[address] not in WORDS)
    for places in _PLACES
)  # fmt: skip
if max(_KEYS) >= LATER + 2:  # a word of 16 ones would itself be no value
    raise ValueError(f"input register {max(_KEYS)} has no bit that says it holds no value")


def unknown_registers(readings: Mapping[str, Reading]) -> tuple[int, int]:
    """Bit k of the first word: input register k, its bits 13 and 14: registers 30 and 31; bit k of
    the second: register 13 + k.
    A point that is not there has no value."""
    first, second = (
        sum(bit for key, bit in word if key not in readings or readings[key].value is None)
        for word in _OF
    )
    return first, second
