"""Wrong files, keys and values: one sentence that helps, and the last good settings stay."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from daemon_process import ROOT, DaemonProcess
from waiting import wait_until

if TYPE_CHECKING:
    from conftest import Make

TOO_HIGH = '[[at]]\ntime_s = 5\n"load.amps" = 99\n'


@pytest.mark.parametrize(
    ("file", "text", "words"),
    [
        ("btrmd.toml", "[defaults]\nsystem.voltage = 13\n", ("system.voltage", "13", "12 or 24")),
        ("btrmd.toml", "[defaults]\nno.such = 1\n", ("no.such", "not a setting")),
        ("btrmd.toml", '[site]\nmodel = "500"\n', ("model", "'500'", '"300" or "400"')),
        ("btrmd.toml", "[defaults\n", ("is not TOML", "line 1")),
        ("hardware.toml", "[[[\n", ("is not TOML", "line 1")),
    ],
)
def test_a_wrong_hand_written_file_ends_the_start(
    make: Make, file: str, text: str, words: tuple[str, ...]
) -> None:
    daemon = make()
    (daemon.config_dir / file).write_text(text)
    assert_refused(daemon, (str(daemon.config_dir / file), *words))


def test_a_hardware_file_with_one_wrong_address_ends_the_start(make: Make) -> None:
    daemon = make()
    path = daemon.config_dir / "hardware.toml"
    good = (ROOT / "etc/hardware.toml").read_text()
    path.write_text(good.replace("address = 0x41", "address = 0x141", 1))
    assert_refused(daemon, (str(path), "current.load", "address", "321"))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (TOO_HIGH, ("entry 1", "load.amps", "99", "0..25 A")),
        ("[[at]]\ntime_s = -1\n", ("entry 1", "time_s", "-1", "0..")),
        ("[[at]]\ntime_s = 1\nbogus = 1\n", ("entry 1", "bogus", "load.amps")),
        ("[[at]]\ntime_s = 1\nbattery.replay = 'no.csv'\n", ("entry 1", "no.csv")),
    ],
)
def test_a_wrong_scenario_ends_the_start(make: Make, text: str, words: tuple[str, ...]) -> None:
    daemon = make()
    scenario = daemon.folder / "scenario.toml"
    scenario.write_text(text)
    assert_refused(daemon, (str(scenario), *words), "--scenario", str(scenario))


def assert_refused(daemon: DaemonProcess, words: tuple[str, ...], *options: str) -> None:
    """Exit code 1 and one line that holds all `words`; nothing is left of the start."""
    daemon.spawn(*options)
    assert daemon.wait_end() == 1
    lines = daemon.log.splitlines()
    assert len(lines) == 1, lines
    assert lines[0].endswith(".")
    for word in words:
        assert word in lines[0], lines
    assert not (daemon.state_dir / "run/control.sock").exists()


def assert_ends_with_who_acts(daemon: DaemonProcess, key: str) -> None:
    """The alarm is gone once it is acknowledged, and stays so over a start."""
    daemon.good("ack", key)
    daemon.wait_value("alarm.list", [])
    assert daemon.stop() == 0
    daemon.start()
    daemon.wait_selftest()
    assert daemon.value("alarm.list") == []


def test_a_settings_file_that_is_torn_is_kept_aside_and_told(make: Make) -> None:
    daemon = make()
    (daemon.config_dir / "settings.json").write_text('{"version": 1, "settings": {"site.na')
    daemon.start("--fresh")
    wait_until(lambda: "settings.json.corrupt-1" in daemon.faults())
    assert str(daemon.config_dir / "settings.json") in daemon.faults()
    assert (daemon.config_dir / "settings.json.corrupt-1").exists()
    daemon.wait_value("alarm.list", ["settings.defaults"])  # those who only poll hear of it too
    assert daemon.good("get", "test.minimum_runtime_min") == "test.minimum_runtime_min = 240\n"
    found = daemon.cli("check")
    assert (found.code, "settings.json" in found.out) == (1, True)
    assert any("settings.json" in fault for fault in daemon.status()["faults"])
    assert daemon.stop() == 0
    daemon.start()
    daemon.wait_value("alarm.list", ["settings.defaults"])  # nobody has acted on it yet
    daemon.set(site__name="new")  # and it can be written again
    daemon.wait_value("alarm.list", [])
    assert daemon.stop() == 0
    daemon.start()
    assert daemon.good("get", "site.name") == "site.name = new\n"
    assert daemon.faults() == ""


def test_one_bad_value_in_the_settings_file_costs_no_other(make: Make) -> None:
    daemon = make()
    (daemon.config_dir / "settings.json").write_text(
        '{"version": 1, "settings": {"test.type2_min": 5000, "site.name": "kept"}}'
    )
    daemon.start("--fresh")
    wait_until(daemon.faults)
    for word in ("settings.json", "test.type2_min", "5000", "1..999"):
        assert word in daemon.faults()
    values = daemon.ask("get", keys=["test.type2_min", "site.name"])["values"]
    assert values == {"test.type2_min": 60, "site.name": "kept"}


def test_a_setting_that_fell_back_to_its_default_is_an_alarm_and_is_not_gone_for_good(
    make: Make,
) -> None:
    daemon = make()
    path = daemon.config_dir / "settings.json"
    written = json.dumps(
        {"version": 1, "settings": {"lvd.enabled": "maybe", "email.to": 5, "site.name": "kept"}}
    )
    path.write_text(written)
    daemon.start("--fresh")
    daemon.wait_value("alarm.list", ["settings.defaults"])
    wait_until(lambda: len(daemon.events()) >= 3)
    reported = {event["key"]: event["text"] for event in daemon.events()}
    assert "email.to, lvd.enabled" in reported["settings.defaults"]
    assert "'maybe' is refused" in reported["lvd.enabled"]
    assert "5 is refused" in reported["email.to"]
    number = len(daemon.events())
    assert daemon.stop() == 0
    assert path.read_text() == written
    daemon.start()
    daemon.wait_value("alarm.list", ["settings.defaults"])  # and is told once
    assert len(daemon.events()) == number
    daemon.set(site__location="Shed")
    daemon.wait_value("alarm.list", [])
    assert path.with_name("settings.json.corrupt-1").read_text() == written
    assert json.loads(path.read_text())["settings"] == {
        "site.name": "kept", "site.location": "Shed"
    }  # fmt: skip


def test_a_settings_file_that_is_gone_is_told(make: Make) -> None:
    daemon = make(speed=10)
    daemon.start("--fresh")
    daemon.set(site__name="set")
    assert daemon.stop() == 0
    daemon.start()
    daemon.wait_selftest()
    assert daemon.value("alarm.list") == []
    assert daemon.stop() == 0
    (daemon.config_dir / "settings.json").unlink()
    daemon.start()
    daemon.wait_value("alarm.list", ["settings.defaults"])
    wait_until(lambda: "settings.defaults" in {event["key"] for event in daemon.events()})
    assert "is missing" in daemon.events()[-1]["text"]
    assert_ends_with_who_acts(daemon, "settings.defaults")


def test_a_history_that_is_lost_while_it_runs_is_told(make: Make) -> None:
    daemon = make(speed=10)
    daemon.start("--fresh")
    daemon.wait_selftest()
    for path in daemon.state_dir.glob("history.db*"):
        path.unlink()
    daemon.set(site__name="set")
    daemon.wait_value("alarm.list", ["storage"])
    wait_until(lambda: "storage" in {event["key"] for event in daemon.events()})
    (found,) = (event["text"] for event in daemon.events() if event["key"] == "storage")
    assert found.startswith("history.db was deleted or replaced")
    assert "relay" not in found, "what is latched is still known"


def damage_noise(path: Path) -> None:
    path.write_bytes(os.urandom(100_000))


def damage_empty(path: Path) -> None:
    path.write_bytes(b"")


def damage_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def damage_missing(path: Path) -> None:
    path.unlink()


@pytest.mark.parametrize("damage", [damage_noise, damage_empty, damage_folder, damage_missing])
def test_a_history_that_was_lost_is_told_and_stands_until_somebody_acts(
    make: Make, damage: Callable[[Path], None]
) -> None:
    """With it what was latched is gone, which had forbidden tests."""
    daemon = make(speed=10)
    daemon.start("--fresh")
    daemon.set(site__name="set")
    wait_until(daemon.events)
    daemon.kill()
    path = daemon.state_dir / "history.db"
    damage(path)
    for name in ("history.db-wal", "history.db-shm"):
        (daemon.state_dir / name).unlink(missing_ok=True)
    daemon.start()
    daemon.wait_value("alarm.list", ["storage"])
    wait_until(daemon.events)
    first = daemon.events()[0]
    assert (first["key"], first["kind"]) == ("storage", "raise")
    assert first["text"].startswith("history.db was ")
    for word in ("results", "relay faults", "low battery capacity"):
        assert word in first["text"]
    daemon.wait_selftest()
    assert "storage" in daemon.cli("test", "start").err
    daemon.kill()
    daemon.start()
    daemon.wait_value("alarm.list", ["storage"])  # nobody has acted on it yet
    assert_ends_with_who_acts(daemon, "storage")


@pytest.mark.parametrize("name", ["auth.json", "calibration.json", "tokens.json"])
def test_other_machine_written_files_are_kept_aside_too(make: Make, name: str) -> None:
    daemon = make()
    (daemon.config_dir / name).write_text("{torn")
    daemon.start("--fresh")
    wait_until(lambda: f"{name}.corrupt-1" in daemon.faults())
    assert (daemon.config_dir / f"{name}.corrupt-1").read_text() == "{torn"


def test_a_damaged_state_folder_costs_the_past_and_no_start(make: Make) -> None:
    daemon = make()
    daemon.state_dir.mkdir()
    for name in ("sim.json", "history.db"):
        (daemon.state_dir / name).write_text("no such thing as this\n" * 500)
    daemon.start()
    wait_until(lambda: daemon.faults().count("\n") >= 1)
    assert "history.db was damaged" in daemon.faults()
    assert "sim.json" in daemon.faults()
    daemon.set(site__name="works")
    wait_until(lambda: "site.name" in [event["key"] for event in daemon.events()])
    assert daemon.sim()["battery"]["soc"] == 1.0


def test_what_is_refused_changes_nothing(make: Make) -> None:
    daemon = make().start("--fresh")
    daemon.set(site__name="before")
    stored = (daemon.config_dir / "settings.json").read_bytes()
    record = daemon.folder / "record.csv"
    record.write_text("time_s,battery_v,battery_a\n0,12.5,-2\n10,twelve,-2\n")
    for words, parts in (
        (("set", "site.name=after", "test.type=3"), ("test.type", "'3'", "1 or 2")),
        (("set", "site.name=after", "system.voltage=24"), ("system.voltage", "24", "20 to 31 V")),
        (("set", "site.name=after", "no.such=1"), ("no.such", "not a setting")),
        (("sim", "load.amps=5", "temperature.c=200"), ("temperature.c", "'200'", "-40..90")),
        (("sim", "load.amps=5", "fault.i2c.0x40=x"), ("fault.i2c.0x40", "'x'", "nack")),
        (("sim", f"battery.replay={record}"), (str(record), "line 3", "battery_v", "number")),
        (("test", "start", "--delay-h", "501"), ("delay_h", "501", "0..500")),
        (("ack", "no.such"), ("no.such",)),
        (("test", "wait", "99"), ("99",)),
    ):
        refused = daemon.cli(*words)
        assert (refused.code, refused.out) == (1, ""), words
        assert refused.err.startswith("btrmd: ")
        assert refused.err.count("\n") == 1, words
        for part in parts:
            assert part in refused.err, refused.err
    assert daemon.cli("set", "site.name").code == 2
    assert (daemon.config_dir / "settings.json").read_bytes() == stored
    assert daemon.good("get", "site.name") == "site.name = before\n"
    assert daemon.sim()["load"]["amps"] == pytest.approx(2.0)


def test_a_disk_that_refuses_is_told_and_the_old_settings_serve(make: Make) -> None:
    daemon = make().start("--fresh")
    (daemon.config_dir / "settings.json").mkdir()  # nothing can be renamed onto it
    refused = daemon.cli("set", "site.name=after")
    assert refused.code == 1
    assert str(daemon.config_dir / "settings.json") in refused.err
    assert daemon.good("get", "site.name") == "site.name = BTRM\n"
    (daemon.config_dir / "settings.json").rmdir()
    daemon.set(site__name="after")
    assert daemon.good("get", "site.name") == "site.name = after\n"
