"""The end seen before: a run down to the cutoff tells how the same battery ends, and no other."""

from __future__ import annotations

import random
from collections.abc import Callable
from statistics import median

import pytest

from btrmd.estimate.run_time import estimate
from btrmd.estimate.seen_end import METHOD, SeenRun, by_seen_runs, seen_run
from btrmd.model.discharge import CurveRow, Estimate

AH, AMPS = 40.0, 4.0
RUN_S = 30_000.0
LAST_HALF = [0.56 + 0.02 * k for k in range(22)]


def sharp(part: float) -> float:
    """Block volts over the part of the run: an end that falls off within its last twentieth."""
    return 11.0 + 1.55 * (0.82 * (1.0 - part) + 0.18 * (1.0 - part**28.0))


def weak(part: float) -> float:
    """The same bank with a cell that ends before the others."""
    return sharp(0.8 * part) - 2.0 * max(0.0, part - 0.9)


def rows(
    run_s: float, until: float, amps: float = AMPS, temp_c: float = 25.0,
    shape: Callable[[float], float] = sharp,
) -> list[CurveRow]:  # fmt: skip
    """A discharge up to `until` (part of the run); its volts are lower under more current."""
    noise = random.Random(3)
    drop = 0.2 / AH * (amps - AMPS)
    found = []
    for t in range(0, int(until * run_s) + 1, 30):
        volts = round(shape(t / run_s) - drop + noise.gauss(0.0, 0.004), 3)
        found.append(CurveRow(t, volts, -amps, temp_c, amps))
    return found


@pytest.fixture(scope="module")
def run() -> SeenRun:
    found = seen_run(rows(RUN_S, 1.0), 1, AH, RUN_S)
    assert found is not None
    return found


def told(run: SeenRun, part: float, run_s: float, **more: float) -> tuple[Estimate, Estimate]:
    """What the curve says by itself, and with the run that was seen."""
    some = rows(run_s, part, **more)  # type: ignore[arg-type]
    made = estimate(some, 1, AH)
    return made, by_seen_runs(made, [run], some, 1, AH)


def off(found: Estimate, part: float, run_s: float) -> float:
    return (found.ert_s - part * run_s) / ((1.0 - part) * run_s) - 1.0


@pytest.mark.parametrize(
    ("aged", "amps", "temp_c"),
    [(1.0, 4.0, 25.0), (0.8, 4.0, 20.0), (0.9, 4.5, 25.0), (0.9, 3.6, 14.0)],
)
def test_the_end_of_the_same_battery(run: SeenRun, aged: float, amps: float, temp_c: float) -> None:
    run_s = aged * RUN_S * AMPS / amps
    alone, seen, inside = [], [], 0
    for part in LAST_HALF:
        made, found = told(run, part, run_s, amps=amps, temp_c=temp_c)
        assert METHOD in found.method
        assert (found.own_s, found.own_low_s, found.own_high_s) == made[:3]
        assert found.low_s <= found.ert_s <= found.high_s
        alone.append(off(made, part, run_s))
        seen.append(off(found, part, run_s))
        inside += found.low_s <= run_s <= found.high_s
    assert median(abs(x) for x in seen) < 0.1
    assert median(abs(x) for x in seen) < 0.6 * median(abs(x) for x in alone)
    assert max(x for x, part in zip(seen, LAST_HALF, strict=True) if part >= 0.9) < 0.1
    assert inside == len(LAST_HALF)


def test_a_cell_that_has_failed_since_is_no_end_seen_before(run: SeenRun) -> None:
    run_s = 0.8 * RUN_S
    for part in (0.93, 0.95, 0.97, 0.99):
        some = rows(run_s, part, shape=weak)
        made = estimate(some, 1, AH)
        assert by_seen_runs(made, [run], some, 1, AH) == made


@pytest.mark.parametrize(
    "more", [{"amps": 5.0}, {"amps": 3.0}, {"temp_c": 5.0}], ids=["more", "less", "cold"]
)
def test_what_is_not_similar_says_nothing(run: SeenRun, more: dict[str, float]) -> None:
    made, found = told(run, 0.8, RUN_S * AMPS / more.get("amps", AMPS), **more)
    assert found == made


def test_the_first_half_is_told_by_the_curve(run: SeenRun) -> None:
    made, found = told(run, 0.45, RUN_S)
    assert found == made


def test_a_finding_or_a_measured_time_stays(run: SeenRun) -> None:
    some = rows(RUN_S, 0.8)
    made = estimate(some, 1, AH)
    for other in (made._replace(findings=("not_full",)), Estimate(9e3, 9e3, 9e3, "measured")):
        assert by_seen_runs(other, [run], some, 1, AH) == other
    differs = made._replace(findings=("history_differs",))
    assert METHOD in by_seen_runs(differs, [run], some, 1, AH).method
    assert by_seen_runs(made, [], some, 1, AH) == made


def test_only_a_steady_load_is_kept_and_compared(run: SeenRun) -> None:
    def uneven(until: float) -> list[CurveRow]:
        return [
            row._replace(battery_a=row.battery_a * (1.5 if int(row.time_s / 900) % 2 else 0.5))
            for row in rows(RUN_S, until)
        ]

    assert seen_run(uneven(1.0), 1, AH, RUN_S) is None
    some = uneven(0.8)
    made = estimate(some, 1, AH)
    assert by_seen_runs(made, [run], some, 1, AH) == made


def test_too_little_of_a_run_is_none() -> None:
    assert seen_run(rows(RUN_S, 1.0)[:5], 1, AH, RUN_S) is None
