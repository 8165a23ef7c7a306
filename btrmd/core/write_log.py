"""The write log: what a protocol writes without changing anything, told all the same (R196).

Here every one is told; the shell merges those that repeat themselves (owner/audit.py).
"""

from __future__ import annotations

from ..model.commands import ChangeSettings, NoteWrite
from ..model.settings import SETTINGS, Settings
from ..model.value_text import format_in_words

LONG = 200  # characters of a value


def unchanged(command: ChangeSettings, settings: Settings) -> list[NoteWrite]:
    """A note for every setting that is written with the value it has. `command` has typed values.

    What does change is told once it is on the disk.
    """
    found = []
    for key, value in command.changes.items():
        setting = SETTINGS[key]
        if setting.live or settings[key] != value:
            continue
        shown = "(secret)" if setting.secret else format_in_words(settings[key])[:LONG]
        text = f"Setting {key} was written unchanged: {shown}."
        found.append(NoteWrite(key, text, command.source))
    return found
