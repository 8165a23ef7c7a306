"""tshark as the judge: exchanges written as a capture file, and what the dissector says of them."""

from __future__ import annotations

import shutil
import struct
import subprocess
from collections.abc import Iterable
from pathlib import Path

PORT = 20000
TSHARK = shutil.which("tshark")


def _packet(is_from_master: bool, sequence: int, acknowledged: int, data: bytes, n: int) -> bytes:
    """An Ethernet frame with IPv4 and TCP around `data`; checksums are left out (0)."""
    ends = (b"\x0a\x00\x00\x01", b"\x0a\x00\x00\x02")
    ports = (40000, PORT)
    if not is_from_master:
        ends, ports = ends[::-1], ports[::-1]
    tcp = struct.pack(">HHIIBBHHH", *ports, sequence, acknowledged, 0x50, 0x18, 65535, 0, 0)
    size = 20 + len(tcp) + len(data)
    ip = struct.pack(">BBHHHBBH4s4s", 0x45, 0, size, n & 0xFFFF, 0x4000, 64, 6, 0, *ends)
    return bytes(12) + b"\x08\x00" + ip + tcp + data


def write_capture(path: Path, journal: Iterable[tuple[bool, bytes]]) -> None:
    """A pcap file of (is_from_master, octets); no privileges and no network card needed."""
    with path.open("wb") as file:
        file.write(struct.pack("<IHHIIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1))
        sequences = [1, 1]
        for n, (is_from_master, data) in enumerate(journal):
            for at in range(0, len(data), 1400):
                piece = data[at : at + 1400]
                mine, other = (0, 1) if is_from_master else (1, 0)
                packet = _packet(is_from_master, sequences[mine], sequences[other], piece, n)
                sequences[mine] += len(piece)
                file.write(struct.pack("<IIII", 1_700_000_000 + n, 0, len(packet), len(packet)))
                file.write(packet)


def judge(path: Path, *fields: str) -> list[list[str]]:
    """The wanted fields of every packet with DNP3 in it."""
    assert TSHARK is not None
    words = [TSHARK, "-r", str(path), "-d", f"tcp.port=={PORT},dnp3", "-Y", "dnp3", "-T", "fields"]
    for field in fields:
        words += ["-e", field]
    done = subprocess.run(words, capture_output=True, text=True, timeout=60, check=True)
    return [line.split("\t") for line in done.stdout.splitlines()]


def complaints(path: Path) -> list[str]:
    """Everything the dissector finds wrong: bad CRCs, malformed packets, errors of the protocol."""
    assert TSHARK is not None
    words = [TSHARK, "-r", str(path), "-d", f"tcp.port=={PORT},dnp3", "-V"]
    done = subprocess.run(words, capture_output=True, text=True, timeout=60, check=True)
    assert "Distributed Network Protocol 3.0" in done.stdout
    wrong = ("Status: Bad", "/Checksum)", "Malformed", "Expert Info (Error")
    return [line.strip() for line in done.stdout.splitlines() if any(w in line for w in wrong)]
