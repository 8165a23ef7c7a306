"""Battery Status, Trends, Discharge Curves and Event Log over a real history on disk."""

from __future__ import annotations

import csv
import gzip
import io
import json
import re
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import NamedTuple

import pytest
from web_station import AT, Client, MemoryStore, Owner, make_snapshot

from btrmd.bus import Bus
from btrmd.model.discharge import CurveRow, TestRecord
from btrmd.model.events import Event, Kind
from btrmd.model.readings import GOOD, Reading, Value
from btrmd.model.settings import Settings
from btrmd.model.site import Site
from btrmd.model.snapshot import AlarmView
from btrmd.servers.web import WebServer
from btrmd.store.curves import append_rows
from btrmd.store.events import insert_events
from btrmd.store.history_db import HistoryDb
from btrmd.store.tests import upsert_test
from btrmd.store.trends import COLUMNS, encode_means

DAY = 86400
PAGES = ("/battery-status", "/trends", "/discharges", "/events")
TEST = TestRecord(
    7,
    "1",
    "finished",
    "good",
    "The whole interval lies above the minimum.",
    "cli",
    AT - 7200.0,
    AT - 3600.0,
    3600.0,
    7.0,
    28.2,
    12.1,
    73860.0,
    66600.0,
    81000.0,
    73800.0,
)


class Place(NamedTuple):
    """A web server over a history on disk."""

    owner: Owner
    history: HistoryDb
    client: Client

    @contextmanager
    def sql(self) -> Iterator[sqlite3.Connection]:
        """A connection past the history: committed unless it raises, and always closed."""
        with closing(sqlite3.connect(self.history.database.path)) as connection, connection:
            yield connection

    def store(self, *records: TestRecord, curves: dict[int, list[CurveRow]]) -> None:
        with self.sql() as connection:
            for record in records:
                upsert_test(connection, record)
            for n, rows in curves.items():
                append_rows(connection, n, rows)

    def log(self, *events: Event) -> None:
        with self.sql() as connection:
            insert_events(connection, events)

    def trend(self, tier: int, count: int) -> None:
        """`count` rows up to now; the battery dips once."""
        base = int(AT) // tier * tier
        places = ", ".join("?" * (1 + len(COLUMNS)))
        with self.sql() as connection:
            connection.executemany(
                f"INSERT INTO trend_{tier} VALUES ({places})",
                [
                    (
                        base - tier * i,
                        *encode_means(
                            {
                                "battery.voltage": 11.21 if i == count // 2 else 13.5,
                                "load.current": 6.8 + (i * 37 % 100) / 500,
                                "battery.current": -0.05 + (i * 53 % 100) / 900,
                                "load.voltage": 13.2 + (i * 17 % 100) / 2000,
                                "supply.voltage": 13.4 + (i * 29 % 100) / 2000,
                                "supply.current": 6.9 + (i * 41 % 100) / 500,
                                "charger.voltage": 13.6,
                                "system.temperature": 22 + i % 11,
                                **{f"io{c}.voltage": 0.01 * (i * c % 9) for c in range(1, 5)},
                            }
                        ),
                    )
                    for i in range(count)
                ],
            )


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    history = HistoryDb(tmp_path)
    history.recover()
    bus = Bus(make_snapshot())
    owner = Owner(bus)
    server = WebServer(bus, history, MemoryStore(), "127.0.0.1:0")
    owner.start()
    server.start()
    yield Place(owner, history, Client(bus.listeners["http"].address))
    server.stop()
    owner.stop()
    bus.close()
    history.close()


def words(page: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page[page.index("<main") :]))


def curve(seconds: int, first: float = 12.6, slope: float = -0.5 / 3600) -> list[CurveRow]:
    return [
        CurveRow(float(s), round(first + slope * s, 3), -7.0, 28.0, 7.0) for s in range(seconds)
    ]


def show_points(place: Place, **values: Value) -> None:
    points = dict(place.owner.bus.snapshot.points)
    for name, value in values.items():
        points[name.replace("__", ".")] = Reading(value, GOOD, AT)
    place.owner.show(points=points)


# --- nothing yet -----------------------------------------------------------------------------


def test_before_the_first_test_the_pages_say_so(place: Place) -> None:
    text = words(place.client.get("/battery-status").text)
    assert "No test has run yet." in text
    for line in (
        "Tested at System Time (DDDD HH:MM) —",
        "At Average load in milliamps —",
        "At Temperature —",
        "Est Runtime HHHH:MM to 11.00 V or 22.00 V —",
        "Minimum Runtime 4 Hours 0 Min",
        "Capacity no test yet",
        "State of health not known",
        "Replacement forecast not known",
        "Resistance not known",
        "No test or outage is recorded.",
    ):
        assert line in text
    assert "No test has run yet" in words(place.client.get("/discharges").text)
    assert "Nothing has happened yet." in words(place.client.get("/events").text)
    text = words(place.client.get("/trends").text)
    assert text.count("Nothing has been recorded in this time.") == 3


@pytest.mark.parametrize("path", ["/trends/data", "/discharges/data", "/battery-status/data"])
def test_without_data_the_script_gets_no_plots(place: Place, path: str) -> None:
    assert place.client.get(path).json["plots"] == []


# --- Battery Status --------------------------------------------------------------------------


def test_the_manuals_fields_of_the_last_test(place: Place) -> None:
    """Manual 7.2: a test at 7.0 A and 28 °C that gave 20 h 31 min."""
    place.store(TEST, curves={7: curve(3600)})
    show_points(
        place,
        capacity__state="good",
        runtime__estimate=73860.0,
        runtime__estimate_low=66600.0,
        runtime__estimate_high=81000.0,
        system__uptime=9 * 86400 + 22 * 3600 + 56 * 60 + 3600 + 5.0,
    )
    place.owner.show(last_test=TEST)
    text = words(place.client.get("/battery-status").text)
    for line in (
        "Tested at System Time (DDDD HH:MM) 0009 22:56 2026-05-28 19:26 UTC",
        "At Average load in milliamps 7000",
        "At Temperature 28 °C",
        "Est Runtime HHHH:MM to 11.00 V or 22.00 V 0020:31 to 11.00 V; 90 %: 0018:30 to 0022:30",
        "Minimum Runtime 4 Hours 0 Min",
        "Capacity Good",
        "Discharge curve of test 7",
        "Estimate 20 h 31 min",
        "90 % interval 18 h 30 min to 22 h 30 min",
    ):
        assert line in text, line
    data = place.client.get("/battery-status/data").json
    (plot,) = data["plots"]  # type: ignore[misc]
    assert plot["series"][0]["label"] == "Battery"
    assert plot["series"][0]["y"][0] == 12.6
    band = next(mark for mark in plot["marks"] if mark["x_to"])
    assert (band["x"], band["x_to"]) == (66600.0, 81000.0)
    spot = next(mark for mark in plot["marks"] if mark["x"] and mark["y"])
    assert (spot["x"], spot["y"]) == (73860.0, 11.0)


def test_a_test_before_the_last_start_has_no_system_time(place: Place) -> None:
    show_points(place, system__uptime=60.0)
    place.owner.show(last_test=TEST)
    text = words(place.client.get("/battery-status").text)
    assert "(DDDD HH:MM) before the last start 2026-05-28 19:26 UTC" in text


def test_an_aborted_test_does_not_hide_the_one_before(place: Place) -> None:
    aborted = TEST._replace(
        n=8,
        result="aborted",
        reason="The supply failed.",
        estimate_s=None,
        estimate_low_s=None,
        estimate_high_s=None,
        average_current=None,
        average_temperature=None,
    )
    place.store(TEST, aborted, curves={7: curve(600)})
    place.owner.show(last_test=aborted)
    show_points(place, runtime__estimate=TEST.estimate_s)
    text = words(place.client.get("/battery-status").text)
    assert "Test 8 was aborted: The supply failed." in text
    assert "Estimate and curve are those of test 7." in text
    assert "At Average load in milliamps not known" in text


def test_what_the_tests_say_about_the_age_is_repeated_word_for_word(place: Place) -> None:
    said = "State of health 83 %. Resistance at the transfer 12 mOhm. Replace it by 2028-03-01."
    place.log(Event(1, AT, 1.0, "battery.soh", Kind.CHANGE, 83.2, None, "core", said))
    show_points(place, battery__soh=83.2)
    text = words(place.client.get("/battery-status").text)
    assert "State of health 83 %" in text
    assert f"2026-05-28 20:26 UTC 83 % {said}" in text
    assert "not known" not in text


@pytest.mark.parametrize(("volts", "pair"), [(24, "11.00 V or 22.00"), (48, "33.00 V or 44.00")])
def test_the_cutoff_follows_the_system_voltage(place: Place, volts: int, pair: str) -> None:
    settings = Settings.defaults(Site(model="400")).with_changes({"system.voltage": volts})
    place.owner.show(settings=settings)
    text = words(place.client.get("/battery-status").text)
    assert f"Est Runtime HHHH:MM to {pair} V" in text


# --- Discharge Curves ------------------------------------------------------------------------


def test_curves_lie_over_each_other_on_one_axis(place: Place) -> None:
    other = TEST._replace(n=9, type="outage", result="none", estimate_s=None, duration_s=1800.0)
    place.store(TEST, other, curves={7: curve(3600), 9: curve(1800, 12.4)})
    page = place.client.get("/discharges?n=7&n=9").text
    assert re.findall(r'name="n" value="(\d)"[^>]* checked', page) == ["9", "7"]
    assert 'href="/api/v1/tests/9/curve.csv"' in page
    data = place.client.get("/discharges/data?n=7&n=9").json
    xs = data["x"]
    volts = data["plots"][0]  # type: ignore[index]
    assert [series["label"] for series in volts["series"]] == ["Test 7", "Outage 9"]
    first, second = (series["y"] for series in volts["series"])
    assert len(xs) == len(first) == len(second) <= 2000  # type: ignore[arg-type]
    half = next(i for i, x in enumerate(xs) if x > 1700)  # type: ignore[arg-type,var-annotated]
    assert first[half] == pytest.approx(12.6 - 0.5 * 1700 / 3600, abs=0.02)
    assert second[half] == pytest.approx(12.4 - 0.5 * 1700 / 3600, abs=0.02)
    assert second[-1] is None  # it was shorter
    assert first[-1] is not None


def test_a_short_dip_of_a_long_curve_stays(place: Place) -> None:
    rows = curve(20_000, 12.6, -0.00005)
    rows[12_345] = rows[12_345]._replace(battery_v=9.87)
    place.store(TEST, curves={7: rows})
    data = place.client.get("/discharges/data?n=7").json
    volts = data["plots"][0]["series"][0]["y"]  # type: ignore[index]
    assert min(volts) == 9.87
    assert len(volts) <= 2000


@pytest.mark.parametrize("query", ["n=99", "n=-1", "n=x", "n=" + "9" * 400, "n=%F0%9F%94%8B"])
def test_a_test_that_there_is_none_of_is_said(place: Place, query: str) -> None:
    place.store(TEST, curves={})
    reply = place.client.get(f"/discharges?{query}")
    assert reply.status == 200
    assert re.search(r'role="alert">There is no (such )?test', reply.text)


def test_a_running_discharge_is_drawn_as_far_as_it_is(place: Place) -> None:
    running = TestRecord(8, "1", "running", started_at=AT)
    place.store(running, curves={8: curve(100)})
    place.owner.show(test=running)
    page = place.client.get("/discharges").text
    assert 'data-fresh="1"' in page
    assert "Running" in words(page)


# --- Trends ----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["1h", "6h", "1d", "7d", "30d", "1y", "5y"])
def test_every_range_is_there(place: Place, name: str) -> None:
    place.trend(60, 3000)
    place.trend(900, 4000)
    place.trend(86400, 400)
    page = place.client.get(f"/trends?range={name}").text
    assert re.search(rf'range={name}" aria-current="true"', page)
    data = place.client.get(f"/trends/data?range={name}").json
    xs = data["x"]
    assert 0 < len(xs) <= 2000  # type: ignore[arg-type]
    assert xs == sorted(xs)  # type: ignore[type-var]
    for plot in data["plots"]:  # type: ignore[attr-defined]
        assert all(len(series["y"]) == len(xs) for series in plot["series"])  # type: ignore[arg-type]


def test_a_dip_of_a_quarter_hour_is_seen_in_a_year(place: Place) -> None:
    place.trend(900, 365 * 96)
    started = time.perf_counter()
    page = place.client.get("/trends?range=1y").text
    data = place.client.get("/trends/data?range=1y").json
    took = time.perf_counter() - started
    battery = data["plots"][0]["series"][0]  # type: ignore[index]
    assert (battery["label"], min(battery["y"])) == ("Battery", 11.21)
    assert "Battery: 11.21 to 13.50 V" in words(page)
    assert took < 3.0  # 0.2 s on a quiet machine; the budget is 1 s


def test_trends_as_csv(place: Place) -> None:
    place.trend(60, 100)
    reply = place.client.get("/trends/csv?range=1h")
    assert reply.headers["Content-Type"].startswith("text/csv")
    rows = list(csv.DictReader(io.StringIO(reply.text)))
    assert 59 <= len(rows) <= 61
    assert re.fullmatch(r"2026-05-28T\d\d:\d\d:00.000Z", rows[0]["at"])
    assert float(rows[0]["load.current"]) == pytest.approx(6.9, abs=0.2)
    assert rows[0]["battery.soh"] == ""  # not known is not 0


@pytest.mark.parametrize("path", ["/trends/data?range=2w", "/trends/csv?range=", "/trends?to=x"])
def test_nonsense_is_refused_with_a_sentence(place: Place, path: str) -> None:
    reply = place.client.get(path)
    assert reply.status == 422
    assert "allowed is" in reply.text


# --- Event Log -------------------------------------------------------------------------------


def event(n: int, key: str, kind: Kind = Kind.CHANGE, **fields: object) -> Event:
    made = Event(n, AT + n, float(n), key, kind, None, None, "core", f"Event {n}.")
    return made._replace(**fields)  # type: ignore[arg-type]


def numbers(page: str) -> list[int]:
    return [int(n) for n in re.findall(r'<th scope="row">(\d+)</th>', page)]


def test_events_newest_first_in_pages(place: Place) -> None:
    place.log(*(event(n, "io1") for n in range(1, 121)))
    seen: list[int] = []
    path = "/events"
    while path:
        page = place.client.get(path).text
        seen += numbers(page)
        older = re.search(r'href="([^"]+)">Older', page)
        path = older[1].replace("&amp;", "&") if older else ""
    assert seen == list(range(120, 0, -1))


def test_events_filtered_by_key_and_kind(place: Place) -> None:
    place.log(
        event(1, "io1", Kind.RAISE),
        event(2, "io2", Kind.RAISE),
        event(3, "io1", Kind.CLEAR),
        event(4, "io1.voltage"),
    )
    assert numbers(place.client.get("/events?key=io1").text) == [4, 3, 1]
    assert numbers(place.client.get("/events?key=io1&kind=raise").text) == [1]
    assert numbers(place.client.get("/events?kind=nonsense").text) == [4, 3, 2, 1]
    page = place.client.get("/events?key=<script>").text
    assert "No event fits." in page
    assert "<script>" not in page[page.index("<main") :]
    exported = place.client.get("/events/json?key=io1&kind=clear").json
    assert [found["n"] for found in exported["events"]] == [3]  # type: ignore[attr-defined]


def test_a_raised_alarm_can_be_acknowledged_where_it_stands(place: Place) -> None:
    place.log(event(1, "io1", Kind.RAISE), event(2, "io1", Kind.CLEAR), event(3, "io1", Kind.RAISE))
    alarm = AlarmView("io1", "CH1 is low.", AT + 3, True, False, False)
    place.owner.show(alarms=(alarm,))
    assert place.client.log_in().status == 200
    page = place.client.get("/events").text
    assert page.count('action="/acknowledge"') == 1
    text = words(page)
    assert re.search(r"3 2026-05-28 20:26:43 Raised warning, active", text)
    assert re.search(r"1 2026-05-28 20:26:41 Raised warning, over", text)
    reply = place.client.form(
        "/acknowledge", csrf_token=place.client.csrf, key="io1", **{"from": "events"}
    )
    assert (reply.status, reply.headers["Location"]) == (303, "/events")
    place.owner.show(alarms=(alarm._replace(acknowledged=True),))
    assert "Raised warning, acknowledged" in words(place.client.get("/events").text)


def test_events_as_csv_are_harmless_in_a_spreadsheet(place: Place) -> None:
    place.log(
        event(1, "io1", Kind.RAISE, value=True, threshold=1.0, text='He said "low", twice.'),
        event(2, "site.name", value="=1+1", source="@cmd", text="-5, =2"),
        event(3, "battery.soh", value=83.25),
    )
    rows = list(csv.reader(io.StringIO(place.client.get("/events/csv").text)))
    assert ",".join(rows[0]) == "n,at,uptime_s,key,kind,value,threshold,source,text"
    assert rows[1] == [
        "1", "2026-05-28T20:26:41.000Z", "1.0", "io1", "raise", "true", "1.0", "core",
        'He said "low", twice.',
    ]  # fmt: skip
    assert rows[2][5:] == ["'=1+1", "", "'@cmd", "'-5, =2"]
    assert rows[3][5] == "83.25"


def test_ten_thousand_events_are_exported(place: Place) -> None:
    place.log(*(event(n, "io1") for n in range(1, 10_101)))
    exported = json.loads(place.client.get("/events/json").text)["events"]
    assert (len(exported), exported[0]["n"], exported[-1]["n"]) == (10_000, 101, 10_100)


# --- all of them -----------------------------------------------------------------------------


@pytest.mark.parametrize("path", [*PAGES, "/"])
def test_pages_are_light_and_ask_nobody_else(place: Place, path: str) -> None:
    """UI budgets: a chart page 80 KB and its data 60 KB compressed, System Status 50 KB."""
    place.store(TEST, curves={7: curve(3600)})
    place.owner.show(last_test=TEST)
    place.trend(60, 3000)
    place.log(*(event(n, "io1") for n in range(1, 60)))
    packed = {"Accept-Encoding": "gzip"}
    page = place.client.ask("GET", path, headers=packed)
    html = gzip.decompress(page.body).decode()
    assert len(page.body) <= 15_000
    weight = len(page.body)
    files = set(re.findall(r'(?:href|src)="(/static/[^"]*)"', html))
    for file in files:
        weight += len(place.client.ask("GET", file, headers=packed).body)
    assert weight <= (50_000 if path == "/" else 80_000)
    assert ("uPlot" in html) == (path not in ("/", "/events"))
    data = re.search(r'data-plots="([^"]+)"', html)
    if data:
        answer = place.client.ask("GET", data[1].replace("&amp;", "&"), headers=packed)
        assert len(answer.body) <= 60_000
    assert not re.search(r'(?:href|src|action|data-plots)="(?:https?:)?//', html)
    assert not re.search(r"\son\w+=|\sstyle=|<style|javascript:", html)
    assert not re.search(r"<script(?![^>]*src=)", html)
    assert "<th>" not in html


def test_the_sparklines_show_the_last_hour(place: Place) -> None:
    place.trend(60, 120)
    page = place.client.get("/").text
    drawn = re.search(
        r'data-hour="battery.voltage"><a class="to-trend" href="/trends\?range=1h#plot-voltage">'
        r'<svg[^>]*aria-label="([^"]*)"',
        page,
    )
    assert drawn is not None
    assert drawn[1].startswith("Last hour, to 2026-05-28 20:2")
    assert "13.50 to 13.50 V" in drawn[1] or "11.21 to 13.50 V" in drawn[1]
    assert page.count('class="spark"') == 9


def test_the_library_carries_its_licence() -> None:
    import btrmd.servers.web.assets as assets

    folder = assets.FOLDER / "vendor" / "uplot"
    assert "MIT" in (folder / "LICENSE").read_text()
    assert "1.6.32" in (folder / "uPlot.iife.min.js").read_text()[:200]
