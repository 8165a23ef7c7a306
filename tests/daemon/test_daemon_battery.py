"""A battery that is replaced: told by command, kept over a restart, with its history left alone."""

from __future__ import annotations

import csv
import io
import json
from typing import TYPE_CHECKING

import pytest
from waiting import wait_until

if TYPE_CHECKING:
    from conftest import Make

pytestmark = pytest.mark.long  # begun first


def test_a_replaced_battery_starts_anew_and_its_history_is_kept(make: Make) -> None:
    daemon = make(speed=100).start("--fresh")  # a test of 1.6 s: time to be refused meanwhile
    daemon.wait_selftest()
    daemon.sim(load__amps=15)
    daemon.set(test__type=2, test__type2_min=2, test__type2_minimum_mv=12500)
    daemon.good("set", "battery.table=4 A: 2 h to 1.75; 2 A: 5 h to 1.75")
    wait_until(lambda: daemon.cli("test", "start").code == 0, 20.0)
    refused = daemon.cli("battery", "replaced")
    assert (refused.code, refused.err) == (1, "btrmd: A test is running; stop it before.\n")
    assert daemon.cli("test", "wait", "1", "--timeout", "60").code == 0
    test = daemon.tests()[1]
    assert (test["result"], test["marks"]) == ("low", ["not_rested"])
    assert daemon.value("alarm.list") == ["battery.low_capacity"]

    done = daemon.good("battery", "replaced", "--rated-ah", "26", "--type", "agm")
    assert done == "The battery counts as replaced after discharge 1.\n"
    daemon.wait_value("alarm.list", [])
    assert daemon.value("capacity.state") == "unknown"
    reported = next(e for e in daemon.events() if e["key"] == "battery.replaced")
    assert reported["source"].startswith("cli ")
    assert daemon.good("get", "battery.rated_ah", "battery.type") == (
        "battery.rated_ah = 26\nbattery.type = agm\n"
    )

    # what was before is still there, in every form
    assert daemon.tests()[1] == test
    reply = daemon.request("GET", "/api/v1/tests.csv")
    (row,) = csv.DictReader(io.StringIO(reply.body.decode()))
    assert (row["n"], row["marks"]) == ("1", "not_rested")
    assert row["marks_in_words"].startswith("not rested: ")
    assert len(daemon.curve(1)) > 40

    daemon.stop()
    daemon.speed = 600.0  # nothing is asked during the second test
    daemon.start()
    assert daemon.value("capacity.state") == "unknown"
    assert daemon.value("test.result") == "none"
    assert daemon.value("battery.soh_low") is None
    status = json.loads(daemon.good("test", "status", "--json"))
    assert (status["n"], status["own_estimate_s"]) == (None, None)
    daemon.wait_selftest()
    wait_until(lambda: daemon.cli("test", "start").code == 0, 20.0)
    assert daemon.cli("test", "wait", "2", "--timeout", "60").code == 0
    assert sorted(daemon.tests()) == [1, 2]


def test_health_is_forgotten_at_once_and_stays_forgotten(make: Make) -> None:
    daemon = make(speed=1800).start("--fresh")
    daemon.wait_selftest()
    daemon.sim(battery__rated_ah=17, battery__soh=0.6, load__amps=4)
    daemon.set(battery__rated_ah=17, test__minimum_runtime_min=160)
    wait_until(lambda: daemon.cli("test", "start", "--type", "1").code == 0, 20.0)
    assert daemon.cli("test", "wait", "--timeout", "60").code == 0
    test = daemon.tests()[1]
    assert test["result"] == "low"
    assert test["own_estimate_s"] == test["estimate_s"], "it is the first"
    assert test["started_at_charge"] is None or test["started_at_charge"] > 0.9
    assert "not_full" not in test["marks"]
    wait_until(lambda: daemon.value("battery.soh") is not None)
    low, soh, high = (daemon.value(f"battery.{key}") for key in ("soh_low", "soh", "soh_high"))
    assert low < soh < high
    assert low < 60.0 + 5.0
    daemon.good("battery", "replaced")
    keys = ("battery.soh_low", "battery.soh", "battery.soh_high")
    wait_until(lambda: all(daemon.value(key) is None for key in keys))
    daemon.stop()
    daemon.start()
    daemon.wait_selftest()
    assert all(daemon.value(key) is None for key in keys)
