"""A weak supply: one that is there, and does not hold the load; from what guard and alarms tell."""

from __future__ import annotations

from btrmd.model.snapshot import Snapshot

from .known import known

_ALARMS = frozenset({"guard.active", "supply.weak"})  # now, and more than three times in the hour


def has_needed_help(snapshot: Snapshot) -> bool:
    """Whether the guard acts now, or guard or transfer have had to help again and again.

    A guard that waits while K1 carries the load says nothing: it may have been closed by an outage.
    """
    acts = known(snapshot, "guard.active") is True and known(snapshot, "relay.k1") is not True
    return acts or any(alarm.key in _ALARMS for alarm in snapshot.alarms)


def is_weak(snapshot: Snapshot) -> bool:
    """Whether a supply that is there does not hold the load. Where K1 is known to have a fault,
    that may be why the battery carries it."""
    if known(snapshot, "supply.present") is not True:
        return False
    has_fault = any(alarm.key == "relay.k1" for alarm in snapshot.alarms)
    return not has_fault and has_needed_help(snapshot)
