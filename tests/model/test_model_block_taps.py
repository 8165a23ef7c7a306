"""Taps between blocks: which may be set, and what is refused with which words."""

from __future__ import annotations

import pytest

from btrmd.model.block_taps import block_volts, check_tap_volts
from btrmd.model.errors import SettingError
from btrmd.model.settings import Settings
from btrmd.model.site import Site


def bank(volts: int = 48) -> Settings:
    return Settings.defaults(Site(model="400")).with_changes({"system.voltage": volts})


@pytest.mark.parametrize(
    ("volts", "changes", "key", "words"),
    [
        (48, {"block.tap1": "ch2", "block.tap3": "ch2"}, "block.tap3", "other than block.tap1"),
        (24, {"block.tap2": "ch3"}, "block.tap2", "none at 24 V: its blocks have no such tap"),
        (12, {"block.tap1": "ch2"}, "block.tap1", "none at 12 V"),
        (48, {"block.tap1": "ch2", "io2.config": 1}, "block.tap1", "while io2.config is 1"),
        (48, {"block.tap1": "ch1"}, "block.tap1", "none, ch2, ch3 or ch4"),
        (
            48, {"block.tap1": "none", "block.tap2": "ch3", "block.tap3": "ch4"}, "block.tap1",
            "a channel while block.tap2 is ch3: taps have no gap",
        ),
        (
            48, {"block.tap1": "ch2", "block.tap2": "none", "block.tap3": "ch4"}, "block.tap2",
            "a channel while block.tap3 is ch4",
        ),
        (48, {"block.tap2": "ch3"}, "block.tap2", "none while block.tap1 is none"),
        (36, {"block.tap2": "ch3"}, "block.tap2", "none while block.tap1 is none"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused_at_its_field(
    volts: int, changes: dict[str, object], key: str, words: str
) -> None:
    with pytest.raises(SettingError) as refused:
        bank(volts).with_changes(changes)
    assert refused.value.key == key
    assert words in str(refused.value)


def test_a_tap_below_others_is_not_taken_out() -> None:
    settings = bank().with_changes({"block.tap1": "ch2", "block.tap2": "ch3"})
    with pytest.raises(SettingError) as refused:
        settings.with_changes({"block.tap1": "none"})
    assert refused.value.key == "block.tap1"
    assert settings.with_changes({"block.tap2": "none"})["block.tap1"] == "ch2"
    none = dict.fromkeys(("block.tap1", "block.tap2"), "none")
    assert settings.with_changes(none)["block.tap2"] == "none"


def test_a_tap_makes_its_channel_no_digital_one() -> None:
    settings = bank().with_changes({"block.tap1": "ch2"})
    with pytest.raises(SettingError) as refused:
        settings.with_changes({"io2.config": 1})
    assert refused.value.key == "io2.config"


def test_a_smaller_bank_lets_go_of_the_taps_it_has_not() -> None:
    taps = {"block.tap1": "ch2", "block.tap2": "ch3", "block.tap3": "ch4"}
    smaller = bank().with_changes(taps).with_changes({"system.voltage": 24})
    assert [smaller[key] for key in taps] == ["ch2", "none", "none"]


@pytest.mark.parametrize(
    ("volts", "wrong"),
    [
        ({"ch2": 13.0, "ch3": 26.0, "ch4": 39.0}, None),
        ({"ch2": 0.0, "ch3": 0.0, "ch4": 0.0}, None),  # the wires are still to come
        ({"ch2": 26.0, "ch3": 13.0, "ch4": 39.0}, "block.tap2"),
        ({"ch2": 13.0, "ch3": 13.1, "ch4": 39.0}, "block.tap2"),
        ({"ch2": 13.0, "ch3": 26.0, "ch4": 52.0}, "block.tap3"),
        ({"ch2": 13.0, "ch3": 26.0, "ch4": 58.0}, "block.tap3"),
    ],
)
def test_the_voltages_tell_of_a_wrong_wire(volts: dict[str, float], wrong: str | None) -> None:
    found = check_tap_volts(("ch2", "ch3", "ch4"), volts, 52.0)
    assert (found and found[0]) == wrong


def test_a_block_has_a_tap_at_both_ends() -> None:
    found = block_volts(("ch2", "none", "ch4"), {"ch2": 13.0, "ch4": 39.5}, 52.0)
    assert found == (13.0, None, None, 12.5)
