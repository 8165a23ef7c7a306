"""How far the charger's reading has crept up while it gives nothing."""

from __future__ import annotations

import pytest
from core_scenes import step_context

from btrmd.core.machines.creep import step_creep, without_creep

BLOCKS = (1, 4)


def crept(
    before: float | None, after: float | None, *, so_far: float = 0.2, dt: float = 1.0,
    blocks: int = 1, single: bool = False, **put: object,
) -> float:  # fmt: skip
    ctx = step_context(
        volts=12 * blocks, changes={"system.single_source": single},
        **{"charger_a": 0.0, "battery_a": 0.0, **put},
    )  # type: ignore[arg-type]  # fmt: skip
    return step_creep(so_far, before, after, ctx.inputs, ctx.sp, dt)


@pytest.mark.parametrize("blocks", BLOCKS)
def test_what_rises_slowly_is_counted_and_what_moves_at_once_is_the_charger(blocks: int) -> None:
    volts = 13.5 * blocks
    for dt, slow, fast in ((1.0, 0.079, 0.081), (0.1, 0.034, 0.036)):
        made = crept(volts, volts + slow * blocks, dt=dt, blocks=blocks)
        assert made == pytest.approx(0.2 + slow * blocks, abs=1e-3)
        assert crept(volts, volts + fast * blocks, dt=dt, blocks=blocks) == 0.2
    assert crept(volts, 14.4 * blocks, blocks=blocks) == 0.2, "it goes to absorption"


def test_what_falls_takes_back_and_an_hour_forgets_what_the_temperature_moves() -> None:
    assert crept(13.5, 13.4) == pytest.approx(0.1, abs=1e-4)
    assert crept(14.4, 13.55) == 0.0
    assert crept(13.5, 13.5, dt=3600.0) == pytest.approx(0.15)
    assert crept(54.0, 54.0, dt=1800.0, blocks=4) == pytest.approx(0.1)


def test_a_charger_that_gives_is_at_its_volts_and_what_is_not_known_says_nothing() -> None:
    assert crept(13.5, 13.51, charger_a=0.05) == 0.0
    assert crept(13.5, 13.5, charger_a=0.049) == pytest.approx(0.2, abs=1e-4)
    assert crept(13.5, 13.51, charger_a=None) == 0.2
    assert crept(None, 13.5) == crept(13.5, None) == 0.2
    # one that is gone, and comes back
    assert crept(13.5, 0.0) == crept(0.0, 13.5) == 0.2
    assert crept(12.6, 12.59) == 0.2
    # of a joined source the battery's current tells
    assert crept(13.5, 13.51, single=True, charger_a=1.0) > 0.2
    assert crept(13.5, 13.51, single=True, battery_a=0.05) == 0.0


def test_noise_takes_nothing_from_what_the_charger_reads() -> None:
    assert without_creep(13.5, 0.03) == 13.5
    assert without_creep(13.5, 0.23) == pytest.approx(13.3)
