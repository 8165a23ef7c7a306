"""The SNMP server: a thread with its loop, its socket, the way from a datagram to its answer."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
from collections.abc import Collection
from typing import TYPE_CHECKING, Any, Final

from ...bus import Bus
from ...model.service import Service
from ...model.settings import Settings
from ...net import split_address
from ...retry import RetryPauses, keep_running
from ...snmp.engine import SnmpEngine
from ...snmp.message import V1, V2C, V3
from ..tcp import listen_fault
from .access import SnmpAccess
from .changes import SetChanges
from .community import MOST_IN, Communities, PendingSet, message_version
from .counters import Counters
from .host_mib import host_leaves
from .responder import Outcome, Responder
from .tree import Tree, btrm_leaves, system_leaves
from .udp_socket import Address, Sender, UdpSocket
from .ups_mib import ups_leaves

if TYPE_CHECKING:
    from .usm import Usm

log = logging.getLogger(__name__)

NONE: Final = "none"
FIRST_RETRY_S: Final = 1.0
LONGEST_RETRY_S: Final = 60.0
MOST_PENDING: Final = 8  # SETs under way
STOP_S: Final = 5.0


class SnmpServer(Service, name="snmp"):
    """Serves `address` (HOST:PORT, port 0 = any free one, "none" = off).

    `engine`: this unit as SNMPv3 knows it. Nothing here raises into the daemon: a port that cannot
    be bound, and an error that ends the loop, are reported on the bus and it is tried again, with
    growing pauses.
    """

    def __init__(self, bus: Bus, address: str, engine: SnmpEngine) -> None:
        self._bus = bus
        self._address = address
        self._port: int | None = None  # what "any free one" became
        self._engine = engine
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop: asyncio.Event | None = None
        self._tried = threading.Event()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="snmp", daemon=True)
        self._settings: Settings | None = None
        self._access = SnmpAccess(False, False, {})
        self._usm: Usm | None = None
        self._asked: set[tuple[Address, bytes]] = set()  # SETs under way: who asked, and what
        self._complained = ""
        self._where = ""
        self._udp_socket: UdpSocket | None = None
        self.counters = Counters()
        self.tree = Tree(
            [*system_leaves(), *host_leaves(engine), *self.counters.leaves(), *ups_leaves(),
             *btrm_leaves()]
        )  # fmt: skip
        self._responder = Responder(self.tree)
        self._changes = SetChanges(self.tree, bus.submit_then)
        self._communities = Communities(self._responder, self._changes, self.counters)

    @property
    def listeners(self) -> Collection[str]:
        return () if self._address == NONE else ("snmp",)

    def start(self) -> None:
        """Bind, once before this returns and again and again in the background, and serve."""
        if self._address == NONE:
            return
        self._thread.start()
        self._tried.wait(STOP_S)

    def stop(self) -> None:
        """Close the socket and end the thread."""
        self._stopping.set()
        if not self._thread.is_alive():
            return
        loop, stop = self._loop, self._stop
        if loop is not None and stop is not None:
            with contextlib.suppress(RuntimeError):  # that loop has ended by itself
                loop.call_soon_threadsafe(stop.set)
        self._thread.join(STOP_S)

    # --- the thread ----------------------------------------------------------------------------

    def _run(self) -> None:
        pauses = RetryPauses(FIRST_RETRY_S, LONGEST_RETRY_S)
        keep_running(lambda: asyncio.run(self._serve()), self._stopping, self._ended, pauses)

    def _ended(self, error: Exception) -> None:
        """The loop has ended by an error and is started again."""
        log.error("the SNMP agent ended and is started again", exc_info=error)
        fault = f"The SNMP agent ended by an error ({error}) and is started again."
        self._bus.report_listener("snmp", "", fault)
        self._tried.set()

    async def _serve(self) -> None:
        """Open the socket and serve until `stop`."""
        self._loop = loop = asyncio.get_running_loop()
        self._stop = stop = asyncio.Event()
        loop.set_exception_handler(self._odd)
        host, port = split_address(self._address)
        port = self._port or port  # an agent that is started again is at the same place
        pauses = RetryPauses(FIRST_RETRY_S, LONGEST_RETRY_S)
        self._access = SnmpAccess(False, False, {})  # what is wrong with it is told again
        self._asked.clear()
        while not self._stopping.is_set():
            try:
                udp_socket = UdpSocket(host, port, self.receive)
            except OSError as error:
                fault = listen_fault("SNMP", host, port, error)
                if fault != self._complained:
                    self._complained = fault
                    log.error("%s", fault)
                self._bus.report_listener("snmp", "", fault)
                self._tried.set()
                await _wait(stop, pauses.next())
                continue
            self._where = udp_socket.address
            self._port = split_address(self._where)[1]
            self._udp_socket = udp_socket
            try:
                self._bus.report_listener("snmp", self._where, "")
                self._refresh()
                self._tried.set()
                await stop.wait()
            finally:
                udp_socket.close()
                self._bus.report_listener("snmp", "", "")

    def _odd(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """What no one caught: counted and named, without a traceback for every bad packet."""
        self.counters.drops += 1
        text = f"{context.get('message')}: {context.get('exception')!r}"
        if text != self._complained:
            self._complained = text
            log.error("SNMP: %s", text)

    # --- one datagram --------------------------------------------------------------------------

    def receive(self, raw: bytes, sender: Sender) -> None:
        """Answer a datagram, or be silent. Runs on the loop."""
        counters = self.counters
        counters.packets += 1
        self._bus.requests["snmp"] += 1
        snapshot = self._bus.snapshot
        if snapshot.settings is not self._settings:
            self._refresh()
        version = message_version(raw) if len(raw) <= MOST_IN else None
        if version is None:
            counters.damaged += 1
            return
        access = self._access
        try:
            if version == V3 and self._usm is not None:
                self._usm.receive(raw, sender)
                return
            is_on = (version == V1 and access.v1) or (version == V2C and access.v2c)
            if not is_on:
                counters.bad_versions += 1
                return
            reply = self._communities.answer(raw, version, sender.host, access, snapshot)
            if isinstance(reply, PendingSet):
                self.later(reply, raw, sender)
            elif reply is not None:
                sender.send(reply)
        except Exception as error:
            # The edge: a fault in one answer must not end the agent, nor fill the log.
            self._odd(self._require_loop(), {"message": "no answer", "exception": error})

    def later(self, pending: PendingSet, raw: bytes, sender: Sender) -> None:
        """Begin a SET, and send its answer when it is there. The same request once more (a repeat)
        waits for the first one's answer; too many are dropped, the manager will repeat them."""
        key, asked = (sender.address, raw), self._asked
        if key in asked or len(asked) >= MOST_PENDING:
            self.counters.drops += 1
            return

        def finish(outcome: Outcome) -> None:
            asked.discard(key)
            sender.send(pending.encode(outcome))

        asked.add(key)
        try:
            pending.begin(finish)
        except BaseException:
            asked.discard(key)
            raise

    # --- settings ------------------------------------------------------------------------------

    def _refresh(self) -> None:
        """Take over settings that have changed (R163: at once)."""
        settings = self._bus.snapshot.settings
        self._settings = settings
        access = SnmpAccess.of(settings)
        if access == self._access:
            return
        users_changed = access.users != self._access.users
        self._access = access
        faults = list(access.faults)
        if users_changed:
            faults += self._renew_users(access)
        self._bus.report_listener("snmp", self._where, " ".join(faults))

    def _renew_users(self, access: SnmpAccess) -> list[str]:
        """Start, change or end SNMPv3; AES is loaded with the first encrypted message only."""
        if not access.users:
            self._usm = None
            return []
        try:
            if self._usm is None:
                from .usm import Usm

                self._usm = Usm(self, self._communities, self._engine)
            self._usm.serve(access.users)
        except Exception as error:
            # A start count that cannot be kept must not take v1 and v2c with it.
            self._usm = None
            log.error("SNMPv3 cannot be served: %r", error)
            return [f"SNMPv3 cannot be served: {error}."]
        return []

    def _require_loop(self) -> asyncio.AbstractEventLoop:
        assert self._loop is not None
        return self._loop

    @property
    def bus(self) -> Bus:
        return self._bus


async def _wait(event: asyncio.Event, seconds: float) -> None:
    try:
        await asyncio.wait_for(event.wait(), seconds)
    except TimeoutError:
        return
