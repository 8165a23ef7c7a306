"""A loop that hangs publishes nothing; whoever asks for the newest snapshot is told so."""

from __future__ import annotations

import pytest

from btrmd import bus as bus_module
from btrmd.bus import STALL_S, Bus
from btrmd.model.settings import Settings
from btrmd.model.snapshot import Snapshot

FIRST = Snapshot(0, 0.0, 0.0, {}, (), Settings.defaults(), None, None)


@pytest.fixture
def now(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The bus' clock, to be set by its one element."""
    clock = [1000.0]
    monkeypatch.setattr(bus_module, "monotonic", lambda: clock[0])
    return clock


def test_the_newest_snapshot_says_when_nothing_has_come_after_it(now: list[float]) -> None:
    bus = Bus(FIRST)
    bus.publish(FIRST._replace(seq=1))
    now[0] += STALL_S - 0.1
    assert bus.snapshot.is_ticking
    now[0] += 0.2
    assert bus.snapshot == FIRST._replace(seq=1, is_ticking=False)
    bus.publish(FIRST._replace(seq=2))
    assert bus.snapshot == FIRST._replace(seq=2)
    bus.close()


def test_a_loop_that_has_not_begun_yet_does_not_hang(now: list[float]) -> None:
    bus = Bus(FIRST)
    now[0] += 10 * STALL_S
    assert bus.snapshot is FIRST
    bus.close()
