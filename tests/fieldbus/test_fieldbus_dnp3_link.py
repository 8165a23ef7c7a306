"""DNP3 on a bad line: foreign frames, broken frames, too many clients, hostile clients."""

from __future__ import annotations

import contextlib
import inspect
import socket
import threading
import time
from collections.abc import Iterator

import pytest
from dnp3_bench import Bench
from dnp3_wire import RESET, UNCONFIRMED, Master, frame, frames
from py1815.session import Session

from btrmd.servers.fieldbus import dnp3_reads, dnp3_tcp
from btrmd.servers.fieldbus.dnp3_session import Dnp3Session

READ = bytes.fromhex("C1 01 1E 04 00 00 00")
PING, PONG = "CA 0F", "CA 81 80 00"


@pytest.fixture(scope="module")
def bench() -> Iterator[Bench]:
    with Bench() as made:
        yield made


@pytest.fixture
def master(bench: Bench) -> Iterator[Master]:
    with Master(bench.place) as made:
        yield made


def counted(bench: Bench, name: str) -> int:
    return bench.bus.counts.get("dnp3", {}).get(name, 0)


@pytest.mark.parametrize(
    ("destination", "source", "count"),
    [
        (11, 1, "other_outstation"),
        (10, 2, "unexpected_master_address"),
        (10, 65535, "unexpected_master_address"),
        (65532, 1, "other_outstation"),  # the self-address is not offered
    ],
)
def test_foreign_addresses_are_ignored_and_counted(
    bench: Bench, master: Master, destination: int, source: int, count: str
) -> None:
    before = counted(bench, count)
    master.send_raw(frames(READ, destination, source))
    master.send_raw(frame(RESET, destination, source))
    assert master.exchange(PING) == PONG
    bench.wait_count(count, before + 2)


def test_frames_that_are_not_from_a_master_are_ignored(bench: Bench, master: Master) -> None:
    before = counted(bench, "not_from_a_master")
    master.send_raw(frame(UNCONFIRMED & 0x7F, 10, 1, b"\xc0" + READ))
    master.send_raw(frame(RESET & 0x7F, 10, 1))
    assert master.exchange(PING) == PONG
    bench.wait_count("not_from_a_master", before + 2)


def test_octet_by_octet(master: Master) -> None:
    for octet in frames(READ):
        master.send_raw(bytes([octet]))
    assert master.response().body[:5] == bytes.fromhex("1E 04 00 00 00")


def test_many_requests_in_one_segment_are_all_answered(master: Master) -> None:
    requests = [bytes([0xC0 | n & 15]) + READ[1:] for n in range(40)]
    master.send_raw(b"".join(frames(request) for request in requests))
    assert [master.response().sequence for _ in range(40)] == [n & 15 for n in range(40)]


@pytest.mark.parametrize(
    "noise",
    [
        b"\x00" * 300,
        b"\x05" * 300,
        b"\x05\x64" * 300,
        b"\x05\x64\xff\xc4\x0a\x00\x01\x00\x00\x00",
        frames(READ)[:-1] + b"\x00",  # a bad CRC
        frame(UNCONFIRMED, 10, 1),  # user data without data
        frame(RESET, 10, 1, b"\xc0\xc1"),  # a reset with data
        frame(0xC7, 10, 1),  # a function nobody has
        frame(UNCONFIRMED, 10, 1, b"\x41" + READ),  # a segment that is not the last
        frame(UNCONFIRMED, 10, 1, b"\x81" + READ),  # one that was never begun
        b"GET / HTTP/1.1\r\nHost: btrm\r\n\r\n",
    ],
    ids=range(11),
)
def test_noise_before_a_request(master: Master, noise: bytes) -> None:
    master.send_raw(noise + frames(bytes.fromhex(PING)))
    assert master.receive() == bytes.fromhex(PONG)


def test_a_frame_that_stops_halfway_is_forgotten(
    bench: Bench, master: Master, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dnp3_tcp, "GAP_S", 0.2)
    with Master(bench.place) as other:
        other.send_raw(frames(READ)[:12])
        assert other.receive(0.4) is None
        assert other.exchange(PING) == PONG


def test_a_long_request_in_segments(master: Master) -> None:
    assert master.ask(1, "1E 04 00 00 00" * 60).objects()[30, 4]
    assert master.ask(1, "1E 04 06" * 65).iin[1] == 0x04, "no master has 65 headers"
    master.send(b"\xc1\x01" + bytes.fromhex("1E 04 06") * 800)  # larger than a fragment may be
    assert master.exchange(PING) == PONG


def test_a_long_response_comes_in_confirmed_fragments(master: Master) -> None:
    response = master.ask(1, "3C 01 06" * 30)
    size = 0
    while True:
        size += len(response.body)
        assert response.wants_confirm
        master.confirm(response)
        if response.octets[0] & 0x40:
            break
        response = master.response()
    assert size % 30 == 0
    assert size > 2048


def test_four_clients_at_work_and_no_fifth(monkeypatch: pytest.MonkeyPatch) -> None:
    # On a busy machine the second after which an equal makes room is over before the fifth comes.
    monkeypatch.setattr(dnp3_tcp, "LIMIT", dnp3_tcp.LIMIT._replace(yield_s=60.0))
    with Bench() as bench:
        _four_and_no_fifth(bench)


def _four_and_no_fifth(bench: Bench) -> None:
    clients = [Master(bench.place) for _ in range(4)]
    try:
        for client in clients:
            assert client.exchange(PING) == PONG
        bench.wait_count("frames", 4)
        with Master(bench.place) as fifth, pytest.raises(EOFError):
            fifth.receive()
        for client in clients:
            assert client.exchange(PING) == PONG
        clients.pop().close()
        bench.wait(lambda: _is_served(bench))
    finally:
        for client in clients:
            client.close()


def _is_served(bench: Bench) -> bool:
    try:
        with Master(bench.place) as one:
            return one.exchange(PING) == PONG
    except (EOFError, OSError):
        return False


def test_a_fifth_takes_the_place_of_one_that_never_spoke(bench: Bench) -> None:
    silent = [Master(bench.place) for _ in range(4)]
    try:
        bench.wait(lambda: _is_served(bench))
        bench.wait_count("displaced")
    finally:
        for client in silent:
            client.close()


def test_who_may_connect() -> None:
    with Bench({"dnp3.allow": "10.0.0.0/8"}) as bench:
        with Master(bench.place) as stranger, pytest.raises(EOFError):
            stranger.exchange(PING)
        bench.wait_count("peers_refused")
        bench.reopen(dnp3__allow="127.0.0.0/8, 10.0.0.0/8")
        with Master(bench.place) as friend:
            assert friend.exchange(PING) == PONG


def test_an_idle_client_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    assert dnp3_tcp.LIMIT.idle_s == 600.0
    monkeypatch.setattr(dnp3_tcp, "LIMIT", dnp3_tcp.LIMIT._replace(idle_s=0.5))
    with Bench() as bench, Master(bench.place) as master:
        for _ in range(3):
            assert master.exchange(PING) == PONG
        with pytest.raises(EOFError):
            master.receive(5.0)
        bench.wait_count("idle_closed")


def test_a_client_that_reads_nothing_is_dropped_and_hurts_nobody(bench: Bench) -> None:
    host, port = bench.place.split(":")
    flood = frames(b"\xc1\x01" + bytes.fromhex("1E 01 06") * 20)
    with socket.socket() as bad, Master(bench.place) as good:
        bad.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        bad.settimeout(40.0)  # on a busy machine; it only ends a hang
        bad.connect((host, int(port)))
        done = threading.Event()

        def pour() -> None:
            try:
                while True:
                    bad.sendall(flood)
            except ConnectionError:
                done.set()

        thread = threading.Thread(target=pour)
        thread.start()
        slowest = 0.0
        while thread.is_alive():
            start = time.monotonic()
            assert good.exchange(PING) == PONG
            slowest = max(slowest, time.monotonic() - start)
        thread.join()
        assert done.is_set(), "it was cut off"
    assert slowest < 1.0


def test_garbage_as_fast_as_it_goes_hurts_nobody(bench: Bench) -> None:
    host, port = bench.place.split(":")
    stop = threading.Event()

    def pour() -> None:
        while not stop.is_set():
            with (
                contextlib.suppress(OSError),
                socket.create_connection((host, int(port)), 1.0) as bad,
            ):
                while not stop.is_set():
                    bad.sendall(b"\x05\x64" * 4096)

    threads = [threading.Thread(target=pour) for _ in range(2)]
    for thread in threads:
        thread.start()
    times = []
    with Master(bench.place) as good:
        for _ in range(100):
            start = time.monotonic()
            assert good.exchange(PING) == PONG
            times.append(time.monotonic() - start)
    stop.set()
    for thread in threads:
        thread.join()
    assert sorted(times)[94] < 0.25
    bench.wait_count("noise_closed")


def test_an_error_inside_ends_one_conversation_only(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: object) -> bytes:
        raise ZeroDivisionError

    with Master(bench.place) as other, Master(bench.place) as master:
        assert other.exchange(PING) == PONG
        encoders = {**dnp3_reads._ENCODERS, (30, 4): broken}
        with monkeypatch.context() as patch:
            patch.setattr(dnp3_reads, "_ENCODERS", encoders)
            master.send(READ)
            with pytest.raises(EOFError):
                master.receive()
        assert other.exchange(PING) == PONG
    assert "internal error" in caplog.text
    bench.wait_count("internal_errors")


def test_a_control_loop_that_hangs_is_seen() -> None:
    with Bench() as bench, Master(bench.place) as master:
        assert master.ask(1, "1E 02 00 00 00").objects()[30, 2][0][0] == 0x01
        bench.dead = True
        bench.wait(lambda: master.ask(0x17).iin[0] == 0xC0, 20.0)  # IIN1.6 beside IIN1.7
        flags = master.ask(1, "1E 02 00 00 00").objects()[30, 2][0][0]
        assert flags == 0x04, "the last value, no longer online"
        bench.dead = False
        bench.wait(lambda: master.ask(0x17).iin[0] == 0x80)


def test_any_free_port_is_kept_when_the_settings_change() -> None:
    with Bench() as bench:
        place = bench.place
        with Master(place) as master:
            assert master.exchange(PING) == PONG
            bench.reopen(dnp3__retry_s=7)
            assert bench.place == place
        bench.reopen(dnp3__event_class=1, dnp3__master_ip="127.0.0.9")
        assert bench.place == place
        with Master(place) as master:
            assert master.exchange(PING) == PONG


KEPT = [
    {"dnp3.retry_s": 7}, {"dnp3.retries": 9}, {"dnp3.unsolicited": True},
    {"dnp3.restart_message": True}, {"dnp3.event_class": 1}, {"dnp3.event_index_base": 1},
    {"dnp3.allow": "127.0.0.1"},
]  # fmt: skip


def is_closed(master: Master) -> bool:
    try:
        while master.receive(5.0) is not None:
            pass
    except (EOFError, ConnectionError):
        return True
    return False


def test_a_connection_outlives_every_setting_that_does_not_move_it() -> None:
    """Once each of them reset the master."""
    with Bench() as bench, Master(bench.place) as master:
        assert master.exchange(PING) == PONG
        for changes in KEPT:
            bench.reopen(**{key.replace(".", "__"): value for key, value in changes.items()})
            assert master.ask(0x17).iin[1] == 0, changes
        assert bench.bus.counts["dnp3"]["connections"] == 1
        bench.reopen(dnp3__allow="10.0.0.0/8")
        assert is_closed(master), "who is no longer welcome goes"


def test_what_moves_a_connection_ends_it_and_the_place_stays() -> None:
    with Bench() as bench:
        place = bench.place
        for changes in ({"dnp3.master": 3}, {"dnp3.extended": True}, {"dnp3.address": 11}):
            with Master(bench.place) as master:
                bench.reopen(**{key.replace(".", "__"): value for key, value in changes.items()})
                assert is_closed(master)
            assert bench.place == place


def test_equal_addresses_are_a_sentence_in_the_list_of_listeners() -> None:
    """Of a file that an older version has written; now they are refused."""
    with Bench() as bench:
        assert not bench.change(dnp3__master=10).ok
        assert bench.bus.listeners["dnp3"].fault == ""
        old = bench.station.settings
        bench.station.settings, errors = old.restored({**old, "dnp3.master": 10})
        assert errors == []
        bench.wait(lambda: bench.bus.listeners["dnp3"].fault)
        assert "both 10" in bench.bus.listeners["dnp3"].fault
        bench.change(dnp3__master=1)
        bench.wait(lambda: bench.place)
        with Master(bench.place) as master:
            assert master.exchange(PING) == PONG


@pytest.mark.parametrize("key", ["dnp3.address", "dnp3.master"])
def test_reserved_addresses_are_refused_in_the_settings(bench: Bench, key: str) -> None:
    answer = bench.change(**{key.replace(".", "__"): 65520})
    assert not answer.ok
    assert "65519" in answer.text


# --- the pinned library --------------------------------------------------------------------------

OVERRIDDEN = (
    "_addressed_to_us", "_cold_restart", "_dispatch_fragment", "_event_body", "_handle_frame",
    "_handle_write", "_has_news", "_indications", "_initiate_wait", "_reads_events",
    "_receive_broadcast", "_set_unsolicited", "_split_read", "_static_blocks", "_unconfirmed",
    "connection_reset", "initiate",
)  # fmt: skip
CALLED = ("_abandon", "_handle_fragment", "_is_restart_write", "_send")
ATTRIBUTES = (
    "_acted", "_announced", "_awaited", "_clock", "_deferred", "_enabled", "_events", "_frames",
    "_outstation_address", "_restart", "_restart_handler", "_select", "_unsolicited_resume",
    "_unsolicited_retries", "_unsolicited_timeout",
)  # fmt: skip


def test_the_private_names_of_py1815_are_there() -> None:
    """A new version that renames one would quietly switch an override off."""
    for name in (*OVERRIDDEN, *CALLED):
        assert callable(getattr(Session, name, None)), name
    assert set(OVERRIDDEN) <= set(vars(Dnp3Session))
    ours = set(vars(Dnp3Session)) & {name for name in vars(Session) if name.startswith("_")}
    assert {n for n in ours if not n.startswith("__")} <= set(OVERRIDDEN)
    made = inspect.getsource(Session)
    for name in ATTRIBUTES:
        assert f"self.{name} = " in made or f"self.{name}: " in made, name
