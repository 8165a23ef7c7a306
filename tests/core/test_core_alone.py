"""The lone witness of an LVD: believed, unless it falls as no battery does."""

from __future__ import annotations

import pytest
from core_scenes import (
    LVD_LOW,
    LVD_ON,
    VOLTS,
    bad_readings,
    blamed,
    lie,
    rested,
    step_context,
    stepped_lvd,
    supply,
)
from station import Station

from btrmd.core.machines.alone import Alone, step_alone, witness
from btrmd.core.machines.lvd import Lvd, step_lvd
from btrmd.core.scan.context import StepContext
from btrmd.core.scan.relations import BATTERY, LOAD


@pytest.mark.parametrize("volts", VOLTS)
@pytest.mark.parametrize("lone", ["battery_v", "load_v"])
def test_a_lone_witness_that_falls_at_once_under_the_same_current_is_not_believed(
    volts: int, lone: str
) -> None:
    """No battery does that; the other witness is gone, and nobody contradicts it."""
    blocks = volts // 12
    other = "load_v" if lone == "battery_v" else "battery_v"

    def told(lvd: Lvd, now: float, each_v: float, amps: float = 2.3) -> Lvd:
        readings = {**LVD_LOW, lone: each_v * blocks, other: None, "battery_a": -amps}
        readings["load_a"] = amps - 0.3
        return stepped_lvd(lvd, now, odd=lone == "load_v", volts=volts, **readings)[0]  # type: ignore[arg-type]

    lvd = told(Lvd(), 1000.0, 10.75)
    assert lvd.low_since is None
    fell = told(lvd, 1001.0, 10.49)
    assert lvd.alone is not None
    assert fell.low_since is None
    assert fell.alone == lvd.alone._replace(watched_since=1001.0, from_v=fell.alone.from_v)  # type: ignore[union-attr]
    assert told(fell, 1012.0, 10.3).low_since is None  # nor however long
    assert told(fell, 1013.0, 10.55).alone is not None
    # another current explains it, and a slow fall is one
    assert told(lvd, 1001.0, 10.3, amps=2.8).low_since == 1001.0
    slow = told(told(lvd, 1001.0, 10.51), 1002.0, 10.45)
    assert slow.low_since == 1002.0
    assert told(slow, 1012.0, 10.44).is_open
    # with two witnesses again nothing is left of it
    both = stepped_lvd(
        fell,
        1002.0,
        volts=volts,
        **{key: value * blocks if key.endswith("_v") else value for key, value in LVD_LOW.items()},
    )[0]  # type: ignore[arg-type]
    assert (both.alone, both.low_since) == (None, 1002.0)


def test_after_a_pause_a_lone_witness_may_have_fallen_as_far() -> None:
    ctx = step_context(1090.0, dt=90.0, changes=LVD_ON, **{**LVD_LOW, "battery_v": None})  # type: ignore[arg-type]
    ctx.battery_is_odd = True
    assert step_lvd(Lvd(alone=Alone(11.5, 2.3)), True, False, ctx).low_since == 1090.0
    for dt, amps, low_since in ((2.0, None, 1090.0), (2.0, 1.9, None), (2.1, 1.9, 1090.0)):
        ctx = step_context(1090.0, dt=dt, changes=LVD_ON, **{**LVD_LOW, "battery_v": None})  # type: ignore[arg-type]
        ctx.battery_is_odd = True
        made = step_lvd(Lvd(alone=Alone(11.5, amps)), True, False, ctx)
        assert made.low_since == low_since, (dt, amps)


def test_where_the_currents_are_not_known_a_fall_may_be_that_of_another_load() -> None:
    lost = {**LVD_LOW, "load_v": None, "load_a": None, "charger_a": None}
    for alone in (Alone(11.5, None), Alone(11.5, 2.3)):
        ctx = step_context(1001.0, guard=True, changes=LVD_ON, **lost)  # type: ignore[arg-type]
        made = step_lvd(Lvd(alone=alone), True, False, ctx).alone
        assert made is not None
        assert made[:2] == (10.4, None)


def odd_battery(now: float, load_v: float, battery_v: float, *, volts: int = 12) -> StepContext:
    """The battery's reading is not believed; the load's is all that is left."""
    blocks = volts // 12
    ctx = step_context(now, volts=volts, changes=LVD_ON, **{
        **LVD_LOW, "load_v": load_v * blocks, "battery_v": None,
    })  # type: ignore[arg-type]  # fmt: skip
    ctx.read_v, ctx.battery_is_odd = (battery_v * blocks, load_v * blocks, None, None), True
    return ctx


@pytest.mark.parametrize("volts", VOLTS)
def test_two_readings_that_fall_together_tell_of_the_battery(volts: int) -> None:
    def fallen(*scans: tuple[float, float]) -> bool:
        alone, has_stepped = None, False
        for n, (load_v, battery_v) in enumerate(scans):
            ctx = odd_battery(1000.0 + n, load_v, battery_v, volts=volts)
            alone, has_stepped = step_alone(alone, True, ctx)
        return has_stepped

    was = (12.0, 9.36)
    assert fallen(was, (11.0, 9.36)), "it hangs"
    for battery_v, has_stepped in ((8.58, False), (8.66, False), (8.67, True), (8.50, False)):
        assert fallen(was, (11.0, battery_v)) is has_stepped, battery_v
    for battery_v, has_stepped in ((8.36, False), (8.45, False), (8.27, False), (8.25, True)):
        assert fallen(was, (11.0, battery_v)) is has_stepped, battery_v
    # each is read at its own moment: a scan before, or after
    assert not fallen(was, (12.0, 8.58), (11.0, 8.58))
    assert fallen(was, (12.0, 8.58), (12.0, 8.58), (11.0, 8.58)), "long before: another thing"
    assert not fallen(was, (11.0, 9.36), (11.0, 8.58))


@pytest.mark.parametrize("volts", VOLTS)
def test_one_that_goes_on_falling_as_no_good_battery_does_is_believed(volts: int) -> None:
    was = Alone(12.0 * volts / 12, 1.9, 9.0 * volts / 12, 9.0 * volts / 12)

    def seen(alone: Alone | None, now: float, load_v: float) -> tuple[Alone | None, bool]:
        made, has_stepped = step_alone(alone, True, odd_battery(now, load_v, 9.0, volts=volts))
        return made, has_stepped

    watched, has_stepped = seen(was, 1000.0, 11.0)
    assert has_stepped
    assert watched is not None
    assert watched.watched_since == 1000.0
    assert seen(watched, 1029.9, 10.8) == (watched, True), "too soon: it may have stepped again"
    assert seen(watched, 1120.0, 10.86) == (watched, True)
    for now in (1030.0, 1120.0):
        believed, has_stepped = seen(watched, now, 10.84)
        assert not has_stepped, now
        assert believed is not None
        assert believed.watched_since is None
    again, has_stepped = seen(watched, 1120.1, 10.84)
    assert has_stepped, "as slowly as a good one"
    assert again is not None
    assert again.watched_since == 1120.1
    assert seen(again, 1160.0, 10.70)[1]
    assert not seen(again, 1160.0, 10.68)[1]


@pytest.mark.parametrize("lone", [LOAD, BATTERY])
@pytest.mark.parametrize("volts", VOLTS)
def test_one_that_has_jumped_is_believed_when_it_has_sunk_as_a_battery_does(
    volts: int, lone: int
) -> None:
    """The other one hangs: a bank that gave way had no LVD down to 9 V a block."""
    name, other = ("battery_v", "load_v") if lone == BATTERY else ("load_v", "battery_v")

    def told(lvd: Lvd, now: float, each_v: float, *, has_jumped: bool = True) -> Lvd:
        readings = {**LVD_LOW, name: each_v * volts / 12, other: None}
        ctx = step_context(now, volts=volts, changes=LVD_ON, **readings)  # type: ignore[arg-type]
        ctx.battery_is_odd = lone == LOAD
        ctx.jumped = tuple(has_jumped and end == lone for end in range(4))
        return step_lvd(lvd, True, False, ctx)

    jumped = told(Lvd(), 1000.0, 10.4)
    assert jumped.low_since is None
    assert jumped.alone is not None
    assert jumped.alone.watched_since == 1000.0
    assert told(jumped, 1060.0, 10.26).low_since is None
    assert told(jumped, 1029.0, 10.24).low_since is None
    sunk = told(jumped, 1060.0, 10.24)
    assert sunk.low_since == 1060.0
    if lone == LOAD:
        assert jumped.alone.volts == pytest.approx(10.4 * volts / 12 + 0.03), "behind a diode"
    # from then on, and as soon as somebody vouches for it
    assert told(sunk, 1070.0, 10.24).is_open
    assert told(jumped, 1001.0, 10.4, has_jumped=False).low_since == 1001.0
    # one that has not jumped yet has proved nothing
    plain = told(Lvd(), 1000.0, 10.4, has_jumped=False)
    assert told(plain, 1001.0, 10.4).low_since is None
    # too slowly: it is watched anew
    again = told(jumped, 1121.0, 10.24)
    assert (again.low_since, again.alone.watched_since) == (None, 1121.0)  # type: ignore[union-attr]


def test_a_load_that_a_charger_feeds_says_nothing_of_a_battery_behind_a_blown_fuse() -> None:
    readings = {**LVD_LOW, "battery_v": None, "battery_a": 0.0, "charger_a": 2.3, "charger_v": 10.5}
    for amps, is_known in ((0.0, False), (-2.3, True)):
        ctx = step_context(changes=LVD_ON, **{
            **readings, "battery_a": amps, "charger_a": 2.3 + amps,
        })  # type: ignore[arg-type]  # fmt: skip
        ctx.battery_is_odd, ctx.jumped = True, (False, True, False, False)
        assert witness(ctx).good is is_known, amps


@pytest.mark.parametrize("lone", ["load_v", "battery_v"])
@pytest.mark.parametrize("volts", VOLTS)
def test_a_lone_witness_at_which_no_bank_feeds_a_load_opens_nothing(volts: int, lone: str) -> None:
    """The battery read 0 V while it gave 2 A, and the load's was not believed: it opened."""
    other = "battery_v" if lone == "load_v" else "load_v"
    for each_v, low_since in ((0.0, None), (7.96, None), (8.0, 1000.0)):
        readings = {**LVD_LOW, lone: each_v * volts / 12, other: None}
        ctx = step_context(volts=volts, changes=LVD_ON, **readings)  # type: ignore[arg-type]
        ctx.battery_is_odd, ctx.is_bank_known = lone == "load_v", True
        assert step_lvd(Lvd(), True, False, ctx).low_since == low_since, each_v
    both = {name: 7.0 * volts / 12 for name in (lone, other)}
    ctx = step_context(volts=volts, changes=LVD_ON, **{**LVD_LOW, **both})  # type: ignore[arg-type]
    assert step_lvd(Lvd(), True, False, ctx).low_since is None, "of a bank of fewer blocks"
    ctx.is_bank_known = True
    assert step_lvd(Lvd(), True, False, ctx).low_since == 1000.0, "two that agree"


# --- In an outage -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "soc"),
    [("x0.78", 0.04), ("x0.78", 0.15), ("+1.5", 0.04), ("-2", 0.04), ("hold", 0.15)],
)
@pytest.mark.parametrize("volts", [12, 24])
def test_a_bank_that_gives_way_in_an_outage_has_its_lvd_beside_a_reading_that_lies(
    volts: int, text: str, soc: float
) -> None:
    """It was fed from down to 9 V a block: the one reading that was left had fallen at once."""
    station = rested(volts, load_a=2.0, rated_ah=7.0, lvd__enabled=True)
    station.plant.battery.set_soc(0.5)  # type: ignore[union-attr]
    station.run(100.0)
    lie(station, "battery.voltage", text if text[0] in "xh" else f"{float(text) * volts / 12:+g}")
    station.run(100.0)
    supply(station, False)
    station.run(200.0)
    assert bad_readings(station) == ["reading.battery.voltage"]
    station.plant.battery.set_soc(soc)  # type: ignore[union-attr]
    station.plant.touch()
    station.pass_time(0.05)
    low_v = 10.3 * volts / 12
    station.until(lambda s: s.state.lvd.is_open or s.plant.circuit.battery_v < low_v, 4000.0)
    assert station.state.lvd.is_open


@pytest.mark.parametrize(("volts", "shunt_ohm"), [(12, 0.002), (48, 0.002), (12, 0.05), (12, 1.0)])
def test_a_reading_that_hangs_in_its_chip_leaves_an_outage_its_lvd(
    volts: int, shunt_ohm: float
) -> None:
    """It goes on being corrected for the drop at its shunt, and so moves: both were doubted."""
    station = rested(volts, load_a=2.0, rated_ah=7.0, lvd__enabled=True)
    station.plant.battery.set_soc(0.5)  # type: ignore[union-attr]
    station.run(100.0)
    station.plant.noise = True
    station.plant.touch()
    station.shunt_ohm = shunt_ohm
    held = station.plant.sense().battery_v - station.drops_v()[0]
    station.lies["battery_v"] = lambda _: held + station.drops_v()[0]
    supply(station, False)
    low_v = 10.3 * volts / 12
    station.until(lambda s: s.state.lvd.is_open or s.plant.circuit.battery_v < low_v, 9000.0)
    assert station.state.lvd.is_open


def emptied(volts: int, point: str, text: str) -> Station:
    """Behind an open LVD, with a reading that has begun to lie in the outage."""
    station = rested(volts, load_a=2.0, rated_ah=7.0, lvd__enabled=True)
    station.plant.battery.set_soc(0.1)  # type: ignore[union-attr]
    supply(station, False)
    station.run(60.0)
    lie(station, point, text)
    assert station.until(lambda s: s.state.lvd.is_open, 9000.0)
    return station


@pytest.mark.parametrize("volts", VOLTS)
def test_a_bank_that_was_changed_behind_an_open_lvd_feeds_the_load_whoever_lies(volts: int) -> None:
    """Battery and load were doubted, and a full bank stayed cut off: but it was there by either."""
    station = emptied(volts, "battery.voltage", f"{-0.6 * volts / 12:g}")
    assert blamed(station)[:2] == ["reading.battery.voltage", "reading.load.voltage"]
    station.run(300.0)
    assert station.state.lvd.is_open, "an empty bank does not come back by rest"
    station.plant.battery.set_soc(1.0)  # type: ignore[union-attr]
    assert station.until(lambda s: not s.state.lvd.is_open, 63.0)


@pytest.mark.parametrize("volts", VOLTS)
def test_one_that_may_read_too_high_stays_cut_off(volts: int) -> None:
    station = emptied(volts, "load.voltage", "x0.92")
    assert "reading.battery.voltage" in blamed(station)
    station.plant.battery.set_soc(1.0)  # type: ignore[union-attr]
    station.run(300.0)
    assert station.state.lvd.is_open


@pytest.mark.parametrize("volts", [12, 48])
@pytest.mark.parametrize("begins", ["float", "outage"])
@pytest.mark.parametrize("point", ["battery.voltage", "load.voltage"])
def test_a_bank_that_gives_way_at_once_has_its_lvd_beside_a_reading_that_hangs(
    point: str, begins: str, volts: int
) -> None:
    """The other one fell by more than a volt a block, and was never believed again."""
    station = rested(volts, load_a=2.0, rated_ah=17.0, lvd__enabled=True)
    station.plant.noise = True
    station.run(300.0)
    if begins == "float":
        lie(station, point, "hold")
        station.run(150.0)
    supply(station, False)
    station.run(60.0)
    if begins == "outage":
        lie(station, point, "hold")
    station.run(60.0)
    station.plant.battery.set_soc(0.1)  # type: ignore[union-attr]
    station.plant.touch()
    low_v = 10.0 * volts / 12
    station.until(lambda s: s.state.lvd.is_open or s.plant.circuit.battery_v < low_v, 6000.0)
    assert station.state.lvd.is_open
    assert station.plant.dropped_s == 0.0
