"""The simulation's keys: the promised ones exist, take text, refuse in one sentence."""

from __future__ import annotations

import pytest

from btrmd.hal.sim.keys import KEYS, check_keys, set_key, set_keys
from btrmd.hal.sim.plant import Plant
from btrmd.hal.sim.truth import truth as truth_of
from btrmd.model.errors import SettingError

# DESIGN section 7, typed by hand
PROMISED = {
    "supply.on",
    "supply.volts",
    "charger.on",
    "load.amps",
    "load.profile",
    "battery.rated_ah",
    "battery.soh",
    "battery.soc",
    "battery.fuse",
    "battery.replay",
    "temperature.c",
    "ch1.volts",
    "ch2.volts",
    "ch3.volts",
    "ch4.volts",
    "button.pb1",
    "button.pb2",
    "wiring.load_bypass",
    "noise",
    "fault.i2c.0x40",
    "fault.i2c.0x41",
    "fault.i2c.0x44",
    "fault.i2c.0x45",
    "fault.i2c.0x48",
    "fault.i2c.0x49",
    "fault.i2c.0x4a",
    "fault.relay.k1",
    "fault.relay.k2",
    "fault.relay.k3",
    "fault.owner",
    # section 8b
    "supply.ohms",
    "supply.limit_a",
    "load.inrush",
    "battery.block1.soh",
    "battery.block2.soh",
    "battery.block3.soh",
    "battery.block4.soh",
    "battery.block1.shorted_cells",
    "battery.block2.shorted_cells",
    "battery.block3.shorted_cells",
    "battery.block4.shorted_cells",
    "fault.reading.battery.voltage",
    "fault.reading.battery.current",
    "fault.reading.load.voltage",
    "fault.reading.load.current",
    "fault.reading.charger.voltage",
    "fault.reading.charger.current",
    "fault.reading.supply.voltage",
    "fault.reading.supply.current",
    "fault.reading.system.temperature",
    "fault.reading.io1.voltage",
    "fault.reading.io2.voltage",
    "fault.reading.io3.voltage",
    "fault.reading.io4.voltage",
    "fault.guard",
    "fault.batt_path",
}


def test_all_promised_keys_exist_and_one_more():
    assert set(KEYS) == PROMISED | {"battery.blocks"}


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("supply.on", "maybe"),
        ("supply.on", 2),
        ("supply.volts", "61"),
        ("supply.volts", "-1"),
        ("supply.volts", "nan"),
        ("supply.volts", True),
        ("supply.volts", "1e999"),
        ("supply.volts", ""),
        ("load.amps", 26),
        ("battery.rated_ah", 0),
        ("battery.soh", 0.01),
        ("battery.soc", 1.1),
        ("battery.blocks", 2.5),
        ("battery.blocks", 5),
        ("temperature.c", 91),
        ("ch3.volts", 60.5),
        ("button.pb1", -1),
        ("wiring.load_bypass", 1.5),
        ("noise", []),
        ("fault.i2c.0x40", "dead"),
        ("fault.relay.k1", "stuck"),
        ("supply.ohms", "-0.1"),
        ("supply.ohms", 10.1),
        ("supply.ohms", "none"),
        ("supply.limit_a", "-1"),
        ("supply.limit_a", 101),
        ("supply.limit_a", "inf"),
        ("load.inrush", 0.9),
        ("load.inrush", 21),
        ("battery.block1.soh", 0),
        ("battery.block4.shorted_cells", 7),
        ("battery.block4.shorted_cells", 1.5),
        ("fault.guard", "active"),
        ("fault.batt_path", 1),
        *(
            ("fault.reading.battery.voltage", lie)
            for lie in (
                "stuck",
                "x",
                "x11",
                "0.78",
                "1",
                "+",
                "+-1",
                "--1",
                "+1001",
                "+nan",
                "drift",
                "drift:",
                "drift:1001",
                "noise:-1",
                "noise:inf",
                "noise:x",
                "x 1",
                "",
                True,
            )
        ),
        ("fault.owner", "crash"),
    ],
)
def test_a_refusal_names_key_value_and_range_and_changes_nothing(plant, key, value):
    before = truth_of(plant)
    with pytest.raises(SettingError) as caught:
        set_keys(plant, {"load.amps": 7, key: value, "noise": 1} | {key: value})
    error = caught.value
    assert (error.key, error.value, error.allowed) == (key, value, KEYS[key].allowed)
    assert key in str(error)
    assert repr(value) in str(error)
    assert error.allowed in str(error)
    assert truth_of(plant) == before
    assert not plant.noise


def test_an_unknown_key_names_the_known_ones(plant):
    with pytest.raises(SettingError, match=r"supply\.volt is no key .*supply\.volts"):
        set_key(plant, "supply.volt", 12)


@pytest.mark.parametrize("text", ["off", "0", "false", "No", 0, False])
def test_a_switch_takes_many_words(plant, text):
    set_key(plant, "supply.on", text)
    assert not plant.supply.on
    set_key(plant, "supply.on", "on")
    assert plant.supply.on


def test_each_key_moves_its_part(run, plant):
    set_keys(
        plant,
        {
            "Supply.Volts": "13.0", "load.amps": "3.5", "battery.rated_ah": "40",
            "battery.soh": "0.8", "battery.soc": "0.5", "temperature.c": "-5",
            "ch1.volts": "1.5", "ch4.volts": "48", "charger.on": "off",
            "fault.i2c.0x4A": "nack", "fault.relay.k2": "welded", "fault.owner": "hang",
        },
    )  # fmt: skip
    run(plant, 1)
    sense = plant.sense()
    assert sense.supply_v == pytest.approx(13.0, abs=0.03)
    assert sense.load_a == 3.5
    assert sense.io_v == (1.5, 0.0, 0.0, 48.0)
    assert sense.temperature_c == -5.0
    assert truth_of(plant)["battery"]["soc"] == pytest.approx(0.5, abs=0.001)
    assert truth_of(plant)["battery"]["soh"] == 0.8
    assert plant.battery.rated_ah == 40.0
    assert plant.i2c_faults == {0x4A: "nack"}
    assert plant.relay_faults["k2"] == "welded"
    assert plant.owner_hang
    set_keys(plant, {"fault.i2c.0x4a": "off", "fault.owner": 0})
    assert plant.i2c_faults == {}
    assert not plant.owner_hang


def test_an_output_pulls_its_terminal_low(plant):
    set_keys(plant, {"ch1.volts": 12, "ch2.volts": 12})
    plant.set_output("ch1", True)
    assert plant.sense().io_v[:2] == (0.1, 12.0)
    plant.set_output("ch1", False)
    assert plant.sense().io_v[0] == 12.0


def test_another_bank_scales_the_sources_before_they_are_set(run, plant):
    set_keys(plant, {"supply.volts": 26.0, "battery.blocks": 2})
    run(plant, 1)
    assert plant.sense().supply_v == pytest.approx(26.0, abs=0.02)
    assert plant.sense().battery_v == pytest.approx(27.04, abs=0.1)
    set_keys(plant, {"battery.blocks": 4})
    run(plant, 1)
    assert plant.sense().supply_v == pytest.approx(52.0, abs=0.02)
    assert plant.dropped_s == 0.0


def test_checking_alone_changes_nothing(plant):
    checked = check_keys({"load.amps": "9", "battery.blocks": 2})
    assert list(checked) == ["battery.blocks", "load.amps"]  # the order of applying
    assert plant.load.amps == 2.0


@pytest.mark.parametrize("key", ["load.profile", "battery.replay"])
@pytest.mark.parametrize("path", ["\0", "a\0b.csv", "\ud800.csv"])
def test_what_no_file_can_be_called_is_refused_as_such(plant: Plant, key: str, path: str) -> None:
    with pytest.raises(SettingError, match=f"^{key} = .* is refused: allowed is the path of a CSV"):
        set_keys(plant, {"load.amps": 7, key: path})
    assert plant.load.amps != 7, "all or none"


@pytest.mark.parametrize("again", ["SUPPLY.OHMS", " supply.ohms", "Supply.Ohms"])
def test_a_key_is_given_once_however_it_is_written(plant: Plant, again: str) -> None:
    before = plant.supply.ohms
    with pytest.raises(SettingError, match=r"^supply\.ohms is given twice\.$"):
        set_keys(plant, {"supply.ohms": 1, again: 2})
    assert plant.supply.ohms == before
