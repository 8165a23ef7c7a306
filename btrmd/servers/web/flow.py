"""The power flow: what feeds what, as the picture on System Status and as a sentence."""

from __future__ import annotations

from typing import Final, NamedTuple

from btrmd.model.points import POINT
from btrmd.model.readings import BAD, GOOD, MISSING
from btrmd.model.snapshot import Snapshot
from btrmd.model.value_text import format_number

from .weak_supply import is_weak
from .wording import NOTHING

FLOWING_A: Final = 0.05  # below, a current is the sensors' noise
GIVES_A: Final = 0.2  # less is the unit's own, and the noise
_SPEEDS: Final = ((0.5, 1), (2.0, 2), (6.0, 3))  # A below which the dashes have speed 1, 2, 3
FASTEST: Final = 4
_VALUES: Final = {
    name: (f"{name}.voltage", f"{name}.current")
    for name in ("supply", "load", "charger", "battery")
}
FLOW_KEYS: Final = frozenset(key for keys in _VALUES.values() for key in keys)

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
    """The picture of `snapshot`. What is not known is drawn and said as not known.

    What feeds the load is the point load.source, for the picture as for the sentence.
    """
    see = _Sight(snapshot)
    k1, k2, k3 = (see.flag(f"relay.k{i}") for i in (1, 2, 3))
    guard = see.flag("guard.active") is True
    source = see.source()
    switches = {
        "s1": CLOSED if guard else _contact(k1, at_rest=True),
        "s2": CLOSED if guard else _contact(k1, at_rest=False),
        "k2": _contact(k2, at_rest=True),
        "k3": _contact(k3, at_rest=True),
    }
    states = {
        "supply": "on" if source in ("supply", "shared") else see.present("supply.present"),
        "load": {"none": "off", None: UNKNOWN}.get(source, "on"),
        "charger": "on" if see.delivers() else see.present("charger.present"),
        "battery": {OPEN: "off", CLOSED: "on"}.get(switches["k3"], UNKNOWN),
    }
    nodes = tuple(
        Node(name, name.capitalize(), state, tuple((key, see.text(key)) for key in _VALUES[name]))
        for name, state in states.items()
    )
    text = _format(see, source, switches, guard, is_weak(snapshot))
    return Flow(nodes, _wires(see, source), switches, text)


def format_flow(key: str, snapshot: Snapshot) -> str:
    """How the picture writes one of FLOW_KEYS: "13.41 V", with a word where it is not good."""
    return _Sight(snapshot).text(key)


def _wires(see: _Sight, source: str | None) -> dict[str, int]:
    """How fast each wire's dashes move; none does while nothing is measured."""
    battery, load = see.number("battery.current"), see.number("load.current") or 0.0
    supplied = see.number("supply.current")
    discharging = -battery if battery is not None and battery < -FLOWING_A else 0.0
    charging = battery if battery is not None and battery > FLOWING_A else 0.0
    # The unit lives on the supply too; what moves on this wire goes to the load.
    from_supply = load if supplied is None or see.is_single else min(supplied, load)
    by_path = {"battery": min(discharging, load), "charger": load}
    by_path["shared"] = max(load - from_supply, 0.0)
    wires = {
        "supply": speed(from_supply) if source in ("supply", "shared") else 0,
        "battery": speed(by_path.get(source or "")),
        "charger": speed(see.number("charger.current") or charging) if see.delivers() else 0,
        "load": speed(load) if source not in (None, "none") else 0,
    }
    return wires if see.is_ticking else dict.fromkeys(wires, 0)


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


def _format(
    see: _Sight, source: str | None, switches: dict[str, str], guard: bool, is_weak: bool
) -> str:
    """The picture in one or two sentences."""
    if not see.is_ticking:
        return "The unit does not measure: the picture shows what was last known."
    if source == "none":
        if see.flag("lvd.open"):
            return "Load without power: the low-voltage disconnect has taken the battery off it."
        return "Load without power."
    battery = see.number("battery.current")
    text = _FED.get(source or "", "What feeds the load is not known")
    if source == "battery" and not see.is_single and see.delivers():
        text += " and charger"
    if guard and source == "battery":
        text += " through the bus guard"
    amps = see.amps("load.current")
    if amps:
        text += f", {amps}"
    if source in ("battery", "charger"):
        return text + _why(see, is_weak)
    if see.flag("lvd.open"):
        weak = ", the supply is too weak" if is_weak else ""
        return f"{text}; battery cut off at low voltage{weak}"
    if source == "shared":
        return f"{text}; the supply alone does not carry it"
    if switches["k3"] == OPEN:
        return f"{text}; battery path open"
    if battery is None:
        return text
    if battery > FLOWING_A:
        return f"{text}; battery charging, {format_number(battery, 1, 'A')}"
    if battery < -GIVES_A:
        return f"{text}; battery gives {format_number(-battery, 1, 'A')}"
    return f"{text}; battery at rest"


_FED: Final = {
    "supply": "Load fed by supply",
    "battery": "Load fed by battery",
    "charger": "Load fed by the charger over the battery's path",
    "shared": "Load fed by supply and battery together",
}


def _why(see: _Sight, is_weak: bool) -> str:
    """ ", test running 0:42" or what else has moved the load to the battery; of a supply that is
    there without having needed help, or is not known, nothing is said."""
    state = see.word("test.state")
    if state in ("running", "returning", "proving"):
        elapsed = see.number("test.elapsed")
        minutes = int(elapsed // 60) if elapsed is not None else None
        reported = "" if minutes is None else f" {minutes // 60}:{minutes % 60:02}"
        return f", test {state}{reported}"
    if see.flag("ups.on_battery"):
        is_lost = see.flag("supply.present") is False or see.flag("supply.lost") is True
        why = ", supply too weak" if is_weak else ", supply lost" if is_lost else ""
        left = see.number("runtime.remaining")
        if left is None:
            return why
        minutes = int(left // 60)
        return f"{why}, {minutes // 60}:{minutes % 60:02} h left"
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
        return "" if value is None else format_number(max(value, 0.0), 1, "A")

    def source(self) -> str | None:
        """What feeds the load; None where it is not known."""
        value = self.word("load.source")
        return value if isinstance(value, str) else None

    def delivers(self) -> bool:
        """Whether the charger gives current, whatever its volts say."""
        into = self.number("charger.current")
        if into is None:
            battery = self.number("battery.current")
            return battery is not None and battery > FLOWING_A
        return into > FLOWING_A

    def present(self, key: str) -> str:
        return {True: "on", False: "off", None: UNKNOWN}[self.flag(key)]

    def text(self, key: str) -> str:
        """How the picture writes a point."""
        reading = self._snapshot.points.get(key)
        number = self.number(key)
        if reading is None or number is None:
            return NOTHING
        text = format_number(number, 2, POINT[key].unit)
        return text if reading.quality is GOOD else f"{text} {reading.quality.value}"
