"""DNP3 writes: every output by every way in, with the owner's real verdict and its source."""

from __future__ import annotations

import struct
import threading
from collections.abc import Callable, Iterator

import pytest
from dnp3_bench import Bench
from dnp3_wire import UNCONFIRMED, Master, analog, frame

from btrmd.model.commands import NoteWrite, RestartUnit
from btrmd.model.site import Site

SUCCESS, NO_SELECT, RANGE, REFUSED, TOO_MANY = 0, 2, 3, 4, 8


@pytest.fixture
def bench() -> Iterator[Bench]:
    with Bench() as made:
        yield made


@pytest.fixture
def master(bench: Bench) -> Iterator[Master]:
    with Master(bench.place) as made:
        yield made


def setpoint(index: int, value: int) -> bytes:
    return struct.pack("<BBBBBhB", 41, 2, 0x17, 1, index, value, 0)


def operate(master: Master, index: int, value: int) -> int:
    """Direct operate; the status."""
    response = master.ask(5, setpoint(index, value))
    assert response.body[:-1] == setpoint(index, value)[:-1]
    return response.body[-1]


def write(master: Master, index: int, value: int) -> int:
    """WRITE g10v1; the second IIN octet."""
    return master.ask(2, bytes([10, 1, 0, index, index, value])).iin[1]


@pytest.mark.parametrize(
    ("index", "key", "value", "setting"),
    [
        (0, "test.minimum_runtime_min", 0, 0),
        (0, "test.minimum_runtime_min", 3200, 3200),
        (1, "test.interval_h", 0, 0),
        (1, "test.interval_h", 500, 500),
        (3, "io1.config", 4, 4),
        (4, "io2.config", 2, 2),
        (5, "system.voltage", 1, 12),
    ],
)
def test_a_setpoint_is_a_setting(
    bench: Bench, master: Master, index: int, key: str, value: int, setting: object
) -> None:
    assert operate(master, index, value) == SUCCESS
    assert bench.bus.snapshot.settings[key] == setting
    objects = master.ask(1, bytes([40, 2, 0, index, index])).objects()
    assert analog(objects[40, 2][index][1:]) == value


def test_the_next_test_time_goes_to_the_owner(bench: Bench, master: Master) -> None:
    assert operate(master, 2, 500) == SUCCESS
    assert operate(master, 2, 501) == RANGE
    assert [getattr(c, "changes", None) for c in bench.asked] == [{"test.next_h": 500}]


@pytest.mark.parametrize(
    ("index", "value", "status"),
    [
        (0, -1, RANGE), (0, 3201, RANGE), (1, 501, RANGE), (2, 501, RANGE), (3, 5, RANGE),
        (4, 3, RANGE),  # CH2 is no output here (C5)
        (5, 0, RANGE), (5, 5, RANGE), (5, 3, RANGE),  # 36 V is for the 400
        (5, 2, REFUSED),  # in range, but a 12 V battery is connected
        (6, 1, REFUSED), (255, 1, REFUSED),
    ],
)  # fmt: skip
def test_what_is_refused_changes_nothing(
    bench: Bench, master: Master, index: int, value: int, status: int
) -> None:
    before = bench.bus.snapshot.settings
    response = master.ask(5, setpoint(index, value))
    assert response.body[-1] == status
    assert bool(response.iin[1] & 0x04) is (status == REFUSED)
    assert bench.bus.snapshot.settings.differing(before) == ()


def test_the_site_file_and_the_model_widen_the_ranges() -> None:
    with (
        Bench(site=Site(model="400", ch2_output=True)) as bench,
        Master(bench.place) as master,
    ):
        assert operate(master, 4, 4) == SUCCESS
        assert operate(master, 5, 4) == REFUSED  # a setting of the 400, but the battery is 12 V
        assert operate(master, 5, 5) == RANGE


def test_each_setpoint_of_a_request_has_its_own_verdict(bench: Bench, master: Master) -> None:
    points = [(0, 60), (1, 501), (3, 1)]
    body = struct.pack("<BBBB", 41, 2, 0x17, 3)
    for index, value in points:
        body += struct.pack("<BhB", index, value, 0)
    response = master.ask(5, body)
    assert [response.body[4 + 4 * n + 3] for n in range(3)] == [SUCCESS, RANGE, SUCCESS]
    settings = bench.bus.snapshot.settings
    assert (settings["test.minimum_runtime_min"], settings["io1.config"]) == (60, 1)


def test_too_many_setpoints_are_none(bench: Bench, master: Master) -> None:
    body = struct.pack("<BBBB", 41, 2, 0x17, 17) + 17 * struct.pack("<BhB", 0, 60, 0)
    response = master.ask(5, body)
    assert {response.body[4 + 4 * n + 3] for n in range(17)} == {TOO_MANY}
    assert bench.asked == []


@pytest.mark.parametrize(
    ("variation", "octets", "status"),
    [
        (1, struct.pack("<i", 300), SUCCESS),
        (1, struct.pack("<i", 70000), RANGE),
        (3, struct.pack("<f", 300.0), SUCCESS),
        (3, struct.pack("<f", 300.5), RANGE),
        (3, struct.pack("<f", float("nan")), RANGE),
        (4, struct.pack("<d", 300.0), SUCCESS),
        (4, struct.pack("<d", float("-inf")), RANGE),
    ],
)
def test_other_widths_of_a_setpoint(
    master: Master, variation: int, octets: bytes, status: int
) -> None:
    body = bytes([41, variation, 0x17, 1, 0]) + octets
    assert master.ask(5, body + b"\0").body == body + bytes([status])


def test_select_then_operate(bench: Bench, master: Master) -> None:
    assert master.ask(3, setpoint(0, 77)).body[-1] == SUCCESS
    assert bench.asked == [], "a select carries nothing out"
    assert master.ask(4, setpoint(0, 77)).body[-1] == SUCCESS
    assert bench.bus.snapshot.settings["test.minimum_runtime_min"] == 77
    assert master.ask(4, setpoint(0, 77)).body[-1] == NO_SELECT
    assert master.ask(3, setpoint(4, 3)).body[-1] == RANGE
    assert master.ask(3, setpoint(0, 78)).body[-1] == SUCCESS
    master.ask(0x0F)  # initialize data ends the select
    assert master.ask(4, setpoint(0, 78)).body[-1] == NO_SELECT


def test_direct_operate_without_a_response(bench: Bench, master: Master) -> None:
    master.send(b"\xc1\x06" + setpoint(0, 88))
    bench.wait(lambda: bench.bus.snapshot.settings["test.minimum_runtime_min"] == 88)
    assert master.exchange("C2 0F") == "C2 81 80 00"


def test_a_repeated_request_acts_once(bench: Bench, master: Master) -> None:
    request = b"\xc7\x05" + setpoint(0, 99)
    first = master.exchange(request)
    assert master.exchange(request) == first
    assert len(bench.asked) == 1


# --- binary outputs ------------------------------------------------------------------------------


def test_enabling_and_disabling(bench: Bench, master: Master) -> None:
    for index, key in ((1, "lvd.enabled"), (2, "test.enabled")):
        for value in (1, 1, 0):
            assert write(master, index, value) == 0
            assert bench.bus.snapshot.settings[key] is bool(value)
            flags = master.ask(1, bytes([10, 2, 0, index, index])).objects()[10, 2][index]
            assert flags == (b"\x81" if value else b"\x01")


def test_start_and_stop_of_a_test_obey_the_interlocks(bench: Bench, master: Master) -> None:
    with bench.lock:
        bench.station.plant.supply.on = False
    bench.wait_value("supply.present", False)
    assert write(master, 3, 1) == 0x04, "no supply: no test"
    refused = [e for e in bench.bus.events_after(0) if e.key == "test.refused"]
    assert [(e.source, bool(e.text)) for e in refused] == [("dnp3 127.0.0.1", True)]
    with bench.lock:
        bench.station.plant.supply.on = True
    bench.wait(lambda: write(master, 3, 1) == 0, 40.0)  # a busy machine; it only ends a hang
    assert bench.bus.snapshot.points["test.state"].value == "proving"
    assert master.ask(1, "0A 02 00 03 03").objects()[10, 2][3] == b"\x81"
    assert write(master, 3, 1) == 0x04, "a second start is refused (R194)"
    assert write(master, 0, 1) == 0x04, "no reset in a test"
    assert operate(master, 5, 2) == REFUSED
    assert master.ask(13).iin[1] == 0x04, "no restart in a test"
    assert write(master, 3, 0) == 0
    bench.wait_value("test.state", "idle")
    assert write(master, 3, 0) == 0, "nothing to stop: it is so already"
    started = [e for e in bench.bus.events_after(0) if "started" in e.text]
    assert [event.source for event in started] == ["dnp3 127.0.0.1"]


@pytest.mark.parametrize(
    ("code", "status", "enabled"),
    [
        (0x03, SUCCESS, True),  # latch on
        (0x04, SUCCESS, False),  # latch off
        (0x01, SUCCESS, True),  # pulse on
        (0x41, SUCCESS, True),  # close
        (0x81, SUCCESS, False),  # trip
        (0x02, REFUSED, None),  # pulse off
        (0x00, REFUSED, None),
        (0x13, RANGE, None),  # the obsolete queue bit
    ],
)
def test_relay_blocks(
    bench: Bench, master: Master, code: int, status: int, enabled: bool | None
) -> None:
    start = enabled is not True
    bench.change(lvd__enabled=start)
    body = struct.pack("<BBBBBBBIIB", 12, 1, 0x17, 1, 1, code, 1, 100, 100, 0)
    assert master.ask(5, body).body[-1] == status
    now = bench.bus.snapshot.settings["lvd.enabled"]
    assert now is (start if enabled is None else enabled)


def test_one_relay_block_is_one_operation(bench: Bench, master: Master) -> None:
    body = struct.pack("<BBBBBBBIIB", 12, 1, 0x17, 1, 1, 0x03, 2, 0, 0, 0)
    assert master.ask(5, body).body[-1] == REFUSED
    assert bench.asked == []


# --- permissions ---------------------------------------------------------------------------------


def test_writes_can_be_switched_off_at_once(bench: Bench, master: Master) -> None:
    bench.change(dnp3__writes=False)
    bench.asked.clear()
    assert operate(master, 0, 60) == REFUSED
    assert write(master, 0, 1) == 0x04
    assert master.ask(3, setpoint(0, 60)).body[-1] == REFUSED
    assert master.ask(2, "50 01 00 07 07 00").iin == (0, 0), "the protocol's own bit is no output"
    bench.wait_count("writes_refused", 3)
    assert all(isinstance(command, NoteWrite) for command in bench.asked)
    bench.change(dnp3__writes=True)
    assert operate(master, 0, 60) == SUCCESS


def test_cold_restart_has_its_own_permission(bench: Bench, master: Master) -> None:
    bench.change(dnp3__cold_restart=False)
    assert master.ask(13).iin[1] == 0x01
    bench.change(dnp3__cold_restart=True)
    assert master.ask(13, "3C 01 06").iin[1] == 0x04
    response = master.ask(13)
    assert response.iin[1] == 0
    assert response.body == bytes.fromhex("34 02 07 01 30 75")  # 30,000 ms
    assert [c for c in bench.asked if isinstance(c, RestartUnit)] == [RestartUnit("dnp3 127.0.0.1")]


@pytest.mark.parametrize(
    ("start_s", "announced"),
    [(0.7, 6_000), (0.2, 5_000), (9.0, 22_000), (60.0, 30_000), (None, 30_000)],
)
def test_a_cold_restart_announces_what_the_start_took(
    bench: Bench, master: Master, start_s: float | None, announced: int
) -> None:
    bench.bus.start_s = start_s
    response = master.ask(13)
    assert response.body == bytes.fromhex("34 02 07 01") + announced.to_bytes(2, "little")


def test_a_broadcast_write_is_done_and_not_answered(bench: Bench, master: Master) -> None:
    request = bytes([0xC0]) + bytes.fromhex("C1 02 0A 01 00 01 01 01")
    master.send_raw(frame(UNCONFIRMED, 0xFFFF, 1, request))
    bench.wait(lambda: bench.bus.snapshot.settings["lvd.enabled"])
    assert master.exchange("C2 0F")[:8] == "E2 81 81", "IIN1.0 tells of it, and asks for a confirm"


# --- an owner that does not answer ---------------------------------------------------------------


def test_a_slow_owner_holds_up_one_connection_only(
    bench: Bench, master: Master, wait_until: Callable[..., None]
) -> None:
    bench.deaf = True
    answers: list[str] = []
    request = b"\xc1\x05" + setpoint(0, 61)
    thread = threading.Thread(target=lambda: answers.append(master.exchange(request)))
    thread.start()
    try:
        with Master(bench.place) as other:
            for number in range(1, 9):
                assert other.ask(1, "1E 04 06").objects()[30, 4]
                assert not answers, f"answered before the owner, at poll {number}"
    finally:
        bench.deaf = False
    thread.join(10.0)
    assert answers[0].endswith("3D 00 00")


def test_what_is_pipelined_behind_a_write_is_answered_behind_it(
    bench: Bench, master: Master
) -> None:
    bench.deaf = True
    master.send(b"\xc1\x05" + setpoint(0, 62))
    master.send("C2 01 28 02 00 00 00")
    assert master.receive(0.3) is None
    bench.deaf = False
    first, second = master.response(), master.response()
    assert (first.sequence, first.body[-1]) == (1, SUCCESS)
    assert (second.sequence, analog(second.objects()[40, 2][0][1:])) == (2, 62)


def test_an_owner_that_never_answers_is_a_refusal(bench: Bench, master: Master) -> None:
    bench.deaf = True
    assert operate(master, 0, 63) == REFUSED
    assert write(master, 1, 1) == 0x04
