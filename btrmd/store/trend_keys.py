"""What the trends record: point keys, the scale each is stored with, and the three tiers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

TREND_SCALES: Final[Mapping[str, int]] = {
    "battery.voltage": 1000,  # mV
    "battery.current": 1000,  # mA, positive while charging
    "load.voltage": 1000,
    "load.current": 1000,
    "supply.voltage": 1000,
    "supply.current": 1000,
    "charger.voltage": 1000,
    "charger.current": 1000,
    "system.temperature": 100,  # 0.01 degC; the chip has 0.0625 degC
    "io1.voltage": 1000,
    "io2.voltage": 1000,
    "io3.voltage": 1000,
    "io4.voltage": 1000,
    "battery.soh": 10,  # 0.1 %
    "runtime.estimate": 1,  # s
    "runtime.estimate_low": 1,
    "ups.on_battery": 1000,  # share of the time, 0..1
    **{f"battery.block{n}.voltage": 1000 for n in range(1, 5)},
}
"""Stored integer = value x scale. A new key needs a migration that adds its column."""

TREND_KEYS: Final = tuple(TREND_SCALES)
SCALES: Final = tuple(TREND_SCALES.values())
COLUMNS: Final = tuple(key.replace(".", "_") for key in TREND_KEYS)

TIERS: Final[Mapping[int, int]] = {
    60: 30 * 24 * 60,  # 1 min x 30 d
    900: 2 * 366 * 96,  # 15 min x 2 years
    86400: 20 * 366,  # 1 day x 20 years
}
"""Seconds a row -> rows kept."""
FINEST_S: Final = min(TIERS)

_LIMIT = 2**31 - 1


def encode_means(values: Mapping[str, float | None]) -> tuple[int | None, ...]:
    """Values by point key as scaled integers in column order; unknown keys are left out."""
    return tuple(
        _scaled(values.get(key), scale) for key, scale in zip(TREND_KEYS, SCALES, strict=True)
    )


def _scaled(value: float | None, scale: int) -> int | None:
    if value is None or value != value or abs(value) * scale > _LIMIT:
        return None  # a value that is not a number, or no plausible one, is no value
    return round(value * scale)
