"""The simulated I2C wires: they stand in for smbus2.SMBus and end at register-level chips.

The chips' pins carry what the circuit makes of the plant's terminals: dividers for the voltages,
low-side shunts for the currents, and with them the shunt drop that the board has to correct.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Mapping
from random import Random
from typing import Protocol

from smbus2 import i2c_msg

from ..chips.registry import CURRENT_CHIPS, VOLTAGE_CHIPS
from ..chips.sim_chip import SimChip
from ..chips.sim_tmp102 import SimTmp102
from ..config import HardwareConfig
from .reading_fault import ReadingFault
from .sense import Sense

I2C_M_RD = 0x0001  # linux/i2c.h: the message is a read

# battery and load current lift their terminal's minus above the star ground, supply and charger
# current pulls theirs below it: the divider, which measures from the star ground, sees this
DROP_SIGN = {"battery": 1.0, "load": 1.0, "charger": -1.0, "supply": -1.0}


class PlantLike(Protocol):
    """The part of the plant that the wires need."""

    @property
    def i2c_faults(self) -> Mapping[int, str]: ...

    @property
    def reading_faults(self) -> Mapping[str, ReadingFault]: ...

    @property
    def plant_s(self) -> float: ...

    def sense(self) -> Sense: ...


Error = tuple[float, float]  # gain, offset in A, V or degC: how far a real part is off


class SimWires:
    """smbus2.SMBus without a bus: `read_word_data`, `write_word_data`, `i2c_rdwr`, `close`.

    `errors` gives channels ("current.battery", "voltage.io1", ...) the tolerance of real parts;
    without it every divider and shunt is exact and only the converters' steps remain.
    """

    def __init__(
        self,
        plant: PlantLike,
        config: HardwareConfig,
        errors: Mapping[str, Error] | None = None,
        seed: int = 1,
    ) -> None:
        self._plant = plant
        self._chips: dict[int, SimChip] = {}
        self._powered = True
        self._is_faulty = False  # a chip suffers a fault, or did so until now
        self._well_at: Sense | None = None  # the instant in which every chip was found well
        errors = errors or {}
        random = Random(seed)
        for name, current in config.currents.items():
            scale = current.shunt_ohm * current.sign
            amps = _amps(plant, name, errors.get(f"current.{name}", (1.0, 0.0)), scale)
            self._chips[current.address] = CURRENT_CHIPS[current.chip].twin(
                amps, lambda: plant.plant_s, random, plant.sense
            )
        pins: dict[int, list[Callable[[], float]]] = {}
        for name, voltage in config.voltages.items():
            inputs = pins.setdefault(voltage.address, [_zero] * 4)
            shunt = config.currents[name].shunt_ohm if name in config.currents else 0.0
            error = errors.get(f"voltage.{name}", (1.0, 0.0))
            inputs[voltage.input] = _volts(plant, name, shunt, error, 1.0 / voltage.divider)
        kinds = {voltage.address: voltage.chip for voltage in config.voltages.values()}
        for address, inputs in pins.items():
            twin = VOLTAGE_CHIPS[kinds[address]].twin
            self._chips[address] = twin(inputs, random, plant.sense)
        if config.temperature is not None:
            gain, offset = errors.get("temperature", (1.0, 0.0))
            self._chips[config.temperature] = SimTmp102(
                lambda: (
                    _reported(plant, "system.temperature", plant.sense().temperature_c) * gain
                    + offset
                ),
                random,
            )

    def _chip(self, address: int) -> SimChip:
        """The chip that answers at `address`. Raises OSError 121, as the kernel does."""
        plant = self._plant
        sense = plant.sense()
        known = self._chips.get(address)
        if known is not None and sense is self._well_at and not plant.i2c_faults:
            return known  # forty transactions look at one instant
        powered = sense.powered
        if powered is not self._powered:
            self._powered = powered
            for chip in self._chips.values():
                chip.power_up()
        if known is None or not powered:
            raise OSError(errno.EREMOTEIO, os.strerror(errno.EREMOTEIO))
        if self._is_faulty or plant.i2c_faults:
            self._meddle(address, known, plant.i2c_faults.get(address, "off"))
        self._well_at = None if self._is_faulty else sense
        return known

    def _meddle(self, address: int, chip: SimChip, fault: str) -> None:
        """Let `chip` suffer its fault. Raises OSError 121 for a chip that does not answer."""
        self._is_faulty = bool(self._plant.i2c_faults) or any(
            other.stuck or other.noisy for other in self._chips.values()
        )
        if fault == "nack":
            raise OSError(errno.EREMOTEIO, os.strerror(errno.EREMOTEIO))
        if fault == "stuck":
            if not chip.stuck:
                chip.freeze()
        else:
            chip.stuck = False
        chip.noisy = fault == "noise"

    def read_word_data(self, i2c_addr: int, register: int, force: bool | None = None) -> int:
        """SMBus read word: low byte first, so a big-endian register arrives swapped."""
        value = self._chip(i2c_addr).read(register)
        return (value & 0xFF) << 8 | value >> 8

    def write_word_data(
        self, i2c_addr: int, register: int, value: int, force: bool | None = None
    ) -> None:
        """SMBus write word: low byte first."""
        self._chip(i2c_addr).write(register, (value & 0xFF) << 8 | value >> 8)

    def i2c_rdwr(self, *i2c_msgs: i2c_msg) -> None:
        """Plain I2C messages: a write sets the pointer and, with two more bytes, the register."""
        for message in i2c_msgs:
            chip = self._chip(message.addr)
            if message.flags & I2C_M_RD:
                value = chip.read(chip.pointer)
                content = bytes((value >> 8, value & 0xFF)) * (message.len // 2 + 1)
                for index in range(message.len):
                    message.buf[index] = content[index]
                continue
            content = bytes(message)
            if len(content) >= 3:
                chip.write(content[0], content[1] << 8 | content[2])
            elif content:
                chip.pointer = content[0]

    def close(self) -> None:
        """The wires stay: a bus that is opened again meets the same chips."""


def _zero() -> float:
    return 0.0


def _amps(plant: PlantLike, name: str, error: Error, scale: float) -> Callable[[], float]:
    index = _field(name, "a")
    gain, offset = error
    gain, offset = gain * scale, offset * scale
    sense, key = plant.sense, f"{name}.current"

    def at_shunt() -> float:
        amps: float = sense()[index]  # type: ignore[assignment]
        return (_reported(plant, key, amps) if plant.reading_faults else amps) * gain + offset

    return at_shunt


def _volts(
    plant: PlantLike, name: str, shunt_ohm: float, error: Error, scale: float
) -> Callable[[], float]:
    gain, offset = error
    gain, offset = gain * scale, offset * scale
    sense, key = plant.sense, f"{name}.voltage"
    if name.startswith("io"):
        index = int(name[2:]) - 1
        return lambda: _reported(plant, key, sense().io_v[index]) * gain + offset
    volts, amps = _field(name, "v"), _field(name, "a")
    drop = DROP_SIGN[name] * shunt_ohm

    def at_divider() -> float:
        now = sense()
        at_terminal: float = now[volts]  # type: ignore[assignment]
        if plant.reading_faults:
            at_terminal = _reported(plant, key, at_terminal)
        return (at_terminal + now[amps] * drop) * gain + offset  # type: ignore[operator]

    return at_divider


def _reported(plant: PlantLike, key: str, true: float) -> float:
    """What the channel of point `key` tells of the true value at its terminal."""
    fault = plant.reading_faults.get(key)
    return true if fault is None else fault.tell(true, plant.plant_s)


def _field(name: str, kind: str) -> int:
    return Sense._fields.index(f"{name}_{kind}")
