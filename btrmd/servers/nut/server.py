"""The NUT server: a thread that listens while it is wanted, and serves all its clients."""

from __future__ import annotations

import contextlib
import logging
import selectors
import socket
import threading
import time
from collections.abc import Callable, Collection
from typing import Final

from ...bus import Bus
from ...model.service import LIMITS, STALL_S, Service
from ...model.setting_format import split_list
from ...model.settings import Settings
from ...net import (
    host_and_port,
    network_of,
    plain_address,
    plain_network,
    split_address,
)
from ..acceptor import Acceptor
from ..allowance import Allowance
from ..share import Member, Share
from ..tcp import bind, listen_fault
from .client import NutClient
from .session import NutSession

log = logging.getLogger(__name__)

LISTENER: Final = "nut"
NONE: Final = "none"
LOOK_S: Final = 1.0  # between two looks at the settings, while it listens
SLEEP_S: Final = 60.0  # while it is off: an event ends it
SETTLE_S: Final = 0.3  # after an event: the settings it tells of are in the snapshot by then
RETRY_S: Final = 5.0  # after a port that is taken
PENALTY_S: Final = 3.0  # after a wrong password
MOST_PENALTIES: Final = 1000
STOP_S: Final = 3.0
CPU_SHARE: Final = 0.3  # of one core, on the long run
CPU_BURST_S: Final = 0.2
PAUSE_S: Final = 0.02


class NutServer(Service, name="nut"):
    """Built on any thread, `start` and `stop` once each. `address` HOST:PORT (port 0 = any free
    one): open whatever the settings say; "none": never; None: while `nut.enabled` says so, on
    `host` and the port of the settings."""

    def __init__(self, bus: Bus, address: str | None = None, host: str = "0.0.0.0") -> None:
        self._bus = bus
        self._address = address
        self._host = host
        self.share = Share(LIMITS[LISTENER])
        self._settings: Settings | None = None
        self._wanted: tuple[str, int] | None = None
        self._listening: socket.socket | None = None
        self._acceptor: Acceptor | None = None
        self._is_listening = False  # the selector looks at it
        self._selector = selectors.DefaultSelector()
        self._clients: dict[int, NutClient] = {}
        self._penalties: dict[str, float] = {}
        self._allowance = Allowance(CPU_SHARE, CPU_BURST_S)
        self._retry_at = 0.0
        self._next_look = 0.0  # monotonic s, for who is silent
        self._shown = ("", "")
        self._reported: dict[str, int] = {}
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="nut", daemon=True)

    @property
    def listeners(self) -> Collection[str]:
        return () if self._address in (None, NONE) else (LISTENER,)

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
        """False while a wrong password is paid for at `host`."""
        return time.monotonic() >= self._penalties.get(network_of(host), 0.0)

    def failed(self, host: str) -> None:
        """A wrong password came from `host`."""
        now = time.monotonic()
        self._penalties = {who: end for who, end in self._penalties.items() if end > now}
        if len(self._penalties) < MOST_PENALTIES:
            self._penalties[network_of(host)] = now + PENALTY_S

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
        if self._wanted is not None:  # the port is taken: it is tried again
            self._stopping.wait(LOOK_S)
        elif self._bus.wait_events(self._bus.last_event, SLEEP_S, self._stopping):
            self._stopping.wait(SETTLE_S)

    def _follow(self) -> None:
        """Open and close as options and settings say."""
        settings = self._bus.snapshot.settings
        if settings is not self._settings:
            self._settings = settings
            for client in list(self._clients.values()):
                if not self._may_connect(client.session.host):
                    self._leave(client)
        wanted = self._place(settings)
        if wanted != self._wanted:
            self._close()
            self._wanted, self._retry_at = wanted, 0.0
        if wanted is None:
            self._show("", "")
        elif self._listening is None and time.monotonic() >= self._retry_at:
            self._open(*wanted)

    def _place(self, settings: Settings) -> tuple[str, int] | None:
        if self._address is not None:
            return None if self._address == NONE else split_address(self._address)
        if not settings.flag("nut.enabled") or self._host == NONE:
            return None
        return self._host, settings.integer("nut.port")

    def _open(self, host: str, port: int) -> None:
        try:
            made = bind(host, port)
        except OSError as error:
            self._retry_at = time.monotonic() + RETRY_S
            self._show("", listen_fault("NUT", host, port, error))
            return
        made.setblocking(False)
        self._listening = made
        self._acceptor = Acceptor(made, self.share)
        self._listen(True)
        port = made.getsockname()[1]
        self._show(host_and_port(host, port), "")

    def _close(self) -> None:
        for client in list(self._clients.values()):
            self._leave(client)
        if self._listening is not None:
            self._listen(False)
            self._listening.close()
            if self._acceptor is not None:
                self._acceptor.close()
            self._listening = self._acceptor = None
            self._show("", "")

    def _serve(self) -> None:
        """One round: whoever has something gets a turn; once a second everybody is looked at."""
        if self._allowance.is_used_up:
            self._stopping.wait(PAUSE_S)
        began = time.thread_time()
        waiting = [c for c in self._clients.values() if c.has_lines]
        has_new = self._acceptor is not None and self._acceptor.has_more
        for key, mask in self._selector.select(0.0 if waiting or has_new else LOOK_S):
            if key.fileobj is self._listening:
                has_new = True  # later: who has gone meanwhile leaves his place to them
            elif mask & selectors.EVENT_WRITE:
                self._turn(key.data, key.data.flush)
            else:
                self._turn(key.data, key.data.read)
        for client in waiting:
            self._turn(client, client.work)
        if has_new:
            self._accept()
        self._listen(self._acceptor is not None and self._acceptor.may_accept)
        if time.monotonic() >= self._next_look:
            self._next_look = time.monotonic() + LOOK_S
            self._close_silent()
        self._allowance.use(time.thread_time() - began)
        if self.share.counts != self._reported:
            self._reported = self.share.counts
            self._bus.report_counts(LISTENER, self._reported)

    def _close_silent(self) -> None:
        """End who takes no answer, and who asks nothing for too long."""
        latest = time.monotonic() - STALL_S
        for client in list(self._clients.values()):
            if client.stalled_since is not None and client.stalled_since < latest:
                self.share.stalled()
                self._leave(client)
        for member in self.share.idle():
            member.close()

    def _accept(self) -> None:
        assert self._acceptor is not None
        for sock, host, _ in self._acceptor.accepted():
            if self._may_connect(host):
                self._enter(sock, host)
            else:
                sock.close()

    def _listen(self, is_wanted: bool) -> None:
        """Have the selector look at the listening socket, or no longer."""
        if self._listening is None or is_wanted is self._is_listening:
            return
        self._is_listening = is_wanted
        if is_wanted:
            self._selector.register(self._listening, selectors.EVENT_READ)
        else:
            self._selector.unregister(self._listening)

    def _enter(self, sock: socket.socket, host: str) -> None:
        client = NutClient(sock, NutSession(host, self._bus, self))
        client.member = member = Member(host, lambda: self._leave(client))
        if not self.share.enter(member):
            sock.close()
            return
        self._clients[sock.fileno()] = client
        self._selector.register(sock, selectors.EVENT_READ, client)

    def _turn(self, client: NutClient, do: Callable[[], int]) -> None:
        """Let a client go on; end it when it is over, and listen to what it can take."""
        if client.socket.fileno() < 0:
            return  # it has had to make room a moment ago
        began = time.thread_time()
        try:
            asked = do()
        except OSError:  # it is gone, or talks nonsense
            self._leave(client)
            return
        if asked:
            self.share.heard(client.member, time.thread_time() - began)
            client.member.is_kept = client.session.is_logged_in
        if client.is_over:
            self._leave(client)
        else:
            self._selector.modify(client.socket, client.wants, client)

    def _leave(self, client: NutClient) -> None:
        self._clients.pop(client.socket.fileno(), None)
        with contextlib.suppress(KeyError, ValueError):
            self._selector.unregister(client.socket)
        client.socket.close()
        self.share.leave(client.member)

    def _may_connect(self, host: str) -> bool:
        networks = split_list(self._bus.snapshot.settings.text("nut.allow"))
        address = plain_address(host)
        return not networks or (
            address is not None and any(address in plain_network(net) for net in networks)
        )

    def _show(self, address: str, fault: str) -> None:
        if (address, fault) != self._shown:
            self._shown = (address, fault)
            if fault:
                log.warning("%s", fault)
            self._bus.report_listener(LISTENER, address, fault)
