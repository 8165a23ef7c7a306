"""All form pages alike: title, menu, weight, no script needed, labels, no outside address."""

from __future__ import annotations

import gzip
import re
from html.parser import HTMLParser

import pytest
from web_station import Client, Station

PAGES = {
    "/battery-test": "Battery Test",
    "/manual-test": "Manual Test",
    "/port-options": "Port Options",
    "/email": "E-Mail Configuration",
    "/email-test": "E-mail Test",
    "/network": "Network Configuration",
    "/dnp3-modbus": "DNP3 Modbus Configuration",
    "/snmp": "SNMP Configuration",
    "/snmp-mib": "SNMP MIB File",
    "/help": "Help",
    "/authorization": "Authorization",
    "/about": "About",
    "/integrations": "Integrations",
    "/https": "HTTPS",
    "/backup": "Backup",
}


@pytest.fixture(params=PAGES)
def page(request: pytest.FixtureRequest, shared: tuple[Station, Client]) -> tuple[str, str]:
    """A path and its page, for a user who has logged in."""
    reply = shared[1].get(request.param)
    assert reply.status == 200
    return request.param, reply.text


class _Ids(HTMLParser):
    """What labels, descriptions and controls name."""

    def __init__(self) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.wanted: set[str] = set()
        self.bare: list[str] = []
        self._labels: set[str] = set()
        self._controls: list[tuple[str, bool]] = []
        self._in_label = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = {name: value or "" for name, value in attrs}
        if "id" in found:
            self.ids.append(found["id"])
        for name in ("aria-describedby", "aria-labelledby"):
            self.wanted |= set(found.get(name, "").split())
        if tag == "label":
            self._in_label += 1
            if "for" in found:
                self.wanted.add(found["for"])
                self._labels.add(found["for"])
        if tag in ("input", "select") and found.get("type") != "hidden":
            has_name = bool(self._in_label) or "aria-label" in found
            self._controls.append((found.get("id", ""), has_name))

    def handle_endtag(self, tag: str) -> None:
        if tag == "label":
            self._in_label -= 1

    def nameless(self) -> list[str]:
        return [i for i, has_name in self._controls if not has_name and i not in self._labels]


def test_title_heading_and_menu_say_the_manuals_name(page: tuple[str, str]) -> None:
    path, text = page
    name = PAGES[path]
    assert f"<title>BTRM: {name}</title>" in text
    assert f"<h1>{name}</h1>" in text
    assert f'<a href="{path}" aria-current="page">{name}</a>' in text
    assert "System: BTRM Location" in text


def test_every_control_has_a_name_and_every_reference_a_target(page: tuple[str, str]) -> None:
    reader = _Ids()
    reader.feed(page[1])
    assert len(reader.ids) == len(set(reader.ids))
    assert reader.wanted <= set(reader.ids)
    assert reader.nameless() == []
    assert "<th>" not in page[1]


def test_forms_work_without_script_and_within_the_policy(page: tuple[str, str]) -> None:
    text = page[1]
    assert not re.search(r"<script(?![^>]*src=)", text)
    assert not re.search(r"\son\w+=|\sstyle=|javascript:", text)
    assert not re.search(r'(?:href|src|action)="(?:https?:)?//', text)
    assert "maxlength" not in text[text.index("<main") :]  # R161: refused, not cut off
    for form in re.findall(r"<form.*?</form>", text, re.S):
        if 'role="search"' in form:  # asks and changes nothing
            assert 'action="/search"' in form
            assert "csrf" not in form
            assert "method" not in form
            continue
        assert 'method="post"' in form
        assert 'name="csrf_token"' in form


def test_every_link_leads_somewhere(page: tuple[str, str], shared: tuple[Station, Client]) -> None:
    for link in set(re.findall(r'href="(/[^"#]*)', page[1])):
        assert shared[1].get(link.replace("&amp;", "&")).status == 200, link


def test_it_is_light(page: tuple[str, str], shared: tuple[Station, Client]) -> None:
    """UI 6.4: 15 KB of HTML, 10 KB of style, 12 KB of script, compressed."""
    packed = {"Accept-Encoding": "gzip"}
    assert len(gzip.compress(page[1].encode(), 5)) <= 15_000
    for names, most in ((("style.css", "page.css"), 10_000), (("form.js",), 12_000)):
        replies = [shared[1].ask("GET", f"/static/{name}", headers=packed) for name in names]
        assert sum(len(reply.body) for reply in replies) <= most


def test_nothing_it_is_asked_with_comes_back_as_markup(shared: tuple[Station, Client]) -> None:
    for path in PAGES:
        text = shared[1].get(f"{path}?saved=%3Cscript%3E&restored=%3Cb%3E&done=%3Ci%3E").text
        assert "<script>" not in text
        assert "<b>" not in text
