"""scripts/soak: what it takes for growth, and a short run of it against a real station."""

from __future__ import annotations

import json
import os
import random
import re
import subprocess
import sys

import pytest
from daemon_process import ROOT
from growth import SETTLED_S, WEEK_S, count_verdict, growth

LIMIT_MB = 1.0


def series(
    hours: float, a_week: float, noise: float = 0.05, settling: float = 0.0
) -> tuple[list[float], list[float]]:
    """A sample a minute: memory that grows by so much a week, after `settling` MB in an hour."""
    rng = random.Random(15)
    times = [60.0 * n for n in range(int(hours * 60))]
    values = [
        60.0 + a_week * t / WEEK_S + settling * (1 - 2 ** (-t / 900.0)) + rng.gauss(0.0, noise)
        for t in times
    ]
    return times, values


@pytest.mark.parametrize(
    ("hours", "a_week", "verdict"),
    [
        (100.0, 0.0, "holds"),
        (100.0, 0.5, "holds"),
        (100.0, 2.0, "broken"),
        (24.0 * 7, 1.2, "broken"),
        (10.0, 500.0, "broken"),  # 20 MB in the time: no settling explains that
        (0.5, 0.0, "undecided"),  # the noise alone would be hundreds of MB a week
        (0.5, 500.0, "undecided"),  # 1 MB: caches may be filling still
    ],
)
def test_growth_is_judged_no_surer_than_the_samples_are(
    hours: float, a_week: float, verdict: str
) -> None:
    assert growth(*series(hours, a_week)).verdict(LIMIT_MB) == verdict


def test_caches_that_fill_are_no_leak() -> None:
    assert growth(*series(3.0, 0.0, settling=8.0)).verdict(LIMIT_MB) != "broken"
    assert growth(*series(100.0, 0.0, settling=8.0)).verdict(LIMIT_MB) == "holds"


def test_too_few_samples_decide_nothing() -> None:
    times = [0.0, SETTLED_S, 2 * SETTLED_S, 3 * SETTLED_S]
    assert growth(times, [60.0, 70.0, 80.0, 90.0]).verdict(LIMIT_MB) == "undecided"


@pytest.mark.parametrize(
    ("values", "verdict"),
    [
        ([40.0] * 30, "holds"),
        ([40.0, 41.0] * 15, "holds"),
        ([30.0] * 3 + [40.0] * 27, "holds"),  # it had to begin
        ([40.0 + n for n in range(30)], "broken"),
        ([40.0 + n // 8 for n in range(30)], "broken"),
        ([40.0] * 5, "undecided"),
        ([40.0] * 20 + [41.0] * 10, "undecided"),  # one step may be the last
    ],
)
def test_counts_may_not_grow_at_all(values: list[float], verdict: str) -> None:
    assert count_verdict(values) == verdict


@pytest.mark.long
def test_a_short_soak_of_a_real_station_fails_nowhere_and_leaks_no_descriptor() -> None:
    done = subprocess.run(
        [sys.executable, "scripts/lib_soak.py", "0.01", "--rounds", "20", "--work", "0", "--rest",
         "0.2"],
        cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True,
        timeout=300, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert " 0 failed, 0 tracebacks" in done.stdout
    work = json.loads(re.findall(r"work done: (\{.*\})", done.stdout)[0])
    assert set(work.values()) == {20}, "every kind of it, in every round"
    for name in ("resident memory, MB", "descriptors", "threads"):
        (line,) = [line for line in done.stdout.splitlines() if line.startswith(name)]
        assert not line.endswith("broken"), done.stdout


def test_hours_outside_the_range_are_refused() -> None:
    done = subprocess.run(
        [sys.executable, "scripts/lib_soak.py", "0"],
        cwd=ROOT, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 2
    assert "HOURS is 0; allowed are 0.01 to 10000" in done.stderr


def test_rounds_that_are_too_few_to_judge_by_are_refused() -> None:
    done = subprocess.run(
        [sys.executable, "scripts/lib_soak.py", "0.01", "--rounds", "8"],
        cwd=ROOT, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 2
    assert "--rounds is 8; 9 or more are needed" in done.stderr
