"""The options of `btrmd run`, as they are written on a command line."""

from __future__ import annotations

import re
from argparse import ArgumentTypeError
from pathlib import Path

from ..model.value_text import read_number
from ..net import split_address
from ..run_options import SerialOption

SPEED_LOW, SPEED_HIGH = 1.0, 3600.0
BAUDS = (1200, 2400, 4800, 9600, 19200, 38400, 57600, 115200)  # R80
FRAMES = {"8E1": "even", "8N1": "none", "8O1": "odd"}
PROTOCOLS = ("modbus", "dnp3")


def decode_address(text: str) -> str:
    """An address option as it is kept: HOST:PORT, [IPv6]:PORT or none. Raises ArgumentTypeError."""
    if text != "none" and not _is_address(text):
        raise ArgumentTypeError(
            f"{text!r} is refused: allowed is HOST:PORT with port 0..65535, or none"
        )
    return text


def _is_address(text: str) -> bool:
    """On a command line a host is named, and IPv6 stands in brackets."""
    try:
        host, _ = split_address(text)
    except ValueError:
        return False
    written = text.rpartition(":")[0]
    is_v6 = written == f"[{host}]"
    return bool(written) and (is_v6 or ":" not in host) and not re.search(r"\s|[\x00/]", host)


def decode_speed(text: str) -> float:
    """--speed. Raises ArgumentTypeError."""
    try:
        speed = read_number(text)
    except ValueError:
        speed = 0.0
    if not SPEED_LOW <= speed <= SPEED_HIGH:
        raise ArgumentTypeError(f"{text!r} is refused: allowed is {SPEED_LOW:g}..{SPEED_HIGH:g}")
    return speed


def decode_file(text: str) -> Path:
    """--scenario: a readable file, made absolute. Raises ArgumentTypeError."""
    path = Path(text).absolute()
    if not path.is_file():
        raise ArgumentTypeError(f"{text!r} is refused: there is no such file")
    return path


def decode_serial(text: str) -> SerialOption:
    """DEVICE[,modbus|dnp3[,BAUD[,8E1|8N1|8O1]]]; DEVICE alone: Modbus RTU, 9600 8E1.

    DNP3 without a frame is 8N1 (manual 10.1.4: Modbus even, DNP3 none typical).
    Raises ArgumentTypeError.
    """
    parts = [part.strip() for part in text.split(",")]
    if len(parts) > 4 or not parts[0]:
        raise ArgumentTypeError(
            f"{text!r} is refused: allowed is DEVICE[,modbus|dnp3[,BAUD[,8E1|8N1|8O1]]]"
        )
    device, protocol, baud, frame = (*parts, *("", "modbus", "9600", "")[len(parts) :])
    protocol = protocol.lower()
    if protocol not in PROTOCOLS:
        raise ArgumentTypeError(f"{protocol!r} is refused: allowed is modbus or dnp3")
    if not re.fullmatch(r"[0-9]{1,6}", baud) or int(baud) not in BAUDS:
        raise ArgumentTypeError(
            f"{baud!r} baud is refused: allowed is {', '.join(map(str, BAUDS))}"
        )
    frame = frame.upper() or ("8E1" if protocol == "modbus" else "8N1")
    if frame not in FRAMES:
        raise ArgumentTypeError(f"{frame!r} is refused: allowed is 8E1, 8N1 or 8O1")
    return SerialOption(device, protocol, int(baud), FRAMES[frame])
