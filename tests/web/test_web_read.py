"""The reading API: the promised shapes, over a real socket."""

from __future__ import annotations

import gzip
import json
import shutil
import subprocess

import pytest
from waiting import wait_until
from web_station import AT, Client, Station

from btrmd.model.discharge import CurveRow, TestRecord
from btrmd.model.events import Event, Kind
from btrmd.model.points import POINT
from btrmd.model.readings import BAD, Quality, Value
from btrmd.model.settings import SETTINGS
from btrmd.model.snapshot import AlarmView

ISO = "2026-05-28T20:26:40.000Z"
TEST_FIELDS = [
    *("n", "type", "state", "result", "reason", "source", "started_at", "ended_at"),
    *("duration_s", "average_current", "average_temperature", "end_voltage"),
    *("estimate_s", "estimate_low_s", "estimate_high_s", "minimum_runtime_s", "marks"),
    *("own_estimate_s", "own_low_s", "own_high_s", "started_at_charge"),
]
EVENT_FIELDS = [
    *("n", "at", "uptime_s", "key", "kind", "value", "threshold", "source", "text"),
]
RECORD = TestRecord(
    3, "1", "finished", "good", "", "cli", AT, AT + 60, 60.0, 5.0, 25.0, 12.1, 3e4, 2e4, 4e4, 144e2
)


def test_points_carry_every_key_with_value_unit_quality_and_time(client: Client) -> None:
    document = client.get("/api/v1/points").json
    assert document["at"] == ISO
    points = document["points"]
    assert set(points) == set(POINT)
    assert points["battery.voltage"] == {
        "value": 13.3912,
        "unit": "V",
        "quality": "good",
        "at": ISO,
    }
    assert points["supply.present"]["value"] is True
    assert points["alarm.list"]["value"] == []
    assert points["system.temperature"]["unit"] == "°C"


@pytest.mark.parametrize("quality", [Quality.BAD, Quality.MISSING])
def test_a_value_that_is_not_known_is_null_with_its_quality(
    station: Station, client: Client, quality: Quality
) -> None:
    station.owner.show_point("battery.voltage", 11.9, quality=quality)
    point = client.get("/api/v1/points").json["points"]["battery.voltage"]
    assert (point["value"], point["quality"]) == (None, quality.value)


def test_not_a_number_never_leaves(station: Station, client: Client) -> None:
    station.owner.show_point("battery.voltage", float("nan"))
    station.owner.show_point("load.current", float("inf"))
    body = client.get("/api/v1/points").text
    assert "NaN" not in body
    assert "Infinity" not in body
    assert json.loads(body)["points"]["battery.voltage"]["value"] is None


def test_points_follow_the_snapshot_and_are_compressed_when_asked(
    station: Station, client: Client
) -> None:
    assert client.get("/api/v1/points").json["points"]["test.number"]["value"] == 0
    station.owner.show_point("test.number", 8)
    packed = client.ask("GET", "/api/v1/points", headers={"Accept-Encoding": "gzip"})
    assert packed.headers["Content-Encoding"] == "gzip"
    assert json.loads(gzip.decompress(packed.body))["points"]["test.number"]["value"] == 8


def test_events_by_rising_number_after_n(station: Station, client: Client) -> None:
    station.history.event_list = [
        Event(n, AT + n, 5.0, "io1", Kind.RAISE, True, 1.0, "core", f"event {n}")
        for n in range(1, 6)
    ]
    events = client.get("/api/v1/events?after=2&limit=2").json["events"]
    assert [event["n"] for event in events] == [3, 4]
    assert list(events[0]) == [
        "n",
        "at",
        "uptime_s",
        "key",
        "kind",
        "value",
        "threshold",
        "source",
        "text",
    ]
    assert (events[0]["kind"], events[0]["at"]) == ("raise", "2026-05-28T20:26:43.000Z")


def test_tests_are_newest_first_and_the_running_one_is_among_them(
    station: Station, client: Client
) -> None:
    station.history.test_list = [RECORD, RECORD._replace(n=4, type="outage")]
    station.owner.show(test=RECORD._replace(n=5, state="running", ended_at=None))
    tests = client.get("/api/v1/tests").json["tests"]
    assert [test["n"] for test in tests] == [5, 4, 3]
    assert list(tests[0]) == TEST_FIELDS
    assert (tests[0]["started_at"], tests[0]["ended_at"]) == (ISO, None)
    assert tests[1]["type"] == "outage"
    assert client.get("/api/v1/tests/3").json == tests[2]
    assert client.get("/api/v1/tests/5").json["state"] == "running"


def test_a_curve_is_csv_with_the_promised_header(station: Station, client: Client) -> None:
    station.history.test_list = [RECORD]
    station.history.curves[3] = [
        CurveRow(0.0, 12.9, -5.0, 25.0, 4.9),
        CurveRow(1.0, 12.812345, -5.01, None, float("nan")),
    ]
    reply = client.get("/api/v1/tests/3/curve.csv")
    assert reply.headers["Content-Type"].startswith("text/csv")
    assert reply.text.splitlines() == [
        "time_s,battery_v,battery_a,temp_c,load_a",
        "0.0,12.900,-5.000,25.00,4.900",
        "1.0,12.812,-5.010,,",
    ]


@pytest.mark.parametrize("path", ["/api/v1/tests/99", "/api/v1/tests/99/curve.csv"])
def test_an_unknown_test_is_404_in_json(client: Client, path: str) -> None:
    reply = client.get(path)
    assert reply.status == 404
    assert reply.json["error"] == "unknown"
    assert "99" in str(reply.json["reason"])


def test_trends_take_iso_times_with_offset_epochs_and_points(
    station: Station, client: Client
) -> None:
    query = "from=2026-05-28T22:26:40+02:00&to=1780003600&points=battery.voltage,load.current"
    document = client.get(f"/api/v1/trends?{query}").json
    assert station.history.asked == (AT, AT + 3600, ["battery.voltage", "load.current"], 2000)
    assert document["columns"] == ["at", "battery.voltage", "load.current"]
    assert document["tier_s"] == 60
    assert document["rows"][0] == [ISO, None, None]


def test_trends_cover_the_last_day_when_not_asked_otherwise(
    station: Station, client: Client
) -> None:
    assert client.get("/api/v1/trends").status == 200
    assert station.history.asked == (AT - 86400, AT, None, 2000)


@pytest.mark.parametrize(
    ("path", "key"),
    [
        ("/api/v1/trends?from=yesterday", "from"),
        ("/api/v1/trends?to=nan", "to"),
        ("/api/v1/trends?to=1e999", "to"),
        ("/api/v1/trends?from=2000&to=1000", "from"),
        ("/api/v1/trends?points=battery.volts", "points"),
        ("/api/v1/events?after=-1", "after"),
        ("/api/v1/events?after=1.5", "after"),
        ("/api/v1/events?after=%C2%B2", "after"),
        ("/api/v1/events?limit=0", "limit"),
        ("/api/v1/events?limit=99999999999999999999", "limit"),
    ],
)
def test_a_wrong_parameter_is_refused_by_name(
    shared: tuple[Station, Client], path: str, key: str
) -> None:
    reply = shared[1].get(path)
    assert reply.status == 422
    assert reply.json["key"] == key
    assert reply.json["allowed"]


def test_settings_show_every_key_but_no_secret(client: Client) -> None:
    settings = client.get("/api/v1/settings").json
    assert set(settings) == set(SETTINGS)
    assert settings["system.voltage"] == 12
    assert all(settings[key] is None for key, setting in SETTINGS.items() if setting.secret)


def test_the_countdown_to_the_next_test_is_read_from_its_point_in_hours_rounded_up(
    client: Client,
) -> None:
    assert client.get("/api/v1/settings").json["test.next_h"] == 3  # 2 h and 1 s


def test_healthz_is_good_while_snapshots_come(client: Client) -> None:
    assert client.get("/healthz").status == 200


def test_healthz_is_bad_when_the_owner_says_that_it_stopped(
    station: Station, client: Client
) -> None:
    station.owner.show(is_ticking=False)
    wait_until(lambda: client.get("/healthz").status == 503)


def test_healthz_is_bad_when_snapshots_no_longer_come(station: Station, client: Client) -> None:
    assert client.get("/healthz").status == 200
    station.owner.stop()
    wait_until(lambda: client.get("/healthz").status == 503, 8.0)


def test_metrics_name_value_and_quality(station: Station, client: Client) -> None:
    odd = AlarmView('odd"key', "x", AT, True, False, False)
    station.owner.show(alarms=(odd,))
    reply = client.get("/metrics")
    assert reply.headers["Content-Type"].startswith("text/plain")
    lines = reply.text.splitlines()
    assert "btrm_battery_voltage_volts 13.3912" in lines
    assert "btrm_supply_present 1" in lines
    assert 'btrm_test_state{state="idle"} 1' in lines
    assert 'btrm_alarm_active{key="odd\\"key",severity="warning"} 1' in lines
    assert not any(line.startswith("btrm_runtime_remaining") for line in lines)
    names = [line.split()[2] for line in lines if line.startswith("# TYPE")]
    assert len(names) == len(set(names))


def test_the_description_names_every_route_and_only_those(station: Station, client: Client) -> None:
    document = client.get("/api/v1/openapi.json").json
    described = {
        (method.upper(), path) for path, item in document["paths"].items() for method in item
    }
    served = {
        (method, rule.rule.replace("<int:n>", "{n}").replace("<key>", "{key}"))
        for rule in station.server.app.url_map.iter_rules()
        for method in rule.methods - {"HEAD", "OPTIONS"}
        if rule.rule.startswith("/api/") or rule.rule in ("/healthz", "/metrics")
    }
    assert document["openapi"].startswith("3.1")
    assert described == served
    names = set(document["components"]["schemas"])
    used = set(_references(document))
    assert used <= names


def _references(node: object) -> list[str]:
    if isinstance(node, dict):
        found = [str(node["$ref"]).rpartition("/")[2]] if "$ref" in node else []
        return found + [name for value in node.values() for name in _references(value)]
    if isinstance(node, list):
        return [name for value in node for name in _references(value)]
    return []


def test_metrics_are_clean_for_promtool_and_few(station: Station, client: Client) -> None:
    text = client.get("/metrics").text
    samples = [line for line in text.splitlines() if not line.startswith("#")]
    assert len(samples) <= 90
    assert len({line.rsplit(" ", 1)[0] for line in samples}) == len(samples)
    promtool = shutil.which("promtool")
    if promtool is None:
        pytest.skip("promtool is not installed (package prometheus)")
    done = subprocess.run(
        [promtool, "check", "metrics"], input=text, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


def test_metrics_have_state_sets_info_and_no_sentences(station: Station, client: Client) -> None:
    reason = "The supply was lost (0.00 V)."
    station.owner.show_point("test.state", "running")
    station.owner.show_point("test.reason", reason)
    station.owner.show_point("system.serial", "10000000abcdef01")
    station.owner.show_point("battery.voltage", None, quality=BAD)
    station.owner.show(alarms=(AlarmView("lvd.open", "x", AT, True, False, False),))
    text = client.get("/metrics").text
    assert reason not in text
    for line in (
        'btrm_test_state{state="running"} 1',
        'btrm_test_state{state="idle"} 0',
        'btrm_alarm_active{key="lvd.open",severity="critical"} 1',
        'btrm_point_good{point="battery.voltage",quality="bad"} 0',
        'btrm_site_info{serial="10000000abcdef01",name="BTRM",location="BTRM Location"} 1',
    ):
        assert f"\n{line}\n" in text
    assert text.count("btrm_point_good{") == 1
    assert "btrm_battery_voltage_volts" not in text


def test_metrics_count_events_tests_and_transfers(station: Station, client: Client) -> None:
    def reported(n: int, key: str, kind: Kind, value: Value) -> Event:
        return Event(n, AT, 1.0, key, kind, value, None, "core", "x")

    station.bus.publish_events(
        [
            reported(1, "test.state", Kind.CHANGE, "running"),
            reported(2, "test.result", Kind.CHANGE, "good"),
            reported(3, "ups.on_battery", Kind.CHANGE, True),
            reported(4, "ups.on_battery", Kind.CHANGE, False),
            reported(5, "supply.lost", Kind.RAISE, True),
        ]
    )
    station.bus.reported["syslog"] = 3
    for _ in range(2):  # a second look counts nothing twice
        text = client.get("/metrics").text
    for line in (
        'btrm_tests_total{result="good"} 1',
        "btrm_transfers_total 2",
        'btrm_events_total{kind="raise"} 1',
        'btrm_notifier_backlog{notifier="syslog"} 2',
    ):
        assert f"\n{line}\n" in text


def test_metrics_tell_what_the_listeners_count(station: Station, client: Client) -> None:
    station.bus.report_listener("http", station.address)
    station.bus.report_counts("mail", {"sent": 3, "failed": 0})
    station.bus.report_counts("modbus", {"connections": 2, "refused": 7, "not_allowed": 1})
    client.get("/")
    text = client.get("/metrics").text
    for line in (
        'btrm_listener_connections{listener="modbus"} 2',
        'btrm_listener_refused_total{listener="modbus"} 7',
        'btrm_listener_refused_total{listener="http"} 0',
        'btrm_notifier_sent_total{notifier="mail"} 3',
        'btrm_server_count_total{server="modbus",what="not_allowed"} 1',
    ):
        assert f"\n{line}\n" in text
