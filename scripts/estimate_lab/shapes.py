"""Measured shapes: block volts at 51 places of the run, referred to the C/10 current."""

from __future__ import annotations

import csv
import os
from pathlib import Path

import numpy as np

RECORDS = Path(__file__).parent / "records"
RATED_AH = 17.0
OHM_AH = 0.16
PLACES = np.linspace(0.0, 1.0, 51)

# Mean of published VRLA discharges at C/10, per block: part of the run and volts.
PUBLISHED = (
    (0.0, 12.72), (0.10, 12.55), (0.25, 12.38), (0.50, 12.05), (0.75, 11.69), (0.90, 11.38),
    (0.95, 11.23), (1.0, 11.0),
)  # fmt: skip


def _record(path: Path) -> list[float]:
    with path.open(newline="") as file:
        rows = [[float(x) for x in row] for row in list(csv.reader(file))[1:]]
    t, v, i, _ = (np.array(column) for column in zip(*rows, strict=True))
    q = np.concatenate([[0.0], np.cumsum(-i[1:] * np.diff(t))])
    end = int(np.argmax(v < 11.0)) if (v < 11.0).any() else len(v) - 1
    whole = q[end - 1] + (q[end] - q[end - 1]) * (v[end - 1] - 11.0) / (v[end - 1] - v[end])
    amps = float(-i[:end].mean())
    shift = OHM_AH / RATED_AH * (amps - RATED_AH / 10.0)
    return list(np.interp(PLACES, q / whole, v) + shift * (1.0 - PLACES))


def load(skip: str = "") -> list[list[float]]:
    """Every shape but those whose file name holds `skip` (for scores on records left out)."""
    found = [list(np.interp(PLACES, *zip(*PUBLISHED, strict=True)))]
    for path in sorted(RECORDS.glob("*.csv")):
        if not skip or skip not in path.name:
            found.append(_record(path))
    return found


SHAPES = load(os.environ.get("ESTIMATE_LAB_SKIP", ""))
