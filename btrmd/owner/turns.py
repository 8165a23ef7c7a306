"""Turns: in which order settings changes are dealt with, people's before those of protocols."""

from __future__ import annotations

from typing import Final

from ..bus import PendingCommand
from ..model.commands import Answer, ChangeSettings

MOST_WAITING: Final = 64  # settings changes of protocols that wait for their turn
TOO_OFTEN: Final = "Settings are changed too often: protocols may once a second."


class Turns:
    """Used by the owner's thread. `is_waiting`: some wait for a later step."""

    def __init__(self) -> None:
        self._waiting: list[PendingCommand] = []

    @property
    def is_waiting(self) -> bool:
        return bool(self._waiting)

    def add(self, pending: PendingCommand) -> None:
        """Have a change wait behind the one under way."""
        self._waiting.append(pending)

    def take(self, came: list[PendingCommand], is_busy: bool, is_due: bool) -> list[PendingCommand]:
        """What is dealt with now, of what waits and what `came`. Of settings changes one of
        people's at a time; else all that protocols ask for, to be stored in one go, when that
        `is_due`. While one is stored (`is_busy`) none is."""
        pendings = [*self._waiting, *came]
        self._waiting = []
        changing = [p for p in pendings if isinstance(p.command, ChangeSettings)]
        if not changing:
            return pendings
        people = [p for p in changing if not _is_from_wire(p)]
        now: list[PendingCommand] = []
        if people and not is_busy:
            now = people[:1]
        elif is_due and not is_busy:
            now = changing
        chosen = set(map(id, now))
        later = [p for p in changing if id(p) not in chosen]
        for pending in [p for p in later if _is_from_wire(p)][MOST_WAITING:]:
            pending.answer.set_result(Answer(False, "busy", TOO_OFTEN))
        self._waiting = [p for p in later if not p.answer.done()]
        put_off = set(map(id, later))
        return [p for p in pendings if id(p) not in put_off]


def _is_from_wire(pending: PendingCommand) -> bool:
    return isinstance(pending.command, ChangeSettings) and pending.command.from_wire
