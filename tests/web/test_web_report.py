"""The report of a discharge: complete, on one sheet, and the year's list for machines."""

from __future__ import annotations

import base64
import csv
import io
import json
import re

import pytest
from web_browser import CHROMIUM, Browser
from web_forms import words
from web_station import AT, Client, Station

from btrmd.docgen.report import this_year
from btrmd.model.discharge import CurveRow, TestRecord
from btrmd.model.settings import Settings
from btrmd.model.snapshot import AlarmView

DAY_S = 86400.0
TEST = TestRecord(
    7, "1", "finished", "low", "It was long enough.", "schedule", AT - DAY_S, AT - DAY_S + 7200.0,
    7200.0, 4.2, 25.0, 11.9, estimate_s=9000.0, estimate_low_s=8000.0, estimate_high_s=10_500.0,
    minimum_runtime_s=10_800.0, marks=("marginal", "not_rested", "weak_block:3"),
    started_at_charge=0.97,
)  # fmt: skip
OLD = TEST._replace(n=3, result="good", marks=(), started_at=AT - 500 * DAY_S,
                    ended_at=AT - 500 * DAY_S + 7200.0, estimate_s=14_400.0)  # fmt: skip
OUTAGE = TEST._replace(n=6, type="outage", result="none", marks=(), started_at=AT - 9 * DAY_S,
                       ended_at=AT - 9 * DAY_S + 600.0, minimum_runtime_s=None)  # fmt: skip


@pytest.fixture
def reported(station: Station) -> Station:
    station.history.test_list.extend((OLD, OUTAGE, TEST))
    for n, drop in ((3, 0.00012), (7, 0.00015)):
        station.history.curves[n] = [
            CurveRow(60.0 * i, 12.8 - drop * 60.0 * i, -4.2, 25.0, 4.2) for i in range(121)
        ]
    return station


def test_it_says_what_an_auditor_asks(reported: Station, client: Client) -> None:
    page = words(client.get("/report/7").text)
    for text in (
        "Battery test 7, Type 1", "BTRM Location", "Result: Low, probably.",
        "Block 3 ends the run: measure it at its terminals and replace it.",
        "Average load 4.20 A", "Temperature 25 degC", "Charge at the start 97 %",
        "Not rested: less than 24 h on float", "Estimated run time to 11.00 V 2 h 30 min",
        "90 % interval 2 h 13 min to 2 h 55 min", "Minimum run time 3 h",
        "Weakest block block 3 ends the run", "Calibration as delivered", "Tested by", "Checked by",
        "Beside it test 3, the first good one of this battery.",
    ):  # fmt: skip
        assert text in page, text


def test_an_outage_is_told_and_not_judged(reported: Station, client: Client) -> None:
    page = words(client.get("/report/6").text)
    assert "An outage is not judged" in page
    assert "No curve has been recorded." in page


@pytest.mark.parametrize("path", ["/report/99", "/report/0", "/report/x", "/report/-1"])
def test_what_is_not_there_is_said(reported: Station, client: Client, path: str) -> None:
    assert client.get(path).status == 404


@pytest.mark.parametrize(
    "path", ["/", "/report/8", "/reports", "/battery-status", "/discharges?n=8", "/manual-test"]
)
def test_a_test_of_an_unset_clock_has_no_date(reported: Station, client: Client, path: str) -> None:
    marks = (*TEST.marks, "clock_not_set")
    undated = TEST._replace(n=8, marks=marks, started_at=3600.0, ended_at=10_800.0)
    reported.history.test_list.append(undated)
    reported.owner.show(last_test=undated, test=None)
    page = words(client.get(path).text)
    assert "1970" not in page
    if path not in ("/", "/reports"):  # the year leaves out what is not of it
        assert "The clock was not set" in page or "when is not known" in page


def test_a_test_stamped_years_ahead_is_none_of_the_last_year(
    reported: Station, client: Client
) -> None:
    ahead = TEST._replace(n=8, started_at=AT + 12 * 365 * 86400.0, ended_at=AT + 4.0e8)
    reported.history.test_list.append(ahead)
    page = words(client.get("/reports").text)
    assert "2038" not in page
    assert "2039" not in page


def test_with_no_clock_set_nothing_is_ahead() -> None:
    """After a power failure a unit without a network does not know which year it is."""
    assert this_year([OLD, TEST], AT) == [TEST]
    assert this_year([OLD, TEST], 3600.0) == [OLD, TEST]


def test_a_next_test_has_no_date_while_the_clock_is_not_set(station: Station) -> None:
    user = station.client()
    user.log_in()
    on = Settings.defaults().with_changes({"test.enabled": True})
    station.owner.show(settings=on)
    assert "The next scheduled test begins at 2026-05-28" in words(user.get("/battery-test").text)
    alarm = AlarmView("clock", "The clock is not set.", AT, True, False, False)
    station.owner.show(alarms=(alarm,))
    page = words(user.get("/battery-test").text)
    assert "begins in 2 h 00 min; the clock is not set, so that has no date." in page


def test_machines_get_it_too(reported: Station, client: Client) -> None:
    found = json.loads(client.get("/report/7?format=json").text)
    assert found["result"] == "Low, probably"
    assert found["sections"]["Conditions"]["Average load"] == "4.20 A"
    assert found["test"]["estimate_s"] == 9000.0


def test_the_year_leaves_out_what_is_older(reported: Station, client: Client) -> None:
    page = words(client.get("/reports").text)
    assert "0 good, 1 low, 0 aborted, 0 without judgement, 1 outage" in page
    rows = list(csv.DictReader(io.StringIO(client.get("/reports/csv").text)))
    assert [row["n"] for row in rows] == ["7", "6"]
    assert rows[0]["marks"] == "marginal not_rested weak_block:3"
    tests = json.loads(client.get("/reports/json").text)["tests"]
    assert [test["n"] for test in tests] == [7, 6]


def with_blocks(station: Station) -> None:
    """Test 7 with taps between its four blocks; the third one falls away."""
    station.history.curves[7] = [
        row._replace(block_v=(3.2, 3.2, 3.2 - 0.00005 * row.time_s, 3.2))
        for row in station.history.curves[7]
    ]


def test_each_block_has_its_curve_where_there_are_taps(reported: Station, client: Client) -> None:
    assert "Voltage of each block" not in client.get("/report/7").text
    with_blocks(reported)
    reported.history.test_list[-1] = TEST._replace(n=8)  # a curve that was read is kept
    reported.history.curves[8] = reported.history.curves[7]
    page = client.get("/report/8").text
    figure = page[page.index('<figure class="card plot" data-plot="blocks"') :]
    assert figure.count('<path class="line s') == 8  # four curves, four lines of the legend
    assert "Block 3: 2.84 to 3.20 V, at last 2.84" in figure


@pytest.mark.parametrize("has_taps", [False, True])
@pytest.mark.browser
@pytest.mark.skipif(CHROMIUM is None, reason="there is no chromium on this machine")
def test_it_prints_on_one_page(reported: Station, has_taps: bool) -> None:
    if has_taps:
        with_blocks(reported)
    browser = Browser()
    try:
        browser.open(f"http://{reported.address}/report/7")
        for own_size in (True, False):
            answer = browser.call("Page.printToPDF", preferCSSPageSize=own_size)
            pages = re.findall(rb"/Type\s*/Page[^s]", base64.b64decode(answer["data"]))
            assert len(pages) == 1
    finally:
        browser.close()
