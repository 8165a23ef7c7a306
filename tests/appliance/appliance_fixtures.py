"""A helper process on a socket of its own, with a played nmcli where the real one cannot run."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import waiting

ROOT = Path(__file__).resolve().parents[2]
WAIT_S = 20.0

WISH: dict[str, object] = {
    "method": "static", "address": "192.168.1.50", "mask": "255.255.255.0",
    "gateway": "192.168.1.1", "dns": ["192.168.1.1"], "host_name": "cabinet-7", "mac": "",
}  # fmt: skip

# Plays as much of nmcli(1) as the helper uses: profiles, one wired device, a host name. It keeps
# them in the JSON file NMCLI_STATE and every call in NMCLI_STATE.calls.
NMCLI = """#!{python} -SE
import json, os, sys
path = os.environ["NMCLI_STATE"]
words = sys.argv[1:]
with open(path + ".calls", "a") as calls:
    calls.write(json.dumps(words) + "\\n")
state = json.load(open(path))
profiles = state["profiles"]

def end(code, text=""):
    json.dump(state, open(path + ".new", "w"))
    os.replace(path + ".new", path)
    if text:
        print(text, file=sys.stderr if code else sys.stdout)
    sys.exit(code)

def find(words):
    field = {{"id": "name", "uuid": "uuid"}}[words[0]]
    for profile in profiles:
        if profile[field] == words[1]:
            return profile
    end(10, "Error: unknown connection '%s'." % words[1])

if state.get("down"):
    end(8, "Error: NetworkManager is not running.")
if words[:1] == ["--wait"]:
    words = words[2:]
verb = [word for word in words if not word.startswith("-")]
if words[-1] == "device":
    end(0, "\\n".join(state["devices"]))
if words[-2:] == ["general", "hostname"]:
    end(0, state["host_name"])
if words[:2] == ["general", "hostname"]:
    state["host_name"] = words[2]
    end(0)
if "GENERAL.CON-UUID" in words:
    end(0, state["active"])
if "IP4.ADDRESS,IP6.ADDRESS" in words:
    active = [p for p in profiles if p["uuid"] == state["active"]]
    end(0, (active[0]["address"] if active else "") + "\\n\\nfe80::1/64")
if words[-2:] == ["connection", "show"]:
    end(0, "\\n".join(p["name"] for p in profiles))
if words[:2] == ["connection", "add"]:
    pairs = dict(zip(words[2::2], words[3::2]))
    profiles.append({{
        "name": pairs["con-name"], "uuid": "uuid-" + pairs["con-name"], "save": pairs["save"],
        "address": pairs.get("ipv4.addresses", "10.9.9.9/24"), "words": pairs,
    }})
    end(0)
if words[:2] == ["connection", "modify"]:
    find(words[2:])["save"] = "yes"
    end(0)
if words[:2] == ["connection", "up"]:
    profile = find(words[2:])
    if profile["name"].startswith("btrm-") and state.get("refuses"):
        end(4, "Error: Connection activation failed: no carrier")
    state["active"] = profile["uuid"]
    end(0)
if words[:2] == ["connection", "delete"]:
    profile = find(words[2:])
    profiles.remove(profile)
    if state["active"] == profile["uuid"]:
        state["active"] = profiles[0]["uuid"] if profiles else ""
    end(0)
end(2, "Error: not played: %s" % words)
"""


def wait_until(condition: Callable[[], Any], what: str = "") -> Any:
    """The first true value; AssertionError after 20 s."""
    return waiting.wait_until(condition, WAIT_S, what)


def write_tool(folder: Path, name: str, text: str) -> None:
    """An executable on the PATH of the helper."""
    folder.mkdir(exist_ok=True)
    path = folder / name
    path.write_text(text)
    path.chmod(0o755)


class Bench:
    """The folders of a helper and, with `start`, the helper."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.tools = folder / "tools"
        self.run = folder / "run"
        self.lib = folder / "lib"
        self.keys = folder / "keys"
        self.incoming = folder / "incoming"
        self.daemon_run = folder / "daemon"
        # not below `folder`: a socket's path is short (unix(7): 107 octets)
        self._short = tempfile.TemporaryDirectory(prefix="btrmd-")
        self.socket = Path(self._short.name) / "helper.sock"
        Path(self._short.name).chmod(0o755)
        self.daemon_state = Path(self._short.name) / "state"  # of a user who is not root
        self.nmcli_path = folder / "nmcli.json"
        self.path = f"{self.tools}:{os.environ['PATH']}"
        self.environment: dict[str, str] = {}
        self.process: subprocess.Popen[bytes] | None = None
        for path in (self.tools, self.run, self.lib, self.keys, self.daemon_run, self.daemon_state):
            path.mkdir(parents=True)
        self.keys.chmod(0o755)

    def play_nmcli(self) -> None:
        write_tool(self.tools, "nmcli", NMCLI.format(python=sys.executable))
        write_tool(self.tools, "systemctl", "#!/bin/sh\nexit 0\n")
        self.nmcli = {
            "devices": ["lo:loopback:unmanaged", "wlan0:wifi:connected", "eth0:ethernet:connected"],
            "profiles": [{"name": "Wired connection 1", "uuid": "old", "save": "yes",
                          "address": "10.0.0.5/24"}],
            "active": "old", "host_name": "raspberrypi",
        }  # fmt: skip

    @property
    def nmcli(self) -> dict[str, Any]:
        return dict(json.loads(self.nmcli_path.read_text()))

    @nmcli.setter
    def nmcli(self, state: dict[str, Any]) -> None:
        self.nmcli_path.write_text(json.dumps(state))

    @property
    def calls(self) -> list[list[str]]:
        path = self.nmcli_path.with_name("nmcli.json.calls")
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []

    def start(self, *options: str) -> None:
        words = [sys.executable, "-m", "btrmd.appliance", "--socket", str(self.socket)]
        words += ["--run-dir", str(self.run), "--lib-dir", str(self.lib)]
        words += ["--keys-dir", str(self.keys), "--incoming", str(self.incoming)]
        words += ["--daemon-run-dir", str(self.daemon_run)]
        words += ["--daemon-state-dir", str(self.daemon_state), *options]
        environment = {
            **os.environ, "PYTHONPATH": str(ROOT), "PATH": self.path,
            "NMCLI_STATE": str(self.nmcli_path), **self.environment,
        }  # fmt: skip
        self.process = subprocess.Popen(words, env=environment)
        wait_until(self._answers, "the helper answers")

    def _answers(self) -> bool:
        try:
            return self.ask("ping")["ok"] is True
        except OSError:
            return False

    def kill(self) -> None:
        assert self.process is not None
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(WAIT_S)
        self.process = None

    def stop(self) -> int:
        """SIGTERM, and its exit code."""
        if self.process is None:
            return 0
        self.process.terminate()
        code = self.process.wait(WAIT_S)
        self.process = None
        return code

    def close(self) -> None:
        self.stop()
        self._short.cleanup()

    def send(self, line: bytes) -> dict[str, Any]:
        """The answer to a raw line."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as helper_socket:
            helper_socket.settimeout(WAIT_S)
            helper_socket.connect(str(self.socket))
            helper_socket.sendall(line)
            data = b""
            while b"\n" not in data:
                piece = helper_socket.recv(65536)
                if not piece:
                    raise ConnectionResetError
                data += piece
        return dict(json.loads(data))

    def ask(self, verb: str, **fields: object) -> dict[str, Any]:
        return self.send(json.dumps({"verb": verb, **fields}).encode() + b"\n")

    def state(self) -> dict[str, Any]:
        path = self.run / "network.json"
        return dict(json.loads(path.read_text())) if path.exists() else {}

    def until_state(self, state: str) -> dict[str, Any]:
        wait_until(lambda: self.state().get("state") == state, f"{state}, not {self.state()}")
        return self.state()
