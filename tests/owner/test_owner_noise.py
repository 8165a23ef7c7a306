"""Chips that are noisy, each from a moment of its own: no relay moves, and none is blamed."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

import pytest
from owner_rig import Rig

CHIPS = ("0x40", "0x41", "0x44", "0x45", "0x48", "0x49", "0x4a")


@pytest.mark.parametrize("speed", [10.0, 60.0, 100.0])
@pytest.mark.parametrize("seed", range(4))
def test_noise_that_comes_chip_by_chip_moves_no_relay(
    make_rig: Callable[..., Rig], seed: int, speed: float
) -> None:
    """The chips share one source of chance: what they tell depends on when each has begun."""
    random, rig = Random(seed), make_rig(speed)
    rig.sim_speed.begin = lambda _: 10  # type: ignore[method-assign]  # steps a tick, by no clock
    rig.until(lambda: rig.value("system.self_test") == "good")
    rig.until(lambda: rig.value("charger.present"))
    for chip in random.sample(CHIPS, len(CHIPS)):
        rig.world.change({f"fault.i2c.{chip}": "noise"})
        rig.tick(random.randrange(3))
    end = rig.clock.now() + 240.0
    while rig.clock.now() < end:
        rig.tick()
        assert rig.coils() == []
    told = [event.text for event in rig.history.events() if event.key.startswith("relay.")]
    assert told == []
    assert rig.owner.state.relays.faulty == ()
    assert rig.world.plant.dropped_s == 0.0
