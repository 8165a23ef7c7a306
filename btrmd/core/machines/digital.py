"""Digital channels: CH1 and CH2 as alarm inputs (manual 9.1, 9.2; hysteresis of our own)."""

from __future__ import annotations

from typing import NamedTuple

from ...model.readings import Measurement
from ..scan.context import StepContext
from ..scan.due import due_if

ANALOG, BELOW_1V, ABOVE_2V, OUTPUT_NC, OUTPUT_NO = range(5)  # io1.config, io2.config
ON_BELOW_V, OFF_ABOVE_V = 1.0, 1.2
ON_ABOVE_V, OFF_BELOW_V = 2.0, 1.8
DEBOUNCE_S = 1.0


class DigitalInput(NamedTuple):
    """`tripped` None = no digital input, or not yet known. `since`: the other level since then."""

    config: int = ANALOG
    tripped: bool | None = None
    since: float | None = None


class Digital(NamedTuple):
    io1: DigitalInput = DigitalInput()
    io2: DigitalInput = DigitalInput()

    def next_due(self, now: float) -> float:
        """Every scan while a level is debounced."""
        return due_if(self.io1.since is not None or self.io2.since is not None)


def _level(config: int, volts: float, tripped: bool) -> bool:
    if config == BELOW_1V:
        return volts < (OFF_ABOVE_V if tripped else ON_BELOW_V)
    return volts > (OFF_BELOW_V if tripped else ON_ABOVE_V)


def limit_v(channel: DigitalInput) -> float | None:
    """The volts that this level has passed; None for a channel that is no digital input."""
    if channel.config == BELOW_1V:
        return ON_BELOW_V if channel.tripped else OFF_ABOVE_V
    if channel.config == ABOVE_2V:
        return ON_ABOVE_V if channel.tripped else OFF_BELOW_V
    return None


def _watch(channel: DigitalInput, config: int, measured: Measurement, now: float) -> DigitalInput:
    if config != channel.config:
        channel = DigitalInput(config=config)
    if config not in (BELOW_1V, ABOVE_2V) or not measured.good:
        return channel if channel.since is None else channel._replace(since=None)
    level = _level(config, measured.value, channel.tripped is True)
    if level is channel.tripped:
        return channel if channel.since is None else channel._replace(since=None)
    if channel.since is None:
        return channel._replace(since=now)
    if now - channel.since >= DEBOUNCE_S:
        return DigitalInput(config, level, None)
    return channel


def step_digital(digital: Digital, ctx: StepContext) -> Digital:
    """Debounce both channels; a bad reading keeps the last known level."""
    io1 = _watch(digital.io1, ctx.sp.io1_config, ctx.inputs.io1_v, ctx.now)
    io2 = _watch(digital.io2, ctx.sp.io2_config, ctx.inputs.io2_v, ctx.now)
    if io1 is digital.io1 and io2 is digital.io2:
        return digital
    return Digital(io1, io2)
