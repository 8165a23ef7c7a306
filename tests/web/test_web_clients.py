"""Clients that generators make of the API's description, used against a running unit."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from daemon_process import ROOT, DaemonProcess

BIN = ROOT / ".venv-clients" / "bin"

# Each starts a test with a token and reads what a program would; it prints JSON.
OPENAPI_GENERATOR = """
import json, sys
import openapi_client as made
address, token = sys.argv[1:]
configuration = made.Configuration(host=address, access_token=token)
with made.ApiClient(configuration) as client:
    api = made.DefaultApi(client)
    started = api.post_tests(made.StartTest(type=2, delay_h=500))
    state, points, test = api.get_state(), api.get_points(), api.get_tests_int_n(started.n)
    trends = api.get_trends(points="battery.voltage")
    api.post_tests_current_stop()
    print(json.dumps({
        "n": started.n, "test": test.type, "ticking": state.is_ticking,
        "voltage": points.points["battery.voltage"].value.actual_instance,
        "list": points.points["alarm.list"].value.actual_instance,
        "tests": len(api.get_tests().tests), "events": len(api.get_events(after=0).events),
        "columns": trends.columns, "interval": api.get_settings().test_interval_h,
    }))
"""
OPENAPI_PYTHON_CLIENT = """
import json, sys
from made import AuthenticatedClient
from made.api.default import (get_events, get_points, get_settings, get_state, get_tests,
    get_tests_int_n, get_trends, post_tests, post_tests_current_stop)
from made.models import StartTest
address, token = sys.argv[1:]
with AuthenticatedClient(base_url=address, token=token) as client:
    started = post_tests.sync(client=client, body=StartTest(type_=2, delay_h=500))
    state, points = get_state.sync(client=client), get_points.sync(client=client)
    test = get_tests_int_n.sync(started.n, client=client)
    trends = get_trends.sync(client=client, points="battery.voltage")
    post_tests_current_stop.sync(client=client)
    print(json.dumps({
        "n": started.n, "test": test.type_.value, "voltage": points.points["battery.voltage"].value,
        "list": points.points["alarm.list"].value, "ticking": state.is_ticking,
        "tests": len(get_tests.sync(client=client).tests),
        "events": len(get_events.sync(client=client, after=0).events),
        "columns": trends.columns, "interval": get_settings.sync(client=client).test_interval_h,
    }))
"""


@pytest.fixture(scope="module")
def unit(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DaemonProcess]:
    if not (BIN / "openapi-python-client").exists():
        pytest.skip("the generators are not installed (scripts/test makes .venv-clients)")
    made = DaemonProcess(tmp_path_factory.mktemp("clients") / "unit", speed=60).start()
    made.wait_selftest()
    yield made
    made.close()


def use(unit: DaemonProcess, script: str, folder: Path, name: str) -> None:
    """Run `script` on the client in `folder` and judge what it found."""
    token = unit.good("token", "add", name, "--role", "operator").strip()
    done = subprocess.run(
        [BIN / "python", "-c", script, f"http://{unit.address}", token],
        capture_output=True, text=True, cwd=folder, timeout=60.0, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["n"] in unit.tests()
    assert unit.tests()[found["n"]]["source"].startswith(f"web token {name} 127.0.0.1")
    assert found["test"] == "2"
    assert 10.0 < found["voltage"] < 16.0
    assert found["list"] == unit.value("alarm.list")
    assert found["ticking"] is True
    assert found["tests"] >= 1
    assert found["events"] >= 1
    assert found["columns"] == ["at", "battery.voltage"]
    assert found["interval"] == 336


def description(unit: DaemonProcess, folder: Path) -> Path:
    path = folder / "openapi.json"
    path.write_bytes(unit.request("GET", "/api/v1/openapi.json").body)
    return path


def test_openapi_python_client_makes_a_client_that_works(
    unit: DaemonProcess, tmp_path: Path
) -> None:
    config = tmp_path / "config.json"
    config.write_text('{"post_hooks": []}')
    done = subprocess.run(
        [BIN / "openapi-python-client", "generate", "--path", description(unit, tmp_path),
         "--output-path", tmp_path / "made", "--meta", "none", "--config", config],
        capture_output=True, text=True, timeout=60.0, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert "WARNING" not in (done.stdout + done.stderr).upper(), "nothing was left out"
    use(unit, OPENAPI_PYTHON_CLIENT, tmp_path, "opc")


def test_openapi_generator_makes_a_client_that_works(unit: DaemonProcess, tmp_path: Path) -> None:
    if shutil.which("java") is None:
        pytest.skip("Java is not installed (package default-jre-headless)")
    done = subprocess.run(
        [BIN / "openapi-generator-cli", "generate", "-g", "python", "-o", tmp_path,
         "-i", description(unit, tmp_path), "--global-property",
         "apiTests=false,modelTests=false,apiDocs=false,modelDocs=false"],
        capture_output=True, text=True, timeout=120.0, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    use(unit, OPENAPI_GENERATOR, tmp_path, "ogc")
