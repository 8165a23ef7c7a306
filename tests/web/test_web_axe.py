"""axe-core over every page, light and dark, on a screen and on a phone: nothing serious, ever."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from test_web_form_browser import fill, press
from test_web_form_pages import PAGES
from test_web_history import TEST, Place, curve, place  # noqa: F401 - the fixture
from web_browser import CHROMIUM, Browser
from web_station import AT, PASSWORD

from btrmd.model.discharge import TestRecord
from btrmd.model.events import Event, Kind
from btrmd.model.readings import BAD, Reading
from btrmd.model.snapshot import AlarmView, Precheck

# Found, not imported: only the script is wanted, and not the package's own way to drive a browser.
_SPEC = importlib.util.find_spec("axe_playwright_python")
AXE = Path(str(_SPEC.origin)).with_name("axe.min.js") if _SPEC is not None else None

pytestmark = [
    pytest.mark.long,
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="there is no chromium on this machine"),
    pytest.mark.skipif(AXE is None, reason="axe-core is not installed (requirements/dev.txt)"),
]

SECONDS = 30.0
TABS = 2  # as many pages at once: each computes for itself
STANDARDS = (
    '{type: "tag", values: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", '
    '"best-practice"]}'
)
LOOKS = (
    '{type: "rule", values: ["color-contrast", "link-in-text-block", "target-size", '
    '"scrollable-region-focusable"]}'
)
PATHS = [
    "/", "/battery-status", *PAGES, "/trends", "/discharges?n=7&n=6", "/events?from=x",
    "/set-password",
    "/logout", "/nothing-here", "/search?q=voltage", "/report/7", "/reports", "/events",
    "/summary",
]  # fmt: skip
# What axe makes of the text of a colour, worked out once a page: in most of its time it would do
# so for every element and everything behind it.
COLOURS = """
{
  const colour = axe.commons.color.Color.prototype, parse = colour.parseString, known = new Map();
  colour.parseString = function (text) {
    if (known.has(text)) [this.r, this.g, this.b, this.alpha] = known.get(text);
    else known.set(text, (({r, g, b, alpha}) => [r, g, b, alpha])(parse.call(this, text)));
    return this;
  };
}"""
# A finding has the impact of its rule: what is neither serious nor critical need not be looked for.
RUN = """(async () => {
  const slight = axe._audit.rules.filter((rule) => ["minor", "moderate"].includes(rule.impact));
  const rules = Object.fromEntries(slight.map((rule) => [rule.id, {enabled: false}]));
  const found = await axe.run(document, {resultTypes: ["violations"], runOnly: RULES, rules});
  return found.violations.filter((v) => ["serious", "critical"].includes(v.impact)).map((v) =>
    `${v.id} (${v.impact}): ` + v.nodes.slice(0, 4).map((n) => n.html.slice(0, 160)
      + " " + n.failureSummary.replace(/\\s+/g, " ").slice(0, 200)).join(" | "));
})()"""


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    # Each page begins with an axe that was never run: to compile it costs more than it saves.
    browser = Browser("--js-flags=--no-opt --no-maglev")
    yield browser
    browser.close()


@pytest.fixture
def browser(chromium: Browser, place: Place) -> Browser:  # noqa: F811
    """Logged in on a station where something of everything can be seen."""
    place.trend(60, 300)
    aborted = TestRecord(6, "2", "finished", "aborted", "The user stopped it.", "web admin",
                         AT - 9e5, AT - 8e5, 60.0, 7.0, 20.0, 12.4)  # fmt: skip
    place.store(TEST, aborted, curves={7: curve(3600), 6: curve(600)})
    place.log(
        *(
            Event(n, AT - 60.0 * n, 10.0, "io1", kind, True, 11.8, "core", f"CH1 is {kind.value}.")
            for n, kind in enumerate(Kind, 1)
        )
    )
    points = dict(place.owner.bus.snapshot.points)
    points["supply.voltage"] = Reading(None, BAD, AT - 42)
    place.owner.show(
        points=points,
        last_test=TEST,
        prechecks=(Precheck("Charger", False, "Gone."), Precheck("Supply", True, "13.4 V")),
        alarms=(
            AlarmView("io1", "CH1 is low.", AT, True, False, False),
            AlarmView("battery.low_capacity", "The battery is weak.", AT, False, True, True),
        ),
    )
    chromium.call("Network.clearBrowserCookies")
    chromium.open(f"{home(place)}/login?next=/about")
    fill(chromium, "#username", "admin")
    fill(chromium, "#password", PASSWORD)
    press(chromium, "form.entry button")
    chromium.wait("location.pathname === '/about' && document.readyState === 'complete'", SECONDS)
    return chromium


def home(place: Place) -> str:  # noqa: F811
    return f"http://{place.client.host}:{place.client.port}"


def axe(browser: Browser, tabs: Sequence[str], rules: str) -> list[list[str]]:
    """The serious findings on the page that each tab shows, each one line."""
    assert AXE is not None
    for tab in tabs:
        browser.use(tab)
        if not browser.run("typeof axe === 'object'"):
            browser.run(f"{AXE.read_text(encoding='utf-8')};{COLOURS};0")
    answers = browser.call_at_once(
        tabs,
        "Runtime.evaluate",
        expression=RUN.replace("RULES", rules),
        awaitPromise=True,
        returnByValue=True,
    )
    for answer in answers:
        assert "exceptionDetails" not in answer, answer
    return [list(answer["result"]["value"]) for answer in answers]


def look(browser: Browser, width: int, theme: str) -> None:
    browser.call("Emulation.setDeviceMetricsOverride", width=width, height=900,
                 deviceScaleFactor=1, mobile=width < 500)  # fmt: skip
    # Nothing moves, so that nothing is judged half faded in.
    browser.call(
        "Emulation.setEmulatedMedia",
        features=[
            {"name": "prefers-color-scheme", "value": theme},
            {"name": "prefers-reduced-motion", "value": "reduce"},
        ],
    )


def test_no_page_has_a_serious_finding(browser: Browser, place: Place) -> None:  # noqa: F811
    found: list[str] = []
    with browser.tabs(TABS) as tabs:
        for paths in (PATHS[first : first + TABS] for first in range(0, len(PATHS), TABS)):
            shown = dict(zip(tabs[: len(paths)], paths, strict=True))
            found += findings(browser, place, shown)
    assert not found, "\n".join(found)


def findings(browser: Browser, place: Place, shown: dict[str, str]) -> list[str]:  # noqa: F811
    """Those of some pages, side by side, each in its tab."""
    for tab, path in shown.items():
        browser.use(tab)
        look(browser, 1280, "light")
        browser.begin_to_open(home(place) + path)
    for tab in shown:
        browser.use(tab)
        browser.wait_until_open()
        browser.wait("document.querySelector('main h1') !== null && !document.hidden", SECONDS)
    found: list[str] = []
    for width in (1280, 360):
        for theme in ("light", "dark"):
            for tab in shown:
                browser.use(tab)
                look(browser, width, theme)
            rules = STANDARDS if (width, theme) == (1280, "light") else LOOKS
            said = axe(browser, list(shown), rules)
            for path, texts in zip(shown.values(), said, strict=True):
                found += [f"{path} {width} {theme}: {text}" for text in texts]
    return found


def test_a_refused_form_has_no_serious_finding(browser: Browser, place: Place) -> None:  # noqa: F811
    look(browser, 360, "dark")
    browser.open(f"{home(place)}/battery-test")
    fill(browser, "#f-test-interval_h", "9999")
    press(browser, "form.settings .buttons button")
    browser.wait("document.querySelector('#alert') !== null", SECONDS)
    assert not any(axe(browser, [browser.tab], STANDARDS))


BAD_PAGE = """data:text/html,<!doctype html><html lang=en><title>Bad</title>
<style>@media (prefers-color-scheme: dark) { body { background: black; color: white } }</style>
<main><h1>Bad</h1><p style="color: rgb(190, 190, 190)">pale</p>
<p style="color: rgb(70, 70, 70)">deep</p><img src=none></main>
<p>Outside of the main part, which is no serious finding.</p>"""


@pytest.mark.parametrize(("theme", "word"), [("light", "pale"), ("dark", "deep")])
def test_a_bad_page_has_its_findings(browser: Browser, theme: str, word: str) -> None:
    browser.open(BAD_PAGE)
    look(browser, 1280, theme)
    ((contrast, image),) = axe(browser, [browser.tab], STANDARDS)
    assert image.startswith("image-alt (critical)")
    assert contrast.startswith("color-contrast (serious)")
    assert [n for n in ("pale", "deep") if n in contrast] == [word]
