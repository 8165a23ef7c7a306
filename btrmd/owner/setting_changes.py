"""Setting changes: what the core has let pass, made durable, then taken over; calibration too."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future, InvalidStateError
from contextlib import suppress
from datetime import UTC, datetime
from typing import NamedTuple, Protocol

from ..bus import LOOP_ANSWER_S, PendingCommand
from ..hal.calibration import Calibration, Point
from ..model.commands import ACCEPTED, Answer, Calibrate, ChangeSettings, Command, NextTestIn
from ..model.errors import BtrmError, SettingError
from ..model.events import Event, Kind
from ..model.readings import Value
from ..model.setting_table import check_relations
from ..model.settings import SETTINGS, Settings
from ..model.value_text import format_in_words
from ..store.writer import Writer
from .change_limit import ChangeLimit

LONG = 200  # characters of a value in the event log
LIVE_NEXT = "test.next_h"
WENT_WITH_IT = "Not done, as another change that was asked for with it is refused; ask again."
SO_ALREADY = Answer(True, seen_after=-1)  # nothing has changed: every snapshot shows it


class Calibrated(Protocol):
    """The board's side of calibration."""

    calibration: Calibration

    def raw(self, key: str) -> float | None: ...


class StoredChange(NamedTuple):
    """A change that is durable (or was refused meanwhile) and waits for the owner's thread.

    `source`: who asked, told of a refusal; "" = who asked needs no line. `others`: what was stored
    in one go with it.
    """

    answer: Answer
    future: Future[Answer] | None
    settings: Settings | None = None
    calibration: Calibration | None = None
    next_test: NextTestIn | None = None
    events: tuple[Event, ...] = ()
    frees: bool = False  # the settings change under way is over
    source: str = ""
    others: tuple[StoredChange, ...] = ()

    def lines(self, at: float, uptime: float) -> tuple[Event, ...]:
        """What the event log is told: who asked may have given up waiting for a refusal."""
        if self.answer.ok or not self.source:
            return self.events
        return (refusal_event(self.source, self.answer.text, at, uptime),)

    def reply(self) -> None:
        """Give the answer to whoever still waits for it; on any thread."""
        if self.future is not None and not self.future.done():
            with suppress(InvalidStateError):  # given up in this very moment
                self.future.set_result(self.answer)


def refused(error: SettingError) -> Answer:
    """The answer to a setting that was refused."""
    code = "range" if error.key in SETTINGS else "unknown"
    data = {"key": error.key, "value": error.value, "allowed": error.allowed}
    return Answer(False, code, str(error), data)


def refusal_event(source: str, text: str, at: float, uptime: float) -> Event:
    """The line for the log on a change that was refused after it had been let pass, or when whoever
    asked for it has given up waiting: it is the only answer that is left."""
    return Event(
        0, at, uptime, "command.refused", Kind.COMMAND, None, None, source, text, False
    )  # fmt: skip


def refused_late(
    pending: PendingCommand, error: SettingError, at: float, uptime: float
) -> Event | None:
    """The line for the log where who asked has been told that the owner did not answer in time."""
    if time.monotonic() - pending.asked_at < LOOP_ANSWER_S:
        return None
    return refusal_event(getattr(pending.command, "source", "core"), str(error), at, uptime)


def typed(command: ChangeSettings, settings: Settings) -> ChangeSettings:
    """The command with validated, typed values. Raises SettingError; nothing is changed."""
    live = settings.live_changes(command.changes)
    stored = {key: raw for key, raw in command.changes.items() if key not in live}
    changed = settings.with_changes(stored)
    keys = dict.fromkeys((*stored, *changed.differing(settings)))
    return command._replace(changes={**{key: changed[key] for key in keys}, **live})


def written_as_it_is(command: Command, settings: Settings) -> ChangeSettings | None:
    """The command with typed values where a protocol writes settings, all with the values they
    have, and no live one; None for any other."""
    if not isinstance(command, ChangeSettings) or not command.from_wire:
        return None
    try:
        if settings.live_changes(command.changes):
            return None
        is_so = settings.with_changes(command.changes) is settings
    except SettingError:
        return None
    changes = command.changes
    return command._replace(changes={key: settings[key] for key in changes}) if is_so else None


def change_events(
    old: Settings, new: Settings, source: str, at: float, uptime: float
) -> tuple[Event, ...]:
    """One line for every setting that differs; secrets are not told."""

    def shown(settings: Settings, key: str) -> Value:
        if SETTINGS[key].secret:
            return "(secret)"
        value = settings[key]
        # a maker's table is longer than a line of the log should be
        is_long = isinstance(value, str) and len(value) > LONG
        return f"{value[:LONG]}..." if is_long else value  # type: ignore[index]

    return tuple(
        Event(
            0, at, uptime, key, Kind.COMMAND, shown(new, key), None, source,
            f"Setting {key} changed from {format_in_words(shown(old, key))}"
            f" to {format_in_words(shown(new, key))}.",
            False,
        )
        for key in new.differing(old)
    )  # fmt: skip


class SettingChanges:
    """One settings change at a time is under way; `is_busy` tells. The owner collects `done`."""

    def __init__(
        self,
        writer: Writer,
        base: Settings,
        save_calibration: Callable[[Calibration], None],
        reset_access: Callable[[], None],
    ) -> None:
        """`base`: the settings of a unit without settings.json; `reset_access` restores the
        factory login (PB1)."""
        self._writer = writer
        self._base = base
        self._save_calibration = save_calibration
        self._reset_access = reset_access
        self._first_points: dict[tuple[str, str], Point] = {}
        self._change_limit = ChangeLimit(time.monotonic())
        self.done: deque[StoredChange] = deque()
        self.is_busy = False

    def is_due(self) -> bool:
        """May what protocols ask to be changed be stored now?"""
        return not self.is_busy and self._change_limit.is_due(time.monotonic())

    def save(
        self,
        settings: Settings,
        asked: Sequence[tuple[ChangeSettings, Future[Answer] | None]],
        at: float,
        uptime: float,
    ) -> None:
        """Store these changes, one after the other, in one go; `done` gets them once they are
        durable. Who is refused is answered by `done` too."""
        new = settings
        made: list[StoredChange] = []
        for changes, future in asked:
            live = new.live_changes(changes.changes)
            stored = {key: value for key, value in changes.changes.items() if key not in live}
            try:
                changed = new.with_changes(stored)
            except SettingError as error:
                self.done.append(StoredChange(refused(error), future, source=changes.source))
                continue
            is_so = changed is new  # nearly always, of what masters write
            events = () if is_so else change_events(new, changed, changes.source, at, uptime)
            hours = live.get(LIVE_NEXT)
            plan = None
            if isinstance(hours, int | float):
                plan = NextTestIn(float(hours), changes.source)
            if plan is not None:
                text = f"Setting {LIVE_NEXT} changed to {plan.hours:g}."
                events += (
                    Event(0, at, uptime, LIVE_NEXT, Kind.COMMAND, plan.hours, None,
                          changes.source, text, False),
                )  # fmt: skip
            answer = ACCEPTED if events or not is_so else SO_ALREADY
            made.append(
                StoredChange(answer, future, next_test=plan, events=events, source=changes.source)
            )
            new = changed
        if not made:
            return
        if not new.differing(settings):
            for change in made:
                if change.events or change.next_test is not None:
                    self.done.append(change)
                else:  # what is there is durable and in every snapshot: no need to wait
                    change.reply()
            return
        if asked[0][0].from_wire:
            self._change_limit.stored(time.monotonic())
        self._durably(made, new)

    def undo(self, settings: Settings, refusal: Answer, stored: StoredChange) -> None:
        """Put `settings` back on the disk: what was stored meanwhile may not take effect now.

        Whoever asked for `stored` is given `refusal` once that is durable, and whoever asked for
        what was stored in one go with it is told that it went with it.
        """
        made = [StoredChange(refusal, stored.future, source=stored.source)]
        other = refusal._replace(text=f"{WENT_WITH_IT} {refusal.text}")
        made += [StoredChange(other, one.future, source=one.source) for one in stored.others]
        self._durably(made, settings)

    def defaults(self, group: str, source: str) -> ChangeSettings:
        """What puts a group back to what a unit without settings.json has: PB2 "battery" the test
        settings, PB1 "network" the addressing and who may change things (R91)."""
        keys = [key for key in self._base if key.startswith("test.")]
        if group == "network":
            keys = [key for key in self._base if key.startswith("network.")]
            keys.append("web.authorization")
        values: dict[str, object] = {key: self._base[key] for key in keys}
        try:
            check_relations(self._base, keys)
        except SettingError:
            # The site file's own do not go together: the button must lead back to the unit.
            values = {key: SETTINGS[key].default for key in keys}
            values["web.authorization"] = self._base["web.authorization"]
        return ChangeSettings(values, source)

    def reset_access(self, source: str, at: float, uptime: float) -> None:
        """The factory login again (PB1); a disk that refuses is told."""

        def finished(error: BtrmError | None) -> None:
            if error is not None:
                text = f"The factory login could not be restored: {error}"
                event = Event(
                    0, at, uptime, "system.button", Kind.CHANGE, None, None, source, text
                )  # fmt: skip
                self.done.append(
                    StoredChange(Answer(False, "storage", text), None, events=(event,))
                )

        self._writer.run(self._reset_access, finished)

    def _durably(self, made: Sequence[StoredChange], settings: Settings) -> None:
        self.is_busy = True

        def finished(error: BtrmError | None) -> None:
            if error is None:
                first = made[0]._replace(settings=settings, frees=True, others=tuple(made[1:]))
                self.done.append(first)
                return
            for n, done in enumerate(made):
                answer = Answer(False, "storage", f"{done.answer.text} {error}".lstrip())
                self.done.append(
                    StoredChange(answer, done.future, frees=n == 0, source=done.source)
                )

        self._writer.save_settings(settings, finished)

    # --- calibration ---------------------------------------------------------------------------

    def calibrate(
        self,
        board: Calibrated,
        command: Calibrate,
        future: Future[Answer] | None,
        at: float,
        uptime: float,
    ) -> Answer | None:
        """Record a point, or fit and store when both are there. None = the answer comes later."""
        key, point = command.channel, command.point
        try:
            if point == "clear":
                made = board.calibration.without(key)
                for name in ("low", "high"):
                    self._first_points.pop((key, name), None)
                self._store(made, command, future, at, uptime, "cleared")
                return None
            if point not in ("low", "high"):
                return Answer(
                    False, "range", f"Point {point!r} is refused: allowed is low or high."
                )
            raw = board.raw(key)
            if raw is None or command.actual is None:
                text = f"Channel {key} has no good reading, so it cannot be calibrated now."
                return Answer(False, "sensor", text)
            self._first_points[(key, point)] = (raw, command.actual)
            low = self._first_points.get((key, "low"))
            high = self._first_points.get((key, "high"))
            if low is None or high is None:
                other = "high" if point == "low" else "low"
                text = (
                    f"{key}: the {point} point is {raw:.4g} for {command.actual:g}; "
                    f"now give the {other} point."
                )
                return Answer(True, "ok", text, {"raw": raw, "actual": command.actual})
            stamp = datetime.fromtimestamp(at, UTC).isoformat(timespec="seconds")
            made = board.calibration.with_points(key, low, high, stamp, command.source)
        except SettingError as error:
            return Answer(
                False, "range", str(error),
                {"key": error.key, "value": error.value, "allowed": error.allowed},
            )  # fmt: skip
        for name in ("low", "high"):
            self._first_points.pop((key, name), None)
        gain, offset = made.factors(key)
        word = f"gain {gain:.5f}, offset {offset:+.4f}"
        self._store(made, command, future, at, uptime, word)
        return None

    def _store(
        self,
        made: Calibration,
        command: Calibrate,
        future: Future[Answer] | None,
        at: float,
        uptime: float,
        word: str,
    ) -> None:
        text = f"Calibration of {command.channel}: {word}."
        event = Event(
            0, at, uptime, f"calibration.{command.channel}", Kind.COMMAND, None, None,
            command.source, text, False,
        )  # fmt: skip
        done = StoredChange(Answer(True, "ok", text), future, None, made, None, (event,))

        def finished(error: BtrmError | None) -> None:
            if error is None:
                self.done.append(done)
            else:
                answer = Answer(False, "storage", str(error))
                self.done.append(StoredChange(answer, future, source=command.source))

        self._writer.run(lambda: self._save_calibration(made), finished)
