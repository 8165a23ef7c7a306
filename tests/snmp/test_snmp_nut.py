"""NUT, unmodified: a capacity test shuts nobody down, a true outage does (R144)."""

from __future__ import annotations

import contextlib
import fcntl
import os
import signal
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import pytest
from daemon_process import DaemonProcess, wait_until

LIB = Path("/lib/nut")
CONFIG = {
    "ups.conf": "[btrm]\n driver = snmp-ups\n port = {snmp}\n mibs = {mibs}\n"
    " community = public\n snmp_version = v2c\n pollfreq = 1\n",
    "upsd.conf": "LISTEN 127.0.0.1 {port}\nMAXAGE 15\n",
    "upsd.users": "[mon]\n password = secret\n upsmon primary\n",
    "upsmon.conf": "MONITOR btrm@127.0.0.1:{port} 1 mon secret primary\nMINSUPPLIES 1\n"
    'SHUTDOWNCMD "touch {folder}/shutdown"\nPOWERDOWNFLAG {folder}/killpower\n'
    "POLLFREQ 1\nPOLLFREQALERT 1\nHOSTSYNC 1\nFINALDELAY 0\nRUN_AS_USER root\n",
}


class Nut:
    """Driver, server and monitor, each in the foreground of a process of its own."""

    def __init__(self, folder: Path, snmp: str, mibs: str = "ietf") -> None:
        self.folder = folder
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        (folder / "state").mkdir(parents=True)
        for name, text in CONFIG.items():
            path = folder / name
            path.write_text(text.format(snmp=snmp, mibs=mibs, port=self.port, folder=folder))
            path.chmod(0o640)
        state = str(folder / "state")
        self.env = {
            **os.environ, "NUT_CONFPATH": str(folder), "NUT_STATEPATH": state,
            "NUT_ALTPIDPATH": state, "NUT_PIDPATH": state,
        }  # fmt: skip
        self.processes: list[subprocess.Popen[bytes]] = []
        self.alone: IO[str] | None = None

    def monitor(self) -> None:
        """upsmon, until `close` the only one: its pid file has one place on a machine, whatever it
        is told, and it takes any process with the number of the last one for itself."""
        lock = Path(tempfile.gettempdir(), f"btrmd-upsmon-{os.geteuid()}.lock")
        self.alone = lock.open("w")
        fcntl.flock(self.alone, fcntl.LOCK_EX)  # another worker may run the other test of it
        last = Path("/run/nut/upsmon.pid")
        with contextlib.suppress(OSError, ValueError):
            comm = Path(f"/proc/{int(last.read_text())}/comm")
            if not comm.exists() or comm.read_text().strip() != "upsmon":
                last.unlink()
        self.run(str(LIB / "upsmon"), "-F", "-D")

    def run(self, *words: str) -> None:
        with (self.folder / f"{Path(words[0]).name}.log").open("wb") as log:
            self.processes.append(
                subprocess.Popen(
                    words,
                    stdout=log,
                    stderr=log,
                    stdin=subprocess.DEVNULL,
                    env=self.env,
                    start_new_session=True,
                )
            )

    def start(self) -> None:
        self.run(str(LIB / "snmp-ups"), "-a", "btrm", "-u", "root", "-D")
        wait_until(lambda: list((self.folder / "state").glob("snmp-ups-btrm")), 20.0, self.log)
        self.run(str(LIB / "upsd"), "-u", "root", "-F", "-D")
        wait_until(lambda: self.value("ups.status"), 20.0, self.log)

    def log(self) -> str:
        return "".join(path.read_text() for path in self.folder.glob("*.log"))[-3000:]

    def value(self, name: str) -> str:
        done = subprocess.run(
            ["upsc", f"btrm@127.0.0.1:{self.port}", name],
            capture_output=True, text=True, env=self.env, check=False,
        )  # fmt: skip
        return done.stdout.strip()

    def close(self) -> None:
        """SIGTERM, then SIGKILL: one that lives on spoils the next test."""
        for process in reversed(self.processes):
            _signal_group(process.pid, signal.SIGTERM)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(10.0)
            _signal_group(process.pid, signal.SIGKILL)  # upsmon has a child of its own
            process.wait()
            with contextlib.suppress(AssertionError):  # a dead one that nobody buries
                wait_until(lambda group=process.pid: not _signal_group(group, 0), 5.0)
        if self.alone is not None:
            self.alone.close()


def _signal_group(group: int, number: int) -> bool:
    """Whether there was anyone to take it."""
    try:
        os.killpg(group, number)
    except ProcessLookupError:
        return False
    return True


@pytest.fixture
def station(tmp_path: Path) -> Iterator[DaemonProcess]:
    if not (LIB / "snmp-ups").exists() or not (LIB / "upsmon").exists() or os.geteuid() != 0:
        pytest.skip("needs NUT and root (packages nut-server, nut-snmp, nut-client)")
    made = DaemonProcess(tmp_path / "unit", speed=60).start("--snmp", "127.0.0.1:0")
    yield made
    made.close()


def test_a_test_shuts_nobody_down_and_an_outage_does(
    station: DaemonProcess, tmp_path: Path
) -> None:
    nut = Nut(tmp_path / "nut", station.status()["listeners"]["snmp"])
    shutdown = nut.folder / "shutdown"
    try:
        nut.start()
        assert nut.value("ups.status") == "OL"
        assert nut.value("device.model") == "BTRM300"
        assert nut.value("battery.voltage").startswith("13.")
        nut.monitor()
        wait_until(lambda: "Logged into" in nut.log(), 20.0, nut.log)
        station.wait_selftest()
        station.ask("test_start", type="2")
        station.wait_value("test.state", "running", 20.0)
        wait_until(lambda: "progress" in nut.value("ups.test.result"), 10.0, nut.log)
        wait_until(lambda: nut.value("ups.status") == "OL TEST", 10.0, nut.log)
        station.ask("test_stop")
        station.wait_value("test.state", "idle", 20.0)
        wait_until(lambda: nut.value("ups.status") == "OL", 10.0, nut.log)
        assert not shutdown.exists()
        station.sim(battery__soc=0.12, supply__on=0, charger__on=0, load__amps=12)
        wait_until(lambda: "OB" in nut.value("ups.status").split(), 15.0, nut.log)
        wait_until(shutdown.exists, 60.0, nut.log)
    finally:
        nut.close()


def test_automatic_detection_finds_a_mib_that_fits(station: DaemonProcess, tmp_path: Path) -> None:
    """Ours is no sysObjectID that NUT knows: it tries its MIBs until one answers."""
    nut = Nut(tmp_path / "nut", station.status()["listeners"]["snmp"], mibs="auto")
    try:
        nut.start()
        assert nut.value("ups.status") == "OL"
        assert nut.value("ups.model") == "BTRM300"
    finally:
        nut.close()
