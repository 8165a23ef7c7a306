"""A replaced battery as socket, page and API tell of it: what it is and that it was, or neither."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from ..model.commands import Answer, BatteryReplaced, ChangeSettings, Command
from ..model.settings import Settings

RATED, TYPE, TABLE = "battery.rated_ah", "battery.type", "battery.table"


def replace_battery(
    send: Callable[[Command], Answer],
    settings: Settings,
    changes: Mapping[str, object],
    source: str,
    at: float | None = None,
) -> Answer:
    """Store the new battery's rating, type or table where they are given, and tell the owner of it;
    where it is refused, what was stored is put back.

    `changes`: raw values of battery.rated_ah, battery.type and battery.table; those left out stay.
    `at` wall time s of the day it was put in, None = now. Raises SettingError for a value that is
    refused, before anything is done.
    """
    settings.with_changes(changes)
    if changes:
        stored = send(ChangeSettings(changes, source))
        if not stored.ok:
            return stored
    answer = send(BatteryReplaced(source, at))
    if answer.ok or not changes:
        return answer
    if send(ChangeSettings({key: settings[key] for key in changes}, source)).ok:
        return answer
    text = f"{answer.text} The rating, type or table that was told is stored all the same."
    return answer._replace(text=text)
