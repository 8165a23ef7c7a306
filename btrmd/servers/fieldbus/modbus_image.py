"""The Modbus image: the four tables of one snapshot, in the bits and registers of the wire."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from ...model.encoding import encode_bit, encode_register
from ...model.point import Coil, DiscreteInput, HoldingRegister, InputRegister
from ...model.points import modbus_map
from ...model.readings import Reading
from .modbus_request import ILLEGAL_ADDRESS, ModbusFault, Read

COILS: Final = {a: (p.key, b) for a, (p, b) in modbus_map(Coil).items()}
HOLDING: Final = {a: (p.key, b) for a, (p, b) in modbus_map(HoldingRegister).items()}
_INPUTS: Final = {a: p.key for a, (p, _) in modbus_map(DiscreteInput).items()}
_REGISTERS: Final = {a: (p.key, b) for a, (p, b) in modbus_map(InputRegister).items()}

_BITS: Final = {
    1: {address: key for address, (key, _) in COILS.items()},
    2: _INPUTS,
}
_WORDS: Final[dict[int, Mapping[int, tuple[str, HoldingRegister | InputRegister]]]] = {
    3: dict(HOLDING),
    4: dict(_REGISTERS),
}


class Image:
    """Immutable but for its caches: a table is encoded when it is first asked for."""

    __slots__ = ("_bits", "_points", "_words")

    def __init__(self, points: Mapping[str, Reading]) -> None:
        self._points = points
        self._bits: dict[int, int] = {}
        self._words: dict[int, bytes] = {}

    def read(self, request: Read) -> bytes:
        """The data of a response: byte count and values. Raises ModbusFault 2 outside the table."""
        function, address, count = request
        table = _BITS.get(function) or _WORDS[function]
        if address + count > len(table):
            raise ModbusFault(ILLEGAL_ADDRESS)
        if function > 2:
            words = self._words.get(function) or self._encode_words(function)
            return bytes((2 * count,)) + words[2 * address : 2 * (address + count)]
        bits = self._bits.get(function)
        if bits is None:
            bits = self._encode_bits(function)
        size = (count + 7) // 8
        mask = (1 << count) - 1
        return bytes((size,)) + ((bits >> address) & mask).to_bytes(size, "little")

    def _encode_words(self, function: int) -> bytes:
        points = self._points
        words = b"".join(
            encode_register(binding, points[key]).to_bytes(2, "big")
            for key, binding in _WORDS[function].values()
        )
        self._words[function] = words
        return words

    def _encode_bits(self, function: int) -> int:
        points = self._points
        bits = sum(encode_bit(points[key]) << a for a, key in _BITS[function].items())
        self._bits[function] = bits
        return bits


def check_gapless() -> None:
    """Tables start at 0 and have no holes, which `Image.read` relies on. Raises ValueError."""
    for table in (*_BITS.values(), *_WORDS.values()):
        if list(table) != list(range(len(table))):
            raise ValueError(f"a Modbus table has a hole: {list(table)}")


check_gapless()
