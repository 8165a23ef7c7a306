"""The limiter: how soon the next mail may go, so that a flapping input makes a handful of them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

BURST_KEY: Final = 3  # mails at once about one key, before its next ones are gathered
EVERY_KEY_S: Final = 300.0
BURST_ALL: Final = 6  # about anything at all
EVERY_ALL_S: Final = 120.0


class _Bucket:
    """Holds `burst` tokens and gets one back every `every_s`; times are monotonic s."""

    def __init__(self, burst: int, every_s: float) -> None:
        self._most = float(burst)
        self._every_s = every_s
        self._tokens = self._most
        self._at = 0.0

    def due(self) -> float:
        return self._at + max(0.0, 1.0 - self._tokens) * self._every_s

    def take(self, now: float) -> None:
        gained = (now - self._at) / self._every_s
        self._tokens = max(0.0, min(self._most, self._tokens + gained) - 1.0)
        self._at = now

    def is_full(self, now: float) -> bool:
        return self._tokens + (now - self._at) / self._every_s >= self._most


class Limiter:
    """One recipient's. An event of another key need not wait for one that flaps."""

    def __init__(self) -> None:
        self._all = _Bucket(BURST_ALL, EVERY_ALL_S)
        self._keys: dict[str, _Bucket] = {}

    def due(self, keys: Iterable[str]) -> float:
        """When a mail about `keys` may go, 0 for at once; the most impatient key decides."""
        soonest = min((self._keys[k].due() if k in self._keys else 0.0 for k in keys), default=0.0)
        return max(soonest, self._all.due())

    def sent(self, keys: Iterable[str], now: float) -> None:
        """A mail about `keys` has gone."""
        self._keys = {k: bucket for k, bucket in self._keys.items() if not bucket.is_full(now)}
        self._all.take(now)
        for key in set(keys):
            self._keys.setdefault(key, _Bucket(BURST_KEY, EVERY_KEY_S)).take(now)
