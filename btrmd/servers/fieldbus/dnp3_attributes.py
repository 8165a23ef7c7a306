"""DNP3 device attributes (group 0): who made this outstation, and which one it is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from ...model.snapshot import Snapshot
from ..plain_ascii import plain_ascii

GROUP: Final = 0
ALL: Final = 254  # every attribute there is, each behind a header of its own
LIST: Final = 255  # which variations there are, each with its properties
_VSTR: Final = 1  # IEEE 1815-2012, table 5-6: a visible string
_LIST_TYPE: Final = 254  # a list of variations
_READ_ONLY: Final = 0
_LONGEST: Final = 255

Read = Callable[[Snapshot], str]


def _point(key: str) -> Read:
    def read(snapshot: Snapshot) -> str:
        value = snapshot.points[key].value
        return value if isinstance(value, str) else ""

    return read


# IEEE 1815-2012 annex A.1: variation -> what it tells.
ATTRIBUTES: Final[Mapping[int, tuple[str, Read]]] = {
    242: ("Software version", _point("system.firmware")),
    245: ("Location", lambda snapshot: snapshot.settings.text("site.location")),
    247: ("Name", lambda snapshot: snapshot.settings.text("site.name")),
    248: ("Serial number", _point("system.serial")),
    250: ("Product name and model", _point("system.model")),
    252: ("Manufacturer", lambda snapshot: "btrmd"),
}


def attribute_objects(variation: int, snapshot: Snapshot) -> list[tuple[int, bytes]]:
    """(variation, object) of one attribute, or of all; empty where there is no such one."""
    if variation == LIST:
        pairs = bytes(octet for known in ATTRIBUTES for octet in (known, _READ_ONLY))
        return [(LIST, bytes((_LIST_TYPE, len(pairs))) + pairs)]
    wanted = ATTRIBUTES if variation == ALL else ATTRIBUTES.keys() & {variation}
    return [(known, _text(ATTRIBUTES[known][1](snapshot))) for known in wanted]


def _text(text: str) -> bytes:
    raw = plain_ascii(text).encode("ascii")[:_LONGEST]
    return bytes((_VSTR, len(raw))) + raw
