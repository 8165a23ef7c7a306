"""Peers that are no good brokers: each is a sentence, and none fills the memory."""

from __future__ import annotations

import itertools
import socket
import struct
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress

import pytest
from mqtt_broker import SUB, Broker, Watch
from mqtt_fixtures import BASE, MqttBench
from mqtt_peer import (
    WELCOME,
    Peer,
    Serve,
    after_welcome,
    again_and_again,
    forget_most_resident,
    instead,
    message,
    most_resident_mb,
    sized,
    swallow,
)

from btrmd.notify.mqtt import connection

Wait = Callable[..., None]
START = "The MQTT broker cannot be used: 127.0.0.1:{port} "
NONE = "does not answer as an MQTT broker."
HUGE = b"\xff\xff\xff\x7f" + bytes(65536)  # 268,435,455 octets are to come


@pytest.fixture
def peer() -> Iterator[Callable[[Serve], Peer]]:
    made: list[Peer] = []

    def start(serve: Serve) -> Peer:
        made.append(Peer(serve))
        return made[-1]

    yield start
    for one in made:
        one.close()


@pytest.mark.parametrize(
    ("serve", "words"),
    [
        (instead(b"HTTP/1.1 400 Bad Request\r\n\r\n"), NONE),
        (instead(b"220 mail.example.com ESMTP\r\n"), NONE),
        (instead(b"\x15\x03\x03\x00\x02\x02\x46"), NONE),  # a TLS alert
        (instead(message(b"a", b"b")), NONE),
        (instead(b"\x20" + HUGE), NONE),
        (instead(b"\x20\x01\x00"), "sends a damaged CONNACK."),
        (instead(b"\x20\x03\x00\x00\x7f"), "sends a damaged CONNACK."),
        (instead(b"\x20\x03\x00\xfe\x00"), "sends a damaged CONNACK."),
        (instead(b"\x20\x03\x00\x8a\x00"), "refuses this unit: banned."),
        (instead(b""), "did not answer within 0.5 s."),
        (after_welcome(b"\x30\xff\xff\xff\xff\xff"), "sends what is no MQTT."),
        (after_welcome(b"\x30" + HUGE), "sends a packet of 268435455 octets; at most 262144 are"),
        (after_welcome(b"\x30\x00"), "sends a damaged PUBLISH."),
        (after_welcome(b"\x30\x04\xff\xff\x00\x00"), "sends a damaged PUBLISH."),
        (after_welcome(b"\x40\x00"), "sends a damaged PUBACK."),
        (after_welcome(b"\x90\x00"), "sends a damaged SUBACK."),
        (after_welcome(b"\xf0\x02\x18\x00"), "sends AUTH, which no broker has a reason to."),
        (after_welcome(b"\xc0\x00"), "sends PINGREQ, which no broker has a reason to."),
        (after_welcome(b"\x10\x00"), "sends CONNECT, which no broker has a reason to."),
        (after_welcome(b"\x00\x00"), "sends reserved, which no broker has a reason to."),
        (after_welcome(WELCOME), "sends CONNACK, which no broker has a reason to."),
        (after_welcome(message(b"a", b"b", 2)), "sends a message at QoS 2, which nobody has asked"),
        (after_welcome(message(b"a", b"b", 3)), "sends a message at QoS 2, which nobody has asked"),
        (after_welcome(b"\xe0\x01\x97"), "ended the connection: quota exceeded."),
        (after_welcome(b"\xe0\x01\xfc"), "sends a damaged DISCONNECT."),
    ],
)
def test_what_is_no_answer_is_a_sentence(
    station: MqttBench, peer: Callable[[Serve], Peer], wait_until: Wait,
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, serve: Serve, words: str,
) -> None:  # fmt: skip
    monkeypatch.setattr(connection, "CONNECT_S", 0.5)
    port = peer(serve).port
    station.to(port, mqtt__commands=True)
    station.start()
    wait_until(lambda: station.fault)
    assert station.fault.startswith(START.format(port=port) + words), station.fault
    assert "error of its own" not in caplog.text


def never_let_go(near: socket.socket) -> None:
    """Messages of QoS 2 under ever new numbers, of which it never says that all is done."""
    near.recv(65536)
    near.sendall(WELCOME)
    threading.Thread(target=swallow, args=(near,), daemon=True).start()
    for number in itertools.count():
        near.sendall(message(b"a", bytes(60_000), 2, number % 65535 + 1))


@pytest.mark.parametrize("serve", [never_let_go, again_and_again(b"\x30" + HUGE)])
def test_no_peer_fills_the_memory(
    station: MqttBench, peer: Callable[[Serve], Peer], wait_until: Wait, serve: Serve
) -> None:
    """Without a limit each of these takes some hundred MB and is no fault."""
    station.to(peer(serve).port, mqtt__commands=True)
    forget_most_resident()
    before = most_resident_mb()
    station.start()
    wait_until(lambda: station.fault)
    assert most_resident_mb() - before < 30.0


def test_commands_without_end_are_not_answered_faster_than_the_broker_acknowledges(
    station: MqttBench, peer: Callable[[Serve], Peer], wait_until: Wait,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    """Until it is given up, as one that acknowledges nothing."""
    monkeypatch.setattr(connection, "ACK_S", 0.5)
    first: list[bytearray] = []  # of each connection what was heard

    def listen(near: socket.socket, heard: bytearray) -> None:
        with suppress(OSError):
            while data := near.recv(65536):
                heard.extend(data)

    def serve(near: socket.socket) -> None:
        near.recv(65536)
        near.sendall(WELCOME)
        got = b""
        while b"/command" not in got:
            got += near.recv(65536)
        heard = bytearray(got)
        first.append(heard)
        at = got.rindex(b"\x82", 0, got.index(b"/command"))  # SUBSCRIBE
        near.sendall(b"\x90\x04" + got[at + 2 : at + 4] + b"\0\0")
        threading.Thread(target=listen, args=(near, heard), daemon=True).start()
        while True:
            near.sendall(message(f"{BASE}/command".encode(), b"{}") * 20)

    station.to(peer(serve).port, mqtt__commands=True)
    station.start()
    wait_until(lambda: station.fault, 30.0)
    assert "acknowledges nothing any more" in station.fault
    # with the subscription
    assert first[0].count(BASE.encode()) == connection.WINDOW + 1


def test_who_answers_pings_and_acknowledges_nothing_is_told(
    station: MqttBench, peer: Callable[[Serve], Peer], wait_until: Wait,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    """What else it says is no acknowledgement."""
    monkeypatch.setattr(connection, "ACK_S", 0.5)

    def serve(near: socket.socket) -> None:
        near.recv(65536)
        near.sendall(WELCOME)
        near.settimeout(0.05)
        is_open = True
        while is_open:
            near.sendall(b"\xd0\x00")  # PINGRESP: after all that is heard, and unasked
            with suppress(TimeoutError):
                is_open = near.recv(65536) != b""

    port = peer(serve).port
    station.to(port)
    station.start()
    wait_until(lambda: station.fault, 30.0)
    assert station.fault == START.format(port=port) + "acknowledges nothing any more."


@pytest.mark.parametrize("most", [1, 2, 20])
def test_no_more_is_on_the_way_than_the_broker_takes(
    station: MqttBench, peer: Callable[[Serve], Peer], wait_until: Wait,
    monkeypatch: pytest.MonkeyPatch, most: int,
) -> None:  # fmt: skip
    """CONNACK with a receive maximum; the peer acknowledges nothing, until it is given up."""
    monkeypatch.setattr(connection, "ACK_S", 0.5)
    first: list[bytearray] = []  # of each connection what was seen

    def serve(near: socket.socket) -> None:
        near.recv(65536)
        near.sendall(sized(0x20, b"\x00\x00\x03\x21" + most.to_bytes(2, "big")))
        seen = bytearray()
        first.append(seen)
        while data := near.recv(65536):
            seen.extend(data)

    station.to(peer(serve).port)
    station.start()
    wait_until(lambda: station.fault, 30.0)
    assert first[0].count(BASE.encode()) == min(most, connection.WINDOW)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({}, "it may want TLS."),
        ({"mqtt__security": "tls"}, "it may speak no TLS."),
    ],
)
def test_a_connection_that_is_closed_without_a_word(
    station: MqttBench, peer: Callable[[Serve], Peer], wait_until: Wait,
    changes: dict[str, str], words: str,
) -> None:  # fmt: skip
    def serve(near: socket.socket) -> None:
        near.recv(65536)
        near.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        near.close()  # a reset

    station.to(peer(serve).port, **changes)
    station.start()
    wait_until(lambda: station.fault)
    assert station.fault.endswith(words), station.fault


def test_a_foreign_message_at_qos_1_is_acknowledged_and_no_command(
    station: MqttBench, broker: Broker, watch: Watch, wait_until: Wait
) -> None:
    """A session of our client id in which somebody has subscribed: the unit still publishes."""
    name = f"btrmd-{BASE.split('/')[1]}"
    words = ["-V", "5", "-c", "-x", "3600", "-q", "1", "-i", name, "-t", "foreign", "-E"]
    subprocess.run([str(SUB), "-p", str(broker.port), *words], check=True, timeout=20.0)
    station.to(broker)
    station.start()
    broker.publish("foreign", '{"command":"test.stop"}')
    n = station.tell()
    wait_until(lambda: station.reported == n)
    assert not station.fault
