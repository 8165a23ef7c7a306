"""btrmd: the battery test remote monitor daemon for a Raspberry Pi with the BTRM HAT."""

import time

__version__ = "1.0.0"
__build_date__ = "2026-11-22"

LOADED_AT = time.monotonic()  # s; a daemon's start is counted from here
