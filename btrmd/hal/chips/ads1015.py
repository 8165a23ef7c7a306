"""ADS1015: an ADS1115 of 12 bits, left-aligned in the same registers (TI data sheet SBAS473).

A count of ours is still 125 uV, since the lower four bits read 0: steps of 2 mV at the pin, which
is 40 mV behind the reference HAT's divider of 20.
"""

from __future__ import annotations

from .ads1115 import Ads1115


class Ads1015(Ads1115):
    """As an ADS1115. The data rate bits 111 mean 3300 samples/s here: a conversion is ready
    within the pause of the slower chip."""

    KIND = "ADS1015"
    full_scale = 0x7FF0
