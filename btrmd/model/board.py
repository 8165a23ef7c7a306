"""The board as the core sees it: what one scan of the HAT delivers, what one apply drives."""

from __future__ import annotations

from enum import Enum
from typing import NamedTuple, Protocol

from .readings import NO_MEASUREMENT, Measurement

NO_DROPS = (0.0, 0.0, 0.0, 0.0)


class Inputs(NamedTuple):
    """One scan of all inputs. Volts and amps are calibrated and corrected for the shunt drop.

    Currents: battery positive = charging; load, charger and supply positive = flowing in their
    normal direction. `wall` is wall time (s since 1970) of the scan. Digital inputs are True when
    they mean what their name says (active-low wiring ends in the HAL); None when unreadable.
    `drops_v` (V; battery, load, charger, supply) is what the correction has added to each voltage:
    one that hangs in its chip moves by nothing else.
    `chips` maps the lower-case hex address of every fitted chip to True while it answers
    plausibly, False once it failed 3 reads in a row (alarm `sensor.ADDRESS`).
    """

    battery_v: Measurement = NO_MEASUREMENT
    battery_a: Measurement = NO_MEASUREMENT
    load_v: Measurement = NO_MEASUREMENT
    load_a: Measurement = NO_MEASUREMENT
    charger_v: Measurement = NO_MEASUREMENT
    charger_a: Measurement = NO_MEASUREMENT
    supply_v: Measurement = NO_MEASUREMENT
    supply_a: Measurement = NO_MEASUREMENT
    temperature: Measurement = NO_MEASUREMENT
    io1_v: Measurement = NO_MEASUREMENT
    io2_v: Measurement = NO_MEASUREMENT
    io3_v: Measurement = NO_MEASUREMENT
    io4_v: Measurement = NO_MEASUREMENT
    batt_path: bool | None = None  # BATT_PATH sense: voltage after K3
    guard: bool | None = None  # bus guard has closed S1 and S2
    pb1: bool = False  # pressed
    pb2: bool = False
    chips: tuple[tuple[str, bool], ...] = ()
    wall: float = 0.0
    storage_ok: bool = True  # the shell fills these three: history writable, clock set,
    clock_ok: bool = True
    settings_ok: bool = True  # settings file read at the start
    guard_moved: bool = False  # an edge of the GUARD line since the scan before
    drops_v: tuple[float, ...] = NO_DROPS


class Led(Enum):
    """What an LED shows; the value is its blink rate in Hz (0 = dark, None = steady)."""

    OFF = 0.0
    ON = None
    BLINK_1HZ = 1.0
    BLINK_2HZ = 2.0
    BLINK_4HZ = 4.0


class Outputs(NamedTuple):
    """What the core wants of the board. True = coil energised, output pulls low, LED pattern.

    All False is the universal safe state: supply to load, charger to battery, guard armed.
    """

    k1: bool = False  # transfer: load on the battery
    k2: bool = False  # charger open
    k3: bool = False  # battery path open
    ch1: bool = False  # CH1 output pulls low
    ch2: bool = False  # CH2 output pulls low (site option)
    led_pb1: Led = Led.OFF
    led_pb2: Led = Led.OFF
    led_status: Led = Led.OFF


SAFE_OUTPUTS = Outputs()


class Board(Protocol):
    """The narrow interface of the hardware; one owner loop uses it.

    `single_source`: supply and charger terminals are joined (the setting of that name).
    """

    single_source: bool

    def read(self, now: float, wall: float) -> Inputs:
        """Scan every input. Never raises for a failing chip: its channels turn stale, then bad.

        `now` is the process clock in seconds, `wall` wall time in seconds since 1970.
        """

    def is_unchanged(self, now: float, band: float) -> bool:
        """Scan every current, voltage and line; True when all is as `read` delivered it last.

        As it was: every chip answers, the lines are the same, no value is further than `band`
        (V or A) away. False says nothing: `read` tells. Never raises for a failing chip.
        """

    def arm(self, k1_on_guard: bool) -> None:
        """From the next `apply` on: whether an edge of the GUARD line to active energises K1 at
        once. The next `read` then says that the guard is active, though it may be over. What
        drives the coils otherwise disarms: `safe`, and no `apply` for 0.5 s."""

    def apply(self, outputs: Outputs, now: float) -> None:
        """Drive every output and give the heartbeat one edge. `now` sets the blink phase.

        Raises BtrmError when a pin cannot be driven.
        """

    def safe(self) -> None:
        """Release every coil and output. Never raises."""

    def findings(self) -> list[str]:
        """One sentence for each thing that is wrong with the hardware now; empty when well."""

    def close(self) -> None:
        """safe(), then release bus and pins."""
