"""A fieldbus service over a hand-made station: a bus, a playing owner, sockets and serial pairs."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import threading
from collections.abc import Callable
from pathlib import Path

from fieldbus_snapshot import AT, make_snapshot
from waiting import wait_until

from btrmd.bus import Bus
from btrmd.model.commands import Answer, ChangeSettings, Command
from btrmd.model.errors import SettingError
from btrmd.model.readings import GOOD, MISSING, Reading, Value
from btrmd.model.settings import Settings
from btrmd.servers.fieldbus.listener_config import FieldbusOptions
from btrmd.servers.fieldbus.service import Fieldbus


class Owner:
    """Plays the owner: answers commands, keeps them, publishes what they change."""

    def __init__(self, bus: Bus) -> None:
        self.bus = bus
        self.commands: list[Command] = []
        self.answer: Callable[[Command], Answer | None] = lambda command: None
        self.is_deaf = threading.Event()  # commands stay where they are
        self._next = bus.snapshot
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        self._thread.join()

    def show(self, **values: Value) -> None:
        """Publish points with other values; returns once they are out."""
        with self._lock:
            points = dict(self._next.points)
            for key, value in values.items():
                quality = MISSING if value is None else GOOD
                points[key.replace("__", ".")] = Reading(value, quality, AT)
            self._next = self._next._replace(points=points)
            seq = self.bus.snapshot.seq
        assert self.bus.wait_snapshot(seq + 1, 5.0)

    def change(self, **settings: object) -> None:
        """Change settings as if somebody else had."""
        with self._lock:
            changes = {key.replace("__", "."): value for key, value in settings.items()}
            changed = self._next.settings.with_changes(changes)
            self._next = self._next._replace(settings=changed)
            seq = self.bus.snapshot.seq
        assert self.bus.wait_snapshot(seq + 1, 5.0)

    def _run(self) -> None:
        while not self._stop.wait(0.005):
            with self._lock:
                if not self.is_deaf.is_set():
                    for pending in self.bus.take():
                        self.commands.append(pending.command)
                        pending.answer.set_result(self._obey(pending.command))
                self._next = self._next._replace(seq=self.bus.snapshot.seq + 1)
                self.bus.publish(self._next)

    def _obey(self, command: Command) -> Answer:
        answer = self.answer(command)
        if answer is not None:
            return answer
        if isinstance(command, ChangeSettings):
            settings = self._next.settings
            live = settings.live_changes(command.changes)
            try:
                changed = settings.with_changes(
                    {key: raw for key, raw in command.changes.items() if key not in live}
                )
            except SettingError as error:
                return Answer(False, "range", str(error))
            points = dict(self._next.points)
            if "test.minimum_runtime_min" in command.changes:
                minutes = int(str(changed["test.minimum_runtime_min"]))
                points["runtime.minimum"] = Reading(60.0 * minutes, GOOD, AT)
            if "lvd.enabled" in command.changes:
                points["lvd.enabled"] = Reading(changed["lvd.enabled"], GOOD, AT)
            self._next = self._next._replace(settings=changed, points=points)
        return Answer(True)


class Station:
    """A bus, an owner and the service. `settings` have dots as two underscores."""

    def __init__(
        self,
        options: FieldbusOptions = FieldbusOptions("127.0.0.1:0"),  # noqa: B008 - immutable
        **settings: object,
    ) -> None:
        changes = {key.replace("__", "."): value for key, value in settings.items()}
        self.bus = Bus(make_snapshot(Settings.defaults().with_changes(changes)))
        self.owner = Owner(self.bus)
        self.service = Fieldbus(self.bus, options)

    def start(self) -> Station:
        self.owner.start()
        self.service.start()
        return self

    def stop(self) -> None:
        self.service.stop()
        self.owner.stop()
        self.bus.close()

    def address(self, name: str = "modbus", seconds: float = 10.0) -> str:
        """Where listener `name` is, once it is open."""
        wait_until(lambda: name in self.bus.listeners and self.bus.listeners[name].address, seconds)
        return self.bus.listeners[name].address

    def fault(self, name: str = "modbus") -> str:
        """What listener `name` complains of, once it does."""
        wait_until(lambda: name in self.bus.listeners and self.bus.listeners[name].fault)
        return self.bus.listeners[name].fault

    def connect(self) -> Wire:
        return Wire(self.address())


class Wire:
    """A raw TCP connection to the Modbus server."""

    def __init__(self, address: str, timeout: float = 5.0) -> None:
        host, port = address.rsplit(":", 1)
        self.sock = socket.create_connection((host, int(port)), timeout)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def __enter__(self) -> Wire:
        return self

    def __exit__(self, *exc: object) -> None:
        self.sock.close()

    def send(self, text: str | bytes) -> None:
        self.sock.sendall(bytes.fromhex(text) if isinstance(text, str) else text)

    def take(self) -> bytes:
        """The next frame; b"" once the server has closed."""
        head = self._exactly(6)
        return head + self._exactly(int.from_bytes(head[4:6], "big")) if head else b""

    def ask(self, text: str | bytes) -> str:
        """Send hex, return the hex of one frame."""
        self.send(text)
        return self.take().hex(" ")

    def pdu(self, text: str, unit: int = 1) -> str:
        """Send a PDU in hex, return the response's PDU in hex."""
        pdu = bytes.fromhex(text)
        size = (len(pdu) + 1).to_bytes(2, "big")
        self.send(b"\x12\x34\0\0" + size + bytes((unit,)) + pdu)
        frame = self.take()
        assert frame[:4] == b"\x12\x34\0\0"
        assert frame[6] == unit
        return frame[7:].hex(" ")

    def is_closed(self) -> bool:
        """The server has closed the connection (waits for it)."""
        try:
            return self.sock.recv(1) == b""
        except ConnectionResetError:
            return True

    def is_silent(self, seconds: float = 0.1) -> bool:
        """Nothing comes for a while."""
        self.sock.settimeout(seconds)
        try:
            return self.sock.recv(1) == b"never"
        except TimeoutError:
            return True
        finally:
            self.sock.settimeout(5.0)

    def _exactly(self, size: int) -> bytes:
        data = b""
        while len(data) < size:
            more = self.sock.recv(size - len(data))
            if not more:
                return b""
            data += more
        return data


class SerialPair:
    """A null-modem cable made by socat: `here` for the station, `there` for the master."""

    def __init__(self, folder: Path) -> None:
        self.here, self.there = folder / "here", folder / "there"
        self._process: subprocess.Popen[bytes] | None = None
        self.plug()

    def plug(self) -> None:
        self._process = subprocess.Popen(
            ["socat", f"pty,raw,echo=0,link={self.here}", f"pty,raw,echo=0,link={self.there}"],
            stderr=subprocess.DEVNULL,
        )
        wait_until(lambda: self.here.exists() and self.there.exists())

    def pull(self) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.wait()
            self._process = None
            wait_until(lambda: not self.here.exists())

    def open_there(self) -> int:
        """A file descriptor of the master's end."""
        return os.open(self.there, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)


def has(*programs: str) -> bool:
    return all(shutil.which(program) for program in programs)
