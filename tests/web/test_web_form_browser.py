"""The form pages in a real browser: with and without script, on a phone, in the dark, alive."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from test_web_form_pages import PAGES
from web_browser import CHROMIUM, Browser
from web_station import PASSWORD, Station

from btrmd.model.commands import ChangeSettings, StartTest
from btrmd.model.settings import Settings
from btrmd.model.snapshot import Precheck

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="there is no chromium on this machine"),
]

RUNTIME_H = 'input[name="test.minimum_runtime_min.hours"]'


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    browser = Browser()
    yield browser
    browser.close()


@pytest.fixture
def browser(chromium: Browser, station: Station) -> Browser:
    """The browser on a fresh station, without the cookies of the one before."""
    chromium.call("Network.clearBrowserCookies")
    chromium.call("Emulation.setScriptExecutionDisabled", value=False)
    chromium.call("Emulation.clearDeviceMetricsOverride")
    chromium.requests.clear()
    chromium.complaints.clear()
    return chromium


def fill(browser: Browser, selector: str, text: str) -> None:
    """Type into a field as a person does: the change is announced when it is left."""
    browser.run(
        f"(() => {{ const f = document.querySelector('{selector}'); f.value = '{text}';"
        " f.dispatchEvent(new Event('change', {bubbles: true})); })()"
    )


def press(browser: Browser, selector: str) -> None:
    """Click by the mouse, where the button is: it works without script too."""
    where = browser.run(
        f"(() => {{ const b = document.querySelector('{selector}'); b.scrollIntoView();"
        " const r = b.getBoundingClientRect();"
        " return [r.x + r.width / 2, r.y + r.height / 2]; })()"
    )
    for kind in ("mousePressed", "mouseReleased"):
        browser.call("Input.dispatchMouseEvent", type=kind, x=where[0], y=where[1],
                     button="left", clickCount=1)  # fmt: skip


def log_in(browser: Browser, station: Station, path: str) -> None:
    """By the login page that a page's link leads to, back to the page."""
    browser.open(f"http://{station.address}/login?next={path}")
    fill(browser, "#username", "admin")
    fill(browser, "#password", PASSWORD)
    press(browser, "form.entry button")
    browser.wait(f"location.pathname === '{path}' && document.readyState === 'complete'")


def test_a_new_user_changes_the_minimum_runtime_and_starts_a_test(
    station: Station, browser: Browser
) -> None:
    browser.open(f"http://{station.address}/battery-test")
    browser.wait("document.querySelector('fieldset.all').disabled")
    log_in(browser, station, "/battery-test")
    fill(browser, RUNTIME_H, "20")
    press(browser, "form.settings button")
    browser.wait("document.querySelector('.message.good[role=status]') !== null")
    assert browser.run(f"document.querySelector('{RUNTIME_H}').value") == "20"
    command = station.owner.commands[-1]
    assert isinstance(command, ChangeSettings)
    assert command.changes == {"test.minimum_runtime_min": 1200}

    browser.open(f"http://{station.address}/manual-test")
    press(browser, "form.settings button")
    browser.wait("document.querySelector('[role=status]') !== null")
    assert station.owner.commands[-1] == StartTest("1", 0.0, "web admin 127.0.0.1")
    assert all(url.startswith(f"http://{station.address}/") for url in browser.requests)
    assert browser.complaints == []


def test_it_works_without_script(station: Station, browser: Browser) -> None:
    log_in(browser, station, "/battery-test")
    fields = '{"test.interval_h": "501", "test.type2_minimum_mv": "9"}'
    browser.run(
        f"for (const [k, v] of Object.entries({fields}))"
        " document.querySelector(`[name='${k}']`).setAttribute('value', v)"
    )
    browser.call("Emulation.setScriptExecutionDisabled", value=True)
    press(browser, "form.settings button")
    said = "document.querySelector('[role=alert]')?.textContent.includes('0..500 h')"
    browser.wait(f"!!({said})")
    assert browser.run("document.querySelector('[name=\"test.interval_h\"]').value") == "501"
    assert station.owner.commands == []


def test_a_wrong_value_is_told_before_it_is_sent(station: Station, browser: Browser) -> None:
    log_in(browser, station, "/battery-test")
    field = "#f-test-interval_h"
    for text in ("501", "-1", "x", "1.5"):
        fill(browser, field, text)
        browser.wait(f"document.querySelector('{field}-error').textContent.includes('0..500 h')")
        assert browser.run(f"document.querySelector('{field}').getAttribute('aria-invalid')")
    fill(browser, field, "24")
    browser.wait(f"document.querySelector('{field}-error').hidden")
    assert station.owner.commands == []


def test_the_list_before_a_test_and_the_stop_button_live(
    station: Station, browser: Browser
) -> None:
    log_in(browser, station, "/manual-test")
    station.owner.show(prechecks=(Precheck("Charger", False, "The charger is gone."),))
    text = "document.querySelector('#checks').textContent"
    browser.wait(f"{text}.includes('The charger is gone.')")
    assert browser.run("document.querySelector('#stop button')") is None
    station.owner.show_point("test.state", "running")
    browser.wait("document.querySelector('#stop button') !== null")


def test_no_page_is_wider_than_a_small_phone(station: Station, browser: Browser) -> None:
    log_in(browser, station, "/about")
    browser.call("Emulation.setDeviceMetricsOverride", width=320, height=640,
                 deviceScaleFactor=1, mobile=True)  # fmt: skip
    for path in PAGES:
        browser.open(f"http://{station.address}{path}")
        browser.wait(f"location.pathname === '{path}'")
        assert browser.run("document.documentElement.scrollWidth") <= 320, path


CONTRAST = """(() => {
  const parse = (c) => (c.match(/[\\d.]+/g) || []).map(Number);
  const lum = (c) => {
    const [r, g, b] = c.slice(0, 3).map((v) => {
      v /= 255; return v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4; });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
  const back = (node) => {
    for (; node; node = node.parentElement) {
      const c = parse(getComputedStyle(node).backgroundColor);
      if (c.length === 3 || c[3] > 0.99) return c; }
    return [255, 255, 255]; };
  const poor = [];
  for (const node of document.querySelectorAll("body *")) {
    const own = [...node.childNodes].some((n) => n.nodeType === 3 && n.textContent.trim());
    if (!own || node.closest("svg, [hidden], :disabled, .hidden, .skip")) continue;
    const style = getComputedStyle(node);
    const a = lum(parse(style.color)), b = lum(back(node));
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (ratio < 4.5) poor.push(`${node.tagName}.${node.className} ${ratio.toFixed(2)}`);
  }
  return [...new Set(poor)].join(", ");
})()"""


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_text_can_be_read_in_both_themes(
    start_station: Callable[..., Station], station: Station, browser: Browser, theme: str
) -> None:
    log_in(browser, station, "/about")
    media = [{"name": "prefers-color-scheme", "value": theme}]
    browser.call("Emulation.setEmulatedMedia", features=media)
    station.owner.show(
        prechecks=(Precheck("Charger", False, "Gone."), Precheck("Supply", True, "13.4 V")),
        settings=Settings.defaults().with_changes({"dnp3.retry_s": 2}),
    )
    for path in PAGES:
        browser.open(f"http://{station.address}{path}")
        browser.wait(f"location.pathname === '{path}'")
        assert browser.run(CONTRAST) == "", path
