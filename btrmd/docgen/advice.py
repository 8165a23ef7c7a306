"""Advice: what a person does about an alarm as things stand, the same wherever it is told."""

from __future__ import annotations

from ..model.alarms import advice_of
from ..model.result_words import format_action
from ..model.snapshot import Snapshot


def advise(key: str, snapshot: Snapshot) -> str:
    """What to do about the alarm `key`; "" where nobody knows. The last test knows more of a low
    capacity than the alarm: how sure it is, and which block."""
    source = snapshot.points.get("load.source")
    advice = advice_of(key, is_supplied=source is not None and source.value == "supply")
    if key == "battery.low_capacity" and snapshot.last_test is not None:
        return format_action(snapshot.last_test) or advice
    return advice
