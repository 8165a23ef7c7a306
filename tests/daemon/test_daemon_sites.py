"""Other sites: 24 V, and 48 V on the 400; limits follow the bank and the model."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from daemon_process import ROOT, DaemonProcess
from waiting import wait_until

if TYPE_CHECKING:
    from conftest import Make

SITE_24 = "[defaults]\nsystem.voltage = 24\n"
SITE_48 = '[site]\nmodel = "400"\n[defaults]\nsystem.voltage = 48\n'


def start(make: Make, site: str, speed: float) -> DaemonProcess:
    daemon = make(speed=speed)
    (daemon.config_dir / "btrmd.toml").write_text(site)
    daemon.start("--fresh")
    daemon.wait_selftest()
    daemon.wait_value("charger.present", True)
    return daemon


@pytest.mark.parametrize(
    ("site", "blocks", "model", "minimum_mv"),
    [(SITE_24, 2, "BTRM300", 23600), (SITE_48, 4, "BTRM400", 47200)],
)
def test_a_bank_of_its_own(make: Make, site: str, blocks: int, model: str, minimum_mv: int) -> None:
    daemon = start(make, site, speed=120)
    assert daemon.faults() == ""
    points = daemon.get("/api/v1/points")["points"]
    assert points["system.model"]["value"] == model
    assert points["system.voltage"]["value"] == 12 * blocks
    assert points["battery.voltage"]["value"] == pytest.approx(13.5 * blocks, rel=0.01)
    assert points["alarm.list"]["value"] == []
    assert daemon.ask("get", keys=["test.type2_minimum_mv"])["values"] == {
        "test.type2_minimum_mv": minimum_mv
    }
    daemon.set(test__type2_min=5)
    daemon.good("test", "start", "--type", "2")
    daemon.wait_value("test.state", "running")
    truth = daemon.sim()
    drop = truth["battery"]["volts"] - truth["load"]["volts"]
    assert 0.0 < drop < 0.05, truth  # on the battery; the supply is above it
    assert 12.4 * blocks < truth["load"]["volts"] < 13.6 * blocks  # however far the test has come
    refused = daemon.cli("set", "system.voltage=12")
    assert (refused.code, refused.err) == (
        1, "btrmd: system.voltage = 12 is refused in a test.\n"
    )  # fmt: skip
    assert daemon.cli("test", "wait", "1", "--timeout", "30").code == 0
    test = daemon.tests()[1]
    assert test["result"] == "good"
    assert 12.4 * blocks < test["end_voltage"] < 13.6 * blocks
    assert daemon.sim()["load"]["dropped_s"] == 0.0


def test_the_400_is_rated_for_half_the_current(make: Make) -> None:
    daemon = start(make, SITE_48, speed=20)
    daemon.sim(load__amps=12)
    daemon.wait_value("alarm.list", ["overcurrent"])
    raised = next(event for event in daemon.events() if event["key"] == "overcurrent")
    assert raised["threshold"] == 11.0
    refused = daemon.cli("test", "start")
    assert refused.err == "btrmd: The alarm overcurrent is active.\n"
    daemon.sim(load__amps=2)
    daemon.wait_value("alarm.list", [])


def test_the_300_carries_it(make: Make) -> None:
    daemon = start(make, SITE_24, speed=20)
    begun = daemon.sim(load__amps=12)["plant_s"]
    wait_until(lambda: daemon.sim()["plant_s"] > begun + 10.0)
    assert daemon.value("load.current") == pytest.approx(12.0, rel=0.01)
    assert daemon.value("alarm.list") == []


def test_a_scenario_file_of_the_documents_plays(make: Make) -> None:
    """docs/examples/outage.toml: the supply fails at 60 s, the battery carries, it comes back."""
    daemon = make(speed=120)
    daemon.start("--fresh", "--scenario", str(ROOT / "docs/examples/outage.toml"))
    wait_until(lambda: [t for t in daemon.tests().values() if t["state"] == "finished"], 30.0)
    reported = [(e["kind"], e["uptime_s"]) for e in daemon.events() if e["key"] == "ups.on_battery"]
    assert [kind for kind, _ in reported] == ["raise", "clear"]
    assert 60.0 <= reported[0][1] < 65.0
    assert 670.0 <= reported[1][1] < 690.0  # 10 s of supply, then 5 s in which it must hold
    outage = daemon.tests()[1]
    assert outage["type"] == "outage"
    assert outage["duration_s"] == pytest.approx(610.0, abs=15.0)
    keyed = [row[4] for row in daemon.curve(1) if row[0] is not None and 130 < row[0] < 145]
    assert keyed
    assert keyed == pytest.approx([6.0] * len(keyed), rel=0.02)
    assert daemon.sim()["load"]["dropped_s"] == 0.0
