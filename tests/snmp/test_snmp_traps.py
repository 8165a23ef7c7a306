"""Notifications: what is told, in which words, to whom, and what happens when nobody listens."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from pyasn1.codec.ber import encoder
from pysnmp.proto.api import v1, v2c
from snmp_fixtures import ENGINE, Bench, Catcher, change, event
from snmp_station import BTRM, SYSTEM

from btrmd.bus import Bus
from btrmd.model.commands import Answer, SendTestTrap
from btrmd.model.events import Kind
from btrmd.model.snmp_tree import ALL_NOTIFICATIONS
from btrmd.notify.cursor import Cursor
from btrmd.notify.traps import line as lines
from btrmd.notify.traps import receiver as receiving
from btrmd.notify.traps import tester
from btrmd.notify.traps.message import date_and_time, telling
from btrmd.notify.traps.sender import LISTENER

Wait = Callable[..., None]


@pytest.fixture
def catcher() -> Iterator[Catcher]:
    made = Catcher()
    yield made
    made.socket.close()


@pytest.fixture
def bench(catcher: Catcher) -> Iterator[Bench]:
    made = Bench(
        snmp__trap0__enabled=True,
        snmp__trap0__address="127.0.0.1",
        snmp__trap0__port=catcher.port,
        snmp__trap0__community="traps",
    )
    yield made
    if made.sender is not None:
        made.sender.stop()


def rows_of(message: Any, module: Any = v2c) -> list[tuple[tuple[int, ...], Any]]:
    pdu = module.apiMessage.get_pdu(message)
    api = v1.apiTrapPDU if pdu.tagSet == v1.TrapPDU.tagSet else module.apiPDU
    return [(tuple(name), value) for name, value in api.get_varbinds(pdu)]


def test_a_trap_carries_everything_in_its_order(bench: Bench, catcher: Catcher) -> None:
    bench.start()
    bench.tell(event(17))
    message, _ = catcher.take()
    assert bytes(v2c.apiMessage.get_community(message)) == b"traps"
    assert v2c.apiMessage.get_pdu(message).tagSet == v2c.SNMPv2TrapPDU.tagSet
    rows = rows_of(message)
    assert [name for name, _ in rows] == [
        (*SYSTEM, 3, 0),
        (1, 3, 6, 1, 6, 3, 1, 1, 4, 1, 0),
        (*BTRM, 3, 3, 0),
        (*SYSTEM, 5, 0),
        (*SYSTEM, 6, 0),
        (*SYSTEM, 4, 0),
        (*BTRM, 99, 2, 1, 0),
        (*BTRM, 99, 2, 2, 0),
        (*BTRM, 99, 2, 3, 0),
        (*BTRM, 99, 2, 5, 0),
    ]
    values = [value for _, value in rows]
    assert int(values[0]) == 23109
    assert tuple(values[1]) == (*BTRM, 0, 3)
    assert int(values[2]) == 1
    assert [bytes(value) for value in values[3:7]] == [
        b"Hilltop", b"Cabinet 3", b"noc@example.com", b"IO1 digital input tripped.",
    ]  # fmt: skip
    assert int(values[7]) == 17
    assert bytes(values[8]) == bytes.fromhex("07ea 05 1c 14 1a 28 00 2b 00 00")
    assert int(values[9]) == 2, "a warning"
    bench.tell(event(18, kind=Kind.CLEAR))
    rows = rows_of(catcher.take()[0])
    assert tuple(rows[1][1]) == (*BTRM, 0, 3), "raise and clear share the OID"
    assert int(rows[2][1]) == 0


def test_a_v1_trap(bench: Bench, catcher: Catcher) -> None:
    change(bench, snmp__trap0__kind="trap_v1")
    bench.start()
    bench.tell(event(5, "supply.lost"))
    message, _ = catcher.take(v1)
    pdu = v1.apiMessage.get_pdu(message)
    assert tuple(v1.apiTrapPDU.get_enterprise(pdu)) == (*BTRM, 99)
    assert int(v1.apiTrapPDU.get_generic_trap(pdu)) == 6
    assert int(v1.apiTrapPDU.get_specific_trap(pdu)) == 1
    assert v1.apiTrapPDU.get_agent_address(pdu).prettyPrint() == "127.0.0.1"
    rows = rows_of(message, v1)
    assert rows[0][0] == (*BTRM, 99, 2, 4, 0)
    assert len(rows) == 8
    assert (rows[7][0], int(rows[7][1])) == ((*BTRM, 99, 2, 5, 0), 4), "major"
    bench.tell(event(6, "ups.on_battery"))
    rows = rows_of(catcher.take(v1)[0], v1)
    assert int(rows[7][1]) == 4, "as grave as the supply's loss, not info"


def test_a_receiver_at_an_ipv6_address_is_told_and_confirms(bench: Bench, wait_until: Wait) -> None:
    catcher = Catcher("::1")
    change(bench, snmp__trap0__address="::1", snmp__trap0__port=catcher.port)
    change(bench, snmp__trap0__kind="inform_v2c")
    sender = bench.start()
    bench.tell(event(17))
    message, peer = catcher.take()
    assert peer[0] == "::1"
    catcher.confirm(message, peer)
    wait_until(lambda: not sender._receivers[0].is_waiting)
    assert LISTENER not in bench.bus.listeners  # nothing to complain of
    # SNMPv1 has no room for the sender's address there (RFC 3584 3.1).
    change(bench, snmp__trap0__kind="trap_v1")
    bench.tell(event(18))
    message, _ = catcher.take(v1)
    pdu = v1.apiMessage.get_pdu(message)
    assert v1.apiTrapPDU.get_agent_address(pdu).prettyPrint() == "0.0.0.0"
    catcher.socket.close()


def test_a_receiver_may_have_a_name_and_move_to_the_other_family(
    bench: Bench, catcher: Catcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = {"noc.example.com": "127.0.0.1", "noc6.example.com": "::1"}
    real = socket.getaddrinfo

    def look_up(host: str, port: int, *args: Any, flags: int = 0, **more: Any) -> Any:
        if flags & socket.AI_NUMERICHOST:
            return real(host, port, *args, flags=flags, **more)
        return real(found[host], port, *args, flags=flags, **more)

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    change(bench, snmp__trap0__address="noc.example.com")
    bench.start()
    bench.tell(event(1))
    catcher.take()
    other = Catcher("::1")
    change(bench, snmp__trap0__address="noc6.example.com", snmp__trap0__port=other.port)
    bench.tell(event(2))
    other.take()
    other.socket.close()


def test_a_silent_name_server_delays_nobody_else_and_is_told(
    bench: Bench, catcher: Catcher, monkeypatch: pytest.MonkeyPatch, wait_until: Wait
) -> None:
    asked, answer = threading.Event(), threading.Event()
    real = socket.getaddrinfo

    def look_up(host: str, port: int, *args: Any, flags: int = 0, **more: Any) -> Any:
        if host == "noc.example.com" and not flags & socket.AI_NUMERICHOST:
            asked.set()
            answer.wait(20.0)
            host = "127.0.0.1"
        return real(host, port, *args, flags=flags, **more)

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    silent = Catcher()
    change(bench, snmp__trap1__enabled=True, snmp__trap1__address="noc.example.com")
    change(bench, snmp__trap1__port=silent.port)
    bench.start()
    bench.tell(event(1))
    catcher.take()
    assert asked.wait(5.0)
    where = f"SNMP receiver 1 at noc.example.com:{silent.port} cannot be reached"
    wait_until(
        lambda: (
            (shown := bench.bus.listeners.get(LISTENER)) is not None
            and shown.fault.startswith(where)
        )
    )
    bench.tell(event(2))
    catcher.take()
    answer.set()
    silent.take()
    silent.take()
    wait_until(lambda: bench.bus.listeners[LISTENER].fault == "")
    silent.socket.close()


def test_what_is_told_and_what_is_not() -> None:
    assert telling(event(notify=False)) is None, "the first 10 s (R86)"
    assert telling(event(key="site.contact", kind=Kind.COMMAND)) is None
    assert telling(event(key="io1", kind=Kind.COMMAND)) is None, "an acknowledgement"
    assert telling(event(key="test.state", kind=Kind.CHANGE)) is None
    for key, oid in (
        ("battery.low_capacity", (0, 1)), ("battery.low_voltage", (0, 2)), ("io2", (0, 4)),
        ("sensor.0x4a", (99, 0, 12)), ("sensor.0x40", (99, 0, 12)), ("relay.k3", (99, 0, 11)),
    ):  # fmt: skip
        reported = telling(event(key=key))
        assert reported is not None
        assert reported.notification.oid == oid
        assert reported.is_on
    lvd = telling(event(key="lvd.open", kind=Kind.CHANGE, value=False))
    assert lvd is not None
    assert not lvd.is_on
    assert len({item.oid for item in ALL_NOTIFICATIONS}) == len(ALL_NOTIFICATIONS)


def test_date_and_time_is_utc() -> None:
    assert date_and_time(0.25) == bytes((0x07, 0xB2, 1, 1, 0, 0, 0, 2, ord("+"), 0, 0))


def test_nothing_is_told_while_receivers_are_off_nor_afterwards(
    bench: Bench, catcher: Catcher, wait_until: Wait
) -> None:
    change(bench, snmp__trap0__enabled=False)
    sender = bench.start()
    bench.tell(event(1))
    wait_until(lambda: sender._receivers[0].cursor.n == 1)
    assert "trap0" not in bench.numbers.numbers
    change(bench, snmp__trap0__enabled=True)
    bench.tell(event(2))
    assert int(rows_of(catcher.take()[0])[7][1]) == 2


def test_nor_after_settings_that_changed_at_a_standstill(bench: Bench, catcher: Catcher) -> None:
    """On, off, an event, a kill, an import, a start."""
    sender = bench.start()
    bench.tell(event(1))
    catcher.take()
    change(bench, snmp__trap0__enabled=False)
    bench.tell(event(2))
    sender.stop()
    bench.numbers.numbers["trap0"] = 1  # as a version that kept it had it, killed while off
    bench.bus = Bus(bench.bus.snapshot)
    bench.start().stop()
    assert "trap0" not in bench.numbers.numbers
    bench.history.list.append(event(3))
    change(bench, snmp__trap0__enabled=True)
    bench.bus = Bus(bench.bus.snapshot)
    bench.start()
    bench.tell(event(4))
    assert int(rows_of(catcher.take()[0])[7][1]) == 4


def test_a_restart_tells_what_was_not_told_and_nothing_twice(
    bench: Bench, catcher: Catcher
) -> None:
    sender = bench.start()
    bench.tell(event(1))
    catcher.take()
    sender.stop()
    bench.history.list.append(event(2))  # it happened, and the daemon was killed
    bench.bus = Bus(bench.bus.snapshot)
    bench.start()
    bench.tell(event(3))
    numbers = [int(rows_of(catcher.take()[0])[7][1]) for _ in range(2)]
    assert numbers == [2, 3]


def test_an_inform_is_repeated_until_it_is_confirmed(
    bench: Bench, catcher: Catcher, wait_until: Wait, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(receiving, "FIRST_PAUSE_S", 0.05)
    change(bench, snmp__trap0__kind="inform_v2c")
    bench.start()
    bench.tell(event(1), event(2))
    first, sender = catcher.take()
    second, _ = catcher.take()
    assert encoder.encode(first) == encoder.encode(second), "the same once more"
    catcher.socket.sendto(b"nonsense", sender)
    catcher.confirm(first, sender, request_id=12345)  # somebody else's
    assert int(rows_of(catcher.take()[0])[7][1]) == 1
    wait_until(lambda: "does not confirm" in bench.bus.listeners[LISTENER].fault)
    catcher.confirm(first, sender)
    while int(rows_of((message := catcher.take())[0])[7][1]) == 1:
        pass
    catcher.confirm(*message)
    wait_until(lambda: bench.numbers.numbers["trap0"] == 2)
    wait_until(lambda: bench.bus.listeners[LISTENER].fault == "")


def test_a_receiver_that_never_confirms_is_given_up_and_holds_nobody_up(
    bench: Bench, catcher: Catcher, wait_until: Wait, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(receiving, "FIRST_PAUSE_S", 0.02)
    monkeypatch.setattr(receiving, "GIVE_UP_S", 0.3)
    deaf = Catcher()
    change(
        bench, snmp__trap1__enabled=True, snmp__trap1__address="127.0.0.1",
        snmp__trap1__port=deaf.port, snmp__trap1__kind="inform_v2c",
    )  # fmt: skip
    bench.start()
    start = time.monotonic()
    bench.tell(event(1), event(2))
    assert [int(rows_of(catcher.take()[0])[7][1]) for _ in range(2)] == [1, 2]
    assert time.monotonic() - start < 2.0
    wait_until(lambda: bench.numbers.numbers["trap1"] == 2)
    deaf.socket.close()


def test_an_unreachable_network_is_a_visible_fault_and_loses_nothing(
    bench: Bench, catcher: Catcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    cursor = Cursor("trap0", bench.bus, bench.history, bench.numbers)  # type: ignore[arg-type]
    made = receiving.Receiver(0, bench.bus, cursor, ENGINE)
    bench.tell(event(1))

    def refuse(*words: object) -> None:
        raise OSError(101, "Network is unreachable")

    with monkeypatch.context() as patch:
        patch.setattr(lines.TrapLine, "_message", refuse)
        made.step(0.0)
    assert made.fault == (
        f"SNMP receiver 0 at 127.0.0.1:{catcher.port} cannot be reached: Network is unreachable."
    )
    made.step(1.0)
    assert made.sent == 0, "not before its pause"
    made.step(3.0)
    assert (made.sent, made.fault) == (1, "")
    assert int(rows_of(catcher.take()[0])[7][1]) == 1
    made.close()


def test_the_test_notification(bench: Bench, catcher: Catcher) -> None:
    bench.start()
    answer = bench.bus.perform(SendTestTrap("web admin"))
    said = f"A trap was sent to 127.0.0.1:{catcher.port}; traps are not confirmed."
    assert answer == Answer(True, "ok", said, {"lines": [said]})
    rows = rows_of(catcher.take()[0])
    assert tuple(rows[1][1]) == (*BTRM, 99, 0, 16)
    assert b"web admin" in bytes(rows[6][1])
    change(bench, snmp__trap0__enabled=False)
    answer = bench.bus.perform(SendTestTrap())
    assert (answer.ok, answer.code, answer.text) == (
        False, "no_receiver", "No trap receiver is enabled.",
    )  # fmt: skip


def test_the_test_notification_waits_for_confirmations(
    bench: Bench, catcher: Catcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tester, "REPEAT_S", 0.1)
    change(bench, snmp__trap0__kind="inform_v2c")
    bench.start()
    answers: list[Answer] = []
    asking = threading.Thread(target=lambda: answers.append(bench.bus.perform(SendTestTrap())))
    asking.start()
    first, _ = catcher.take()
    second, sender = catcher.take()
    assert encoder.encode(first) == encoder.encode(second), "the same once more"
    catcher.confirm(second, sender)
    asking.join(10.0)
    assert answers[0].ok
    assert answers[0].text == f"127.0.0.1:{catcher.port} has confirmed the inform."
    monkeypatch.setattr(tester, "TEST_S", 0.2)
    answer = bench.bus.perform(SendTestTrap())
    assert answer.code == "unconfirmed"
    assert "did not confirm the inform within 0.2 s" in answer.text
