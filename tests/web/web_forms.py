"""A reader of our own forms: what a browser would post, and what the page says about it."""

from __future__ import annotations

import html
import re
from html.parser import HTMLParser

from web_station import Client, Reply


class _Fields(HTMLParser):
    """Name and value of every control of the form that posts to `action`, as a browser sends it."""

    def __init__(self, action: str) -> None:
        super().__init__()
        self._action = action
        self._is_in = False
        self._select = ""
        self._lines = ""
        self._text = ""
        self.pairs: list[tuple[str, str]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = {name: value or "" for name, value in attrs}
        if tag == "form":
            self._is_in = found.get("action") == self._action
        if not self._is_in:
            return
        name, value = found.get("name", ""), found.get("value", "")
        if tag == "input" and found.get("type") in ("checkbox", "radio"):
            if "checked" in found:
                self.pairs.append((name, value))
        elif tag == "input":
            self.pairs.append((name, value))
        elif tag == "select":
            self._select = name
        elif tag == "textarea":
            self._lines, self._text = name, ""
        elif tag == "option" and self._select and "selected" in found:
            self.pairs.append((self._select, value))

    def handle_data(self, data: str) -> None:
        if self._lines:
            self._text += data

    def handle_endtag(self, tag: str) -> None:
        if tag == "textarea" and self._lines:
            # a browser drops the first line break and sends the others as CR LF
            text = self._text.replace("\r\n", "\n").removeprefix("\n").replace("\n", "\r\n")
            self.pairs.append((self._lines, text))
            self._lines = ""
        if tag == "form":
            self._is_in = False
        elif tag == "select":
            self._select = ""


def fields_of(page: str, action: str) -> dict[str, str]:
    """The controls of one form; of several of the same name the last, as the server takes it."""
    parser = _Fields(action)
    parser.feed(page)
    return dict(parser.pairs)


def post(client: Client, path: str, action: str = "", **changes: str) -> Reply:
    """Open the page, change some fields of its form, press its button."""
    action = action or path
    fields = fields_of(client.get(path).text, action)
    assert "csrf_token" in fields, f"{path} has no form for {action}"
    return client.form(action, **{**fields, **changes})


def follow(client: Client, reply: Reply) -> str:
    """The page a redirect leads to."""
    assert reply.status == 303, (reply.status, words(reply.text)[:400])
    return client.get(str(reply.headers["Location"])).text


def words(page: str) -> str:
    """The page's text without tags, one space between words."""
    text = re.sub(r"<[^>]+>", " ", page[page.find("<main") :])
    return html.unescape(re.sub(r"\s+", " ", text))


def alert(page: str) -> str:
    """What stands in the element with role alert; "" where there is none."""
    found = re.search(r'<(div|p)[^>]* role="alert"[^>]*>(.*?)</\1>', page, re.S)
    return words("<main>" + found[2]) if found else ""
