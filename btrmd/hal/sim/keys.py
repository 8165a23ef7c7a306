"""The keys of `btrmd sim` and of scenario files: what may be changed, in which range, and how."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from math import inf, isfinite
from pathlib import Path
from typing import Any, NamedTuple

from ...model.errors import SettingError
from ...model.value_text import read_number
from .load import HIGHEST_A, read_profile
from .plant import Plant
from .reading_fault import ALLOWED as LIES_ALLOWED
from .reading_fault import POINTS, Lie, ReadingFault, read_lie, true_value
from .replay import read_record

ADDRESSES = (0x40, 0x41, 0x44, 0x45, 0x48, 0x49, 0x4A)
ON = ("1", "on", "true", "yes")
OFF = ("0", "off", "false", "no")
NO_FILE = ("", "off", "none")


class SimKey(NamedTuple):
    """One key: `parse(value, folder)` gives the typed value or None-able file content and raises
    ValueError when it is out of `allowed`; `apply(plant, value)` cannot fail."""

    allowed: str
    parse: Callable[[object, Path], Any]
    apply: Callable[[Plant, Any], None]


def check_keys(raw: Mapping[str, object], folder: Path | None = None) -> dict[str, Any]:
    """Typed values of `raw`, in the order in which they are to be applied.

    Relative paths are taken from `folder` (default: the working directory). Raises SettingError
    naming key, value and allowed range, or a key that is given twice (in another case, or with a
    blank beside it), or DataError for a bad CSV file.
    """
    found: dict[str, Any] = {}
    for written, value in raw.items():
        name = written.strip().lower()
        if name in found:
            raise SettingError(name, value, "one value", f"{name} is given twice.")
        key = KEYS.get(name)
        if key is None:
            allowed = "one of " + ", ".join(KEYS)
            raise SettingError(
                name, value, allowed, f"{name} is no key of the simulation: allowed is {allowed}."
            )
        try:
            found[name] = key.parse(value, folder or Path())
        except _OutOfRangeError:
            raise SettingError(name, value, key.allowed) from None
    return {name: found[name] for name in KEYS if name in found}


def apply_keys(plant: Plant, checked: Mapping[str, Any]) -> None:
    """Carry out what `check_keys` gave."""
    for name, value in checked.items():
        KEYS[name].apply(plant, value)
    plant.touch()


def set_keys(plant: Plant, raw: Mapping[str, object], folder: Path | None = None) -> None:
    """Check, then apply: all or none."""
    apply_keys(plant, check_keys(raw, folder))


def set_key(plant: Plant, key: str, value: object) -> None:
    """One key."""
    set_keys(plant, {key: value})


# --- values --------------------------------------------------------------------------------------


class _OutOfRangeError(ValueError):
    pass


def _switch(value: object, folder: Path) -> bool:
    text = str(value).strip().lower()
    if text in ON:
        return True
    if text in OFF:
        return False
    raise _OutOfRangeError


def _number(low: float, high: float) -> Callable[[object, Path], float]:
    def parse(value: object, folder: Path) -> float:
        if isinstance(value, bool) or not isinstance(value, int | float | str):
            raise _OutOfRangeError
        try:
            number = read_number(value.strip()) if isinstance(value, str) else float(value)
        except (ValueError, OverflowError):
            raise _OutOfRangeError from None
        if not isfinite(number) or not low <= number <= high:
            raise _OutOfRangeError
        return number

    return parse


def _limit(value: object, folder: Path) -> float:
    """Amps, or none for no limit."""
    if isinstance(value, str) and value.strip().lower() == "none":
        return inf
    return _number(0.0, HIGHEST_LIMIT_A)(value, folder)


def _lie(value: object, folder: Path) -> Lie | None:
    text = str(value).strip().lower()
    try:
        return read_lie("off" if text in OFF else text)
    except ValueError:
        raise _OutOfRangeError from None


def _whole(low: int, high: int) -> Callable[[object, Path], int]:
    number = _number(low, high)

    def parse(value: object, folder: Path) -> int:
        found = number(value, folder)
        if found != int(found):
            raise _OutOfRangeError
        return int(found)

    return parse


def _choice(*choices: str) -> Callable[[object, Path], str]:
    def parse(value: object, folder: Path) -> str:
        text = str(value).strip().lower()
        if text in OFF:
            text = "off"
        if text not in choices:
            raise _OutOfRangeError
        return text

    return parse


def _file(read: Callable[[Path], Any]) -> Callable[[object, Path], Any]:
    def parse(value: object, folder: Path) -> Any:
        if isinstance(value, bool) or not isinstance(value, str | Path):
            if value == 0:
                return None
            raise _OutOfRangeError
        if str(value).strip().lower() in NO_FILE:
            return None
        if not _may_be_path(str(value)):
            raise _OutOfRangeError
        return read((folder / value).absolute())

    return parse


def _may_be_path(text: str) -> bool:
    """False for what no file can be called: a NUL in it, or half a character."""
    try:
        return b"\0" not in os.fsencode(text)
    except UnicodeEncodeError:
        return False


# --- what they do --------------------------------------------------------------------------------


def _supply_on(plant: Plant, value: bool) -> None:
    plant.supply.on = value


def _supply_ohms(plant: Plant, value: float) -> None:
    plant.supply.ohms = value


def _supply_limit(plant: Plant, value: float) -> None:
    plant.supply.limit_a = value


def _inrush(plant: Plant, value: float) -> None:
    plant.load.inrush = value


def _supply_volts(plant: Plant, value: float) -> None:
    plant.supply.volts = value


def _load_profile(plant: Plant, value: Any) -> None:
    if value is None:
        plant.load.hold(plant.load.amps)
    else:
        plant.load.play(value, plant.plant_s)


def _rated_ah(plant: Plant, value: float) -> None:
    plant.set_battery(value, plant.battery.soh, plant.temperature_c)


def _soh(plant: Plant, value: float) -> None:
    plant.block_soh.clear()
    plant.remake_bank()
    plant.set_battery(plant.battery.rated_ah, value, plant.temperature_c)


def _block_soh(block: int) -> Callable[[Plant, float], None]:
    def apply(plant: Plant, value: float) -> None:
        plant.block_soh[block] = value
        plant.remake_bank()

    return apply


def _shorted_cells(block: int) -> Callable[[Plant, int], None]:
    def apply(plant: Plant, value: int) -> None:
        plant.shorted_cells[block] = value
        plant.remake_bank()

    return apply


def _temperature(plant: Plant, value: float) -> None:
    plant.set_battery(plant.battery.rated_ah, plant.battery.soh, value)


def _soc(plant: Plant, value: float) -> None:
    plant.battery.set_soc(value)


def _fuse(plant: Plant, value: bool) -> None:
    plant.has_fuse = value


def _bypass(plant: Plant, value: float) -> None:
    plant.load_bypass = value


def _noise(plant: Plant, value: bool) -> None:
    plant.noise = value


def _hang(plant: Plant, value: str) -> None:
    plant.owner_hang = value == "hang"


def _io_volts(index: int) -> Callable[[Plant, float], None]:
    def apply(plant: Plant, value: float) -> None:
        plant.io_v[index] = value

    return apply


def _button(name: str) -> Callable[[Plant, float], None]:
    def apply(plant: Plant, value: float) -> None:
        plant.button_until[name] = plant.plant_s + value

    return apply


def _i2c_fault(address: int) -> Callable[[Plant, str], None]:
    def apply(plant: Plant, value: str) -> None:
        if value == "off":
            plant.i2c_faults.pop(address, None)
        else:
            plant.i2c_faults[address] = value

    return apply


def _reading_fault(point: str) -> Callable[[Plant, Lie | None], None]:
    def apply(plant: Plant, value: Lie | None) -> None:
        if value is None:
            plant.reading_faults.pop(point, None)
        else:
            held = true_value(plant.sense(), point)
            plant.reading_faults[point] = ReadingFault(value, plant.plant_s, held)

    return apply


def _line_fault(line: str) -> Callable[[Plant, str], None]:
    def apply(plant: Plant, value: str) -> None:
        if value == "off":
            plant.line_faults.pop(line, None)
        else:
            plant.line_faults[line] = value == "high"

    return apply


def _relay_fault(name: str) -> Callable[[Plant, str], None]:
    def apply(plant: Plant, value: str) -> None:
        plant.relay_faults[name] = value

    return apply


SWITCH = "0 or 1 (off or on)"
HIGHEST_LIMIT_A = 100.0

# In the order in which keys given together are applied: the bank before what scales with it.
KEYS: dict[str, SimKey] = {
    "battery.blocks": SimKey("1..4 (12 V blocks in series)", _whole(1, 4), Plant.set_blocks),
    "supply.on": SimKey(SWITCH, _switch, _supply_on),
    "supply.volts": SimKey("0..60 V, whole bank", _number(0.0, 60.0), _supply_volts),
    "supply.ohms": SimKey("0..10 ohm in series", _number(0.0, 10.0), _supply_ohms),
    "supply.limit_a": SimKey(
        f"none or 0..{HIGHEST_LIMIT_A:g} A, beyond which its volts collapse", _limit, _supply_limit
    ),
    "charger.on": SimKey(SWITCH, _switch, lambda plant, value: plant.charger.switch(value)),
    "load.amps": SimKey(
        f"0..{HIGHEST_A:g} A",
        _number(0.0, HIGHEST_A),
        lambda plant, value: plant.load.hold(value),
    ),
    "load.inrush": SimKey(
        "1..20 (times the load, for 20 ms at a transfer)", _number(1.0, 20.0), _inrush
    ),
    "load.profile": SimKey(
        "the path of a CSV file with time_s,amps, or off", _file(read_profile), _load_profile
    ),
    "battery.rated_ah": SimKey("1..2000 Ah", _number(1.0, 2000.0), _rated_ah),
    "battery.soh": SimKey("0.05..1.2 (capacity over rating)", _number(0.05, 1.2), _soh),
    **{
        f"battery.block{n}.soh": SimKey(
            "0.05..1.2 (this block's capacity over rating)", _number(0.05, 1.2), _block_soh(n)
        )
        for n in range(1, 5)
    },
    **{
        f"battery.block{n}.shorted_cells": SimKey(
            "0..6 (cells of this block that hold no voltage)", _whole(0, 6), _shorted_cells(n)
        )
        for n in range(1, 5)
    },
    "temperature.c": SimKey("-40..90 °C", _number(-40.0, 90.0), _temperature),
    "battery.soc": SimKey("0..1 (state of charge)", _number(0.0, 1.0), _soc),
    "battery.fuse": SimKey(SWITCH, _switch, _fuse),
    "battery.replay": SimKey(
        "the path of a CSV file with time_s,battery_v,battery_a, or off",
        _file(read_record),
        Plant.play,
    ),
    **{
        f"ch{n}.volts": SimKey("0..60 V", _number(0.0, 60.0), _io_volts(n - 1)) for n in range(1, 5)
    },
    **{
        f"button.{name}": SimKey("0..60 s held from now", _number(0.0, 60.0), _button(name))
        for name in ("pb1", "pb2")
    },
    "wiring.load_bypass": SimKey(
        "0..1 (share of the load's return that misses its shunt)", _number(0.0, 1.0), _bypass
    ),
    "noise": SimKey(SWITCH, _switch, _noise),
    **{
        f"fault.i2c.0x{address:02x}": SimKey(
            "off, nack, stuck or noise",
            _choice("off", "nack", "stuck", "noise"),
            _i2c_fault(address),
        )
        for address in ADDRESSES
    },
    **{
        f"fault.relay.{name}": SimKey(
            "off, welded, open or chatter",
            _choice("off", "welded", "open", "chatter"),
            _relay_fault(name),
        )
        for name in ("k1", "k2", "k3")
    },
    **{
        f"fault.reading.{point}": SimKey(LIES_ALLOWED, _lie, _reading_fault(point))
        for point in POINTS
    },
    **{
        f"fault.{line}": SimKey(
            "off, high or low (what the line tells)",
            _choice("off", "high", "low"),
            _line_fault(line),
        )
        for line in ("guard", "batt_path")
    },
    "fault.owner": SimKey("off or hang", _choice("off", "hang"), _hang),
}
