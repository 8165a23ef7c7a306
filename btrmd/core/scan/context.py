"""The context of one step: what it has before it, and the list its actions go into."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from ...model.board import Inputs
from ...model.events import Event, Kind
from ...model.readings import Measurement, Value
from .actions import Action, Tell
from .flows import CONDUCTS_A, DIODE_V, Flows, k2_current, measure_flows
from .relations import CHARGER, LOAD
from .setpoints import Setpoints

NO_DOUBTS: Mapping[str, str] = MappingProxyType({})


class StepContext:
    """Lives for one step only, so that the machines stay functions of plain values.

    `now` is the process clock in s, `dt` the seconds since the step before (0 at the first).
    `flows` are those of the scan; `supply_feeds`: the supply feeds the whole load, by all four
    currents, or by those that are left and volts that do not contradict it; `is_belied`: supply and
    load, which it feeds alone in this scan, contradict each other. `battery_is_odd`: the battery's
    reading is not believed. `doubts`: reading -> why it is not believed, or `is_doubtful`: which of
    two lies cannot be told; `jumped`, by place in a scan's four voltages: it has jumped, and
    nothing has vouched for it since. `doubted_s`: for how long the supply alone has fed the load,
    though it cannot be told whether its volts or the load's are wrong; 0 = it does not.
    `is_misfit`: `system.voltage` is known not to be that of bank and supply, so that no limit means
    anything; `is_bank_known`: it is known to be; `earlier_v`: the setting in its place in the file
    before, V, where neither is known to be right (0: none). `charger_still_s`: for how long the
    charger's voltage has read the same to the last digit; `charger_crept_v`: V that it has crept up
    while the charger gives nothing. `steady_s`: for how long charger and battery have leapt no more
    than once; `may_be_above`: the battery's reading is doubted only for reading too low. `s1_held`:
    the guard was active as K1 was energised, and keeps S1 closed until it is not.
    """

    __slots__ = (
        "actions", "battery_is_odd", "boot", "charger_crept_v", "charger_still_s", "doubted_s",
        "doubts", "dt", "earlier_v", "flows", "inputs", "is_bank_known", "is_belied",
        "is_doubtful", "is_misfit", "jumped", "may_be_above", "now", "read_v", "s1_held", "sp",
        "steady_s", "supply_feeds",
    )  # fmt: skip

    def __init__(
        self,
        now: float,
        dt: float,
        boot: float,
        inputs: Inputs,
        sp: Setpoints,
        flows: Flows | None = None,
        supply_feeds: bool = False,
        battery_is_odd: bool = False,
        doubts: Mapping[str, str] = NO_DOUBTS,
        is_doubtful: bool = False,
        jumped: tuple[bool, ...] = (False,) * 4,
        doubted_s: float = 0.0,
        charger_still_s: float = 0.0,
        charger_crept_v: float = 0.0,
        s1_held: bool = False,
        is_belied: bool = False,
    ) -> None:
        self.now = now
        self.dt = dt
        self.boot = boot
        self.inputs = inputs
        self.sp = sp
        self.flows = measure_flows(inputs, sp.single_source) if flows is None else flows
        self.supply_feeds = supply_feeds
        self.battery_is_odd = battery_is_odd
        self.doubts = doubts
        self.is_doubtful = is_doubtful
        self.jumped = jumped
        self.doubted_s = doubted_s
        self.charger_still_s = charger_still_s
        self.charger_crept_v = charger_crept_v
        self.s1_held = s1_held
        self.is_belied = is_belied
        self.is_bank_known = self.is_misfit = False  # until the step has asked
        self.earlier_v = 0
        self.steady_s = float("inf")
        self.may_be_above = False
        self.read_v: tuple[float | None, ...] = (None,) * 4  # the voltages, believed or not
        self.actions: list[Action] = []

    @property
    def battery_by_load(self) -> Measurement | None:
        """The battery's voltage (V) as its load tells it, a diode below; None: it feeds none."""
        load, flows = self.inputs.load_v, self.flows
        if not (flows.carries and flows.uses_battery and load.good):
            return None
        return load._replace(value=load.value + DIODE_V)

    @property
    def battery(self) -> Measurement:
        """The battery's voltage from its own reading, or, where that is not believed, from what
        it is tied to: the load while the battery feeds it, the charger while it delivers."""
        inputs = self.inputs
        own = inputs.battery_v
        if own.good or not self.battery_is_odd:
            return own
        if not self.flows.uses_battery:
            return own  # fuse F2 may have cut it off from both
        by_load = self.battery_by_load
        if by_load is not None and not self.jumped[LOAD]:
            return by_load
        # a charger that has no volts delivers nothing, whatever its current reads
        is_fed = inputs.charger_v.good and inputs.charger_v.value >= self.sp.th.unfed_v
        if self.charges and is_fed and not self.jumped[CHARGER]:
            return inputs.charger_v._replace(value=inputs.charger_v.value - DIODE_V)
        return own

    @property
    def charges(self) -> bool:
        """So much comes by K2 that it ties charger and battery, by all that is known: told by what
        the battery takes where the current of K2 itself is not known."""
        given = k2_current(self.inputs, self.sp.single_source)
        if not given.good:
            taken = self.flows.charge
            return taken is not None and taken > CONDUCTS_A
        return given.value > CONDUCTS_A and self.flows.balanced is not False

    def do(self, action: Action) -> None:
        """Put one action into the tray."""
        self.actions.append(action)

    def tell(
        self,
        key: str,
        kind: Kind,
        text: str,
        *,
        value: Value = None,
        threshold: float | None = None,
        source: str = "core",
        notify: bool = True,
    ) -> None:
        """Write one line of the event log."""
        self.actions.append(
            Tell(
                Event(
                    n=0,
                    at=self.inputs.wall,
                    uptime_s=self.now - self.boot,
                    key=key,
                    kind=kind,
                    value=value,
                    threshold=threshold,
                    source=source,
                    text=text,
                    notify=notify,
                )
            )
        )


def named_readings(inputs: Inputs) -> tuple[tuple[str, Measurement], ...]:
    """What every site measures, in words; the charger's current is missing at a joined source."""
    return (
        ("battery voltage", inputs.battery_v),
        ("battery current", inputs.battery_a),
        ("load voltage", inputs.load_v),
        ("load current", inputs.load_a),
        ("supply voltage", inputs.supply_v),
        ("supply current", inputs.supply_a),
        ("charger voltage", inputs.charger_v),
        ("temperature", inputs.temperature),
    )
