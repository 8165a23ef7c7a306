"""The NUT server: a thread that listens while the settings say so, and serves all its clients."""

from __future__ import annotations

import contextlib
import logging
import selectors
import socket
import threading
import time
from ipaddress import ip_address, ip_network
from typing import Final

from ...bus import Bus
from ...model.setting_format import split_list
from ...model.settings import Settings
from .session import Session

log = logging.getLogger(__name__)

LISTENER: Final = "nut"
MOST_CLIENTS: Final = 32
MOST_LINE: Final = 512  # octets
IDLE_S: Final = 600.0
QUIET_S: Final = 5.0  # silent for so long and not logged in: makes room when all places are taken
LOOK_S: Final = 1.0  # between two looks at the settings, while it listens
SLEEP_S: Final = 60.0  # while it is off: an event ends it
SETTLE_S: Final = 0.3  # after an event: the settings it tells of are in the snapshot by then
SEND_S: Final = 1.0  # a client that does not take its answer within this is left
PENALTY_S: Final = 3.0  # after a wrong password
STOP_S: Final = 3.0


class Client:
    """One connection."""

    def __init__(self, sock: socket.socket, session: Session) -> None:
        self.socket = sock
        self.session = session
        self.buffer = b""
        self.heard_at = time.monotonic()


class NutServer:
    """Built on any thread, `start` and `stop` once each. Off by default."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus
        self._settings: Settings | None = None
        self._wanted: tuple[bool, int] = (False, 0)
        self._listening: socket.socket | None = None
        self._selector = selectors.DefaultSelector()
        self._clients: dict[int, Client] = {}
        self._penalties: dict[str, float] = {}
        self._retry_at = 0.0
        self._shown = ("", "")
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="nut", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        self._bus.wake()
        if self._thread.is_alive():
            self._thread.join(STOP_S)

    # --- what sessions share -------------------------------------------------------------------

    def logins(self) -> list[str]:
        """The hosts of the monitors that are logged in."""
        return [c.session.host for c in self._clients.values() if c.session.is_logged_in]

    def may_try(self, host: str) -> bool:
        """False for 3 s after a wrong password from `host`."""
        return time.monotonic() >= self._penalties.get(host, 0.0)

    def failed(self, host: str) -> None:
        """A wrong password came from `host`."""
        now = time.monotonic()
        self._penalties = {who: end for who, end in self._penalties.items() if end > now}
        self._penalties[host] = now + PENALTY_S

    # --- the thread ----------------------------------------------------------------------------

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                self._follow()
                if self._listening is None:
                    self._sleep()
                else:
                    self._serve()
            except Exception:
                # The edge: a fault in one answer must not end the service.
                log.exception("the NUT server met an error of its own")
                self._stopping.wait(LOOK_S)
        self._close()
        self._selector.close()

    def _sleep(self) -> None:
        if self._wanted[0]:  # the port is taken: it is tried again
            self._stopping.wait(LOOK_S)
        elif self._bus.wait_events(self._bus.last_event, SLEEP_S, self._stopping):
            self._stopping.wait(SETTLE_S)

    def _follow(self) -> None:
        """Open and close as the settings say."""
        settings = self._bus.snapshot.settings
        wanted = (settings.flag("nut.enabled"), settings.integer("nut.port"))
        if wanted != self._wanted:
            self._close()
            self._wanted, self._retry_at = wanted, 0.0
        if settings is not self._settings:
            self._settings = settings
            for client in list(self._clients.values()):
                if not self._may_connect(client.session.host):
                    self._leave(client)
        if wanted[0] and self._listening is None and time.monotonic() >= self._retry_at:
            self._open(wanted[1])
        elif not wanted[0]:
            self._show("", "")

    def _open(self, port: int) -> None:
        try:
            made = socket.create_server(("0.0.0.0", port), backlog=64)
        except OSError as error:
            self._retry_at = time.monotonic() + 5.0
            self._show("", f"NUT cannot listen on port {port}: {error.strerror or error}.")
            return
        made.setblocking(False)
        self._listening = made
        self._selector.register(made, selectors.EVENT_READ)
        self._show(f"0.0.0.0:{port}", "")

    def _close(self) -> None:
        for client in list(self._clients.values()):
            self._leave(client)
        if self._listening is not None:
            self._selector.unregister(self._listening)
            self._listening.close()
            self._listening = None
            self._show("", "")

    def _serve(self) -> None:
        for key, _ in self._selector.select(LOOK_S):
            if key.fileobj is self._listening:
                self._accept()
            else:
                self._hear(key.data)
        now = time.monotonic()
        for client in list(self._clients.values()):
            if now - client.heard_at > IDLE_S:
                self._leave(client)

    def _accept(self) -> None:
        assert self._listening is not None
        with contextlib.suppress(OSError):
            sock, address = self._listening.accept()
            host = str(address[0])
            if not self._may_connect(host) or not self._has_room():
                sock.close()
                return
            sock.settimeout(SEND_S)
            client = Client(sock, Session(host, self._bus, self))
            self._clients[sock.fileno()] = client
            self._selector.register(sock, selectors.EVENT_READ, client)

    def _has_room(self) -> bool:
        """Whoever holds a place without having logged in loses it to the next one, the longest
        silent first: a crowd that only connects must not keep the monitors out."""
        if len(self._clients) < MOST_CLIENTS:
            return True
        silent = time.monotonic() - QUIET_S
        idle = [
            c for c in self._clients.values() if not c.session.is_logged_in and c.heard_at < silent
        ]
        if not idle:
            return False
        self._leave(min(idle, key=lambda c: c.heard_at))
        return True

    def _hear(self, client: Client) -> None:
        if client.socket.fileno() < 0:
            return  # it has had to make room a moment ago
        try:
            data = client.socket.recv(4096)
            client.buffer += data
            client.heard_at = time.monotonic()
            while b"\n" in client.buffer and not client.session.is_over:
                line, _, client.buffer = client.buffer.partition(b"\n")
                if len(line) > MOST_LINE:
                    break
                answer = client.session.answer(line.decode(errors="replace"))
                client.socket.sendall(answer.encode())
        except OSError:  # it is gone, or takes nothing
            self._leave(client)
            return
        if not data or client.session.is_over or len(client.buffer) > MOST_LINE:
            self._leave(client)

    def _leave(self, client: Client) -> None:
        self._clients.pop(client.socket.fileno(), None)
        with contextlib.suppress(KeyError, ValueError):
            self._selector.unregister(client.socket)
        client.socket.close()

    def _may_connect(self, host: str) -> bool:
        networks = split_list(self._bus.snapshot.settings.text("nut.allow"))
        return not networks or any(ip_address(host) in ip_network(net) for net in networks)

    def _show(self, address: str, fault: str) -> None:
        if (address, fault) != self._shown:
            self._shown = (address, fault)
            if fault:
                log.warning("%s", fault)
            self._bus.report_listener(LISTENER, address, fault)
