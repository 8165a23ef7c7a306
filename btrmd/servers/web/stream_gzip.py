"""The stream compressed: each message is packed once, whoever listens and since when."""

from __future__ import annotations

import zlib
from typing import Final

# RFC 1952 2.3.1: deflate, no name, no time, no system. The end of the file (2.3.1, CRC32 and ISIZE)
# never comes: a stream ends with its connection.
HEAD: Final = b"\x1f\x8b\x08\0\0\0\0\0\0\xff"
_LEVEL: Final = 6
_WINDOW: Final = -13  # raw deflate, 8 KB: a message is hardly longer
_MEMORY: Final = 6  # 24 KB while a message is packed, 256 KB by default


def pack(data: bytes) -> bytes:
    """`data` as deflate blocks (RFC 1951) that end at an octet and refer to nothing before them, so
    that the same octets fit into every gzip file that is under way."""
    packer = zlib.compressobj(_LEVEL, zlib.DEFLATED, _WINDOW, _MEMORY)
    return packer.compress(data) + packer.flush(zlib.Z_SYNC_FLUSH)
