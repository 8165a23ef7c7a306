"""DNP3 reads: the objects of a response, encoded from one snapshot and the point table."""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Final

from py1815.application import ObjectHeader, QualifierCode, object_header
from py1815.session import ParameterError, UnknownObject

from ...model.encoding import encode_analog, encode_analog_bare, encode_binary
from ...model.point import AnalogInput, AnalogOutput, BinaryInput, BinaryOutput, Point
from ...model.points import dnp3_map
from ...model.readings import BAD, GOOD, STALE, Reading
from ...model.snapshot import Snapshot
from .dnp3_attributes import GROUP, attribute_objects
from .dnp3_limits import DEFAULTS, MOST_HEADERS

UNSOLICITED: Final = "dnp3.unsolicited"  # BI 2: what the master switches by functions 20 and 21

CLASS_0: Final = tuple(DEFAULTS)
MOST_INDICES: Final = 255

STALE_S: Final = 2.0  # DESIGN section 3: without a fresh one a reading is stale,
BAD_S: Final = 10.0  # later bad

_INDEX_FORMAT: Final = {
    QualifierCode.UINT8_COUNT_UINT8_INDEX: ("<BBBB", "<B"),
    QualifierCode.UINT16_COUNT_UINT16_INDEX: ("<BBBH", "<H"),
}

Binary = BinaryInput | BinaryOutput
Analog = AnalogInput | AnalogOutput


def aged(reading: Reading, age_s: float) -> Reading:
    """The reading as it is `age_s` after the control loop's last tick."""
    if age_s >= BAD_S:
        return Reading(None, BAD, reading.at)
    if age_s >= STALE_S and reading.quality is GOOD:
        return reading._replace(quality=STALE)
    return reading


def _flags(binding: Binary, reading: Reading) -> bytes:
    return bytes([encode_binary(reading)])


def _analog_32(binding: Analog, reading: Reading) -> bytes:
    value, flags = encode_analog(binding, reading, 32)
    return struct.pack("<Bi", flags, value)


def _analog_16(binding: Analog, reading: Reading) -> bytes:
    value, flags = encode_analog(binding, reading, 16)
    return struct.pack("<Bh", flags, value)


def _bare_32(binding: Analog, reading: Reading) -> bytes:
    return struct.pack("<i", encode_analog_bare(binding, reading, 32))


def _bare_16(binding: Analog, reading: Reading) -> bytes:
    return struct.pack("<h", encode_analog_bare(binding, reading, 16))


_ENCODERS: Final[Mapping[tuple[int, int], Callable[..., bytes]]] = {
    (1, 2): _flags,
    (10, 2): _flags,
    (30, 1): _analog_32,
    (30, 2): _analog_16,
    (30, 3): _bare_32,
    (30, 4): _bare_16,
    (40, 1): _analog_32,
    (40, 2): _analog_16,
}


@cache  # a crowd makes hundreds of sessions a second
def _maps(extended: bool) -> Mapping[int, Mapping[int, tuple[Point, Binary | Analog]]]:
    """The points of each group, by index."""
    return {
        1: dnp3_map(BinaryInput, extended),
        10: dnp3_map(BinaryOutput, extended),
        30: dnp3_map(AnalogInput, extended),
        40: dnp3_map(AnalogOutput, extended),
    }


class Reads:
    """A py1815 read provider. `switched()`: whether unsolicited responses are on, None = as the
    point tells."""

    def __init__(
        self,
        snapshot: Callable[[], Snapshot],
        age: Callable[[], float],
        extended: bool,
        switched: Callable[[], bool | None],
    ) -> None:
        """`age()`: seconds since the control loop's last tick."""
        self._snapshot = snapshot
        self._age = age
        self._switched = switched
        # What is encoded stays for the next poll of the same state.
        self._made: dict[tuple[int, int], list[bytes]] = {}
        self._made_of: tuple[Snapshot | None, int, bool | None] = (None, 0, None)
        self._maps = _maps(extended)

    def read(self, headers: Sequence[ObjectHeader]) -> bytes:
        """All objects in one piece. Raises UnknownObject or ParameterError."""
        return b"".join(self.read_blocks(headers))

    def read_blocks(self, headers: Sequence[ObjectHeader]) -> list[bytes]:
        """One block a header (four for class 0). Raises UnknownObject or ParameterError."""
        if len(headers) > MOST_HEADERS:
            raise ParameterError(f"{len(headers)} object headers in one request")
        snapshot = self._snapshot()
        age = self._age()
        made = self._made_for(snapshot, age)
        blocks: list[bytes] = []
        for header in headers:
            if header.event_class == 0:
                for group in CLASS_0:
                    objects = self._objects(group, DEFAULTS[group], snapshot, age, made)
                    blocks.append(_in_range(group, DEFAULTS[group], objects, 0, len(objects) - 1))
            elif header.group == GROUP and header.event_class is None:
                blocks.append(_attributes(header, snapshot))
            elif (header.group, header.variation) == (50, 1):
                blocks.append(_time(header, snapshot))
            else:
                blocks.append(self._block(header, snapshot, age, made))
        return blocks

    def _made_for(self, snapshot: Snapshot, age: float) -> dict[tuple[int, int], list[bytes]]:
        """What is encoded already of `snapshot`, seen at this age and with these switches."""
        seen, steps, switched = self._made_of
        now = (snapshot, (age >= STALE_S) + (age >= BAD_S), self._switched())
        if seen is not snapshot or (steps, switched) != now[1:]:
            self._made, self._made_of = {}, now
        return self._made

    def _block(
        self,
        header: ObjectHeader,
        snapshot: Snapshot,
        age: float,
        made: dict[tuple[int, int], list[bytes]],
    ) -> bytes:
        group, variation = header.group, header.variation or DEFAULTS.get(header.group, 0)
        if (group, variation) not in _ENCODERS:
            raise UnknownObject(f"g{group}v{header.variation}")
        objects = self._objects(group, variation, snapshot, age, made)
        last = len(objects) - 1
        qualifier = header.qualifier
        if qualifier is QualifierCode.ALL_OBJECTS:
            return _in_range(group, variation, objects, 0, last)
        if header.start is not None and header.stop is not None:
            if header.stop > last:
                raise ParameterError(f"g{group} has points 0..{last}")
            return _in_range(group, variation, objects, header.start, header.stop)
        if header.indices is not None:
            return _listed(group, variation, qualifier, objects, header.indices)
        if header.count:
            return _in_range(group, variation, objects, 0, min(header.count - 1, last))
        raise ParameterError("nothing is asked for")

    def _objects(
        self,
        group: int,
        variation: int,
        snapshot: Snapshot,
        age: float,
        made: dict[tuple[int, int], list[bytes]],
    ) -> list[bytes]:
        """All points of a group, by index; a request that names it twice encodes it once."""
        found = made.get((group, variation))
        if found is None:
            encode, points = _ENCODERS[group, variation], snapshot.points
            found = made[group, variation] = [
                encode(binding, self._seen(point.key, aged(points[point.key], age)))
                for point, binding in self._maps[group].values()
            ]
        return found

    def _seen(self, key: str, reading: Reading) -> Reading:
        switched = self._switched() if key == UNSOLICITED else None
        # the point follows a tick later
        return reading if switched is None else reading._replace(value=switched)


def _in_range(group: int, variation: int, objects: list[bytes], start: int, stop: int) -> bytes:
    head = object_header(group, variation, start=start, stop=stop)
    return head + b"".join(objects[start : stop + 1])


def _listed(
    group: int,
    variation: int,
    qualifier: QualifierCode,
    objects: list[bytes],
    indices: tuple[int, ...],
) -> bytes:
    """The points of a list, each behind its index, in the order asked for."""
    if not 0 < len(indices) <= MOST_INDICES:
        raise ParameterError(f"{len(indices)} indices in one object header")
    head, prefix = _INDEX_FORMAT[qualifier]
    parts = [struct.pack(head, group, variation, qualifier, len(indices))]
    for index in indices:
        if index >= len(objects):
            raise ParameterError(f"g{group} has points 0..{len(objects) - 1}")
        parts.append(struct.pack(prefix, index) + objects[index])
    return b"".join(parts)


def _attributes(header: ObjectHeader, snapshot: Snapshot) -> bytes:
    """g0: device attributes; there is set 0 only."""
    found = attribute_objects(header.variation, snapshot)
    if not found:
        raise UnknownObject(f"g0v{header.variation}")
    is_all = header.qualifier is QualifierCode.ALL_OBJECTS
    if not is_all and (header.start, header.stop) != (0, 0):
        raise ParameterError("device attributes have set 0 only")
    heads = (object_header(GROUP, known, start=0, stop=0) for known, _ in found)
    return b"".join(head + body for head, (_, body) in zip(heads, found, strict=True))


def _time(header: ObjectHeader, snapshot: Snapshot) -> bytes:
    """g50v1: the station's clock, ms since 1970, as it stood at the snapshot."""
    is_one = header.qualifier is QualifierCode.UINT8_COUNT and header.count == 1
    if not is_one and header.qualifier is not QualifierCode.ALL_OBJECTS:
        raise ParameterError("the time is one object")
    return b"\x32\x01\x07\x01" + round(snapshot.at * 1000.0).to_bytes(6, "little")
