"""Float time, step by step: 24 h on float and 48 h without a discharge are rest."""

from __future__ import annotations

import pytest
from core_scenes import step_context

from btrmd.core.machines.float_time import FloatTime, step_float_time
from btrmd.core.machines.presence import Presence, Source

HERE = Source(0.0, None, 0.0, True, True)
COMING = Source(990.0, None, 990.0)
GONE = Source(None, 990.0, None, False, True)
H = 3600.0


def aged(
    before: FloatTime, *, charger: Source = HERE, on_battery: bool = False,
    changes: dict[str, object] | None = None, **channels: object,
) -> FloatTime:  # fmt: skip
    ctx = step_context(dt=2.0, changes=changes, **channels)  # type: ignore[arg-type]
    return step_float_time(before, Presence(HERE, charger), on_battery, ctx)


def test_rest_is_24_h_of_float_and_48_h_without_a_discharge() -> None:
    assert FloatTime(24 * H, 48 * H).is_rested
    assert FloatTime(24 * H, None).is_rested
    assert not FloatTime(24 * H - 1.0, 48 * H).is_rested
    assert not FloatTime(24 * H, 48 * H - 1.0).is_rested


def test_on_float_both_ages_grow() -> None:
    assert aged(FloatTime(10.0, 20.0, 3.0)) == FloatTime(12.0, 22.0, 0.0)
    assert aged(FloatTime(10.0, None)) == FloatTime(12.0, None, 0.0)


def test_on_battery_both_begin_anew() -> None:
    assert aged(FloatTime(10.0, 20.0, 3.0), on_battery=True) == FloatTime(0.0, 0.0, 5.0)


def test_a_charger_that_is_not_yet_present_neither_breaks_nor_extends_it() -> None:
    assert aged(FloatTime(10.0, 20.0), charger=COMING) == FloatTime(10.0, 22.0)
    assert aged(FloatTime(10.0, 20.0), charger=GONE) == FloatTime(0.0, 22.0)


@pytest.mark.parametrize("name", ["battery_v", "battery_a"])
def test_a_reading_that_is_not_known_neither_breaks_nor_extends_it(name: str) -> None:
    assert aged(FloatTime(10.0, 20.0, 4.0), **{name: None}) == FloatTime(10.0, 22.0, 0.0)


@pytest.mark.parametrize(
    ("amps", "volts", "made"),
    [
        # the end of charging: 0.3 A, or a hundredth of the rating
        (0.3, 13.5, FloatTime(12.0, 22.0)),
        (0.31, 13.5, FloatTime(0.0, 22.0)),
        # the float level is 13.0 V a block: a float charger holds 13.5 V
        (0.0, 13.0, FloatTime(12.0, 22.0)),
        (0.0, 12.99, FloatTime(0.0, 22.0)),
        # the unit's own draw is no discharge
        (-0.2, 13.5, FloatTime(12.0, 22.0)),
        (-0.21, 13.5, FloatTime(10.0, 22.0, 2.0)),
    ],
)
def test_what_counts_as_float(amps: float, volts: float, made: FloatTime) -> None:
    assert aged(FloatTime(10.0, 20.0), battery_a=amps, battery_v=volts) == made


def test_a_large_bank_ends_its_charge_at_a_hundredth_of_its_rating() -> None:
    rated: dict[str, object] = {"battery__rated_ah": 100.0}
    assert aged(FloatTime(10.0, 20.0), battery_a=1.0, changes=rated).float_s == 12.0
    assert aged(FloatTime(10.0, 20.0), battery_a=1.01, changes=rated).float_s == 0.0


def test_10_s_of_discharge_end_both() -> None:
    assert aged(FloatTime(10.0, 20.0, 7.9), battery_a=-1.0) == FloatTime(10.0, 22.0, 9.9)
    assert aged(FloatTime(10.0, 20.0, 8.0), battery_a=-1.0) == FloatTime(0.0, 0.0, 10.0)
