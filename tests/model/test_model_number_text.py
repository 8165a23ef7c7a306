"""Numbers in texts: what people and programs write, and not what float() takes beside."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from btrmd.model.number_text import read_number


@pytest.mark.parametrize("text", ["0", "-1", "+2.5", ".5", "3.", "1e3", "1E-3", "007"])
def test_numbers(text: str) -> None:
    assert read_number(text) == float(text)


@pytest.mark.parametrize(
    "text",
    ["", " 1", "1 ", "1_0", "٣", "\uff13", "inf", "nan", "0x1", "1e", ".", "--1", "1,5", "1\n"],
)
def test_no_numbers(text: str) -> None:
    with pytest.raises(ValueError, match="not a number"):
        read_number(text)


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_every_number_that_python_writes(value: float) -> None:
    assert read_number(repr(value)) == value
