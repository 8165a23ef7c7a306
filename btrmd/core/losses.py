"""Losses: what the shell has found lost on the disk, told by an alarm until somebody acts on it.

Settings that are at their defaults though somebody had set them, and a history that is gone with
all that was latched: neither shows in any reading, so the text is kept over restarts.
"""

from __future__ import annotations

from collections.abc import Mapping

from ..model.alarms import HISTORY_LOST, SETTINGS_LOST
from .machines.alarms import Alarms


def without(losses: Mapping[str, str], key: str) -> Mapping[str, str]:
    """`losses` without the one that somebody has acted on."""
    return {k: text for k, text in losses.items() if k != key} if key in losses else losses


def without_other(alarms: Alarms, key: str, text: str) -> Alarms:
    """An alarm that was raised for something else is raised anew with `text`: that is news."""
    raised = alarms.raised
    if key not in raised or raised[key].text == text:
        return alarms
    return alarms._replace(raised={k: alarm for k, alarm in raised.items() if k != key})


def restored(stored: object) -> dict[str, str]:
    """What was lost before a restart and nobody has acted on yet."""
    found = stored if isinstance(stored, dict) else {}
    keys = (SETTINGS_LOST, HISTORY_LOST)
    return {key: found[key] for key in keys if isinstance(found.get(key), str)}
