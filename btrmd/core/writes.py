"""Writes: what a protocol writes without changing anything, told all the same (R196)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from ..model.commands import ChangeSettings, NoteWrite
from ..model.events import Kind
from ..model.settings import SETTINGS, Settings
from ..model.words import said
from .desk import Desk

# A master that writes the same setpoint every second must not wash away the history.
BURST = 30  # lines told at once
EVERY_S = 10.0  # after that a line in so long
SUM_S = 60.0  # and what was not told by itself is told as a number, a line a source
SOURCES = 8  # the ninth and all others share a line
LONG = 200  # characters of a value
OTHERS = "several sources"


class Untold(NamedTuple):
    """Writes of one source that were only counted. `last`: the sentence of the newest."""

    number: int
    last: str


class Writes(NamedTuple):
    """`allowed` lines at process clock `at`; `due`: when the sums are told."""

    allowed: float = float(BURST)
    at: float = 0.0
    untold: Mapping[str, Untold] = {}
    due: float = 0.0


def unchanged(command: ChangeSettings, settings: Settings) -> list[NoteWrite]:
    """A note for every setting that is written with the value it has. `command` has typed values.

    What does change is told once it is on the disk.
    """
    live = settings.live_changes(command.changes)
    return [
        NoteWrite(
            key,
            f"Setting {key} was written unchanged: "
            f"{'(secret)' if SETTINGS[key].secret else said(settings[key])[:LONG]}.",
            command.source,
        )
        for key, value in command.changes.items()
        if key not in live and key in SETTINGS and settings[key] == value
    ]


def note(writes: Writes, command: NoteWrite, desk: Desk) -> Writes:
    """Tell one write, or count it when too many have been told."""
    allowed = min(writes.allowed + (desk.now - writes.at) / EVERY_S, float(BURST))
    if allowed >= 1.0:
        desk.tell(command.key, Kind.COMMAND, command.text, source=command.source, notify=False)
        return writes._replace(allowed=allowed - 1.0, at=desk.now)
    untold = dict(writes.untold)
    source = command.source
    if source not in untold and len(untold) >= SOURCES:
        source = OTHERS
    before = untold.get(source)
    untold[source] = Untold(1 if before is None else before.number + 1, command.text)
    due = writes.due if writes.untold else desk.now + SUM_S
    return Writes(allowed, desk.now, untold, due)


def step_writes(writes: Writes, desk: Desk) -> Writes:
    """Tell the sums when they are due."""
    if not writes.untold or desk.now < writes.due:
        return writes
    for source, untold in writes.untold.items():
        text = f"{untold.number} more writes that changed nothing. The last: {untold.last}"
        desk.tell(
            "command.repeated", Kind.COMMAND, text, value=untold.number, source=source, notify=False
        )
    return writes._replace(untold={})
