"""The run time: right on the measured shape, exact where the cutoff came, silent if blind."""

from __future__ import annotations

import math
import random
from bisect import bisect_right
from pathlib import Path

import pytest
from estimate_discharges import bursts, shape, steady

from btrmd.cli.verbs_estimate import verdict
from btrmd.estimate import run_time
from btrmd.estimate.csv_file import load_record
from btrmd.estimate.curve import refer
from btrmd.estimate.cutoff import cutoff_time
from btrmd.estimate.enough import NotEnough
from btrmd.estimate.run_time import estimate
from btrmd.model.discharge import CurveRow

EXAMPLE = Path(__file__).resolve().parents[2] / "docs" / "examples" / "bboxx_17ah_2A3.csv"
RUN_S = 5 * 3600.0


@pytest.mark.parametrize(
    ("until", "rated_ah", "error"),
    [
        (0.2, 20.0, 0.25), (0.35, 20.0, 0.15), (0.5, 20.0, 0.15), (0.75, 20.0, 0.1),
        (0.2, None, 0.6), (0.35, None, 0.2), (0.5, None, 0.15), (0.75, None, 0.1),
    ],
)  # fmt: skip
def test_part_of_a_discharge_tells_the_whole(
    until: float, rated_ah: float | None, error: float
) -> None:
    found = estimate(steady(RUN_S, 3.0, until), 1, rated_ah)
    assert found.ert_s == pytest.approx(RUN_S, rel=error)
    assert found.low_s < RUN_S < found.high_s
    assert found.method == "curve family"
    assert bool(found.warnings) == (rated_ah is None)


def test_the_interval_narrows_as_the_discharge_goes_on() -> None:
    widths = []
    for until in (0.05, 0.2, 0.5, 0.8):
        found = estimate(steady(RUN_S, 3.0, until), 1, 20.0)
        widths.append(found.high_s - found.low_s)
    assert widths == sorted(widths, reverse=True)


@pytest.mark.parametrize("until", [0.8, 0.9, 0.95])
@pytest.mark.parametrize(
    ("run_s", "amps", "rated_ah"), [(9_000.0, 6.0, 20.0), (RUN_S * 4, 1.0, 26.0)]
)
def test_the_time_that_remains_is_told_before_an_outage_ends(
    run_s: float, amps: float, rated_ah: float, until: float
) -> None:
    found = estimate(steady(run_s, amps, until), 1, rated_ah)
    seen_s, remain_s = until * run_s, (1.0 - until) * run_s
    # towards the end rather too short than too long: nobody must be surprised by the dark
    assert 0.3 * remain_s < found.ert_s - seen_s < (1.1 if until >= 0.9 else 1.35) * remain_s
    assert found.low_s - seen_s < remain_s < found.high_s - seen_s


@pytest.mark.parametrize(("rated_ah", "is_left_out"), [(4.0, True), (5.0, False)])
def test_no_battery_gives_more_than_it_has(
    monkeypatch: pytest.MonkeyPatch, rated_ah: float, is_left_out: bool
) -> None:
    monkeypatch.setattr(run_time, "_contradict", lambda *_: False)  # the charge alone decides
    found = estimate(steady(RUN_S, 3.0, 0.4), 1, rated_ah)  # 6 Ah removed
    assert bool(found.warnings) is is_left_out
    if is_left_out:
        assert f"{rated_ah:g} Ah" in found.warnings[0]
        plain = estimate(steady(RUN_S, 3.0, 0.4), 1, None)
        assert found.ert_s == pytest.approx(plain.ert_s)


def test_a_bank_is_its_blocks() -> None:
    one = estimate(steady(RUN_S, 3.0, 0.4), 1, 20.0)
    four = estimate(steady(RUN_S, 3.0, 0.4, blocks=4), 4, 20.0)
    assert four.ert_s == pytest.approx(one.ert_s, rel=0.06)


def test_more_blocks_may_hide_a_weak_one() -> None:
    one = estimate(steady(RUN_S, 3.0, 0.4), 1, 20.0)
    four = estimate(steady(RUN_S, 3.0, 0.4, blocks=4), 4, 20.0)
    assert four.low_s < one.low_s


def test_bursts_end_the_run_at_their_own_level() -> None:
    rows = bursts(RUN_S, 1.0, 8.0, 0.4, ohm=0.03)
    assert refer(rows, 1, 20.0).resistance == pytest.approx(0.03, rel=0.05)
    found = estimate(rows, 1, 20.0)
    assert found.ert_s == pytest.approx(RUN_S, rel=0.25)
    assert found.low_s < RUN_S < found.high_s


def test_constant_power_draws_more_towards_the_end() -> None:
    noise = random.Random(3)
    rows = [
        CurveRow(30.0 * k, volts, -36.0 / volts * (1 + noise.gauss(0.0, 0.001)), 22.0, None)
        for k in range(240)
        for volts in [shape(30.0 * k / RUN_S)]
    ]
    assert refer(rows, 1, 20.0).load.is_constant_power
    assert not refer(steady(RUN_S, 3.0, 0.4), 1, 20.0).load.is_constant_power
    mean = sum(-row.battery_a for row in rows) / len(rows)
    level = estimate([row._replace(battery_a=-mean) for row in rows], 1, 20.0)
    assert estimate(rows, 1, 20.0).ert_s < level.ert_s


def test_the_cutoff_reached_is_measured() -> None:
    found = estimate(steady(RUN_S, 3.0, 1.05), 1, 20.0)
    assert found.ert_s == pytest.approx(RUN_S, rel=0.005)
    assert found.low_s == found.ert_s == found.high_s
    assert found.method == "measured"


def test_coup_de_fouet_is_no_cutoff() -> None:
    rows = [CurveRow(t, v, -3.0, None, None) for t, v in [(0, 12.4), (60, 10.9), (120, 12.3)]]
    assert cutoff_time(rows, 1, 11.0) is None
    deep = [CurveRow(t, v, -3.0, None, None) for t, v in [(0, 12.4), (60, 10.4), (120, 12.3)]]
    assert cutoff_time(deep, 1, 11.0) == 60
    late = [row._replace(time_s=row.time_s + 900.0) for row in rows]
    assert cutoff_time(late, 1, 11.0) == pytest.approx(956.0)  # between the rows


def test_one_low_sample_among_many_is_no_cutoff() -> None:
    rows = [CurveRow(1000.0 + 0.1 * k, 11.1, -3.0, None, None) for k in range(100)]
    rows[50] = rows[50]._replace(battery_v=10.5)
    assert cutoff_time(rows, 1, 11.0) is None


def test_a_higher_cutoff_comes_earlier() -> None:
    rows = steady(RUN_S, 3.0, 0.4)
    assert estimate(rows, 1, 20.0, 11.4).ert_s < estimate(rows, 1, 20.0, 11.0).ert_s


@pytest.mark.parametrize(
    ("rows", "reason"),
    [
        ([], "0 rows"),
        (steady(RUN_S, 3.0, 0.4)[:1], "1 rows"),
        (steady(RUN_S, 3.0, 0.02), r"lasted 6\.0 min"),
        ([CurveRow(60.0 * k, 12.5, 0.0, None, None) for k in range(60)], "not discharged"),
        ([CurveRow(60.0 * k, 12.5, -0.01, None, None) for k in range(60)], r"Only 0\.01 Ah"),
    ],
)
def test_too_little_is_said_in_a_sentence(rows: list[CurveRow], reason: str) -> None:
    with pytest.raises(NotEnough, match=reason):
        estimate(rows, 1, 20.0)


def test_a_battery_that_is_charged_again_ends_no_estimate_in_an_error() -> None:
    """The record of outages that come too often stays open while the charger works."""
    rows = steady(RUN_S, 3.0, 0.2)
    end = rows[-1].time_s
    back = [CurveRow(end + 10.0 * k, 13.6, 5.9, None, 2.0) for k in range(1, 120)]
    with pytest.raises(NotEnough, match="not discharged any more"):
        estimate([*rows, *back], 1, 20.0)


def test_a_voltage_that_does_not_fall_tells_nothing_without_a_rating() -> None:
    rows = [CurveRow(60.0 * k, 12.5 + 0.0001 * k, -2.0, None, None) for k in range(60)]
    with pytest.raises(NotEnough, match="does not fall"):
        estimate(rows, 1, None)
    assert estimate(rows, 1, 20.0).ert_s > rows[-1].time_s


@pytest.mark.parametrize("hours", [2.0, 4.0])
def test_without_a_rating_full_volts_may_be_all_that_was_seen(hours: float) -> None:
    """C/100 without the rating: 4 % of the charge is gone, most of the fall was float charge."""
    rows = [
        CurveRow(60.0 * k, 12.62 + 0.65 * math.exp(-k / 85.0) - 0.0002 * k, -0.26, 25.0, None)
        for k in range(int(60.0 * hours) + 1)
    ]
    true_s = 100.0 * 3600.0
    found = estimate(rows, 1, None)
    assert found.low_s < true_s < found.high_s
    assert verdict(found, 0.9 * true_s, rows[-1].time_s) == "marginal"


# four LiFePO4 cells under load, as the simulated record of a whole discharge has them
CLIFF = ((0.0, 13.6), (0.02, 13.3), (0.1, 13.15), (0.5, 13.0), (0.75, 12.9), (0.85, 12.82),
         (0.92, 12.55), (0.95, 12.32), (0.97, 11.95), (0.985, 11.55), (1.0, 10.95))  # fmt: skip


@pytest.mark.parametrize("until", [0.983, 0.99, 0.995])
@pytest.mark.parametrize("rated_ah", [20.0, None])
def test_a_fall_to_the_cutoff_is_seen_whatever_the_run_was_like(
    until: float, rated_ah: float | None
) -> None:
    """Told as half of the run to come with three minutes left, since no slope before foresaw it."""
    run_s = 35_400.0
    rows = []
    for k in range(int(until * run_s / 30.0)):
        part = 30.0 * k / run_s
        right = bisect_right(CLIFF, (part, 99.0))
        (x0, y0), (x1, y1) = CLIFF[right - 1], CLIFF[right]
        rows.append(CurveRow(30.0 * k, y0 + (y1 - y0) * (part - x0) / (x1 - x0), -2.0, 25.0, None))
    found = estimate(rows, 1, rated_ah)
    assert found.ert_s < 1.05 * run_s
    assert verdict(found, 1.2 * run_s, rows[-1].time_s) != "good"


def test_a_measured_record() -> None:
    """The record that ships: 17 Ah block at 2.3 A, 11.0 V after 194 min."""
    rows = load_record(EXAMPLE, 1).rows
    whole = estimate(rows, 1, 17.0)
    assert whole.method == "measured"
    assert whole.ert_s == pytest.approx(11_638, abs=60)
    half = estimate([row for row in rows if row.time_s <= 5000.0], 1, 17.0)
    assert half.low_s < whole.ert_s < half.high_s
