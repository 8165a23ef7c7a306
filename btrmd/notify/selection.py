"""The selection: which events people are told of, by mail and by webhook."""

from __future__ import annotations

from typing import Final

from ..model.events import Event, Kind

# Edges that are no alarm, and yet what somebody must hear of.
CHANGES: Final = frozenset({"test.result", "test.skipped", "lvd.open"})


def is_notified(event: Event) -> bool:
    """Alarms as they come and go, test results, what LVD does; never what R86 keeps quiet."""
    if not event.notify:
        return False
    if event.kind is Kind.CHANGE:
        return event.key in CHANGES
    return event.kind in (Kind.RAISE, Kind.CLEAR)
