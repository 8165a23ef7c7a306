"""The maker's table: what is read from its text, and the sentence for each thing that is wrong."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from btrmd.model.battery_table import MAX_LENGTH, MAX_ROWS, BatteryTable, read_battery_table
from btrmd.model.settings import SettingError, Settings
from btrmd.model.site import Site

SETTINGS = Settings.defaults(Site(model="400"))

# A 12 V 26 Ah AGM block as makers print it: A to 1.75 and 1.80 V a cell, W a cell to 1.75.
AMPS = """
15.9 A: 1 h to 1.75 V/cell
9.06 A: 2 h to 1.75 V/cell
6.55 A: 3 h to 1.75 V/cell
4.36 A: 5 h to 1.75 V/cell
2.36 A: 10 h to 1.75 V/cell
1.30 A: 20 h to 1.75 V/cell
15.1 A: 60 min to 10.8 V/block
4.22 A: 5 h to 1.8
1.27 A: 20 h to 1.80 V/cell
"""
WATTS = "28.4 W/cell: 1 h to 1.75; 16.6 W/cell: 2 h to 1.75; 8.33 W/cell: 5 h to 1.75"


def read(text: str) -> BatteryTable:
    table = read_battery_table(text)
    assert table is not None
    return table


def test_a_table_in_amps_is_sorted_by_end_voltage_and_load() -> None:
    table = read(AMPS)
    assert not table.is_watts
    assert table.ends == (1.8, 1.75)
    assert table.to_end(1.8) == ((1.27, 20.0, 1.8), (4.22, 5.0, 1.8), (15.1, 1.0, 1.8))
    assert table.to_end(1.75)[-1] == (15.9, 1.0, 1.75)
    assert len(table.rows) == 9


def test_watts_a_block_become_watts_a_cell() -> None:
    assert read(WATTS).is_watts
    block = "170.4 W/block: 1 h to 10.5 V/block; 99.6 W/block: 2 h to 10.5 V/block"
    assert read(block).rows == (
        (pytest.approx(16.6), 2.0, 1.75),
        (pytest.approx(28.4), 1.0, 1.75),
    )


def test_an_empty_text_is_no_table() -> None:
    assert read_battery_table("") is None
    assert read_battery_table(" ;\n ; ") is None


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("2 A: 5 h to 1.75", ("one row", "2 to 64")),
        ("2 A 5 h; 4 A: 2 h to 1.75", ("row 1", "'2 A 5 h'", "2.5 A: 4 h to 1.75 V/cell")),
        ("4 A: 2 h to 1.75; 2,5 A: 4 h to 1.75", ("row 2", "with a point")),
        ("40 W: 2 h to 1.75; 25 W: 4 h to 1.75", ("row 1", "W/cell or W/block")),
        (f"2 A: 5 h to 1.75; {WATTS}", ("row 1 is in A", "row 2 in W/cell", "same unit")),
        ("4 A: 2 h to 1.75; 2 A: 5 h to 1.75; 4 A: 2 h to 1.75", ("rows 1 and 3", "twice")),
        ("4 A: 2 h to 1.75; 4 A: 3 h to 10.5 V/block", ("rows 1 and 2", "twice")),
        ("2 A: 3 h to 1.75; 4 A: 4 h to 1.75", ("rows 1 and 2", "4 A lasts 4 h", "2 A 3 h")),
        ("2 A: 3 h to 1.75; 4 A: 3 h to 1.75", ("rows 1 and 2", "a shorter time")),
        ("4 A: 2 h to 1.75; 4 A: 3 h to 1.8", ("rows 1 and 2", "lower end voltage", "later")),
        ("4 A: 20 h to 1.75; 2 A: 21 h to 1.75", ("gives 42 Ah", "gives 80", "gives more")),
        ("0 A: 2 h to 1.75; 2 A: 5 h to 1.75", ("row 1", "a load of 0 A", "0.01 to 10000 A")),
        ("4 A: 0 h to 1.75; 2 A: 5 h to 1.75", ("row 1", "a time of 0 h", "1 min to 240 h")),
        ("4 A: 2 h to 1.75; 0.1 A: 300 h to 1.75", ("row 2", "300 h", "240 h")),
        ("4 A: 2 h to 1.2; 2 A: 5 h to 1.75", ("row 1", "1.2 V/cell", "1.5 to 2 V/cell")),
        ("4 A: 2 h to 14 V; 2 A: 5 h to 1.75", ("row 1", "14 V/block", "9 to 12 V/block")),
        ("4 A: -2 h to 1.75; 2 A: 5 h to 1.75", ("row 1", "'4 A: -2 h to 1.75'")),
        ("; ".join(f"{n} A: {240 / n} h to 1.75" for n in range(1, 66)), ("65 rows", "64")),
    ],
)
def test_what_is_wrong_is_said_in_one_sentence(text: str, words: tuple[str, ...]) -> None:
    with pytest.raises(SettingError) as refusal:
        SETTINGS.with_changes({"battery.table": text})
    said = str(refusal.value)
    assert said.startswith("battery.table is refused: ")
    for word in words:
        assert word in said, said
    assert said.endswith(".")
    assert len(said) < 400
    assert refusal.value.key == "battery.table"
    assert "rows such as 2.5 A: 4 h to 1.75 V/cell" in refusal.value.allowed


def test_the_setting_keeps_a_table_on_one_line() -> None:
    settings = SETTINGS.with_changes({"battery.table": "4 A:  2 h to 1.75\r\n2 A: 5 h to 1.75\r\n"})
    assert settings["battery.table"] == "4 A: 2 h to 1.75; 2 A: 5 h to 1.75"
    assert settings.with_changes({"battery.table": "  "})["battery.table"] == ""


@pytest.mark.parametrize("raw", ["x" * (MAX_LENGTH + 1), "4 A: 2 h to 1.75\0", 5, None, ["4 A"]])
def test_what_is_no_text_of_the_kind_is_refused_without_repeating_it(raw: object) -> None:
    with pytest.raises(SettingError) as refusal:
        SETTINGS.with_changes({"battery.table": raw})
    assert len(str(refusal.value)) < 300


def test_the_largest_table_fits_the_setting() -> None:
    rows = [f"{1000 + n} W/block: {9000 - n} min to 10.50 V/block" for n in range(MAX_ROWS)]
    random.shuffle(rows)
    text = "\r\n".join(rows)
    settings = SETTINGS.with_changes({"battery.table": text})
    assert len(read(settings.text("battery.table")).rows) == MAX_ROWS


@pytest.mark.parametrize("type_", ["unknown", "agm", "gel", "flooded", "tubular", "Pure-Lead"])
def test_the_types_of_battery(type_: str) -> None:
    assert SETTINGS["battery.type"] == "unknown"
    assert SETTINGS.with_changes({"battery.type": type_})["battery.type"] == type_.lower()


def test_another_type_is_refused() -> None:
    with pytest.raises(SettingError, match="unknown, agm, gel, flooded, tubular or pure-lead"):
        SETTINGS.with_changes({"battery.type": "lithium"})


@given(st.text(max_size=80))
def test_any_text_is_a_table_or_refused(text: str) -> None:
    try:
        table = read_battery_table(text)
    except ValueError:
        return
    assert table is None or len(table.rows) > 1


@given(
    st.lists(
        st.tuples(st.floats(0.02, 5000.0), st.floats(0.02, 240.0), st.sampled_from((1.7, 1.8))),
        min_size=2,
        max_size=8,
    )
)
def test_an_accepted_table_never_contradicts_itself(rows: list[tuple[float, float, float]]) -> None:
    text = "; ".join(f"{load:.3f} A: {hours:.3f} h to {end}" for load, hours, end in rows)
    try:
        table = read(text)
    except ValueError:
        return
    for end in table.ends:
        found = table.to_end(end)
        assert [row.load for row in found] == sorted({row.load for row in found})
        assert [row.hours for row in found] == sorted({row.hours for row in found}, reverse=True)
