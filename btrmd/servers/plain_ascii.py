"""Plain ASCII: a text for protocols whose readers know no other letters."""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

# What Unicode does not take apart into a letter and its accent.
_LETTERS: Final = MappingProxyType(
    str.maketrans(
        {
            "Æ": "AE", "æ": "ae", "Œ": "OE", "œ": "oe", "Ø": "O", "ø": "o", "ß": "ss", "ẞ": "SS",
            "Đ": "D", "đ": "d", "Ð": "D", "ð": "d", "Þ": "Th", "þ": "th", "Ł": "L", "ł": "l",
            "\u0131": "i", "°": "deg", "…": "...", "«": '"', "»": '"', "µ": "u", "Ω": "Ohm",
            "€": "EUR", "£": "GBP", "§": "S", "\u00d7": "x",
            **dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2212", "-"),
            **dict.fromkeys("\u2018\u2019\u201a", "'"),
            **dict.fromkeys("\u201c\u201d\u201e", '"'),
        }
    )
)  # fmt: skip


def plain_ascii(text: str) -> str:
    """`text` in printable ASCII (0x20..0x7E): accents go, controls become a space, what has no
    like becomes a question mark."""
    if text.isascii() and text.isprintable():
        return text
    import unicodedata  # 0.6 MB, for names beyond ASCII only

    folded = unicodedata.normalize("NFKD", text.translate(_LETTERS))
    plain = (char for char in folded if not unicodedata.combining(char))
    return "".join(
        char if " " <= char <= "~" else " " if ord(char) < 0x80 or not char.isprintable() else "?"
        for char in plain
    )
