"""The power flow: the picture and its sentence say the same, and nothing that is not known."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

import pytest
from web_station import AT, VALUES, Client, Station, make_snapshot

from btrmd.model.commands import Answer
from btrmd.model.points import POINT
from btrmd.model.readings import BAD, GOOD, MISSING, STALE, Reading, Value
from btrmd.model.settings import Settings
from btrmd.model.site import Site
from btrmd.model.snapshot import AlarmView, Snapshot
from btrmd.servers.web.flow import make_flow, speed

REST: Mapping[str, Value] = {
    "relay.k1": False,
    "relay.k2": False,
    "relay.k3": False,
    "guard.active": False,
}
ON_TEST = {
    "relay.k1": True,
    "relay.k2": True,
    "battery.current": -7.0,
    "load.current": 7.0,
    "load.source": "battery",
}


WEAK = {  # a supply that is there and gives a tenth of what the load takes
    "guard.active": True,
    "supply.present": True,
    "supply.voltage": 12.66,
    "supply.current": 0.48,
    "ups.on_battery": True,
    "load.source": "battery",
    "load.current": 5.0,
    "battery.current": -2.3,
    "charger.current": 2.55,
}


def seen(**changes: Value) -> Snapshot:
    """A snapshot at rest with these points changed; None = missing. "__" stands for "."."""
    values = {**VALUES, **REST, **{key.replace("__", "."): v for key, v in changes.items()}}
    points = {
        key: Reading(values[key], GOOD, AT)
        if values.get(key) is not None
        else Reading(None, MISSING, 0.0)
        for key in POINT
    }
    return make_snapshot(points=points)


def dotted(values: Mapping[str, Value]) -> dict[str, Value]:
    return {key.replace(".", "__"): value for key, value in values.items()}


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({}, "Load fed by supply, 1.0 A; battery at rest"),
        ({"battery.current": 2.5}, "Load fed by supply, 1.0 A; battery charging, 2.5 A"),
        (
            {**ON_TEST, "test.state": "running", "test.elapsed": 42 * 60 + 59.0},
            "Load fed by battery, 7.0 A, test running 0:42",
        ),
        (
            {**ON_TEST, "supply.present": False, "ups.on_battery": True},
            "Load fed by battery, 7.0 A, supply lost",
        ),
        (
            {
                **ON_TEST,
                "supply.present": False,
                "ups.on_battery": True,
                "runtime.remaining": 11100.0,
            },
            "Load fed by battery, 7.0 A, supply lost, 3:05 h left",
        ),
        (
            {"relay.k3": True, "lvd.open": True},
            "Load fed by supply, 1.0 A; battery cut off at low voltage",
        ),
        (
            {"relay.k3": True, "lvd.open": True, "guard.active": True},
            "Load fed by supply, 1.0 A; battery cut off at low voltage, the supply is too weak",
        ),
        (
            {**WEAK, "runtime.remaining": 16140.0},
            "Load fed by battery and charger through the bus guard, 5.0 A, supply too weak,"
            " 4:29 h left",
        ),
        (
            {**WEAK, "supply.present": False, "supply.lost": True},
            "Load fed by battery and charger through the bus guard, 5.0 A, supply lost",
        ),
        # K1 carries the load, the supply is back, or is not known: nothing is said of it
        (
            {**ON_TEST, "ups.on_battery": True, "runtime.remaining": 11100.0},
            "Load fed by battery, 7.0 A, 3:05 h left",
        ),
        (
            {**ON_TEST, "ups.on_battery": True, "supply.present": None},
            "Load fed by battery, 7.0 A",
        ),
        (
            {"relay.k3": True, "lvd.open": True, "supply.present": False, "load.source": "none"},
            "Load without power: the low-voltage disconnect has taken the battery off it.",
        ),
        ({"load.source": "none", "supply.present": False}, "Load without power."),
        ({"relay.k3": True}, "Load fed by supply, 1.0 A; battery path open"),
        (
            {"guard.active": True, "supply.present": False, "load.source": "battery"},
            "Load fed by battery through the bus guard, 1.0 A",
        ),
        (
            {
                "guard.active": True,
                "supply.present": False,
                "load.source": "battery",
                "charger.current": 2.5,
                "battery.current": -0.8,
            },
            "Load fed by battery and charger through the bus guard, 1.0 A",
        ),
        ({"load.source": None}, "What feeds the load is not known, 1.0 A; battery at rest"),
        (
            {"load.source": "shared", "battery.current": -0.6},
            "Load fed by supply and battery together, 1.0 A; the supply alone does not carry it",
        ),
        (
            {"load.source": "charger", "supply.present": False},
            "Load fed by the charger over the battery's path, 1.0 A",
        ),
        # seen ten seconds after a start: the currents know before presence does
        ({"supply.present": False}, "Load fed by supply, 1.0 A; battery at rest"),
        (
            {
                "load.source": "none",
                "lvd.open": True,
                "guard.active": True,
                "load.current": -0.0,
                "relay.k1": True,
                "relay.k3": True,
            },
            "Load without power: the low-voltage disconnect has taken the battery off it.",
        ),
        ({"load.current": None}, "Load fed by supply; battery at rest"),
    ],
)
def test_the_sentence(changes: dict[str, Value], text: str) -> None:
    assert make_flow(seen(**dotted(changes))).text == text


def test_a_stopped_loop_is_said_and_nothing_moves() -> None:
    flow = make_flow(seen()._replace(is_ticking=False))
    assert flow.text.startswith("The unit does not measure")
    assert set(flow.wires.values()) == {0}


def test_a_charger_that_delivers_is_there_whatever_its_volts() -> None:
    flow = make_flow(seen(charger__present=False, charger__current=2.5))
    assert {node.name: node.state for node in flow.nodes}["charger"] == "on"
    assert flow.wires["charger"]


@pytest.mark.parametrize(
    ("changes", "closed", "moving"),
    [
        ({}, {"s1", "k2", "k3"}, {"supply", "load"}),
        ({"battery.current": 1.0}, {"s1", "k2", "k3"}, {"supply", "load", "charger"}),
        (ON_TEST, {"s2", "k3"}, {"battery", "load"}),
        ({"guard.active": True, "relay.k3": True}, {"s1", "s2", "k2"}, {"supply", "load"}),
        ({"load.source": "none", "load.current": 0.0}, {"s1", "k2", "k3"}, set()),
        ({"load.source": "charger"}, {"s1", "k2", "k3"}, {"battery", "load"}),
    ],
)
def test_switches_and_dashes(changes: dict[str, Value], closed: set[str], moving: set[str]) -> None:
    """DESIGN section 2: S1, K2 and K3 are closed at rest, S2 open; K1 drives S1 and S2."""
    flow = make_flow(seen(**dotted(changes)))
    assert {name for name, state in flow.switches.items() if state == "closed"} == closed
    assert {name for name, quick in flow.wires.items() if quick} == moving


def test_a_relay_that_is_not_known_is_drawn_so() -> None:
    flow = make_flow(seen(relay__k2=None, charger__present=None))
    assert flow.switches["k2"] == "unknown"
    assert {node.name: node.state for node in flow.nodes}["charger"] == "unknown"


def test_dashes_are_quicker_with_more_current() -> None:
    speeds = [speed(amps) for amps in (None, 0.0, 0.04, 0.1, 1.0, 5.0, 19.0)]
    assert speeds == [0, 0, 0, 1, 2, 3, 4]


def test_values_in_the_picture(station: Station, client: Client) -> None:
    points = dict(seen().points)
    points["supply.voltage"] = Reading(13.4, STALE, AT - 3)
    points["charger.voltage"] = Reading(None, BAD, AT)
    station.owner.show(points=points)
    page = client.get("/").text
    texts = dict(re.findall(r'data-live="([^"]+)">([^<]*)<', page))
    assert texts["battery.voltage"] == "13.39 V"
    assert texts["battery.current"] == "-0.06 A"
    assert texts["supply.voltage"] == "13.40 V stale"
    assert texts["charger.voltage"] == "—"
    assert texts["charger.current"] == "—"
    assert len(texts) == 8
    assert '<p class="flow-text" id="flow-text">Load fed by supply' in page


def test_the_dashes_stand_still_for_who_wants_no_motion(client: Client) -> None:
    style = client.get("/static/style.css").text
    reduced = style[style.rindex("prefers-reduced-motion") :]
    assert re.match(r"prefers-reduced-motion: reduce\) \{ \.dash \{ animation: none; \}", reduced)


def test_the_stream_tells_the_flow(client: Client) -> None:
    flow = client.get("/api/v1/state").json["flow"]
    assert isinstance(flow, dict)
    assert set(flow) == {"nodes", "wires", "switches", "text"}


ALARM = AlarmView("io1", "CH1 is low.", AT, True, True, False)


def test_who_may_acknowledges_with_a_button(station: Station, user: Client) -> None:
    station.owner.show(alarms=(ALARM,))
    page = user.get("/").text
    form = page[page.index("data-alarm") : page.index("</form>", page.index("data-alarm"))]
    token = re.search(r'name="csrf_token" value="([^"]+)"', form)
    assert token is not None
    assert 'name="key" value="io1"' in form
    reply = user.form("/acknowledge", csrf_token=token[1], key="io1")
    assert (reply.status, reply.headers["Location"]) == (303, "/")
    command = station.owner.commands[-1]
    assert (type(command).__name__, command.key) == ("AckAlarm", "io1")  # type: ignore[union-attr]
    assert command.source.startswith("web admin 127.0.0.1")
    station.owner.show(alarms=(ALARM._replace(acknowledged=True),))
    page = user.get("/").text
    assert "<form" not in page[page.index("data-alarm") : page.index("<template")]


def test_others_are_led_to_the_login(station: Station, client: Client) -> None:
    station.owner.show(alarms=(ALARM,))
    page = client.get("/").text
    assert 'action="/acknowledge"' not in page
    assert 'href="/login?next=/"' in page
    assert client.form("/acknowledge", key="io1").status == 303  # to the login
    assert station.owner.commands == []


def test_without_a_token_nothing_is_acknowledged(station: Station, user: Client) -> None:
    user.csrf = ""
    assert user.form("/acknowledge", key="io1").status == 403
    assert station.owner.commands == []


def test_a_refusal_stands_on_the_page(station: Station, user: Client) -> None:
    station.owner.answer = lambda _: Answer(False, "unknown", "There is no alarm nonsense.")
    reply = user.form("/acknowledge", csrf_token=user.csrf, key="nonsense")
    assert reply.status == 409
    assert 'role="alert">There is no alarm nonsense.' in reply.text


def test_where_no_login_is_needed_anybody_acknowledges(
    start_station: Callable[..., Station],
) -> None:
    settings = Settings.defaults(Site(authorization_off=True)).with_changes(
        {"web.authorization": "off"}
    )
    station = start_station(settings=settings)
    client = station.client()
    station.owner.show(alarms=(ALARM,))
    page = client.get("/").text
    token = re.search(r'name="csrf_token" value="([^"]+)"', page)
    assert token is not None
    assert client.form("/acknowledge", csrf_token=token[1], key="io1").status == 303
    assert len(station.owner.commands) == 1
