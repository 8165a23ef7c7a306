"""A load that follows the battery on a joined source: K1 stays on, whatever its coil says."""

from __future__ import annotations

import pytest
from core_scenes import blamed, joined, lie, start, step_context, supply
from station import Station

from btrmd.core.machines.beside import Beside, step_beside
from btrmd.hal.sim.keys import set_keys
from btrmd.model.commands import StopTest

AT = {"battery_v": 12.8, "load_v": 12.77, "supply_v": 13.6, "charger_a": None}


def seen(
    beside: Beside | None, *, k1: bool = False, single: bool = True, guard: bool | None = False,
    volts: int = 12, **put: object,
) -> tuple[Beside | None, bool]:  # fmt: skip
    scaled = {
        name: value * volts / 12 if isinstance(value, float) else value
        for name, value in {**AT, **put}.items()
    }
    changes: dict[str, object] = {"system.single_source": single}
    ctx = step_context(volts=volts, guard=guard, changes=changes, **scaled)  # type: ignore[arg-type]
    return step_beside(beside, k1, ctx)


@pytest.mark.parametrize("volts", [12, 48])
def test_it_follows_where_both_have_moved_alike(volts: int) -> None:
    first, follows = seen(None, volts=volts)
    assert first is not None
    assert not follows
    near, follows = seen(first, volts=volts, battery_v=12.845, load_v=12.815)
    assert near == first._replace(last_v=pytest.approx(12.845 * volts / 12))
    assert not follows, "not far enough"
    for load_v, is_so in ((12.816, True), (12.814, False), (12.854, True), (12.856, False)):
        was = first._replace(last_v=12.83 * volts / 12)
        made, follows = seen(was, volts=volts, battery_v=12.865, load_v=load_v)
        assert follows is is_so, load_v
        assert made is not None
        assert (made.load_v == first.load_v) is is_so, "else it is begun anew"
    # all three move with a source that does; sensors read it far from the load
    for supply_v, is_so in ((13.615, True), (13.625, False), (13.575, False)):
        was = first._replace(last_v=12.83 * volts / 12)
        put = {"battery_v": 12.865, "load_v": 12.835, "supply_v": supply_v}
        assert seen(was, volts=volts, **put)[1] is is_so, supply_v
    fallen, follows = seen(first, volts=volts, battery_v=12.77, load_v=12.74)
    assert not follows
    assert fallen is not None
    assert seen(fallen, volts=volts, battery_v=12.73, load_v=12.70)[1], "or fallen alike"
    # in one scan the source itself takes both along
    jumped, follows = seen(first, volts=volts, battery_v=12.87, load_v=12.84)
    assert not follows
    assert jumped is not None
    assert jumped.battery_v == pytest.approx(12.87 * volts / 12)


def test_it_is_asked_of_a_load_beside_the_battery_and_far_from_the_source_alone() -> None:
    assert seen(None)[0] is not None
    for put in (
        {"k1": True}, {"single": False}, {"guard": True}, {"guard": None}, {"supply_v": None},
        {"load_v": None}, {"battery_v": None}, {"supply_v": 13.11}, {"battery_v": 13.03},
        {"battery_v": 12.51},
    ):  # fmt: skip
        assert seen(Beside(12.7, 12.67, 13.6, 12.78), **put) == (None, False), put  # type: ignore[arg-type]
    for put in ({"supply_v": 13.13}, {"battery_v": 13.01}, {"battery_v": 12.53}):
        assert seen(None, **put)[0] is not None, put  # type: ignore[arg-type]


def welded(station: Station, where: str) -> Station:
    """K1 stays on at the end of a test, or of an outage."""
    if where == "test":
        start(station, "1")
        assert station.until(lambda s: s.state.test.k1, 100.0)
    else:
        supply(station, False)
    station.run(100.0)
    set_keys(station.plant, {"fault.relay.k1": "welded"})
    station.run(150.0)
    if where == "test":
        station.ask(StopTest("test"))
    else:
        supply(station, True)
    return station


@pytest.mark.parametrize("where", ["test", "outage"])
@pytest.mark.parametrize(
    ("volts", "rated_ah", "load_a"), [(12, 17.0, 5.0), (24, 40.0, 2.0), (48, 100.0, 8.0)]
)
def test_a_k1_that_stays_on_a_joined_source_is_found_while_the_battery_is_charged(
    volts: int, rated_ah: float, load_a: float, where: str
) -> None:
    """Load and supply readings were doubted until the battery was full, and then nobody."""
    station = welded(joined(volts, load_a=load_a, rated_ah=rated_ah), where)
    assert station.until(lambda s: "relay.k1" in blamed(s), 130.0)
    assert station.plant.dropped_s == 0.0


@pytest.mark.parametrize(("volts", "rated_ah"), [(12, 17.0), (48, 40.0)])
def test_with_ups_mode_off_k3_leaves_the_load_its_battery_where_k1_stays_on(
    volts: int, rated_ah: float
) -> None:
    """The currents alone proved it on the supply; K3 took its battery, and the guard closed every
    10 s on a bus that nobody fed."""
    station = welded(
        joined(volts, load_a=2.0, rated_ah=rated_ah, ups__enabled=False, lvd__enabled=True), "test"
    )
    assert station.until(lambda s: "relay.k1" in blamed(s), 130.0)
    station.run(300.0)
    assert station.kinds("guard.active") == []
    assert "supply.weak" not in station.state.alarms.keys
    assert station.plant.sense().load_v > 12.0 * volts / 12


@pytest.mark.parametrize("text", ["-0.6", "hold", "x0.95"])
@pytest.mark.parametrize("volts", [12, 48])
def test_a_load_reading_that_lies_beside_a_charged_battery_blames_no_k1(
    volts: int, text: str
) -> None:
    station = joined(volts, load_a=5.0, rated_ah=17.0)
    supply(station, False)
    station.run(200.0)
    if text == "hold":
        lie(station, "load.voltage", text)
    supply(station, True)
    if text != "hold":
        station.run(30.0)
        lie(station, "load.voltage", text if text[0] == "x" else f"{float(text) * volts / 12:g}")
    station.run(900.0)
    assert "raise" not in station.kinds("relay.k1")
