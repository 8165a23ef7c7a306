"""Heap: give back to the system what the start has used and freed."""

from __future__ import annotations

import ctypes
import logging

log = logging.getLogger(__name__)


def give_back() -> None:
    """Have the C library return free pages, half a megabyte after the start. Never raises.

    Only glibc has malloc_trim (malloc_trim(3)); elsewhere nothing happens.
    """
    try:
        ctypes.CDLL(None).malloc_trim(0)
    except (OSError, AttributeError) as error:
        log.debug("the heap stays as it is: %s", error)
