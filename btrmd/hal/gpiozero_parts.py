"""gpiozero without its motors, lights and sensors: the pins, and a device for one pin each way."""

from __future__ import annotations

import importlib
from contextlib import AbstractContextManager
from typing import Any

from ..part_imports import import_without_init, stand_in


def entry_points(**selection: Any) -> Any:
    """As importlib.metadata's. gpiozero asks for it only to find a pin factory by its name, and
    ours is always given; with it come the whole of `email` and `zipfile`."""
    return importlib.import_module("importlib.metadata").entry_points(**selection)


def make_color(*parts: Any) -> Any:
    """As colorzero.Color, whose only use is the colour of an RGB light."""
    return importlib.import_module("colorzero").Color(*parts)


def mean(data: Any) -> Any:
    """As statistics.mean, which smoothed devices use; with it come fractions and decimals."""
    return importlib.import_module("statistics").mean(data)


def median(data: Any) -> Any:
    """As statistics.median, see `mean`."""
    return importlib.import_module("statistics").median(data)


def without_metadata() -> AbstractContextManager[None]:
    """Meanwhile gpiozero's modules find `entry_points` where they look for it first."""
    return stand_in("importlib_metadata", entry_points=entry_points)


def import_gpiozero() -> None:
    """Import the part of gpiozero that a board needs. Whoever asks it for the rest gets it."""
    import_without_init("gpiozero")
    with (
        without_metadata(),
        stand_in("colorzero", Color=make_color),
        stand_in("statistics", mean=mean, median=median),
    ):
        import gpiozero.input_devices
        import gpiozero.output_devices  # noqa: F401
