"""The verbs of the control socket, asked through the client of the command line."""

from __future__ import annotations

import os
import pwd
from collections.abc import Iterator
from pathlib import Path

import pytest
from control_station import AT, AT_ISO, FINISHED, Station

from btrmd import __version__
from btrmd.bus import Bus
from btrmd.cli.client import CommandRefusedError, ControlClient
from btrmd.cli.place import Folders
from btrmd.model.commands import (
    AckAlarm,
    BatteryReplaced,
    Calibrate,
    CapacityCheck,
    ChangeSettings,
    ResetData,
    StartTest,
)
from btrmd.model.readings import BAD, GOOD, STALE, Reading
from btrmd.model.settings import SETTINGS
from btrmd.servers.control import ControlServer
from btrmd.servers.control_verbs import ControlExtras, ControlVerbs, plain

# The promised fields of a test, in their order.
PROMISED = """
n type state result reason source started_at ended_at duration_s average_current
average_temperature end_voltage estimate_s estimate_low_s estimate_high_s minimum_runtime_s marks
own_estimate_s own_low_s own_high_s started_at_charge
"""


@pytest.fixture
def client(server: ControlServer) -> Iterator[ControlClient]:
    with ControlClient(Folders(Path("/nowhere"), server.path.parent.parent), timeout=5.0) as client:
        yield client


def refused(client: ControlClient, verb: str, **fields: object) -> CommandRefusedError:
    with pytest.raises(CommandRefusedError) as caught:
        client.ask(verb, **fields)
    assert str(caught.value).endswith(".")
    return caught.value


def test_get_without_keys_is_every_setting_and_no_secret(client: ControlClient) -> None:
    values = client.ask("get")["values"]
    assert list(values) == list(SETTINGS)
    assert values["system.voltage"] == 12
    assert values["battery.rated_ah"] is None
    assert values["email.password"] is None
    assert values["test.next_h"] == 13  # live: the countdown, from its point


def test_get_takes_points_as_well(client: ControlClient) -> None:
    values = client.ask("get", keys=["battery.voltage", "battery.current", "ups.enabled"])["values"]
    assert values == {"battery.voltage": 13.39, "battery.current": None, "ups.enabled": True}
    assert client.ask("get", keys=["alarm.list"])["values"] == {"alarm.list": ["sensor.0x4a"]}


def test_get_of_an_unknown_key_is_refused(client: ControlClient) -> None:
    assert "'battery.colour'" in str(refused(client, "get", keys=["battery.colour"]))
    assert refused(client, "get", keys="battery.voltage").code == "syntax"


def test_set_changes_and_tells_what_is_now(station: Station, client: ControlClient) -> None:
    answer = client.ask("set", changes={"test.interval_h": "24", "email.password": "neu"})
    assert answer["values"] == {"test.interval_h": 24, "email.password": None}
    assert client.ask("get", keys=["test.interval_h"])["values"] == {"test.interval_h": 24}
    assert station.bus.snapshot.settings["email.password"] == "neu"
    assert isinstance(station.commands[0], ChangeSettings)


def test_a_refused_set_names_key_value_and_range(station: Station, client: ControlClient) -> None:
    error = refused(client, "set", changes={"test.type": "2", "test.interval_h": "501"})
    assert error.code == "range"
    assert error.facts["key"] == "test.interval_h"
    for part in ("test.interval_h", "501", "0..500"):
        assert part in str(error)
    assert station.bus.snapshot.settings["test.type"] == 1
    assert refused(client, "set", changes={}).code == "syntax"


def test_status_has_points_listeners_alarms_and_test(
    station: Station, client: ControlClient
) -> None:
    station.bus.report_listener("http", "127.0.0.1:8080")
    station.bus.report_listener("modbus", "", "Port 502 is taken.")
    answer = client.ask("status")
    assert answer["at"] == AT_ISO
    assert answer["points"]["battery.voltage"] == {
        "value": 13.39,
        "unit": "V",
        "quality": "good",
        "at": AT_ISO,
    }
    assert answer["points"]["battery.current"]["value"] is None
    assert answer["points"]["battery.current"]["quality"] == "bad"
    assert answer["points"]["ups.on_battery"]["value"] is False
    assert answer["listeners"] == {"http": "127.0.0.1:8080", "modbus": None}
    assert answer["listener_faults"] == {"modbus": "Port 502 is taken."}
    assert answer["test"]["n"] == 6
    assert answer["is_ticking"] is True
    assert answer["alarms"] == client.ask("alarms")["alarms"]


def test_alarms_have_their_promised_fields(client: ControlClient) -> None:
    assert client.ask("alarms")["alarms"] == [
        {
            "key": "sensor.0x4a",
            "text": "Chip 0x4a does not answer.",
            "since": AT_ISO,
            "active": True,
            "latched": False,
            "acknowledged": False,
        }
    ]


def test_a_test_has_its_promised_fields(client: ControlClient) -> None:
    test = client.ask("test_status", n=6)["test"]
    assert list(test) == PROMISED.split()
    assert test["state"] == "finished"
    assert test["started_at"] == AT_ISO
    assert test["ended_at"] == "2026-09-21T16:13:20.000Z"
    assert test["marks"] == ["not_rested"]


def test_a_battery_counts_as_replaced_once_its_rating_and_type_are_stored(
    station: Station, client: ControlClient
) -> None:
    assert client.ask("battery_replaced")["ok"] is True
    answer = client.ask("battery_replaced", rated_ah="26", type="AGM")
    assert answer["ok"] is True
    me = pwd.getpwuid(os.getuid()).pw_name
    assert station.commands == [
        BatteryReplaced(f"cli {me}"),
        ChangeSettings({"battery.rated_ah": "26", "battery.type": "AGM"}, f"cli {me}"),
        BatteryReplaced(f"cli {me}"),
    ]
    settings = station.bus.snapshot.settings
    assert (settings["battery.rated_ah"], settings["battery.type"]) == (26.0, "agm")


@pytest.mark.parametrize(
    ("fields", "key", "allowed"),
    [
        ({"rated_ah": 0.5}, "battery.rated_ah", "none or 1..2000 Ah"),
        ({"rated_ah": "heavy"}, "battery.rated_ah", "none or 1..2000 Ah"),
        ({"rated_ah": 26, "type": "lithium"}, "battery.type", "tubular or pure-lead"),
        ({"type": []}, "battery.type", "tubular or pure-lead"),
    ],
)
def test_a_refused_rating_or_type_replaces_nothing(
    station: Station, client: ControlClient, fields: dict[str, object], key: str, allowed: str
) -> None:
    error = refused(client, "battery_replaced", **fields)
    assert (error.code, error.facts["key"]) == ("range", key)
    assert allowed in str(error)
    assert station.commands == []


def test_test_status_shows_the_running_one_else_the_last(
    station: Station, client: ControlClient
) -> None:
    test = client.ask("test_status")["test"]
    assert (test["n"], test["state"], test["result"]) == (6, "idle", "good")
    station.begin(7)
    test = client.ask("test_status")["test"]
    assert (test["n"], test["state"], test["result"], test["ended_at"]) == (
        7,
        "running",
        "none",
        None,
    )
    assert client.ask("test_status", n=7)["test"]["state"] == "running"


def test_test_status_before_the_first_test_has_all_fields(
    station: Station, client: ControlClient
) -> None:
    station.show(last_test=None)
    test = client.ask("test_status")["test"]
    assert (test["n"], test["state"], test["result"], test["marks"]) == (None, "idle", "none", [])
    assert set(test) == set(FINISHED._fields)


def test_test_status_of_an_unknown_number(client: ControlClient) -> None:
    assert refused(client, "test_status", n=99).code == "unknown"
    assert refused(client, "test_status", n="six").code == "syntax"
    assert refused(client, "test_status", n=True).code == "syntax"


def test_test_start_answers_when_the_snapshot_shows_it(
    station: Station, client: ControlClient
) -> None:
    assert client.ask("test_start", type="2", delay_h=0)["n"] == 7
    assert client.ask("test_status")["test"]["n"] == 7
    command = station.commands[0]
    assert isinstance(command, StartTest)
    assert (command.type, command.delay_h) == ("2", 0.0)
    again = refused(client, "test_start")
    assert (again.code, str(again)) == ("running", "A test is running already.")


@pytest.mark.parametrize(
    "fields",
    [
        {"type": "3"},
        {"type": ["1"]},
        {"delay_h": -1},
        {"delay_h": 500.5},
        {"delay_h": "1"},
        {"delay_h": True},
        {"delay_h": float("nan")},
        {"delay_h": 10**400},
    ],
)
def test_a_wrong_start_never_reaches_the_owner(
    station: Station, client: ControlClient, fields: dict[str, object]
) -> None:
    assert refused(client, "test_start", **fields).code == "range"
    assert station.commands == []


def test_stop_ack_capacity_and_reset_are_commands(station: Station, client: ControlClient) -> None:
    assert str(refused(client, "test_stop")) == "No test is running."
    client.ask("ack", key="sensor.0x4a")
    assert refused(client, "ack", key="relay.k1").code == "unknown"
    client.ask("capacity_check", low=True)
    client.ask("capacity_check", low=False)
    client.ask("reset", settings=True)
    asked = [c for c in station.commands if isinstance(c, AckAlarm | CapacityCheck | ResetData)]
    assert [c[:-1] for c in asked] == [("sensor.0x4a",), ("relay.k1",), (True,), (False,), (True,)]


def test_sim_reads_and_changes_the_plant(station: Station, client: ControlClient) -> None:
    truth = client.ask("sim")["truth"]
    assert truth == {"plant_s": 1.0, "battery": {"true_runtime_s": None}}  # endless is no number
    client.ask("sim", changes={"supply.on": "0"})
    assert station.sim_changes == [{}, {"supply.on": "0"}]
    error = refused(client, "sim", changes={"supply.colour": "red"})
    assert str(error) == "supply.colour is not a key of the simulation."


def test_a_client_that_is_turned_away_learns_why(station: Station, tmp_path: Path) -> None:
    station.server(tmp_path / "run" / "control.sock", max_clients=0).start()
    with ControlClient(Folders(tmp_path, tmp_path)) as client:
        assert refused(client, "alarms").code == "busy"


def test_sim_needs_a_simulation(station: Station, tmp_path: Path) -> None:
    server = station.server(tmp_path / "run" / "control.sock", simulated=False)
    server.start()
    with ControlClient(Folders(tmp_path, tmp_path)) as client:
        error = refused(client, "sim")
        assert client.ask("where")["is_simulated"] is False
    server.stop()
    assert str(error) == "The daemon was not started with --simulate."


def test_check_and_where(station: Station, client: ControlClient) -> None:
    assert client.ask("check")["findings"] == []
    station.found = ["Chip 0x4a does not answer."]
    assert client.ask("check")["findings"] == ["Chip 0x4a does not answer."]
    assert client.ask("where")["is_simulated"] is True


def test_selftest_result_is_that_of_the_new_one(station: Station, client: ControlClient) -> None:
    first = client.ask("selftest")["after"]
    station.selftest_result = "failed"
    second = client.ask("selftest")["after"]
    assert client.ask("selftest_result", after=first)["result"] == "passed"
    assert client.ask("selftest_result", after=second)["result"] == "failed"
    assert client.ask("selftest_result", after=second + 1)["result"] is None


def test_calibrate_checks_before_the_owner_is_asked(
    station: Station, client: ControlClient
) -> None:
    client.ask("calibrate", channel="battery.voltage", point="high", actual=13.8)
    client.ask("calibrate", channel="battery.voltage", point="clear")
    for actual in (None, "13.8", 1e9, True):
        error = refused(client, "calibrate", channel="x", point="low", actual=actual)
        assert error.code == "range"
    assert refused(client, "calibrate", channel="x", point="middle", actual=1.0).code == "range"
    assert [c[:3] for c in station.commands if isinstance(c, Calibrate)] == [
        ("battery.voltage", "high", 13.8),
        ("battery.voltage", "clear", None),
    ]
    assert client.ask("calibration")["calibration"] == {"battery.voltage": {"low": [0.1, 0.0]}}


def test_passwd_hands_the_password_to_the_daemon(station: Station, client: ControlClient) -> None:
    client.ask("passwd", user="admin", password="correct horse")
    assert station.passwords == {"admin": "correct horse"}
    client.ask("passwd", user="bob", password="correct horse", role="viewer")
    assert station.roles == {"admin": None, "bob": "viewer"}
    assert refused(client, "passwd", user="bob", password="x" * 9, role=3).code == "syntax"
    assert refused(client, "passwd", user="admin").code == "syntax"
    assert refused(client, "passwd", user="a b", password="correct horse").code == "range"


def test_export_keeps_secrets_unless_asked(client: ControlClient) -> None:
    plain_file = client.ask("export")["export"]
    assert set(plain_file) == {"btrmd", "schema", "settings"}
    assert plain_file["settings"]["email.password"] is None
    assert "test.next_h" not in plain_file["settings"]
    full = client.ask("export", secrets=True)["export"]
    assert full["settings"]["email.password"] == "geheim"


def test_import_shows_and_makes_the_difference(station: Station, client: ControlClient) -> None:
    changes = {"test.type": 2, "test.interval_h": 336, "email.password": "anders"}
    shown = client.ask("import", changes=changes, dry_run=True)["changes"]
    assert shown == {"test.type": [1, 2], "email.password": [None, None]}
    assert station.commands == []
    assert client.ask("import", changes=changes)["changes"] == shown
    assert station.bus.snapshot.settings["test.type"] == 2
    assert client.ask("import", changes=changes)["changes"] == {}
    error = refused(client, "import", changes={"test.type": 1, "test.interval_h": -1})
    assert error.code == "range"
    assert station.bus.snapshot.settings["test.type"] == 2


def test_an_old_point_keeps_its_quality(station: Station, client: ControlClient) -> None:
    readings = {"io1.voltage": Reading(1.5, STALE, AT), "io2.voltage": Reading(2.5, BAD, 0.0)}
    station.show(points=readings, is_ticking=False)
    answer = client.ask("status")
    assert answer["is_ticking"] is False
    stale, bad = (answer["points"][key] for key in readings)
    assert (stale["value"], stale["quality"], stale["at"]) == (1.5, "stale", AT_ISO)
    assert (bad["value"], bad["quality"], bad["at"]) == (None, "bad", None)


def test_plain_makes_anything_json() -> None:
    assert plain((1, float("nan"), {"a": float("-inf")}, True, None, GOOD, Path("/x"))) == [
        1,
        None,
        {"a": None},
        True,
        None,
        "good",
        "/x",
    ]


def test_health_is_asked_by_who_judges_an_update(station: Station) -> None:
    """Of the owner's loop and of the pages, by the socket no stranger can reach."""
    faults = [""]
    extras = ControlExtras(pages_fault=lambda: faults[0])
    verbs = ControlVerbs(station.bus, station.history, extras)
    good = verbs.answer({"verb": "health"}, "cli root")
    assert (good["ok"], good["fault"], good["version"]) == (True, "", __version__)
    faults[0] = "/healthz answers 500."
    assert verbs.answer({"verb": "health"}, "cli root")["fault"] == faults[0]
    still = Bus(station.bus.snapshot)  # nobody publishes there
    verbs = ControlVerbs(still, station.history, extras)
    assert verbs.answer({"verb": "health"}, "x")["fault"] == "The owner loop does not tick."
    still.close()
