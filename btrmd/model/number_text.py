"""Numbers in texts that people and programs send: ASCII digits and nothing that float() adds."""

from __future__ import annotations

import re
from typing import Final

_NUMBER: Final = re.compile(
    r"[+-]?(?:[0-9]{1,30}(?:\.[0-9]{0,30})?|\.[0-9]{1,30})(?:[eE][+-]?[0-9]{1,3})?"
)


def read_number(text: str) -> float:
    """`text` as a number, which may be infinite ("1e999"). Raises ValueError, also for what float()
    would take beside: digits of other scripts, 1_0, inf, nan, spaces around it."""
    if not _NUMBER.fullmatch(text):
        raise ValueError(f"{text[:60]!r} is not a number")
    return float(text)
