"""A value in a text: numbers as they come, and the site's time zone."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from btrmd.model.errors import SettingError
from btrmd.model.settings import Settings
from btrmd.model.value_text import find_zone, format_number, local_time, read_number

# --- Numbers in texts: what people and programs write, and not what float() takes beside.


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


@pytest.mark.parametrize(
    ("value", "decimals", "unit", "text"),
    [
        (13.456, 2, "V", "13.46 V"),
        (-0.004, 2, "A", "0.00 A"),
        (-0.006, 2, "A", "-0.01 A"),
        (-0.4, 0, "", "0"),
        (-10.0, 0, "", "-10"),
        (25, 1, "C", "25.0 C"),
        (0.0, 3, "", "0.000"),
        (-0.0, 3, "", "0.000"),
    ],
)
def test_what_rounds_to_nothing_has_no_sign(
    value: float, decimals: int, unit: str, text: str
) -> None:
    assert format_number(value, decimals, unit) == text


def test_people_read_a_quantity_as_one_formatter_writes_it() -> None:
    """On pages, in reports, mails and at the command line."""
    package = Path(__file__).resolve().parents[2] / "btrmd"
    own = re.compile(r":\.\d[fg]\} ?(?:V|A|Ah|W|°C|C|%|s|min|h|MB)\b|:\.\d[fg]\} %")
    found = [
        f"{path.relative_to(package)}: {text}"
        for folder in ("servers", "notify", "cli", "docgen")
        for path in sorted((package / folder).rglob("*.py"))
        for text in own.findall(path.read_text(encoding="utf-8"))
    ]
    assert found == []
    assert own.search('f"{volts:.2f} V"')
    assert own.search('f"{part:.0f} % of it"')


# --- The site's time zone: names the system knows, and no way to open other files by one.

AT = 1_780_000_000.0  # 2026-05-28 20:26:40 UTC


def test_summer_and_winter() -> None:
    assert f"{local_time(AT, 'Europe/Berlin'):%H:%M}" == "22:26"
    assert f"{local_time(AT - 150 * 86400, 'Europe/Berlin'):%H:%M}" == "21:26"
    assert f"{local_time(AT, ''):%H:%M}" == "20:26"


@pytest.mark.parametrize(
    "name",
    ["Berlin/Europe", "../etc/passwd", "/etc/passwd", "x" * 60, "Europe/Bérlin", ".", "a\0b"],
)
def test_what_is_no_zone_is_refused(name: str) -> None:
    assert find_zone(name) is None
    with pytest.raises(SettingError, match="a time zone such as Europe/Berlin"):
        Settings.defaults().with_changes({"site.timezone": name[:48]})
