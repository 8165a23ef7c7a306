"""The site's time beside UTC: on axes, in tables and CSV files, on paper."""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime

import pytest
from test_web_history import TEST, Place, curve, place  # noqa: F401 - the fixture
from web_browser import CHROMIUM, Browser
from web_forms import words
from web_station import AT

from btrmd.model.events import Event, Kind
from btrmd.model.settings import Settings
from btrmd.servers.web.plot_ticks import format_offset, time_ticks

ZONE = "Europe/Berlin"  # UTC+2 at AT, 2026-05-28 20:26:40 UTC
HERE = Settings.defaults().with_changes({"site.timezone": ZONE})

LATER = Event(1, AT + 10800.0, 1.0, "test", Kind.CHANGE, None, None, "c", "x")


def at(text: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()


@pytest.mark.parametrize(
    ("start", "end", "zone", "told"),
    [
        ("2026-05-01T10:02", "2026-05-01T11:02", "Asia/Kolkata",
         "15:45/10:15 16:00/10:30 16:15/10:45 16:30/11:00"),
        ("2026-05-01T00:00", "2026-05-02T00:00", "America/Denver",
         "18:00/00:00 01 May/06:00 06:00/12:00 12:00/18:00 18:00/00:00"),
        # 02:00 to 03:00 is no time of that night, and the hours after it come an hour sooner
        ("2026-03-28T22:30", "2026-03-29T03:30", ZONE,
         "29 Mar/23:00 01:00/00:00 03:00/01:00 04:00/02:00 05:00/03:00"),
        ("2026-10-24T20:00", "2026-10-25T08:00", ZONE,
         "25 Oct/22:00 03:00/02:00 06:00/05:00 09:00/08:00"),
        ("2026-05-01", "2026-05-08", "Asia/Kathmandu",
         "03 May/UTC+5:45 05 May/UTC+5:45 07 May/UTC+5:45"),
        ("2026-01-01", "2026-12-31", "America/St_Johns",
         "Jan 2026/UTC-3:30 Apr 2026/UTC-2:30 Jul 2026/UTC-2:30 Oct 2026/UTC-2:30"),
    ],
)  # fmt: skip
def test_an_axis_is_round_on_the_sites_clock(start: str, end: str, zone: str, told: str) -> None:
    ticks = time_ticks(at(start), at(end), True, zone)
    assert " ".join(f"{tick.text}/{tick.beside}" for tick in ticks) == told


def test_utc_alone_has_nothing_beside_it() -> None:
    ticks = time_ticks(at("2026-05-01T10:02"), at("2026-05-01T11:02"), True)
    assert (ticks[0].text, ticks[0].beside) == ("10:15", "")
    assert format_offset(0.0) == "UTC"


def test_plot_and_table_of_trends_have_both(place: Place) -> None:  # noqa: F811
    place.trend(60, 1500)
    place.owner.show(settings=HERE)
    page = place.client.get("/trends?range=1h").text
    assert "V; time of Europe/Berlin, UTC below it" in words(page)
    assert '<text class="x" x="30.56%" y="217">21:45</text>' in page
    assert '<text class="x utc" x="30.56%" y="231">19:45</text>' in page
    assert '<th scope="col">Time</th>' in page
    assert "local (20:2" in page
    place.owner.show(settings=Settings.defaults())
    page = place.client.get("/trends?range=1h").text
    assert "local" not in page
    assert "Europe/Berlin" not in page
    assert '<th scope="col">Time (UTC)</th>' in page


@pytest.mark.parametrize(
    ("path", "column", "utc", "local"),
    [
        ("/trends/csv?range=1h", "at", "2026-05-28T20:2", "2026-05-28T22:2"),
        ("/events/csv", "at", "2026-05-28T23:26:40.000Z", "2026-05-29T01:26:40+02:00"),
        ("/reports/csv", "started_at", "2026-05-28T18:26:40.000Z", "2026-05-28T20:26:40+02:00"),
        ("/reports/csv", "ended_at", "2026-05-28T19:26:40.000Z", "2026-05-28T21:26:40+02:00"),
        ("/api/v1/tests.csv", "ended_at", "2026-05-28T19:26:40.000Z", "2026-05-28T21:26:40+02:00"),
    ],
)
def test_files_have_both(
    place: Place,  # noqa: F811
    path: str,
    column: str,
    utc: str,
    local: str,
) -> None:
    place.trend(60, 1500)
    place.store(TEST, curves={})
    place.log(LATER)
    plain = list(csv.DictReader(io.StringIO(place.client.get(path).text)))
    place.owner.show(settings=HERE)
    rows = list(csv.DictReader(io.StringIO(place.client.get(path).text)))
    assert list(rows[0]) != list(plain[0])
    assert [name for name in rows[0] if not name.endswith("_local")] == list(plain[0])
    assert list(rows[0]).index(f"{column}_local") == list(rows[0]).index(column) + 1
    assert rows[-1][column].startswith(utc)
    assert rows[-1][f"{column}_local"].startswith(local)


def test_log_and_report_have_both(place: Place) -> None:  # noqa: F811
    place.store(TEST, curves={})
    place.log(LATER)
    place.owner.show(settings=HERE)
    log = words(place.client.get("/events").text)
    assert "Time (local)" in log
    assert "2026-05-29 01:26:40 2026-05-28 23:26:40 UTC" in log
    assert "2026-05-28 20:26 local (18:26 UTC)" in words(place.client.get("/report/7").text)


@pytest.mark.browser
@pytest.mark.skipif(CHROMIUM is None, reason="there is no chromium on this machine")
def test_the_live_plot_has_both(place: Place, browser: Browser) -> None:  # noqa: F811
    """What the script draws on its canvas, and what its cursor tells."""
    place.trend(60, 1500)
    place.trend(900, 700)
    place.owner.show(settings=HERE)
    spy = """window.drawn = new Set();
        const fill = CanvasRenderingContext2D.prototype.fillText;
        CanvasRenderingContext2D.prototype.fillText = function (text, ...rest) {
          window.drawn.add(text); return fill.call(this, text, ...rest); };"""
    browser.call("Page.addScriptToEvaluateOnNewDocument", source=spy)
    base = f"http://{place.client.host}:{place.client.port}"
    browser.open(f"{base}/trends?range=1h")
    browser.wait("document.querySelector('[data-drawn]') !== null")
    browser.wait("['21:50', '19:50', '22:00', '20:00'].every((text) => window.drawn.has(text))")
    browser.run("document.querySelector('.canvas').focus()")
    for kind in ("rawKeyDown", "keyUp"):
        browser.call("Input.dispatchKeyEvent", type=kind, key="End")
    browser.wait(
        "/^2026-05-28 22:2\\d local \\(20:2\\d UTC\\)$/"
        ".test(document.querySelector('.u-value').textContent)"
    )
    browser.open(f"{base}/trends?range=7d")
    browser.wait("document.querySelector('[data-drawn]') !== null")
    browser.wait("window.drawn.has('27 May') && window.drawn.has('UTC+2')")
    assert browser.complaints == []
