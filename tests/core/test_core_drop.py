"""The drop from battery to load: a curve of a reading that hangs or drifts gives no verdict."""

from __future__ import annotations

import pytest
from core_scenes import bad_readings, drift, last, lie, rested, start, step_context, supply
from station import Station

from btrmd.core.capacity_test.verdict import with_estimate
from btrmd.core.machines.drop import NO_DROP, Drop, step_drop
from btrmd.core.publish import points
from btrmd.model.discharge import Estimate

FEEDS = {
    "battery_v": 12.5, "battery_a": -2.3, "load_v": 12.4, "load_a": 2.0, "supply_v": 0.0,
    "supply_a": 0.0, "charger_v": 0.0, "charger_a": 0.0,
}  # fmt: skip
LEARNT = Drop(0.1, 1.9, 12.5, 12.4, 60.0, 0.1)


def seen(drop: Drop, *, dt: float = 1.0, volts: int = 12, **put: object) -> Drop:
    ctx = step_context(dt=dt, volts=volts, **{**FEEDS, **put})  # type: ignore[arg-type]
    return step_drop(drop, ctx.flows.discharges, ctx.inputs, ctx.flows, ctx.sp, dt)


def test_the_first_minute_is_what_it_is_at_first() -> None:
    drop = Drop()
    for load_v in (12.4, 12.36):
        drop = seen(drop, load_v=load_v)
    assert drop.seconds == 2.0
    assert (drop.first_v, drop.now_v) == (pytest.approx(0.12), pytest.approx(0.12))
    assert (drop.battery_v, drop.load_v) == (pytest.approx(12.5), pytest.approx(12.38))
    assert drop.first_a == pytest.approx(1.9, abs=0.1)
    assert seen(Drop(), dt=600.0).seconds == 1.0, "after a pause: one moment of it"
    once = seen(Drop(), dt=0.0)
    first_a = drop.first_a
    assert once == pytest.approx((0.1, first_a, 12.5, 12.4, 0.0, 0.1, 0.0, 0.0, first_a, 0.0))
    # a reading that lied at first and is well again, or begins to lie: learnt from there on
    for load_v, seconds in ((12.32, 3.0), (12.31, 1.0), (12.44, 3.0), (12.45, 1.0), (11.0, 1.0)):
        assert seen(drop, load_v=load_v).seconds == seconds, load_v
    late = seen(drop._replace(seconds=59.5))
    assert late.seconds == 60.5
    assert seen(late, load_v=11.0).first_v == late.first_v


@pytest.mark.parametrize("volts", [12, 48])
def test_it_is_odd_after_30_s_of_more_than_the_sensors_explain(volts: int) -> None:
    """0.06 V a block, 2 % of what the volts have fallen by, 20 mV an ampere more."""
    blocks = volts // 12
    base = {"battery_v": 12.5 * blocks, "load_v": 12.4 * blocks}
    first_a = seen(Drop(), volts=volts, **base).first_a
    learnt = Drop(0.1 * blocks, first_a, base["battery_v"], base["load_v"], 60.0, 0.1 * blocks)

    def odd_s(apart: float, fallen: float = 0.0, **put: object) -> float:
        now_v = (0.1 + apart) * blocks
        volts_now = {
            "battery_v": base["battery_v"] - fallen * blocks,
            "load_v": base["battery_v"] - fallen * blocks - now_v,
        }
        drop = learnt._replace(now_v=now_v)
        return seen(drop, volts=volts, **{**volts_now, **put}).odd_s

    # the load has fallen by so much more
    assert odd_s(0.0607) == 0.0
    assert odd_s(0.0617) == 1.0
    assert odd_s(-0.0617) == 1.0
    assert odd_s(0.08, fallen=1.0) == 0.0
    assert odd_s(0.083, fallen=1.0) == 1.0
    more = {"battery_a": -4.3, "load_a": 4.0}  # 2 A more: 40 mV of the way, whatever the bank
    assert odd_s(0.0617 + 0.036 / blocks, **more) == 0.0
    assert odd_s(0.0617 + 0.046 / blocks, **more) == 1.0
    drop = learnt._replace(now_v=0.3 * blocks, odd_s=28.9)
    far = {"battery_v": 12.5 * blocks, "load_v": 12.2 * blocks}
    assert not (drop := seen(drop, volts=volts, **far)).is_odd
    assert (drop := seen(drop, volts=volts, **far)).is_odd
    assert seen(drop, volts=volts, **far).odd_s == 30.0
    back = learnt._replace(odd_s=20.0)
    assert seen(back, volts=volts, **base).odd_s == 19.0
    assert seen(learnt._replace(odd_s=0.5), volts=volts, **base).odd_s == 0.0


def test_it_is_smoothed_over_10_s() -> None:
    assert seen(LEARNT, load_v=12.3).now_v == pytest.approx(0.11)
    assert seen(LEARNT, load_v=12.3, dt=0.1).now_v == pytest.approx(0.101)


@pytest.mark.parametrize("volts", [12, 48])
def test_it_is_odd_where_it_scatters_at_a_steady_current(volts: int) -> None:
    blocks = volts // 12
    base = {"volts": volts, "battery_v": 12.5 * blocks}
    made = seen(Drop(), **base, load_v=12.4 * blocks)  # type: ignore[arg-type]
    learnt = made._replace(seconds=60.0)

    def scattered(far: float, *, load_a: tuple[float, float] = (2.0, 2.0)) -> Drop:
        drop = learnt
        for n in range(300):
            load_v = (12.4 + (far if n % 2 else -far)) * blocks
            amps = load_a[n % 2]
            drop = seen(drop, **base, load_v=load_v, load_a=amps, battery_a=-amps - 0.3 / blocks)  # type: ignore[arg-type]
        return drop

    assert scattered(0.04).spread_v == pytest.approx(0.04 * blocks, rel=0.1)
    assert not scattered(0.04).is_odd
    assert scattered(0.06).is_odd
    # a load that comes and goes moves it by right
    assert not scattered(0.06, load_a=(2.0, 2.3)).is_odd
    assert scattered(0.06, load_a=(2.0, 2.15)).is_odd


@pytest.mark.parametrize("volts", [12, 48])
def test_one_scan_that_is_far_off_makes_nobody_odd(volts: int) -> None:
    """A bank that gives way between the reading of its volts and that of the load's."""
    blocks = volts // 12
    base = {"volts": volts, "battery_v": 12.5 * blocks}
    learnt = seen(Drop(), **base, load_v=12.4 * blocks)._replace(seconds=60.0)  # type: ignore[arg-type]
    for load_v in (10.7, 14.1):
        drop = seen(learnt, **base, load_v=load_v * blocks)  # type: ignore[arg-type]
        assert abs(drop.now_v - drop.first_v) == pytest.approx(0.025 * blocks), load_v
        assert drop.spread_v == pytest.approx(0.025 * blocks), load_v
        assert drop.odd_s == 0.0, load_v
    few = seen(learnt, **base, load_v=12.16 * blocks)  # type: ignore[arg-type]
    assert few.spread_v == pytest.approx(0.024 * blocks), "not as far off: all of it"


def test_a_scatter_that_was_ends_while_a_charger_feeds_the_same_node() -> None:
    """K1 is on still, and the battery takes 4 A: as steady a current as one that it gives."""
    drop = LEARNT._replace(now_a=-4.1, spread_v=0.06)
    ctx = step_context(
        dt=1.0, volts=12, battery_v=12.5, battery_a=3.7, load_v=12.4, load_a=2.0, supply_v=0.0,
        supply_a=0.0, charger_v=12.6, charger_a=6.0,
    )  # fmt: skip
    assert ctx.flows.discharge == pytest.approx(-4.1, abs=0.15)
    after = step_drop(drop, True, ctx.inputs, ctx.flows, ctx.sp, 1.0)
    assert after.spread_v == pytest.approx(0.054)


def test_what_is_not_measured_or_fed_by_others_says_nothing() -> None:
    for put in ({"battery_v": None}, {"load_v": None}):
        assert seen(LEARNT, **put) is LEARNT, put
    for put in (
        {"battery_a": -0.3, "supply_a": 2.3}, {"battery_a": 1.0, "charger_a": 3.3},
        {"battery_a": None, "load_a": None},
    ):  # fmt: skip
        drop = LEARNT._replace(idle_s=8.5)
        assert (drop := seen(drop, **put)) == LEARNT._replace(idle_s=9.5), put
        assert seen(drop, **put) is NO_DROP, "the next discharge has another"
        assert seen(NO_DROP, **put) is NO_DROP
        assert seen(drop).idle_s == 0.0


# --- in a test -----------------------------------------------------------------------------------


def in_test(volts: int, type_: str = "1", **site: object) -> Station:
    station = rested(volts, load_a=3.0, rated_ah=17.0, **site)  # type: ignore[arg-type]
    start(station, type_)
    station.until(lambda s: s.state.test.k1, 120.0)
    return station


@pytest.mark.parametrize("volts", [12, 48])
@pytest.mark.parametrize("type_", ["1", "2"])
@pytest.mark.parametrize(
    ("point", "text"),
    [("battery", "hold"), ("load", "hold"), ("battery", "drift:0.35"), ("load", "drift:-0.35"),
     ("battery", "+0.3"), ("battery", "-0.3"), ("battery", "noise:0.25"), ("load", "noise:0.25")],
)  # fmt: skip
def test_a_reading_that_begins_to_lie_in_a_test_makes_no_verdict(
    volts: int, type_: str, point: str, text: str
) -> None:
    """It "lasts about 53 h, needs 4 h": a bank of 2 h 34 min, by a reading that hung."""
    blocks = volts // 12
    station = in_test(volts, type_, test__type2_min=240, test__minimum_runtime_min=240)
    station.plant.battery.soh = 0.6  # type: ignore[union-attr]
    station.run(900.0)
    made = Estimate(9000.0, 8000.0, 10000.0)  # as from what was read until now
    test = station.state.test
    assert test.record is not None
    test = test._replace(estimate=made, record=with_estimate(test.record, made))
    station.state = station.state._replace(test=test)
    if text.startswith("drift"):
        drift(station, f"{point}.voltage", 0.35 * blocks * (1.0 if text[6] != "-" else -1.0))
    else:
        if text.startswith("noise"):
            text = f"noise:{0.25 * blocks}"
        lie(station, f"{point}.voltage", f"{float(text) * blocks:+g}" if text[0] in "+-" else text)
    assert station.until(lambda s: s.records and last(s).state == "finished", 5000.0)
    record = last(station)
    assert record.result == "aborted"
    assert any(key.startswith("reading.") for key in (event.key for event in station.events))
    # one that stands still while the other moves, or that rises in a discharge, is named
    if text[0] in "hn+":
        assert record.reason.startswith(f"The {point} voltage reads ")
        assert "reading is not believed" in record.reason
    else:
        assert "contradict each other; it cannot be told which is wrong" in record.reason
    # a load's reading that is named says nothing against the battery's
    estimates = (record.estimate_s, record.estimate_high_s, record.own_estimate_s)
    is_kept = point == "load" and text[0] in "hn"
    assert [one is not None for one in estimates] == [is_kept] * 3
    assert station.plant.dropped_s == 0.0


@pytest.mark.parametrize("volts", [12, 48])
@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_sensors_at_opposite_ends_of_their_tolerance_have_their_verdict(
    volts: int, sign: float
) -> None:
    """Down to the cutoff, under a load that steps between 0.5 and 8 A."""
    station = rested(volts, load_a=3.0, rated_ah=7.0)
    station.errors = {
        "battery_v": (1.0 + 0.01 * sign, 0.02 * sign), "load_v": (1.0 - 0.01 * sign, -0.02 * sign)
    }  # fmt: skip
    station.run(60.0)
    start(station, "2")
    station.settings = station.settings.with_changes({"test.type2_min": 500})
    loads = (3.0, 0.5, 8.0, 5.0)
    for second in range(0, 30000, 60):
        station.plant.load.hold(loads[second // 60 % 4])
        station.plant.touch()
        station.run(60.0)
        if not station.state.test.is_on:
            break
    assert last(station).result in ("good", "low")
    assert "reached" in last(station).reason or "V is" in last(station).reason


@pytest.mark.parametrize("volts", [12, 48])
@pytest.mark.parametrize("point", ["battery", "load"])
def test_a_load_that_is_too_small_for_the_currents_has_its_drop_in_a_test_too(
    volts: int, point: str
) -> None:
    station = rested(volts, load_a=0.4, rated_ah=17.0)
    start(station, "2")
    station.until(lambda s: s.state.test.k1, 120.0)
    station.run(200.0)
    lie(station, f"{point}.voltage", f"{-0.3 * volts / 12:g}")
    station.run(100.0)
    assert last(station).result == "aborted"
    assert any(event.key == f"reading.{point}.voltage" for event in station.events)


# --- in an outage --------------------------------------------------------------------------------


def test_a_reading_that_hangs_in_an_outage_tells_no_hours() -> None:
    """What was estimated of it is taken back, and the run time is no measured one."""
    station = rested(12, load_a=3.0, rated_ah=17.0)
    supply(station, False)
    station.run(700.0)
    assert station.state.outage.record is not None
    made = Estimate(200000.0, 100000.0, 300000.0)
    outage = station.state.outage._replace(estimate=made)
    station.state = station.state._replace(outage=outage)
    shown = points(station.state, station.inputs, {}, station.now)["runtime.remaining"].value
    assert isinstance(shown, float)
    assert shown > 100000.0
    lie(station, "battery.voltage", "hold")
    assert station.until(lambda s: s.state.outage.is_doubted, 3000.0)
    assert bad_readings(station) == ["reading.battery.voltage"]
    assert station.state.outage.estimate is None
    assert station.state.outage.record.estimate_s is None
    shown = points(station.state, station.inputs, {}, station.now)["runtime.remaining"].value
    assert isinstance(shown, float)
    assert shown < 20000.0, "by the rating, as before the first estimate"
    supply(station, True)
    station.run(120.0)
    record = last(station)
    assert (record.type, record.estimate_s) == ("outage", None)
    assert "reached_cutoff" not in record.marks
