"""The MQTT publisher: a thread that keeps one connection to the broker, and tells what it lacks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ...bus import Bus
from ...model.history import History
from ..backoff import Backoff
from ..cursor import Cursor, CursorStore, drop_numbers
from ..notifier import Notifier
from .target import MqttTarget

if TYPE_CHECKING:  # what MQTT needs is loaded when it is switched on
    from .connection import MqttConnection
    from .session import Sources

LISTENER: Final = "mqtt"  # under this name a fault is shown
NUMBERS: Final = ("mqtt.test", "mqtt.trend")  # how far tests and trends have come
LOOK_S: Final = 5.0  # while it is off: how soon the settings are looked at
SETTLE_S: Final = 0.3  # after an event: the settings it tells of are in the snapshot by then
FIRST_PAUSE_S: Final = 1.0  # after a failure
LONGEST_PAUSE_S: Final = 120.0
STEADY_S: Final = 30.0  # a connection that lasted so long makes the next pause a short one
FOLLOW_S: Final = 0.5  # while it fails: how soon other settings are tried


class MqttPublisher(Notifier, name="mqtt", title="MQTT publisher"):
    """What happens while MQTT is off is not told later; while the broker is away, it is."""

    grace_s = 2.0  # to say goodbye

    def __init__(self, bus: Bus, history: History, store: CursorStore) -> None:
        super().__init__(bus, is_shown=True)
        self._history = history
        self._store = store
        self._cursor = Cursor(LISTENER, bus, history, store, self._target() is not None)
        self._sources: Sources | None = None  # None while MQTT is off
        self._backoff = Backoff(FIRST_PAUSE_S, LONGEST_PAUSE_S, FOLLOW_S)
        self._is_old = False  # the broker speaks MQTT 3.1.1 only
        self._connection: MqttConnection | None = None
        self._sent = self._failed = self._connections = self._octets = 0

    def _close(self) -> None:
        self._cursor.close()
        if self._sources is not None:
            self._sources.tests.close()
            self._sources.trends.close()

    # --- the thread ----------------------------------------------------------------------------

    def _look(self) -> None:
        """One connection from its beginning to its end, or a while without any."""
        target = self._target()
        if target is None:
            self._pass_over()
        else:
            self._connect(target)

    def _met_error(self, text: str) -> None:
        self._show(text)
        self._wait(self._target())

    def _target(self) -> MqttTarget | None:
        snapshot = self._bus.snapshot
        return MqttTarget.of(
            snapshot.settings, str(snapshot.points["system.serial"].value or "none")
        )

    def _pass_over(self) -> None:
        """MQTT is off: what happens is nobody's."""
        if self._shown is not None:
            self._show("")
        self._sources = None
        self._cursor.follow(False)
        drop_numbers(self._store, NUMBERS)
        if self._cursor.wait(LOOK_S, self._stopping):
            self._stopping.wait(SETTLE_S)

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
            self._has_sent,
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
                self._show(f"The MQTT broker cannot be used: {error}")
                connection.close()
                self._wait(target)
        finally:
            self._connection = None
            self._cursor.close()
            self._octets += connection.octets
            connection.close()

    def _serve(self, connection: MqttConnection, target: MqttTarget, sources: Sources) -> None:
        """Until the end, other settings, or an error (`MqttLinkError`)."""
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
                self._show(session.note, target.where)
        connection.close(goodbye=True)

    def _wait(self, target: MqttTarget | None) -> None:
        """The pause after a failure; other settings or the end cut it short."""

        def is_needed() -> bool:
            self._bus.report_counts(self.listener, self._counts())
            return self._target() == target

        self._backoff.wait(self._stopping, is_needed)
        if self._target() != target:
            self._backoff.reset()
            self._is_old = False

    def _has_sent(self) -> None:
        self._sent += 1

    def _counts(self) -> dict[str, int]:
        on_line = self._connection.octets if self._connection else 0
        return {
            "sent": self._sent, "failed": self._failed, "connections": self._connections,
            "octets": self._octets + on_line, "told": self._cursor.n,
        }  # fmt: skip
