"""Origins: the web sites whose pages may read this unit with a token (Fetch standard, CORS)."""

from __future__ import annotations

import re
from typing import Final

MOST: Final = 8
MAX_LENGTH: Final = 600
WORDS: Final = (
    f"at most {MOST} origins such as https://noc.example.com or http://10.0.0.5:8080, without a "
    "path, separated by commas; * and null are none"
)
_ORIGIN: Final = re.compile(
    r"https?://(?:[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?|\[[0-9a-f:]{2,39}\])(?::[0-9]{1,5})?",
    re.ASCII,
)


def read_origins(text: str) -> tuple[str, ...]:
    """The origins of a list, as browsers send them. Raises ValueError for what is none."""
    origins = tuple(part.strip() for part in text.split(",") if part.strip())
    if not 0 < len(origins) <= MOST:
        raise ValueError(text)
    for origin in origins:
        port = origin.rpartition("]")[2].removeprefix("https://").removeprefix("http://")
        number = port.partition(":")[2]
        if _ORIGIN.fullmatch(origin) is None or (number and not 1 <= int(number) <= 65535):
            raise ValueError(origin)
    return origins


def is_origin_list(text: str) -> bool:
    """Whether `text` is a list of origins."""
    try:
        return bool(read_origins(text))
    except ValueError:
        return False
