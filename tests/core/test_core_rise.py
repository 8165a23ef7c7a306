"""Rise: no voltage rises while the battery gives; in each scan, and in whole outages."""

from __future__ import annotations

import pytest
from core_scenes import blamed, joined, lie, supply
from station import Station

from btrmd.core.machines.rise import NOT_ASKED, Rise, step_rise
from btrmd.core.scan.relations import BATTERY, LOAD

CHARGER_V = SUPPLY_V = 13.6
SYSTEM_V = (12, 48)
BOTH = ["reading.battery.voltage", "reading.load.voltage"]


def scan(
    was: Rise, battery_v: float | None, load_v: float | None, battery_a: float | None, *,
    feeds: bool = True, blocks: int = 1, dt: float = 1.0,
    before: tuple[float | None, float | None] = (None, None),
) -> tuple[Rise, int | None]:  # fmt: skip
    volts, earlier = (
        tuple(None if v is None else v * blocks for v in (*ends, CHARGER_V, SUPPLY_V))
        for ends in ((battery_v, load_v), before)
    )
    return step_rise(was, earlier, volts, battery_a, feeds, 12.6 * blocks, blocks, dt)


def risen(was: Rise, battery_v: float, load_v: float, battery_a: float, **how: object) -> str:
    """The letter of the one that has risen."""
    end = scan(was, battery_v, load_v, battery_a, **how)[1]  # type: ignore[arg-type]
    return {BATTERY: "B", LOAD: "L", None: ""}[end]


def after(*scans: tuple[float, float, float], **how: object) -> Rise:
    """What is remembered of scans of battery and load, V, and the battery's current, A."""
    rise = NOT_ASKED
    for battery_v, load_v, amps in scans:
        rise = scan(rise, battery_v, load_v, amps, **how)[0]  # type: ignore[arg-type]
    return rise


@pytest.mark.parametrize("blocks", [1, 2, 3, 4])
def test_where_the_battery_begins_to_give_nothing_rises(blocks: int) -> None:
    rest = Rise(13.5 * blocks, 13.6 * blocks)
    assert scan(NOT_ASKED, 13.5, 13.6, 0.02, blocks=blocks) == (rest, None)
    for battery_v, load_v, ends in (
        (12.9, 12.87, ""), (13.74, 12.9, ""), (13.76, 12.9, "B"), (12.9, 13.84, ""),
        (12.9, 13.86, "L"), (10.0, 8.0, ""),
        # both: it is the battery
        (15.0, 15.1, ""), (13.76, 13.71, ""), (13.76, 13.69, "B"),
    ):  # fmt: skip
        assert risen(rest, battery_v, load_v, -2.0, blocks=blocks) == ends, (battery_v, load_v)


def test_a_battery_that_gives_only_what_sensors_are_off_by_rests() -> None:
    rest = after((13.0, 13.6, 0.0))
    assert risen(rest, 13.5, 13.6, -0.05) == ""
    assert risen(rest, 13.5, 13.6, -0.06) == "B"
    assert scan(rest, 13.5, 13.6, -0.05)[0] == Rise(13.5, 13.6)


def test_a_load_that_was_below_every_battery_may_come_up_to_one() -> None:
    for load_v, known in ((12.59, None), (12.6, 12.6), (0.0, None)):
        assert scan(NOT_ASKED, 13.4, load_v, 0.0)[0].load_v == known
    assert risen(after((13.4, 11.0, 0.0)), 12.7, 12.65, -2.0) == ""


def test_while_it_gives_no_less_than_before_nothing_rises_above_the_least() -> None:
    scans = [(13.5, 13.6, 0.0), (12.3, 12.2, -2.0), *[(12.5, 12.45, -2.0)] * 3]
    rise = after(*scans)
    assert (rise.battery_v, rise.load_v) == (12.5, 12.45), "of the first dip nothing is kept"
    assert risen(rise, 12.74, 12.45, -2.0) == ""
    assert risen(rise, 12.5, 12.69, -2.0) == ""
    assert risen(rise, 12.76, 12.45, -2.0) == "B"
    assert risen(rise, 12.5, 12.71, -2.0) == "L"
    assert risen(rise, 12.76, 12.54, -2.0, dt=2.0) == "B"
    assert scan(rise, 12.61, 12.56, -2.0) == (NOT_ASKED, None)
    low = rise._replace(battery_v=12.1)
    back, end = scan(low, 12.5, 12.41, -2.0)
    assert (end, back.battery_v, back.load_v) == (None, 12.5, 12.41), "it had read too little"
    assert risen(low, 12.5, 12.39, -2.0) == "B"
    assert risen(low, 12.4, 12.51, -2.0) == "B"
    assert risen(low._replace(seconds=1.9), 12.5, 12.45, -2.0) == "B", "between two sources"
    lower = scan(rise, 12.4, 12.5, -2.0)[0]
    assert (lower.battery_v, lower.load_v, lower.most_a, lower.seconds) == (12.4, 12.45, 2.0, 5.0)


@pytest.mark.parametrize("blocks", [1, 4])
def test_where_both_rise_in_one_scan_it_is_another_battery_though_the_bus_has_not_settled(
    blocks: int,
) -> None:
    rise = Rise(11.07 * blocks, None, 2.4, 1.2)
    assert risen(rise, 11.43, 9.25, -2.4, blocks=blocks) == "B"
    for before, ends in (((10.88, 8.7), ""), ((11.34, 8.7), "B"), ((10.88, 9.16), "B")):
        made = risen(rise, 11.43, 9.25, -2.4, blocks=blocks, before=before)
        assert made == ends, before
    swapped = scan(rise, 11.43, 9.25, -2.4, blocks=blocks, before=(11.32, 9.14))
    assert swapped == (NOT_ASKED, None)


def test_after_it_has_given_less_nothing_is_asked_before_it_has_rested() -> None:
    rise = after((13.5, 13.6, 0.0), *[(12.5, 12.45, -2.0)] * 5)
    assert scan(rise, 12.5, 12.45, -1.71)[0] != NOT_ASKED, "0.1 A and a tenth"
    recovers = scan(rise, 12.5, 12.45, -1.69)[0]
    assert recovers == NOT_ASKED
    assert scan(recovers, 12.9, 12.8, -2.0) == (NOT_ASKED, None)
    assert scan(recovers, 12.9, 13.6, 0.0)[0] == Rise(12.9, 13.6)
    # what it has given most counts
    more = scan(rise, 12.3, 12.2, -4.0)[0]
    assert scan(more, 12.3, 12.2, -3.0)[0] == NOT_ASKED


@pytest.mark.parametrize(
    ("battery_v", "load_v", "amps", "dt"),
    [(None, 12.4, -2.0, 1.0), (12.4, None, -2.0, 1.0), (12.4, 12.4, None, 1.0),
     (15.0, 15.0, -2.0, 2.1)],
)  # fmt: skip
def test_what_is_not_known_or_long_ago_says_nothing(
    battery_v: float | None, load_v: float | None, amps: float | None, dt: float
) -> None:
    rest = Rise(13.5, 13.6)
    assert scan(rest, battery_v, load_v, amps, dt=dt) == (NOT_ASKED, None)


def test_a_load_on_the_supply_is_not_asked_though_this_unit_lives_on_the_battery() -> None:
    rise = after((13.5, 13.3, 0.0))
    unit = scan(rise, 13.4, 13.8, -0.3, feeds=False)
    assert unit == (Rise(13.5, 13.3, 0.3), None)
    assert scan(rise, 13.4, 13.2, -0.3, feeds=False)[0].load_v == 13.2
    # dead, or low: it comes up to the battery that takes it over
    assert scan(rise, 13.4, 0.0, -0.3, feeds=False)[0].load_v is None
    assert risen(scan(rise, 13.4, 0.0, -0.3, feeds=False)[0], 12.6, 12.5, -2.3) == ""
    later = after(*[(12.6, 12.5, -2.3)] * 4)
    assert later == NOT_ASKED
    rise = Rise(13.5, None)
    for _ in range(4):
        rise = scan(rise, 12.6, 12.5, -2.3)[0]
    assert rise.load_v == 12.5
    # the dead one of a switched-off load is no least
    assert scan(Rise(13.5, None, 0.3), 13.4, 0.0, -0.3, feeds=False)[0].load_v is None


# --- in whole outages -----------------------------------------------------------------------------


def site(volts: int, *, is_joined: bool = False) -> Station:
    station = joined(volts, is_joined=is_joined, load_a=2.0, rated_ah=17.0, lvd__enabled=True)
    station.plant.noise = True
    station.count_v, station.count_a = 0.0025, 0.001
    station.run(300.0)
    return station


def scaled(station: Station, text: str) -> str:
    """An offset or drift a block as one of the bank."""
    blocks = station.plant.blocks
    if text.startswith("drift:"):
        return f"drift:{float(text[6:]) * blocks:g}"
    return f"{float(text) * blocks:+g}" if text[0] in "+-" else text


@pytest.mark.parametrize(("volts", "is_joined"), [(12, True), (48, False)])
@pytest.mark.parametrize("text", ["+1.5", "x1.08", "drift:6", "drift:60"])
@pytest.mark.parametrize("point", ["battery.voltage", "load.voltage"])
def test_one_that_begins_to_read_too_high_with_the_outage_leaves_it_its_lvd(
    point: str, text: str, volts: int, is_joined: bool
) -> None:
    """It was not seen to jump: both were doubted, and the bank was emptied to 9 V a block."""
    station = site(volts, is_joined=is_joined)
    supply(station, False)
    lie(station, point, scaled(station, text))
    assert station.until(lambda s: blamed(s) == [f"reading.{point}"], 900.0)
    station.run(60.0)
    assert blamed(station) == [f"reading.{point}"]
    station.plant.battery.set_soc(0.1)  # type: ignore[union-attr]
    station.plant.touch()
    low_v = 10.2 * station.plant.blocks
    station.until(lambda s: s.state.lvd.is_open or s.plant.circuit.battery_v < low_v, 6000.0)
    assert station.state.lvd.is_open
    assert station.plant.dropped_s == 0.0


@pytest.mark.parametrize("volts", SYSTEM_V)
def test_a_load_that_steps_up_and_down_in_an_outage_has_nobody_named(volts: int) -> None:
    """The battery recovers by more than a quarter of a volt a block whenever it gives less."""
    station = site(volts)
    supply(station, False)
    for amps in (8.0, 0.5, 3.0, 8.0, 2.0, 8.0, 0.3) * 3:
        station.plant.load.hold(amps)
        station.plant.touch()
        station.run(120.0)
    assert blamed(station) == []
    supply(station, True)
    station.run(600.0)
    assert blamed(station) == []


def test_a_bank_that_was_changed_in_a_discharge_is_not_held_against_either() -> None:
    """Both had risen, and as the battery's reading began to drift the load's was named for it."""
    station = site(12)
    for soc in (0.05, 0.3):
        station.plant.battery.set_soc(soc)  # type: ignore[union-attr]
        station.plant.touch()
        supply(station, False)
        station.run(20.0)
    assert station.inputs.battery_v.value > 11.7
    lie(station, "battery.voltage", "drift:-60")
    station.run(120.0)
    assert "reading.load.voltage" not in blamed(station) or blamed(station) == BOTH
    assert not station.state.lvd.is_open
    assert station.plant.dropped_s == 0.0


def test_for_how_long_it_has_fed_the_load_is_counted_anew_each_time() -> None:
    rise = after((13.5, 13.6, 0.0), *[(12.5, 12.45, -2.0)] * 3)
    assert (rise.battery_v, rise.seconds) == (13.5, 3.0), "the bus has just settled"
    assert scan(rise, 12.5, 12.45, -2.0)[0].battery_v == 12.5
    assert scan(rise, 12.5, 13.6, -1.9, feeds=False)[0].seconds == 0.0


@pytest.mark.parametrize("volts", [12, 36])
@pytest.mark.parametrize(
    "points", [("battery.voltage", "load.voltage"), ("load.voltage", "battery.voltage")]
)
def test_one_that_was_mended_in_an_outage_is_not_named_for_the_next_one(
    points: tuple[str, str], volts: int
) -> None:
    """It had come up again by a third of a volt a block; then the other one drifted down, and the
    LVD opened on that."""
    first, then = points
    station = joined(volts, is_joined=False, load_a=2.0, rated_ah=7.0, lvd__enabled=True)
    station.plant.battery.set_soc(0.3)  # type: ignore[union-attr]
    supply(station, False)
    station.run(15.0)
    lie(station, first, scaled(station, "drift:-60"))
    station.run(23.0)
    lie(station, first, "off")
    station.run(1.0)
    lie(station, then, scaled(station, "drift:-60"))
    station.run(90.0)
    assert blamed(station) in ([f"reading.{then}"], BOTH)
    assert not station.state.lvd.is_open
    assert station.plant.dropped_s == 0.0


@pytest.mark.parametrize("after_s", [1.0, 2.0])
def test_a_bank_that_is_changed_as_an_outage_begins_is_not_named_for_a_load_that_lies(
    after_s: float,
) -> None:
    """Both readings rose by as much: the true one was named, as the load's had just come down."""
    station = joined(12, is_joined=False, load_a=2.0, lvd__enabled=True)
    station.plant.battery.set_soc(0.1)  # type: ignore[union-attr]
    supply(station, False)
    station.run(30.0)
    supply(station, True)
    station.run(5.0)
    lie(station, "load.voltage", "-2.0")
    supply(station, False)
    station.run(after_s)
    station.plant.battery.set_soc(0.9)  # type: ignore[union-attr]
    station.run(30.0)
    assert set(blamed(station)) in ({"reading.load.voltage"}, set(BOTH))
