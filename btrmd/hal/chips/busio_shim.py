"""Stand-ins for the two CircuitPython modules that the INA219 driver imports and hardly uses.

adafruit-bus-device names `busio.I2C` and `busio.SPI` in annotations that are evaluated, and
adafruit-circuitpython-ina219 wants `micropython.const`. Adafruit-Blinka brings all three, with
sysv_ipc, pyftdi and pyusb behind it; the driver needs no more than this. Where the real modules are
installed they are left alone.
"""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType

from ...part_imports import stand_in


class I2C:
    """What `busio.I2C` is to an annotation: a name."""


class SPI:
    """What `busio.SPI` is to an annotation: a name."""


def const(value: int) -> int:
    """MicroPython's compile-time constant: the value itself."""
    return value


STAND_INS: dict[str, dict[str, object]] = {
    "busio": {"I2C": I2C, "SPI": SPI},
    "micropython": {"const": const},
}


@contextmanager
def names_of_types() -> Iterator[None]:
    """While the driver is imported: what `circuitpython_typing` gives to its annotations, which
    nobody reads, without the half megabyte of `typing_extensions` behind it."""
    with (
        stand_in("circuitpython_typing", ReadableBuffer=object, WriteableBuffer=object),
        stand_in("circuitpython_typing.device_drivers", I2CDeviceDriver=object),
    ):
        yield


def ensure_circuitpython() -> None:
    """Make `import busio` and `import micropython` work; idempotent."""
    for name, members in STAND_INS.items():
        if name in sys.modules or importlib.util.find_spec(name) is not None:
            continue
        module = ModuleType(name, "Stand-in by btrmd (btrmd/hal/chips/busio_shim.py).")
        module.__dict__.update(members)
        sys.modules[name] = module
