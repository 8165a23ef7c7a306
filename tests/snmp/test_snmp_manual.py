"""The manual's chapter 11 with net-snmp's programs against a daemon, in its order."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from daemon_process import DaemonProcess
from snmp_trapd import Trapd
from waiting import wait_until

ROOT = Path(__file__).resolve().parents[2]
MIBS = ["-M", f"{ROOT / 'tests/snmp/mibs'}:{ROOT / 'mibs'}", "-m", "BTRM-MIB"]
BTRM = ".1.3.6.1.4.1.34506"
Run = Callable[..., str]

WALK = """\
sysDescr.0 sysObjectID.0 sysUpTime.0 sysContact.0 sysName.0 sysLocation.0"""
# What the manual's walk does not have, and a discovery asks of any host; always behind it.
MORE = "system.7.0"  # sysServices
BTRM_WALK = """\
name.0 version.0 date.0 trapReceiverNumber.0 trapReceiverNumber.1 trapEnabled.0 trapEnabled.1
trapReceiverIPAddress.0 trapReceiverIPAddress.1 trapCommunity.0 trapCommunity.1
lowBattCapacityalarm.0 lowBatteryVoltagealarm.0 ioChan1alarm.0 ioChan2alarm.0 batteryVoltage.0
batteryCurrentPositive.0 batteryCurrentNegative.0 powerSupply.0"""


@pytest.fixture
def address(daemon: DaemonProcess) -> str:
    return str(daemon.status()["listeners"]["snmp"])


@pytest.fixture
def trapd(tmp_path: Path) -> Iterator[Trapd]:
    made = Trapd(tmp_path)
    yield made
    made.close()


def test_11_2_the_mib_translates_names_and_numbers(tool: Run) -> None:
    assert tool("snmptranslate", *MIBS, "-On", "BTRM-MIB::batteryVoltage").strip() == (
        f"{BTRM}.3.20"
    )
    assert tool("snmptranslate", *MIBS, f"{BTRM}.0.3").strip() == "BTRM-MIB::ioChan1Event"
    shown = tool("snmptranslate", *MIBS, "-Td", f"{BTRM}.3.20")
    assert "read-only" in shown
    assert 'UNITS		"mV"' in shown


def test_the_mib_file_is_clean(tool: Run, tmp_path: Path) -> None:
    text = subprocess.run(
        [sys.executable, "-m", "btrmd", "mib"], capture_output=True, text=True, check=True, cwd=ROOT
    ).stdout
    assert text == (ROOT / "mibs" / "BTRM-MIB.mib").read_text()
    tool("smilint", "--version")  # skips where it is not installed

    def lint(path: Path) -> str:
        done = subprocess.run(
            ["smilint", "-l", "6", str(path)], capture_output=True, text=True, check=False,
            env={"PATH": os.environ["PATH"], "SMIPATH": str(ROOT / "tests" / "snmp" / "mibs")},
        )  # fmt: skip
        return done.stdout + done.stderr

    assert lint(ROOT / "mibs" / "BTRM-MIB.mib") == ""
    spoiled = tmp_path / "BTRM-MIB.mib"
    spoiled.write_text(text.replace("    lvdOpen,", "").replace("lvdOpen, ", ""))
    assert "lvdOpen" in lint(spoiled)


@pytest.mark.parametrize("version", ["1", "2c"])
def test_11_3_the_walk_is_that_of_the_manual(tool: Run, address: str, version: str) -> None:
    out = tool("snmpwalk", f"-v{version}", "-c", "public", *MIBS, "-Os", address, ".1.3.6.1.2.1.1")
    assert [line.partition(" = ")[0] for line in out.splitlines()] == [*WALK.split(), MORE]
    out = tool("snmpwalk", f"-v{version}", "-c", "public", *MIBS, "-Os", address, BTRM)
    names = [line.partition(" = ")[0] for line in out.splitlines()]
    assert names[:19] == BTRM_WALK.split()
    assert "name.0 = STRING: BTRM300" in out
    assert "trapEnabled.0 = INTEGER: no(0)" in out
    assert re.search(r"batteryVoltage.0 = INTEGER: 1[34]\d\d\d mV", out)
    assert re.search(r"systemtemperature.0 = INTEGER: \d+ degrees Celsius", out)


def test_a_bulk_walk_finds_the_same_as_a_walk(tool: Run, address: str) -> None:
    def names(program: str) -> list[str]:
        out = tool(program, "-v2c", "-c", "public", "-On", address, ".1")
        return [line.partition(" = ")[0] for line in out.splitlines() if line.startswith(".1")]

    walked = names("snmpwalk")
    assert walked == names("snmpbulkwalk")
    assert len(walked) > 60


def test_11_4_a_trap_receiver_is_configured_by_set_and_persists(
    daemon: DaemonProcess, tool: Run, address: str
) -> None:
    out = tool("snmpset", "-v2c", "-c", "private", *MIBS, address,
               "BTRM-MIB::trapReceiverIPAddress.1", "a", "192.168.1.100",
               "BTRM-MIB::trapEnabled.1", "i", "yes")  # fmt: skip
    assert "192.168.1.100" in out
    stored = (daemon.config_dir / "settings.json").read_text()
    assert "192.168.1.100" in stored
    wait_until(  # an event is shown once it is on the disk
        lambda: any(event["source"] == "snmp 127.0.0.1" for event in daemon.events())
    )
    tool("snmpset", "-v1", "-c", "private", address, f"{BTRM}.2.1.1.2.1", "i", "0")
    assert daemon.ask("get", keys=["snmp.trap1.enabled"])["values"] == {"snmp.trap1.enabled": False}


@pytest.mark.parametrize("version", ["1", "2c"])
@pytest.mark.parametrize("community", ["public", "read"])
def test_no_read_community_sets_anything(
    daemon: DaemonProcess, tool: Run, address: str, community: str, version: str
) -> None:
    before = daemon.ask("get")["values"]
    newest = max((event["n"] for event in daemon.events()), default=0)  # none when it runs first
    for oid, kind, value in (
        (".1.3.6.1.2.1.1.4.0", "s", "intruder"),
        (".1.3.6.1.2.1.1.5.0", "s", "intruder"),
        (".1.3.6.1.2.1.1.6.0", "s", "intruder"),
        (f"{BTRM}.2.1.1.2.0", "i", "1"),
        (f"{BTRM}.2.1.1.3.0", "a", "10.9.8.7"),
        (f"{BTRM}.2.1.1.4.0", "s", "own"),
        (f"{BTRM}.99.1.1.0", "i", "24"),
        (f"{BTRM}.99.1.8.0", "i", "1"),
    ):
        out = tool("snmpset", f"-v{version}", "-c", community, address, oid, kind, value)
        assert "Reason: noAccess" in out or "Reason: (noSuchName)" in out, out
    assert daemon.ask("get")["values"] == before
    assert all(event["kind"] != "command" for event in daemon.events(newest))


def test_a_refused_start_says_why_in_the_last_reason(
    daemon: DaemonProcess, tool: Run, address: str
) -> None:
    daemon.sim(charger__on=0)
    out = tool("snmpset", "-v2c", "-c", "private", address, f"{BTRM}.99.1.8.0", "i", "1")
    assert "inconsistentValue" in out
    out = tool("snmpget", "-v2c", "-c", "public", "-Oqv", address, f"{BTRM}.99.1.11.0")
    assert out.strip().strip('"') == daemon.value("test.reason") != ""
    daemon.sim(charger__on=1)


def test_communities_change_without_a_restart(
    daemon: DaemonProcess, tool: Run, address: str
) -> None:
    daemon.set(snmp__read3="third")
    ask = ["-r0", "-t", "0.3", "-Oqv", address, ".1.3.6.1.2.1.1.1.0"]
    assert "BTRM" in tool("snmpget", "-v2c", "-c", "third", *ask)
    daemon.set(snmp__read3="")
    assert "Timeout" in tool("snmpget", "-v2c", "-c", "third", *ask)


def test_11_6_an_alarm_reaches_the_receiver_and_the_page(
    daemon: DaemonProcess, tool: Run, address: str, trapd: Trapd
) -> None:
    daemon.set(
        io1__config=2, snmp__trap0__port=trapd.port, snmp__trap0__community="traps",
        snmp__trap1__port=trapd.port, snmp__trap1__kind="inform_v2c",
    )  # fmt: skip
    tool("snmpset", "-v2c", "-c", "private", address,
         f"{BTRM}.2.1.1.2.0", "i", "1", f"{BTRM}.2.1.1.3.0", "a", "127.0.0.1",
         f"{BTRM}.2.1.1.2.1", "i", "1", f"{BTRM}.2.1.1.3.1", "a", "127.0.0.1")  # fmt: skip
    wait_until(lambda: daemon.value("system.uptime") > 10.5, 15.0)  # R86
    start = time.monotonic()
    daemon.sim(ch1__volts=5)
    for _ in range(2):  # the trap and the inform
        line = trapd.line(f"{BTRM}.0.3")
        assert f"{BTRM}.3.3.0 = INTEGER: 1" in line
        assert f'{BTRM}.99.2.1.0 = STRING: "IO1 digital input tripped. ' in line
        assert re.search(r'tripped\. \d+\.\d\d V, limit [12](\.[28])? V\."', line), line
    assert time.monotonic() - start < 5.0
    assert daemon.value("io1.digital") is True
    out = tool("snmpget", "-v2c", "-c", "public", "-Oqv", address, f"{BTRM}.3.3.0")
    assert out.strip() == "1"
    daemon.sim(ch1__volts=0)
    for _ in range(2):
        assert f"{BTRM}.3.3.0 = INTEGER: 0" in trapd.line(f"{BTRM}.0.3")
    said = daemon.good("trap", "test").splitlines()
    assert said == [
        f"A trap was sent to 127.0.0.1:{trapd.port}; traps are not confirmed.",
        f"127.0.0.1:{trapd.port} has confirmed the inform.",
    ]
    for _ in range(2):
        assert "Test notification." in trapd.line(f"{BTRM}.99.0.16")
    daemon.set(snmp__trap0__enabled=False, snmp__trap1__enabled=False)
    nobody = daemon.cli("trap", "test")
    assert (nobody.code, nobody.err) == (1, "btrmd: No trap receiver is enabled.\n")


def test_snmp_v3(daemon: DaemonProcess, tool: Run, address: str) -> None:
    daemon.set(
        snmp__v3__enabled=True, snmp__v1_enabled=False, snmp__v2c_enabled=False,
        snmp__v3__read_user="viewer", snmp__v3__read_auth="sha512",
        snmp__v3__read_auth_password="to-be-sure", snmp__v3__read_priv="aes256",
        snmp__v3__read_priv_password="to-be-secret",
        snmp__v3__write_user="keeper", snmp__v3__write_auth_password="to-be-sure-2",
        snmp__v3__write_priv_password="to-be-secret-2",
    )  # fmt: skip
    viewer = ["-v3", "-u", "viewer", "-a", "SHA-512", "-A", "to-be-sure", "-x", "AES-256",
              "-X", "to-be-secret", "-l", "authPriv", "-Oqv"]  # fmt: skip
    keeper = ["-v3", "-u", "keeper", "-a", "SHA-256", "-A", "to-be-sure-2", "-x", "AES",
              "-X", "to-be-secret-2", "-l", "authPriv", "-Oqv"]  # fmt: skip
    name = ".1.3.6.1.2.1.1.5.0"
    assert "BTRM" in tool("snmpget", *viewer, address, ".1.3.6.1.2.1.1.1.0")
    assert len(tool("snmpbulkwalk", *viewer, address, ".1").splitlines()) > 60
    assert "noAccess" in tool("snmpset", *viewer, address, name, "s", "other")
    assert "Hut" in tool("snmpset", *keeper, address, name, "s", "Hut")
    assert "wrongType" in tool("snmpset", *keeper, address, name, "i", "3")
    assert daemon.ask("get", keys=["site.name"])["values"] == {"site.name": "Hut"}
    for words in (
        ["-l", "noAuthNoPriv"],
        ["-l", "authNoPriv", "-a", "SHA-512", "-A", "to-be-sure"],
        ["-l", "authNoPriv", "-a", "SHA-512", "-A", "wrong-password"],
    ):
        out = tool("snmpget", "-v3", "-u", "viewer", *words, "-Oqv", "-r0", address, name)
        assert "Hut" not in out
    out = tool("snmpget", "-v2c", "-c", "public", "-r0", "-t", "0.3", address, name)
    assert "Timeout" in out
    daemon.set(snmp__v3__read_auth_password="changed-now")
    assert "Authentication failure" in tool("snmpget", *viewer, "-r0", address, name)
    daemon.set(snmp__v1_enabled=True, snmp__v2c_enabled=True, snmp__v3__enabled=False)
    assert "Timeout" in tool("snmpget", *keeper, "-r0", "-t", "0.3", address, name)
