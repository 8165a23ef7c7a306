"""Plots and the power flow in a real browser: drawn, moved over by keyboard, and without script."""

from __future__ import annotations

import pytest
from test_web_history import TEST, Place, curve, place  # noqa: F401 - the fixture
from web_browser import CHROMIUM, Browser

from btrmd.model.readings import GOOD, Reading
from btrmd.model.snapshot import AlarmView

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="there is no chromium on this machine"),
]


def address(place: Place) -> str:  # noqa: F811
    return f"http://{place.client.host}:{place.client.port}"


def size(browser: Browser, width: int, height: int) -> None:
    browser.call(
        "Emulation.setDeviceMetricsOverride",
        width=width,
        height=height,
        deviceScaleFactor=1,
        mobile=width < 500,
    )


@pytest.mark.parametrize("width", [1200, 320])
def test_plots_are_drawn_and_have_a_cursor(
    place: Place,  # noqa: F811
    browser: Browser,
    width: int,
) -> None:
    place.trend(60, 1500)
    place.store(TEST, curves={7: curve(3600)})
    place.owner.show(last_test=TEST)
    size(browser, width, 800)
    for path, count in (("/trends", 4), ("/discharges?n=7", 3), ("/battery-status", 1)):
        browser.open(address(place) + path)
        browser.wait("document.querySelector('[data-drawn]') !== null")
        assert browser.run("document.querySelectorAll('.plot.drawn canvas').length") == count
        assert browser.run("document.documentElement.scrollWidth <= innerWidth")
        browser.run("document.querySelector('.canvas').focus()")
        for key in ("End", "ArrowLeft", "ArrowLeft"):
            for kind in ("rawKeyDown", "keyUp"):
                browser.call("Input.dispatchKeyEvent", type=kind, key=key)
        # The legend tells the value under the cursor, with its unit.
        browser.wait(
            "/^-?\\d+\\.\\d+ V$/.test([...document.querySelectorAll('.u-value')][1].textContent)"
        )
    assert browser.complaints == []
    assert len(browser.requests) <= 3 * 10
    assert all(url.startswith(address(place)) for url in browser.requests)


def test_without_script_the_plots_are_pictures(place: Place, browser: Browser) -> None:  # noqa: F811
    place.trend(60, 1500)
    browser.call("Emulation.setScriptExecutionDisabled", value=True)
    browser.open(address(place) + "/trends?range=1d")
    assert browser.run("document.querySelectorAll('canvas').length") == 0
    ticked = "document.querySelector('.plot .line').getBoundingClientRect()"
    assert browser.run(f"{ticked}.width") > 300
    assert browser.run(f"{ticked}.height") > 20
    assert browser.run("document.querySelectorAll('details tbody tr').length") >= 12


def test_the_flow_and_the_alarms_live(place: Place, browser: Browser) -> None:  # noqa: F811
    browser.open(address(place) + "/")
    browser.wait("document.getElementById('link-text').textContent === 'Connected'")
    points = dict(place.owner.bus.snapshot.points)
    for key, value in (
        ("relay.k1", True),
        ("relay.k2", True),
        ("relay.k3", False),
        ("battery.current", -7.04),
        ("load.current", 7.04),
        ("load.source", "battery"),
        ("test.state", "running"),
        ("test.elapsed", 2520.0),
    ):
        points[key] = Reading(value, GOOD, 1.0)
    alarm = AlarmView("io1", "CH1 is low.", 1.0, True, False, False)
    place.owner.show(points=points, alarms=(alarm,))
    browser.wait(
        "document.getElementById('flow-text').textContent"
        " === 'Load fed by battery, 7.0 A, test running 0:42'"
    )
    flow = "document.querySelector('#flow [data-{}]').dataset.{}"
    assert browser.run(flow.format('switch="s2"', "state")) == "closed"
    assert browser.run(flow.format('switch="k2"', "state")) == "open"
    assert browser.run(flow.format('wire="battery"', "speed")) == "4"
    assert browser.run(flow.format('wire="supply"', "speed")) == "0"
    live = "document.querySelector('[data-live=\"battery.current\"]').textContent"
    assert browser.run(live) == "-7.04 A"
    way = "document.querySelector('[data-alarm=io1] .acknowledge').textContent"
    browser.wait(f"{way} === 'Log in to acknowledge'")
    moving = "getComputedStyle(document.querySelector('[data-wire=battery]')).animationName"
    assert browser.run(moving) == "flow"
    reduced = [{"name": "prefers-reduced-motion", "value": "reduce"}]
    browser.call("Emulation.setEmulatedMedia", features=reduced)
    browser.wait(f"{moving} === 'none'")
    assert browser.complaints == []
