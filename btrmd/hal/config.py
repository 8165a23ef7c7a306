"""The HAT as data: `hardware.toml`, loaded and validated."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from ..model.errors import ConfigError
from .chips.registry import CURRENT_CHIPS, VOLTAGE_CHIPS

CURRENTS = ("battery", "load", "charger", "supply")
VOLTAGES = (*CURRENTS, "io1", "io2", "io3", "io4")
COILS = ("k1", "k2", "k3")
OUTPUT_PINS = (*COILS, "ch1", "ch2", "led_pb1", "led_pb2", "led_status", "heartbeat")
INPUT_PINS = ("pb1", "pb2", "batt_path", "guard")
FUSES = ("f2_300", "f2_400")

OPENED = "hardware.toml"  # in the run folder: the board file that the running daemon goes by
INSTALLED = Path("/etc/btrm/hardware.toml")
REFERENCE = Path(__file__).resolve().parents[2] / "etc" / "hardware.toml"


class CurrentInput(NamedTuple):
    """One current: I2C address, shunt in ohm, full scale in mV, sign (+1 or -1), kind of chip."""

    address: int
    shunt_ohm: float
    range_mv: int
    sign: int
    chip: str = "ina219"


class VoltageInput(NamedTuple):
    """One ADC input: I2C address, input 0..3, divider ratio (terminal V / pin V), kind of chip."""

    address: int
    input: int
    divider: float
    chip: str = "ads1115"


class Pin(NamedTuple):
    """One GPIO line: BCM number and whether it is active high."""

    gpio: int
    active_high: bool


class HardwareConfig(NamedTuple):
    """A whole HAT. A channel or input pin that is absent from its mapping is not fitted."""

    file: str
    name: str
    version: float  # of the board, as About shows it
    guard: bool
    bus: int
    attempts: int
    timeout_ms: int
    currents: Mapping[str, CurrentInput]
    voltages: Mapping[str, VoltageInput]
    temperature: int | None  # I2C address
    pins: Mapping[str, Pin]
    fuses: Mapping[str, float]


def find_hardware_file(config_dir: Path | None = None) -> Path:
    """The file in force: CONFIG_DIR/hardware.toml, else the installed one, else the reference."""
    candidates = [INSTALLED, REFERENCE]
    if config_dir is not None:
        candidates.insert(0, config_dir / "hardware.toml")
    for path in candidates:
        if path.is_file():
            return path
    raise ConfigError(
        f"No hardware.toml: looked for {', '.join(str(path) for path in candidates)}."
    )


def load_hardware(path: Path) -> HardwareConfig:
    """Read and validate `path`. Raises ConfigError naming file, key, value and what is allowed."""
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror or error}.") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} is not TOML: {error}.") from error
    return parse_hardware(data, str(path))


def parse_hardware(data: Mapping[str, Any], file: str) -> HardwareConfig:
    """Validate the parsed TOML `data`; `file` is named in errors. Raises ConfigError."""
    top = _Table(file, "", data)
    hat, i2c = top.table("hat"), top.table("i2c")
    config = HardwareConfig(
        file=file,
        name=hat.text("name"),
        # files of before the number was kept describe the first board
        version=hat.number("version", 0.01, 999.99) if "version" in hat else 1.0,
        guard=hat.boolean("guard"),
        bus=i2c.integer("bus", 0, 255),
        attempts=i2c.integer("attempts", 1, 10),
        timeout_ms=i2c.integer("timeout_ms", 10, 1000),
        currents={
            name: _current(table) for name, table in top.tables("current", CURRENTS, ()).items()
        },
        voltages={
            name: _voltage(table) for name, table in top.tables("voltage", VOLTAGES, ()).items()
        },
        temperature=top.table("temperature").address() if "temperature" in data else None,
        pins={
            name: _pin(table)
            for name, table in top.tables(
                "pin", OUTPUT_PINS + INPUT_PINS, (*COILS, "heartbeat")
            ).items()
        },
        fuses=_fuses(top.table("fuse")),
    )
    for table in (hat, i2c, top):
        table.refuse_rest()
    _refuse_double_use(config)
    return config


def _current(table: _Table) -> CurrentInput:
    address = table.address(has_more=True)
    shunt = table.number("shunt_ohm", 0.0001, 1.0)
    chip = table.choice("chip", tuple(CURRENT_CHIPS), "ina219")
    ranges = CURRENT_CHIPS[chip].ranges_mv
    range_mv = table.integer("range_mv", ranges[0], ranges[-1])
    if range_mv not in ranges:
        table.refuse("range_mv", range_mv, f"{', '.join(map(str, ranges[:-1]))} or {ranges[-1]}")
    sign = table.integer("sign", -1, 1)
    if sign == 0:
        table.refuse("sign", sign, "1 or -1")
    table.refuse_rest()
    return CurrentInput(address, shunt, range_mv, sign, chip)


def _voltage(table: _Table) -> VoltageInput:
    address = table.address(has_more=True)
    channel = VoltageInput(
        address,
        table.integer("input", 0, 3),
        table.number("divider", 1.0, 1000.0),
        table.choice("chip", tuple(VOLTAGE_CHIPS), "ads1115"),
    )
    table.refuse_rest()
    return channel


def _pin(table: _Table) -> Pin:
    gpio = table.integer("gpio", 0, 27)
    active = table.text("active")
    if active not in ("high", "low"):
        table.refuse("active", active, '"high" or "low"')
    table.refuse_rest()
    return Pin(gpio, active == "high")


def _fuses(table: _Table) -> dict[str, float]:
    fuses = {name: table.number(name, 1.0, 200.0) for name in FUSES}
    table.refuse_rest()
    return fuses


def _refuse_double_use(config: HardwareConfig) -> None:
    """One address, one chip; one ADS1115 input, one channel; one GPIO, one line."""
    users: dict[tuple[str, int], str] = {}

    def claim(kind: str, number: int, key: str, shown: str) -> None:
        other = users.setdefault((kind, number), key)
        if other != key:
            raise ConfigError(f"{config.file}: {key} = {shown} is refused: {other} has it already.")

    for name, current in config.currents.items():
        claim("chip", current.address, f"current.{name}.address", hex(current.address))
    if config.temperature is not None:
        claim("chip", config.temperature, "temperature.address", hex(config.temperature))
    for name, voltage in config.voltages.items():
        claim("chip", voltage.address, f"an {voltage.chip.upper()}", hex(voltage.address))
        number = voltage.address * 4 + voltage.input
        claim("input", number, f"voltage.{name}.input", str(voltage.input))
    for name, pin in config.pins.items():
        claim("gpio", pin.gpio, f"pin.{name}.gpio", str(pin.gpio))


class _Table:
    """One TOML table being read: every key is taken once, what is left over is refused."""

    def __init__(self, file: str, path: str, data: Mapping[str, Any]) -> None:
        self._file = file
        self._path = path
        self._data = data
        self._taken: set[str] = set()

    def refuse(self, key: str, value: object, allowed: str) -> None:
        raise ConfigError(
            f"{self._file}: {self._path}{key} = {value!r} is refused: allowed is {allowed}."
        )

    def _take(self, key: str, allowed: str) -> Any:
        self._taken.add(key)
        if key not in self._data:
            raise ConfigError(f"{self._file}: {self._path}{key} is missing: allowed is {allowed}.")
        return self._data[key]

    def table(self, key: str) -> _Table:
        value = self._take(key, "a table")
        if not isinstance(value, dict):
            self.refuse(key, value, "a table")
        return _Table(self._file, f"{self._path}{key}.", value)

    def tables(
        self, key: str, known: tuple[str, ...], needed: tuple[str, ...]
    ) -> dict[str, _Table]:
        """The sub-tables of `key`: only `known` names, all `needed` ones."""
        group = self.table(key)
        for name in needed:
            group.table(name)
        for name in group._data:
            if name not in known:
                group.refuse(name, group._data[name], f"one of {', '.join(known)}")
        return {name: group.table(name) for name in known if name in group._data}

    def __contains__(self, key: str) -> bool:
        return key in self._data

    def text(self, key: str) -> str:
        value = self._take(key, "text")
        if not isinstance(value, str):
            self.refuse(key, value, "text")
        return str(value)

    def choice(self, key: str, choices: tuple[str, ...], default: str) -> str:
        """One of `choices`; `default` where the key is left out."""
        if key not in self._data:
            self._taken.add(key)
            return default
        value = self.text(key)
        if value not in choices:
            self.refuse(key, value, f"one of {', '.join(choices)}")
        return value

    def boolean(self, key: str) -> bool:
        value = self._take(key, "true or false")
        if not isinstance(value, bool):
            self.refuse(key, value, "true or false")
        return bool(value)

    def integer(self, key: str, low: int, high: int) -> int:
        allowed = f"a whole number {low}..{high}"
        value = self._take(key, allowed)
        if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
            self.refuse(key, value, allowed)
        return int(value)

    def number(self, key: str, low: float, high: float) -> float:
        allowed = f"a number {low:g}..{high:g}"
        value = self._take(key, allowed)
        if not isinstance(value, int | float) or isinstance(value, bool):
            self.refuse(key, value, allowed)
        if not low <= value <= high:  # also catches nan
            self.refuse(key, value, allowed)
        return float(value)

    def address(self, has_more: bool = False) -> int:
        """The table's `address`: 0x08..0x77, the 7-bit addresses I2C leaves to devices. `has_more`:
        other keys of the table are still to be taken."""
        allowed = "an I2C address 0x08..0x77"
        value = self._take("address", allowed)
        if not isinstance(value, int) or isinstance(value, bool) or not 0x08 <= value <= 0x77:
            self.refuse("address", value, allowed)
        if not has_more:
            self.refuse_rest()
        return int(value)

    def refuse_rest(self) -> None:
        for key in self._data:
            if key not in self._taken:
                raise ConfigError(
                    f"{self._file}: {self._path}{key} is not known; known here are "
                    f"{', '.join(sorted(self._taken))}."
                )
