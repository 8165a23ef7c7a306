"""JSON of the API: what docgen.json_text says, made once a snapshot."""

from __future__ import annotations

import gzip
import math
from typing import Final, NamedTuple

from btrmd.bus import Bus
from btrmd.docgen.json_text import (
    dumps,
    encode_alarms,
    encode_event,
    encode_reading,
    encode_test,
    iso_time,
    number,
    plain,
)
from btrmd.model.points import POINT
from btrmd.model.snapshot import Snapshot

__all__ = [
    "Document",
    "PointsDocument",
    "dumps",
    "encode_alarms",
    "encode_event",
    "encode_reading",
    "encode_test",
    "iso_time",
    "number",
    "plain",
    "point_entry",
    "shown_points",
]

_COARSE: Final = {"s": -1, "V": 2, "A": 2}  # digits that matter where no page says so
_DECIMALS: Final = {
    key: point.web.decimals
    if point.web is not None and point.unit != "s"
    else _COARSE.get(point.unit, 0)
    for key, point in POINT.items()
}


def point_entry(key: str, snapshot: Snapshot) -> dict[str, object]:
    """`encode_reading` of one point of `snapshot`."""
    return encode_reading(key, snapshot.points[key])


def shown_points(snapshot: Snapshot) -> dict[str, tuple[object, str]]:
    """Every point as a page shows it (value rounded to its decimals, quality): what can change."""
    shown: dict[str, tuple[object, str]] = {}
    for key, reading in snapshot.points.items():
        value = reading.value
        if isinstance(value, float):
            value = round(value, _DECIMALS.get(key, 0)) if math.isfinite(value) else None
        shown[key] = (value, reading.quality.value)
    return shown


class Document(NamedTuple):
    """A finished answer: what it was made from, plain and compressed."""

    seq: int
    plain: bytes
    gzip: bytes


class PointsDocument:
    """/api/v1/points, made once a snapshot whoever asks, and however many."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus
        self._made: Document | None = None

    def get(self) -> Document:
        """The document of the newest snapshot. Two threads at once make it twice, harmlessly."""
        snapshot = self._bus.snapshot
        made = self._made
        if made is None or made.seq != snapshot.seq:
            points = {key: encode_reading(key, value) for key, value in snapshot.points.items()}
            body = dumps({"at": iso_time(snapshot.at), "points": points})
            made = self._made = Document(snapshot.seq, body, gzip.compress(body, 1, mtime=0))
        return made
