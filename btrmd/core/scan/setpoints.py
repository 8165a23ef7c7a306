"""Setpoints: the settings and thresholds in the form the machines compare with."""

from __future__ import annotations

from typing import NamedTuple

from ...model.block_taps import NONE, wired_taps
from ...model.schedule import Window, read_dates, read_days
from ...model.settings import Settings
from ...model.thresholds import Thresholds


class Setpoints(NamedTuple):
    """Typed copies of what the core reads of the settings; rebuilt only when the settings change.

    Volts are whole-bank volts, times seconds, charge Ah.
    """

    settings: Settings
    th: Thresholds
    blocks: int
    single_source: bool
    rated_ah: float | None
    test_enabled: bool
    interval_s: float  # 0 = the test is not repeated
    test_type: str
    minimum_runtime_s: float  # 0 = no judgement
    type2_s: float
    type2_minimum_v: float
    lvd_enabled: bool
    ups_enabled: bool
    io1_config: int
    io2_config: int
    window: Window  # when a scheduled test may start
    taps: tuple[str, ...] = ()  # channel of each tap from the lowest; () = none is wired

    @classmethod
    def of(cls, settings: Settings) -> Setpoints:
        """Read every setting the core uses once."""

        def number(key: str) -> float:
            value = settings[key]
            if not isinstance(value, int | float):
                raise TypeError(f"{key} is not a number")
            return float(value)

        rated = settings["battery.rated_ah"]
        taps = wired_taps(settings, settings.blocks)
        th = Thresholds.of(settings)
        return cls(
            settings=settings,
            th=th,
            blocks=th.blocks,
            single_source=settings["system.single_source"] is True,
            rated_ah=float(rated) if isinstance(rated, int | float) else None,
            test_enabled=settings["test.enabled"] is True,
            interval_s=number("test.interval_h") * 3600.0,
            test_type=str(settings["test.type"]),
            minimum_runtime_s=number("test.minimum_runtime_min") * 60.0,
            type2_s=number("test.type2_min") * 60.0,
            type2_minimum_v=number("test.type2_minimum_mv") / 1000.0,
            lvd_enabled=settings["lvd.enabled"] is True,
            ups_enabled=settings["ups.enabled"] is True,
            io1_config=int(number("io1.config")),
            io2_config=int(number("io2.config")),
            window=Window(
                read_days(settings.text("test.window_days")),
                settings.integer("test.window_from_h"),
                settings.integer("test.window_to_h"),
                read_dates(settings.text("test.blackout")),
            ),
            taps=taps if any(tap != NONE for tap in taps) else (),
        )
