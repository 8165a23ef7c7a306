"""The Trends page: voltages, currents, temperature and run time over an hour up to five years."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Final, NamedTuple

from flask import Response, request

from btrmd.model.discharge import TestRecord
from btrmd.model.history import History

from .answers import answer_json
from .bodies import query_int, refuse_field
from .csv_times import CsvTimes
from .encode import iso_time, number
from .pages import Pages
from .plot import Drawing, Plot, PlotMark, Series, draw, encode_plots
from .routes import Route, RouteAccess
from .wording import format_duration, format_time

DAY_S: Final = 86400
RANGES: Final = {
    "1h": ("1 hour", 3600),
    "6h": ("6 hours", 6 * 3600),
    "1d": ("1 day", DAY_S),
    "7d": ("7 days", 7 * DAY_S),
    "30d": ("30 days", 30 * DAY_S),
    "1y": ("1 year", 365 * DAY_S),
    "5y": ("5 years", 5 * 365 * DAY_S),
}
FIRST: Final = "1d"
FRESH_S: Final = DAY_S  # up to this range the page draws anew every minute
DRAWN: Final = 120  # stretches of the picture without script
PLOTTED: Final = 600  # stretches for the script: two values each, so at most 1,200
MOST_ROWS: Final = 2000
LISTED: Final = 200  # tests and outages among which the bands are looked for
MOST_BANDS: Final = 100
THINNEST: Final = 400.0  # a band is at least this part of the axis wide, so that it can be seen
LATEST: Final = 253402300799  # 9999-12-31
HOUR_S: Final = 3600.0


class Chart(NamedTuple):
    """One plot: (point key, label) of its lines; values are divided by `scale`."""

    name: str
    title: str
    unit: str
    decimals: int
    lines: tuple[tuple[str, str], ...]
    scale: float = 1.0
    least: float = 0.5
    is_always: bool = False  # shown even when nothing is recorded


CHARTS: Final = (
    Chart(
        "voltage",
        "Voltages",
        "V",
        2,
        (
            ("battery.voltage", "Battery"),
            ("load.voltage", "Load"),
            ("supply.voltage", "Supply"),
            ("charger.voltage", "Charger"),
        ),
        is_always=True,
    ),
    Chart(
        "current",
        "Currents",
        "A",
        2,
        (
            ("battery.current", "Battery"),
            ("load.current", "Load"),
            ("supply.current", "Supply"),
            ("charger.current", "Charger"),
        ),
        is_always=True,
    ),
    Chart(
        "temperature",
        "Temperature",
        "°C",
        1,
        (("system.temperature", "Enclosure"),),
        least=5.0,
        is_always=True,
    ),
    Chart(
        "runtime",
        "Estimated run time",
        "h",
        2,
        (("runtime.estimate", "Estimate"), ("runtime.estimate_low", "Lower end, 90 %")),
        scale=HOUR_S,
        least=1.0,
    ),
    Chart("soh", "State of health", "%", 1, (("battery.soh", "State of health"),), least=10.0),
    Chart(
        "blocks",
        "Block voltages",
        "V",
        2,
        tuple((f"battery.block{n}.voltage", f"Block {n}") for n in range(1, 5)),
    ),
    Chart(
        "io",
        "IO channels",
        "V",
        2,
        tuple((f"io{i}.voltage", f"CH{i}") for i in range(1, 5)),
    ),
)
KEYS: Final = tuple(key for chart in CHARTS for key, _ in chart.lines)


class Span(NamedTuple):
    """What the page shows: wall times s, the name of the range, whether it reaches to now."""

    start: float
    end: float
    range: str
    is_now: bool

    @property
    def length(self) -> float:
        return self.end - self.start


def make_plots(
    history: History, span: Span, buckets: int, minimum_s: float = 0.0, now: float = 0.0
) -> list[Plot]:
    """All plots of `span`, of at most `buckets` stretches, with bands where the battery carried
    the load. `minimum_s`: the run time that is needed, 0 = none is; `now` wall s, until when a
    discharge under way goes."""
    bands = make_bands(history.tests(limit=LISTED), span, now)
    needed = (PlotMark(f"Minimum {format_duration(minimum_s)}", y=minimum_s / HOUR_S),)
    found = history.trend_ranges(span.start, span.end, KEYS, buckets)
    xs, columns = _join(found.rows, float(found.tier_s), len(KEYS))
    by_key = dict(zip(KEYS, columns, strict=True))
    return [
        Plot(
            chart.name,
            chart.title,
            chart.unit,
            chart.decimals,
            True,
            span.start,
            span.end,
            xs,
            tuple(Series(label, _scaled(by_key[key], chart.scale)) for key, label in chart.lines),
            marks=(*bands, *(needed if chart.name == "runtime" and minimum_s else ())),
            least=chart.least,
        )
        for chart in CHARTS
    ]


def make_bands(tests: Sequence[TestRecord], span: Span, now: float) -> tuple[PlotMark, ...]:
    """When the battery carried the load within `span`, newest first."""
    bands = []
    for test in tests:
        end = test.ended_at or max(now, test.started_at)
        if test.started_at <= 0.0 or end < span.start or test.started_at > span.end:
            continue
        kind = "outage" if test.type == "outage" else "test"
        label = f"{kind.capitalize()} {test.n}"
        least = (span.end - span.start) / THINNEST
        start = max(test.started_at, span.start)
        bands.append(PlotMark(label, start, min(max(end, start + least), span.end), kind=kind))
    return tuple(bands[:MOST_BANDS])


def _scaled(values: Sequence[float | None], scale: float) -> Sequence[float | None]:
    if scale == 1.0:
        return values
    return [None if value is None else value / scale for value in values]


def _join(
    rows: Sequence[tuple[float | None, ...]], width: float, count: int
) -> tuple[list[float], list[list[float | None]]]:
    """Places and columns of rows (start, low, high, low, high ...): two places a stretch where
    low and high differ anywhere; where rows are missing a place without values breaks the lines."""
    is_pair = any(row[1 + 2 * i] != row[2 + 2 * i] for row in rows for i in range(count))
    xs: list[float] = []
    columns: list[list[float | None]] = [[] for _ in range(count)]
    last = None
    for row in rows:
        start = row[0] or 0.0
        if last is not None and start - last > 1.5 * width:
            xs.append(last + width)
            for column in columns:
                column.append(None)
        last = start
        xs += (start + width / 4, start + width * 3 / 4) if is_pair else (start + width / 2,)
        for i, column in enumerate(columns):
            column += row[1 + 2 * i : 3 + 2 * i] if is_pair else (row[1 + 2 * i],)
    return xs, columns


class TrendPage:
    """The page, its data for the script, and the rows as CSV."""

    def __init__(self, pages: Pages) -> None:
        self._pages = pages
        self._services = pages.services

    def show(self) -> str:
        span = self._span(_range())
        plots = self._plots(span, DRAWN)
        bands = [mark for mark in plots[0].marks if mark.kind]
        shown = [
            plot
            for plot, chart in zip(plots, CHARTS, strict=True)
            if chart.is_always or plot.has_data
        ]
        drawings: list[Drawing] = [draw(plot) for plot in shown]
        later = min(span.end + span.length, self._services.bus.snapshot.at)
        return self._pages.render(
            "trends.html",
            "Trends",
            drawings=drawings,
            ranges=[(name, label) for name, (label, _) in RANGES.items()],
            span=span,
            start=format_time(span.start),
            end=format_time(span.end),
            query=f"range={span.range}" + ("" if span.is_now else f"&to={int(span.end)}"),
            earlier=int(span.start),
            later=None if span.is_now else int(later),
            bands=[(mark.label, mark.label.split()[-1], mark.kind) for mark in bands],
            is_fresh=span.is_now and span.length <= FRESH_S,
        )

    def data(self) -> Response:
        span = self._span(_strict_range())
        return answer_json(encode_plots(self._plots(span, PLOTTED)))

    def _plots(self, span: Span, buckets: int) -> list[Plot]:
        snapshot = self._services.bus.snapshot
        minimum_s = 60.0 * snapshot.settings.integer("test.minimum_runtime_min")
        return make_plots(self._services.history, span, buckets, minimum_s, snapshot.at)

    def csv(self) -> Response:
        """The rows of /api/v1/trends: means, at most 2,000 of them."""
        span = self._span(_strict_range())
        found = self._services.history.trends(span.start, span.end, KEYS, MOST_ROWS)
        times = CsvTimes.of_request()
        head = ",".join(("at", *times.head("at"), *found.keys))
        body = "\n".join((head, *_lines(found.rows, times), ""))
        name = f"trends-{span.range}.csv"
        headers = {"Content-Disposition": f'attachment; filename="{name}"'}
        return Response(body, mimetype="text/csv", headers=headers)

    def _span(self, name: str) -> Span:
        now = self._services.bus.snapshot.at
        end = float(query_int(request, "to", 0, 1, LATEST)) if "to" in request.args else now
        is_now = end >= now
        end = now if is_now else end
        return Span(max(end - RANGES[name][1], 0.0), end, name, is_now)


def _range() -> str:
    """The range that is asked for; one that there is none of is the usual one."""
    name = request.args.get("range", FIRST)
    return name if name in RANGES else FIRST


def _strict_range() -> str:
    name = request.args.get("range", FIRST)
    if name not in RANGES:
        refuse_field("range", name, ", ".join(RANGES))
    return name


def _lines(rows: Sequence[tuple[float | None, ...]], times: CsvTimes) -> Iterator[str]:
    for row in rows:
        known = (number(value) for value in row[1:])
        values = ("" if value is None else f"{value:g}" for value in known)
        yield ",".join((iso_time(row[0]) or "", *times.cell(row[0]), *values))


def trend_routes(pages: Pages) -> list[Route]:
    """The page and what belongs to it."""
    page = TrendPage(pages)
    views: tuple[tuple[str, Callable[..., object]], ...] = (
        ("/trends", page.show),
        ("/trends/data", page.data),
        ("/trends/csv", page.csv),
    )
    return [Route("GET", path, view, RouteAccess.PAGE) for path, view in views]
