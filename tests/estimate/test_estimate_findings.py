"""Findings: what makes a verdict doubtful is said, and a sound lead-acid battery raises none."""

from __future__ import annotations

from itertools import pairwise

import pytest
from estimate_discharges import bursts, steady

from btrmd.cli.verbs_estimate import verdict
from btrmd.estimate.curve import refer
from btrmd.estimate.findings import findings
from btrmd.estimate.maker import average_maker
from btrmd.estimate.run_time import estimate
from btrmd.estimate.shape import shape_of
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


# open-circuit volts of a cell over the charge that is gone, as textbooks have them, and the cells
# that stand for a 12 V block
KINDS = {
    "aged LiFePO4": (4, ((0.0, 3.36), (0.02, 3.32), (0.1, 3.30), (0.25, 3.28), (0.35, 3.26),
                         (0.5, 3.25), (0.65, 3.22), (0.75, 3.19), (0.85, 3.13), (1.0, 2.5))),
    "lithium-ion": (3, ((0.0, 4.18), (0.05, 4.1), (0.1, 4.05), (0.2, 3.95), (0.3, 3.87),
                        (0.4, 3.79), (0.5, 3.72), (0.6, 3.66), (0.8, 3.56), (1.0, 2.9))),
    "nickel-cadmium": (10, ((0.0, 1.38), (0.03, 1.33), (0.1, 1.29), (0.2, 1.27), (0.4, 1.25),
                            (0.6, 1.235), (0.8, 1.21), (0.9, 1.17), (1.0, 0.95))),
    "lithium-titanate": (6, ((0.0, 2.6), (0.05, 2.5), (0.2, 2.42), (0.4, 2.36), (0.6, 2.3),
                             (0.8, 2.22), (0.92, 2.1), (1.0, 1.8))),
    "capacitor": (5, ((0.0, 2.6), (1.0, 0.9))),
}  # fmt: skip


def cells(kind: str, part: float) -> float:
    """Volts of a block of such cells at rest when `part` of the charge is gone."""
    count, curve = KINDS[kind]
    for (x0, y0), (x1, y1) in pairwise(curve):
        if part <= x1:
            return count * (y0 + (y1 - y0) * (part - x0) / (x1 - x0))
    raise ValueError(part)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("hours", "rated_ah"), [(5.0, 20.0), (12.0, 20.0), (5.0, None)])
def test_other_chemistries_are_none_either(kind: str, hours: float, rated_ah: float | None) -> None:
    """Of such curves ten in a hundred were firmly judged, most where the rating was not told."""
    amps = 20.0 / hours
    run_s = next(t for t in range(0, 90_000, 60) if cells(kind, t / 3600.0 / hours) < 11.2)
    for until in (0.35, 0.6):
        rows = [
            CurveRow(60.0 * k, cells(kind, k / 60.0 / hours) - 0.012 * amps, -amps, 25.0, None)
            for k in range(int(until * run_s / 60.0))
        ]
        found = estimate(rows, 1, rated_ah)
        assert found.findings == ("not_lead_acid",)
        assert verdict(found, 600.0, rows[-1].time_s) == "marginal"


def test_who_has_told_its_type_is_doubted_less() -> None:
    view = refer(steady(RUN_S, 3.0, 0.35), 1, 20.0)
    shape = shape_of(view, 1.0)
    assert shape is not None
    for odds, plain, told, unrated in (
        (-2.0, 0, 0, 0), (-1.2, 0, 0, 1), (0.0, 1, 0, 1), (1.0, 1, 1, 1)
    ):  # fmt: skip
        assert len(findings(view, shape, 20.0, odds)) == plain
        assert len(findings(view, shape, 20.0, odds, True)) == told
        assert len(findings(view, shape, None, odds)) == unrated
    (doubt,) = findings(view, shape, 20.0, 0.0)
    assert doubt.text.endswith("If it is one, tell its type in the settings.")
    assert average_maker(20.0, 0.98).is_type_known
    assert not average_maker(20.0).is_type_known


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


@pytest.mark.parametrize("after_a", [1.5, 6.0])
@pytest.mark.parametrize("minutes", [4.0, 12.0])
@pytest.mark.parametrize("rated_ah", [20.0, None])
def test_a_change_at_the_very_end_leaves_nothing_sure(
    after_a: float, minutes: float, rated_ah: float | None
) -> None:
    """Nobody knows which load follows: the interval holds what either makes of the rest."""
    before = steady(RUN_S, 3.0, 0.35)
    from_s = before[-1].time_s - 60.0 * minutes
    rows = [
        row
        if row.time_s < from_s
        else row._replace(battery_a=-after_a, battery_v=row.battery_v - 0.02 * (after_a - 3.0))
        for row in before
    ]
    found = estimate(rows, 1, rated_ah)
    assert "load_changed" in found.findings
    assert any(f"{after_a:.2f} A in the last minutes" in text for text in found.warnings)
    assert verdict(found, 600.0, rows[-1].time_s) == "marginal"
    seen_s = rows[-1].time_s
    other_s = seen_s + (RUN_S - seen_s) * 3.0 / after_a
    assert found.low_s < min(RUN_S, other_s)
    assert max(RUN_S, other_s) < found.high_s


def test_a_level_that_was_there_before_is_no_change() -> None:
    rows = [
        row._replace(battery_a=-6.0) if 1000.0 < row.time_s < 1300.0 or row.time_s > 6000.0 else row
        for row in steady(RUN_S, 3.0, 0.35)
    ]
    assert "load_changed" not in estimate(rows, 1, 20.0).findings


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
