"""The mail sender: a thread that mails what happens, however long the server is away.

The queue is the event log itself: every recipient has a cursor in it, saved once the server has
accepted the mail. A kill before that loses nothing; a kill between the acceptance and the save
(a few milliseconds) repeats one mail, under the same Message-ID.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from ...bus import Bus
from ...model.errors import BtrmError
from ...model.events import Event
from ...model.history import History
from ...model.setting_table import placeholder_of
from ...model.settings import Settings
from ..cursor import Cursor, CursorStore, drop_numbers
from ..notifier import Notifier
from ..unit_link import unit_link
from .account import LIMIT_S, PATIENCE_S, Account
from .recipient import SERVER_PAUSE_S, Pause, Recipient

if TYPE_CHECKING:
    from .delivery import Delivery

log = logging.getLogger(__name__)

CURSOR: Final = "mail "  # and the recipient: the name of a cursor
LOOK_S: Final = 0.5  # between two looks while nothing happens
OFF_S: Final = 2.0  # the same while e-mail is off and there was no event (a change is one)


def is_wanted(settings: Settings) -> bool:
    """Mail is on, and goes to somebody: never to what a new unit has there."""
    return settings.flag("email.enabled") and not placeholder_of(settings)


class MailSender(Notifier, name="mail", title="mail sender"):
    """`start` and `stop` as any notifier; or `step` by a caller of its own.

    A recipient begins behind all events there were when it was entered or when mail was enabled,
    so that neither brings a flood.
    """

    def __init__(
        self,
        bus: Bus,
        history: History,
        store: CursorStore,
        patience_s: float = PATIENCE_S,
        limit_s: float = LIMIT_S,
    ) -> None:
        super().__init__(bus)
        self._history = history
        self._store = store
        self._limits = (patience_s, limit_s)
        self._account: Account | None = None
        self._recipients: dict[str, Recipient] = {}
        self._pause = Pause(SERVER_PAUSE_S)
        self._fault = ""
        self._sent = self._failed = 0
        self._seen = history.last_event()
        self._delivery: Delivery | None = None
        self._has_news = True  # an event came: the settings it changed may show a moment later
        settings = bus.snapshot.settings
        if is_wanted(settings):
            # Where the last run has stopped, for those it had already.
            self._account = Account.of(settings)
            self._recipients = {to: self._recipient(to) for to in self._account.recipients}
        kept = [name for name in store.names if name.startswith(CURSOR)]
        drop_numbers(store, set(kept) - {_cursor_name(to) for to in self._recipients})

    def _cancel(self) -> None:
        delivery = self._delivery
        if delivery is not None:
            delivery.cancel()

    def _close(self) -> None:
        for recipient in self._recipients.values():
            recipient.cursor.close()

    def _counts(self) -> dict[str, int]:
        return {"sent": self._sent, "failed": self._failed}

    def _look(self) -> None:
        wait_s = self.step(time.monotonic())
        if self._stopping.is_set():
            return
        self._show(self._trouble())
        if wait_s > 0.0:
            self._stopping.wait(wait_s)
        else:
            quiet = OFF_S if self._account is None and not self._has_news else LOOK_S
            self._has_news = self._bus.wait_events(self._seen, quiet, self._stopping)

    def _met_error(self, text: str) -> None:
        self._fault = text
        self._pause.failed(time.monotonic())
        self._show(self._trouble())
        self._stopping.wait(LOOK_S)

    # --- one look --------------------------------------------------------------------------------

    def step(self, now: float) -> float:
        """Mail what is due at `now` (monotonic s). In how many s to look again, 0 = at an event."""
        snapshot = self._bus.snapshot
        settings = snapshot.settings
        self._follow(Account.of(settings) if is_wanted(settings) else None)
        self._seen = max(self._seen, self._bus.last_event)
        account = self._account
        if account is None:
            return 0.0
        if now < self._pause.until:
            return min(self._pause.until - now, LOOK_S)
        soonest: float | None = None
        groups: dict[tuple[int, int], list[tuple[Recipient, list[Event]]]] = {}
        for recipient in self._recipients.values():
            events = recipient.waiting()
            if not events:
                continue
            due = recipient.due(events, now)
            if due <= now:
                groups.setdefault((events[0].n, events[-1].n), []).append((recipient, events))
            else:
                soonest = due if soonest is None else min(soonest, due)
        for group in groups.values():
            recipients = [recipient for recipient, _ in group]
            if not self._mail(account, recipients, group[0][1], now):
                return LOOK_S
        return 0.0 if soonest is None else min(soonest - now, LOOK_S)

    def _mail(
        self, account: Account, recipients: Sequence[Recipient], events: Sequence[Event], now: float
    ) -> bool:
        """One mail to those who stand at the same event. False: the server takes none now."""
        # A megabyte of libraries, loaded by the first mail: most units send none.
        from .delivery import Delivery
        from .message import event_mail

        mail = event_mail(events, self._bus.snapshot, account, unit_link(self._bus))
        self._delivery = delivery = Delivery(account, *self._limits)
        why = ""
        for step in delivery.steps(mail, [recipient.address for recipient in recipients]):
            if not step.ok:
                why = step.text
        self._delivery = None
        accepted, refused = delivery.accepted, delivery.refused
        for recipient in recipients:
            if recipient.address in accepted:
                recipient.reported(events, now)
        for recipient in recipients:
            if recipient.address in refused:
                recipient.refused(refused[recipient.address], now)
        if accepted or len(refused) == len(recipients):
            self._sent += bool(accepted)
            self._fault = ""
            self._pause.over()
            return True
        self._failed += 1
        self._fault = why
        self._pause.failed(now)
        return False

    # --- the settings ----------------------------------------------------------------------------

    def _follow(self, account: Account | None) -> None:
        """Take over what has changed in the settings since the last look."""
        if account == self._account:
            return
        self._account = account
        self._pause.over()
        self._fault = ""
        wanted = account.recipients if account is not None else ()
        self._drop([address for address in self._recipients if address not in wanted])
        for recipient in self._recipients.values():
            recipient.pause.over()
            recipient.fault = ""
        for address in wanted:
            if address not in self._recipients:
                try:
                    self._store.save(_cursor_name(address), self._seen)
                except BtrmError as error:
                    log.error("How far %s is told cannot be saved: %s", address, error)
                self._recipients[address] = self._recipient(address)

    def _recipient(self, address: str) -> Recipient:
        name = _cursor_name(address)
        return Recipient(address, Cursor(name, self._bus, self._history, self._store))

    def _drop(self, addresses: Sequence[str]) -> None:
        for address in addresses:
            self._recipients.pop(address).cursor.forget()

    def _trouble(self) -> str:
        """The server or the recipients that take no mail; "" = none."""
        if self._fault:
            return f"E-mail cannot be sent: {self._fault}"
        refused = [recipient.fault for recipient in self._recipients.values() if recipient.fault]
        return " ".join(f"E-mail cannot be sent: {fault}" for fault in refused)


def _cursor_name(address: str) -> str:
    return f"{CURSOR}{address}"
