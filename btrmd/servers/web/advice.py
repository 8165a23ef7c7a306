"""Advice: what a person does about an alarm, the same in the verdict and in the list of alarms."""

from __future__ import annotations

from btrmd.model.alarms import advice_of
from btrmd.model.result_words import format_action
from btrmd.model.snapshot import Snapshot

from .known import known


def advise(key: str, snapshot: Snapshot) -> str:
    """What to do about the alarm `key` as things stand; "" where nobody knows. The last test knows
    more of a low capacity than the alarm: how sure it is."""
    advice = advice_of(key, is_supplied=known(snapshot, "load.source") == "supply")
    if key == "battery.low_capacity" and snapshot.last_test is not None:
        return format_action(snapshot.last_test) or advice
    return advice
