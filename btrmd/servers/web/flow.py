"""The power flow: what feeds what, as the picture on System Status and as a sentence."""

from __future__ import annotations

from typing import Final, NamedTuple

from btrmd.model.points import POINT
from btrmd.model.readings import BAD, GOOD, MISSING
from btrmd.model.snapshot import Snapshot

from .wording import NOTHING

FLOWING_A: Final = 0.05  # below, a current is the sensors' noise
_SPEEDS: Final = ((0.5, 1), (2.0, 2), (6.0, 3))  # A below which the dashes have speed 1, 2, 3
FASTEST: Final = 4
DARK: Final = 0.5  # share of the system voltage below which the load is without power
QUANTITIES: Final = ("voltage", "current")

CLOSED: Final = "closed"
OPEN: Final = "open"
UNKNOWN: Final = "unknown"


class Node(NamedTuple):
    """A box of the picture. `state` on|off|unknown; `values`: (point key, text) written into it."""

    name: str
    label: str
    state: str
    values: tuple[tuple[str, str], ...]


class Flow(NamedTuple):
    """`wires`: name -> speed of its dashes, 0 (still) to 4. `switches`: name -> closed|open|
    unknown. `text` says the same as the picture."""

    nodes: tuple[Node, ...]
    wires: dict[str, int]
    switches: dict[str, str]
    text: str

    def encode(self) -> dict[str, object]:
        """For the stream: what can change."""
        return {
            "nodes": {node.name: node.state for node in self.nodes},
            "wires": self.wires,
            "switches": self.switches,
            "text": self.text,
        }


def make_flow(snapshot: Snapshot) -> Flow:
    """The picture of `snapshot`. What is not known is drawn and said as not known."""
    see = _Sight(snapshot)
    k1, k2, k3 = (see.flag(f"relay.k{i}") for i in (1, 2, 3))
    guard = see.flag("guard.active") is True
    is_dark = see.is_dark()
    switches = {
        "s1": CLOSED if guard else _contact(k1, at_rest=True),
        "s2": CLOSED if guard else _contact(k1, at_rest=False),
        "k2": _contact(k2, at_rest=True),
        "k3": _contact(k3, at_rest=True),
    }
    battery, load = see.number("battery.current"), see.number("load.current")
    supplied = see.number("supply.current")
    discharging = -battery if battery is not None and battery < -FLOWING_A else 0.0
    charging = battery if battery is not None and battery > FLOWING_A else 0.0
    is_fed = switches["s2"] == CLOSED and switches["k3"] == CLOSED
    from_supply = 0.0
    if switches["s1"] == CLOSED and see.flag("supply.present") is not False:
        # The unit lives on the supply too; what moves on this wire goes to the load.
        known = load if supplied is None or see.is_single else supplied
        from_supply = min(known or 0.0, load or 0.0)
    wires = {
        "supply": 0 if is_dark else speed(from_supply),
        "battery": speed(min(discharging, load or 0.0)) if is_fed else 0,
        "charger": speed(charging) if switches["k2"] == CLOSED else 0,
        "load": 0 if is_dark else speed(load),
    }
    states = {
        "supply": see.source("supply.present"),
        "load": {True: "off", False: "on", None: UNKNOWN}[is_dark],
        "charger": see.source("charger.present"),
        "battery": {OPEN: "off", CLOSED: "on"}.get(switches["k3"], UNKNOWN),
    }
    nodes = tuple(
        Node(name, name.capitalize(), state, tuple(see.value(f"{name}.{q}") for q in QUANTITIES))
        for name, state in states.items()
    )
    return Flow(nodes, wires, switches, _say(see, switches, guard, charging, discharging))


def speed(amps: float | None) -> int:
    """How fast the dashes of a wire move at this current."""
    if amps is None or amps < FLOWING_A:
        return 0
    return next((step for below, step in _SPEEDS if amps < below), FASTEST)


def _contact(energised: bool | None, *, at_rest: bool) -> str:
    """A contact's state from its coil; `at_rest`: it is closed without power."""
    if energised is None:
        return UNKNOWN
    return CLOSED if energised != at_rest else OPEN


def _say(
    see: _Sight, switches: dict[str, str], guard: bool, charging: float, discharging: float
) -> str:
    """The picture in one or two sentences."""
    if not see.is_ticking:
        return "The unit does not measure: the picture shows what was last known."
    amps = see.amps("load.current")
    if see.flag("lvd.open") and see.is_dark() is not False:
        return "Load without power: the low-voltage disconnect has taken the battery off it."
    if see.is_dark():
        return "Load without power."
    on_battery, text = _feeder(see, switches, guard)
    if amps:
        text += f", {amps}"
    text += _why(see) if on_battery else ""
    if on_battery:
        return text
    if see.flag("lvd.open"):
        return f"{text}; battery cut off at low voltage"
    if switches["k3"] == OPEN:
        return f"{text}; battery path open"
    if charging:
        return f"{text}; battery charging, {charging:.1f} A"
    if discharging > 0.2:
        return f"{text}; battery gives {discharging:.1f} A"
    return f"{text}; battery at rest" if see.number("battery.current") is not None else text


def _feeder(see: _Sight, switches: dict[str, str], guard: bool) -> tuple[bool, str]:
    """Whether the battery feeds the load, and the sentence's beginning."""
    if guard:
        if see.flag("supply.present") is False:
            return True, "Load fed by battery through the bus guard"
        return False, "Load fed through the bus guard by whatever is there"
    if switches["s2"] == CLOSED:
        return True, "Load fed by battery"
    if switches["s1"] == CLOSED:
        if see.flag("supply.present") is False:
            return False, "Load on the supply, which is not present"
        return False, "Load fed by supply"
    return False, "What feeds the load is not known"


def _why(see: _Sight) -> str:
    """ ", test running 0:42" or what else has moved the load to the battery."""
    state = see.word("test.state")
    if state in ("running", "returning", "proving"):
        elapsed = see.number("test.elapsed")
        minutes = int(elapsed // 60) if elapsed is not None else None
        told = "" if minutes is None else f" {minutes // 60}:{minutes % 60:02}"
        return f", test {state}{told}"
    if see.flag("ups.on_battery"):
        left = see.number("runtime.remaining")
        if left is None:
            return ", supply lost"
        minutes = int(left // 60)
        return f", supply lost, {minutes // 60}:{minutes % 60:02} h left"
    return ""


class _Sight:
    """Values of a snapshot that may be trusted; None for all others."""

    def __init__(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot
        self.is_ticking = snapshot.is_ticking
        self.is_single = snapshot.settings["system.single_source"] is True

    def word(self, key: str) -> object:
        reading = self._snapshot.points.get(key)
        if reading is None or reading.quality is BAD or reading.quality is MISSING:
            return None
        return reading.value

    def flag(self, key: str) -> bool | None:
        value = self.word(key)
        return value if isinstance(value, bool) else None

    def number(self, key: str) -> float | None:
        value = self.word(key)
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        return float(value) if is_number else None  # type: ignore[arg-type]

    def amps(self, key: str) -> str:
        value = self.number(key)
        return "" if value is None else f"{value:.1f} A"

    def is_dark(self) -> bool | None:
        """Whether the load has no power; None when its voltage is not known."""
        reading = self._snapshot.points.get("load.voltage")
        if reading is None or reading.quality is not GOOD:
            return None
        volts = self.number("load.voltage")
        nominal = self._snapshot.settings.integer("system.voltage")
        return None if volts is None else volts < DARK * nominal

    def source(self, key: str) -> str:
        return {True: "on", False: "off", None: UNKNOWN}[self.flag(key)]

    def value(self, key: str) -> tuple[str, str]:
        """A point and how the picture writes it; static/live.js writes the next one."""
        reading = self._snapshot.points.get(key)
        number = self.number(key)
        if reading is None or number is None:
            return key, NOTHING
        text = f"{number:.2f}".removeprefix("-") if abs(number) < 0.005 else f"{number:.2f}"
        note = "" if reading.quality is GOOD else f" {reading.quality.value}"
        return key, f"{text} {POINT[key].unit}{note}"
