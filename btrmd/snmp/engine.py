"""The SNMPv3 engine: what tells this unit, its start and its time to managers (RFC 3411, 3414)."""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Callable
from typing import Final

from ..model.point import ENTERPRISE
from ..model.snapshot import Snapshot

MOST: Final = 2**31 - 1  # of the start count and of the seconds
TICKS_PER_S: Final = 100


class SnmpEngine:
    """One for the agent and the notifications, as a manager knows the unit by one number and one
    time; thread-safe.

    `seed`: what tells this unit from all others. `count_boot`: how often the daemon was started,
    one more than the last time; asked once, when somebody speaks SNMPv3.
    """

    def __init__(self, seed: str, count_boot: Callable[[], int] = lambda: 1) -> None:
        self.id = engine_id(seed)
        self._count_boot = count_boot
        self._started = time.monotonic()
        self._boots = 0
        self._lock = threading.Lock()

    @property
    def boots(self) -> int:
        """snmpEngineBoots, 1..2^31-1. Raises BtrmError when it cannot be kept."""
        with self._lock:
            if not self._boots:
                self._boots = min(max(self._count_boot(), 1), MOST)
            return self._boots

    @property
    def seconds(self) -> int:
        """snmpEngineTime: s since the start. It never jumps, whatever is done to the clock."""
        return min(int(time.monotonic() - self._started), MOST)


def engine_id(seed: str) -> bytes:
    """snmpEngineID: our enterprise, format "octets", a digest of what tells the unit (RFC 3411)."""
    digest = hashlib.sha256(f"btrmd {seed}".encode()).digest()[:8]
    return (ENTERPRISE[-1] | 0x80000000).to_bytes(4, "big") + b"\x05" + digest


def uptime_ticks(snapshot: Snapshot) -> int:
    """sysUpTime: hundredths of a second since the daemon's start, 0..2^32-1."""
    value = snapshot.points["system.uptime"].value
    seconds = value if isinstance(value, int | float) else 0.0
    return int(seconds * TICKS_PER_S) % 2**32
