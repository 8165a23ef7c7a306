"""The hardware: what reads the HAT's chips and drives its pins, on the Pi and in simulation."""

from __future__ import annotations

from .gpiozero_parts import import_gpiozero

import_gpiozero()  # before any module here asks for it
