"""A plot: series over one axis of time, as data for the script and as a picture without it."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Final, NamedTuple

from btrmd.model.value_text import format_number

from .plot_path import Frame, Values, is_known, path, short, spread
from .plot_ticks import TimeTick, format_elapsed, number_ticks, time_ticks
from .wording import NOTHING, format_time, site_zone

WIDTH: Final = 1000.0  # of the part that is stretched to the page's width
HEIGHT: Final = 190.0
TOP: Final = 8.0
TABLE_ROWS: Final = 12
ROW: Final = 13.0  # height of a line of words
_ABOVE: Final = 4.0  # between a level's line and its words
_SLACK: Final = 0.06


class Series(NamedTuple):
    """One line. `ys` has as many values as its plot has places.

    `is_guide`: it leads the eye and is no measurement, so neither words nor table repeat it.
    """

    label: str
    ys: Values
    is_guide: bool = False


class PlotMark(NamedTuple):
    """What is drawn on a plot: at the time `x` (to `x_to`), or at the level `y`, or a point.

    `kind` of a band: "" an interval, "test" or "outage"; those are told once for all plots.
    """

    label: str
    x: float | None = None
    x_to: float | None = None
    y: float | None = None
    kind: str = ""


class Plot(NamedTuple):
    """`xs` s: wall time when `is_clock`, else elapsed. `x0`..`x1` is what the axis shows.

    `least`: the smallest span of the vertical axis. `empty`: what is text_y when there is no value.
    """

    name: str
    title: str
    unit: str
    decimals: int
    is_clock: bool
    x0: float
    x1: float
    xs: Sequence[float]
    series: tuple[Series, ...]
    marks: tuple[PlotMark, ...] = ()
    least: float = 0.5
    empty: str = "Nothing has been recorded in this time."

    @property
    def has_data(self) -> bool:
        return any(is_known(y) for series in self.series for y in series.ys)

    @property
    def measured(self) -> tuple[Series, ...]:
        return tuple(series for series in self.series if not series.is_guide)

    def encode(self) -> dict[str, object]:
        """For static/plot.js, which gets the shared `xs` apart."""
        return {
            "name": self.name,
            "unit": self.unit,
            "decimals": self.decimals,
            "least": self.least,
            "series": [
                {
                    "label": series.label,
                    "y": [_rounded(y, self.decimals) for y in series.ys],
                }
                for series in self.series
            ],
            "marks": [mark._asdict() for mark in self.marks],
        }


def encode_plots(plots: Sequence[Plot]) -> dict[str, object]:
    """All plots of a page; they share their axis of time."""
    first = plots[0] if plots else None
    xs = first.xs if first is not None else ()
    return {
        "clock": first is not None and first.is_clock,
        "from": first.x0 if first is not None else 0,
        "to": first.x1 if first is not None else 0,
        "x": [round(x, 1) for x in xs],
        "plots": [plot.encode() for plot in plots if plot.has_data],
    }


class DrawnMark(NamedTuple):
    """Places in % of the width and units of the height; None where it is not drawn."""

    label: str
    left: str | None
    width: str | None
    top: str | None
    is_late: bool  # beyond the middle: its words stand to the left of it
    text_y: float | None  # height at which its words stand; None = they do not
    kind: str


class Drawing(NamedTuple):
    """A plot as the template draws it. `ys` are (place, text) of the ticks, `xs` (place, text, UTC
    beside it). `zone`: whose clock the axis shows, "" = UTC's, or time that has passed."""

    plot: Plot
    paths: tuple[tuple[str, str], ...]  # (label, d)
    xs: tuple[tuple[str, str, str], ...]
    ys: tuple[tuple[str, str], ...]
    marks: tuple[DrawnMark, ...]
    summary: str
    head: tuple[str, ...]
    table: tuple[tuple[str, ...], ...]
    zone: str = ""


def draw(plot: Plot) -> Drawing:
    """The picture, its summary and its table."""
    levels = [mark.y for mark in plot.marks]
    limits = spread([*(y for series in plot.series for y in series.ys), *levels]) or (0.0, 1.0)
    middle, half = sum(limits) / 2, max(limits[1] - limits[0], plot.least) / 2 * (1 + 2 * _SLACK)
    frame = Frame(plot.x0, plot.x1, middle - half, middle + half, 0.0, TOP, WIDTH, HEIGHT)
    zone = site_zone() if plot.is_clock else ""
    x_ticks = time_ticks(plot.x0, plot.x1, plot.is_clock, zone)
    y_ticks = number_ticks(frame.y0, frame.y1)
    return Drawing(
        plot,
        tuple((series.label, path(plot.xs, series.ys, frame)) for series in plot.series),
        tuple((_percent(frame, at), text, utc) for at, text, utc in _inside(x_ticks, frame)),
        tuple((short(frame.y(y)), text) for y, text in y_ticks),
        _draw_marks(plot.marks, frame),
        _summarise(plot),
        (_time_head(plot, zone), *(s.label for s in plot.measured)),
        tuple(_table(plot)),
        zone,
    )


def _time_head(plot: Plot, zone: str) -> str:
    if not plot.is_clock:
        return "Elapsed"
    return "Time" if zone else "Time (UTC)"


def _inside(ticks: Sequence[TimeTick], frame: Frame) -> list[TimeTick]:
    """Ticks whose words do not hang over the edge."""
    margin = (frame.x1 - frame.x0) * 0.03
    return [tick for tick in ticks if frame.x0 + margin <= tick.at <= frame.x1 - margin]


def _draw_marks(marks: Sequence[PlotMark], frame: Frame) -> tuple[DrawnMark, ...]:
    """The marks with places for their words: of levels above their line, or below it where two are
    close; of the others in rows from the top, none of them through a level's words."""
    taken: list[float] = []
    text_y: dict[int, float] = {}
    levels = [
        (frame.y(mark.y), i)
        for i, mark in enumerate(marks)
        if mark.x is None and mark.y is not None
    ]
    for top, i in sorted(levels):
        above = top - _ABOVE
        text_y[i] = above if all(abs(above - place) >= ROW for place in taken) else top + ROW
        taken.append(text_y[i])
    row = TOP + ROW
    for i, mark in enumerate(marks):
        if mark.x is None or mark.x_to is not None:
            continue
        while any(abs(row - place) < ROW for place in taken):
            row += 1.0
        text_y[i] = row
        taken.append(row)
    return tuple(_draw_mark(mark, frame, text_y.get(i)) for i, mark in enumerate(marks))


def _draw_mark(mark: PlotMark, frame: Frame, text_y: float | None) -> DrawnMark:
    inside = None if mark.x is None else min(max(mark.x, frame.x0), frame.x1)
    left = None if inside is None else _percent(frame, inside)
    width = None
    if inside is not None and mark.x_to is not None:
        width = f"{100 * (min(mark.x_to, frame.x1) - inside) / (frame.x1 - frame.x0):.2f}%"
    top = None if mark.y is None else short(frame.y(mark.y))
    is_late = inside is not None and inside > (frame.x0 + frame.x1) / 2
    return DrawnMark(mark.label, left, width, top, is_late, text_y, mark.kind)


def _percent(frame: Frame, x: float) -> str:
    return f"{100 * (x - frame.x0) / (frame.x1 - frame.x0 or 1):.2f}%"


def _summarise(plot: Plot) -> str:
    """What the lines show, in words."""
    if not plot.has_data:
        return plot.empty
    parts = []
    for series in plot.measured:
        limits = spread(series.ys)
        if limits is None:
            parts.append(f"{series.label}: not known")
            continue
        low, high = (format_number(value, plot.decimals) for value in limits)
        last = next(y for y in reversed(series.ys) if y is not None and is_known(y))
        span = f"{low}" if low == high else f"{low} to {high}"
        newest = format_number(last, plot.decimals)
        parts.append(f"{series.label}: {span} {plot.unit}, at last {newest}")
    return "; ".join([*parts, *(mark.label for mark in plot.marks if not mark.kind)]) + "."


def _table(plot: Plot) -> list[tuple[str, ...]]:
    """A few of the rows, evenly spread, the last among them."""
    whole = [
        i for i in range(len(plot.xs)) if any(is_known(series.ys[i]) for series in plot.measured)
    ]
    count = min(TABLE_ROWS, len(whole))
    chosen = [whole[round(i * (len(whole) - 1) / max(count - 1, 1))] for i in range(count)]
    # rows of a short run are less than a minute apart
    apart = min((plot.xs[b] - plot.xs[a] for a, b in pairwise(chosen)), default=60.0)
    step = 60 if apart >= 60.0 else 1
    return [
        (
            format_time(plot.xs[i]).removesuffix(" UTC")
            if plot.is_clock
            else format_elapsed(plot.xs[i], step),
            *(_cell(series.ys[i], plot.decimals) for series in plot.measured),
        )
        for i in chosen
    ]


def _cell(value: float | None, decimals: int) -> str:
    return format_number(value, decimals) if value is not None and is_known(value) else NOTHING


def _rounded(value: float | None, decimals: int) -> float | None:
    return round(value, decimals) if value is not None and is_known(value) else None
