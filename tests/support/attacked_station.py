"""A daemon with every listener open, and what an attack does to it: memory and latency."""

from __future__ import annotations

import contextlib
import http.client
import json
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from daemon_process import PLAIN, DaemonProcess
from waiting import wait_until

SITE = """[defaults]
modbus.enabled = true
dnp3.enabled = true
dnp3.address = 10
dnp3.master = 1
nut.enabled = true
snmp.read1 = "public"
snmp.write1 = "private"
snmp.v3.enabled = true
snmp.v3.read_user = "reader"
snmp.v3.read_auth_password = "authentic-1"
snmp.v3.read_priv = "none"
web.authorization = "writes"
battery.rated_ah = 17.0
"""
LISTENERS = ("https", "modbus", "dnp3", "snmp", "nut")
PROBE_S = 0.25  # between two looks at /healthz


def memory_mb(pid: int) -> tuple[float, float]:
    """Resident memory of a process now and at its highest, in units of 2^20 octets."""
    found = {}
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        name, _, value = line.partition(":")
        found[name] = value
    return int(found["VmRSS"].split()[0]) / 1024, int(found["VmHWM"].split()[0]) / 1024


def descriptors(pid: int) -> int:
    return len(list(Path(f"/proc/{pid}/fd").iterdir()))


class Watch:
    """What was seen while an attack went on; latencies in s, memory in MB of 2^20 octets."""

    def __init__(self) -> None:
        self.latencies: list[float] = []
        self.failures: list[str] = []
        self.most_mb = 0.0

    @property
    def longest(self) -> float:
        return max(self.latencies, default=0.0)

    def __str__(self) -> str:
        failed = f", {len(self.failures)} FAILED ({self.failures[0]})" if self.failures else ""
        return (
            f"/healthz {len(self.latencies)} times, longest {self.longest:.2f} s{failed};"
            f" resident at most {self.most_mb:.1f} MB"
        )


class AttackedStation:
    """A simulated station in a folder of its own, on free ports of this machine."""

    def __init__(self, folder: Path, speed: float = 1.0) -> None:
        self.unit = DaemonProcess(folder, speed, runner=PLAIN)  # its memory is looked at
        (self.unit.config_dir / "btrmd.toml").write_text(SITE)
        self.ports: dict[str, int] = {}

    def start(self, until_tested: bool = True) -> AttackedStation:
        """Until every listener is open and somebody is logged in; and the self-test is over."""
        words = [word for name in LISTENERS for word in (f"--{name}", "127.0.0.1:0")]
        self.unit.start(*words)
        places = self.unit.state_dir / "run" / "listeners.json"
        wait_until(lambda: all(json.loads(places.read_text()).get(name) for name in LISTENERS))
        found = json.loads(places.read_text())
        self.ports = {name: int(found[name].rpartition(":")[2]) for name in ("http", *LISTENERS)}
        self.unit.login()
        if until_tested:
            self.unit.wait_selftest()
        return self

    def close(self) -> None:
        self.unit.close()

    def healthz(self, timeout: float = 10.0) -> float:
        """How long a new connection and its answer took, s. Raises OSError, HTTPException."""
        start = time.monotonic()
        connection = http.client.HTTPConnection("127.0.0.1", self.ports["http"], timeout=timeout)
        with contextlib.closing(connection):
            connection.request("GET", "/healthz")
            answer = connection.getresponse()
            answer.read()
            assert answer.status == 200, answer.status
        return time.monotonic() - start

    @contextlib.contextmanager
    def watched(self) -> Iterator[Watch]:
        """Look at /healthz and the memory during a block."""
        seen, done = Watch(), threading.Event()

        def look() -> None:
            while not done.wait(PROBE_S):
                try:
                    seen.latencies.append(self.healthz())
                except (OSError, AssertionError, http.client.HTTPException) as error:
                    seen.failures.append(f"{type(error).__name__}: {error}")
                seen.most_mb = max(seen.most_mb, memory_mb(self.unit.pid)[0])

        thread = threading.Thread(target=look)
        thread.start()
        try:
            yield seen
        finally:
            done.set()
            thread.join()
