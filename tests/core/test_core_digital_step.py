"""Digital inputs (manual, IO channels): levels with hysteresis, held for 1 s."""

from __future__ import annotations

import pytest
from core_scenes import step_context

from btrmd.core.machines.digital import Digital, DigitalInput, limit_v, step_digital

BELOW, ABOVE = 1, 2


def looked(digital: Digital, now: float, config: int, volts: object) -> Digital:
    """Both channels, configured and wired alike."""
    changes: dict[str, object] = {"io1.config": config, "io2.config": config}
    return step_digital(digital, step_context(now, changes=changes, io1_v=volts, io2_v=volts))


@pytest.mark.parametrize(
    ("config", "volts", "was", "level"),
    [
        (BELOW, 0.99, False, True), (BELOW, 1.0, False, False),
        (BELOW, 1.19, True, True), (BELOW, 1.2, True, False),
        (ABOVE, 2.01, False, True), (ABOVE, 2.0, False, False),
        (ABOVE, 1.81, True, True), (ABOVE, 1.8, True, False),
        # what is not known yet is taken as not tripped
        (BELOW, 1.1, None, False), (ABOVE, 1.9, None, False),
    ],
)  # fmt: skip
def test_levels(config: int, volts: float, was: bool | None, level: bool) -> None:
    channel = DigitalInput(config, was, 0.0)
    made = looked(Digital(channel, channel), 100.0, config, volts)
    expected = DigitalInput(config, level)
    assert made == Digital(expected, expected)


def test_another_level_counts_after_1_s() -> None:
    digital = Digital(DigitalInput(BELOW, False), DigitalInput(BELOW, False))
    digital = looked(digital, 100.0, BELOW, 0.0)
    assert digital.io1 == digital.io2 == DigitalInput(BELOW, False, 100.0)
    digital = looked(digital, 100.9, BELOW, 0.0)
    assert digital.io1 == DigitalInput(BELOW, False, 100.0)
    assert looked(digital, 100.95, BELOW, 5.0).io1 == DigitalInput(BELOW, False, None)
    digital = looked(digital, 101.0, BELOW, 0.0)
    assert digital.io1 == digital.io2 == DigitalInput(BELOW, True, None)
    assert looked(digital, 102.0, BELOW, 0.0) is digital


def test_a_bad_reading_keeps_the_last_known_level() -> None:
    tripped = DigitalInput(BELOW, True, 100.0)
    made = looked(Digital(tripped, tripped), 105.0, BELOW, None)
    assert made.io1 == made.io2 == DigitalInput(BELOW, True, None)


@pytest.mark.parametrize("config", [0, 3, 4])
def test_a_channel_that_is_no_input_has_no_level(config: int) -> None:
    tripped = DigitalInput(BELOW, True, 100.0)
    ctx = step_context(105.0, changes={"io1.config": config, "io2.config": 0}, io1_v=0.0)
    made = step_digital(Digital(tripped, tripped), ctx)
    assert made == Digital(DigitalInput(config), DigitalInput())
    assert limit_v(DigitalInput(config, True)) is None


def test_another_configuration_begins_anew() -> None:
    tripped = DigitalInput(BELOW, True)
    made = looked(Digital(tripped, tripped), 105.0, ABOVE, 0.0)
    assert made.io1 == DigitalInput(ABOVE, None, 105.0)


def test_one_channel_moves_alone() -> None:
    changes: dict[str, object] = {"io1.config": 0, "io2.config": BELOW}
    ctx = step_context(100.0, changes=changes, io2_v=0.0)
    assert step_digital(Digital(), ctx) == Digital(DigitalInput(), DigitalInput(BELOW, None, 100.0))
    changes = {"io1.config": BELOW, "io2.config": 0}
    ctx = step_context(100.0, changes=changes, io1_v=0.0)
    assert step_digital(Digital(), ctx) == Digital(DigitalInput(BELOW, None, 100.0), DigitalInput())


def test_the_limit_that_is_shown_is_the_one_that_was_passed() -> None:
    assert limit_v(DigitalInput(BELOW, True)) == 1.0
    assert limit_v(DigitalInput(BELOW, False)) == 1.2
    assert limit_v(DigitalInput(ABOVE, True)) == 2.0
    assert limit_v(DigitalInput(ABOVE, False)) == 1.8
