"""Rows of docs/requirements.md that are driven from outside: a daemon of its own, its sockets."""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from attacked_station import AttackedStation
from child_environment import child_environment
from daemon_process import ROOT, DaemonProcess
from dnp3_wire import Master
from hostile import HOST
from waiting import wait_until

Make = Callable[..., DaemonProcess]
SOON_S = 30.0  # R14


def test_a_fresh_unit_is_reached_within_30_s_and_shows_system_status(make: Make) -> None:
    began = time.monotonic()
    unit = make().start()
    reply = unit.request("GET", "/")
    assert time.monotonic() - began < SOON_S
    assert reply.status == 200
    assert b"<h1>System Status</h1>" in reply.body
    assert b"BTRM300" in reply.body


def listening(pid: int) -> set[int]:
    """The TCP ports on which this process listens, and the UDP ports it has, by the kernel."""
    inodes = set()
    for name in os.listdir(f"/proc/{pid}/fd"):
        try:
            target = os.readlink(f"/proc/{pid}/fd/{name}")
        except FileNotFoundError:
            continue
        if target.startswith("socket:["):
            inodes.add(target[8:-1])
    found = set()
    for kind, state in (("tcp", "0A"), ("tcp6", "0A"), ("udp", "07"), ("udp6", "07")):
        for line in Path(f"/proc/{pid}/net/{kind}").read_text().splitlines()[1:]:
            words = line.split()
            if words[3] == state and words[9] in inodes:
                found.add(int(words[1].rpartition(":")[2], 16))
    return found


def test_a_fresh_unit_listens_where_it_says_and_nowhere_else(make: Make) -> None:
    """Out of the box pages and SNMP answer; Modbus, DNP3 and NUT are closed until enabled."""
    unit = make()
    unit.spawn("--snmp", f"{HOST}:0")
    unit.wait_ready()
    wait_until(lambda: unit.status()["listeners"].get("snmp"))
    said = {name: place for name, place in unit.status()["listeners"].items() if place}
    assert set(said) == {"http", "snmp"}
    assert listening(unit.pid) == {int(place.rpartition(":")[2]) for place in said.values()}


def test_nothing_of_the_package_filters_packets() -> None:
    """Ping is the kernel's; no script and no unit of the package touches it."""
    files = [path for name in ("deb", "systemd") for path in (ROOT / name).rglob("*")]
    texts = [path.read_text(encoding="utf-8", errors="replace") for path in files if path.is_file()]
    assert len(texts) > 10
    for word in ("iptables", "nft ", "icmp", "sysctl"):
        assert [word for text in texts if word in text] == [], word


# Runs in a network of its own: the unit at one end of a cable, in a second one, this at the other.
PING = r"""
import http.client, os, socket, struct, subprocess, sys, time

def run(*words):
    subprocess.run(words, check=True)

def checksum(data):
    data += bytes(len(data) % 2)
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    total = (total & 0xFFFF) + (total >> 16)
    return ~(total + (total >> 16)) & 0xFFFF

def ping(address, number, payload):
    with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP) as sock:
        sock.settimeout(10.0)
        body = struct.pack("!HH", os.getpid() & 0xFFFF, number) + payload
        plain = struct.pack("!BBH", 8, 0, 0) + body
        sock.sendto(plain[:2] + struct.pack("!H", checksum(plain)) + body, (address, 0))
        while True:
            answer, sender = sock.recvfrom(65535)
            icmp = answer[(answer[0] & 15) * 4:]
            assert checksum(icmp) == 0
            if icmp[0] == 0:
                assert (sender[0], icmp[4:]) == (address, body)
                return

words = ["unshare", "-n", sys.executable, "-m", "btrmd", "run", "--simulate", "--fresh",
         "--http", "0.0.0.0:0", "--https", "none", "--modbus", "none", "--dnp3", "none",
         "--snmp", "none", "--config-dir", "config", "--state-dir", "state"]
unit = subprocess.Popen(words, stdout=subprocess.PIPE, text=True)
try:
    ready = unit.stdout.readline()
    port = int(ready.strip().rpartition(":")[2].rstrip("/"))
    run("ip", "link", "add", "near", "type", "veth", "peer", "name", "eth0", "netns", str(unit.pid))
    inside = ("nsenter", "-t", str(unit.pid), "-n", "ip")
    run(*inside, "addr", "add", "192.168.1.50/24", "dev", "eth0")
    run(*inside, "link", "set", "eth0", "up")
    run("ip", "addr", "add", "192.168.1.2/24", "dev", "near")
    run("ip", "link", "set", "near", "up")
    for number, size in enumerate((56, 0, 1472, 4000)):  # the last two: one whole frame, fragments
        ping("192.168.1.50", number, os.urandom(size))
    page = http.client.HTTPConnection("192.168.1.50", port, timeout=10)
    page.request("GET", "/")
    assert page.getresponse().status == 200
    print("answered")
finally:
    unit.kill()
    unit.wait()
"""


def test_the_unit_answers_ping(tmp_path: Path) -> None:
    """Echo requests over a cable of its own reach the address that its pages have."""
    alone = ("unshare", "-Urn", "--fork", "--kill-child")
    if shutil.which("unshare") is None or shutil.which("ip") is None:
        pytest.skip("needs the programs unshare and ip")
    if subprocess.run(
        [*alone, "unshare", "-n", "true"], capture_output=True, check=False
    ).returncode:
        pytest.skip("this machine gives out no network name spaces")
    done = subprocess.run(
        [*alone, sys.executable, "-c", PING], cwd=tmp_path, env=child_environment(),
        capture_output=True, text=True, timeout=120.0, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (0, "answered\n"), done.stderr


@contextmanager
def cable() -> Iterator[tuple[int, str]]:
    ours, theirs = os.openpty()
    try:
        yield ours, os.ttyname(theirs)
    finally:
        os.close(ours)
        os.close(theirs)


def test_the_serial_line_needs_three_wires(make: Make) -> None:
    """No handshake line is waited for: neither CTS nor carrier, and no XON in binary frames."""
    with cable() as (master, device):
        unit = make()
        unit.start("--serial", f"{device},modbus,9600,8N1")
        wait_until(lambda: unit.status()["listeners"].get("serial"))
        line = os.open(device, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
        flags_in, _, control, *_ = termios.tcgetattr(line)
        os.close(line)
        assert not control & termios.CRTSCTS
        assert control & termios.CLOCAL
        assert not flags_in & (termios.IXON | termios.IXOFF)
        os.write(master, bytes.fromhex("01 04 00 00 00 01 31 ca"))
        fcntl.fcntl(master, fcntl.F_SETFL, os.O_NONBLOCK)
        answer = b""

        def heard() -> bool:
            nonlocal answer
            try:
                answer += os.read(master, 64)
            except BlockingIOError:
                return False
            return len(answer) >= 7

        wait_until(heard)
        assert answer.startswith(b"\x01\x04\x02")


def test_the_guide_says_how_it_is_mounted_and_wired() -> None:
    guide = " ".join((ROOT / "docs" / "install.md").read_text(encoding="utf-8").split())
    for words in ("DIN rail in a dry cabinet", "pin 2 receives, pin 3 sends, pin 5 is ground"):
        assert words in guide
    page = (ROOT / "btrmd/servers/web/templates/help.html").read_text(encoding="utf-8")
    assert "DIN rail in a dry cabinet" in page


@pytest.fixture
def station(tmp_path: Path) -> Iterator[AttackedStation]:
    made = AttackedStation(tmp_path / "unit", speed=10.0).start()
    yield made
    made.close()


def faults_of(station: AttackedStation) -> tuple[object, bool, bool]:
    """Any fault by API, Modbus discrete input 5, DNP3 binary input 5."""
    from hostile import connect

    with connect(station.ports["modbus"], "127.0.0.1") as sock:
        sock.sendall(bytes.fromhex("000100000006010200050001"))
        modbus = sock.recv(64)[9] & 1 == 1
    with Master(f"{HOST}:{station.ports['dnp3']}") as master:
        dnp3 = master.ask(1, "01 02 00 05 05").objects()[1, 2][5][0] & 0x80 != 0
    return station.unit.value("alarm.fault"), modbus, dnp3


def test_any_fault_is_seen_by_every_protocol(station: AttackedStation) -> None:
    unit = station.unit
    wait_until(lambda: faults_of(station) == (False, False, False), 20.0)
    unit.ask("capacity_check", low=True)
    wait_until(lambda: faults_of(station) == (True, True, True), 20.0)
    unit.ask("capacity_check", low=False)
    wait_until(lambda: faults_of(station) == (False, False, False), 20.0)


def test_the_disconnect_protects_the_battery_in_an_outage(make: Make) -> None:
    unit = make(speed=60.0).start()
    unit.wait_selftest()
    unit.set(lvd__enabled=True, ups__enabled=True)
    unit.sim(supply__on=False, charger__on=False, battery__soc=0.02)
    unit.wait_value("ups.on_battery", True, 20.0)
    unit.wait_value("lvd.open", True, 60.0)
    assert unit.sim()["load"]["dropped_s"] == 0.0
    unit.sim(supply__on=True, charger__on=True)
    unit.wait_value("load.source", "supply", 30.0)


@pytest.mark.parametrize(
    ("lie", "key"),
    [("x-1.0", "sensor.0x4a"), ("+9.0", "reading.battery.voltage")],
    ids=["reversed", "too high"],
)
def test_a_voltage_that_fits_no_bank_is_an_alarm(make: Make, lie: str, key: str) -> None:
    """A reversed one is below what the chip can read: no reading, and that is the alarm; one that
    jumps beside its charger is not believed. The page names it, the load notices nothing, and it
    ends with its cause."""
    unit = make(speed=60.0).start()
    unit.wait_selftest()

    def alarms() -> dict[str, str]:
        return {alarm["key"]: alarm["text"] for alarm in unit.ask("alarms")["alarms"]}

    wait_until(lambda: not alarms() and unit.value("charger.current") < 0.08, 30.0)
    unit.sim(**{"fault.reading.battery.voltage": lie})
    raised = wait_until(alarms, 30.0)
    assert set(raised) == {key}
    assert raised[key].encode() in unit.request("GET", "/").body
    assert unit.value("battery.voltage") is None
    assert unit.sim()["load"]["dropped_s"] == 0.0
    unit.sim(**{"fault.reading.battery.voltage": "off"})
    wait_until(lambda: not alarms(), 60.0)
