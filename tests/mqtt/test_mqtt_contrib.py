"""contrib/mosquitto: the broker's files, with a unit, a collector and somebody who may not."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from mail_tls import Authority
from mqtt_broker import SERIAL, Broker, Watch
from mqtt_fixtures import BASE, MqttBench

from btrmd.notify.mqtt import session

Wait = Callable[..., None]
FILES = Path(__file__).resolve().parents[2] / "contrib" / "mosquitto"


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("ca"))


@pytest.fixture
def real(tmp_path: Path, authority: Authority) -> Iterator[Broker]:
    """mosquitto on btrmd.conf and btrmd.acl; paths and port are the test's."""
    acl = tmp_path / "btrmd.acl"
    acl.write_text((FILES / "btrmd.acl").read_text())
    acl.chmod(0o600)
    identity = authority.identity("127.0.0.1")
    (tmp_path / "data").mkdir()
    places = {"cafile": authority.file, "certfile": identity, "keyfile": identity,
              "acl_file": acl, "persistence_location": f"{tmp_path}/data/"}  # fmt: skip
    lines = []
    for line in (FILES / "btrmd.conf").read_text().splitlines():
        word = line.partition(" ")[0]
        if word not in ("listener", "#", ""):
            lines.append(f"{word} {places[word]}" if word in places else line)
    assert len(lines) == 10
    made = Broker(tmp_path / "broker", *lines)
    # the port is looked at without a certificate, which is no way in
    made.start()
    yield made
    made.close()


def login(authority: Authority, name: str) -> tuple[str, ...]:
    """How mosquitto_sub and mosquitto_pub log in as `name`."""
    identity = str(authority.identity("client.test", common_name=name))
    return ("-h", "127.0.0.1", "--cafile", str(authority.file), "--cert", identity, "--key",
            identity)  # fmt: skip


def settings(authority: Authority, name: str) -> dict[str, object]:
    return {
        "mqtt__security": "tls",
        "mqtt__ca_file": str(authority.file),
        "mqtt__cert_file": str(authority.identity("client.test", common_name=name)),
        "mqtt__discovery": True,
        "mqtt__commands": True,
    }


def test_a_unit_publishes_below_its_own_serial_number_and_a_collector_reads(
    station: MqttBench, real: Broker, authority: Authority, wait_until: Wait
) -> None:
    operator = login(authority, "operator")
    watch = Watch(
        real, "btrmd/#", *login(authority, "collector"),
        probe="btrmd/probe/command", probe_words=operator,
    )  # fmt: skip
    try:
        station.to(real, **settings(authority, SERIAL))
        station.start()
        wait_until(lambda: station.address)
        n = station.tell()
        assert watch.take("/event").json["n"] == n
        assert station.fault == ""
        real.publish(f"{BASE}/command", '{"command": "reboot"}', *operator)
        assert watch.take("/answer").json["code"] == "unknown"
    finally:
        watch.close()


def test_another_units_certificate_is_refused_there(
    station: MqttBench, real: Broker, authority: Authority, wait_until: Wait,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr(session, "RETURN_S", 0.0)
    station.to(real, **settings(authority, "10000000abcdef99"))
    station.start()
    n = station.tell()
    wait_until(lambda: "refuses the topic" in station.fault)
    assert f"{BASE}/" in station.fault
    assert station.reported is not None
    assert station.reported < n


def test_nobody_comes_in_without_a_certificate(
    station: MqttBench, real: Broker, authority: Authority, wait_until: Wait
) -> None:
    station.to(real, mqtt__security="tls", mqtt__ca_file=str(authority.file))
    station.start()
    wait_until(lambda: station.fault)
    assert not station.address
