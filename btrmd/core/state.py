"""The state of the station between two steps: one frozen value, machine by machine."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

from ..model.alarms import SETTINGS_LOST
from ..model.board import SAFE_OUTPUTS, Outputs
from ..model.schedule import StartRefusal
from ..model.settings import Settings
from .capacity_test.state import IDLE, CapacityTest
from .losses import without
from .machines.alarms import Alarms
from .machines.bank_fit import BankFit
from .machines.blocks import Blocks
from .machines.buttons import Buttons
from .machines.capacity import CapacityHealth
from .machines.charge import ChargeBalance
from .machines.digital import Digital
from .machines.float_time import FloatTime
from .machines.flood import NO_FLOOD, Flood
from .machines.guardwatch import GuardWatch
from .machines.lvd import Lvd
from .machines.onbattery import OnBattery
from .machines.plausible_state import Plausible
from .machines.presence import Presence
from .machines.relaywatch import RelayWatch
from .machines.schedule import Schedule
from .machines.selftest import SelfTest
from .machines.transfer import Transfer, Where
from .outage import NO_OUTAGE, Outage
from .scan.due import EVERY_SCAN, NO_TIME, Machine
from .scan.setpoints import Setpoints


class State(NamedTuple):
    """`boot`: process clock at start. `outputs`: what is in force since the step before;
    `k1_on_guard`: K1 is to be energised at once if the bus guard closes before the next step.
    `load_unproven`: the load was last not seen on the supply when it took enough to be seen.

    `next_n`: the number the next test or outage gets. `last_reason`: the sentence of the last
    refusal or end of a test. `restart_at`: process clock of a restart that was asked for;
    `protocol_start` of the last start of a test by a protocol. `outages`: how often the battery had
    to feed the load within the last hour; `chatter` the same of what guard and K1 have done, by
    key. `settings_seen`: somebody has acted on settings that were lost. `losses`: what the disk has
    lost, a text by the key of the alarm that says so, until somebody acts on it.
    `has_settings_file`: there is one, whose absence at the next start is a loss.
    `replaced_after`: the last discharge of the battery before this one, 0 = there was none;
    `replaced_at` wall time s of the replacement. `refusal`: the last start that was refused, None
    once a test has begun. `unsolicited`: as a DNP3 master has switched it, None = as the settings
    say.
    """

    setpoints: Setpoints
    boot: float
    last_now: float
    outputs: Outputs = SAFE_OUTPUTS
    k1_on_guard: bool = False
    load_unproven: bool = False
    selftest: SelfTest = SelfTest()
    plausible: Plausible = Plausible()
    presence: Presence = Presence()
    bank_fit: BankFit = BankFit()
    float_time: FloatTime = FloatTime()
    charge: ChargeBalance = ChargeBalance()
    blocks: Blocks = Blocks()
    digital: Digital = Digital()
    relays: RelayWatch = RelayWatch()
    transfer: Transfer = Transfer()
    lvd: Lvd = Lvd()
    test: CapacityTest = IDLE
    outage: Outage = NO_OUTAGE
    health: CapacityHealth = CapacityHealth()
    schedule: Schedule = Schedule()
    alarms: Alarms = Alarms()
    buttons: Buttons = Buttons()
    guard: GuardWatch = GuardWatch()
    battery_use: OnBattery = OnBattery()
    outages: Flood = NO_FLOOD
    chatter: Mapping[str, Flood] = {}
    settings_seen: bool = False
    losses: Mapping[str, str] = {}
    has_settings_file: bool = False
    unsolicited: bool | None = None
    next_n: int = 1
    carried_from: int | None = None
    last_reason: str = ""
    restart_at: float | None = None
    restart_source: str = ""
    protocol_start: float = float("-inf")
    replaced_after: int = 0
    replaced_at: float | None = None
    refusal: StartRefusal | None = None

    def put(self, **fields: object) -> State:
        """The same with other `fields`: `_replace` in a third of the time, three times a scan."""
        values: list[object] = [*self]
        for name, value in fields.items():
            values[_PLACE[name]] = value
        return tuple.__new__(State, values)

    @property
    def on_battery(self) -> bool:
        """The battery feeds the load outside a test."""
        return self.battery_use.on

    @property
    def may_discharge(self) -> bool:
        """The battery may feed the load, LVD apart: UPS mode is on, or a test, or what followed
        from a test or an outage, has not yet given the load back."""
        held = self.test.is_on or self.transfer.carried or self.transfer.where is not Where.SUPPLY
        return self.setpoints.ups_enabled or held

    @property
    def in_outage(self) -> bool:
        """An outage lasts: the battery feeds the load, or the supply has just taken it back and is
        watched. The record of outages that come too often stays open between them."""
        is_watched = self.transfer.where is Where.RETURNED
        return self.outage.record is not None and (self.on_battery or is_watched)

    def next_due(self, now: float) -> float:
        """Process clock of the scan that the first of its machines wants to see, which looked at
        all up to `now`; -inf: every scan. Another scan may go unseen if it tells nothing new."""
        if self.outputs.k1 or self.outputs.k2:
            return EVERY_SCAN
        due = NO_TIME if self.restart_at is None else self.restart_at
        for place in _MACHINES:
            machine: Machine = self[place]  # type: ignore[assignment]  # found by its `next_due`
            due = min(due, machine.next_due(now))
        return due

    def settings_lost(self, settings_ok: bool) -> bool | None:
        """True: some are at their defaults unasked; False: somebody has acted on it; None: as it
        was."""
        if self.settings_seen:
            return False
        return None if settings_ok else True


_PLACE: Final = {name: place for place, name in enumerate(State._fields)}
_MACHINES: Final = tuple(
    place
    for place, name in enumerate(State._fields)
    if hasattr(State._field_defaults.get(name), "next_due")
)


def with_settings(state: State, settings: Settings) -> State:
    """The state under these settings, which somebody has changed if they are others."""
    if state.setpoints.settings is settings:
        return state
    key = "dnp3.unsolicited"  # set or taken away it overrules what a master has switched
    is_same = state.setpoints.settings.get(key) == settings.get(key)
    return state._replace(
        setpoints=Setpoints.of(settings),
        settings_seen=True,
        has_settings_file=True,
        losses=without(state.losses, SETTINGS_LOST),
        unsolicited=state.unsolicited if is_same else None,
    )


def new_state(setpoints: Setpoints, now: float) -> State:
    """The state at the daemon's start, before anything is restored."""
    return State(
        setpoints=setpoints, boot=now, last_now=now, selftest=SelfTest(started=now),
        transfer=Transfer(since=now),
    )  # fmt: skip
