"""Plain ASCII: every text comes out printable, and most of it readable."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from btrmd.servers.plain_ascii import plain_ascii


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("Shed 4", "Shed 4"),
        ("Zürich", "Zurich"),
        ("Łódź", "Lodz"),
        ("Straße", "Strasse"),
        ("Ærø", "AEro"),
        ("a\tb\nc\x7f", "a b c "),
        ("½", "1?2"),
        ("Вода", "????"),
        ("\ud800", " "),
    ],
)
def test_letters_lose_their_accents(text: str, plain: str) -> None:
    assert plain_ascii(text) == plain


@given(st.text())
def test_whatever_comes_it_is_printable_ascii(text: str) -> None:
    plain = plain_ascii(text)
    assert plain.isascii()
    assert plain.isprintable()
    assert plain_ascii(plain) == plain
