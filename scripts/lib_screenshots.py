"""The pictures of docs/screenshots: a simulated station in a test, an outage and on a phone.

Debian's Chromium is driven over its debugging pipe, by the class that the browser tests use.
"""

from __future__ import annotations

import base64
import json
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests/web"))
from web_browser import Browser  # noqa: E402 - found only now

SHOTS = ROOT / "docs/screenshots"
SPEED = "200"
QUALITY = 82  # of WebP: text stays sharp
SETTINGS = (
    '[defaults]\n"site.name" = "730 Northern"\n"site.location" = "Repeater hut, mile 14"\n'
    '"battery.rated_ah" = 17\n"battery.type" = "agm"\n"test.minimum_runtime_min" = 150\n'
    '"lvd.enabled" = true\n"test.enabled" = true\n'
)


class Shot(NamedTuple):
    """One picture: `path` of the page, size in CSS px, and what must hold before it is taken."""

    name: str
    path: str
    width: int
    height: int
    ready: str = "document.querySelector('#verdict') !== null"


LIVE = "document.querySelector('#link-text').textContent === 'Connected'"
DRAWN = "document.querySelector('[data-drawn]') !== null"
AFTER_TEST = (
    Shot("status", "/", 1200, 940, f"{LIVE} && document.querySelector('.spark') !== null"),
    Shot("test-curve", "/battery-status", 1200, 1080, DRAWN),
    Shot("phone", "/", 390, 844, LIVE),
)
IN_OUTAGE = (
    Shot("outage", "/battery-status", 1200, 760, "document.querySelector('.line') !== null"),
)


def until(done: Callable[[], bool], seconds: float) -> None:
    """Wait for `done`; ends the script when it does not come true."""
    end = time.monotonic() + seconds
    while not done():
        if time.monotonic() > end:
            sys.exit("The station did not get where the picture is taken.")
        time.sleep(0.1)


def shoot(browser: Browser, url: str, shot: Shot) -> None:
    """Take one picture in the light theme, with nothing that moves."""
    is_phone = shot.width < 500
    browser.call(
        "Emulation.setDeviceMetricsOverride",
        width=shot.width, height=shot.height, deviceScaleFactor=2 if is_phone else 1,
        mobile=is_phone,
    )  # fmt: skip
    still = [
        {"name": "prefers-color-scheme", "value": "light"},
        {"name": "prefers-reduced-motion", "value": "reduce"},
    ]
    browser.call("Emulation.setEmulatedMedia", features=still)
    browser.call("Emulation.setScrollbarsHidden", hidden=True)
    browser.open(url + shot.path)
    browser.wait(shot.ready, 30.0)
    answer = browser.call("Page.captureScreenshot", format="webp", quality=QUALITY)
    (SHOTS / f"{shot.name}.webp").write_bytes(base64.b64decode(answer["data"]))


def main() -> None:
    """Start a station, test its battery, look; take its supply away, look again."""
    SHOTS.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        state, config = Path(folder, "state"), Path(folder, "config")
        config.mkdir()
        (config / "btrmd.toml").write_text(SETTINGS)
        places = ["--state-dir", str(state), "--config-dir", str(config)]
        command = [sys.executable, "-m", "btrmd"]
        daemon = subprocess.Popen(
            [*command, "run", "--simulate", "--fresh", "--speed", SPEED, *places,
             "--http", "127.0.0.1:0", "--https", "none", "--modbus", "none", "--dnp3", "none",
             "--snmp", "none"],
            cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
        )  # fmt: skip
        assert daemon.stdout is not None
        browser = Browser()
        try:
            url = daemon.stdout.readline().split()[-1]

            def ask(*words: str) -> bool:
                asked = [*command, *words, "--state-dir", str(state)]
                return subprocess.run(asked, cwd=ROOT, capture_output=True).returncode == 0

            def point(key: str) -> Any:
                with urllib.request.urlopen(f"{url}/api/v1/points", timeout=5) as answer:
                    return json.load(answer)["points"][key]["value"]

            ask("sim", "load.amps=2.6")
            until(lambda: ask("test", "start", "--type", "1"), 60.0)
            until(lambda: point("test.state") == "running", 60.0)
            until(lambda: point("test.state") == "idle", 300.0)
            until(lambda: point("load.source") == "supply", 60.0)
            for shot in AFTER_TEST:
                shoot(browser, url, shot)
            ask("sim", "supply.on=0", "charger.on=0")
            began = time.monotonic()
            until(lambda: time.monotonic() - began > 2400.0 / float(SPEED), 60.0)
            for shot in IN_OUTAGE:
                shoot(browser, url, shot)
        finally:
            browser.close()
            daemon.terminate()
            daemon.wait(20)


if __name__ == "__main__":
    main()
