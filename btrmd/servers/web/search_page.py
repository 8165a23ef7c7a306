"""The Search page: every setting, section and page, found by what people call it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Final, NamedTuple

from flask import request

from btrmd.model.settings import SETTINGS, allowed_text

from .form_field import field_id
from .form_sections import section_anchor, section_titles
from .menu import ADDED, PAGES
from .pages import Pages
from .routes import Route, RouteAccess

PATH: Final = "/search"
MOST: Final = 60
MAX_QUERY: Final = 100
TEMPLATES: Final = Path(__file__).parent / "templates"
_HEADING: Final = re.compile(r'<h2 id="([a-z-]+)">([^<{]+)</h2>')
_OWN_FORM: Final = frozenset({"Authorization"})  # its template has the fields, no sections
# Where a page of its own stands that the menu does not name by its file.
_FILES: Final = {"/": "status.html"}


class SearchEntry(NamedTuple):
    """One thing that can be found: where it is, what it is called, what there is to say of it.

    `key` of a setting, else "". `words` is all that a search looks through, in small letters.
    """

    href: str
    page: str
    section: str
    label: str
    text: str
    key: str
    words: str


@lru_cache(maxsize=1)
def all_entries() -> tuple[SearchEntry, ...]:
    """Pages first, then their sections, then the settings in the order of the table."""
    paths = {name: path for name, path in (*PAGES, *ADDED)}
    found = [_entry(path, name, "", name, "") for name, path in paths.items()]
    for name, path in paths.items():
        found += [_entry(f"{path}#{anchor}", name, "", title, "")
                  for anchor, title in (*_headings(path), *_sections(name))]  # fmt: skip
    for key, setting in SETTINGS.items():
        if setting.page not in paths:
            continue
        label = setting.label or key
        href = f"{paths[setting.page]}#{field_id(key)}"
        found.append(_entry(href, setting.page, setting.group, label, setting.help, key))
    return tuple(found)


def _entry(href: str, page: str, section: str, label: str, text: str, key: str = "") -> SearchEntry:
    words = " ".join((label, section, page, text, key, key.replace("_", " ").replace(".", " ")))
    return SearchEntry(href, page, section, label, text, key, words.casefold())


def _headings(path: str) -> list[tuple[str, str]]:
    """The sections that stand in the page's template."""
    name = _FILES.get(path, f"{path.strip('/').replace('-', '_')}.html")
    file = TEMPLATES / name
    return _HEADING.findall(file.read_text(encoding="utf-8")) if file.is_file() else []


def _sections(page: str) -> list[tuple[str, str]]:
    """The sections of its form."""
    if page in _OWN_FORM:
        return []
    return [(section_anchor(title), title) for title in section_titles(page)]


def find(query: str) -> tuple[SearchEntry, ...]:
    """What has all words of `query` in it, best first: those whose name begins with it."""
    wanted = query.casefold().split()
    if not wanted:
        return ()
    found = [entry for entry in all_entries() if all(word in entry.words for word in wanted)]
    return tuple(sorted(found, key=lambda entry: _rank(entry, wanted)))


def _rank(entry: SearchEntry, wanted: Sequence[str]) -> int:
    """0 where the name has all words, 1 where it has one of them, else 2."""
    hits = sum(word in entry.label.casefold() for word in wanted)
    return 0 if hits == len(wanted) else 1 if hits else 2


class SearchPage:
    """Works without script: a question in the address, a list of links."""

    def __init__(self, pages: Pages) -> None:
        self._pages = pages

    def show(self) -> str:
        query = request.args.get("q", "").strip()[:MAX_QUERY]
        found = find(query)
        settings = self._pages.services.bus.snapshot.settings
        allowed = {e.key: allowed_text(e.key, settings) for e in found[:MOST] if e.key}
        return self._pages.render(
            "search.html",
            "Search",
            query=query,
            found=found[:MOST],
            allowed=allowed,
            count=len(found),
            most=MOST,
        )


def search_routes(pages: Pages) -> list[Route]:
    """The page."""
    return [Route("GET", PATH, SearchPage(pages).show, RouteAccess.PAGE)]
