"""The write log: what a protocol writes without changing anything, told all the same (R196).

Here every one is told; the shell merges those that repeat themselves (owner/audit.py).
"""

from __future__ import annotations

from ..model.commands import ChangeSettings, NoteWrite
from ..model.settings import SETTINGS, Settings
from ..model.words import format_in_words

LONG = 200  # characters of a value


def unchanged(command: ChangeSettings, settings: Settings) -> list[NoteWrite]:
    """A note for every setting that is written with the value it has. `command` has typed values.

    What does change is told once it is on the disk.
    """
    live = settings.live_changes(command.changes)
    return [
        NoteWrite(
            key,
            f"Setting {key} was written unchanged: "
            f"{'(secret)' if SETTINGS[key].secret else format_in_words(settings[key])[:LONG]}.",
            command.source,
        )
        for key, value in command.changes.items()
        if key not in live and settings[key] == value
    ]
