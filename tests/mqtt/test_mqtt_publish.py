"""What a broker hears: who is there, points that move, events and tests once, what it missed."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from mqtt_broker import SERIAL, Broker, Watch
from mqtt_fixtures import BASE, MqttBench

from btrmd.model.events import Kind
from btrmd.model.readings import BAD, GOOD, MISSING, Quality, Reading, Value
from btrmd.model.snapshot import AlarmView
from btrmd.notify.mqtt import backfill, finished, publisher
from btrmd.notify.mqtt import session as session_module
from btrmd.notify.mqtt.deadband import DUE_S, Deadband

Wait = Callable[..., None]


def test_what_stands_under_the_topics(station: MqttBench, broker: Broker, watch: Watch) -> None:
    station.to(broker, site__name="Hill 3")
    station.show(battery__voltage=13.39)
    station.start()
    assert watch.take("/status").payload == "online"
    info = watch.take("/info").json
    assert info == {
        "serial": SERIAL, "model": "BTRM300", "firmware": "1.0", "name": "Hill 3",
        "location": "730 Northern", "contact": "Jo, ext. 213", "commands": False,
    }  # fmt: skip
    assert watch.take(f"{BASE}/point/battery.voltage").json == {
        "value": 13.39, "unit": "V", "quality": "good", "at": "2026-05-28T20:26:40.000Z",
    }  # fmt: skip
    n = station.tell("battery.low_voltage", value=11.75, threshold=11.8)
    event = watch.take(f"{BASE}/event")
    assert not event.is_retained
    assert event.json == {
        "n": n, "at": "2026-05-28T20:26:41.000Z", "uptime_s": 230.5, "key": "battery.low_voltage",
        "kind": "raise", "value": 11.75, "threshold": 11.8, "source": "core",
        "text": "Low battery voltage.",
    }  # fmt: skip
    station.finish_test(7)
    test = watch.take(f"{BASE}/test").json
    assert (test["n"], test["result"], test["estimate_s"]) == (7, "good", 9000.0)
    station.alarms = (AlarmView("io1", "IO1.", station.at, True, False, False),)
    station.show()
    assert watch.take("/alarms").json["alarms"][0]["key"] == "io1"
    station.stop()
    assert watch.take("/status").payload == "offline"


def test_a_new_subscriber_finds_what_is_retained_and_a_killed_unit_is_offline(
    station: MqttBench, broker: Broker, watch: Watch, wait_until: Wait
) -> None:
    station.to(broker)
    station.show(battery__voltage=13.39)
    station.start()
    watch.take("/point/battery.voltage")
    wait_until(lambda: station.address)
    late = Watch(broker, f"{BASE}/#", name="late")
    try:
        wait_until(lambda: len(late.named("/point/battery.voltage")) == 1)
        assert late.named("/point/battery.voltage")[0].is_retained
        assert late.named("/status")[0].payload == "online"
        assert late.named("/event") == []
        # The connection breaks without a goodbye: the broker speaks the last will.
        assert station.mqtt is not None
        assert station.mqtt._connection is not None
        sock = station.mqtt._connection._client.socket()
        station.mqtt._stopping.set()  # no new one
        sock.close()
        wait_until(lambda: late.named("/status")[-1].payload == "offline")
    finally:
        late.close()


# --- points ------------------------------------------------------------------------------------


def due(band: Deadband, now: float, **values: tuple[Value, Quality]) -> list[str]:
    points = {
        key.replace("__", "."): Reading(value, quality, 0.0)
        for key, (value, quality) in values.items()
    }
    found = list(band.due(points, now))
    for key, reading in found:
        band.sent(key, reading, now)
    return [key for key, _ in found]


@pytest.mark.parametrize(
    ("key", "before", "small", "far"),
    [
        ("battery.voltage", 13.39, 13.43, 13.44),
        ("battery.current", -2.0, -2.09, -2.1),
        ("system.temperature", 25.0, 25.4, 25.5),
        ("battery.soh", 88.0, 88.9, 89.0),
        ("runtime.estimate", 9000.0, 9059.0, 8940.0),
        ("test.state", "idle", "idle", "proving"),
        ("ups.on_battery", False, False, True),
        ("test.number", 3, 3, 4),
        ("alarm.list", (), (), ("io1",)),
    ],
)
def test_a_value_is_told_when_it_has_moved_by_its_deadband(
    key: str, before: Value, small: Value, far: Value
) -> None:
    name = key.replace(".", "__")
    band = Deadband()
    assert due(band, 0.0, **{name: (before, GOOD)}) == [key]
    assert due(band, 1.0, **{name: (small, GOOD)}) == []
    assert due(band, 2.0, **{name: (far, GOOD)}) == [key]
    assert due(band, 2.0 + DUE_S - 1.0, **{name: (far, GOOD)}) == []
    assert due(band, 2.0 + DUE_S, **{name: (far, GOOD)}) == [key], "every 15 min at least"


def test_quality_and_the_end_of_a_value_are_changes_and_clocks_are_none() -> None:
    band = Deadband()
    due(band, 0.0, battery__voltage=(13.0, GOOD), system__uptime=(5.0, GOOD))
    assert due(band, 1.0, battery__voltage=(None, BAD), system__uptime=(9e6, GOOD)) == [
        "battery.voltage"
    ]
    assert due(band, 2.0, battery__voltage=(None, BAD), system__uptime=(None, MISSING)) == [
        "system.uptime"
    ]
    band.scale = 0.0
    due(band, 3.0, battery__current=(1.0, GOOD))
    assert due(band, 4.0, battery__current=(1.001, GOOD)) == ["battery.current"]


def test_the_deadband_setting_counts(station: MqttBench, broker: Broker, watch: Watch) -> None:
    station.to(broker, mqtt__deadband=0)
    station.show(battery__voltage=13.39)
    station.start()
    watch.take("/point/battery.voltage")
    station.show(battery__voltage=13.391)
    assert watch.take("/point/battery.voltage").json["value"] == 13.391


# --- events and tests --------------------------------------------------------------------------


def numbers(watch: Watch, name: str = "/event") -> list[int]:
    return [got.json["n"] for got in watch.named(name)]


def test_an_outage_of_the_broker_loses_and_doubles_nothing(
    station: MqttBench, broker: Broker, watch: Watch, wait_until: Wait
) -> None:
    station.to(broker)
    station.start()
    first = [station.tell("io1", Kind.RAISE) for _ in range(5)]
    wait_until(lambda: numbers(watch) == first)
    # what is not acknowledged when the broker dies comes again, by QoS 1
    wait_until(lambda: station.reported == first[-1])
    broker.kill()
    wait_until(lambda: station.fault)
    assert station.fault.startswith("The MQTT broker cannot be used: 127.0.0.1:")
    second = [station.tell("io1", Kind.CLEAR) for _ in range(40)]
    station.finish_test(8)
    broker.start()
    wait_until(lambda: len(numbers(watch)) >= 46)
    wait_until(lambda: numbers(watch, "/test") == [8])
    assert numbers(watch) == [*first, *second, second[-1] + 1]
    wait_until(lambda: not station.fault)


def test_a_restart_of_the_unit_loses_and_doubles_nothing(
    station: MqttBench, broker: Broker, watch: Watch, wait_until: Wait
) -> None:
    station.to(broker)
    station.start()
    first = [station.tell() for _ in range(3)]
    station.finish_test(1)
    wait_until(lambda: station.reported == first[-1] + 1)
    wait_until(lambda: station.cursors.load("mqtt.test") == 1)
    station.stop()
    station.tell()
    station.finish_test(2, "low")
    station.restart()
    station.start()
    wait_until(lambda: numbers(watch, "/test") == [1, 2])
    wait_until(lambda: len(numbers(watch)) == 6)
    assert len(set(numbers(watch))) == 6


def test_what_happens_while_it_is_off_is_nobodys(
    station: MqttBench, broker: Broker, watch: Watch, wait_until: Wait
) -> None:
    station.start()
    station.tell()
    station.finish_test(1)
    assert station.mqtt is not None
    wait_until(lambda: station.mqtt._cursor.n == 2)  # type: ignore[union-attr]
    station.to(broker)
    wait_until(lambda: station.address)
    n = station.tell()
    station.finish_test(2)
    wait_until(lambda: numbers(watch) == [n, n + 1])
    wait_until(lambda: numbers(watch, "/test") == [2])
    station.off()
    assert watch.take("/status").payload == "online"
    assert watch.take("/status").payload == "offline"
    wait_until(lambda: not station.address)


@pytest.mark.parametrize("is_killed", [True, False])
def test_what_happened_while_it_was_off_is_not_sent_after_settings_changed_at_a_standstill(
    station: MqttBench, broker: Broker, watch: Watch, wait_until: Wait, is_killed: bool
) -> None:
    """On, off, events and a test and minutes, a stop (or a kill), an import, a start."""
    station.to(broker)
    station.start()
    first = station.tell()
    wait_until(lambda: station.reported == first)
    station.off()
    wait_until(lambda: station.reported is None)
    minutes(station, int(station.at // 60) * 60, 20)
    off = [station.tell() for _ in range(3)]
    station.finish_test(1)
    station.at += 1200.0
    if is_killed:
        numbers_then = (station._folder / "cursors.json").read_bytes()
    station.stop()
    if is_killed:  # nothing of what `stop` saves
        (station._folder / "cursors.json").write_bytes(numbers_then)
    station.restart()
    station.to(broker)
    station.start()
    wait_until(lambda: station.address)
    station.at += backfill.READY_S + 60.0
    station.show()
    n = station.tell()
    station.finish_test(2)
    wait_until(lambda: numbers(watch, "/test") == [2])
    wait_until(lambda: numbers(watch) == [first, n, n + 1])
    assert n > off[-1]
    assert watch.named("/trend") == []


def test_a_broker_that_forgot_its_subscribers_is_given_time_to_get_them_back(
    station: MqttBench, broker: Broker, wait_until: Wait, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session_module, "AGAIN_S", 0.05)
    station.to(broker)
    station.start()
    n = station.tell()
    wait_until(lambda: broker.log.count("/event'") >= 2)  # sent again: nobody was there
    assert station.reported is not None
    assert station.reported < n
    late = Watch(broker, f"{BASE}/event", name="late")
    try:
        wait_until(lambda: station.reported == n)
        wait_until(lambda: numbers(late))  # the broker answers us before the other reads it
        assert numbers(late) == [n]
    finally:
        late.close()


def test_a_test_that_is_delayed_holds_up_no_other(
    station: MqttBench, broker: Broker, watch: Watch, wait_until: Wait
) -> None:
    station.to(broker)
    station.start()
    wait_until(lambda: station.address)
    record = station.finish_test(1)
    station.writer.commit(test=record._replace(n=2, state="delayed", ended_at=None))
    station.finish_test(3)
    wait_until(lambda: numbers(watch, "/test") == [1, 3])
    wait_until(lambda: station.cursors.load("mqtt.test") == 1)
    station.finish_test(2)
    wait_until(lambda: numbers(watch, "/test") == [1, 3, 2])
    wait_until(lambda: station.cursors.load("mqtt.test") == 3)


def test_one_that_ends_while_a_later_one_is_on_its_way_is_not_forgotten(
    station: MqttBench,
) -> None:
    made = finished.Finished(station.history, station.cursors)
    station.writer.commit(test=station.finish_test(2)._replace(n=1, state="delayed"))
    assert station.writer.flush()
    made.look()
    later = made.next()
    assert later is not None
    assert later.n == 2
    station.finish_test(1)
    made.done(2)
    assert station.cursors.load("mqtt.test") == 0
    made.look()
    assert [one.n for one in [made.next()] if one is not None] == [1]
    made.done(1)
    assert station.cursors.load("mqtt.test") == 2


# --- backfill ------------------------------------------------------------------------------------


def minutes(station: MqttBench, first: float, count: int) -> None:
    """Minute means in the history."""
    for i in range(count):
        station.writer.trend(int(first) + 60 * i, {"battery.voltage": 12.0 + i / 1000})
    assert station.writer.flush()


def test_the_minutes_of_an_outage_are_delivered_with_their_times(
    station: MqttBench, broker: Broker, watch: Watch, wait_until: Wait
) -> None:
    station.to(broker)
    station.start()
    wait_until(lambda: station.address)
    began = station.at
    minute = int(began // 60) * 60
    broker.kill()
    wait_until(lambda: station.fault)
    minutes(station, minute, 150)
    station.at = began + 150 * 60.0
    station.show()
    broker.start()
    chunks = [watch.take("/trend").json for _ in range(2)]
    # The minute in which the link came back is delivered when it is over.
    station.at += backfill.READY_S + 60.0
    station.show()
    chunks.append(watch.take("/trend").json)
    assert {chunk["tier_s"] for chunk in chunks} == {60}
    assert all(chunk["columns"][0] == "at" for chunk in chunks)
    column = chunks[0]["columns"].index("battery.voltage")
    rows = [row for chunk in chunks for row in chunk["rows"]]
    assert [len(chunk["rows"]) for chunk in chunks] == [60, 60, 30]
    assert [row[column] for row in rows] == [pytest.approx(12.0 + i / 1000) for i in range(150)]
    times = [row[0] for row in rows]
    assert times[0] == "2026-05-28T20:26:00.000Z"
    assert times == sorted(set(times))
    wait_until(lambda: (station.cursors.load("mqtt.trend") or 0) >= minute + 150 * 60)


def test_a_short_break_within_a_minute_owes_nothing(station: MqttBench) -> None:
    minutes(station, 1_000_000_020.0, 2)
    made = backfill.Backfill(station.history, station.cursors, 1_000_000_030.0)
    made.connected(1_000_000_030.0)
    made.covered(1_000_000_031.0)
    made.connected(1_000_000_035.0)
    assert made.next(1_000_009_000.0) is None
    made.connected(1_000_000_090.0)
    assert made.next(1_000_000_090.0) is None, "its last minute is not over"
    chunk = made.next(1_000_009_000.0)
    assert chunk is not None
    assert len(chunk.rows.rows) == 2
    assert chunk.end == 1_000_000_140


def test_a_clock_that_goes_back_owes_nothing(station: MqttBench) -> None:
    minutes(station, 500_000_040.0, 2)
    made = backfill.Backfill(station.history, station.cursors, 1_000_000_000.0)
    made.connected(500_000_000.0)
    assert made.next(500_009_000.0) is None


def test_the_time_from_switching_on_to_the_first_connection_is_owed(station: MqttBench) -> None:
    minutes(station, 1_000_000_020.0, 3)
    made = backfill.Backfill(station.history, station.cursors, 1_000_000_020.0)
    made.connected(1_000_000_150.0)
    chunk = made.next(1_000_009_000.0)
    assert chunk is not None
    assert len(chunk.rows.rows) == 3


def test_it_goes_on_after_a_restart_where_it_was(station: MqttBench) -> None:
    minutes(station, 1_000_000_020.0, 3)
    made = backfill.Backfill(station.history, station.cursors, 1_000_000_020.0)
    made.connected(1_000_000_020.0)
    made.close()
    again = backfill.Backfill(station.history, station.cursors, 1_000_000_200.0)
    again.connected(1_000_000_200.0)
    chunk = again.next(1_000_000_900.0)
    assert chunk is not None
    assert len(chunk.rows.rows) == 3
    again.done(chunk)
    assert again.next(1_000_000_900.0) is None
    assert station.cursors.load("mqtt.trend") == chunk.end


# --- the page ------------------------------------------------------------------------------------


def test_nothing_of_mqtt_is_loaded_while_it_is_off() -> None:
    import subprocess
    import sys

    words = (
        "import sys, btrmd.notify.mqtt.publisher; print([m for m in sys.modules if 'paho' in m])"
    )
    done = subprocess.run([sys.executable, "-c", words], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout.replace("'", '"')) == []
    assert publisher.MqttPublisher.__name__ == "MqttPublisher"
