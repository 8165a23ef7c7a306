"""btrmd: the battery test remote monitor daemon for a Raspberry Pi with the BTRM HAT."""

__version__ = "1.0.0"
__build_date__ = "2026-11-22"
