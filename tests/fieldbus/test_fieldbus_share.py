"""Crowds before the fieldbus listeners: no address keeps another one's master out."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import socket
from collections.abc import Callable, Mapping

import pytest
from dnp3_bench import Bench
from dnp3_wire import Master, frames
from fieldbus_station import Station
from hostile import address, connect, crowd, is_open
from waiting import wait_until

from btrmd.model.service import LIMITS
from btrmd.servers.fieldbus import dnp3_tcp, modbus_tcp
from btrmd.servers.fieldbus.dnp3_connection import Dnp3Connection
from btrmd.servers.fieldbus.dnp3_session import Dnp3Session
from btrmd.servers.fieldbus.dnp3_tcp import TcpConnection
from btrmd.servers.fieldbus.listener_config import TcpPlace
from btrmd.servers.fieldbus.listening import AT_ONCE, Listening
from btrmd.servers.share import Share

READ = bytes.fromhex("0001 0000 0006 01 04 0000 0001")


def ask(sock: socket.socket) -> bytes:
    sock.sendall(READ)
    return sock.recv(300)


def counts(station: Station) -> Mapping[str, int]:
    """The listener's counts, as it reported them last."""
    return station.bus.counts.get("modbus", {})


def turned_away(station: Station) -> int:
    found = counts(station)
    return found.get("displaced", 0) + found.get("refused", 0)


def port_of(place: str) -> int:
    return int(place.rpartition(":")[2])


def test_sixty_four_that_poll_do_not_keep_a_master_out(station: Station) -> None:
    """From one address, all of them at work; another address is served at once, and stays."""
    port = port_of(station.address())
    with crowd(port, 64, 1, READ) as held:
        with connect(port, address(7)) as master:
            assert ask(master)[7] == 4
            for sock in held:
                if is_open(sock):
                    sock.setblocking(True)
                    sock.sendall(READ)
            assert ask(master)[7] == 4
        assert sum(map(is_open, held)) >= 63


def test_a_crowd_from_forty_addresses_does_not_either(station: Station) -> None:
    port = port_of(station.address())
    with crowd(port, 400, 40, READ), connect(port, address(99)) as master:
        for _ in range(20):
            assert ask(master)[7] == 4
        wait_until(lambda: turned_away(station) > 300)


def test_a_host_that_the_allow_list_names_makes_no_room(
    start_station: Callable[..., Station],
) -> None:
    station = start_station(modbus__allow=f"127.0.0.0/8, {address(5)}")
    port = port_of(station.address())
    with connect(port, address(5)) as master:
        assert ask(master)[7] == 4
        with crowd(port, 200, 100, READ):
            assert ask(master)[7] == 4


@pytest.mark.parametrize("turns", [0, 1, 2, 3])
def test_a_listener_that_closes_leaves_no_connection_open(turns: int) -> None:
    """Whatever the loop has made of what came: nothing yet, a transport, a client."""

    clients: list[asyncio.Transport] = []

    class Client(asyncio.Protocol):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            assert isinstance(transport, asyncio.Transport)
            clients.append(transport)

    async def run() -> None:
        listening = Listening(TcpPlace("127.0.0.1", 0), Share(LIMITS["modbus"]), Client)
        with crowd(listening.place.port, 5, 1) as held:
            listening._accept()
            for _ in range(turns):
                await asyncio.sleep(0)
            listening.close()
            for client in clients:  # as an endpoint does when it stops
                client.abort()
            for _ in range(3):
                await asyncio.sleep(0)
            assert not any(map(is_open, held))

    # A socket that is left to the garbage collector is a ResourceWarning, and fails this test.
    asyncio.run(run())


def test_all_that_come_at_once_are_made_and_who_still_waits_is_closed_with_the_listener() -> None:
    """The socket is not readable any more when those have their turn whom a look has left."""
    made: list[asyncio.Protocol] = []

    class Client(asyncio.Protocol):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            assert isinstance(transport, asyncio.Transport)
            made.append(self)
            self.transport = transport

    async def run() -> None:
        listening = Listening(TcpPlace("127.0.0.1", 0), Share(LIMITS["modbus"]), Client)
        port = listening.place.port
        with crowd(port, 3 * AT_ONCE, 1), crowd(port, AT_ONCE, 1):
            while len(made) < 4 * AT_ONCE:
                await asyncio.sleep(0)  # the loop goes on, and takes in more
        with crowd(port, 3 * AT_ONCE, 1) as held:
            listening._accept()
            listening.close()
            for client in made:
                client.transport.abort()  # type: ignore[attr-defined]
            for _ in range(3):
                await asyncio.sleep(0)
            assert not any(map(is_open, held))

    asyncio.run(asyncio.wait_for(run(), 30.0))


def test_who_does_not_take_his_answers_is_let_go(
    start_station: Callable[..., Station], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(modbus_tcp, "STALL_S", 0.3)
    station = start_station()
    with socket.socket() as deaf, station.connect() as master:
        deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        deaf.settimeout(0.2)
        deaf.connect(("127.0.0.1", port_of(station.address())))

        def is_let_go() -> bool:
            with contextlib.suppress(OSError):  # it does not read, so soon it is not read either
                deaf.sendall(READ * 500)
            return counts(station).get("stalled_closed") == 1

        wait_until(is_let_go, 30.0)
        assert master.ask(READ)


def test_strangers_with_one_frame_each_do_not_keep_the_dnp3_master_out() -> None:
    with Bench() as bench:
        port = port_of(bench.place)
        frame = frames(bytes.fromhex("C0 0F"))
        with crowd(port, 4, 4, frame) as held:
            with Master(bench.place) as master:
                assert master.exchange("CA 0F") == "CA 81 80 00"
            assert sum(map(is_open, held)) == 3


def test_the_masters_own_half_open_connections_do_not_keep_it_out() -> None:
    with Bench({"dnp3.master_ip": "127.0.0.1", "dnp3.unsolicited": False}) as bench:
        dead = [Master(bench.place) for _ in range(4)]
        for one in dead:
            assert one.exchange("CA 0F") == "CA 81 80 00"

        def is_served() -> bool:
            try:
                with Master(bench.place) as again:
                    return again.exchange("CA 0F") == "CA 81 80 00"
            except (EOFError, OSError):
                return False

        bench.wait(is_served, 3.0)
        for one in dead:
            one.close()


def test_the_configured_master_makes_no_room_for_strangers() -> None:
    with Bench({"dnp3.master_ip": "127.0.0.1", "dnp3.unsolicited": False}) as bench:
        port = port_of(bench.place)
        with Master(bench.place) as master:
            assert master.exchange("CA 0F") == "CA 81 80 00"
            with crowd(port, 40, 40, frames(bytes.fromhex("C0 0F"))):
                assert master.exchange("CA 0F") == "CA 81 80 00"
        assert dnp3_tcp.LIMIT.most == 4


def test_a_dnp3_connection_that_has_ended_is_gone_at_once() -> None:
    """Not when the collector of cycles comes, which is after hundreds of them."""
    kinds = (TcpConnection, Dnp3Connection, Dnp3Session)

    def alive() -> list[object]:
        return [one for one in gc.get_objects() if isinstance(one, kinds)]

    def left() -> list[object]:
        return [one for one in alive() if all(one is not other for other in known)]

    with Bench() as bench:
        gc.collect()
        known = alive()  # of a test before this one, whose threads have not ended
        gc.disable()
        try:
            with Master(bench.place) as master:
                assert master.exchange("CA 0F") == "CA 81 80 00"
                assert len(left()) == len(kinds)
            wait_until(lambda: not left())
        finally:
            gc.enable()
