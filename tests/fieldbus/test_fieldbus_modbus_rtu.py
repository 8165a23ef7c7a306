"""Modbus RTU: frames between silences, on paper and on a serial cable."""

from __future__ import annotations

import os
import select
import time
from collections.abc import Callable, Iterator

import pytest
from fieldbus_station import SerialPair, Station
from hypothesis import given
from hypothesis import strategies as st
from waiting import wait_until

from btrmd.model.commands import ChangeSettings
from btrmd.servers.fieldbus.listener_config import FieldbusOptions, SerialLine
from btrmd.servers.fieldbus.modbus_echo import STRAY, Echo
from btrmd.servers.fieldbus.modbus_rtu import Framer, crc16, gap_s, patience_s

SILENCE_S = 0.1  # far more than any gap here, so that a busy machine does not join two frames


def framed(text: str) -> bytes:
    data = bytes.fromhex(text)
    return data + crc16(data)


# --- on paper ------------------------------------------------------------------------------------


def test_crc() -> None:
    assert crc16(bytes.fromhex("0207")) == bytes.fromhex("4112")  # V1.02, appendix B
    assert crc16(bytes.fromhex("010300000001")) == bytes.fromhex("840a")
    assert crc16(b"123456789") == bytes.fromhex("374b")  # check value 0x4B37 of CRC-16/MODBUS


@pytest.mark.parametrize(
    ("baud", "gap_ms"),
    [(1200, 32.08), (9600, 4.01), (19200, 2.005), (38400, 1.75), (115200, 1.75)],
)
def test_gap(baud: int, gap_ms: float) -> None:
    assert 1000 * gap_s(baud) == pytest.approx(gap_ms, abs=0.01)


FRAME = framed("01 04 0000 0001")


def make_framer() -> Framer:
    return Framer(gap_s(9600), patience_s(9600))


def test_a_frame_ends_at_the_silence() -> None:
    framer = make_framer()
    assert framer.add(FRAME, 0.0) is None
    assert framer.end() == FRAME
    assert framer.end() is None


def test_pieces_without_a_gap_are_one_frame() -> None:
    framer = make_framer()
    for n, byte in enumerate(FRAME):
        assert framer.add(bytes((byte,)), 0.003 * n) is None
    assert framer.end() == FRAME


def test_the_odd_bytes_a_uart_hands_over_late() -> None:
    framer = make_framer()
    framer.add(FRAME[:6], 0.0)
    assert framer.end() is None  # 4 ms later
    framer.add(FRAME[6:], 0.006)
    assert framer.end() == FRAME


def test_half_a_frame_is_forgotten() -> None:
    framer = make_framer()
    framer.add(FRAME[:4], 0.0)
    assert framer.end() is None
    framer.add(FRAME[4:], 0.1)
    assert framer.end() is None
    framer.add(FRAME, 0.2)
    assert framer.end() == FRAME


def test_half_a_frame_does_not_spoil_the_next_one() -> None:
    framer = make_framer()
    framer.add(FRAME[:5], 0.0)
    assert framer.end() is None
    framer.add(FRAME, 0.006)
    assert framer.end() == FRAME


def test_a_late_loop_loses_nothing() -> None:
    """Bytes that were read late may belong to what was there before, or may not."""
    framer = make_framer()
    framer.add(FRAME[:3], 0.0)
    assert framer.add(FRAME[3:], 0.05) is None
    assert framer.end() == FRAME
    framer.add(FRAME[:3], 1.0)
    assert framer.add(FRAME, 1.05) is None
    assert framer.end() == FRAME
    framer.add(FRAME, 2.0)
    assert framer.add(FRAME, 2.05) == FRAME
    assert framer.end() == FRAME


def test_two_frames_without_a_silence_are_none() -> None:
    framer = make_framer()
    framer.add(FRAME + FRAME, 0.0)
    assert framer.end() is None


@given(
    st.lists(
        st.tuples(st.binary(min_size=1, max_size=300), st.floats(0.0, 0.05), st.booleans()),
        max_size=30,
    )
)
def test_whatever_comes_the_framer_stays_small_and_hears_the_next_frame(
    pieces: list[tuple[bytes, float, bool]],
) -> None:
    framer, now = make_framer(), 0.0
    for data, pause, is_silent in pieces:
        now += pause
        framer.add(data, now)
        if is_silent:
            framer.end()
        assert len(framer._piece) <= 256 + 300
        assert len(framer._held) <= 256
    framer.end()
    framer.add(FRAME, now + 1.0)
    assert framer.end() == FRAME


# --- on a cable ----------------------------------------------------------------------------------


class Master:
    """The other end of the cable."""

    def __init__(self, cable: SerialPair) -> None:
        self.fd = cable.open_there()

    def send(self, data: bytes) -> None:
        os.write(self.fd, data)

    def hear(self, seconds: float = 2.0) -> bytes:
        """What comes until the line is silent."""
        data = b""
        while select.select([self.fd], [], [], seconds)[0]:
            data += os.read(self.fd, 512)
            seconds = SILENCE_S
        return data

    def ask(self, text: str) -> str:
        self.send(framed(text))
        return self.hear().hex(" ")


@pytest.fixture
def line(cable: SerialPair, start_station: Callable[..., Station]) -> Station:
    station = start_station(FieldbusOptions("none", "none", SerialLine(str(cable.here))))
    assert station.address("serial") == str(cable.here)
    return station


@pytest.fixture
def master(line: Station, cable: SerialPair) -> Iterator[Master]:
    master = Master(cable)
    yield master
    os.close(master.fd)


def test_read_write_and_exceptions(line: Station, master: Master) -> None:
    assert master.ask("01 04 0000 0001") == framed("01 04 02 344f").hex(" ")
    assert master.ask("01 06 0000 012c") == framed("01 06 0000 012c").hex(" ")
    assert master.ask("01 03 0000 0001") == framed("01 03 02 012c").hex(" ")
    assert master.ask("01 63 00") == framed("01 e3 01").hex(" ")
    assert master.ask("01 03 0006 0001") == framed("01 83 02").hex(" ")
    assert master.ask("01 10 0000 0002 04 0001 ffff") == framed("01 90 03").hex(" ")
    wanted = ChangeSettings({"test.minimum_runtime_min": 300}, "modbus serial", from_wire=True)
    assert line.owner.commands[0] == wanted


def test_other_units_bad_crc_and_answers_of_others_are_not_answered(
    line: Station, master: Master
) -> None:
    for data in (
        framed("02 04 0000 0001"),
        framed("ff 04 0000 0001"),
        FRAME[:-1] + b"\x00",
        framed("01 84 02"),
        b"\x01\x04",
        b"\xff" * 300,
        FRAME + FRAME,
    ):
        master.send(data)
        assert master.hear(SILENCE_S) == b"", data.hex(" ")
    assert master.ask("01 04 0000 0001") == framed("01 04 02 344f").hex(" ")
    assert line.owner.commands == []


def test_a_broadcast_acts_silently(line: Station, master: Master) -> None:
    master.send(framed("00 06 0000 012c"))
    assert master.hear(SILENCE_S) == b""
    wait_until(lambda: line.bus.snapshot.settings["test.minimum_runtime_min"] == 300)
    master.send(framed("00 04 0000 0001"))
    assert master.hear(SILENCE_S) == b""
    master.send(framed("00 06 0000 ffff"))
    assert master.hear(SILENCE_S) == b""
    assert master.ask("01 03 0000 0001") == framed("01 03 02 012c").hex(" ")


def test_a_request_behind_a_broadcast_waits_for_it(line: Station, master: Master) -> None:
    line.owner.is_deaf.set()
    master.send(framed("00 06 0000 012c"))
    assert master.hear(SILENCE_S) == b""
    master.send(framed("01 03 0000 0001"))
    assert master.hear(SILENCE_S) == b""
    line.owner.is_deaf.clear()
    assert master.hear() == framed("01 03 02 012c")


def test_only_the_newest_request_is_answered(line: Station, master: Master) -> None:
    line.owner.is_deaf.set()
    master.send(framed("01 06 0000 012c"))
    assert master.hear(SILENCE_S) == b""
    master.send(framed("01 06 0000 012d"))
    assert master.hear(SILENCE_S) == b""
    line.owner.is_deaf.clear()
    assert master.hear() == framed("01 06 0000 012d")


def test_a_frame_in_pieces_and_after_half_a_frame(master: Master) -> None:
    master.send(FRAME[:5])
    assert master.hear(SILENCE_S) == b""
    master.send(FRAME[5:])  # far too late: not the rest of it
    assert master.hear(SILENCE_S) == b""
    master.send(FRAME[:4])
    master.send(FRAME[4:])
    assert master.hear() == framed("01 04 02 344f")


STRAYED = [bytes(front) + FRAME + bytes(back) for front in range(3) for back in range(3)]


@pytest.mark.parametrize("data", STRAYED, ids=lambda data: data.hex(" "))
def test_zeros_that_the_line_adds_are_no_part_of_a_frame(data: bytes) -> None:
    framer = make_framer()
    framer.add(data, 0.0)
    assert framer.end() == FRAME


def test_a_zero_in_front_of_a_broadcast_is_one_more() -> None:
    broadcast = framed("00 05 0000 ff00")
    for data in (broadcast, b"\0" + broadcast, broadcast + b"\0"):
        framer = make_framer()
        framer.add(data, 0.0)
        assert framer.end() == broadcast


@pytest.mark.parametrize(
    "text",
    ["01 06 0000 0100", "01 10 0000 0001 02 0000", "01 0f 0000 0001 01 00", "01 11", "01 63 00",
     "01 17 0000 0001 0000 0001 02 0000", "01 16 0000 0000 0000", "01 2b 0e 01 00"],
)  # fmt: skip
def test_zeros_that_belong_to_a_frame_stay(text: str) -> None:
    for back in range(3):
        framer = make_framer()
        framer.add(framed(text) + bytes(back), 0.0)
        frame = framer.end()
        assert frame is not None
        assert frame[: len(framed(text))] == framed(text)
        assert len(frame) == len(framed(text)) or text == "01 63 00"


def test_a_stray_zero_is_answered_as_if_it_were_not_there(line: Station, master: Master) -> None:
    for data in STRAYED:
        master.send(data)
        assert master.hear() == framed("01 04 02 344f"), data.hex(" ")


@pytest.mark.parametrize(
    "data",
    [FRAME + bytes(4), bytes(4) + FRAME, framed("01 05 0000 ff00") + bytes(4),
     framed("01 04 02 344f"), framed("01 02 01 00"), framed("01 10 0000 0001"),
     framed("01 0f 0000 0001"), framed("01 17 02 0078"), framed("01 11 02 01 ff"),
     framed("01 03 0000 0001 00")],
    ids=lambda data: data.hex(" "),
)  # fmt: skip
def test_a_frame_of_another_length_than_its_function_has_is_not_answered(
    line: Station, master: Master, data: bytes
) -> None:
    """An answer that comes back late, or more zeros than a line adds: an exception would only
    disturb the line."""
    master.send(data)
    assert master.hear(SILENCE_S) == b""
    assert master.ask("01 04 0000 0001") == framed("01 04 02 344f").hex(" ")
    assert not line.owner.commands


class EchoingMaster(Master):
    """A master on a two-wire adapter that hands the unit its own frames."""

    def hear(self, seconds: float = 2.0) -> bytes:
        data = b""
        while select.select([self.fd], [], [], seconds)[0]:
            piece = os.read(self.fd, 512)
            os.write(self.fd, piece)
            data += piece
            seconds = 3 * SILENCE_S
        return data


def test_the_unit_does_not_obey_its_own_echo(line: Station, cable: SerialPair) -> None:
    master = EchoingMaster(cable)
    try:
        for _ in range(3):
            assert master.ask("01 05 0003 0000") == framed("01 05 0003 0000").hex(" ")
        assert master.ask("01 06 0000 012c") == framed("01 06 0000 012c").hex(" ")
        assert master.ask("01 04 0000 0001") == framed("01 04 02 344f").hex(" ")
        assert master.ask("01 83 0000") == "", "nobody's request"
        assert master.ask("01 63 00") == framed("01 e3 01").hex(" ")
        assert master.ask("01 05 0003 0000") == framed("01 05 0003 0000").hex(" ")
    finally:
        os.close(master.fd)
    assert len(line.owner.commands) == 5


def test_a_master_who_writes_the_same_again_and_again_is_obeyed(
    line: Station, master: Master
) -> None:
    """A line that has given nothing back: the second of two is no echo."""
    assert master.ask("01 04 0000 0001") == framed("01 04 02 344f").hex(" ")
    for _ in range(4):
        assert master.ask("01 06 0000 012c") == framed("01 06 0000 012c").hex(" ")
    assert len(line.owner.commands) == 4


WRITE = framed("01 05 0000 ff00")
OTHER = framed("01 04 02 344f")


def test_an_echo_is_swallowed_once() -> None:
    echo = Echo()
    echo.sent(WRITE, 0.0, 0.01)
    assert echo.without(WRITE, 0.02) == b""
    assert echo.without(WRITE, 0.03) == WRITE, "the second one is the master's"
    echo.sent(WRITE, 1.0, 0.01)
    assert echo.without(WRITE, 1.5) == WRITE, "too late for an echo"
    echo.sent(OTHER, 2.0, 0.01)
    assert echo.without(OTHER + WRITE, 2.0) == WRITE, "a request right behind the echo"
    echo.sent(WRITE, 3.0, 0.01)
    assert echo.without(b"\0\0" + WRITE + b"\0", 3.0) == b"\0", "with zeros of the line's own"
    echo.sent(WRITE, 4.0, 0.01)
    assert echo.without(bytes(STRAY + 1) + WRITE, 4.0) == bytes(STRAY + 1) + WRITE


def test_a_line_that_begins_to_echo_is_found_out() -> None:
    echo = Echo()
    echo.sent(OTHER, 0.0, 0.01)
    echo.heard(WRITE)
    swallowed = []
    for n in range(1, 6):
        echo.sent(WRITE, float(n), 0.01)
        swallowed.append(echo.without(WRITE, n + 0.01) == b"")
    assert swallowed == [False, False, True, True, True]


def test_the_longest_answer_at_1200_baud(
    cable: SerialPair, start_station: Callable[..., Station]
) -> None:
    line = SerialLine(str(cable.here), "modbus", 1200, "none")
    station = start_station(FieldbusOptions("none", "none", line))
    station.address("serial")
    master = Master(cable)
    try:
        started = time.monotonic()
        answer = master.ask("01 04 0000 0012")
        assert answer.startswith("01 04 24 34 4f")
        assert time.monotonic() - started >= gap_s(1200)
    finally:
        os.close(master.fd)
