"""`python -m btrmd.hal.release`: drives every coil and output to its safe level, and ends.

The unit's ExecStopPost=: whatever ended the daemon, a Pi keeps the level of a pin that is let go,
so somebody must drive it low. Released coils are the universal safe action (supply to load,
charger to battery).
"""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from gpiozero.output_devices import OutputDevice

from ..model.errors import BtrmError, format_error
from .config import COILS, OPENED, Pin, find_hardware_file, load_hardware

log = logging.getLogger(__name__)

RELEASED = (*COILS, "ch1", "ch2")


def release(pins: Mapping[str, Pin], factory: Any) -> list[str]:
    """Drive coils and outputs inactive through `factory`; a sentence for each that refused."""
    faults = []
    for name in RELEASED:
        if name not in pins:
            continue
        pin = pins[name]
        try:
            device = OutputDevice(
                pin.gpio,
                active_high=pin.active_high,
                initial_value=False,
                pin_factory=factory,
            )
            device.close()
        except Exception as error:  # lgpio and gpiozero share no root; the next coil matters more
            faults.append(f"{name} (GPIO {pin.gpio}) was not released: {format_error(error)}.")
    return faults


def pins() -> Mapping[str, Pin]:
    """Those the daemon had opened, by the copy it left in its run folder; else the board file's,
    which somebody may have edited, rightly or wrongly, since. Raises ConfigError."""
    run_dir = os.environ.get("RUNTIME_DIRECTORY", "").partition(":")[0]
    opened = Path(run_dir) / OPENED
    if run_dir and opened.is_file():
        try:
            return load_hardware(opened).pins
        except BtrmError as error:
            log.warning("%s", error)
    return load_hardware(find_hardware_file()).pins


def main() -> int:
    """Release the pins of the board. Exit code 0, or 1 when a line could not be driven."""
    from .pi import _lgpio_factory

    try:
        faults = release(pins(), _lgpio_factory())
    except BtrmError as error:
        faults = [format_error(error)]
    except Exception as error:  # no GPIO at all: say so and end
        faults = [f"The GPIO pins cannot be opened: {format_error(error)}."]
    for fault in faults:
        log.error("%s", fault)
    return 1 if faults else 0


if __name__ == "__main__":
    logging.basicConfig(format="%(message)s")
    sys.exit(main())
