"""A real mosquitto that a test starts, stops and kills, and mosquitto_sub listening to it."""

from __future__ import annotations

import json
import queue
import shutil
import socket
import subprocess
import threading
import time
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from ending import end_process
from free_port import free_port
from waiting import wait_until

MOSQUITTO = shutil.which("mosquitto") or shutil.which("/usr/sbin/mosquitto")
SUB = shutil.which("mosquitto_sub")
PUB = shutil.which("mosquitto_pub")
SERIAL = "10000000abcdef01"


class Broker:
    """`config`: further lines of mosquitto.conf. The port stays over a restart."""

    def __init__(self, folder: Path, *config: str, port: int = 0) -> None:
        if MOSQUITTO is None:
            pytest.skip("mosquitto is not installed (package mosquitto)")
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.port = port or free_port()
        self.config = list(config) or ["allow_anonymous true"]
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        lines = [f"listener {self.port} 127.0.0.1", *self.config]
        if not any(line.startswith("user ") for line in lines):
            lines.insert(0, "user root")  # else it would change to a user who may not read this
        file = self.folder / "mosquitto.conf"
        file.write_text("\n".join(lines) + "\n")
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [str(MOSQUITTO), "-v", "-c", str(file)], stdout=log, stderr=log
            )
        wait_until(self._listens, 20.0, lambda: self.log)

    def _listens(self) -> bool:
        assert self._process is not None
        try:
            socket.create_connection(("127.0.0.1", self.port), 1.0).close()
        except OSError:
            assert self._process.poll() is None, self.log
            return False
        return True

    @property
    def log(self) -> str:
        return (self.folder / "log").read_text(errors="replace")

    def kill(self) -> None:
        """SIGKILL: whatever it had in memory is lost."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def stop(self) -> None:
        """SIGTERM."""
        if self._process is not None:
            end_process(self._process)
            self._process = None

    def close(self) -> None:
        self.kill()

    def publish(self, topic: str, payload: str, *words: str) -> None:
        """mosquitto_pub."""
        assert PUB is not None
        subprocess.run(
            [PUB, "-p", str(self.port), "-t", topic, "-m", payload, "-q", "1", *words],
            check=True, timeout=20.0,
        )  # fmt: skip


class Got(NamedTuple):
    """A message as mosquitto_sub tells it."""

    topic: str
    is_retained: bool
    payload: str

    @property
    def json(self) -> Any:
        return json.loads(self.payload)


class Watch:
    """mosquitto_sub with a session that the broker keeps for it."""

    def __init__(
        self, broker: Broker, topic: str = "#", *words: str, name: str = "watch",
        probe: str = "", probe_words: tuple[str, ...] = (),
    ) -> None:  # fmt: skip
        """`words`: how to log in. `probe`, `probe_words`: topic and login of the publisher of the
        first message, where the broker lets others only do so."""
        probe, probe_words = probe or f"{name}/ready", probe_words or words
        if SUB is None:
            pytest.skip("mosquitto_sub is not installed (package mosquitto-clients)")
        self._queue: queue.SimpleQueue[Got] = queue.SimpleQueue()
        self.all: list[Got] = []
        options = ["-t", topic, "-t", probe, "-q", "1", "-i", name, "-c"]
        options += ["-F", "%r\t%t\t%p", *words]
        self._process = subprocess.Popen(
            [SUB, "-p", str(broker.port), *options], stdout=subprocess.PIPE, text=True
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        end = time.monotonic() + 20.0
        while True:  # it is subscribed once something comes back
            broker.publish(probe, "yes", *probe_words)
            try:
                got = self._queue.get(timeout=0.2)
            except queue.Empty:
                assert time.monotonic() < end, broker.log
            else:
                if got.topic == probe:
                    self.all = [one for one in self.all if one is not got]
                    return

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            retained, topic, payload = line.rstrip("\n").split("\t", 2)
            got = Got(topic, retained == "1", payload)
            self.all.append(got)
            self._queue.put(got)

    def take(self, name: str, seconds: float = 20.0) -> Got:
        """The next message whose topic ends in `name`; others are passed over."""
        end = time.monotonic() + seconds
        while True:
            left = end - time.monotonic()
            try:
                got = self._queue.get(timeout=max(left, 0.0))
            except queue.Empty:
                pytest.fail(f"no {name} within {seconds:g} s; came: {self.all[-5:]}")
            if got.topic.endswith(name):
                return got

    def named(self, name: str) -> list[Got]:
        """All that came so far whose topic ends in `name`."""
        return [got for got in self.all if got.topic.endswith(name)]

    def close(self) -> None:
        self._process.kill()
        self._process.wait()
        self._reader.join()  # it reads to the end, before the pipe is closed under it
        assert self._process.stdout is not None
        self._process.stdout.close()
