"""The plot of one discharge: a finished one with its estimate, and the one that is under way."""

from __future__ import annotations

import threading
import time
from typing import Final

from btrmd.model.discharge import TestRecord
from btrmd.model.snapshot import Snapshot
from btrmd.model.thresholds import Thresholds
from btrmd.model.value_text import format_number

from .curve_points import NO_POINTS, CurvePoints, Curves
from .known import known_number
from .plot import Drawing, Plot, PlotMark, Series, draw
from .wording import format_duration

_MARGIN: Final = 1.05  # of the axis beyond what is drawn
_LEAST_S: Final = 600.0  # of a running test's axis
_READ_S: Final = 20.0  # between two reads of a growing curve; it is stored once a minute


def plot_test(test: TestRecord, points: CurvePoints, snapshot: Snapshot) -> Plot:
    """The curve with the cutoff, the estimate and its interval, and the minimum run time."""
    cutoff = Thresholds.of(snapshot.settings).cutoff_v
    marks = [PlotMark(f"Cutoff {format_number(cutoff, 2, 'V')}", y=cutoff)]
    estimate, low, high = test.estimate_s, test.estimate_low_s, test.estimate_high_s
    if low is not None and high is not None:
        text = f"90 % interval {format_duration(low)} to {format_duration(high)}"
        marks.append(PlotMark(text, x=low, x_to=high))
    if estimate is not None:
        marks.append(PlotMark(f"Estimate {format_duration(estimate)}", x=estimate, y=cutoff))
    if test.minimum_runtime_s:
        text = f"Minimum {format_duration(test.minimum_runtime_s)}"
        marks.append(PlotMark(text, x=test.minimum_runtime_s))
    ends = (points.length_s, estimate, high, test.minimum_runtime_s, 60.0)
    end = max(value for value in ends if value is not None) * _MARGIN
    xs = points.xs
    series: tuple[Series, ...] = (Series("Battery", points.volts),)
    if estimate is not None and xs and estimate > xs[-1]:
        # A straight line: it says where the estimate lies, not how the voltage gets there.
        guide = (*(None for _ in xs[1:]), points.volts[-1], cutoff)
        series = (
            Series("Battery", (*points.volts, None)),
            Series("To the estimate", guide, is_guide=True),
        )
        xs = (*xs, estimate)
    return Plot(
        "curve",
        f"Discharge curve of test {test.n}",
        "V",
        2,
        False,
        0.0,
        end,
        xs,
        series,
        tuple(marks),
        empty="No curve has been recorded.",
    )


class LiveCurve:
    """The picture of the discharge under way: what is stored of it, and the reading of now.

    Thread-safe; however many browsers look, the growing curve is read a few times a minute.
    """

    def __init__(self, curves: Curves) -> None:
        self._curves = curves
        self._lock = threading.Lock()
        self._n = 0
        self._read_at = 0.0
        self._points = NO_POINTS

    def get(self, snapshot: Snapshot) -> Drawing | None:
        """None while nothing discharges."""
        test = snapshot.test
        elapsed = known_number(snapshot, "test.elapsed")
        if test is not None and test.type == "outage":
            elapsed = max(snapshot.at - test.started_at, 0.0)
        if test is None or test.state not in ("running", "returning"):
            return None
        points = self._stored(test)
        volts = known_number(snapshot, "battery.voltage")
        if volts is not None and elapsed is not None and elapsed > points.length_s:
            xs, ys = (*points.xs, elapsed), (*points.volts, volts)
        else:
            xs, ys = points.xs, points.volts
        if not xs:
            return None
        cutoff = Thresholds.of(snapshot.settings).cutoff_v
        end = max(xs[-1] * 1.2, _LEAST_S)
        marks = [PlotMark(f"Cutoff {format_number(cutoff, 2, 'V')}", y=cutoff)]
        if test.type == "outage" and snapshot.settings.flag("lvd.enabled"):
            opens = Thresholds.of(snapshot.settings).lvd_open_v
            marks.append(PlotMark(f"Load disconnect {format_number(opens, 2, 'V')}", y=opens))
        minimum = test.minimum_runtime_s
        if minimum and minimum <= end:
            marks.append(PlotMark(f"Minimum {format_duration(minimum)}", x=minimum))
        name = "Outage" if test.type == "outage" else f"Test {test.n}"
        plot = Plot(
            "live", f"{name} so far", "V", 2, False, 0.0, end, xs,
            (Series("Battery", ys),), tuple(marks),
        )  # fmt: skip
        return draw(plot)._replace(table=())  # Discharge Curves has it when the test is over

    def _stored(self, test: TestRecord) -> CurvePoints:
        now = time.monotonic()
        with self._lock:
            if self._n != test.n or now - self._read_at > _READ_S:
                self._n, self._read_at = test.n, now
                self._points = self._curves.get(test)
            return self._points
