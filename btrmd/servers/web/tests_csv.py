"""The list of tests and outages as CSV, their marks in words."""

from __future__ import annotations

import csv
import io
from typing import Final

from flask import Response, request

from btrmd.model.discharge import TestRecord
from btrmd.model.result_words import format_marks, format_result

from .bodies import query_int
from .csv_times import CsvTimes
from .encode import encode_test
from .event_page import harmless
from .routes import Route, RouteAccess
from .services import Services

MOST: Final = 10_000
PATH: Final = "/api/v1/tests.csv"
HEAD: Final = (
    *("n", "type", "state", "result", "started_at", "ended_at", "duration_s", "average_current"),
    *("average_temperature", "end_voltage", "estimate_s", "estimate_low_s", "estimate_high_s"),
    *("own_estimate_s", "own_low_s", "own_high_s", "started_at_charge", "minimum_runtime_s"),
    *("source", "marks", "marks_in_words", "advice", "reason"),
)
TIMES: Final = ("started_at", "ended_at")


class TestsCsv:
    """The view."""

    __test__ = False

    def __init__(self, services: Services) -> None:
        self._services = services

    def show(self) -> Response:
        """Newest first; what is not known is empty."""
        limit = query_int(request, "limit", 1000, 1, MOST)
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        times = CsvTimes.of_request()
        writer.writerow(times.heads(HEAD, TIMES))
        writer.writerows(_cells(test, times) for test in self._services.history.tests(limit=limit))
        headers = {"Content-Disposition": 'attachment; filename="tests.csv"'}
        return Response(text.getvalue(), mimetype="text/csv", headers=headers)


def _cells(test: TestRecord, times: CsvTimes) -> list[object]:
    cells: dict[str, object] = {
        **encode_test(test),
        "marks": " ".join(test.marks),
        "marks_in_words": format_marks(test.marks),
        "advice": format_result(test),
    }
    moments = dict(zip(TIMES, (test.started_at, test.ended_at), strict=True))
    return [harmless(cell) for cell in times.cells(HEAD, cells, moments)]


def tests_csv_routes(services: Services) -> list[Route]:
    """The file."""
    return [
        Route(
            "GET",
            PATH,
            TestsCsv(services).show,
            RouteAccess.DATA,
            "Tests and outages, newest first, with their marks in words",
            "Csv",
            query=("limit",),
            answers=((422, "A query parameter is refused."),),
        )
    ]
