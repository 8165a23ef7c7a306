"""Trouble with the broker: each has a sentence and a fault point, and events wait for its end."""

from __future__ import annotations

import re
import shutil
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from free_port import free_port
from mail_tls import Authority
from mqtt_broker import Broker, Watch
from mqtt_fixtures import BASE, MqttBench

from btrmd.notify.mqtt import connection, publisher, session

Wait = Callable[..., None]


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("ca"))


def started(folder: Path, *config: str) -> Broker:
    made = Broker(folder, *config)
    made.start()
    return made


def tls_lines(authority: Authority, name: str = "127.0.0.1", days: int = 30) -> list[str]:
    identity = authority.identity(name, days)
    return [
        "allow_anonymous true", f"cafile {authority.file}", f"certfile {identity}",
        f"keyfile {identity}",
    ]  # fmt: skip


# --- TLS -----------------------------------------------------------------------------------------


def test_tls_with_an_own_authority_and_a_certificate_of_its_own(
    station: MqttBench, tmp_path: Path, authority: Authority, wait_until: Wait,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr(session, "RETURN_S", 0.0)
    broker = started(tmp_path / "tls", *tls_lines(authority), "require_certificate true")
    try:
        words = {"mqtt__security": "tls", "mqtt__ca_file": str(authority.file)}
        station.to(broker, **words)
        station.start()
        wait_until(lambda: station.fault)
        said = ("certificate required", "it may want a certificate of this unit.")
        assert any(part in station.fault for part in said)
        n = station.tell()
        station.to(broker, **words, mqtt__cert_file=str(authority.identity("unit")))
        wait_until(lambda: station.reported == n)
        wait_until(lambda: not station.fault)
    finally:
        broker.close()


@pytest.mark.parametrize(
    ("name", "days", "words"),
    [
        ("broker.elsewhere", 30, "IP address mismatch, certificate is not valid for '127.0.0.1'"),
        ("127.0.0.1", -5, "certificate has expired"),
    ],
)
def test_a_wrong_certificate(
    station: MqttBench, tmp_path: Path, authority: Authority, wait_until: Wait, name: str,
    days: int, words: str,
) -> None:  # fmt: skip
    broker = started(tmp_path / "tls", *tls_lines(authority, name, days))
    try:
        station.to(broker, mqtt__security="tls", mqtt__ca_file=str(authority.file))
        station.start()
        wait_until(lambda: station.fault)
        where = f"127.0.0.1:{broker.port}"
        start = f"The MQTT broker cannot be used: the certificate of {where} is refused: "
        assert station.fault.startswith(start)
        assert words in station.fault
        assert station.reported is not None
    finally:
        broker.close()


def test_an_unknown_authority(
    station: MqttBench, tmp_path: Path, authority: Authority, wait_until: Wait
) -> None:
    broker = started(tmp_path / "tls", *tls_lines(authority))
    try:
        station.to(broker, mqtt__security="tls")
        station.start()
        wait_until(lambda: "self-signed certificate in certificate chain" in station.fault)
    finally:
        broker.close()


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"mqtt__ca_file": "/nowhere/ca.pem"}, "the CA file /nowhere/ca.pem cannot be read: No "),
        ({"mqtt__ca_file": "{here}"}, "is no PEM file that can be used"),
        ({"mqtt__cert_file": "/nowhere/me.pem"}, "the certificate /nowhere/me.pem cannot be read"),
        ({"mqtt__cert_file": "{here}"}, "is no PEM file that can be used"),
    ],
)
def test_files_that_cannot_be_used(
    station: MqttBench, broker: Broker, tmp_path: Path, wait_until: Wait,
    changes: dict[str, str], words: str,
) -> None:  # fmt: skip
    here = tmp_path / "text.pem"
    here.write_text("this is no certificate\n")
    changes = {key: value.format(here=here) for key, value in changes.items()}
    station.to(broker, mqtt__security="tls", **changes)
    station.start()
    wait_until(lambda: station.fault)
    assert words in station.fault


def test_tls_where_there_is_none_and_none_where_there_is(
    station: MqttBench, broker: Broker, tmp_path: Path, authority: Authority, wait_until: Wait,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr(connection, "CONNECT_S", 0.5)
    station.to(broker, mqtt__security="tls")
    station.start()
    wait_until(lambda: station.fault)
    secure = started(tmp_path / "tls", *tls_lines(authority))
    try:
        station.to(secure)
        wait_until(lambda: str(secure.port) in station.fault)
    finally:
        secure.close()


# --- refused ------------------------------------------------------------------------------------


def passwords(folder: Path) -> Path:
    path = folder / "passwords"
    path.touch(mode=0o600)
    tool = shutil.which("mosquitto_passwd")
    if tool is None:
        pytest.skip("mosquitto_passwd is not installed (package mosquitto)")
    subprocess.run([tool, "-b", str(path), "unit", "secret"], check=True, capture_output=True)
    return path


def test_a_login_that_is_refused_and_then_right(
    station: MqttBench, tmp_path: Path, wait_until: Wait, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session, "RETURN_S", 0.0)
    broker = started(tmp_path / "b", f"password_file {passwords(tmp_path)}")
    try:
        station.to(broker)
        station.start()
        wait_until(lambda: "refuses this unit: not authorized" in station.fault)
        station.to(broker, mqtt__user="unit", mqtt__password="wrong")
        n = station.tell()
        wait_until(lambda: "refuses this unit" in station.fault)
        assert station.reported is not None
        assert station.reported < n
        station.to(broker, mqtt__user="unit", mqtt__password="secret")
        wait_until(lambda: station.reported == n)
        assert "secret" not in station.fault
    finally:
        broker.close()


def test_a_topic_that_is_refused_is_named(
    station: MqttBench, tmp_path: Path, wait_until: Wait
) -> None:
    rules = tmp_path / "acl"
    rules.write_text(f"topic readwrite {BASE}/status\ntopic readwrite {BASE}/info\n")
    rules.chmod(0o600)
    broker = started(tmp_path / "b", "allow_anonymous true", f"acl_file {rules}")
    try:
        station.to(broker)
        station.start()
        n = station.tell()
        wait_until(lambda: "refuses the topic" in station.fault)
        assert f"{BASE}/" in station.fault
        assert "not authorized" in station.fault
        assert station.reported is not None
        assert station.reported < n, "what is refused is not told"
    finally:
        broker.close()


def test_discovery_that_is_refused_leaves_all_else(
    station: MqttBench, tmp_path: Path, wait_until: Wait, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session, "RETURN_S", 0.0)
    rules = tmp_path / "acl"
    rules.write_text("topic readwrite btrmd/#\n")
    rules.chmod(0o600)
    broker = started(tmp_path / "b", "allow_anonymous true", f"acl_file {rules}")
    try:
        station.to(broker, mqtt__discovery=True)
        station.start()
        n = station.tell()
        wait_until(lambda: station.reported == n)
        wait_until(lambda: station.address and "homeassistant" in station.fault)
        assert "not authorized" in station.fault
    finally:
        broker.close()


def test_a_broker_that_is_full(
    station: MqttBench, tmp_path: Path, wait_until: Wait, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session, "RETURN_S", 0.0)
    broker = started(tmp_path / "b", "allow_anonymous true", "max_connections 1")
    monkeypatch.setattr(connection, "CONNECT_S", 0.5)
    others: list[socket.socket] = []

    def is_in() -> bool:
        """One more client (MQTT 3.1.1, 60 s)."""
        others.append(socket.create_connection(("127.0.0.1", broker.port)))
        name = bytes([ord("a") + len(others) % 26])
        try:
            others[-1].sendall(bytes.fromhex("100d 0004 4d515454 04 02 003c 0001") + name)
            return len(others[-1].recv(4)) == 4
        except ConnectionError:
            return False

    wait_until(lambda: sum(is_in() for _ in range(3)) == 0)  # none of three in a row
    try:
        station.to(broker)
        station.start()
        n = station.tell()
        wait_until(lambda: station.fault)
        for other in others:
            other.close()
        wait_until(lambda: station.reported == n)
    finally:
        for other in others:
            other.close()
        broker.close()


def test_two_units_with_one_serial_number_hear_of_each_other(
    station: MqttBench, broker: Broker, wait_until: Wait
) -> None:
    station.to(broker)
    station.start()
    wait_until(lambda: station.address)
    other = subprocess.Popen(
        [str(shutil.which("mosquitto_sub")), "-p", str(broker.port), "-t", "x", "-V", "5", "-i",
         f"btrmd-{BASE.split('/')[1]}"],
    )  # fmt: skip
    try:
        wait_until(lambda: "another client there as btrmd-" in station.fault)
    finally:
        other.kill()
        other.wait()


# --- links -------------------------------------------------------------------------------------


SUBACK = re.compile(rb"(\x90\x04..\x00)\x00", re.DOTALL)  # MQTT 5.0, 3.9: one reason code


def end(listener: socket.socket) -> None:
    """Close it, and wake the thread that waits in accept(): closing alone leaves it there."""
    with suppress(OSError):
        listener.shutdown(socket.SHUT_RDWR)
    listener.close()


class Link:
    """A TCP proxy: `hold` swallows what is sent, in both directions, without a word; with `is_deaf`
    the broker's consent to a subscription becomes a refusal (mosquitto's acl_file never gives one,
    brokers with plug-ins do)."""

    def __init__(self, port: int) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        self._to = port
        self.hold = threading.Event()
        self.is_deaf = False
        self.pairs = 0
        self._sockets: list[socket.socket] = []
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self) -> None:
        while True:
            try:
                near, _ = self._listener.accept()
                far = socket.create_connection(("127.0.0.1", self._to))
            except OSError:
                return
            self.pairs += 1
            self._sockets += [near, far]
            for source, sink in ((near, far), (far, near)):
                threading.Thread(target=self._pump, args=(source, sink), daemon=True).start()

    def _pump(self, source: socket.socket, sink: socket.socket) -> None:
        try:
            while data := source.recv(4096):
                if self.is_deaf:
                    data = SUBACK.sub(b"\\1\x87", data)
                if not self.hold.is_set():
                    sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)
        except OSError:
            return

    def close(self) -> None:
        end(self._listener)
        for one in self._sockets:
            one.close()


@pytest.fixture
def link(broker: Broker) -> Iterator[Link]:
    made = Link(broker.port)
    yield made
    made.close()


def test_a_half_open_link_is_noticed_and_what_it_swallowed_is_sent_again(
    station: MqttBench, broker: Broker, watch: Watch, link: Link, wait_until: Wait,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr(connection, "ACK_S", 0.5)
    monkeypatch.setattr(connection, "CONNECT_S", 0.5)
    station.to(link.port)
    station.start()
    wait_until(lambda: station.address)
    link.hold.set()
    n = station.tell()
    wait_until(lambda: "acknowledges nothing any more" in station.fault)
    link.hold.clear()
    assert watch.take("/event").json["n"] == n
    wait_until(lambda: not station.fault)


def test_a_refused_subscription_is_told_and_all_else_goes_on(
    station: MqttBench, broker: Broker, watch: Watch, link: Link, wait_until: Wait
) -> None:
    """SUBACK with 0x87: the unit publishes, but no command would ever arrive."""
    link.is_deaf = True
    station.to(link.port, mqtt__commands=True)
    station.start()
    wait_until(lambda: station.address and station.fault)
    assert station.fault == (
        f"The MQTT broker refuses the subscription to {BASE}/command, so no command arrives: "
        "not authorized."
    )
    n = station.tell()
    wait_until(lambda: station.reported == n)
    link.is_deaf = False
    station.to(link.port, mqtt__commands=True, mqtt__user="x")
    wait_until(lambda: station.address and not station.fault)


def test_a_broker_that_never_answers(
    station: MqttBench, wait_until: Wait, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "CONNECT_S", 0.3)
    mute = socket.create_server(("127.0.0.1", 0))
    try:
        station.to(mute.getsockname()[1])
        station.start()
        wait_until(lambda: "did not answer within 0.3 s" in station.fault)
    finally:
        mute.close()


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"mqtt__server": ""}, "no broker is set."),
        ({"mqtt__server": "nowhere.invalid"}, "the name nowhere.invalid is not found"),
        ({"mqtt__server": "[::1]"}, "cannot be reached: Connection refused."),
    ],
)
def test_where_there_is_no_broker(
    station: MqttBench, wait_until: Wait, changes: dict[str, str], words: str
) -> None:
    station.to(free_port(), **changes)
    station.start()
    wait_until(lambda: words in station.fault)


def test_nothing_grows_while_the_broker_is_away(
    station: MqttBench, broker: Broker, watch: Watch, wait_until: Wait
) -> None:
    """2,100 events, more than the bus keeps: they wait in the history, not in memory."""
    station.to(broker)
    station.start()
    wait_until(lambda: station.address)
    broker.kill()
    wait_until(lambda: station.fault)
    from btrmd.model.events import Event, Kind

    events = [
        Event(0, station.at, 1.0, "io1", Kind.RAISE, True, None, "core", f"{i}")
        for i in range(2100)
    ]
    for first in range(0, len(events), 700):  # what waits for the disk has its own limit
        last = station.writer.commit(events[first : first + 700])[-1].n
        assert station.writer.flush()
    broker.start()
    wait_until(lambda: station.reported == last, 60.0)
    # the broker may answer us before the other reads what it got
    wait_until(lambda: any(got.json["n"] == last for got in watch.named("/event")))
    numbers = [got.json["n"] for got in watch.named("/event")]
    assert numbers == list(range(last - 2099, last + 1))


class OldBroker:
    """Answers MQTT 5 as a broker of 3.1.1 does (connack 1), then leads to the real one."""

    def __init__(self, port: int) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        self._link = Link(port)
        self._sockets: list[socket.socket] = []
        self.versions: list[int] = []
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
                self._sockets.append(client)
                head = client.recv(4096)
                self.versions.append(head[head.index(b"MQTT") + 4])
                if self.versions[-1] == 5:
                    client.sendall(b"\x20\x02\x00\x01")
                    client.close()
                    continue
                far = socket.create_connection(("127.0.0.1", self._link.port))
                self._sockets.append(far)
                far.sendall(head)
            except OSError:
                return
            for source, sink in ((client, far), (far, client)):
                pump = threading.Thread(target=self._link._pump, args=(source, sink), daemon=True)
                pump.start()

    def close(self) -> None:
        end(self._listener)
        self._link.close()
        for one in self._sockets:
            one.close()


def test_a_broker_that_speaks_3_1_1_only(
    station: MqttBench, broker: Broker, watch: Watch, wait_until: Wait
) -> None:
    old = OldBroker(broker.port)
    try:
        station.to(old.port)
        station.start()
        n = station.tell()
        wait_until(lambda: station.reported == n)
        assert watch.take("/event").json["n"] == n
        assert old.versions == [5, 4]
    finally:
        old.close()


def test_the_pause_after_a_failure_grows_and_is_not_the_same_everywhere(
    station: MqttBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(publisher, "LONGEST_PAUSE_S", 8.0)
    made = publisher.MqttPublisher(station.bus, station.history, station.cursors)
    station.to(1)
    slept: list[float] = []
    monkeypatch.setattr(made._stopping, "wait", lambda seconds: slept.append(seconds))
    pauses = []
    for _ in range(9):
        slept.clear()
        made._wait(made._target())
        pauses.append(sum(slept))
    assert all(0.05 * 2**i <= pauses[i] <= 0.1 * 2**i + 0.06 for i in range(6))
    assert max(pauses) <= 8.06
    assert min(pauses[-2:]) >= 4.0


def test_an_event_waits_for_the_settings_it_tells_of(
    station: MqttBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An event is on the disk a moment before the snapshot has what it tells; MQTT that is switched
    on was looked at in between, and then only 5 s later."""
    station.off()
    mqtt = publisher.MqttPublisher(station.bus, station.history, station.cursors)
    wait = mqtt._cursor.wait

    def told(timeout: float, stop: threading.Event | None = None) -> bool:
        station.tell()
        return wait(timeout, stop)

    monkeypatch.setattr(mqtt._cursor, "wait", told)
    monkeypatch.setattr(mqtt._stopping, "wait", lambda seconds: station.to(free_port()))
    mqtt._look()
    assert mqtt._target() is not None
