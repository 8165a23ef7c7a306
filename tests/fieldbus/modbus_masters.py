"""Third-party Modbus masters and a judge: mbpoll, libmodbus, tshark."""

from __future__ import annotations

import ctypes
import ctypes.util
import os
import re
import subprocess
from pathlib import Path
from typing import Any

LIBRARY = ctypes.util.find_library("modbus")


def mbpoll(where: list[str], table: int, first: int, count: int, *values: int) -> list[int]:
    """Read (or, with `values`, write) with mbpoll. Tables: 0 coils, 1 inputs, 3 input registers,
    4 holding registers. Raises ValueError with what mbpoll said."""
    words = ["mbpoll", "-0", "-1", "-q", "-a", "1", "-t", str(table), "-r", str(first)]
    if not values:
        words += ["-c", str(count)]
    done = subprocess.run(
        [*words, *where, *map(str, values)],
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )
    failed = re.search(r"failed: (.*)", done.stdout + done.stderr)
    if failed:
        raise ValueError(failed[1])
    assert done.returncode == 0, done
    return [int(value) for value in re.findall(r"^\[\d+\]:\s+(\d+)", done.stdout, re.M)]


class LibModbus:
    """libmodbus as it is installed, through ctypes."""

    def __init__(self, context: Any, library: Any, unit: int) -> None:
        self._library, self._context = library, context
        assert library.modbus_set_slave(context, unit) == 0
        assert library.modbus_connect(context) == 0, self.error()

    @staticmethod
    def load() -> Any:
        library = ctypes.CDLL(LIBRARY, use_errno=True)
        for name in ("modbus_new_tcp", "modbus_new_rtu"):
            getattr(library, name).restype = ctypes.c_void_p
        library.modbus_strerror.restype = ctypes.c_char_p
        library.modbus_new_rtu.argtypes = [
            ctypes.c_char_p, ctypes.c_int, ctypes.c_char, ctypes.c_int, ctypes.c_int
        ]  # fmt: skip
        for name in ("modbus_set_slave", "modbus_connect", "modbus_close", "modbus_free",
                     "modbus_read_bits", "modbus_read_input_bits", "modbus_read_registers",
                     "modbus_read_input_registers", "modbus_write_bit", "modbus_write_register",
                     "modbus_write_bits", "modbus_write_registers", "modbus_mask_write_register",
                     "modbus_write_and_read_registers", "modbus_report_slave_id"):  # fmt: skip
            function = getattr(library, name)
            function.restype = ctypes.c_int
        return library

    @classmethod
    def tcp(cls, address: str, unit: int = 1) -> LibModbus:
        host, port = address.rsplit(":", 1)
        library = cls.load()
        context = ctypes.c_void_p(library.modbus_new_tcp(host.encode(), int(port)))
        return cls(context, library, unit)

    @classmethod
    def rtu(cls, device: Path, unit: int = 1, baud: int = 9600) -> LibModbus:
        library = cls.load()
        name = os.fspath(device).encode()
        return cls(ctypes.c_void_p(library.modbus_new_rtu(name, baud, b"N", 8, 1)), library, unit)

    def close(self) -> None:
        self._library.modbus_close(self._context)
        self._library.modbus_free(self._context)

    def error(self) -> str:
        text: bytes = self._library.modbus_strerror(ctypes.get_errno())
        return text.decode()

    def read(self, name: str, first: int, count: int) -> list[int]:
        """`name`: bits, input_bits, registers, input_registers. Raises ValueError."""
        buffer: Any = (ctypes.c_uint8 if "bits" in name else ctypes.c_uint16) * count
        values = buffer()
        self._call(f"modbus_read_{name}", count, first, count, values)
        return list(values)

    def write(self, name: str, first: int, *values: int) -> None:
        """`name`: bit, register, bits, registers. Raises ValueError."""
        if name in ("bit", "register"):
            self._call(f"modbus_write_{name}", 1, first, values[0])
            return
        buffer: Any = (ctypes.c_uint8 if name == "bits" else ctypes.c_uint16) * len(values)
        self._call(f"modbus_write_{name}", len(values), first, len(values), buffer(*values))

    def mask(self, address: int, and_mask: int, or_mask: int) -> None:
        self._call("modbus_mask_write_register", 1, address, and_mask, or_mask)

    def write_and_read(self, to: int, values: list[int], first: int, count: int) -> list[int]:
        sent, got = (ctypes.c_uint16 * len(values))(*values), (ctypes.c_uint16 * count)()
        name = "modbus_write_and_read_registers"
        self._call(name, count, to, len(values), sent, first, count, got)
        return list(got)

    def server_id(self) -> bytes:
        buffer = (ctypes.c_uint8 * 256)()
        size = self._library.modbus_report_slave_id(self._context, 256, buffer)
        assert size > 0, self.error()
        return bytes(buffer[:size])

    def _call(self, name: str, right: int, *words: Any) -> None:
        if getattr(self._library, name)(self._context, *words) != right:
            raise ValueError(self.error())


def dissect(folder: Path, exchanges: list[tuple[bytes, bytes]]) -> list[dict[str, Any]]:
    """tshark's opinion of frames as they went over TCP: one layer tree a frame, in their order."""
    import json

    lines = []
    for request, response in exchanges:
        for mark, data in (("I", request), ("O", response)):
            lines.append(mark)
            lines.append("000000 " + data.hex(" "))
    text, capture = folder / "frames.txt", folder / "frames.pcap"
    text.write_text("\n".join(lines) + "\n")
    # I: from the first port (the master) to the second; O: the other way.
    subprocess.run(
        ["text2pcap", "-q", "-D", "-T", "40000,502", str(text), str(capture)],
        check=True,
        capture_output=True,
    )
    done = subprocess.run(
        ["tshark", "-r", str(capture), "-T", "json", "--no-duplicate-keys"],
        check=True,
        capture_output=True,
        text=True,
    )
    return [packet["_source"]["layers"] for packet in json.loads(done.stdout)]
