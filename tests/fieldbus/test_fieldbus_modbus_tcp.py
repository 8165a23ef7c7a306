"""Modbus TCP on the wire: pieces of requests and many at once, units, garbage, many clients."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import pytest
from fieldbus_station import Station, Wire
from waiting import wait_until

from btrmd.servers.fieldbus import modbus_tcp
from btrmd.servers.fieldbus.listener_config import FieldbusOptions

READ = "0001 0000 0006 01 04 0000 0001"
ANSWER = bytes.fromhex("0001 0000 0005 01 04 02 344f")


def frame(transaction: int, unit: int, pdu: str) -> bytes:
    body = bytes((unit,)) + bytes.fromhex(pdu)
    return transaction.to_bytes(2, "big") + b"\0\0" + len(body).to_bytes(2, "big") + body


def test_requests_in_one_segment_are_all_answered_in_order(wire: Wire) -> None:
    wire.send(b"".join(frame(n, 1, "04 0000 0001") for n in range(200)))
    for n in range(200):
        assert wire.take() == n.to_bytes(2, "big") + ANSWER[2:]


def test_reads_behind_a_write_wait_for_it(wire: Wire) -> None:
    wire.send(
        frame(1, 1, "03 0000 0001")
        + frame(2, 1, "06 0000 0005")
        + frame(3, 1, "03 0000 0001")
        + frame(4, 1, "06 0000 0006")
        + frame(5, 1, "03 0000 0001")
    )
    answers = [wire.take() for _ in range(5)]
    assert [answer[1] for answer in answers] == [1, 2, 3, 4, 5]
    assert [answers[k][-1] for k in (0, 2, 4)] == [240, 5, 6]


def test_a_request_byte_by_byte(wire: Wire) -> None:
    for byte in bytes.fromhex(READ):
        wire.send(bytes((byte,)))
    assert wire.take() == ANSWER


def test_a_request_in_two_halves_with_another_client_between(station: Station) -> None:
    with station.connect() as slow, station.connect() as quick:
        slow.send(READ[:10])
        assert quick.ask(READ) == ANSWER.hex(" ")
        slow.send(READ[10:])
        assert slow.take() == ANSWER


@pytest.mark.parametrize("unit", [1, 0, 255])
def test_units_that_are_ours(wire: Wire, unit: int) -> None:
    assert wire.ask(frame(1, unit, "04 0000 0001"))[18:20] == f"{unit:02x}"


@pytest.mark.parametrize("unit", [2, 10, 247, 248, 254])
def test_other_units_are_not_answered(wire: Wire, unit: int) -> None:
    wire.send(frame(1, unit, "04 0000 0001") + frame(2, 1, "04 0000 0001"))
    assert wire.take()[:2] == b"\0\2"


def test_the_unit_id_takes_effect_at_once(station: Station, wire: Wire) -> None:
    station.owner.change(modbus__unit=17)
    wire.send(frame(1, 1, "04 0000 0001") + frame(2, 17, "04 0000 0001"))
    assert wire.take()[:2] == b"\0\2"


def test_a_foreign_protocol_is_skipped(wire: Wire) -> None:
    wire.send("0001 0001 0006 01 04 0000 0001" + "0002 0000 0006 01 04 0000 0001")
    assert wire.take()[:2] == b"\0\2"


@pytest.mark.parametrize("length", ["0000", "0001", "00ff", "0100", "ffff"])
def test_a_length_that_cannot_be_closes_the_connection(wire: Wire, length: str) -> None:
    wire.send(READ + "0002 0000" + length + "01 04 0000 0001")
    assert wire.take() == ANSWER  # what came before is answered
    assert wire.is_closed()


@pytest.mark.parametrize(
    "garbage", [b"GET / HTTP/1.0\r\n\r\n", b"\xff" * 300, b"\x16\x03\x01\x02\x00" + b"\1" * 512]
)
def test_garbage_is_got_rid_of(station: Station, garbage: bytes) -> None:
    with station.connect() as wire:
        wire.send(garbage)
        assert wire.is_closed()
    with station.connect() as wire:
        assert wire.ask(READ) == ANSWER.hex(" ")


def test_the_longest_request(wire: Wire) -> None:
    pdu = "10 0000 007b f6" + "0001" * 123
    assert wire.pdu(pdu) == "90 02"


def test_a_client_that_half_closes_gets_its_answers(station: Station) -> None:
    import socket

    with station.connect() as wire:
        wire.send(frame(1, 1, "06 0000 0005") + frame(2, 1, "03 0000 0001"))
        wire.sock.shutdown(socket.SHUT_WR)
        assert wire.take()[:2] == b"\0\1"
        assert wire.take()[:2] == b"\0\2"
        assert wire.is_closed()


def test_sixty_four_clients_at_work_and_no_more(
    start_station: Callable[..., Station], monkeypatch: pytest.MonkeyPatch
) -> None:
    # On a busy machine the second after which an equal makes room is over before all are here.
    monkeypatch.setattr(modbus_tcp, "LIMIT", modbus_tcp.LIMIT._replace(yield_s=60.0))
    station = start_station()
    clients = [station.connect() for _ in range(modbus_tcp.LIMIT.most)]
    assert all(client.ask(READ) == ANSWER.hex(" ") for client in clients)
    with station.connect() as surplus:
        assert surplus.is_closed()
    assert all(client.ask(READ) == ANSWER.hex(" ") for client in clients)
    clients.pop().sock.close()
    wait_until(lambda: _is_served(station))
    for client in clients:
        client.sock.close()


def _is_served(station: Station) -> bool:
    try:
        with station.connect() as wire:
            return wire.ask(READ) == ANSWER.hex(" ")
    except ConnectionError:
        return False


def test_a_silent_client_makes_room(
    start_station: Callable[..., Station], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(modbus_tcp, "LIMIT", modbus_tcp.LIMIT._replace(most=2))
    station = start_station()
    with station.connect() as silent, station.connect() as busy:
        assert silent.ask(READ)
        assert busy.ask(READ)
        wait_until(lambda: busy.ask(READ) and _is_served(station))
        assert silent.is_closed()
        assert busy.ask(READ) == ANSWER.hex(" ")


def test_an_idle_client_is_disconnected(
    start_station: Callable[..., Station], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(modbus_tcp, "LIMIT", modbus_tcp.LIMIT._replace(idle_s=0.3))
    station = start_station()
    with station.connect() as wire, station.connect() as busy:
        wire.send(READ[:9])  # half a request is no request
        end = time.monotonic() + 5.0
        wire.sock.setblocking(False)
        while time.monotonic() < end:
            assert busy.ask(READ) == ANSWER.hex(" ")
            try:
                assert wire.sock.recv(1) == b""
                break
            except BlockingIOError:
                continue
        else:
            pytest.fail("the idle client was not disconnected")
        assert busy.ask(READ) == ANSWER.hex(" ")


def test_a_client_that_never_reads_is_held_and_harms_nobody(station: Station) -> None:
    with station.connect() as deaf, station.connect() as other:
        deaf.sock.settimeout(0.5)
        request = frame(1, 1, "04 0000 0012") * 1000
        sent = 0
        try:
            while sent < 64_000_000:
                sent += deaf.sock.send(request)
        except TimeoutError:
            pass
        assert sent < 64_000_000  # it was held back, not swallowed
        assert other.ask(READ) == ANSWER.hex(" ")


def test_a_flood_does_not_slow_another_client(station: Station) -> None:
    stop = threading.Event()
    flood = station.connect()

    def send() -> None:
        try:
            while not stop.is_set():
                flood.send(frame(1, 1, "04 0000 0012") * 500)
        except OSError:
            return

    def drain() -> None:
        try:
            while flood.sock.recv(65536):
                pass
        except OSError:
            return

    threads = [threading.Thread(target=send), threading.Thread(target=drain)]
    for thread in threads:
        thread.start()
    try:
        with station.connect() as other:
            times = []
            for _ in range(200):
                start = time.perf_counter()
                assert other.ask(READ) == ANSWER.hex(" ")
                times.append(time.perf_counter() - start)
    finally:
        stop.set()
        flood.sock.shutdown(2)
        flood.sock.close()
        for thread in threads:
            thread.join()
    assert sorted(times)[100] < 0.05


def test_who_is_not_allowed_is_turned_away(start_station: Callable[..., Station]) -> None:
    station = start_station(modbus__allow="10.0.0.0/8, 192.168.1.7")
    with station.connect() as wire:
        assert wire.is_closed()
    station.owner.change(modbus__allow="127.0.0.0/8")
    with station.connect() as wire:
        assert wire.ask(READ) == ANSWER.hex(" ")
        station.owner.change(modbus__allow="10.0.0.0/8")
        assert wire.is_closed()


def test_inputs_of_a_hung_owner_are_a_device_failure(
    station: Station, wire: Wire, monkeypatch: pytest.MonkeyPatch
) -> None:
    from btrmd.servers.fieldbus import modbus_unit

    monkeypatch.setattr(modbus_unit, "OLD_S", 0.1)
    station.owner.stop()  # nothing is published any more
    wait_until(lambda: wire.pdu("04 0000 0001") == "84 04")
    assert wire.pdu("02 0000 0001") == "82 04"
    assert wire.pdu("03 0000 0001") == "03 02 00 f0"  # what was set is still known
    station.owner = type(station.owner)(station.bus)
    station.owner.start()
    wait_until(lambda: wire.pdu("04 0000 0001") == "04 02 34 4f")


@pytest.mark.parametrize(
    ("allowed", "listed"),
    [
        ("::ffff:127.0.0.1", "127.0.0.1"),
        ("::ffff:7f00:1", "127.0.0.1"),
        ("127.0.0.1", "127.0.0.1"),
        ("::ffff:127.0.0.0/104", "127.0.0.1"),
        ("::1", "::1"),
    ],
)
def test_a_list_and_a_peer_are_one_however_they_are_written(
    start_station: Callable[..., Station], allowed: str, listed: str
) -> None:
    """A socket of every interface tells an IPv4 peer as ::ffff:127.0.0.1."""
    station = start_station(FieldbusOptions("[::]:0"), modbus__allow=allowed)
    port = station.address().rpartition(":")[2]
    for host in ("127.0.0.1", "::1"):
        with Wire(f"{host}:{port}") as wire:
            if host == listed:
                assert wire.ask(READ) == ANSWER.hex(" ")
            else:
                assert wire.is_closed()
