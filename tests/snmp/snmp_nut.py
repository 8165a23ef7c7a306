"""Network UPS Tools: its driver, server and monitor as processes."""

from __future__ import annotations

import contextlib
import fcntl
import os
import signal
import socket
import subprocess
import tempfile
from pathlib import Path
from typing import IO

from waiting import wait_until

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
        self._turn: IO[str] | None = None

    def monitor(self) -> None:
        """upsmon, until `close` the only one: its pid file has one place on a machine, whatever it
        is told, and it takes any process with the number of the last one for itself."""
        lock = Path(tempfile.gettempdir(), f"btrmd-upsmon-{os.geteuid()}.lock")
        self._turn = lock.open("w")
        fcntl.flock(self._turn, fcntl.LOCK_EX)  # another worker may run another test of it
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
        # WAIT: upsd is connected to the driver, which has not told it everything yet.
        wait_until(lambda: self.value("ups.status") not in {"", "WAIT"}, 20.0, self.log)

    def log(self) -> str:
        return "".join(path.read_text() for path in self.folder.glob("*.log"))[-3000:]

    def value(self, name: str) -> str:
        done = subprocess.run(
            ["upsc", f"btrm@127.0.0.1:{self.port}", name],
            capture_output=True, text=True, env=self.env, check=False,
        )  # fmt: skip
        return done.stdout.strip()

    def close(self) -> None:
        """SIGKILL to all, and to upsmon's child: nothing they keep is read again."""
        for process in reversed(self.processes):
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            wait_until(lambda group=process.pid: not _is_anyone_in(group))
        if self._turn is not None:
            self._turn.close()


def _is_anyone_in(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True
