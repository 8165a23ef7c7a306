"""Modbus RTU: frames between silences, on paper and on a serial cable."""

from __future__ import annotations

import os
import select
import time
from collections.abc import Callable, Iterator

import pytest
from fieldbus_station import SerialPair, Station, wait_for
from hypothesis import given
from hypothesis import strategies as st

from btrmd.model.commands import ChangeSettings
from btrmd.servers.fieldbus.listener_config import FieldbusOptions, SerialLine
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
    wait_for(lambda: line.bus.snapshot.settings["test.minimum_runtime_min"] == 300)
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
