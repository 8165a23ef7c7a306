"""`btrmd dns-sd`: the service file says what the settings open, and nothing else."""

from __future__ import annotations

import shutil
import subprocess
import xml.etree.ElementTree as ET
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from btrmd.docgen.dns_sd import service_file, services
from btrmd.model.settings import Settings
from btrmd.model.site import Site

Run = Callable[..., Any]
SERIAL = "10000000deadbe17"
DTD = Path("/usr/share/avahi/avahi-service.dtd")


def announced(settings: Settings) -> dict[str, int]:
    return {one.type: one.port for one in services(settings, SERIAL, "BTRM400")}


def test_a_fresh_unit_serves_pages_and_snmp() -> None:
    assert announced(Settings.defaults()) == {
        "_https._tcp": 443, "_http._tcp": 80, "_btrm._tcp": 443, "_snmp._udp": 161,
    }  # fmt: skip


def test_what_is_opened_is_announced_at_its_port_and_what_is_shut_is_not() -> None:
    site = Site(http="0.0.0.0:8080", https="none", snmp="[::]:1161")
    settings = Settings.defaults(site).with_changes({"modbus.enabled": True, "modbus.port": 1502})
    assert announced(settings) == {
        "_http._tcp": 8080, "_btrm._tcp": 8080, "_modbus._tcp": 1502, "_snmp._udp": 1161,
    }  # fmt: skip
    closed = settings.with_changes({"snmp.v1_enabled": False, "snmp.v2c_enabled": False})
    assert "_snmp._udp" not in announced(closed)
    here = Site(http="127.0.0.1:80", https="[::1]:443", snmp="none", modbus="127.0.0.1")
    assert announced(Settings.defaults(here).with_changes({"modbus.enabled": True})) == {}
    only = Settings.defaults().with_changes({"web.http": "off"})
    assert "_http._tcp" not in announced(only)


def test_the_file_is_as_avahi_wants_it(tmp_path: Path) -> None:
    settings = Settings.defaults().with_changes({"modbus.enabled": True})
    text = service_file("Site <7> & Söhne", services(settings, SERIAL, "BTRM400"))
    root = ET.fromstring(text)
    assert root.findtext("name") == "Site <7> & Söhne on %h"
    found = {one.findtext("type"): one for one in root.findall("service")}
    txt = [one.text for one in found["_btrm._tcp"].findall("txt-record")]
    assert txt == [f"serial={SERIAL}", "model=BTRM400", "scheme=https", "path=/api/v1"]
    assert found["_modbus._tcp"].findtext("port") == "502"
    lint = shutil.which("xmllint")
    if lint is None or not DTD.is_file():
        pytest.skip("xmllint or avahi's DTD is not installed (libxml2-utils, avahi-daemon)")
    file = tmp_path / "btrmd.service"
    file.write_text(text)
    done = subprocess.run(
        [lint, "--noout", "--dtdvalid", str(DTD), str(file)], capture_output=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_it_is_written_replaced_and_removed(
    run: Run, tmp_path: Path, config_dir: Path, state_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    state_dir.mkdir(exist_ok=True)
    (state_dir / "serial").write_text(SERIAL)
    monkeypatch.setattr("btrmd.daemon.unit_serial.BOARD_FILE", state_dir / "none")
    place = ("--config-dir", config_dir, "--state-dir", state_dir)
    file = tmp_path / "services" / "btrmd.service"
    words = ("dns-sd", "--write", "--file", file, *place)
    assert run(*words) == (0, "", ""), "off, and nothing is there"
    run("set", "dns_sd.enabled=true", *place)
    refused = run(*words)
    assert refused.code == 1
    assert f"There is no folder {file.parent}" in refused.err
    file.parent.mkdir()
    assert run(*words) == (0, f"{file} is written.\n", "")
    assert SERIAL in file.read_text()
    assert file.read_text() == run("dns-sd", *place).out
    assert run(*words) == (0, "", ""), "nothing has changed"
    run("set", "modbus.enabled=true", *place)
    assert run(*words).out == f"{file} is written.\n"
    run("set", "dns_sd.enabled=false", *place)
    assert run(*words).out == f"{file} is removed: dns_sd.enabled is false.\n"
    assert not file.exists()
    file.write_text("<mine/>")
    assert "is not of btrmd" in run(*words).err
    assert file.read_text() == "<mine/>"
