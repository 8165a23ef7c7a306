"""The pictures of docs/screenshots: a measured discharge is replayed and looked at in a browser."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
RECORD = ROOT / "docs/examples/bboxx_17ah_2A3.csv"
SPEED = "120"
FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--hide-scrollbars",
)  # fmt: skip


def until(done: Callable[[], bool], seconds: float) -> None:
    """Wait for `done`; ends the script when it does not come true."""
    end = time.monotonic() + seconds
    while not done():
        if time.monotonic() > end:
            sys.exit("The station did not get where the picture is taken.")
        time.sleep(0.1)


def shoot(browser: str, url: str, path: Path, size: str) -> None:
    """One picture of `url`; the stream never ends, so the page is given three seconds."""
    with tempfile.TemporaryDirectory() as profile:
        subprocess.run(
            [browser, *FLAGS, f"--user-data-dir={profile}", f"--window-size={size}",
             f"--screenshot={path}", "--timeout=3000", url],
            check=True, capture_output=True, timeout=60,
        )  # fmt: skip


def main() -> None:
    """Start a station, replay a record, start a test, take the pictures while it runs."""
    browser = sys.argv[1]
    shots = ROOT / "docs/screenshots"
    shots.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        state, config = Path(folder, "state"), Path(folder, "config")
        config.mkdir()
        (config / "btrmd.toml").write_text(
            '[defaults]\n"site.location" = "730 Northern"\n"battery.rated_ah" = 17\n'
            '"test.minimum_runtime_min" = 150\n'
        )
        places = ["--state-dir", str(state), "--config-dir", str(config)]
        command = [sys.executable, "-m", "btrmd"]
        daemon = subprocess.Popen(
            [*command, "run", "--simulate", "--fresh", "--speed", SPEED, *places,
             "--http", "127.0.0.1:0", "--modbus", "none", "--dnp3", "none", "--snmp", "none"],
            cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
        )  # fmt: skip
        assert daemon.stdout is not None
        try:
            url = daemon.stdout.readline().split()[-1]

            def ask(*words: str) -> bool:
                asked = [*command, *words, "--state-dir", str(state)]
                return subprocess.run(asked, cwd=ROOT, capture_output=True).returncode == 0

            def point(key: str) -> Any:
                with urllib.request.urlopen(f"{url}/api/v1/points", timeout=5) as answer:
                    return json.load(answer)["points"][key]["value"]

            ask("sim", f"battery.replay={RECORD}")
            until(lambda: ask("test", "start", "--type", "1"), 30.0)
            until(lambda: point("test.state") == "running", 30.0)
            until(lambda: (point("test.elapsed") or 0.0) > 3000.0, 120.0)
            shoot(browser, url + "/", shots / "status.png", "1200,1040")
            shoot(browser, url + "/battery-status", shots / "battery-status.png", "1200,1000")
            shoot(browser, url + "/manual-test", shots / "manual-test.png", "1200,1000")
        finally:
            daemon.terminate()
            daemon.wait(20)


if __name__ == "__main__":
    main()
