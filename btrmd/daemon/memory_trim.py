"""Memory: keep the C library from holding on to memory that is free."""

from __future__ import annotations

import ctypes
import logging
from typing import Final, ForwardRef

log = logging.getLogger(__name__)

# mallopt(3): its parameters by number, and what they are set to
TRIM_THRESHOLD: Final = (-1, 128 * 1024)
MMAP_THRESHOLD: Final = (-3, 128 * 1024)
ARENA_MAX: Final = (-8, 2)


def set_up() -> None:
    """Before threads begin: large blocks come from the system and go back to it. Never raises.

    glibc raises its threshold to the largest block that was ever freed, so that from the second
    password on the 8 MB of its hash would stay in the arena of whichever thread had asked; and it
    gives every thread an arena of its own, each with its own free memory.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError) as error:
        log.debug("the C library manages its memory by itself: %s", error)
        return
    for parameter, value in (MMAP_THRESHOLD, TRIM_THRESHOLD, ARENA_MAX):
        if not mallopt(parameter, value):
            log.debug("mallopt(%d, %d) was refused", parameter, value)


def give_back() -> None:
    """Have the C library return free pages, half a megabyte after the start. Never raises.

    Only glibc has malloc_trim (malloc_trim(3)); elsewhere nothing happens.
    """
    try:
        ctypes.CDLL(None).malloc_trim(0)
    except (OSError, AttributeError) as error:
        log.debug("the allocator stays as it is: %s", error)


def drop_references() -> int:
    """Give annotations of named tuples back the text they were written as; how many there were.

    The standard library compiles each of them when the class is made, 600 bytes a field, for
    whoever asks it for types; that takes text just as well.
    """
    dropped = 0
    for record in tuple.__subclasses__():
        hints = getattr(record, "__annotations__", {})  # itself: a copy would change nothing
        for name, hint in hints.items():
            if isinstance(hint, ForwardRef):
                hints[name] = hint.__forward_arg__
                dropped += 1
    return dropped
