"""Owners for these tests."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from fieldbus_snapshot import make_snapshot
from owner_rig import Rig

from btrmd.bus import Bus
from btrmd.model.commands import StartTest


@pytest.fixture
def make_rig(tmp_path: Path) -> Iterator[Callable[..., Rig]]:
    """`make_rig(speed=10)`: an owner that has not ticked yet."""
    made: list[Rig] = []

    def make(speed: float = 10.0) -> Rig:
        folder = tmp_path / str(len(made))
        folder.mkdir()
        made.append(Rig(folder, speed))
        return made[-1]

    yield make
    for rig in made:
        rig.close()


@pytest.fixture
def rig(make_rig: Callable[..., Rig], request: pytest.FixtureRequest) -> Rig:
    """An owner whose self-test is over, with supply and charger present; a parameter is its speed,
    10 without one."""
    rig = make_rig(getattr(request, "param", 10.0))
    rig.until(lambda: rig.value("charger.present") and rig.value("system.self_test") == "good")
    return rig


@pytest.fixture
def testing(rig: Rig) -> Rig:
    """One with a test that runs: K1 and K2 are energised."""
    assert rig.ask(StartTest("1", source="test")).ok
    rig.until(lambda: rig.value("test.state") == "running")
    assert rig.coils() == ["k1", "k2"]
    return rig


@pytest.fixture
def snapshot_bus() -> Bus:
    """A bus nobody takes from."""
    return Bus(make_snapshot())
