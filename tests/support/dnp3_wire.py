"""A DNP3 master of bare octets, written from IEEE 1815; knows nothing of the outstation's code."""

from __future__ import annotations

import socket
import struct
import time
from typing import NamedTuple

TIMEOUT_S = 10.0
UNCONFIRMED, RESET, LINK_STATUS = 0xC4, 0xC0, 0xC9  # DIR = 1, PRM = 1


def crc(data: bytes) -> bytes:
    """CRC-16/DNP, bit by bit (clause 9.2.4.1): 0x3D65 reflected, complemented, low octet first."""
    register = 0
    for octet in data:
        register ^= octet
        for _ in range(8):
            register = (register >> 1) ^ 0xA6BC if register & 1 else register >> 1
    return struct.pack("<H", register ^ 0xFFFF)


def frame(control: int, destination: int, source: int, payload: bytes = b"") -> bytes:
    """One link frame: header block, then blocks of 16 octets, each with its CRC."""
    head = struct.pack("<BBBBHH", 5, 0x64, 5 + len(payload), control, destination, source)
    blocks = [payload[at : at + 16] for at in range(0, len(payload), 16)]
    return b"".join(block + crc(block) for block in (head, *blocks))


def frames(fragment: bytes, destination: int = 10, source: int = 1) -> bytes:
    """An application fragment in transport segments of at most 249 octets."""
    pieces = [fragment[at : at + 249] for at in range(0, len(fragment), 249)] or [b""]
    out = b""
    for number, piece in enumerate(pieces):
        head = number | (0x40 if number == 0 else 0) | (0x80 if piece is pieces[-1] else 0)
        out += frame(UNCONFIRMED, destination, source, bytes([head]) + piece)
    return out


class Frame(NamedTuple):
    """A received link frame, its CRCs checked."""

    control: int
    destination: int
    source: int
    payload: bytes


class Master:
    """One connection. `journal` holds (is_from_master, octets) in their order."""

    def __init__(self, place: str, address: int = 1, outstation: int = 10) -> None:
        host, _, port = place.rpartition(":")
        self._take_over(socket.create_connection((host, int(port)), TIMEOUT_S), address, outstation)

    @classmethod
    def over(cls, connection: socket.socket, address: int = 1, outstation: int = 10) -> Master:
        """A master on a connection that is there already."""
        made = cls.__new__(cls)
        made._take_over(connection, address, outstation)
        return made

    def _take_over(self, connection: socket.socket, address: int, outstation: int) -> None:
        self.socket = connection
        self.address, self.outstation = address, outstation
        self.journal: list[tuple[bool, bytes]] = []
        self._buffer = b""
        self._sequence = 0

    def close(self) -> None:
        self.socket.close()

    def __enter__(self) -> Master:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # --- octets ----------------------------------------------------------------------------------

    def send_raw(self, data: bytes) -> None:
        self.journal.append((True, data))
        self.socket.sendall(data)

    def _read(self, n: int, until: float) -> bytes | None:
        while len(self._buffer) < n:
            self.socket.settimeout(max(until - time.monotonic(), 0.001))
            try:
                got = self.socket.recv(4096)
            except TimeoutError:
                return None
            except ConnectionError:
                got = b""
            if not got:
                raise EOFError("the outstation closed the connection")
            self.journal.append((False, got))
            self._buffer += got
        return self._buffer[:n]

    def receive_frame(self, seconds: float = TIMEOUT_S) -> Frame | None:
        """The next link frame; None when there is none in time. Raises EOFError."""
        until = time.monotonic() + seconds
        head = self._read(10, until)
        if head is None:
            return None
        assert head[:2] == b"\x05\x64"
        assert head[8:] == crc(head[:8])
        length = head[2] - 5
        whole = self._read(10 + length + 2 * -(-length // 16), until)
        assert whole is not None, "a frame without its end"
        self._buffer = self._buffer[len(whole) :]
        payload, rest = b"", whole[10:]
        while rest:
            block = rest[: min(18, len(rest))]
            assert block[-2:] == crc(block[:-2])
            payload += block[:-2]
            rest = rest[len(block) :]
        control, destination, source = head[3], *struct.unpack("<HH", head[4:8])
        return Frame(control, destination, source, payload)

    def receive(self, seconds: float = TIMEOUT_S) -> bytes | None:
        """The next application fragment; None when there is none in time."""
        until = time.monotonic() + seconds
        fragment, wanted = b"", None
        while True:
            got = self.receive_frame(max(until - time.monotonic(), 0.001))
            if got is None:
                assert not fragment, "a fragment without its end"
                return None
            if not got.payload:
                continue
            assert (got.control, got.destination, got.source) == (
                0x44,
                self.address,
                self.outstation,
            )
            head, body = got.payload[0], got.payload[1:]
            assert (head & 0x40 != 0) == (wanted is None)
            assert wanted in (None, head & 0x3F)
            wanted = (head + 1) & 0x3F
            fragment += body
            if head & 0x80:
                return fragment

    # --- requests --------------------------------------------------------------------------------

    def send(self, fragment: bytes | str) -> None:
        octets = bytes.fromhex(fragment) if isinstance(fragment, str) else fragment
        self.send_raw(frames(octets, self.outstation, self.address))

    def exchange(self, fragment: bytes | str, seconds: float = TIMEOUT_S) -> str:
        """The answer to a fragment as hexadecimal octets."""
        self.send(fragment)
        answer = self.receive(seconds)
        assert answer is not None, f"no answer to {fragment!r}"
        return answer.hex(" ").upper()

    def ask(self, function: int, body: bytes | str = b"", seconds: float = TIMEOUT_S) -> Response:
        """A request with the next sequence number; the response to it."""
        octets = bytes.fromhex(body) if isinstance(body, str) else body
        self._sequence = (self._sequence + 1) & 0x0F
        self.send(bytes([0xC0 | self._sequence, function]) + octets)
        return self.response(seconds)

    def response(self, seconds: float = TIMEOUT_S) -> Response:
        """The next solicited response; unsolicited ones before it are passed over."""
        while True:
            got = self.receive(seconds)
            assert got is not None, "no response"
            if got[1] == 0x81:
                return Response(got)

    def confirm(self, response: Response) -> None:
        self.send(bytes([response.octets[0] & 0x1F | 0xC0, 0]))


class Response:
    """A response fragment taken apart."""

    def __init__(self, octets: bytes) -> None:
        self.octets = octets
        self.sequence = octets[0] & 0x0F
        self.wants_confirm = bool(octets[0] & 0x20)
        self.is_unsolicited = octets[1] == 0x82
        self.iin = (octets[2], octets[3])
        self.body = octets[4:]

    def objects(self) -> dict[tuple[int, int], dict[int, bytes]]:
        """(group, variation) -> index -> octets, of a body of ranges and index lists."""
        found: dict[tuple[int, int], dict[int, bytes]] = {}
        rest = self.body
        while rest:
            group, variation, qualifier = rest[:3]
            size = SIZES[group, variation]
            into = found.setdefault((group, variation), {})
            if qualifier == 0x00:
                start, stop, rest = rest[3], rest[4], rest[5:]
                for index in range(start, stop + 1):
                    into[index], rest = rest[:size], rest[size:]
            else:
                assert qualifier == 0x17
                count, rest = rest[3], rest[4:]
                for _ in range(count):
                    into[rest[0]], rest = rest[1 : size + 1], rest[size + 1 :]
        return found


SIZES = {
    (1, 2): 1, (10, 2): 1, (2, 1): 1, (2, 2): 7, (2, 3): 3, (30, 1): 5, (30, 2): 3, (30, 3): 4,
    (30, 4): 2, (40, 1): 5, (40, 2): 3, (41, 2): 3,
}  # fmt: skip
CLASS_0 = "3C 01 06"
CLASS_2 = "3C 03 06"


def analog(octets: bytes) -> int:
    """The signed number at the end of an analog object."""
    return int.from_bytes(octets, "little", signed=True)
