"""A replaced battery as socket, page and API tell of it: first that it was, then what it is."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from ..model.commands import Answer, BatteryReplaced, ChangeSettings, Command
from ..model.settings import Settings

RATED, TYPE = "battery.rated_ah", "battery.type"


def replace_battery(
    send: Callable[[Command], Answer],
    settings: Settings,
    changes: Mapping[str, object],
    source: str,
) -> Answer:
    """Tell the owner of another battery, and store its rating or type where they are given.

    `changes`: raw values of battery.rated_ah and battery.type; those left out stay. Raises
    SettingError for a value that is refused, before anything is done.
    """
    settings.with_changes(changes)
    answer = send(BatteryReplaced(source))
    if not answer.ok or not changes:
        return answer
    stored = send(ChangeSettings(changes, source))
    if stored.ok:
        return answer
    text = "The battery is marked as replaced, but its rating and type are not stored: "
    return stored._replace(text=text + stored.text)
