"""System Status in a real browser: alive by the stream, alive by asking, honest when cut off."""

from __future__ import annotations

import http.client
import re

import pytest
from web_browser import CHROMIUM, Browser
from web_station import AT, Station

from btrmd.model.discharge import TestRecord
from btrmd.model.readings import Quality
from btrmd.model.snapshot import AlarmView
from btrmd.servers.web.stream import MAX_CLIENTS

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="there is no chromium on this machine"),
]


def text_of(selector: str) -> str:
    """An expression: the text of an element, with single spaces."""
    return f"document.querySelector('{selector}').textContent.replace(/\\s+/g, ' ').trim()"


def test_the_page_lives_and_says_when_it_does_not(station: Station, browser: Browser) -> None:
    browser.open(f"http://{station.address}/")
    browser.wait(text_of("#link-text") + " === 'Connected'")
    assert len(browser.requests) <= 6
    station.owner.show_point("battery.voltage", 12.07)
    browser.wait(text_of('[data-key="battery.voltage"]') + " === '12.07 V'")
    station.owner.show_point("supply.voltage", None, quality=Quality.BAD, at=AT - 42)
    browser.wait(text_of('[data-key="supply.voltage"]') + " === '— V no reading for 42 s'")
    station.owner.show_point("capacity.state", "low")
    browser.wait(text_of('[data-key="capacity.state"]') + " === 'Low'")
    station.owner.show_point("io1.digital", True)
    browser.wait(text_of('[data-key="io1.digital"]') + " === 'TRUE'")
    alarm = AlarmView("io1", "CH1 is <b>low</b>.", AT, True, False, False)
    test = TestRecord(7, "1", "running", duration_s=2520.0, minimum_runtime_s=0.0)
    station.owner.show(alarms=(alarm,), test=test)
    browser.wait(
        text_of("#alarms") + " === 'CH1 is <b>low</b>. io1, active, since 2026-05-28 20:26 UTC"
        "See what is wired to CH1. Log in to acknowledge'"
    )
    browser.wait(text_of("#card-title") + " === 'Test 7 (Type 1) is running'")

    assert browser.complaints == []
    assert all(url.startswith(f"http://{station.address}/") for url in browser.requests)

    # Without data: amber after 5 s, red after 15 s. The page's clock is moved, not waited for.
    station.server.stop()
    browser.run("(() => { const now = Date.now; Date.now = () => now() + 7000; })()")
    browser.wait("document.querySelector('#link.slow') !== null")
    browser.run("(() => { const now = Date.now; Date.now = () => now() + 10000; })()")
    browser.wait("document.querySelector('#link.lost') !== null")
    assert browser.run(text_of("#link-text")).startswith("No connection for")
    assert browser.run(text_of("#verdict-head")) == "Unknown since 20:26 UTC"
    reported = browser.run("document.body.innerText")
    assert "Load fed by" not in reported
    assert "No alarm" not in reported
    assert "Not known since 20:26 UTC; these were there then:" in reported
    assert re.search(
        r"1[5-9] s old|2\d s old", browser.run(text_of('[data-key="battery.voltage"]'))
    )
    grey = browser.run("getComputedStyle(document.querySelector('.cell .value')).color")
    fills = (
        "[...document.querySelectorAll('.flow .node text')].map((t) => getComputedStyle(t).fill)"
    )
    assert set(browser.run(fills)) == {grey}
    assert browser.run("getComputedStyle(document.querySelector('#card-title')).color") == grey
    dashes = "[...document.querySelectorAll('.dash')].map((d) => getComputedStyle(d).visibility)"
    assert set(browser.run(dashes)) == {"hidden"}
    assert browser.run("document.title") == "BTRM: System Status"


def test_a_cold_visit_is_light(station: Station, browser: Browser) -> None:
    """18 KB and 6 requests, by the browser's own count: heads, the worker and the stream's whole
    state too. With three alarms and a result to tell, as a visit begins that has a reason."""
    alarms = [AlarmView(key, f"{key}.", AT, True, False, False)
              for key in ("supply.lost", "battery.low_capacity", "io1")]  # fmt: skip
    last = TestRecord(
        7, "1", "finished", "low", started_at=AT - 9000.0, ended_at=AT - 1800.0,
        duration_s=7200.0, estimate_s=8100.0, estimate_low_s=7200.0, estimate_high_s=9000.0,
        minimum_runtime_s=14400.0, average_current=2.61, end_voltage=11.84,
        reason="The planned time is over.", marks=("marginal",),
    )  # fmt: skip
    station.owner.show(alarms=tuple(alarms), last_test=last)
    told = "document.querySelector('#link.live') !== null && performance.now() > 1500"
    weight = browser.weigh(f"http://{station.address}/", told)
    assert 10_000 < weight <= 18_000
    assert len(browser.requests) == 6
    assert any(url.endswith("/api/v1/stream") for url in browser.requests)
    assert browser.complaints == []


def test_ten_tabs_live_on_one_stream(station: Station, browser: Browser) -> None:
    """HTTP/1.1 browsers open six connections to a unit: a stream each would starve the seventh."""
    url = f"http://{station.address}/"
    browser.open(url)
    browser.wait(text_of("#link-text") + " === 'Connected'")
    tabs = [browser.call("Target.createTarget", url=url)["targetId"] for _ in range(9)]
    sessions = [
        browser.call("Target.attachToTarget", targetId=tab, flatten=True)["sessionId"]
        for tab in tabs
    ]
    station.owner.show_point("battery.voltage", 12.34)
    for session in sessions:
        browser.use(session)
        browser.wait(text_of('[data-key="battery.voltage"]') + " === '12.34 V'")
    assert station.server.feed.clients == 1


def test_where_all_streams_are_taken_the_page_asks(station: Station, browser: Browser) -> None:
    client = station.client()
    taken = []
    for _ in range(MAX_CLIENTS):
        connection = http.client.HTTPConnection(client.host, client.port, timeout=5)
        connection.request("GET", "/api/v1/stream")
        taken.append((connection, connection.getresponse()))
    browser.open(f"http://{station.address}/")
    station.owner.show_point("battery.voltage", 11.11)
    browser.wait(text_of('[data-key="battery.voltage"]') + " === '11.11 V'")
    for connection, answer in taken:
        answer.close()
        connection.close()


def test_the_summary_renews_itself_without_script(station: Station, browser: Browser) -> None:
    browser.call("Emulation.setScriptExecutionDisabled", value=True)
    browser.open(f"http://{station.address}/summary?renew=5")
    assert "Load safe, on supply" in browser.run("document.body.innerText")
    station.owner.show_point("load.source", "none")
    browser.wait("document.body.innerText.includes('LOAD DISCONNECTED')", 15.0)
