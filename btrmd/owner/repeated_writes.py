"""Repeated writes: what protocols write as it is already, answered without a step of the core."""

from __future__ import annotations

from collections.abc import Hashable
from concurrent.futures import Future
from typing import Final, NamedTuple

from ..bus import STOPPING, Bus, PendingCommand
from ..model.commands import Answer, ChangeSettings, Command
from ..model.settings import Settings
from .action_runner import LoopRequests
from .setting_changes import SO_ALREADY, SettingChanges, written_as_it_is

MOST_KNOWN: Final = 64  # writes remembered


class Waiter(NamedTuple):
    """A command given to the core and the future its sender waits on (None: the shell's own)."""

    command: Command
    future: Future[Answer] | None

    def reply(self, answer: Answer) -> None:
        """Give the answer to whoever waits."""
        if self.future is not None:
            self.future.set_result(answer)


class RepeatedWrites:
    """What has come from the bus for the tick under way. Used by the owner's thread.

    What was found to be so already is so for as long as the settings are the same object: masters
    write the same again and again, and it is not judged anew each time.
    """

    def __init__(self, bus: Bus, changes: SettingChanges) -> None:
        self._bus = bus
        self._changes = changes
        self._came: list[PendingCommand] = []
        self._writes: list[Waiter] = []  # the same, where all of them change nothing
        self._known: dict[Hashable, ChangeSettings] = {}  # what is written as it is, typed
        self._known_for: Settings | None = None

    def is_all(self, settings: Settings) -> bool:
        """Whether nobody asks for anything that is not so already; asks the bus."""
        if not self._came:  # else a tick has failed: what has come since waits where it is counted
            self._came = self._bus.take()
        self._writes = []
        if self._came and not self._changes.is_due():
            return False
        for pending in self._came:
            write = self._as_it_is(pending.command, settings)
            if write is None:
                return False
            self._writes.append(Waiter(write, pending.answer))
        return True

    def _as_it_is(self, command: Command, settings: Settings) -> ChangeSettings | None:
        """As `written_as_it_is`."""
        if not isinstance(command, ChangeSettings) or not command.from_wire:
            return None
        known = self._known
        if settings is not self._known_for or len(known) >= MOST_KNOWN:
            known.clear()
            self._known_for = settings
        # 1, 1.0 and True are equal, and are not judged alike
        values = tuple([(key, type(value), value) for key, value in command.changes.items()])
        try:
            write = known.get((command.source, values))
        except TypeError:  # a list, say: nothing that a setting takes
            return written_as_it_is(command, settings)
        if write is None:
            write = written_as_it_is(command, settings)
            if write is not None:
                known[command.source, values] = write
        return write

    def take(self) -> list[Waiter]:
        """After `is_all` was True: what is to be answered in this tick."""
        writes, self._writes, self._came = self._writes, [], []
        return writes

    def take_commands(self) -> list[PendingCommand]:
        """All that has come, repeated or not, for a whole step."""
        came, self._came = [*self._came, *self._bus.take()], []
        return came

    def close(self) -> None:
        """The daemon stops: tell it to whoever waits since a tick that has failed."""
        for pending in self._came:
            pending.answer.set_result(STOPPING)
        self._came = []

    def answer(self, asked: LoopRequests, writes: list[Waiter]) -> None:
        """Give the core's refusals; where it refused nothing, there is nothing to store."""
        with self._bus.together():
            for reply in asked.replies:
                writes[reply.position].reply(reply.answer)
            for position, _ in asked.forwards:
                writes[position].reply(SO_ALREADY)
