"""The API that shows: points, events, tests, trends, settings, health and the stream."""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import chain
from typing import Final

from flask import Response, g, request

from btrmd.model.discharge import CurveRow, TestRecord
from btrmd.model.events import Event
from btrmd.model.history import History
from btrmd.model.points import POINT
from btrmd.model.settings import SETTINGS
from btrmd.model.snapshot import Snapshot
from btrmd.model.value_text import format_number

from . import metrics, stream_gzip
from .answers import (
    answer_document,
    answer_json,
    answer_pieces,
    json_list,
    refuse,
    takes_gzip,
)
from .bodies import query_int, query_time, refuse_field
from .encode import encode_event, encode_test, iso_time, number
from .routes import Route, RouteAccess
from .services import Services
from .stream import MAX_CLIENTS, RETRY_AFTER_S, RETRY_MS, state_document
from .tasks import TAKE_OVER

MAX_EVENTS: Final = 10_000
BATCH: Final = 200  # events read at a time
MAX_TREND_ROWS: Final = 2000
DAY_S: Final = 86400.0
HOUR_S: Final = 3600.0
LIVE_POINTS: Final = {"test.next_h": "test.next"}  # live setting (h) -> its point (s)
CURVE_HEAD: Final = "time_s,battery_v,battery_a,temp_c,load_a\n"


class ReadApi:
    """Views that change nothing."""

    def __init__(self, services: Services) -> None:
        self._bus = services.bus
        self._history = services.history
        self._services = services
        self._tally = metrics.EventTally(services.bus, services.history)

    def points(self) -> Response:
        return answer_document(self._services.points.get())

    def events(self) -> Response:
        after = query_int(request, "after", 0, 0, 2**63 - 1)
        limit = query_int(request, "limit", 1000, 1, MAX_EVENTS)
        events = rising_events(self._history, after, limit)
        return answer_pieces(json_list("events", map(encode_event, events)))

    def tests(self) -> Response:
        limit = query_int(request, "limit", 1000, 1, MAX_EVENTS)
        tests = {test.n: test for test in self._history.tests(limit=limit)}
        running = self._bus.snapshot.test
        if running is not None:
            tests[running.n] = running  # newer than what is on disk
        newest_first = sorted(tests.values(), key=lambda test: test.n, reverse=True)
        return answer_pieces(json_list("tests", map(encode_test, newest_first[:limit])))

    def test(self, n: int) -> Response:
        test = self._find(n)
        return answer_json(encode_test(test)) if test is not None else _no_test(n)

    def curve(self, n: int) -> Response:
        if self._find(n) is None:
            return _no_test(n)
        lines = chain((CURVE_HEAD,), _curve_lines(self._history.curve(n)))
        headers = {"Content-Disposition": f'attachment; filename="test-{n}-curve.csv"'}
        return answer_pieces(lines, "text/csv", headers)

    def trends(self) -> Response:
        end = query_time(request, "to", self._bus.snapshot.at)
        start = query_time(request, "from", end - DAY_S)
        if start > end:
            refuse_field("from", request.args.get("from"), "a time before to")
        keys = self._trend_keys()
        rows = self._history.trends(start, end, keys, MAX_TREND_ROWS)
        return answer_json(
            {
                "from": iso_time(start),
                "to": iso_time(end),
                "tier_s": rows.tier_s,
                "columns": ["at", *rows.keys],
                "rows": [
                    [iso_time(row[0]), *(number(value) for value in row[1:])]
                    for row in rows.rows[:MAX_TREND_ROWS]
                ],
            }
        )

    def settings(self) -> Response:
        return answer_json(public_settings(self._services))

    def state(self) -> Response:
        return answer_json(state_document(self._bus.snapshot))

    def stream(self) -> Response:
        take_over = request.environ.get(TAKE_OVER)
        headers = {
            "Cache-Control": "no-cache",
            "X-Accel-Buffering": "no",
            "Vary": "Accept-Encoding",
        }
        if request.method == "HEAD":
            return Response(mimetype="text/event-stream", headers=headers)
        packed = takes_gzip(request)
        if take_over is None or not take_over(self._services.feed, packed, g.may_go_on):
            reason = f"All {MAX_CLIENTS} streams are taken; ask /api/v1/points instead."
            return refuse(503, "busy", reason, RETRY_AFTER_S)
        # A body of unknown length: the channel goes on from here.
        head = b"retry: %d\n\n" % RETRY_MS
        if packed:
            headers["Content-Encoding"] = "gzip"
            head = stream_gzip.HEAD + stream_gzip.pack(head)
        return Response(iter((head,)), mimetype="text/event-stream", headers=headers)

    def healthz(self) -> Response:
        if self._services.health.is_ticking():
            return answer_json({"status": "ok"})
        return refuse(503, "stopped", "The owner loop does not tick.")

    def metrics(self) -> Response:
        text = metrics.encode_metrics(
            self._bus.snapshot,
            self._services.version,
            self._services.feed.clients,
            self._bus,
            self._services.counts(),
            self._tally,
        )
        return Response(text, mimetype=metrics.MIMETYPE)

    def _find(self, n: int) -> TestRecord | None:
        running = self._bus.snapshot.test
        return running if running is not None and running.n == n else self._history.test(n)

    @staticmethod
    def _trend_keys() -> list[str] | None:
        text = request.args.get("points")
        if not text:
            return None
        keys = list(dict.fromkeys(key for key in text.split(",") if key))
        for key in keys:
            if key not in POINT:
                refuse_field("points", key, "keys of /api/v1/points, separated by commas")
        return keys


def rising_events(history: History, after: int, limit: int) -> Iterator[Event]:
    """At most `limit` events above `after`, a few at a time in memory."""
    while limit > 0:
        found = history.events(after, min(limit, BATCH))
        yield from found
        if len(found) < min(limit, BATCH):
            return
        limit -= len(found)
        after = found[-1].n


def public_settings(services: Services) -> dict[str, object]:
    """Every setting by key; secrets null, live ones from their points."""
    snapshot = services.bus.snapshot
    values: dict[str, object] = {}
    public = snapshot.settings.public()
    for key, setting in SETTINGS.items():
        if key in public:
            values[key] = public[key]
        elif setting.live:
            values[key] = _live(key, snapshot)
    return values


def _live(key: str, snapshot: Snapshot) -> object:
    """A countdown setting in its whole hours, rounded up as in every protocol."""
    reading = snapshot.points.get(LIVE_POINTS[key])
    if reading is None or not isinstance(reading.value, int | float):
        return None
    return math.ceil(reading.value / HOUR_S) if math.isfinite(reading.value) else None


def _no_test(n: int) -> Response:
    return refuse(404, "unknown", f"There is no test {n}.")


def _curve_lines(rows: Iterator[CurveRow]) -> Iterator[str]:
    for row in rows:
        yield (
            f"{_cell(row.time_s, 1)},{_cell(row.battery_v, 3)},{_cell(row.battery_a, 3)},"
            f"{_cell(row.temp_c, 2)},{_cell(row.load_a, 3)}\n"
        )


def _cell(value: float | None, digits: int) -> str:
    known = number(value)
    return "" if known is None else format_number(known, digits)


def read_routes(services: Services) -> list[Route]:
    """The reading half of the API."""
    api = ReadApi(services)
    unknown = (404, "There is no such test.")
    bad_query = (422, "A parameter is refused; the sentence names it and what is allowed.")

    v1 = "/api/v1"
    data = RouteAccess.DATA
    return [
        Route("GET", f"{v1}/points", api.points, data, "All points now", "Points"),
        Route(
            "GET",
            f"{v1}/events",
            api.events,
            data,
            "Events by rising number",
            "Events",
            query=("after", "limit"),
            answers=(bad_query,),
        ),
        Route(
            "GET",
            f"{v1}/tests",
            api.tests,
            data,
            "Tests and outages, newest first",
            "Tests",
            query=("limit",),
            answers=(bad_query,),
        ),
        Route(
            "GET",
            f"{v1}/tests/<int:n>",
            api.test,
            data,
            "One test",
            "Test",
            answers=(unknown,),
        ),
        Route(
            "GET",
            f"{v1}/tests/<int:n>/curve.csv",
            api.curve,
            data,
            "The discharge curve of a test: s from the transfer, V, A (negative = discharging), "
            "°C, A",
            "Csv",
            answers=(unknown,),
        ),
        Route(
            "GET",
            f"{v1}/trends",
            api.trends,
            data,
            "Means over 1 min, 15 min or 1 day, at most 2,000 rows from the finest tier that fits",
            "Trends",
            query=("from", "to", "points"),
            answers=(bad_query,),
        ),
        Route(
            "GET", f"{v1}/settings", api.settings, data, "All settings, secrets null", "Settings"
        ),
        Route(
            "GET",
            f"{v1}/state",
            api.state,
            data,
            "What the status page shows: points, alarms and the test in words",
            "State",
        ),
        Route(
            "GET",
            f"{v1}/stream",
            api.stream,
            data,
            "Server-sent events: the whole state, then changes",
            "EventStream",
            answers=((503, "All 8 streams are taken."),),
        ),
        Route(
            "GET",
            "/healthz",
            api.healthz,
            RouteAccess.PUBLIC,
            "Whether the owner loop ticks",
            "Health",
            answers=((503, "It does not."),),
        ),
        Route("GET", "/metrics", api.metrics, data, "Metrics for Prometheus", "Text"),
    ]
