"""A reading that was not believed is believed again: by whom, and when nobody can vouch for it."""

from __future__ import annotations

import pytest
from core_scenes import bad_readings, lie, rested, sentences, supply

from btrmd.hal.sim.keys import set_keys


@pytest.mark.parametrize("text", ["drift:-20", "-1.5"])
def test_a_reading_that_was_mended_while_nothing_flowed_has_its_say_again(text: str) -> None:
    """Nobody could vouch for it: the LVD opened on the load's reading alone, which lied."""
    station = rested(load_a=4.0, rated_ah=3.0, lvd__enabled=True)
    lie(station, "battery.voltage", "+1.5")
    station.run(30.0)
    set_keys(station.plant, {"charger.on": "0"})
    station.run(60.0)
    assert bad_readings(station) == ["reading.battery.voltage"]
    lie(station, "battery.voltage", "off")
    station.run(2.0)
    assert bad_readings(station) == []
    lie(station, "load.voltage", text)
    station.run(90.0)
    supply(station, False)
    assert station.until(lambda s: s.state.lvd.is_open, 9000.0)
    assert "LVD opened: the battery is at 10.4" in " ".join(sentences(station))
