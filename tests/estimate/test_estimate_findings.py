"""Findings: what makes a verdict doubtful is said, and a sound lead-acid battery raises none."""

from __future__ import annotations

from itertools import pairwise

import pytest
from estimate_discharges import bursts, steady

from btrmd.cli.estimate_verb import verdict
from btrmd.estimate.run_time import estimate
from btrmd.model.discharge import CurveRow, Estimate
from btrmd.model.result_words import FINDINGS

RUN_S = 18_000.0


def straight(
    first_v: float, fall_v_h: float, amps: float, hours: float, blocks: int = 1
) -> list[CurveRow]:
    """A voltage that falls as a line, V a block."""
    return [
        CurveRow(60.0 * k, blocks * (first_v - fall_v_h * k / 60.0), -amps, 25.0, None)
        for k in range(int(hours * 60.0) + 1)
    ]


# open-circuit volts of four LiFePO4 cells in series over the charge that is gone, textbook
LFP = ((0.0, 13.6), (0.02, 13.40), (0.1, 13.3), (0.3, 13.2), (0.5, 13.15), (0.8, 13.0),
       (0.95, 12.4))  # fmt: skip


def lithium(part: float) -> float:
    for (x0, y0), (x1, y1) in pairwise(LFP):
        if part <= x1:
            return y0 + (y1 - y0) * (part - x0) / (x1 - x0)
    raise ValueError(part)


@pytest.mark.parametrize("until", [0.1, 0.3, 0.5, 0.7])
@pytest.mark.parametrize("rated_ah", [20.0, None])
def test_lithium_iron_phosphate_is_no_lead_acid(until: float, rated_ah: float | None) -> None:
    run_s = 36_000.0
    rows = [
        CurveRow(60.0 * k, lithium(60.0 * k / run_s) - 0.05, -2.0, 25.0, None)
        for k in range(int(until * run_s / 60.0))
    ]
    found = estimate(rows, 1, rated_ah)
    assert found.findings[0] == "not_lead_acid"
    assert any("does not look like a lead-acid battery" in text for text in found.warnings)


@pytest.mark.parametrize("first_v", [12.9, 12.5, 12.2])
def test_a_curve_as_flat_as_no_lead_acid_battery_s(first_v: float) -> None:
    found = estimate(straight(first_v, 0.02, 3.0, 2.0), 1, 20.0)  # 30 % seen, 0.04 V
    assert "not_lead_acid" in found.findings


@pytest.mark.parametrize("until", [0.1, 0.2, 0.35, 0.5, 0.75])
@pytest.mark.parametrize(("run_s", "amps", "rated"), [(18_000.0, 3.0, 20.0), (9_000.0, 6.0, 20.0),
                                                    (72_000.0, 1.0, 26.0)])  # fmt: skip
@pytest.mark.parametrize("blocks", [1, 4])
def test_a_sound_battery_raises_none(
    run_s: float, amps: float, rated: float, until: float, blocks: int
) -> None:
    for reported in (rated, None):
        assert estimate(steady(run_s, amps, until, blocks), blocks, reported).findings == ()


@pytest.mark.parametrize("amps", [2.0, 4.0, 8.4])
@pytest.mark.parametrize("volts", [12.5, 12.0, 11.6])
def test_a_reading_that_hangs_is_no_battery(volts: float, amps: float) -> None:
    """12.500 V for an hour, rated 17 Ah: once told as good, 1259 min, 1037 %."""
    rows = [CurveRow(10.0 * k, volts, -amps, 25.0, None) for k in range(361)]
    found = estimate(rows, 1, 17.0)
    assert "not_lead_acid" in found.findings
    assert any("does not look like a lead-acid battery" in text for text in found.warnings)


def test_bursts_are_no_change_of_the_load() -> None:
    assert estimate(bursts(RUN_S, 1.0, 8.0, 0.4, ohm=0.03), 1, 20.0).findings == ()


@pytest.mark.parametrize("after_a", [1.5, 5.0])
def test_a_lasting_change_of_the_load_is_said(after_a: float) -> None:
    rows = steady(RUN_S, 3.0, 0.2)
    rows += [
        row._replace(
            time_s=row.time_s + RUN_S * 0.2,
            battery_a=-after_a,
            battery_v=row.battery_v - 0.02 * (after_a - 3.0) - 0.3,
        )
        for row in steady(RUN_S, 3.0, 0.2)[1:]
    ]
    found = estimate(rows, 1, 20.0)
    assert "load_changed" in found.findings
    assert any(f"{after_a:.2f} A" in text for text in found.warnings)


def test_a_shorted_cell_from_the_start() -> None:
    rows = [row._replace(battery_v=row.battery_v - 1.0) for row in steady(RUN_S, 3.0, 0.2)]
    found = estimate(rows, 1, 20.0)  # 11.6 V at first, as with a cell of 1 V
    assert found.findings == ("shorted_cell",)


def test_a_bank_that_was_not_full() -> None:
    begin = int(0.7 * RUN_S / 30.0)
    rows = [
        row._replace(time_s=row.time_s - 30.0 * begin, battery_v=4.0 * row.battery_v)
        for row in steady(RUN_S, 3.0, 0.9)[begin:]
    ]
    found = estimate(rows, 4, 20.0)
    assert found.findings == ("not_full",)


@pytest.mark.parametrize("mark", ["not_lead_acid", "shorted_cell", "not_full", "load_changed"])
def test_with_a_finding_nothing_is_sure(mark: str) -> None:
    assert mark in FINDINGS
    sure = Estimate(20_000.0, 19_000.0, 21_000.0)
    assert verdict(sure, 10_000.0) == "good"
    assert verdict(sure._replace(findings=(mark,)), 10_000.0) == "marginal"
