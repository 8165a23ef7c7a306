"""Health: is the station up in the version it should be, as systemd and the daemon say.

The daemon is asked at its control socket, where no stranger on the network can keep the answer
from coming.
"""

from __future__ import annotations

import json
import socket
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

LOOK_EVERY_S: Final = 2.0
STEADY_LOOKS: Final = 3  # one good look may be the moment before a crash
TALK_S: Final = 10.0
UNIT: Final = "btrmd.service"


class InstalledHealth:
    """Looks at the daemon whose run folder is `run`."""

    def __init__(self, run: Path) -> None:
        self._run = run

    def wait(self, version: str, seconds: float) -> str:
        """ "" once the daemon was well in `version` for some looks in a row; else, after `seconds`,
        what is wrong with it, in words."""
        deadline = time.monotonic() + seconds
        pause = min(LOOK_EVERY_S, seconds / 45)
        good = 0
        while True:
            wrong = self.look(version)
            good = 0 if wrong else good + 1
            if good >= STEADY_LOOKS:
                return ""
            if time.monotonic() > deadline:
                return wrong or "it is not steady"
            time.sleep(pause)

    def look(self, version: str) -> str:
        """ "" when all is well."""
        state = _output("systemctl", "is-active", UNIT)
        if state != "active":  # Type=notify: active means READY
            return f"{UNIT} is {state or 'unknown to systemd'}"
        answer = self.ask("health")
        if answer.get("ok") is not True:
            answer = self.ask("where")  # a version from before it could be asked
        found = answer.get("version")
        if found != version:
            return (
                f"the daemon answers as version {str(found)[:64]}"
                if found
                else "the daemon does not answer"
            )
        fault = answer.get("fault") or ""
        return str(fault)[:200].rstrip(".")

    def ask(self, verb: str) -> Mapping[str, Any]:
        """The daemon's answer at its control socket; empty when there is none."""
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock:
                sock.settimeout(TALK_S)
                sock.connect(str(self._run / "control.sock"))
                sock.sendall(json.dumps({"verb": verb}).encode() + b"\n")
                data = b""
                deadline = time.monotonic() + TALK_S
                while b"\n" not in data and len(data) < 1 << 20 and time.monotonic() < deadline:
                    piece = sock.recv(65536)
                    if not piece:
                        break
                    data += piece
            answer = json.loads(data)
        except (OSError, ValueError, RecursionError):
            return {}
        return answer if isinstance(answer, dict) else {}

    def is_testing(self) -> bool:
        """True while a test runs: the load is on the battery."""
        test = self.ask("test_status").get("test")
        state = test.get("state") if isinstance(test, dict) else None
        return state in ("proving", "running", "returning")


def _output(*words: str) -> str:
    try:
        done = subprocess.run(
            words, capture_output=True, text=True, timeout=30, stdin=subprocess.DEVNULL, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip()
