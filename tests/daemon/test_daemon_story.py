"""The product's one story, in every protocol: a measured discharge comes out as a result."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest
from daemon_process import RECORD, DaemonProcess
from waiting import wait_until

if TYPE_CHECKING:
    from conftest import Make

pytestmark = pytest.mark.long  # begun first

Row = tuple[float, float, float]  # time_s, battery_v, battery_a


def record() -> list[Row]:
    """The measured rows of the file that is played."""
    head, *lines = RECORD.read_text().split()
    assert head.startswith("time_s,battery_v,battery_a")
    rows = [tuple(map(float, line.split(",")[:3])) for line in lines]
    return [(row[0], row[1], row[2]) for row in rows]


def at(rows: list[Row], time_s: float) -> tuple[float, float]:
    """Volts and amps of the record at `time_s` from its first row, on straight lines."""
    for (t0, v0, a0), (t1, v1, a1) in pairwise(rows):
        if t0 <= rows[0][0] + time_s <= t1:
            share = (rows[0][0] + time_s - t0) / (t1 - t0)
            return v0 + share * (v1 - v0), a0 + share * (a1 - a0)
    raise AssertionError(f"the record ends before {time_s} s")


def events_of(daemon: DaemonProcess, *keys: str) -> list[tuple[str, object]]:
    return [(e["key"], e["value"]) for e in daemon.events() if e["key"] in keys]


def start_replay(make: Make, minimum_min: int, speed: float) -> DaemonProcess:
    daemon = make(speed=speed).start("--fresh")
    daemon.wait_selftest()
    daemon.good("set", "battery.rated_ah=17", f"test.minimum_runtime_min={minimum_min}")
    daemon.good("sim", f"battery.replay={RECORD}")
    daemon.wait_value("charger.present", True)
    assert daemon.good("test", "start", "--type", "1") == "Test 1 has begun.\n"
    return daemon


def test_a_measured_discharge_becomes_a_result(make: Make) -> None:
    daemon = start_replay(make, minimum_min=240, speed=1500)

    # while it runs: the battery carries the load, then estimate and interval appear
    daemon.wait_value("test.state", "running")
    truth = daemon.sim()
    assert truth["battery"]["amps"] == pytest.approx(-truth["load"]["amps"], abs=0.01)
    assert truth["supply"]["amps"] == pytest.approx(0.0, abs=0.05)  # HAT draw 0 in a replay
    assert daemon.value("relay.k1") is True
    running = wait_until(lambda: _estimate(daemon), 30.0)
    assert running[1] < running[0] < running[2]

    done = daemon.cli("test", "wait", "1", "--timeout", "60")
    assert done.code == 0, done
    assert "result low" in done.out

    # the states, in order, as the event log tells them
    assert events_of(daemon, "test.state", "test.result") == [
        ("test.state", "proving"),
        ("test.state", "running"),
        ("test.state", "returning"),
        ("test.result", "low"),
    ]

    # the same record in every protocol
    test = daemon.get("/api/v1/tests/1")
    assert daemon.tests() == {1: test}
    reported = json.loads(daemon.good("test", "status", "--json"))
    assert reported.pop("state") == "idle"  # the station's, as the test is over
    assert reported.keys() == test.keys() - {"state"}
    for name, value in reported.items():
        assert test[name] == (pytest.approx(value, rel=1e-4) if _is_number(value) else value), name
    assert (test["type"], test["state"], test["result"]) == ("1", "finished", "low")
    assert test["minimum_runtime_s"] == 240 * 60
    assert test["estimate_s"] < test["minimum_runtime_s"]
    assert "below the minimum" in test["reason"]
    assert test["average_current"] == pytest.approx(2.32, rel=0.02)
    assert 3600.0 <= test["duration_s"] <= 4 * 3600.0

    # against the truth: the interval holds it
    truth = daemon.sim()
    assert truth["battery"]["true_runtime_s"] == pytest.approx(11638, abs=1)
    low, high = test["estimate_low_s"], test["estimate_high_s"]
    assert low <= truth["battery"]["true_runtime_s"] <= high
    assert low < test["estimate_s"] < high
    points = daemon.get("/api/v1/points")["points"]
    for key, name in (
        ("runtime.estimate", "estimate_s"),
        ("runtime.estimate_low", "estimate_low_s"),
        ("runtime.estimate_high", "estimate_high_s"),
        ("runtime.minimum", "minimum_runtime_s"),
        ("test.reason", "reason"),
        ("test.number", "n"),
    ):
        expected = (
            test[name] if isinstance(test[name], str) else pytest.approx(test[name], rel=1e-4)
        )
        assert points[key]["value"] == expected, key

    # charger and supply are back, the load never noticed
    assert all(not relay["contact"] for relay in truth["relays"].values())
    assert truth["supply"]["amps"] > 2.0
    assert truth["load"]["dropped_s"] == truth["load"]["dead_s"] == 0.0
    assert points["capacity.state"]["value"] == "low"
    assert points["alarm.list"]["value"] == ["battery.low_capacity"]

    check_curve(daemon, test)


def check_curve(daemon: DaemonProcess, test: dict[str, Any]) -> None:
    """The stored curve is the record, within what the channels promise."""
    played, curve = record(), daemon.curve(1)
    times = [row[0] for row in curve]
    assert times == sorted(times)
    assert times[0] <= 2.0  # the step at the transfer is seen
    assert times[-1] == pytest.approx(test["duration_s"], abs=11.0)
    assert len(times) >= 60 + (test["duration_s"] - 60) / 10 - 2
    for time_s, volts, amps, temp, load in curve:
        assert None not in (time_s, volts, amps, temp, load)
        true_v, true_a = at(played, time_s)
        assert volts == pytest.approx(true_v, rel=0.01, abs=0.03), time_s
        assert amps == pytest.approx(true_a, rel=0.01, abs=0.03), time_s
        assert load == pytest.approx(-true_a, rel=0.01, abs=0.03), time_s
        assert 22.0 < temp < 26.0


def test_a_lower_minimum_makes_the_same_battery_good(make: Make) -> None:
    daemon = start_replay(make, minimum_min=60, speed=1800)
    assert daemon.cli("test", "wait", "--timeout", "60").code == 0
    test = daemon.tests()[1]
    assert test["result"] == "good"
    assert test["estimate_s"] >= test["minimum_runtime_s"] == 3600
    assert daemon.value("capacity.state") == "good"
    assert daemon.value("alarm.list") == []


def test_relays_move_in_their_order_and_states_follow(make: Make) -> None:
    """Slow enough to see it: K2 before K1 on the way out, K2 before K1 on the way back."""
    daemon = make(speed=5).start("--fresh")
    daemon.wait_selftest()
    daemon.wait_value("charger.present", True)
    seen: list[tuple[bool, bool]] = []
    moments: list[tuple[float, float]] = []  # plant seconds between which it changed
    looked = [0.0]

    def look() -> tuple[bool, bool]:
        truth = daemon.sim()
        now = (truth["relays"]["k2"]["coil"], truth["relays"]["k1"]["coil"])
        if not seen or seen[-1] != now:
            seen.append(now)
            moments.append((looked[0], truth["plant_s"]))
        looked[0] = truth["plant_s"]
        assert truth["load"]["dropped_s"] == 0.0
        return now

    def between(first: int, second: int) -> tuple[float, float]:
        """The shortest and the longest time that can lie between two changes."""
        return moments[second][0] - moments[first][1], moments[second][1] - moments[first][0]

    states: list[str] = []

    def state() -> str:
        now = str(daemon.value("test.state"))
        if not states or states[-1] != now:
            states.append(now)
        return now

    def both() -> tuple[tuple[bool, bool], str]:
        return look(), state()

    both()
    daemon.good("test", "start", "--type", "1")
    wait_until(lambda: both() == ((True, True), "running"), 20.0)
    shortest, longest = between(1, 2)
    assert shortest <= 31.0  # 30 s without the charger
    assert longest >= 30.0
    assert daemon.sim()["charger"]["amps"] == pytest.approx(0.0, abs=0.01)
    with ThreadPoolExecutor(1) as stopper:  # a process ends slower than K1 waits for K2
        stopped = stopper.submit(daemon.good, "test", "stop")
        wait_until(lambda: both() == ((False, False), "idle"), 20.0)
        stopped.result()
    assert seen == [(False, False), (True, False), (True, True), (False, True), (False, False)]
    shortest, longest = between(3, 4)
    assert shortest <= 3.0  # the supply is there for 2 s
    assert longest >= 2.0
    assert states == ["idle", "proving", "running", "returning", "idle"]
    test = daemon.tests()[1]
    assert (test["result"], test["state"]) == ("aborted", "finished")
    assert test["reason"].startswith("Stopped by cli")
    assert daemon.curve(1) != []


def _estimate(daemon: DaemonProcess) -> tuple[float, float, float] | None:
    """Estimate and interval once a running test has them."""
    points = daemon.get("/api/v1/points")["points"]
    assert points["test.state"]["value"] == "running"
    names = ("runtime.estimate", "runtime.estimate_low", "runtime.estimate_high")
    values = [points[name]["value"] for name in names]
    return None if None in values else (values[0], values[1], values[2])


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
