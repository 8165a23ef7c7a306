"""The Discharge Curves page: tests and outages, one or several of them drawn over each other."""

from __future__ import annotations

from typing import Final

from flask import Response, request

from btrmd.model.discharge import TestRecord
from btrmd.model.thresholds import Thresholds
from btrmd.model.value_text import format_number

from .answers import answer_json
from .card import RESULTS
from .curve_points import COUNT, CurvePoints, Curves, resample
from .pages import Pages
from .past import format_moment, format_past
from .plot import Plot, PlotMark, Series, draw, encode_plots
from .plot_path import Values, is_known
from .routes import Route, RouteAccess
from .wording import format_duration

MOST: Final = 6  # curves in one plot: as many as there are dashes
LISTED: Final = 200
_GRID: Final = 2 * COUNT  # places of the shared axis of several curves
_LARGEST_N: Final = 10  # digits


class DischargePage:
    """The page and its curves as data."""

    def __init__(self, pages: Pages, curves: Curves) -> None:
        self._pages = pages
        self._services = pages.services
        self._curves = curves

    def show(self) -> str:
        tests = self._tests()
        chosen, unknown = self._chosen(tests)
        plots = self._plots(chosen)
        query = "&".join(f"n={test.n}" for test in chosen)
        return self._pages.render(
            "discharges.html",
            "Discharge Curves",
            tests=[format_past(test) for test in tests],
            chosen=[test.n for test in chosen],
            labels=[_label(test) for test in chosen],
            drawings=[draw(plot) for plot in plots if plot.has_data],
            query=query,
            most=MOST,
            unknown=unknown,
            is_running=any(test.state != "finished" for test in chosen),
        )

    def data(self) -> Response:
        chosen, _ = self._chosen(self._tests())
        return answer_json(encode_plots(self._plots(chosen)))

    def csv(self) -> Response:
        """What is drawn: the discharges over their shared time, each column with its unit."""
        chosen, _ = self._chosen(self._tests())
        plots = self._plots(chosen) if chosen else []
        columns = [(plot, series) for plot in plots for series in plot.measured]
        names = (f"{series.label} {plot.title.lower()} {plot.unit}" for plot, series in columns)
        lines = [",".join(("elapsed_s", *names))]
        for i, x in enumerate(plots[0].xs if chosen else ()):
            values = (_cell(series.ys[i], plot.decimals + 1) for plot, series in columns)
            lines.append(",".join((f"{x:.1f}", *values)))
        name = "-".join(("discharges", *(str(test.n) for test in chosen)))
        headers = {"Content-Disposition": f'attachment; filename="{name}.csv"'}
        return Response("\n".join((*lines, "")), mimetype="text/csv", headers=headers)

    def _tests(self) -> list[TestRecord]:
        """Newest first, the running one as it stands now."""
        tests = {test.n: test for test in self._services.history.tests(limit=LISTED)}
        running = self._services.bus.snapshot.test
        if running is not None:
            tests[running.n] = running
        return sorted(tests.values(), key=lambda test: -test.n)

    def _chosen(self, tests: list[TestRecord]) -> tuple[list[TestRecord], str]:
        """The tests that are asked for, else the newest that has a curve; what there is none of."""
        asked = request.args.getlist("n")[: 4 * MOST]
        if not asked:
            newest = (test for test in tests[:MOST] if self._curves.get(test).xs)
            return [test for test in (next(newest, None),) if test is not None], ""
        numbers = [
            int(text)
            for text in dict.fromkeys(asked)
            if text.isascii() and text.isdigit() and len(text) <= _LARGEST_N
        ][:MOST]
        by_n = {test.n: test for test in tests}
        found = [by_n.get(n) or self._services.history.test(n) for n in numbers]
        known = [test for test in found if test is not None]
        missing = [str(n) for n, test in zip(numbers, found, strict=True) if test is None]
        if len(missing) + len(known) == 0:
            return [], "There is no such test."
        return known, f"There is no test {', '.join(missing)}." if missing else ""

    def _plots(self, tests: list[TestRecord]) -> list[Plot]:
        """Voltage and current of all, the temperature of a single one."""
        points = [self._curves.get(test) for test in tests]
        lengths = [one.length_s for one in points]
        end = max([*lengths, 60.0])
        xs = points[0].xs if len(points) == 1 else tuple(end * i / _GRID for i in range(_GRID + 1))
        cutoff = Thresholds.of(self._services.bus.snapshot.settings).cutoff_v
        marks = [PlotMark(f"Cutoff {format_number(cutoff, 2, 'V')}", y=cutoff)]
        minimum = tests[0].minimum_runtime_s if len(tests) == 1 else None
        if minimum and minimum <= end:
            marks.append(PlotMark(f"Minimum {format_duration(minimum)}", x=minimum))

        def lines(column: str) -> tuple[Series, ...]:
            return tuple(
                Series(_short_label(test), _on(one, getattr(one, column), xs))
                for test, one in zip(tests, points, strict=True)
            )

        plots = [
            Plot(
                "volts",
                "Battery voltage",
                "V",
                2,
                False,
                0.0,
                end,
                xs,
                lines("volts"),
                tuple(marks),
            ),
            Plot("amps", "Battery current", "A", 2, False, 0.0, end, xs, lines("amps")),
        ]
        if len(tests) == 1 and points[0].blocks:
            blocks = tuple(
                Series(f"Block {n}", volts) for n, volts in enumerate(points[0].blocks, 1)
            )
            title = "Block voltages"
            plots.append(Plot("blocks", title, "V", 2, False, 0.0, end, xs, blocks))
        if len(tests) == 1:
            warmth = lines("celsius")
            title = "Enclosure temperature"
            plots.append(Plot("celsius", title, "°C", 1, False, 0.0, end, xs, warmth, least=5.0))
        return plots


def _on(points: CurvePoints, ys: Values, xs: tuple[float, ...]) -> Values:
    return ys if points.xs is xs else resample(points, ys, xs)


def _cell(value: float | None, decimals: int) -> str:
    return "" if value is None or not is_known(value) else format_number(value, decimals)


def _short_label(test: TestRecord) -> str:
    return f"{'Outage' if test.type == 'outage' else 'Test'} {test.n}"


def _label(test: TestRecord) -> str:
    """One sentence about a discharge that is drawn."""
    parts = [f"{_short_label(test)}, {format_moment(test, test.started_at)}"]
    if test.duration_s is not None:
        parts.append(format_duration(test.duration_s))
    if test.average_current is not None:
        parts.append(format_number(test.average_current, 2, "A"))
    if test.result != "none":
        parts.append(RESULTS.get(test.result, test.result))
    return ", ".join(parts)


def discharge_routes(pages: Pages, curves: Curves) -> list[Route]:
    """The page and its data."""
    page = DischargePage(pages, curves)
    return [
        Route("GET", "/discharges", page.show, RouteAccess.PAGE),
        Route("GET", "/discharges/data", page.data, RouteAccess.PAGE),
        Route("GET", "/discharges/csv", page.csv, RouteAccess.PAGE),
    ]
