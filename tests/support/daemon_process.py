"""A daemon on the simulated HAT as a process of its own, and all the listeners to it."""

from __future__ import annotations

import http.client
import json
import queue
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import IO, Any, NamedTuple

import fork_server
from child_environment import child_environment
from waiting import wait_until

from btrmd.cli.client import ControlClient
from btrmd.cli.place import Folders

ROOT = Path(__file__).resolve().parents[2]
PASSWORD = "a-long-password"
START_S = 60.0  # a slow machine is no failure
PLAIN = ("-m", "btrmd")
PRESENCE_S = 11.0  # supply and charger are present after 10 s, with what the first scan waits for
RECORD = ROOT / "docs/examples/bboxx_17ah_2A3.csv"


Process = subprocess.Popen[str] | fork_server.ForkedProcess


class Result(NamedTuple):
    """What a command left."""

    code: int
    out: str
    err: str


class Reply(NamedTuple):
    """An HTTP answer."""

    status: int
    body: bytes
    headers: http.client.HTTPMessage

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class DaemonProcess:
    """`btrmd run --simulate` with the config and state folders under `folder`.

    One object may live through many processes: `start`, `kill` or `stop`, `start` again. In pytest
    they are forked (fork_server), unless `runner`, what Python runs, is given: PLAIN or a script.
    """

    def __init__(
        self,
        folder: Path,
        speed: float = 1.0,
        http: str = "127.0.0.1:0",
        runner: tuple[str, ...] = (),
    ) -> None:
        self.folder = folder
        self.config_dir = folder / "config"
        self.state_dir = folder / "state"
        self.log_path = folder / "log"
        self.speed = speed
        self.http = http
        self.address = ""
        self.process: Process | None = None
        self.runner = runner
        self.lines: queue.SimpleQueue[str] = queue.SimpleQueue()
        self.csrf = ""
        self.cookie = ""
        folder.mkdir(parents=True, exist_ok=True)
        self.config_dir.mkdir(exist_ok=True)

    # --- life and death --------------------------------------------------------------------------

    def spawn(self, *options: str) -> Process:
        """Start the process and wait for nothing."""
        words = ["run", "--simulate", "--speed", f"{self.speed:g}"]
        words += ["--http", self.http, "--https", "none", "--modbus", "none", "--dnp3", "none"]
        words += ["--snmp", "none", *options]
        words += ["--config-dir", str(self.config_dir), "--state-dir", str(self.state_dir)]
        with self.log_path.open("a") as log:
            self.process = process = self._start(words, log)
        self.lines = lines = queue.SimpleQueue()
        threading.Thread(target=_read_lines, args=(process, lines), daemon=True).start()
        return process

    def _start(self, words: list[str], log: IO[str]) -> Process:
        if fork_server.is_enabled() and not self.runner:
            return fork_server.spawn(words, cwd=self.folder, env=child_environment(), stderr=log)
        return subprocess.Popen(
            [sys.executable, *(self.runner or PLAIN), *words],
            stdout=subprocess.PIPE, stderr=log, text=True, cwd=self.folder,
            stdin=subprocess.DEVNULL, env=child_environment(),
        )  # fmt: skip

    def start(self, *options: str) -> DaemonProcess:
        """Start and wait for the ready line; `address` is HOST:PORT then."""
        self.spawn(*options)
        self.wait_ready()
        return self

    def wait_ready(self, seconds: float = START_S) -> str:
        """The next ready line."""
        try:
            line = self.lines.get(timeout=seconds)
        except queue.Empty:
            line = ""
        assert line.startswith("ready"), f"no ready line but {line!r}; the log:\n{self.log}"
        self.address = line.removeprefix("ready").strip().removeprefix("http://")
        self.csrf = self.cookie = ""
        return line

    @property
    def pid(self) -> int:
        assert self.process is not None
        return self.process.pid

    @property
    def log(self) -> str:
        return self.log_path.read_text() if self.log_path.exists() else ""

    def kill(self) -> None:
        """SIGKILL: nothing is closed, nothing is said."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self._gone()

    def stop(self, seconds: float = 10.0) -> int:
        """SIGTERM; the exit code."""
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        return self.wait_end(seconds)

    def wait_end(self, seconds: float = 10.0) -> int:
        """The exit code of a process that ends by itself."""
        assert self.process is not None
        code = self.process.wait(seconds)
        self._gone()
        return code

    def _gone(self) -> None:
        process, self.process = self.process, None
        if process is not None:
            wait_until(lambda: self.lines.qsize() and self._is_last())
            assert process.stdout is not None
            process.stdout.close()

    def _is_last(self) -> bool:
        return self.lines.get() == ""  # what the reader puts at the end

    def close(self) -> None:
        """For fixtures: nothing may outlive the test."""
        self.kill()

    # --- the command line and the control socket -------------------------------------------------

    def cli(self, *words: object, stdin: str = "", timeout: float = 60.0) -> Result:
        """`btrmd WORDS --state-dir ...` as a process of its own."""
        words = [*map(str, words), "--state-dir", str(self.state_dir)]
        if fork_server.is_enabled() and not self.runner:
            done = fork_server.run(
                words, cwd=self.folder, env=child_environment(), stdin=stdin, timeout=timeout
            )
            return Result(done.returncode, done.stdout, done.stderr)
        done = subprocess.run(
            [sys.executable, *PLAIN, *words],
            input=stdin, capture_output=True, text=True, timeout=timeout, check=False,
            cwd=self.folder, env=child_environment(),
        )  # fmt: skip
        return Result(done.returncode, done.stdout, done.stderr)

    def good(self, *words: object, timeout: float = 60.0) -> str:
        """The output of a command that must succeed."""
        done = self.cli(*words, timeout=timeout)
        assert done.code == 0, (words, done)
        return done.out

    def ask(self, verb: str, **fields: object) -> dict[str, Any]:
        """One question to the control socket. Raises RefusedError or NoDaemonError."""
        with ControlClient(Folders(self.config_dir, self.state_dir), timeout=20.0) as client:
            return client.ask(verb, **fields)

    def sim(self, **changes: object) -> dict[str, Any]:
        """Change the plant (dots of keys as two underscores) and return the truth."""
        named = {key.replace("__", "."): str(value) for key, value in changes.items()}
        truth: dict[str, Any] = self.ask("sim", changes=named)["truth"]
        return truth

    def set(self, **changes: object) -> None:
        """Change settings (dots of keys as two underscores)."""
        self.ask("set", changes={key.replace("__", "."): v for key, v in changes.items()})

    def status(self) -> dict[str, Any]:
        return self.ask("status")

    def value(self, key: str) -> Any:
        """The value of one point."""
        return self.ask("get", keys=[key])["values"][key]

    def wait_value(self, key: str, value: object, seconds: float = 10.0) -> None:
        """Until point `key` is `value`."""
        wait_until(lambda: self.value(key) == value, seconds, lambda: f"{key}={self.value(key)}")

    def wait_selftest(self) -> None:
        """Until the self-test is over, whatever it found, and it can be known what is present."""
        wait_until(lambda: self.value("system.self_test") in ("good", "failed"), 30.0)
        wait_until(lambda: self.value("system.uptime") > PRESENCE_S, 30.0)

    def faults(self) -> str:
        """All sentences of `btrmd check` in one text."""
        return "\n".join(self.ask("check")["findings"])

    # --- HTTP ------------------------------------------------------------------------------------

    def request(self, method: str, path: str, body: object = None, timeout: float = 15.0) -> Reply:
        """One request on a connection of its own, with the session once `login` was called."""
        headers = {"Content-Type": "application/json"}
        if self.cookie:
            headers["Cookie"] = self.cookie
        if self.csrf:
            headers["X-CSRF-Token"] = self.csrf
        connection = http.client.HTTPConnection(self.address, timeout=timeout)
        try:
            payload = None if body is None else json.dumps(body)
            connection.request(method, path, payload, headers)
            answer = connection.getresponse()
            return Reply(answer.status, answer.read(), answer.headers)
        finally:
            connection.close()

    def get(self, path: str, timeout: float = 15.0) -> Any:
        """The JSON of a GET that must succeed."""
        reply = self.request("GET", path, timeout=timeout)
        assert reply.status == 200, (path, reply)
        return reply.json

    def login(self) -> None:
        """Give the unit a password if it has none, and open a session."""
        if not (self.config_dir / "auth.json").exists():
            self.ask("passwd", user="admin", password=PASSWORD)
        reply = self.request("POST", "/api/v1/login", {"username": "admin", "password": PASSWORD})
        assert reply.status == 200, reply
        self.cookie = reply.headers["Set-Cookie"].partition(";")[0]
        self.csrf = reply.json["csrf"]

    def events(self, after: int = 0) -> list[dict[str, Any]]:
        """Every event above `after`."""
        found: list[dict[str, Any]] = []
        while True:
            page = self.get(f"/api/v1/events?after={after}")["events"]
            if not page:
                return found
            found += page
            after = page[-1]["n"]

    def tests(self) -> dict[int, dict[str, Any]]:
        return {test["n"]: test for test in self.get("/api/v1/tests")["tests"]}

    def curve(self, n: int) -> list[tuple[float | None, ...]]:
        """The rows of curve.csv: time_s, battery_v, battery_a, temp_c, load_a."""
        reply = self.request("GET", f"/api/v1/tests/{n}/curve.csv")
        assert reply.status == 200, reply
        head, *lines = reply.body.decode().splitlines()
        assert head == "time_s,battery_v,battery_a,temp_c,load_a"
        return [tuple(float(c) if c else None for c in line.split(",")) for line in lines]


def _read_lines(process: Process, lines: queue.SimpleQueue[str]) -> None:
    assert process.stdout is not None
    for line in process.stdout:
        lines.put(line)
    lines.put("")
