"""contrib/: what dashboards and alerts ask for is what the unit says, and engines accept it."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from web_station import AT, Client, Station

from btrmd.bus import Bus
from btrmd.model.discharge import TestRecord
from btrmd.model.points import POINT
from btrmd.model.snapshot import AlarmView

CONTRIB = Path(__file__).resolve().parents[2] / "contrib"
PROMETHEUS = CONTRIB / "prometheus"
DASHBOARDS = sorted((CONTRIB / "grafana" / "dashboards").glob("*.json"))
TEST = TestRecord(7, "1", "finished", "good", "x", "cli", AT - 7200.0, AT - 3600.0)
ASKED = re.compile(r"\b(btrm_\w+|process_\w+)\b(\{[^}]*\})?")
STATE = re.compile(r'state="(\w+)"')


def reported(client: Client, station: Station) -> set[str]:
    """Names of the series of a unit that has everything, an alarm among it."""
    for key, point in POINT.items():
        if point.kind == "float":
            station.owner.show_point(key, 1.0)
    alarm = AlarmView("lvd.open", "x", AT, True, False, False)
    station.owner.show(alarms=(alarm,), last_test=TEST)
    station.bus.reported["mail ops@plant.example"] = 0
    lines = client.get("/metrics").text.splitlines()
    return {re.split(r"[{ ]", line)[0] for line in lines if not line.startswith("#")}


def asked() -> dict[str, set[str]]:
    """File -> the expressions in it."""
    rules = (PROMETHEUS / "btrmd.rules.yml").read_text()
    found = {"btrmd.rules.yml": set(re.findall(r"expr: (.*)", rules))}
    for path in DASHBOARDS:
        panels = json.loads(path.read_text())["panels"]
        found[path.name] = {t["expr"] for panel in panels for t in panel["targets"]}
    return found


def test_every_metric_that_is_asked_for_exists(station: Station, client: Client) -> None:
    names = reported(client, station)
    for file, expressions in asked().items():
        assert len(expressions) >= 9, file
        for expression in expressions:
            for name, labels in ASKED.findall(expression):
                assert name in names, (file, expression)
                for state in STATE.findall(labels):
                    key = name.removeprefix("btrm_").replace("_", ".", 1)
                    assert state in POINT[key].choices, (file, expression)


def test_an_aborted_test_leaves_the_time_of_the_last_result_where_it_was(
    station: Station, client: Client
) -> None:
    name = "btrm_test_completed_at_seconds"
    assert name not in client.get("/metrics").text, "there was no test"
    aborted = TEST._replace(n=8, result="aborted", ended_at=AT)
    station.history.test_list = [aborted]
    station.owner.show(last_test=aborted)
    assert name not in client.get("/metrics").text, "none has come to a result"
    outage = aborted._replace(n=6, type="outage", result="none")
    station.history.test_list = [outage, TEST, aborted._replace(n=9)]
    station.owner.show(last_test=aborted._replace(n=9))
    assert f"\n{name} {AT - 3600.0:.0f}\n" in client.get("/metrics").text
    undated = TEST._replace(n=9, ended_at=7200.0, marks=("clock_not_set",))
    station.owner.show(last_test=undated)
    assert name not in client.get("/metrics").text, "it would be decades old"
    low = TEST._replace(n=10, result="low", ended_at=AT + 60.0)
    station.owner.show(last_test=low)
    assert f"\n{name} {AT + 60.0:.0f}\n" in client.get("/metrics").text


def test_the_backlog_is_known_at_a_start_before_anything_has_happened(
    station: Station, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The ring of the bus is empty then; what waits is in the history."""
    monkeypatch.setattr(Bus, "last_event", property(lambda bus: 0))
    last = station.history.last_event()
    station.bus.reported["syslog"] = last - 4
    assert 'btrm_notifier_backlog{notifier="syslog"} 4\n' in client.get("/metrics").text


def test_the_backlog_is_that_of_the_last_and_names_no_person(
    station: Station, client: Client
) -> None:
    last = station.bus.last_event
    station.bus.reported |= {"mail a@plant.example": last, "mail b@plant.example": last - 7}
    station.bus.reported |= {"trap1": last - 2, "trap2": last, "syslog": last}
    found = [
        line for line in client.get("/metrics").text.splitlines()
        if line.startswith("btrm_notifier_backlog{")
    ]  # fmt: skip
    assert found == [
        'btrm_notifier_backlog{notifier="mail"} 7',
        'btrm_notifier_backlog{notifier="snmp-traps"} 2',
        'btrm_notifier_backlog{notifier="syslog"} 0',
    ]


@pytest.mark.parametrize("path", DASHBOARDS, ids=lambda path: path.stem)
def test_a_dashboard_is_whole(path: Path) -> None:
    board = json.loads(path.read_text())
    panels = board["panels"]
    assert board["uid"].startswith("btrmd-")
    assert len({panel["id"] for panel in panels}) == len(panels)
    taken: set[tuple[int, int]] = set()
    for panel in panels:
        place = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert max(x for x, _ in cells) < 24
        assert not cells & taken, panel["title"]
        taken |= cells
        assert panel["datasource"]["uid"] == "${datasource}"
    variables = {variable["name"] for variable in board["templating"]["list"]}
    assert set(re.findall(r"\$\{?(\w+)", path.read_text())) <= variables


def promtool(*words: str) -> None:
    program = shutil.which("promtool")
    if program is None:
        pytest.skip("promtool is not installed (package prometheus)")
    done = subprocess.run(
        [program, *words], cwd=PROMETHEUS, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_promtool_tries_the_alerts() -> None:
    promtool("test", "rules", "btrmd.rules.test.yml")


def test_every_alert_is_tried() -> None:
    rules = (PROMETHEUS / "btrmd.rules.yml").read_text()
    tests = (PROMETHEUS / "btrmd.rules.test.yml").read_text()
    tried = set(re.findall(r"alertname: (\w+)\n *exp_alerts", tests))
    assert tried == set(re.findall(r"alert: (\w+)", rules))


def test_targets_come_from_the_csv_of_the_units(tmp_path: Path) -> None:
    sites = tmp_path / "sites.csv"
    sites.write_text(
        "serial;site.name;network.address\n16;Site 16;10.0.0.16\n17;Site 17;fd00::17\n"
    )
    words = [sys.executable, str(PROMETHEUS / "sites-to-file-sd"), str(sites)]
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == [
        {"targets": ["10.0.0.16:443"], "labels": {"serial": "16", "site": "Site 16"}},
        {"targets": ["[fd00::17]:443"], "labels": {"serial": "17", "site": "Site 17"}},
    ]
    config = PROMETHEUS / "prometheus.yml"
    for path in (config, PROMETHEUS / "btrmd.rules.yml"):
        shutil.copy(path, tmp_path)
    (tmp_path / "sites.json").write_text(done.stdout)
    promtool("check", "config", str(tmp_path / "prometheus.yml"))
    sites.write_text("serial,site.name\n16,Site 16\n")
    refused = subprocess.run(words, capture_output=True, text=True, check=False)
    assert (refused.returncode, refused.stderr.count("\n")) == (1, 1)
    assert "line 2" in refused.stderr
