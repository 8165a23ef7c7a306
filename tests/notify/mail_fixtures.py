"""A station without a core: its bus, its event log and cursors on disk, and a mail sender."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from btrmd.bus import Bus
from btrmd.daemon.cursors import Cursors
from btrmd.model.events import Event, Kind
from btrmd.model.points import POINT
from btrmd.model.readings import GOOD, MISSING, Reading, Value
from btrmd.model.settings import Settings
from btrmd.model.snapshot import Snapshot
from btrmd.notify.mail.sender import MailSender
from btrmd.store.history_db import HistoryDb
from btrmd.store.writer import Writer

AT = 1_780_000_000.0  # 2026-05-28T20:26:40Z
PASSWORD = "Tr0ub4dor&3"
TEXT: Mapping[str, str] = {
    "io1": "IO1 digital input tripped.",
    "battery.low_voltage": "Low battery voltage.",
    "battery.low_capacity": "Low battery capacity.",
}


def mail_settings(port: int = 25, **changes: object) -> Settings:
    """Enabled, to a server on this machine; `changes` with two underscores for the dot."""
    base: dict[str, object] = {
        "email.enabled": True,
        "email.server": "127.0.0.1",
        "email.port": port,
        "email.from": "btrm@site.test",
        "email.to": "noc@company.test",
        "site.location": "730 Northern",
        "site.contact": "Jo, ext. 213",
    }
    base |= {key.replace("__", "."): value for key, value in changes.items()}
    return Settings.defaults(overrides=base)


def snapshot_of(settings: Settings, at: float = AT, seq: int = 1) -> Snapshot:
    points = {key: Reading(None, MISSING, 0.0) for key in POINT}
    points["system.uptime"] = Reading(93_784.0, GOOD, at)
    points["system.serial"] = Reading("10000000abcdef01", GOOD, at)
    return Snapshot(seq, at, 100.0, points, (), settings, None, None)


class Bench:
    """`now`: the monotonic clock that the tests move; `look` is one look of the sender."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._sender: MailSender | None = None
        self.patience_s = 2.0
        self.now = 1000.0
        self.settings = mail_settings()
        self._open()

    def _open(self) -> None:
        self.history = HistoryDb(self._folder)
        found = self.history.recover()
        self.bus = Bus(snapshot_of(self.settings))
        self.bus.report_listener("http", "10.1.2.3:80")
        self.writer = Writer(self.history, self.bus.publish_events, None, found.last_event)
        self.writer.start()
        self.cursors = Cursors(self._folder)

    @property
    def sender(self) -> MailSender:
        if self._sender is None:
            self._sender = MailSender(self.bus, self.history, self.cursors, self.patience_s, 5.0)
        return self._sender

    def use(self, port: int = 25, **changes: object) -> None:
        """Other settings."""
        self.settings = mail_settings(port, **changes)
        self.bus.publish(snapshot_of(self.settings, seq=self.bus.snapshot.seq + 1))

    def tell(
        self, key: str = "io1", kind: Kind = Kind.RAISE, value: Value = True,
        threshold: float | None = None, text: str = "", notify: bool = True,
    ) -> int:  # fmt: skip
        """One event, on disk and published; its number."""
        said = text or ("Cleared: " if kind is Kind.CLEAR else "") + TEXT.get(key, "Text.")
        event = Event(0, AT + 1.0, 230.5, key, kind, value, threshold, "core", said, notify)
        (numbered,) = self.writer.commit([event])
        assert self.writer.flush()
        return numbered.n

    def look(self, seconds: float = 0.0) -> None:
        """One look, `seconds` later."""
        self.now += seconds
        self.sender.step(self.now)
        self.sender._show(self.sender._trouble())

    def settle(self) -> None:
        """Looks until what waits has gathered and may go."""
        self.look()
        self.look(1.5)

    @property
    def fault(self) -> str:
        found = self.bus.listeners.get("mail")
        return found.fault if found is not None else ""

    def restart(self) -> None:
        """As after kill -9: nothing of the sender is closed."""
        self._sender = None
        self._shut()
        self._open()

    def _shut(self) -> None:
        self.writer.close()
        self.bus.close()
        self.history.close()

    def close(self) -> None:
        if self._sender is not None:
            self._sender.stop()
        self._shut()
