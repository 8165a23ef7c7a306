"""A replaced battery as socket, page and API tell of it: first that it was, then what it is."""

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
    """Tell the owner of another battery, and store its rating, type or table where they are given.

    `changes`: raw values of battery.rated_ah, battery.type and battery.table; those left out stay.
    `at` wall time s of the day it was put in, None = now. Raises SettingError for a value that is
    refused, before anything is done.
    """
    settings.with_changes(changes)
    answer = send(BatteryReplaced(source, at))
    if not answer.ok or not changes:
        return answer
    stored = send(ChangeSettings(changes, source))
    if stored.ok:
        return answer
    text = "The battery is marked as replaced, but what it is is not stored: "
    return stored._replace(text=text + stored.text)
