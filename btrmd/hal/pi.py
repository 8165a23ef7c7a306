"""The board on a Raspberry Pi: the kernel's I2C bus and gpiozero's lgpio factory."""

from __future__ import annotations

import fcntl
import importlib
import time
from typing import Any

from smbus2 import SMBus

from .board import HatBoard
from .calibration import Calibration
from .chips.ads1115 import PAUSE
from .chips.i2c import I2CBus
from .config import HardwareConfig

I2C_RETRIES = 0x0701  # linux/i2c-dev.h
I2C_TIMEOUT = 0x0702  # unit 10 ms


def open_pi_board(config: HardwareConfig, calibration: Calibration | None = None) -> HatBoard:
    """The HAT's board. Never fails for missing hardware: a bus or pins that are not there show in
    `findings()`, and are tried again about once a second."""
    bus = I2CBus(lambda: _open_bus(config.bus, config.timeout_ms), config.attempts)
    return HatBoard(config, bus, _lgpio_factory, calibration, lambda: time.sleep(PAUSE))


def _open_bus(number: int, timeout_ms: int) -> SMBus:
    """/dev/i2c-NUMBER with a short timeout: the kernel's default of 1 s would stall the owner."""
    bus = SMBus(number)
    try:
        assert bus.fd is not None  # SMBus(number) opens at once
        fcntl.ioctl(bus.fd, I2C_TIMEOUT, max(1, timeout_ms // 10))
        fcntl.ioctl(bus.fd, I2C_RETRIES, 0)  # we count and bound the retries ourselves
    except OSError:
        bus.close()
        raise
    return bus


def _lgpio_factory() -> Any:
    """Imported here and only here: lgpio exists on a Pi alone, and its import makes files."""
    return importlib.import_module("btrmd.hal.edge_pin").EdgeFactory()
