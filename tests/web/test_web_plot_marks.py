"""Marks of a plot: words that keep clear of each other, bands of discharges, one cursor for all."""

from __future__ import annotations

import csv
import io
from itertools import combinations

import pytest
from test_web_history import TEST, Place, curve, place, words  # noqa: F401 - the fixture
from web_browser import CHROMIUM, Browser
from web_station import AT

from btrmd.servers.web.plot import ROW, Plot, PlotMark, Series, draw
from btrmd.servers.web.trend_page import Span, make_bands

HOUR_S = 3600.0
OUTAGE = TEST._replace(n=8, type="outage", result="none", started_at=AT - HOUR_S,
                       ended_at=AT - HOUR_S / 2)  # fmt: skip
RUNNING = TEST._replace(n=9, state="running", started_at=AT - 60.0, ended_at=None)


def plot_with(*marks: PlotMark) -> Plot:
    series = (Series("Battery", (13.0, 11.0)),)
    return Plot("p", "P", "V", 2, False, 0.0, 100.0, (0.0, 100.0), series, marks)


@pytest.mark.parametrize(
    "marks",
    [
        (
            PlotMark("Cutoff", y=11.0),
            PlotMark("Estimate", x=50.0, y=11.0),
            PlotMark("Minimum", x=52.0),
        ),
        (PlotMark("Cutoff", y=11.0), PlotMark("Disconnect", y=10.95)),
        (PlotMark("High", y=13.0), PlotMark("Minimum", x=1.0), PlotMark("Estimate", x=2.0, y=12.0)),
    ],
)
def test_no_words_stand_on_others(marks: tuple[PlotMark, ...]) -> None:
    places = [mark.text_y for mark in draw(plot_with(*marks)).marks]
    assert None not in places
    for one, other in combinations(places, 2):
        assert one is not None
        assert other is not None
        assert abs(one - other) >= ROW


@pytest.mark.parametrize(
    ("xs", "times"),
    [
        ((0.0, 10.0, 21.0), ["0:00:00", "0:00:10", "0:00:21"]),
        ((0.0, 60.0, 3720.0), ["0:00", "0:01", "1:02"]),
    ],
)
def test_rows_of_a_short_run_have_seconds(xs: tuple[float, ...], times: list[str]) -> None:
    series = (Series("Battery", (13.0, 12.9, 12.8)),)
    plot = Plot("p", "P", "V", 2, False, 0.0, xs[-1], xs, series, ())
    assert [row[0] for row in draw(plot).table] == times


def test_bands_show_when_the_battery_carried_the_load() -> None:
    span = Span(AT - 6 * HOUR_S, AT, "6h", True)
    old = TEST._replace(n=1, started_at=AT - 20 * HOUR_S, ended_at=AT - 10 * HOUR_S)
    bands = make_bands([RUNNING, OUTAGE, old], span, AT)
    assert [(band.label, band.kind) for band in bands] == [
        ("Test 9", "test"),
        ("Outage 8", "outage"),
    ]
    assert (bands[1].x, bands[1].x_to) == (AT - HOUR_S, AT - HOUR_S / 2)
    assert bands[0].x_to == AT  # it still runs
    assert draw(plot_with(*bands)).summary == "Battery: 11.00 to 13.00 V, at last 11.00."


def test_trends_name_their_bands(place: Place) -> None:  # noqa: F811
    place.trend(60, 120)
    place.store(OUTAGE, curves={})
    page = place.client.get("/trends?range=6h").text
    assert 'class="band outage"' in page
    assert "Shaded while the battery carried the load: Outage 8" in words(page)


def test_what_is_drawn_comes_as_csv(place: Place) -> None:  # noqa: F811
    place.store(TEST, TEST._replace(n=6), curves={7: curve(600), 6: curve(300)})
    reply = place.client.get("/discharges/csv?n=7&n=6")
    assert 'filename="discharges-7-6.csv"' in str(reply.headers["Content-Disposition"])
    rows = list(csv.DictReader(io.StringIO(reply.text)))
    assert list(rows[0]) == [
        "elapsed_s", "Test 7 battery voltage V", "Test 6 battery voltage V",
        "Test 7 battery current A", "Test 6 battery current A",
    ]  # fmt: skip
    assert float(rows[-1]["elapsed_s"]) > float(rows[0]["elapsed_s"])
    assert rows[-1]["Test 6 battery voltage V"] == ""  # it was over by then
    assert float(rows[-1]["Test 7 battery voltage V"]) > 0.0
    assert place.client.get("/discharges/csv?n=99").text == "elapsed_s\n"


@pytest.mark.browser
@pytest.mark.skipif(CHROMIUM is None, reason="there is no chromium on this machine")
def test_one_cursor_goes_through_all_plots(
    place: Place,  # noqa: F811
    browser: Browser,
) -> None:
    place.trend(60, 1500)
    browser.open(f"http://{place.client.host}:{place.client.port}/trends?range=1d")
    browser.wait("document.querySelector('[data-drawn]') !== null")
    browser.run("document.querySelector('.canvas').focus()")
    for kind in ("rawKeyDown", "keyUp"):
        browser.call("Input.dispatchKeyEvent", type=kind, key="End")
    cells = "[...document.querySelectorAll('.u-legend tr:first-child .u-value')]"
    times = f"{cells}.map((e) => e.textContent)"
    browser.wait(f"new Set({times}).size === 1 && {times}[0].endsWith('UTC')")
    assert len(browser.run(times)) >= 3
    assert not browser.complaints
