"""Numbers in texts: as people and programs send them, and as they are told them."""

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


def format_number(value: float, decimals: int, unit: str = "") -> str:
    """`value` with so many decimals, and its unit behind it; what rounds to nothing has no sign."""
    text = f"{value:.{decimals}f}"
    if text.startswith("-") and not text.strip("-0."):
        text = text[1:]
    return f"{text} {unit}" if unit else text
