"""What feeds the load: told from the currents, the same for picture, pre-check and protocols."""

from __future__ import annotations

import pytest
from core_scenes import VOLTS, Bench, rested, start, supply

from btrmd.core.publish import points
from btrmd.core.scan.load_source import load_source
from btrmd.model.board import Outputs

HAT_A = 4.0 / 13.6  # what the unit takes


def reported(outputs: Outputs = Outputs(), volts: int = 12, **channels: object) -> str | None:  # noqa: B008
    """The source of a load of 5 A; volts are a block's."""
    bench = Bench(volts=volts)
    bench.load_a = 5.0
    bench.put(**channels)
    return load_source(bench.scan(), outputs, bench.state.setpoints, is_misfit=False)


@pytest.mark.parametrize("volts", VOLTS)
@pytest.mark.parametrize(
    ("source", "channels"),
    [
        ("supply", {"supply_a": 5.2, "charger_a": 0.0, "battery_a": 0.0}),
        # bulk charging beside the load
        ("supply", {"supply_a": 5.2, "charger_a": 2.5, "battery_a": 2.5}),
        ("battery", {"supply_a": 0.0, "charger_a": 0.0, "battery_a": -5.3}),
        ("charger", {"supply_a": 0.0, "charger_a": 7.0, "battery_a": 1.7}),
        ("shared", {"supply_a": 2.5, "charger_a": 0.0, "battery_a": -2.5}),
        ("none", {"load_v": 0.0, "load_a": 0.0, "supply_a": 0.0, "battery_a": 0.0}),
        # a dead bus with noise on it: no source, whatever the guard closes
        ("none", {"load_v": 0.1, "load_a": -0.01, "guard": True, "supply_a": 0.0}),
        (None, {"battery_a": None, "load_v": None}),
    ],
)
def test_the_currents_tell(source: str | None, channels: dict[str, object], volts: int) -> None:
    assert reported(volts=volts, **channels) == source


def test_a_welded_contact_does_not_lie() -> None:
    """The coil says battery, the current comes from the supply."""
    coils = Outputs(k1=True)
    assert reported(coils, supply_a=5.2, charger_a=0.0, battery_a=0.0) == "supply"


@pytest.mark.parametrize(
    ("source", "coils", "channels"),
    [
        ("supply", Outputs(), {}),
        ("battery", Outputs(k1=True), {}),
        (None, Outputs(k1=True, k3=True), {"guard": False}),
        ("battery", Outputs(), {"guard": True, "supply_v": 0.0}),
        ("supply", Outputs(), {"guard": True}),
        (None, Outputs(), {"guard": True, "supply_v": None}),
    ],
)
def test_a_load_too_small_for_the_currents_is_told_by_the_contacts(
    source: str | None, coils: Outputs, channels: dict[str, object]
) -> None:
    assert (
        reported(coils, load_a=0.05, supply_a=0.0, battery_a=0.0, charger_a=0.0, **channels)
        == source
    )


@pytest.mark.parametrize("volts", [12, 48])
def test_the_plant_agrees_in_rest_test_and_outage(volts: int) -> None:
    station = rested(volts, rated_ah=40.0, load_a=3.0)

    def source() -> object:
        return points(station.state, station.read(), {}, station.now)["load.source"].value

    assert source() == "supply"
    start(station)
    station.run(60.0)
    assert source() == "battery"
    supply(station, False)
    station.run(60.0)
    assert source() == "battery"
    supply(station, True)
    assert station.until(lambda s: s.state.outage.record is None, 600.0)
    station.run(30.0)
    assert source() == "supply"
