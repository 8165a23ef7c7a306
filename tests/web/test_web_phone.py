"""On a phone of 320 px: nothing but the wiring scrolls aside, and a finger hits what it wants."""

from __future__ import annotations

import pytest
from test_web_axe import PATHS, browser, chromium, home, look, pytestmark  # noqa: F401
from test_web_history import Place, place  # noqa: F401 - the fixture
from web_browser import Browser

from btrmd.model.settings import Settings

FINGER_PX = 44
AUTO = """[...document.querySelectorAll('main *')].filter((e) => e.checkVisibility()
  && e.scrollWidth > e.clientWidth + 1 && /auto|scroll/.test(getComputedStyle(e).overflowX)
  && !e.querySelector('.wiring') && e.tagName !== 'PRE').map((e) => e.innerText.slice(0, 60))"""
# Links within a sentence are as high as its lines (WCAG 2.5.8, inline).
SMALL = """[...document.querySelectorAll(
    'a, button, input:not([type=hidden]), select, textarea, summary')]
  .filter((e) => e.checkVisibility() && !e.closest('.skip'))
  .filter((e) => !(e.tagName === 'A' && getComputedStyle(e).display === 'inline'))
  .map((e) => (e.matches('[type=checkbox], [type=radio]') && e.closest('label')) || e)
  .map((e) => [e, e.getBoundingClientRect()])
  .filter(([, box]) => box.width > 1 && box.height < %s - 0.5).map(([e]) => e)
  .map((e) => e.tagName + ' ' + (e.innerText || e.id || e.name).slice(0, 30))"""  # fmt: skip


def test_nothing_scrolls_aside_and_targets_are_large(
    browser: Browser,  # noqa: F811
    place: Place,  # noqa: F811
) -> None:
    look(browser, 320, "light")
    found: list[str] = []
    for path in PATHS:
        browser.open(home(place) + path)
        browser.wait("document.querySelector('main h1') !== null")
        browser.run("document.querySelectorAll('details').forEach((d) => { d.open = true; })")
        if browser.run("document.documentElement.scrollWidth > innerWidth"):
            found.append(f"{path}: the page is wider than the screen")
        found += [f"{path} scrolls: {text}" for text in browser.run(AUTO)]
        found += [f"{path} small: {text}" for text in browser.run(SMALL % FINGER_PX)]
    assert not found, "\n".join(found)


@pytest.mark.parametrize("width", [320, 1300])
def test_two_clocks_fit_where_one_did(
    browser: Browser,  # noqa: F811
    place: Place,  # noqa: F811
    width: int,
) -> None:
    here = Settings.defaults().with_changes({"site.timezone": "America/St_Johns"})
    place.owner.show(settings=here)
    look(browser, width, "light")
    found: list[str] = []
    for path in ("/events", "/battery-status", "/discharges?n=7&n=6", "/trends", "/reports", "/"):
        browser.open(home(place) + path)
        browser.wait("document.querySelector('main h1') !== null")
        if browser.run("document.documentElement.scrollWidth > innerWidth"):
            found.append(f"{path}: the page is wider than the screen")
        found += [f"{path} scrolls: {text}" for text in browser.run(AUTO)]
    assert not found, "\n".join(found)


def test_what_can_be_unfolded_has_its_marker_on_a_phone(
    browser: Browser,  # noqa: F811
    place: Place,  # noqa: F811
) -> None:
    look(browser, 320, "light")
    browser.open(home(place) + "/trends")
    marker = "getComputedStyle(document.querySelector('summary'), '::before').content"
    assert browser.run(marker) == '"▸"'
    browser.run("document.querySelector('details').open = true")
    assert browser.run(marker) == '"▾"'
