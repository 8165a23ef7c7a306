"""net-snmp's trap receiver as a process, its output line by line."""

from __future__ import annotations

import queue
import shutil
import socket
import subprocess
import threading
from pathlib import Path

import pytest


class Trapd:
    """snmptrapd on `port` (0 = a free one); `line` waits for the next one that holds a text.

    `users`: lines of its configuration; with them it takes SNMPv3 of these users only.
    """

    def __init__(self, folder: Path, users: str = "", port: int = 0) -> None:
        program = shutil.which("snmptrapd") or shutil.which("snmptrapd", path="/usr/sbin")
        if program is None:
            pytest.skip("snmptrapd is not installed (package snmptrapd)")
        folder.mkdir(parents=True, exist_ok=True)
        config = folder / "snmptrapd.conf"
        config.write_text(users or "disableAuthorization yes\n")
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            probe.bind(("127.0.0.1", port))
            self.port: int = probe.getsockname()[1]
        self.process = subprocess.Popen(
            [program, "-f", "-Lo", "-On", "-C", "-c", str(config), "-m", "",
             "-p", str(folder / "pid"), f"127.0.0.1:{self.port}"],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            stdin=subprocess.DEVNULL,
            env={"SNMP_PERSISTENT_DIR": str(folder), "SNMPCONFPATH": str(folder), "MIBS": ""},
        )  # fmt: skip
        self._lines: queue.SimpleQueue[str] = queue.SimpleQueue()
        threading.Thread(target=self._read, daemon=True).start()
        self.line("NET-SNMP version")

    def _read(self) -> None:
        assert self.process.stdout is not None
        with self.process.stdout as out:
            for line in out:
                self._lines.put(line)

    def line(self, text: str, seconds: float = 10.0) -> str:
        """The next line with `text`; fails after `seconds` without any line."""
        while True:
            try:
                line = self._lines.get(timeout=seconds)
            except queue.Empty:
                pytest.fail(f"snmptrapd showed no line with {text!r} within {seconds:g} s")
            if text in line:
                return line

    @property
    def is_quiet(self) -> bool:
        return self._lines.empty()

    def close(self) -> None:
        """SIGKILL: a SIGTERM just before its select() is only seen when that ends, after 5 s."""
        self.process.kill()
        self.process.wait()
