"""A socket name: how a unix socket in a deep folder is bound and reached."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

SUN_PATH = 100  # bytes that surely fit into sockaddr_un (Linux: 108 with the final zero)


@contextlib.contextmanager
def socket_name(path: Path) -> Iterator[str]:
    """`path`, or where it is too long for a socket address, the same file by way of its folder.

    Raises OSError when that folder does not exist.
    """
    text = str(path)
    if len(os.fsencode(text)) <= SUN_PATH:
        yield text
        return
    folder = os.open(path.parent, os.O_PATH | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{folder}/{path.name}"
    finally:
        os.close(folder)
