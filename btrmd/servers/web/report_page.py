"""The report pages: one discharge on one sheet of paper, and the discharges of a year."""

from __future__ import annotations

import csv
import io
from typing import Final

from flask import Response, request
from werkzeug.exceptions import NotFound

from btrmd.docgen.json_text import encode_test
from btrmd.docgen.report import make_report, this_year
from btrmd.model.discharge import TestRecord

from .answers import answer_json
from .csv_times import CsvTimes
from .curve_points import Curves, resample
from .discharge_plot import plot_test
from .event_page import harmless
from .pages import Pages
from .past import format_past
from .plot import Drawing, Plot, Series, draw
from .routes import Route, RouteAccess
from .wording import format_time

CALIBRATION: Final = "calibration"
_LISTED: Final = 10_000
_COLUMNS: Final = (
    "n", "type", "started_at", "ended_at", "result", "marks", "duration_s", "average_current",
    "average_temperature", "end_voltage", "estimate_s", "estimate_low_s", "estimate_high_s",
    "minimum_runtime_s", "started_at_charge", "reason", "source",
)  # fmt: skip


class ReportPage:
    """Views of /report/N and /reports."""

    def __init__(self, pages: Pages, curves: Curves) -> None:
        self._pages = pages
        self._services = pages.services
        self._curves = curves

    def show(self, n: int) -> str:
        record = self._find(n)
        snapshot = self._services.bus.snapshot
        return self._pages.render(
            "report.html",
            f"Report {n}",
            report=make_report(
                record, snapshot, self._services.version, self._calibrated(), format_time
            ),
            drawing=self._draw(record),
            blocks=self._draw_blocks(record),
            baseline=self._baseline(record),
            printed=format_time(snapshot.at),
        )

    def data(self, n: int) -> Response:
        """The report for machines."""
        record, snapshot = self._find(n), self._services.bus.snapshot
        version = self._services.version
        report = make_report(record, snapshot, version, self._calibrated(), format_time)
        return answer_json({**report.encode(), "test": encode_test(record)})

    def year(self) -> str:
        records = self._year()
        counts = {
            word: sum(record.result == word for record in records if record.type != "outage")
            for word in ("good", "low", "aborted", "none")
        }
        return self._pages.render(
            "reports.html",
            "Test Reports",
            tests=[format_past(record) for record in records],
            counts=counts,
            outages=sum(record.type == "outage" for record in records),
        )

    def year_json(self) -> Response:
        return answer_json({"tests": [encode_test(record) for record in self._year()]})

    def year_csv(self) -> Response:
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\r\n")
        times = CsvTimes.of_request()
        writer.writerow(times.heads(_COLUMNS, ("started_at", "ended_at")))
        for record in self._year():
            moments = {"started_at": record.started_at, "ended_at": record.ended_at}
            cells = times.cells(_COLUMNS, encode_test(record), moments)
            writer.writerow(
                harmless(" ".join(cell) if isinstance(cell, list) else cell) for cell in cells
            )
        headers = {"Content-Disposition": 'attachment; filename="battery-tests.csv"'}
        return Response(text.getvalue(), mimetype="text/csv", headers=headers)

    def _find(self, n: int) -> TestRecord:
        snapshot = self._services.bus.snapshot
        for record in (snapshot.test, snapshot.last_test, self._services.history.test(n)):
            if record is not None and record.n == n:
                return record
        raise NotFound(f"There is no discharge {n}.")

    def _year(self) -> list[TestRecord]:
        found = self._services.history.tests(include_cleared=True, limit=_LISTED)
        return this_year(found, self._services.bus.snapshot.at)

    def _calibrated(self) -> str:
        found = self._services.history.find_events(0, 1, CALIBRATION)
        return f"last changed {format_time(found[0].at)}" if found else "as delivered"

    def _baseline(self, record: TestRecord) -> int:
        """The first test of this battery that has a curve and a judgement; 0 = there is none."""
        tests = self._services.history.tests(limit=_LISTED)
        for test in reversed(tests):
            if test.n >= record.n:
                break
            if test.result == "good" and test.estimate_s is not None and test.type != "outage":
                return test.n
        return 0

    def _draw(self, record: TestRecord) -> Drawing | None:
        points = self._curves.get(record)
        if not points.xs:
            return None
        plot = plot_test(record, points, self._services.bus.snapshot)
        first = self._services.history.test(self._baseline(record))
        if first is not None:
            base = self._curves.get(first)
            line = Series(f"Test {first.n}", resample(base, base.volts, plot.xs))
            plot = plot._replace(series=(*plot.series, line))
        return draw(plot)._replace(table=())

    def _draw_blocks(self, record: TestRecord) -> Drawing | None:
        """The voltage of each block over the discharge; None without taps."""
        points = self._curves.get(record)
        if not points.blocks:
            return None
        series = tuple(Series(f"Block {n}", volts) for n, volts in enumerate(points.blocks, 1))
        end = max(points.length_s, 60.0)
        plot = Plot("blocks", "Voltage of each block", "V", 2, False, 0.0, end, points.xs, series)
        return draw(plot)._replace(table=())


def report_routes(pages: Pages, curves: Curves) -> list[Route]:
    """The pages and their data."""
    page = ReportPage(pages, curves)

    def show(n: int) -> str | Response:
        return page.data(n) if request.args.get("format") == "json" else page.show(n)

    return [
        Route("GET", "/report/<int:n>", show, RouteAccess.PAGE),
        Route("GET", "/reports", page.year, RouteAccess.PAGE),
        Route("GET", "/reports/csv", page.year_csv, RouteAccess.PAGE),
        Route("GET", "/reports/json", page.year_json, RouteAccess.PAGE),
    ]
