"""Search: every setting and section is found, and where it leads there is what it names."""

from __future__ import annotations

import re
from html import unescape

import pytest
from web_station import Client, Station

from btrmd.model.settings import SETTINGS
from btrmd.servers.web.menu import ADDED, PAGES
from btrmd.servers.web.search_page import MOST, all_entries, find


def test_every_setting_of_a_page_and_every_page_is_in_it() -> None:
    labels = {entry.href for entry in all_entries()}
    assert labels >= {path for _, path in (*PAGES, *ADDED)}
    on_pages = [key for key, setting in SETTINGS.items() if setting.page]
    assert len(on_pages) == len(SETTINGS)
    assert {f"f-{key.replace('.', '-')}" for key in on_pages} <= {
        href.partition("#")[2] for href in labels
    }


def test_every_anchor_is_on_its_page(shared: tuple[Station, Client]) -> None:
    _, client = shared
    pages: dict[str, str] = {}
    lost = []
    for entry in all_entries():
        path, _, anchor = entry.href.partition("#")
        if path not in pages:
            reply = client.get(path)
            assert reply.status == 200
            pages[path] = reply.text
        # a section that is shown only while it is needed leads to the head of its page
        if anchor and f'id="{anchor}"' not in pages[path]:
            lost.append(entry.href)
    assert set(lost) <= SOMETIMES


# Shown only in a state that a quiet station is not in.
SOMETIMES = {
    "/network#change-title", "/battery-status#blocks-title", "/email-test#result-title",
    "/backup#difference-title",
    "/network#reach-title", "/network#apply-title",  # with the host's helper
    "/https#own-title", "/https#renew-title",  # where HTTPS is served
}  # fmt: skip


@pytest.mark.parametrize(
    ("query", "first"),
    [
        ("interval_h", "/battery-test#f-test-interval_h"),
        ("system voltage", "/port-options#section-system-voltage"),
        ("CAPACITY io check", "/manual-test#io-title"),
        ("event log", "/events"),
    ],
)
def test_the_best_comes_first(shared: tuple[Station, Client], query: str, first: str) -> None:
    page = shared[1].get(f"/search?q={query.replace(' ', '+')}").text
    main = unescape(page[page.index("<main") :])
    assert re.findall(r'<li><a href="([^"]+)"', main)[0] == first


def test_what_is_not_there_is_said_so(shared: tuple[Station, Client]) -> None:
    page = shared[1].get("/search?q=flux+capacitor+%3Cb%3E").text
    assert "Nothing has these words: flux capacitor &lt;b&gt;" in page
    assert len(find("e")) > MOST
    page = shared[1].get("/search?q=e").text
    assert page[page.index("<main") :].count('<li><a href="') == MOST
    assert f"the first {MOST}:" in page


def test_the_search_stands_in_the_menu_of_every_page(shared: tuple[Station, Client]) -> None:
    for path in ("/", "/battery-test", "/help"):
        assert 'action="/search"' in shared[1].get(path).text
