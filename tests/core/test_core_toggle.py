"""A load that goes to and fro between source and battery on a joined source: K1 chatters."""

from __future__ import annotations

import pytest
from core_scenes import blamed, joined, lie, phase, start, step_context, supply
from station import Station

from btrmd.core.machines.toggle import MOVES, Toggle, step_toggle
from btrmd.hal.sim.keys import set_keys
from btrmd.model.commands import AckAlarm, StopTest

AT = {"battery_v": 12.8, "supply_v": 13.6, "charger_a": None}
AT_BATTERY, AT_SUPPLY = 12.77, 13.57


def seen(
    toggle: Toggle | None, load_v: float | None, *, at: float = 1000.0, volts: int = 12,
    guard: bool | None = False, single: bool = True, moved: bool = False, **put: float | None,
) -> tuple[Toggle | None, bool]:  # fmt: skip
    scaled = {
        name: value if value is None else value * volts / 12
        for name, value in {**AT, "load_v": load_v, **put}.items()
    }
    changes: dict[str, object] = {"system.single_source": single}
    ctx = step_context(volts=volts, guard=guard, changes=changes, **scaled)  # type: ignore[arg-type]
    inputs = ctx.inputs._replace(guard_moved=moved)
    ctx.now, ctx.inputs = at, inputs
    return step_toggle(toggle, ctx)


@pytest.mark.parametrize("volts", [12, 48])
def test_three_moves_in_a_row_are_nobody_elses(volts: int) -> None:
    toggle, toggles = seen(None, AT_SUPPLY, volts=volts)
    assert (toggle, toggles) == (Toggle(False, 1000.0), False)
    for n, load_v in enumerate((AT_BATTERY, AT_SUPPLY), start=1):
        toggle, toggles = seen(toggle, load_v, at=1000.0 + n, volts=volts)
        assert (toggle, toggles) == (Toggle(n == 1, 1000.0 + n, n), False)
    toggle, toggles = seen(toggle, AT_BATTERY, at=1003.0, volts=volts)
    assert toggle == Toggle(True, 1003.0, MOVES)
    assert toggles
    assert seen(toggle, AT_BATTERY, at=1008.0, volts=volts) == (toggle, True), "a rest of 5 s"
    assert seen(toggle, AT_SUPPLY, at=1008.0, volts=volts)[1]
    for load_v in (AT_BATTERY, AT_SUPPLY):
        rested = seen(toggle, load_v, at=1008.1, volts=volts)
        assert rested == (Toggle(load_v == AT_BATTERY, 1008.1), False), "... and it is over"


def test_a_load_that_is_at_neither_begins_anew() -> None:
    """So does a reading that is noisy, and one of a battery that has its source's volts."""
    toggle = Toggle(False, 999.0, 2)
    assert seen(toggle, AT_BATTERY)[1]
    for put in (
        {"load_v": 13.2}, {"load_v": 12.5}, {"load_v": 13.9}, {"load_v": None},
        {"battery_v": 13.3}, {"battery_v": None}, {"supply_v": 13.1}, {"supply_v": None},
        {"guard": True}, {"guard": None}, {"moved": True}, {"single": False},
    ):  # fmt: skip
        assert seen(toggle, **{"load_v": AT_BATTERY, **put}) == (None, False), put  # type: ignore[arg-type]
    # the borders: a quarter of a volt a block beside the one, more than 0.35 V from the other
    for load_v, is_one in ((13.04, True), (13.06, False), (12.56, True), (12.54, False)):
        assert (seen(None, load_v)[0] is not None) is is_one, load_v
    for load_v, is_one in ((13.36, True), (13.34, False), (13.84, True), (13.86, False)):
        assert (seen(None, load_v)[0] is not None) is is_one, load_v
    assert seen(None, 12.9, supply_v=13.26)[0] is not None
    assert seen(None, 12.9, supply_v=13.24)[0] is None
    assert seen(None, 13.5, battery_v=13.14)[0] is not None
    assert seen(None, 13.5, battery_v=13.16)[0] is None


def charging(volts: int, rated_ah: float, load_a: float, dt: float, **site: object) -> Station:
    """A joined source charges the battery after an outage."""
    station = joined(volts, load_a=load_a, rated_ah=rated_ah, **site)
    station.plant.noise = True
    station.plant.touch()
    supply(station, False)
    station.run(300.0)
    supply(station, True)
    station.run(40.0)
    station.dt = dt
    return station


@pytest.mark.parametrize("dt", [0.1, 1.0])
@pytest.mark.parametrize(("volts", "rated_ah", "load_a"), [(12, 17.0, 3.0), (48, 40.0, 4.0)])
def test_a_k1_that_chatters_on_a_joined_source_is_found_while_the_battery_is_charged(
    volts: int, rated_ah: float, load_a: float, dt: float
) -> None:
    """Load and supply were doubted, and no relay named."""
    station = charging(volts, rated_ah, load_a, dt)
    set_keys(station.plant, {"fault.relay.k1": "chatter"})
    assert station.until(lambda s: "relay.k1" in blamed(s), 25.0)
    assert station.plant.dropped_s == 0.0
    set_keys(station.plant, {"fault.relay.k1": "off"})
    station.run(60.0)
    station.ask(AckAlarm("relay.k1", "x"))
    station.run(30.0)
    assert blamed(station) == []


@pytest.mark.parametrize("text", ["noise:0.5", "noise:1", "noise:2", "hold", "-0.8", "drift:-60"])
def test_a_load_reading_that_lies_beside_a_charged_battery_blames_no_k1(text: str) -> None:
    station = charging(12, 17.0, 3.0, 0.2)
    lie(station, "load.voltage", text)
    station.run(240.0)
    assert "raise" not in station.kinds("relay.k1")


@pytest.mark.parametrize("point", ["battery.voltage", "supply.voltage"])
@pytest.mark.parametrize("text", ["noise:1", "noise:2"])
def test_a_noisy_reading_at_either_end_blames_no_k1(point: str, text: str) -> None:
    station = charging(12, 17.0, 3.0, 0.2)
    lie(station, point, text)
    station.run(240.0)
    assert "raise" not in station.kinds("relay.k1")


def test_a_test_and_its_end_are_no_chatter() -> None:
    station = joined(load_a=3.0)
    for _ in range(3):
        start(station, "1")
        station.run(20.0)
        station.ask(StopTest("test"))
        assert station.until(lambda s: phase(s) == "idle", 120.0)
    assert "raise" not in station.kinds("relay.k1")
