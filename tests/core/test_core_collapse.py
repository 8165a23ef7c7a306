"""A bank that loses a cell in a test: no verdict comes from the curve before it."""

from __future__ import annotations

import pytest
from core_scenes import last, rested, start, step_context
from station import Station

from btrmd.core.capacity_test.collapse import Level, step_level
from btrmd.model.commands import EstimateReady
from btrmd.model.discharge import Estimate

AT = {"battery_v": 25.0, "load_v": 24.9, "battery_a": -3.2, "load_a": 3.0}
LEVEL = Level(25.0, 24.9, -3.2, 1000.0)


def seen(level: Level | None, now: float, **put: float | None) -> tuple[Level | None, str]:
    ctx = step_context(now, volts=24, **{**AT, **put})  # type: ignore[arg-type]
    return step_level(level, ctx)


def fallen(
    fell_v: float, load_v: float | None = None, **put: float | None
) -> dict[str, float | None]:
    load_fell_v = fell_v if load_v is None else load_v
    return {"battery_v": 25.0 - fell_v, "load_v": 24.9 - load_fell_v, **put}


def test_what_falls_at_once_and_stays_there_has_collapsed() -> None:
    level, why = seen(None, 1000.0)
    assert (level, why) == (LEVEL, "")
    level, why = seen(LEVEL, 1001.0, **fallen(2.1))
    assert (level, why) == (LEVEL._replace(fell_since=1001.0), "")
    assert seen(level, 1003.9, **fallen(2.1)) == (level, "")
    made, why = seen(level, 1004.0, **fallen(2.1))
    assert made is not None
    assert (made.at, made.fell_since) == (1004.0, None)
    assert why == (
        "No verdict: the battery fell from 25.00 V to 22.90 V at once under the same load; a cell "
        "has failed, or a connection."
    )
    # it comes back within 3 s
    assert seen(level, 1001.5, **fallen(1.1)) == (LEVEL, "")


def test_what_falls_slowly_under_another_load_or_alone_has_not() -> None:
    level = LEVEL
    for n in range(60):  # 1 V in 2 s, a minute long
        made, why = seen(level, 1001.0 + n, **fallen(0.5 * (n + 1)))
        assert made is not None
        assert why == ""
        level = made
        assert level.fell_since is None
    waits = LEVEL._replace(fell_since=1001.0)
    for put in (
        fallen(2.1, battery_a=-3.6), fallen(2.1, battery_a=-2.8), fallen(2.1, load_v=1.67),
    ):  # fmt: skip
        made, why = seen(waits, 1004.0, **put)
        assert (made, why) == (
            Level(put["battery_v"], put["load_v"], put.get("battery_a", -3.2), 1004.0),
            "",  # type: ignore[arg-type]
        ), put
    for put in (fallen(2.1, battery_a=-3.55), fallen(2.1, load_v=1.69), fallen(1.21)):
        assert seen(waits, 1004.0, **put)[1] != "", put
    assert seen(waits, 1004.0, **fallen(1.19))[1] == ""


def test_what_it_is_compared_with_is_two_seconds_old_at_most() -> None:
    assert seen(LEVEL, 1001.9, **fallen(0.1)) == (LEVEL, "")
    newer = Level(24.5, 24.4, -3.2, 1002.0)
    assert seen(LEVEL, 1002.0, battery_v=24.5, load_v=24.4) == (newer, "")
    for put in ({"battery_v": None}, {"load_v": None}, {"battery_a": None}):
        assert seen(LEVEL, 1005.0, **put) == (LEVEL, ""), put
        assert seen(None, 1005.0, **put) == (None, ""), put


# --- In a test ----------------------------------------------------------------------------------


def shorted(volts: int, rated_ah: float, load_a: float, at_s: float, type_: str = "1") -> Station:
    """A cell of the first block shorts `at_s` s after the battery has taken the load over."""
    station = rested(volts, load_a=load_a, rated_ah=rated_ah, test__minimum_runtime_min=40, dt=0.5)
    station.run(60.0)
    start(station, type_)
    station.run(at_s)
    station.plant.shorted_cells[1] = 1
    station.plant.remake_bank()
    assert station.until(lambda s: last(s).state == "finished", 9000.0)
    assert station.plant.dropped_s == 0.0
    return station


@pytest.mark.parametrize(
    ("volts", "rated_ah", "load_a", "at_s"),
    [(24, 7.0, 3.0, 1250.0), (36, 17.0, 3.0, 1300.0), (48, 7.0, 3.0, 900.0)],
)
def test_a_cell_that_shorts_in_a_test_leaves_no_verdict_and_no_estimate(
    volts: int, rated_ah: float, load_a: float, at_s: float
) -> None:
    """The curve before it was judged at the floor that it fell below: good, lasts about 12 h."""
    record = last(shorted(volts, rated_ah, load_a, at_s))
    assert record.result == "aborted"
    assert "at once under the same load" in record.reason
    assert "shorted_cell" in record.marks
    assert (record.estimate_s, record.estimate_low_s, record.own_estimate_s) == (None, None, None)


def test_a_cell_that_shorts_in_a_bank_of_one_block_ends_its_run_time() -> None:
    record = last(shorted(12, 17.0, 1.0, 1300.0))
    assert (record.result, record.reason.split(".")[0]) == ("low", "The battery reached 11")
    assert record.estimate_s == pytest.approx(1303.0, abs=3.0)


@pytest.mark.parametrize("soc", [0.03, 0.05])
def test_one_that_gives_way_in_the_first_minutes_is_measured_to_its_end(soc: float) -> None:
    station = rested(12, load_a=2.0, rated_ah=7.0, dt=0.5)
    station.run(60.0)
    start(station, "1")
    station.run(120.0)
    station.plant.battery.set_soc(soc)  # type: ignore[union-attr]
    station.plant.touch()
    assert station.until(lambda s: last(s).state == "finished", 3000.0)
    record = last(station)
    assert record.result == "low"
    assert record.estimate_s == record.duration_s
    assert "marginal" not in record.marks


def test_one_that_is_above_its_cutoff_after_the_first_minutes_has_no_verdict() -> None:
    """A late estimate of the curve before is not taken either."""
    station = rested(48, load_a=3.0, rated_ah=17.0, dt=0.5)
    station.run(60.0)
    start(station, "1")
    station.run(500.0)
    station.plant.shorted_cells[1] = 1
    station.plant.remake_bank()
    station.run(90.0)
    assert station.state.test.collapse
    ready = EstimateReady(last(station).n, Estimate(40000.0, 30000.0, 50000.0))
    station.tick(ready)
    assert station.state.test.estimate is None
    assert last(station).estimate_s is None
    assert station.until(lambda s: last(s).state == "finished", 60.0)
    assert (last(station).result, last(station).reason[:10]) == ("aborted", "No verdict")


def test_a_type_2_test_judges_by_the_voltage_at_its_end_as_ever() -> None:
    record = last(shorted(48, 17.0, 3.0, 900.0, "2"))
    assert record.result == "good"
    assert record.end_voltage is not None
    assert record.end_voltage > 47.2
