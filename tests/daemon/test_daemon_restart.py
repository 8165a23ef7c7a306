"""What a stop, a restart and a new start keep: plant, tests, outages, the load."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest
from daemon_process import DaemonProcess
from waiting import wait_until

if TYPE_CHECKING:
    from conftest import Make


def released(daemon: DaemonProcess) -> bool:
    return not any(relay["coil"] for relay in daemon.sim()["relays"].values())


def running_test(make: Make, speed: float, plant_s: float = 0.0) -> DaemonProcess:
    """A daemon whose test has carried the load for `plant_s`."""
    daemon = make(speed=speed).start("--fresh")
    daemon.wait_selftest()
    daemon.wait_value("charger.present", True)
    daemon.good("test", "start", "--type", "1")
    daemon.wait_value("test.state", "running", 20.0)
    end = daemon.sim()["plant_s"] + plant_s
    wait_until(lambda: daemon.sim()["plant_s"] >= end, 20.0)
    return daemon


def test_the_plant_goes_on_where_it_was(make: Make) -> None:
    daemon = make(speed=300).start("--fresh")
    daemon.sim(battery__soc=0.7, load__amps=3, supply__volts=13.1)
    wait_until(lambda: daemon.sim()["plant_s"] > 300.0)
    daemon.kill()
    daemon.speed = 1
    killed = time.monotonic()
    daemon.start()
    truth = daemon.sim()
    assert truth["plant_s"] > 300.0
    assert truth["load"]["amps"] == pytest.approx(3.0)
    assert 0.7 < truth["battery"]["soc"] < 0.9  # charging went on
    # The time between counts as well, and no more than that.
    wait_until(lambda: daemon.sim()["plant_s"] >= truth["plant_s"] + 1.0)
    again = daemon.sim()["plant_s"]
    assert again - truth["plant_s"] <= time.monotonic() - killed + 1.0
    daemon.stop()
    daemon.start("--fresh")
    truth = daemon.sim()
    assert truth["plant_s"] < 10.0
    assert truth["battery"]["soc"] == 1.0


def test_a_stop_in_a_test_ends_it_in_order(make: Make) -> None:
    daemon = running_test(make, speed=60, plant_s=90.0)
    started = time.monotonic()
    assert daemon.stop() == 0
    assert time.monotonic() - started < 3.0
    daemon.start()
    assert released(daemon)
    test = daemon.tests()[1]
    assert (test["state"], test["result"]) == ("finished", "aborted")
    assert test["reason"] == "The daemon stopped."
    assert test["duration_s"] >= 90.0
    assert test["average_current"] == pytest.approx(2.0, rel=0.02)
    curve = daemon.curve(1)
    assert len(curve) >= 50
    last = curve[-1][0]
    assert last is not None
    assert last == pytest.approx(test["duration_s"], abs=10.0)
    assert daemon.value("test.result") == "aborted"
    assert daemon.value("test.reason") == "The daemon stopped."
    assert daemon.sim()["load"]["dropped_s"] == 0.0
    # and the station is fit for the next one
    daemon.wait_value("charger.present", True)
    daemon.wait_selftest()
    wait_until(lambda: daemon.cli("test", "start").code == 0, 20.0)


def test_a_delayed_test_waits_on_over_a_crash(make: Make) -> None:
    daemon = make(speed=600).start("--fresh")
    daemon.wait_selftest()
    daemon.good("test", "start", "--type", "2", "--delay-h", "0.5")
    daemon.wait_value("test.state", "delayed")
    daemon.kill()
    daemon.start()
    daemon.wait_value("test.state", "delayed")
    assert 0 < daemon.value("test.start_in") <= 1800
    daemon.wait_value("test.state", "running", 30.0)  # half an hour is 3 s
    assert daemon.tests()[1]["type"] == "2"


def test_pb1_restarts_with_default_access_on_the_same_port(make: Make) -> None:
    daemon = make(speed=20).start("--fresh")
    daemon.wait_selftest()
    daemon.login()
    daemon.set(site__name="kept")
    address, pid = daemon.address, daemon.pid
    before = daemon.value("system.uptime")
    daemon.good("sim", "button.pb1=14")  # 15 s it takes
    wait_until(lambda: daemon.value("system.uptime") > before + 20.0)
    assert "system.button" not in [event["key"] for event in daemon.events()]
    pressed = time.monotonic()
    daemon.good("sim", "button.pb1=16")
    assert daemon.wait_ready(30.0) == f"ready http://{address}\n"
    assert time.monotonic() - pressed < 30.0
    assert daemon.pid == pid  # it replaced itself
    # counted from the restart, at 20 times the time; it runs while the pages are loaded
    assert daemon.value("system.uptime") <= 20.0 * (time.monotonic() - pressed)
    assert daemon.good("get", "site.name") == "site.name = kept\n"
    button = next(event for event in daemon.events() if event["key"] == "system.button")
    assert button["source"] == "PB1"
    refused = daemon.request(
        "POST", "/api/v1/login", {"username": "admin", "password": "a-long-password"}
    )
    assert refused.status == 401  # the factory login is back


def test_pb1_is_refused_in_a_test(make: Make) -> None:
    daemon = running_test(make, speed=20)
    daemon.good("sim", "button.pb1=16")
    reported = wait_until(lambda: [e for e in daemon.events() if e["key"] == "system.button"])
    assert reported[0]["text"] == "PB1 refused: a test is running."
    assert daemon.value("test.state") == "running"


def test_pb2_clears_the_test_data_and_restores_its_settings(make: Make) -> None:
    daemon = running_test(make, speed=60)
    daemon.good("test", "stop")
    daemon.wait_value("test.state", "idle")
    daemon.set(test__minimum_runtime_min=99, test__type=2, site__name="kept")
    assert daemon.tests() != {}
    daemon.good("sim", "button.pb2=16")
    wait_until(lambda: daemon.tests() == {})
    keys = ["test.minimum_runtime_min", "test.type", "site.name"]

    def values() -> list[object]:
        return list(daemon.ask("get", keys=keys)["values"].values())

    wait_until(lambda: values() == [240, 1, "kept"], 10.0, values)
    assert daemon.value("capacity.state") == "unknown"
    assert daemon.value("test.result") == "none"
    assert daemon.good("get", "site.name") == "site.name = kept\n"


def test_an_outage_outlives_every_kind_of_end(make: Make) -> None:
    """The guard and then K1 feed the load; each life has its record of the outage."""
    daemon = make(speed=60).start("--fresh")
    daemon.wait_selftest()
    daemon.sim(supply__on=0, charger__on=0)
    daemon.wait_value("ups.on_battery", True)
    start = daemon.sim()["plant_s"]
    wait_until(lambda: daemon.sim()["plant_s"] > start + 90.0)
    for end in (daemon.kill, daemon.stop):
        end()
        daemon.start()
        daemon.wait_value("ups.on_battery", True)
        truth = daemon.sim()
        assert truth["battery"]["amps"] < -2.0
        assert truth["relays"]["k1"]["contact"]
    daemon.wait_value("alarm.list", ["supply.lost", "charger.lost"])  # raised before the ends
    daemon.sim(supply__on=1, charger__on=1)
    daemon.wait_value("ups.on_battery", False)
    wait_until(lambda: all(test["state"] == "finished" for test in daemon.tests().values()))
    tests = daemon.tests()
    assert {test["type"] for test in tests.values()} == {"outage"}
    assert sorted(tests) == [1, 2, 3]
    assert len(daemon.curve(1)) >= 50
    truth = daemon.sim()
    assert truth["load"]["dropped_s"] == truth["load"]["dead_s"] == 0.0
    assert truth["supply"]["amps"] > 2.0
    assert released(daemon)


def test_a_supply_that_fails_in_a_test_is_carried_over_a_crash(make: Make) -> None:
    """UPS mode off: the battery goes on feeding the load all the same, restart or not."""
    daemon = make(speed=60).start("--fresh")
    daemon.wait_selftest()
    daemon.set(ups__enabled=False)
    wait_until(lambda: daemon.sim()["relays"]["k3"]["contact"])  # the battery cannot feed the load
    wait_until(lambda: daemon.cli("test", "start").code == 0, 20.0)
    daemon.wait_value("test.state", "running")
    daemon.sim(supply__on=0, charger__on=0)
    daemon.wait_value("ups.on_battery", True)
    assert daemon.tests()[1]["result"] == "aborted"
    assert "supply was lost" in daemon.tests()[1]["reason"]
    assert daemon.tests()[2]["marks"] == ["after_test:1"]
    daemon.kill()
    daemon.start()
    daemon.wait_value("ups.on_battery", True)
    assert not daemon.sim()["relays"]["k3"]["contact"]
    daemon.sim(supply__on=1, charger__on=1)
    daemon.wait_value("ups.on_battery", False)
    wait_until(lambda: daemon.sim()["relays"]["k3"]["contact"], 20.0)  # only now
    assert daemon.sim()["load"]["dropped_s"] == daemon.sim()["load"]["dead_s"] == 0.0
