"""scripts/fleet-sim in small: nothing is lost when the broker is killed and the mains fail."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from mqtt_broker import MOSQUITTO

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.long
def test_five_units_over_an_outage_and_a_storm() -> None:
    if MOSQUITTO is None:
        pytest.skip("mosquitto is not installed (package mosquitto)")
    words = ["5", "--rest", "0.2", "--outage", "1", "--ramp", "0.2", "--processes", "1"]
    words += ["--settle", "0.5"]
    done = subprocess.run(
        [ROOT / "scripts/fleet-sim", *words, "--no-prometheus"],
        capture_output=True, text=True, timeout=180.0, check=False, cwd=ROOT,
        env={"VENV": sys.prefix, "PATH": "/usr/bin:/bin:/usr/sbin"},
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    rows = dict(line.strip("| ").split(" | ") for line in done.stdout.splitlines())
    assert rows["events told"] == "45"
    assert rows["events lost"] == "0"
    assert rows["events doubled"] == "0"
    assert "the last event is in after" in rows
