"""A hang, dead and lying chips: shown, nothing decided on them, and gone when the cause is gone."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest
from daemon_process import DaemonProcess
from waiting import wait_until

if TYPE_CHECKING:
    from conftest import Make

CHIPS = ("0x40", "0x41", "0x44", "0x45", "0x48", "0x49", "0x4a")


def change_of(daemon: DaemonProcess, is_so: Callable[[], object]) -> tuple[float, float]:
    """Plant seconds between which `is_so()` became true: not yet at the one, at the other it was.

    However slow the looking is, a change outside of both is a wrong one.
    """
    before = float(daemon.sim()["plant_s"])

    def look() -> bool:
        nonlocal before
        now = float(daemon.sim()["plant_s"])
        if is_so():
            return True
        before = now
        return False

    wait_until(look, 20.0)
    return before, float(daemon.sim()["plant_s"])


def quality(daemon: DaemonProcess, key: str) -> str:
    return str(daemon.status()["points"][key]["quality"])


def running_test(make: Make, speed: float) -> DaemonProcess:
    daemon = make(speed=speed).start("--fresh")
    daemon.wait_selftest()
    daemon.wait_value("charger.present", True)
    daemon.good("test", "start", "--type", "1")
    daemon.wait_value("test.state", "running", 20.0)
    return daemon


def test_a_hung_owner_shows_and_the_heartbeat_lets_go_of_the_relays(make: Make) -> None:
    daemon = running_test(make, speed=10)

    def energised() -> list[str]:
        relays = daemon.sim()["relays"]
        return [name for name, relay in relays.items() if relay["contact"] or relay["coil"]]

    assert energised() == ["k1", "k2"]
    began = daemon.ask("sim", changes={"fault.owner": "hang"})["truth"]["plant_s"]
    not_yet, released = change_of(daemon, lambda: energised() == [])
    assert released - began >= 2.0
    assert not_yet - began <= 3.5  # the rest of a tick, which is a plant second
    reply = wait_until(
        lambda: (r := daemon.request("GET", "/healthz")) and r.status == 503 and r, 15.0
    )
    assert reply.json["reason"] == "The owner loop does not tick."
    for path in ("/", "/summary", "/events"):  # as a browser without script sees them
        wait_until(lambda p=path: b"Unknown since" in daemon.request("GET", p).body, 15.0)
        assert b"Load safe" not in daemon.request("GET", path).body
    assert daemon.get("/api/v1/state")["verdict"]["tone"] == "unknown"

    daemon.sim(fault__owner="off")
    wait_until(lambda: daemon.request("GET", "/healthz").status == 200, 15.0)
    daemon.wait_value("test.state", "idle")
    assert energised() == []  # the first edge must not bring back what nobody has checked
    truth = daemon.sim()
    assert truth["load"]["dropped_s"] == truth["load"]["dead_s"] == 0.0
    assert truth["supply"]["amps"] > 2.0
    test = daemon.tests()[1]
    assert test["result"] == "aborted"
    assert "The control loop hung" in test["reason"]
    assert daemon.curve(1) != []
    wait_until(lambda: daemon.cli("test", "start").code == 0, 20.0)  # and it works again


@pytest.mark.parametrize(
    ("chip", "fault", "own", "other"),
    [
        ("0x40", "nack", "battery.current", "load.current"),
        ("0x4a", "stuck", "load.voltage", "io1.voltage"),
    ],
)
def test_a_lost_chip_makes_its_own_points_bad(
    make: Make, chip: str, fault: str, own: str, other: str
) -> None:
    daemon = make(speed=10).start("--fresh")
    daemon.wait_selftest()
    alarm, key = f"sensor.{chip}", f"fault.i2c.{chip}"
    began = daemon.ask("sim", changes={key: fault})["truth"]["plant_s"]
    not_yet, _ = change_of(daemon, lambda: quality(daemon, own) == "bad")
    assert not_yet - began <= 3.0  # 2 s, and a tick to see it
    assert daemon.get("/api/v1/points")["points"][own]["value"] is None
    assert quality(daemon, other) == "good"
    wait_until(lambda: chip in daemon.faults())
    daemon.wait_value("alarm.list", [alarm])
    # an event is shown once it is on the disk, its alarm at once
    raised = wait_until(
        lambda: next((event for event in daemon.events() if event["key"] == alarm), None)
    )
    assert 10.0 <= raised["uptime_s"] - began <= 13.5
    refused = daemon.cli("test", "start")
    assert (refused.code, refused.err) == (1, f"btrmd: The alarm {alarm} is active.\n")
    assert daemon.sim()["relays"]["k1"]["coil"] is False
    assert "is active" in daemon.value("test.reason")

    daemon.ask("sim", changes={key: "off"})
    daemon.wait_value("alarm.list", [])
    assert quality(daemon, own) == "good"
    wait_until(lambda: chip not in daemon.faults())

    def kinds() -> list[str]:
        return [event["kind"] for event in daemon.events() if event["key"] == alarm]

    wait_until(lambda: len(kinds()) >= 2)
    assert kinds() == ["raise", "clear"]


def test_a_noisy_chip_moves_no_relay(make: Make) -> None:
    """From one second on, by a scenario: the noise is the same however slow the machine is.

    Noise that begins at other moments: tests/owner/test_owner_noise.py.
    """
    daemon = make(speed=60)
    noisy = "\n".join(f'"fault.i2c.{chip}" = "noise"' for chip in CHIPS)
    scenario = daemon.folder / "noise.toml"
    scenario.write_text(f"[[at]]\ntime_s = 20\n{noisy}\n")
    daemon.start("--fresh", "--scenario", str(scenario))
    while (truth := daemon.sim())["plant_s"] < 260.0:
        assert not any(relay["coil"] for relay in truth["relays"].values())
        reading = daemon.status()["points"]["battery.voltage"]
        if reading["quality"] == "good":  # +-5 %; a spike is not let through
            assert reading["value"] == pytest.approx(13.5, rel=0.07)
    assert truth["load"]["dropped_s"] == 0.0
    # an alarm of a relay would say what it has seen
    alarms = daemon.ask("alarms")["alarms"]
    assert [alarm for alarm in alarms if alarm["key"].startswith("relay.")] == []


def test_a_needed_sensor_that_dies_ends_the_test(make: Make) -> None:
    daemon = running_test(make, speed=20)
    daemon.ask("sim", changes={"fault.i2c.0x40": "nack"})
    assert daemon.cli("test", "wait", "1", "--timeout", "20").code == 0
    test = daemon.tests()[1]
    assert (test["result"], test["reason"]) == ("aborted", "A needed sensor has no good reading.")
    truth = daemon.sim()
    assert truth["load"]["dropped_s"] == 0.0
    assert truth["supply"]["amps"] > 2.0
    assert not truth["relays"]["k2"]["coil"]


def test_it_starts_without_chips_and_goes_to_work_when_they_come(make: Make) -> None:
    daemon = make(speed=15)
    missing = "\n".join(f'"fault.i2c.{chip}" = "nack"' for chip in CHIPS)
    back = "\n".join(f'"fault.i2c.{chip}" = "off"' for chip in CHIPS)
    scenario = daemon.folder / "missing.toml"
    scenario.write_text(f"[[at]]\ntime_s = 0\n{missing}\n[[at]]\ntime_s = 40\n{back}\n")
    daemon.start("--fresh", "--scenario", str(scenario))
    assert daemon.get("/healthz") == {"status": "ok"}
    daemon.wait_value("system.self_test", "failed", 20.0)
    wait_until(lambda: all(chip in daemon.faults() for chip in CHIPS))
    points = daemon.get("/api/v1/points")["points"]
    for key in ("battery.voltage", "load.current", "system.temperature", "io1.voltage"):
        assert points[key]["value"] is None, key
        assert points[key]["quality"] in ("bad", "missing"), key
    assert points["supply.present"]["value"] is not True
    alarms = {f"sensor.{chip}" for chip in CHIPS}
    wait_until(lambda: set(daemon.value("alarm.list")) == alarms)
    assert daemon.cli("test", "start").code == 1
    truth = daemon.sim()
    assert not any(relay["coil"] for relay in truth["relays"].values())
    assert truth["load"]["dropped_s"] == 0.0

    daemon.wait_value("alarm.list", [], 20.0)
    daemon.good("selftest")
    assert daemon.value("system.self_test") == "good"
    wait_until(lambda: daemon.faults() == "")
    wait_until(lambda: daemon.cli("test", "start").code == 0, 20.0)


def test_a_relay_that_does_not_move_is_found_and_latched(make: Make) -> None:
    daemon = make(speed=20).start("--fresh")
    daemon.wait_selftest()
    daemon.wait_value("charger.present", True)
    daemon.sim(fault__relay__k1="open")
    daemon.good("test", "start")
    assert daemon.cli("test", "wait", "1", "--timeout", "20").code == 0
    assert daemon.tests()[1]["result"] == "aborted"
    assert daemon.value("alarm.list") == ["relay.k1"]
    assert daemon.sim()["load"]["dropped_s"] == 0.0
    refused = daemon.cli("test", "start")
    assert (refused.code, "K1" in refused.err) == (1, True)
    daemon.kill()  # latched means: over a restart too
    daemon.start()
    daemon.wait_value("alarm.list", ["relay.k1"])
    daemon.sim(fault__relay__k1="off")
    daemon.good("ack", "relay.k1")
    daemon.wait_value("alarm.list", [])
