"""contrib/wall.html and the origins that may read: in a browser, from a site of its own."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from web_browser import CHROMIUM, Browser
from web_station import Client, Station

from btrmd.model.errors import SettingError
from btrmd.model.settings import Settings

WALL = Path(__file__).resolve().parents[2] / "contrib" / "wall.html"
SITE = "https://noc.example.com"
SETTING = "web.cors_origins"


def with_origins(*origins: str, **changes: object) -> Settings:
    return Settings.defaults().with_changes({SETTING: ",".join(origins), **changes})


def preflight(client: Client, origin: str, path: str = "/api/v1/state", **more: str) -> int:
    headers = {
        "Origin": origin,
        "Access-Control-Request-Method": "GET",
        "Access-Control-Request-Headers": "authorization",
        **more,
    }
    reply = client.ask("OPTIONS", path, headers=headers)
    allowed = reply.headers["Access-Control-Allow-Origin"]
    assert allowed == (origin if reply.status == 204 else None)
    return reply.status


def test_nobody_may_read_by_default(station: Station, client: Client) -> None:
    assert preflight(client, SITE) == 405
    token = station.tokens.add("wall", "viewer", "2026-05-28T00:00:00Z")
    reply = client.get("/api/v1/state", Origin=SITE, Authorization=f"Bearer {token}")
    assert reply.status == 200
    assert reply.headers["Access-Control-Allow-Origin"] is None


def test_only_a_named_site_with_a_token_may(start_station: Callable[..., Station]) -> None:
    station = start_station(settings=with_origins(SITE, "http://10.0.0.5:8080"))
    client = station.client()
    assert preflight(client, SITE) == 204
    assert preflight(client, "http://10.0.0.5:8080") == 204
    for origin in (
        "https://evil.example",
        f"{SITE}.evil.example",
        "http://noc.example.com",
        "null",
    ):
        assert preflight(client, origin) == 405
    assert preflight(client, SITE, path="/") == 405
    assert preflight(client, SITE, **{"Access-Control-Request-Method": "POST"}) == 405
    assert preflight(client, SITE, **{"Access-Control-Request-Headers": "x-csrf-token"}) == 405
    token = station.tokens.add("wall", "viewer", "2026-05-28T00:00:00Z")
    reply = client.get("/api/v1/state", Origin=SITE, Authorization=f"Bearer {token}")
    assert reply.headers["Access-Control-Allow-Origin"] == SITE
    assert reply.headers["Access-Control-Allow-Credentials"] is None
    assert "Origin" in str(reply.headers["Vary"])
    # Without the header that no browser sends by itself nothing may be read from there.
    assert client.get("/api/v1/state", Origin=SITE).headers["Access-Control-Allow-Origin"] is None
    client.log_in()
    assert client.get("/api/v1/state", Origin=SITE).headers["Access-Control-Allow-Origin"] is None


@pytest.mark.parametrize(
    "text",
    [
        "*", "null", "noc.example.com", "https://noc.example.com/", "https://NOC.example.com",
        "https://a b", "ftp://noc.example.com", "https://noc.example.com:0", "https://x:99999",
        "https://x:٨٠", ",".join(f"https://n{i}.example" for i in range(9)), "https://user@x",
    ],
)  # fmt: skip
def test_what_is_no_origin_is_refused(text: str) -> None:
    with pytest.raises(SettingError, match="origins such as https://noc"):
        with_origins(text)


@pytest.fixture
def site(tmp_path: Path) -> Iterator[str]:
    """A web server of somebody's own with the wall on it."""
    (tmp_path / "wall.html").write_bytes(WALL.read_bytes())

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(tmp_path)))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.browser
@pytest.mark.skipif(CHROMIUM is None, reason="there is no chromium on this machine")
def test_the_wall_shows_the_worst_first(
    site: str, tmp_path: Path, start_station: Callable[..., Station]
) -> None:
    everything = with_origins(site, **{"web.authorization": "all"})
    good, bad = start_station(settings=everything), start_station(settings=everything)
    closed = start_station(settings=with_origins())
    bad.owner.show_point("load.source", "none")
    units = [
        {"name": name, "url": f"http://{station.address}", "token": token}
        for name, station, token in (
            ("<i>Good", good, good.tokens.add("wall", "viewer", "2026-05-28T00:00:00Z")),
            ("Bad", bad, bad.tokens.add("wall", "viewer", "2026-05-28T00:00:00Z")),
            ("Closed", closed, closed.tokens.add("wall", "viewer", "2026-05-28T00:00:00Z")),
            ("Refused", good, "btrm_nonsense"),
        )
    ]
    (tmp_path / "wall.json").write_text(json.dumps(units))
    browser = Browser()
    try:
        browser.open(f"{site}/wall.html")
        names = "[...document.querySelectorAll('li a')].map((e) => e.textContent)"
        browser.wait("document.querySelectorAll('[data-tone=bad]').length === 1", 30.0)
        browser.wait("document.querySelectorAll('[data-tone=good]').length === 1", 30.0)
        assert browser.run(names) == ["Bad", "Closed", "Refused", "<i>Good"]
        assert browser.run("document.querySelector('li strong').textContent") == "LOAD DISCONNECTED"
        said = (
            "[...document.querySelectorAll('[data-tone=unknown]')].map((e) => e.innerText).join()"
        )
        browser.wait(f"{said}.includes('its token is refused')", 30.0)
        browser.wait(f"{said}.includes('Origins That May Read')", 30.0)
        assert browser.run("document.title") == "(3) Battery sites"
        (tmp_path / "wall.json").write_text('[{"name": "North", "url": "javascript:alert(1)"}]')
        browser.open(f"{site}/wall.html?again")
        browser.wait("document.getElementById('sum').textContent.includes('entry 1 (North)')", 10.0)
    finally:
        browser.close()
