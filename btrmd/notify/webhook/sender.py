"""The webhook sender: a thread that posts events, however long the server is away.

The queue is the event log itself: one event is on the way at a time, and the next one only when the
server has answered with 2xx and that is durable. A kill between the two (a few milliseconds)
repeats one event, under the same number.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ...bus import Bus
from ...model.commands import Answer, SendTestWebhook
from ...model.events import Event, Kind
from ...model.history import History
from ..backoff import Backoff
from ..cursor import Cursor, CursorStore
from ..notifier import Notifier
from ..selection import is_notified
from ..unit_link import unit_link
from .target import WebhookTarget

if TYPE_CHECKING:  # what HTTP needs is loaded when there is something to post
    from .post import Post

LISTENER: Final = "webhook"  # under this name a fault is shown
LOOK_S: Final = 60.0  # between two looks while nothing happens: an event ends it
FIRST_PAUSE_S: Final = 1.0  # after a failure
LONGEST_PAUSE_S: Final = 600.0
FOLLOW_S: Final = 0.5  # while it fails: how soon other settings are tried
PATIENCE_S: Final = 15.0
LIMIT_S: Final = 45.0
TEST_PATIENCE_S: Final = 10.0
TEST_LIMIT_S: Final = 20.0
TEST_KEY: Final = "webhook.test"  # of an event that is in no log and has the number 0


class WebhookSender(Notifier, name="webhook", title="webhook sender"):
    """What happens while the webhook is off is not posted later."""

    def __init__(
        self,
        bus: Bus,
        history: History,
        store: CursorStore,
        patience_s: float = PATIENCE_S,
        limit_s: float = LIMIT_S,
    ) -> None:
        super().__init__(bus, is_shown=True)
        self._target = WebhookTarget.of(bus.snapshot.settings)
        self._cursor = Cursor(LISTENER, bus, history, store, self._target is not None)
        self._limits = (patience_s, limit_s)
        self._post: Post | None = None
        self._backoff = Backoff(FIRST_PAUSE_S, LONGEST_PAUSE_S, FOLLOW_S)
        self._sent = self._failed = 0

    def start(self) -> None:
        self._bus.offer(SendTestWebhook, self._perform)
        super().start()

    def _cancel(self) -> None:
        post = self._post
        if post is not None:
            post.cancel()

    def _close(self) -> None:
        self._cursor.close()

    def _counts(self) -> dict[str, int]:
        return {"sent": self._sent, "failed": self._failed}

    # --- the thread ----------------------------------------------------------------------------

    def _look(self) -> None:
        self._tell_all()
        self._cursor.wait(LOOK_S, self._stopping)

    def _met_error(self, text: str) -> None:
        self._show(text)
        self._wait(self._target)

    def _tell_all(self) -> None:
        """Post what there is. Returns when all is told or the sender is to stop."""
        while not self._stopping.is_set():
            target = self._follow()
            events = self._cursor.fetch() if target is not None else []
            if target is None or not events:
                return
            for event in events:
                if self._stopping.is_set() or self._follow() != target:
                    break
                if target.events != "all" and not is_notified(event):
                    self._cursor.done(event.n, False)
                elif not self._tell(event, target):
                    break

    def _tell(self, event: Event, target: WebhookTarget) -> bool:
        from .post import Post, PostError

        body, headers = self._request(event, target)
        self._post = post = Post(target, *self._limits)
        try:
            if self._stopping.is_set():  # a `stop` that came before the line above
                return False
            post.send(body, headers)
        except PostError as error:
            if not self._stopping.is_set():
                self._failed += 1
                self._show(f"Events cannot be posted to the webhook: {error}")
                self._wait(target, error.later_s)
            return False
        finally:
            self._post = None
        self._sent += 1
        self._backoff.reset()
        self._cursor.done(event.n, True)
        self._show("", target.where)
        return True

    def _request(self, event: Event, target: WebhookTarget) -> tuple[bytes, dict[str, str]]:
        """Body and headers."""
        from .body import signature, webhook_body, webhook_fields

        fields = webhook_fields(event, self._bus.snapshot, unit_link(self._bus))
        body, kind = webhook_body(target, fields)
        headers = {
            "Content-Type": kind,
            "User-Agent": "btrmd",
            "X-Btrm-Serial": str(fields["serial"]),
            "X-Btrm-Event": str(event.n),
        }
        if target.authorization:
            headers["Authorization"] = target.authorization
        if target.secret:
            headers["X-Btrm-Signature"] = signature(target.secret, body)
        return body, headers

    def _perform(self, host_command: SendTestWebhook) -> Answer:
        """The test, on the caller's thread."""
        from .post import Post, PostError

        snapshot = self._bus.snapshot
        target = WebhookTarget.of(snapshot.settings)
        if target is None:
            return Answer(False, "off", "The webhook is off: webhook.enabled is false.")
        event = Event(
            0, snapshot.at, 0.0, TEST_KEY, Kind.CHANGE, True, None, host_command.source,
            "This is a test of the webhook.",
        )  # fmt: skip
        try:
            Post(target, TEST_PATIENCE_S, TEST_LIMIT_S).send(*self._request(event, target))
        except PostError as error:
            return Answer(False, "unreached", f"The test was not taken: {error}")
        return Answer(True, "ok", f"{target.where} has taken the test.")

    def _wait(self, target: WebhookTarget | None, later_s: float = 0.0) -> None:
        """The pause after a failure; other settings or the end cut it short."""
        bus = self._bus
        self._backoff.wait(
            self._stopping, lambda: WebhookTarget.of(bus.snapshot.settings) == target, later_s
        )

    def _follow(self) -> WebhookTarget | None:
        """Where to now."""
        target = WebhookTarget.of(self._bus.snapshot.settings)
        if target != self._target or self._shown is None:
            self._target = target
            self._backoff.reset()
            self._show("", target.where if target is not None else "")
        self._cursor.follow(target is not None)
        return target
