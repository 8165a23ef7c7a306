"""A station without a core and its syslog sender; servers that read RFC 5424 to the letter."""

from __future__ import annotations

import re
import select
import socket
import ssl
import struct
import threading
from collections.abc import Mapping
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import NamedTuple

import pytest
from mail_fixtures import Bench

from btrmd.notify.syslog.sender import LISTENER, SyslogSender

# RFC 5424 6, as printed: every field with its characters and its greatest length.
HEAD = re.compile(
    r"<(?P<pri>0|[1-9]\d{0,2})>(?P<version>[1-9]\d{0,2}) "
    r"(?P<time>\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,6})?(?:Z|[+-]\d\d:\d\d)) "
    r"(?P<host>-|[!-~]{1,255}) (?P<app>-|[!-~]{1,48}) (?P<proc>-|[!-~]{1,128}) "
    r"(?P<msgid>-|[!-~]{1,32}) (?P<rest>.*)",
    re.DOTALL,
)
NAME = r"[!#-<>-\\^-~]{1,32}"  # printable ASCII without " = ]
PARAM = re.compile(rf' ({NAME})="((?:[^"\\\]]|\\["\\\]])*)"')
ELEMENT = re.compile(rf"\[({NAME})((?:{PARAM.pattern})*)\]")


class Log(NamedTuple):
    """A message as it was parsed; `facts` of our element."""

    pri: int
    time: str
    host: str
    app: str
    msgid: str
    facts: Mapping[str, str]
    elements: tuple[str, ...]
    text: str
    raw: bytes

    @property
    def n(self) -> int:
        return int(self.facts["event"])


def parse(raw: bytes) -> Log:
    """Raises AssertionError for whatever RFC 5424 does not allow."""
    text = raw.decode()
    head = HEAD.fullmatch(text)
    assert head is not None, text
    assert int(head["pri"]) <= 191
    assert head["version"] == "1"
    rest, facts, names = head["rest"], {}, []
    while found := ELEMENT.match(rest):
        assert found[1] not in names
        names.append(found[1])
        if found[1].startswith("btrm@"):
            pairs = PARAM.findall(found[2])
            facts = {name: re.sub(r'\\(["\\\]])', r"\1", value) for name, value in pairs}
            assert len(facts) == len(pairs)
        rest = rest[found.end() :]
    assert names, rest
    assert rest.startswith(" "), rest
    message = rest[1:]
    assert message.isascii() or message.startswith("\ufeff")
    assert not any(ord(char) < 32 for char in text)
    assert len(raw) <= 2048
    return Log(
        int(head["pri"]), head["time"], head["host"], head["app"], head["msgid"], facts,
        tuple(names), message.removeprefix("\ufeff"), raw,
    )  # fmt: skip


class Server:
    """A syslog server; `take` gives the next message."""

    port: int

    def __init__(self) -> None:
        self._queue: SimpleQueue[Log | str] = SimpleQueue()

    def take(self, seconds: float = 20.0) -> Log:
        try:
            found = self._queue.get(timeout=seconds)
        except Empty:
            pytest.fail(f"no message within {seconds:g} s")
        assert not isinstance(found, str), found
        return found

    @property
    def is_quiet(self) -> bool:
        return self._queue.empty()

    def _put(self, raw: bytes) -> None:
        try:
            self._queue.put(parse(raw))
        except (AssertionError, ValueError) as error:
            self._queue.put(f"{error}: {raw!r}")


class UdpServer(Server):
    def __init__(self, port: int = 0) -> None:
        super().__init__()
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", port))
        self.port = self._socket.getsockname()[1]
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while raw := self._socket.recv(65535):
            self._put(raw)

    def close(self) -> None:
        self._socket.sendto(b"", ("127.0.0.1", self.port))
        self._thread.join()
        self._socket.close()


class TcpServer(Server):
    """Octet counting (RFC 6587 3.4.1). `hold`: what arrives is not read. `tls`: RFC 5425."""

    def __init__(
        self, port: int = 0, hold: bool = False, tls: ssl.SSLContext | None = None
    ) -> None:
        super().__init__()
        self.tls = tls
        self._listener = socket.create_server(("127.0.0.1", port))
        self.port = self._listener.getsockname()[1]
        self._hold = hold
        self._ending: threading.Event = threading.Event()
        self._readers: list[threading.Thread] = []
        self.connected = threading.Semaphore(0)
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            if self._hold:
                client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            words = (client, self._ending)
            self._readers.append(threading.Thread(target=self._read, args=words, daemon=True))
            self._readers[-1].start()
            self.connected.release()

    def _read(self, client: socket.socket, ending: threading.Event) -> None:
        """Only this thread touches the socket, so that closing it is a reset at once."""
        buffer = b""
        if self.tls is not None:
            plain = client
            try:
                client = self.tls.wrap_socket(client, server_side=True)
            except OSError:
                plain.close()
                return
            client.settimeout(0.01)
        while not ending.wait(0.005 if self._hold else 0.0):
            if self.tls is None and (self._hold or not select.select([client], [], [], 0.01)[0]):
                continue
            try:
                data = client.recv(65536)
            except TimeoutError:
                continue
            except (ConnectionError, ssl.SSLError):
                break
            if not data:
                if buffer:
                    self._queue.put(f"cut off: {buffer!r}")
                break
            buffer += data
            while found := re.match(rb"([1-9]\d{0,4}) ", buffer):
                end = found.end() + int(found[1])
                if len(buffer) < end:
                    break
                self._put(buffer[found.end() : end])
                buffer = buffer[end:]
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        client.close()

    def drop(self) -> None:
        """Reset every connection."""
        self._ending.set()
        for reader in self._readers:
            reader.join()
        self._readers.clear()
        self._ending = threading.Event()

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join()
        self.drop()


class LogBench(Bench):
    """With its sender as a thread."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.log: SyslogSender | None = None

    def to(self, server: Server, **changes: object) -> None:
        """Syslog to `server`."""
        kind = "udp"
        if isinstance(server, TcpServer):
            kind = "tcp" if server.tls is None else "tls"
        named: dict[str, object] = {
            "syslog__enabled": True,
            "syslog__server": "127.0.0.1",
            "syslog__port": server.port,
            "syslog__transport": kind,
        }
        self.use(**(named | changes))  # type: ignore[arg-type]

    def start(self, patience_s: float = 5.0) -> None:
        self.log = SyslogSender(self.bus, self.history, self.cursors, patience_s)
        self.log.start()

    @property
    def log_fault(self) -> str:
        found = self.bus.listeners.get(LISTENER)
        return found.fault if found is not None else ""

    @property
    def reported(self) -> int | None:
        """The number saved on disk."""
        return self.cursors.load("syslog")

    def restart(self) -> None:
        if self.log is not None:
            self.log.stop()
        super().restart()

    def close(self) -> None:
        if self.log is not None:
            self.log.stop()
        super().close()
