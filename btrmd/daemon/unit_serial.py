"""What tells this unit from all others: its identity, and the serial number that people see."""

from __future__ import annotations

import logging
import re
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from typing import Final

from ..store.atomic import read_regular, write_atomic

log = logging.getLogger(__name__)

MACHINE_ID: Final = Path("/etc/machine-id")
# Where Linux shows it: 16 hexadecimal digits and a NUL.
BOARD_FILE: Final = Path("/sys/firmware/devicetree/base/serial-number")
KEPT: Final = "serial"  # in the state folder
_BOARD: Final = re.compile(r"[0-9A-Fa-f]{8,32}")
_MADE: Final = re.compile(r"[0-9A-Za-z-]{4,32}")  # it stands in MQTT topics and file names


def unit_id(state_dir: Path) -> str:
    """The same after every restart, different for each state folder and each machine."""
    try:
        machine = MACHINE_ID.read_text().strip()
    except OSError:
        machine = ""
    return f"{machine} {state_dir.resolve()}"


def unit_serial(state_dir: Path, is_simulated: bool, board_file: Path = BOARD_FILE) -> str:
    """4..32 letters, digits and hyphens; the same after every start.

    A simulated station never has the board's: many may run on one machine. What is made follows
    from machine and state folder, so that it stays the same where no file can be written; the
    file keeps it when the folder moves.
    """
    if not is_simulated:
        board = _read(board_file)
        if _BOARD.fullmatch(board) and board.strip("0"):
            return board.lower()
    path = state_dir / KEPT
    kept = _read(path)
    if _MADE.fullmatch(kept):
        return kept
    made = sha256(unit_id(state_dir).encode()).hexdigest()[:16]
    try:
        write_atomic(path, made.encode() + b"\n", 0o644)
    except OSError as error:
        log.warning("%s cannot be written: %s", path, error)
    return made


def _read(path: Path) -> str:
    with suppress(OSError, ValueError):
        return read_regular(path, 64).decode("ascii").strip("\0 \n")
    return ""
