"""Two-point calibration: what turns a channel's nominal reading into its true one (R128)."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from ..model.errors import SettingError
from .channels import KEYS

Point = tuple[float, float]  # raw as the board read it, reference as the meter showed it

GAIN_LOW, GAIN_HIGH = 0.9, 1.1
# by the last word of the key: (offset limit, least distance of the points, lowest, highest)
_LIMITS = {
    "voltage": (0.5, 1.0, -1.0, 80.0),
    "current": (0.5, 0.5, -50.0, 50.0),
    "temperature": (5.0, 10.0, -55.0, 150.0),
}


class ChannelCalibration(NamedTuple):
    """value = raw x gain + offset; made at wall time `at` (ISO 8601) by `author` from `points`."""

    gain: float
    offset: float
    at: str
    author: str
    points: tuple[Point, Point]


class Calibration(Mapping[str, ChannelCalibration]):
    """Immutable. Channel key (battery.voltage ...) -> its calibration; absent = nominal."""

    def __init__(self, channels: Mapping[str, ChannelCalibration] | None = None) -> None:
        self._channels = dict(channels or {})

    def __getitem__(self, key: str) -> ChannelCalibration:
        return self._channels[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._channels)

    def __len__(self) -> int:
        return len(self._channels)

    def factors(self, key: str) -> tuple[float, float]:
        """(gain, offset) of channel `key`; (1, 0) when it has not been calibrated."""
        channel = self._channels.get(key)
        return (1.0, 0.0) if channel is None else (channel.gain, channel.offset)

    def with_points(
        self, key: str, first: Point, second: Point, at: str, author: str
    ) -> Calibration:
        """A copy in which `key` passes through both points. Raises SettingError on nonsense."""
        return Calibration({**self._channels, key: fit(key, first, second, at, author)})

    def without(self, key: str) -> Calibration:
        """A copy in which `key` is nominal again. Raises SettingError for an unknown channel."""
        _limits(key)
        return Calibration({k: c for k, c in self._channels.items() if k != key})

    def to_dict(self) -> dict[str, Any]:
        """Plain data for a JSON file."""
        return {
            key: {**channel._asdict(), "points": [list(point) for point in channel.points]}
            for key, channel in self._channels.items()
        }

    @classmethod
    def from_dict(cls, data: object) -> Calibration:
        """The reverse of `to_dict`. The factors are recomputed from the points and must agree.

        Raises SettingError naming channel, value and what is allowed.
        """
        if not isinstance(data, Mapping):
            raise SettingError("calibration", data, "a mapping of channels")
        return cls({str(key): _channel_from(str(key), entry) for key, entry in data.items()})


def fit(key: str, first: Point, second: Point, at: str, author: str) -> ChannelCalibration:
    """The line through two points (raw, reference), in the channel's unit.

    Raises SettingError when a point is outside the channel's range, the points are too close to
    each other, or gain (0.9..1.1) or offset show that a point was mistyped.
    """
    most_offset, least_apart, low, high = _limits(key)
    name = f"calibration.{key}"
    for value in (*first, *second):
        if not math.isfinite(value) or not low <= value <= high:
            raise SettingError(name, value, f"a point within {low:g}..{high:g}")
    apart = second[0] - first[0]
    if abs(apart) < least_apart or abs(second[1] - first[1]) < least_apart:
        points = (first, second)
        raise SettingError(name, points, f"two points at least {least_apart:g} apart")
    gain = (second[1] - first[1]) / apart
    offset = first[1] - gain * first[0]
    if not GAIN_LOW <= gain <= GAIN_HIGH:
        raise SettingError(name, round(gain, 4), f"a gain of {GAIN_LOW:g}..{GAIN_HIGH:g}")
    if abs(offset) > most_offset:
        raise SettingError(name, round(offset, 4), f"an offset of +-{most_offset:g}")
    return ChannelCalibration(gain, offset, at, author, (first, second))


def _limits(key: str) -> tuple[float, float, float, float]:
    if key not in KEYS:
        raise SettingError("calibration", key, f"one of {', '.join(KEYS)}")
    return _LIMITS[key.rpartition(".")[2]]


def _channel_from(key: str, entry: object) -> ChannelCalibration:
    _limits(key)
    allowed = "gain, offset, at, author and two points of two numbers"
    try:
        if not isinstance(entry, Mapping):
            raise TypeError
        (raw1, true1), (raw2, true2) = entry["points"]
        points = ((float(raw1), float(true1)), (float(raw2), float(true2)))
        gain, offset = float(entry["gain"]), float(entry["offset"])
        at, author = str(entry["at"]), str(entry["author"])
    except (KeyError, TypeError, ValueError) as error:
        raise SettingError(f"calibration.{key}", entry, allowed) from error
    fitted = fit(key, *points, at, author)
    if abs(fitted.gain - gain) > 1e-6 or abs(fitted.offset - offset) > 1e-6:
        raise SettingError(f"calibration.{key}", (gain, offset), "what the two points give")
    return fitted
