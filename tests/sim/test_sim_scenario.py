"""Scenario files: both ways to write a key, entries at their second, errors that point."""

from __future__ import annotations

from pathlib import Path

import pytest

from btrmd.hal.sim.scenario import load_scenario
from btrmd.model.errors import DataError

EXAMPLE = Path(__file__).parents[2] / "docs" / "examples" / "outage.toml"


def test_the_shipped_example_is_good():
    scenario = load_scenario(EXAMPLE)
    assert [entry.time_s for entry in scenario.entries] == [0, 60, 180, 210, 660, 670]
    assert scenario.entries[1].changes == {"supply.on": False, "charger.on": False}


def test_dotted_quoted_and_nested_keys_and_any_order(tmp_path):
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "p.csv").write_text("time_s,amps\n0,1\n")
    path = tmp_path / "s.toml"
    path.write_text(
        "[[at]]\ntime_s = 20.5\n[at.supply]\non = false\nvolts = 12\n"
        '[[at]]\ntime_s = 10\n"load.amps" = 3\nfault.i2c.0x40 = "nack"\n'
        '[[at]]\ntime_s = 10\nload.profile = "sub/p.csv"\n'
    )
    scenario = load_scenario(path)
    assert [entry.time_s for entry in scenario.entries] == [10.0, 10.0, 20.5]
    assert scenario.entries[0].changes == {"load.amps": 3.0, "fault.i2c.0x40": "nack"}
    assert scenario.entries[1].changes["load.profile"].path == str(tmp_path / "sub" / "p.csv")
    assert scenario.entries[2].changes == {"supply.on": False, "supply.volts": 12.0}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[[at]\n", "no TOML"),
        ("speed = 5\n", "speed is not expected"),
        ("at = 5\n", r"\[\[at\]\]"),
        ("[[at]]\nload.amps = 1\n", "entry 1: time_s is missing"),
        ("[[at]]\ntime_s = -1\n", "entry 1: time_s = -1 is refused"),
        ('[[at]]\ntime_s = "5"\n', "entry 1: time_s = '5' is refused"),
        ("[[at]]\ntime_s = true\n", "time_s = True"),
        ("[[at]]\ntime_s = nan\n", "time_s = nan"),
        (
            "[[at]]\ntime_s = 1\n[[at]]\ntime_s = 2\nsupply.volts = 99\n",
            r"entry 2: supply\.volts = 99 is refused: allowed is 0\.\.60 V",
        ),
        ("[[at]]\ntime_s = 1\nsuply.on = 1\n", r"entry 1: suply\.on is no key"),
        ('[[at]]\ntime_s = 1\nbattery.replay = "no.csv"\n', r"entry 1: .*no\.csv cannot be read"),
    ],
)
def test_a_bad_scenario_is_named_with_entry_key_value_and_range(tmp_path, text, expected):
    path = tmp_path / "s.toml"
    path.write_text(text)
    with pytest.raises(DataError, match=expected) as caught:
        load_scenario(path)
    assert str(path) in str(caught.value)


def test_a_missing_or_binary_file_is_one_sentence(tmp_path):
    with pytest.raises(DataError, match="cannot be read"):
        load_scenario(tmp_path / "none.toml")
    (tmp_path / "b.toml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(DataError, match="no TOML"):
        load_scenario(tmp_path / "b.toml")
