"""The changing API: every command, and every way in which it is refused."""

from __future__ import annotations

import json
import socket

import pytest
from web_station import Client, Station

from btrmd.model.commands import (
    AckAlarm,
    Answer,
    CapacityCheck,
    ChangeSettings,
    ResetData,
    StartTest,
    StopTest,
)

WHO = "web admin 127.0.0.1"


def test_a_setting_is_changed_and_read_back_at_once(station: Station, user: Client) -> None:
    reply = user.ask("PATCH", "/api/v1/settings", {"test.interval_h": 24, "site.location": "Ö"})
    assert reply.status == 200
    assert station.owner.commands == [
        ChangeSettings({"test.interval_h": 24, "site.location": "Ö"}, WHO)
    ]
    settings = user.get("/api/v1/settings").json
    assert (settings["test.interval_h"], settings["site.location"]) == (24, "Ö")


@pytest.mark.parametrize(
    ("change", "key", "value"),
    [
        ({"test.interval_h": 501}, "test.interval_h", 501),
        ({"test.interval_h": "soon"}, "test.interval_h", "soon"),
        ({"no.such_key": 1}, "no.such_key", 1),
        ({"snmp.write1": "far too long a community"}, "snmp.write1", None),
    ],
)
def test_a_refused_setting_names_key_value_and_range(
    user: Client, change: dict[str, object], key: str, value: object
) -> None:
    reply = user.ask("PATCH", "/api/v1/settings", change)
    assert reply.status == 422
    assert {"error", "key", "value", "allowed"} <= set(reply.json)
    assert (reply.json["key"], reply.json["value"]) == (key, value)
    assert reply.json["allowed"]


def test_no_setting_at_all_is_refused(user: Client) -> None:
    assert user.ask("PATCH", "/api/v1/settings", {}).status == 422


@pytest.mark.parametrize(
    ("body", "command"),
    [
        (None, StartTest(None, 0.0, WHO)),
        ({}, StartTest(None, 0.0, WHO)),
        ({"type": 1}, StartTest("1", 0.0, WHO)),
        ({"type": "2", "delay_h": 1.5}, StartTest("2", 1.5, WHO)),
        ({"type": None, "delay_h": 500}, StartTest(None, 500.0, WHO)),
    ],
)
def test_a_test_is_started(
    station: Station, user: Client, body: object, command: StartTest
) -> None:
    reply = user.post("/api/v1/tests", body)
    assert (reply.status, reply.json) == (201, {"n": 7})
    assert station.owner.commands == [command]


@pytest.mark.parametrize(
    ("body", "key"),
    [
        ({"type": 3}, "type"),
        ({"type": True}, "type"),
        ({"type": 1.0}, "type"),
        ({"delay_h": -1}, "delay_h"),
        ({"delay_h": 500.5}, "delay_h"),
        ({"delay_h": "2"}, "delay_h"),
        ({"delay_h": True}, "delay_h"),
        ({"delay_h": None}, "delay_h"),
        ({"delay": 2}, "delay"),
    ],
)
def test_a_wrong_field_of_a_test_is_refused_and_nothing_started(
    shared: tuple[Station, Client], body: object, key: str
) -> None:
    station, user = shared
    reply = user.post("/api/v1/tests", body)
    assert reply.status == 422
    assert reply.json["key"] == key
    assert station.owner.commands == []


def test_a_test_that_the_core_refuses_is_409_with_its_sentence(
    station: Station, user: Client
) -> None:
    station.owner.answer = lambda _: Answer(False, "interlock", "The battery is at 12.1 V.")
    reply = user.post("/api/v1/tests", {"type": 1})
    assert reply.status == 409
    assert reply.json == {"error": "interlock", "reason": "The battery is at 12.1 V."}


def test_a_busy_owner_is_503_and_says_when_to_ask_again(station: Station, user: Client) -> None:
    station.owner.answer = lambda _: Answer(False, "busy", "The owner's inbox is full.")
    for method, path, body in (
        ("POST", "/api/v1/tests", {}),
        ("PATCH", "/api/v1/settings", {"test.interval_h": 1}),
    ):
        reply = user.ask(method, path, body)
        assert (reply.status, reply.json["error"]) == (503, "busy")
        assert int(reply.headers["Retry-After"]) >= 1


@pytest.mark.parametrize(
    ("path", "body", "command"),
    [
        ("/api/v1/tests/current/stop", None, StopTest(WHO)),
        ("/api/v1/alarms/sensor.0x4a/ack", None, AckAlarm("sensor.0x4a", WHO)),
        ("/api/v1/capacity-check", {"low": True}, CapacityCheck(True, WHO)),
        ("/api/v1/capacity-check", {"low": False}, CapacityCheck(False, WHO)),
        ("/api/v1/reset-data", {}, ResetData(False, WHO)),
        ("/api/v1/reset-data", {"settings": True}, ResetData(True, WHO)),
    ],
)
def test_a_command_reaches_the_owner_with_its_source(
    station: Station, user: Client, path: str, body: object, command: object
) -> None:
    assert user.post(path, body).status == 200
    assert station.owner.commands == [command]


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/api/v1/capacity-check", {}),
        ("/api/v1/capacity-check", {"low": 1}),
        ("/api/v1/capacity-check", {"low": True, "high": True}),
        ("/api/v1/reset-data", {"settings": "yes"}),
        ("/api/v1/tests/current/stop", {"n": 1}),
    ],
)
def test_a_wrong_field_of_a_command_is_refused(
    shared: tuple[Station, Client], path: str, body: object
) -> None:
    station, user = shared
    reply = user.post(path, body)
    assert reply.status == 422
    assert reply.json["reason"]
    assert station.owner.commands == []


def test_acknowledging_what_is_no_alarm_is_404(station: Station, user: Client) -> None:
    station.owner.answer = lambda _: Answer(False, "unknown", "No alarm 'x' is raised.")
    assert user.post("/api/v1/alarms/x/ack").status == 404
    station.owner.answer = lambda _: Answer(False, "not_running", "No test is running.")
    assert user.post("/api/v1/tests/current/stop").status == 409


@pytest.mark.parametrize(
    ("data", "kind", "status"),
    [
        (b"{", "application/json", 400),
        (b"[1]", "application/json", 400),
        (b'"text"', "application/json", 400),
        (b'{"test.interval_h": NaN}', "application/json", 400),
        (b'{"test.interval_h": -Infinity}', "application/json", 400),
        (b'{"test.interval_h": 1e999}', "application/json", 422),
        (b'{"test.interval_h": 1, "test.interval_h": 2}', "application/json", 400),
        (b'{"test.interval_h": [1]}', "application/json", 422),
        (b'{"test.interval_h": {"a": 1}}', "application/json", 422),
        (b'{"a": ' + b"[" * 30_000 + b"]" * 30_000 + b"}", "application/json", 400),
        (b'{"a": ' + b"9" * 5000 + b"}", "application/json", 400),
        (b'{"site.name": "\xff"}', "application/json", 400),
        (b"test.interval_h=1", "application/x-www-form-urlencoded", 415),
        (b'{"test.interval_h": 1}', "text/plain", 415),
        (b" " * 70_000, "application/json", 413),
    ],
)
def test_a_body_that_is_no_good_json_is_refused_in_json(
    shared: tuple[Station, Client], data: bytes, kind: str, status: int
) -> None:
    station, user = shared
    reply = user.ask("PATCH", "/api/v1/settings", data=data, headers={"Content-Type": kind})
    assert reply.status == status
    assert reply.headers["Content-Type"] == "application/json"
    assert {"error", "reason"} <= set(reply.json)
    assert "Traceback" not in reply.text
    assert station.owner.commands == []


def test_a_body_that_is_announced_far_too_large_is_refused_before_it_comes(
    user: Client,
) -> None:
    head = (
        "PATCH /api/v1/settings HTTP/1.1\r\nHost: btrm\r\nContent-Type: application/json\r\n"
        "Content-Length: 2000000\r\n\r\n"
    )
    with socket.create_connection((user.host, user.port), timeout=5) as connection:
        connection.sendall(head.encode())
        head, _, body = connection.makefile("rb").read().decode().partition("\r\n\r\n")
    assert " 413 " in head.splitlines()[0]
    assert "Content-Security-Policy" in head
    assert json.loads(body)["reason"]


def test_a_lone_surrogate_is_no_crash(user: Client) -> None:
    data = b'{"site.name": "\\ud800"}'
    headers = {"Content-Type": "application/json"}
    assert user.ask("PATCH", "/api/v1/settings", data=data, headers=headers).status == 422


def test_a_view_that_fails_says_so_without_a_traceback(station: Station, client: Client) -> None:
    station.history.test = _fail  # type: ignore[method-assign,assignment]
    reply = client.get("/api/v1/tests/1")
    assert (reply.status, reply.json["error"]) == (500, "internal")
    assert "secret detail" not in reply.text


def _fail(n: int) -> None:
    raise RuntimeError(f"secret detail {n}")
