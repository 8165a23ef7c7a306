"""Measured shapes: block volts at places of the run to 11.0 V, from whole discharges.

Rows of whole discharges from full to 11.0 V, read off at parts of the run. Runs without their first
hours look like whole ones of a smaller battery; taking them for whole made estimates 5 to 25 %
short.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

RECORDS = Path(__file__).parent / "records"
RATED_AH = 17.0
OHM_AH = 0.16
PLACES = np.linspace(0.0, 1.0, 51)

# Part of the run (charge over the charge to 11.0 V).
AT = (0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.98, 1.0)

# A of a 17 Ah VRLA block and its volts there, at 18 to 25 degC from full: V. Sulzer, "faster
# lead-acid" (github.com/valentinsulzer/faster-lead-acid, BSD 3-Clause), inputs/telemetry_*.csv of
# 2017-03-24 to 2017-04-04; means over a minute or more, read off with the first 0.5 % left out.
MEASURED = (
    (2.32, (12.63, 12.62, 12.59, 12.52, 12.38, 12.27, 12.15, 12.01, 11.87, 11.71, 11.54, 11.34,
            11.20, 11.10, 11.0)),
    (3.04, (12.59, 12.59, 12.57, 12.52, 12.40, 12.27, 12.14, 12.00, 11.86, 11.71, 11.54, 11.33,
            11.19, 11.09, 11.0)),
    (2.54, (12.69, 12.67, 12.64, 12.57, 12.44, 12.32, 12.19, 12.06, 11.92, 11.76, 11.59, 11.37,
            11.22, 11.10, 11.0)),
    (2.04, (12.76, 12.75, 12.69, 12.62, 12.47, 12.34, 12.20, 12.08, 11.93, 11.78, 11.61, 11.39,
            11.23, 11.11, 11.0)),
    (1.54, (12.85, 12.82, 12.76, 12.67, 12.51, 12.35, 12.21, 12.08, 11.94, 11.79, 11.62, 11.40,
            11.25, 11.12, 11.0)),
    (1.03, (12.85, 12.83, 12.76, 12.66, 12.50, 12.36, 12.23, 12.09, 11.96, 11.80, 11.63, 11.41,
            11.26, 11.12, 11.0)),
    (1.03, (12.80, 12.78, 12.73, 12.64, 12.48, 12.34, 12.21, 12.08, 11.94, 11.80, 11.63, 11.40,
            11.25, 11.12, 11.0)),
    (0.53, (12.88, 12.85, 12.79, 12.68, 12.51, 12.36, 12.23, 12.09, 11.96, 11.82, 11.65, 11.43,
            11.27, 11.13, 11.0)),
)  # fmt: skip

# Mean of published VRLA discharges at C/10, per block: part of the run and volts.
PUBLISHED = (
    (0.0, 12.72), (0.10, 12.55), (0.25, 12.38), (0.50, 12.05), (0.75, 11.69), (0.90, 11.38),
    (0.95, 11.23), (1.0, 11.0),
)  # fmt: skip


def _shape(amps: float, volts: tuple[float, ...]) -> list[float]:
    """At PLACES, referred to the C/10 current; the line through the first two on to the start."""
    first = volts[0] + (volts[0] - volts[1]) * AT[0] / (AT[1] - AT[0])
    whole = np.interp(PLACES, (0.0, *AT), (first, *volts))
    shift = OHM_AH / RATED_AH * (amps - RATED_AH / 10.0)
    return list(whole + shift * (1.0 - PLACES))


SHAPES = [list(np.interp(PLACES, *zip(*PUBLISHED, strict=True)))] + [
    _shape(amps, volts) for amps, volts in MEASURED
]
