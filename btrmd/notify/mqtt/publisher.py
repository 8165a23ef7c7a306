"""The MQTT publisher: a thread that keeps one connection to the broker, and tells what it lacks."""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING, Final

from ...bus import Bus
from ...model.history import History
from ...model.service import Service
from ..backoff import Backoff
from ..cursor import Cursor, CursorStore, drop_numbers
from .target import MqttTarget

if TYPE_CHECKING:  # what MQTT needs is loaded when it is switched on
    from .connection import MqttConnection
    from .session import Sources

log = logging.getLogger(__name__)

LISTENER: Final = "mqtt"  # under this name a fault is shown
NUMBERS: Final = ("mqtt.test", "mqtt.trend")  # how far tests and trends have come
LOOK_S: Final = 5.0  # while it is off: how soon the settings are looked at
FIRST_PAUSE_S: Final = 1.0  # after a failure
LONGEST_PAUSE_S: Final = 120.0
STEADY_S: Final = 30.0  # a connection that lasted so long makes the next pause a short one
FOLLOW_S: Final = 0.5  # while it fails: how soon other settings are tried
STOP_S: Final = 2.0


class MqttPublisher(Service, name="mqtt"):
    """Built on any thread, `start` and `stop` once each. What happens while MQTT is off is not
    told later; what happens while the broker is away is."""

    def __init__(self, bus: Bus, history: History, store: CursorStore) -> None:
        self._bus = bus
        self._history = history
        self._store = store
        self._cursor = Cursor(LISTENER, bus, history, store, self._target() is not None)
        self._sources: Sources | None = None  # None while MQTT is off
        self._backoff = Backoff(FIRST_PAUSE_S, LONGEST_PAUSE_S, FOLLOW_S)
        self._is_old = False  # the broker speaks MQTT 3.1.1 only
        self._connection: MqttConnection | None = None
        self._sent = self._failed = self._connections = self._octets = 0
        self._shown: tuple[str, str] | None = None
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="mqtt", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Say goodbye and end the thread; what has not arrived yet is told after the next start."""
        self._stopping.set()
        self._bus.wake()
        if self._thread.is_alive():
            self._thread.join(STOP_S)
        if not self._thread.is_alive():
            self._cursor.close()

    # --- the thread ----------------------------------------------------------------------------

    def _run(self) -> None:
        while not self._stopping.is_set():
            target = self._target()
            try:
                if target is None:
                    self._pass_over()
                else:
                    self._connect(target)
            except Exception:
                # The edge: whatever it was, it must not silence what follows.
                log.exception("the MQTT publisher met an error of its own")
                self._show("", "The MQTT publisher met an error of its own; it is in the log.")
                self._wait(target)
        if self._sources is not None:
            self._sources.tests.close()
            self._sources.trends.close()

    def _target(self) -> MqttTarget | None:
        snapshot = self._bus.snapshot
        return MqttTarget.of(
            snapshot.settings, str(snapshot.points["system.serial"].value or "none")
        )

    def _pass_over(self) -> None:
        """MQTT is off: what happens is nobody's."""
        if self._shown is not None:
            self._show("", "")
        self._sources = None
        self._cursor.follow(False)
        drop_numbers(self._store, NUMBERS)
        self._cursor.wait(LOOK_S, self._stopping)

    def _load(self) -> Sources:
        """What lives from one connection to the next."""
        from .backfill import Backfill
        from .deadband import Deadband
        from .finished import Finished
        from .session import Sources

        return Sources(
            self._bus,
            self._cursor,
            Finished(self._history, self._store),
            Backfill(self._history, self._store, self._bus.snapshot.at),
            Deadband(),
            {},
            self._count,
        )

    def _connect(self, target: MqttTarget) -> None:
        """One connection from its beginning to its end."""
        from .connection import MqttConnection, MqttLinkError, TooLargeError, UnsupportedError

        self._cursor.follow(True)
        if self._sources is None:
            self._sources = self._load()
        connection = self._connection = MqttConnection(target, self._is_old)
        try:
            connection.open(lambda: self._stopping.is_set() or self._target() != target)
            self._connections += 1
            self._serve(connection, target, self._sources)
        except UnsupportedError:
            if not self._is_old:
                self._is_old = True
                return
        except (MqttLinkError, TooLargeError) as error:
            if not self._stopping.is_set() and self._target() == target:
                self._failed += 1
                self._show("", f"The MQTT broker cannot be used: {error}")
                connection.close()
                self._wait(target)
        finally:
            self._connection = None
            self._cursor.close()
            self._octets += connection.octets
            connection.close()

    def _serve(self, connection: MqttConnection, target: MqttTarget, sources: Sources) -> None:
        """Until the end, other settings, or an error (LinkError)."""
        from .session import MqttSession

        session = MqttSession(connection, target, sources)
        session.begin(self._bus.snapshot.at)
        opened_at = connection.heard_at
        while not self._stopping.is_set():
            snapshot = self._bus.snapshot
            if self._target() != target:
                break
            timeout = session.turn(snapshot)
            connection.poll(timeout)
            if connection.heard_at - opened_at > STEADY_S:
                self._backoff.reset()
            if not connection.owed:  # all that was to be said has arrived
                self._show(target.where, session.note)
        connection.close(goodbye=True)

    def _wait(self, target: MqttTarget | None) -> None:
        """The pause after a failure; other settings or the end cut it short."""

        def is_needed() -> bool:
            self._report()
            return self._target() == target

        self._backoff.wait(self._stopping, is_needed)
        if self._target() != target:
            self._backoff.reset()
            self._is_old = False

    def _count(self) -> None:
        self._sent += 1

    def _report(self) -> None:
        self._bus.report_counts(
            LISTENER,
            {"sent": self._sent, "failed": self._failed, "connections": self._connections,
             "octets": self._octets + (self._connection.octets if self._connection else 0),
             "told": self._cursor.n},
        )  # fmt: skip

    def _show(self, address: str, text: str) -> None:
        """A broker that takes nothing is a visible fault."""
        self._report()
        if (address, text) != self._shown:
            if text and (self._shown is None or text != self._shown[1]):
                log.warning("%s", text)
            self._shown = (address, text)
            self._bus.report_listener(LISTENER, address, text)
