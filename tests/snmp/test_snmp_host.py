"""What a discovery asks of any host: sysServices, one interface, the engine."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from snmp_station import Agent, make_snapshot

from btrmd.model.errors import BtrmError
from btrmd.servers.snmp.host_mib import HostInterface, host_leaves
from btrmd.servers.snmp.tree import Tree
from btrmd.snmp.engine import SnmpEngine

IF = (1, 3, 6, 1, 2, 1, 2)
ENGINE = (1, 3, 6, 1, 6, 3, 10, 2, 1)
ROUTE = "Iface\tDestination\tGateway\nwlan0\t0001A8C0\t0\neth1\t00000000\t0101A8C0\n"


def machine(folder: Path, *names: str, route: str = "") -> HostInterface:
    """A machine with these interfaces."""
    for number, name in enumerate(names, start=1):
        place = folder / "net" / name
        (place / "statistics").mkdir(parents=True)
        for what, text in {
            "mtu": "1500", "type": "1", "flags": "0x1003", "operstate": "up", "speed": "100",
            "address": "80:1f:12:88:92:48", "statistics/rx_bytes": str(2**32 + number),
        }.items():  # fmt: skip
            (place / what).write_text(f"{text}\n")
    (folder / "route").write_text(route)
    return HostInterface(folder / "net", folder / "route")


def test_the_row_is_the_interface_of_the_default_route(tmp_path: Path) -> None:
    row = machine(tmp_path, "eth1", "lo", "wlan0", route=ROUTE)
    assert [row.read(n) for n in (1, 2, 3, 4, 5, 6, 7, 8)] == [
        1, "eth1", 6, 1500, 100_000_000, "801f12889248", 1, 1,
    ]  # fmt: skip
    assert row.read(10) == 2**32 + 1
    assert row.read(16) is None, "Linux does not tell"


def test_without_a_route_the_first_that_is_no_loopback(tmp_path: Path) -> None:
    assert machine(tmp_path / "a", "lo", "wlan0").read(2) == "wlan0"
    assert machine(tmp_path / "b", "lo").read(2) == "lo"
    assert HostInterface(tmp_path / "none", tmp_path / "none").read(2) == "lo"


def test_a_cable_that_is_out(tmp_path: Path) -> None:
    row = machine(tmp_path, "eth0")
    (tmp_path / "net/eth0/operstate").write_text("down\n")
    (tmp_path / "net/eth0/speed").write_text("-1\n")
    assert [row.read(n) for n in (5, 7, 8)] == [0, 1, 2]


def test_a_count_of_starts_that_cannot_be_kept_is_not_known() -> None:
    def refuse() -> int:
        raise BtrmError("The disk is full.")

    leaf = Tree(host_leaves(SnmpEngine("x", refuse))).get((*ENGINE, 2, 0))
    assert leaf is not None
    assert leaf.read(make_snapshot()) is None


def test_net_snmp_reads_them(agent: Agent) -> None:
    tool = shutil.which("snmpwalk")
    if tool is None:
        pytest.skip("snmpwalk is not installed (package snmp)")

    def walk(oid: tuple[int, ...]) -> dict[str, str]:
        done = subprocess.run(
            [tool, "-v2c", "-c", "public", "-On", "-Ih", agent.address,
             ".".join(map(str, oid))],
            capture_output=True, text=True, check=True, timeout=20.0,
        )  # fmt: skip
        rows = [
            line.split(" = ", 1) for line in done.stdout.splitlines()
            if "No more variables" not in line  # of ours: the end of the tree
        ]  # fmt: skip
        return {name.removeprefix("."): value.strip() for name, value in rows}

    found = walk(IF)
    assert found["1.3.6.1.2.1.2.1.0"] == "INTEGER: 1"
    assert found["1.3.6.1.2.1.2.2.1.1.1"] == "INTEGER: 1"
    assert found["1.3.6.1.2.1.2.2.1.2.1"].startswith("STRING: ")
    assert found["1.3.6.1.2.1.2.2.1.10.1"].startswith("Counter32: ")
    engine = walk(ENGINE)
    octets = engine["1.3.6.1.6.3.10.2.1.1.0"].removeprefix("Hex-STRING: ").split()
    assert bytes.fromhex("".join(octets))[:5] == b"\x80\x00\x86\xca\x05"
    assert engine["1.3.6.1.6.3.10.2.1.2.0"] == "INTEGER: 1"
    assert engine["1.3.6.1.6.3.10.2.1.4.0"] == "INTEGER: 8192"
    assert walk((1, 3, 6, 1, 2, 1, 1, 7)) == {"1.3.6.1.2.1.1.7.0": "INTEGER: 72"}
