"""Alarms: condition, delay, hysteresis, latch and acknowledge (DESIGN section 3)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Final, NamedTuple

from ...model.alarms import ALARM, ALARMS, HISTORY_LOST, SETTINGS_LOST, Alarm, subject_of
from ...model.events import Kind
from ...model.readings import Measurement, Value
from ..scan.context import StepContext
from ..scan.due import due_if
from ..scan.flows import CHARGES_A, hat_amps
from ..scan.relations import delivers
from .bank_fit import load_fits, what_is_seen
from .blocks import Blocks, format_imbalance
from .capacity import CapacityHealth, low_alarm_text
from .digital import Digital, limit_v
from .flood import NO_FLOOD, Flood, chattering
from .guardwatch import GuardWatch
from .lvd import Lvd
from .presence import Presence
from .relaywatch import NAMES as RELAYS
from .relaywatch import Contact, RelayWatch

SUPPRESSION_S = 10.0  # R86: no trap or mail for digital changes so soon after the start
HOT_C, HOT_CLEAR_C = 60.0, 57.0
SINKS = (
    "The load has been too low for a minute: the supply does not hold it alone, the bus guard has "
    "closed, and the battery path is open."
)
BELIED = "The reading that said so is not believed."
JUDGED_S = 15.0  # after the start: a reading that still lies has been found again


class RaisedAlarm(NamedTuple):
    """One raised alarm. `since` wall time s; `clearing` process clock since when it may clear."""

    text: str
    since: float
    value: Value = None
    threshold: float | None = None
    latched: bool = False
    acknowledged: bool = False
    clearing: float | None = None


class Alarms(NamedTuple):
    """`raised` by key, in the order they came; `pending` process clock since a condition holds;
    `floods` how often each has come within the last hour."""

    raised: Mapping[str, RaisedAlarm] = {}
    pending: Mapping[str, float] = {}
    floods: Mapping[str, Flood] = {}

    @property
    def keys(self) -> tuple[str, ...]:
        return tuple(self.raised)

    def next_due(self, now: float) -> float:
        """Every scan while one is about to come or to go."""
        return due_if(
            bool(self.pending) or any(alarm.clearing is not None for alarm in self.raised.values())
        )


class AlarmCondition(NamedTuple):
    """What is true of one alarm in this scan. `on` None = nothing can be told: hold everything.

    `off` True only when the clear side (with hysteresis) is reached; neither on nor off holds.
    """

    key: str
    alarm: Alarm
    on: bool | None
    off: bool
    text: str
    value: Value = None
    threshold: float | None = None
    notify: bool = True


class Seen(NamedTuple):
    """What the alarms are made from, besides the scan itself. `reasons`: reading -> why it is not
    believed; `settings_lost`: some are at their defaults unasked, and nobody has acted on it;
    `losses`: what the disk has lost, by alarm, and nobody has acted on."""

    presence: Presence
    relays: RelayWatch
    digital: Digital
    health: CapacityHealth
    blocks: Blocks = Blocks()
    lvd: Lvd = Lvd()
    guard: GuardWatch = GuardWatch()
    reasons: Mapping[str, str] = {}
    settings_lost: bool | None = False
    losses: Mapping[str, str] = {}


Conditions = Sequence[AlarmCondition]
# Most of what is asked in each scan is a flag that is off: made once.
_OFF: Final = {
    alarm.key: (AlarmCondition(alarm.key, alarm, False, True, alarm.text),) for alarm in ALARMS
}
_QUIET: Final = {key: (off._replace(notify=False),) for key, (off,) in _OFF.items()}


def _flag(alarm: Alarm, on: bool, text: str = "") -> Conditions:
    """It is on, or it is off."""
    if on:
        return (AlarmCondition(alarm.key, alarm, True, False, text or alarm.text),)
    return _OFF[alarm.key] if not text or text == alarm.text else _off_with(alarm.key, text)


@lru_cache(maxsize=16)  # what was said last of the battery's capacity and of its blocks
def _off_with(key: str, text: str) -> Conditions:
    return (AlarmCondition(key, ALARM[key], False, True, text),)


def _lvd(alarm: Alarm, seen: Seen, ctx: StepContext) -> Conditions:
    return _flag(alarm, seen.lvd.is_open)


def _low_capacity(alarm: Alarm, seen: Seen, ctx: StepContext) -> Conditions:
    return _flag(alarm, seen.health.low_alarm, low_alarm_text(seen.health))


def _low_voltage(alarm: Alarm, seen: Seen, ctx: StepContext) -> Conditions:
    m, th = ctx.battery, ctx.sp.th
    on = m.value < th.low_battery_v if m.good else None
    off, text = m.value > th.low_battery_clear_v, alarm.text
    if ctx.is_misfit:
        on, off = False, True  # the level is that of another bank, which has an alarm of its own
    elif on and what_is_seen(ctx) is False:
        on = None  # which takes 10 s to be known
    elif on is None and ctx.battery_is_odd:
        on, off, text = False, True, f"{alarm.text} {BELIED}"  # by that reading, if it was told
    return (AlarmCondition(alarm.key, alarm, on, off, text, m.value, th.low_battery_v),)


def _imbalance(alarm: Alarm, seen: Seen, ctx: StepContext) -> Conditions:
    return _flag(alarm, seen.blocks.is_imbalanced, format_imbalance(seen.blocks))


def _source(
    alarm: Alarm, present: bool, delivers: bool, m: Measurement, limit: float,
    is_silent: bool = False,
) -> Conditions:  # fmt: skip
    """Without a good voltage its current tells: `is_silent`, it gives nothing though it should."""
    on: bool | None = m.value < limit and not delivers
    if not m.good:
        on = None  # not known
        if is_silent or present:
            on = is_silent
    value = m.value if m.good else None
    return (AlarmCondition(alarm.key, alarm, on, present, alarm.text, value, limit),)


def _supply(alarm: Alarm, seen: Seen, ctx: StepContext) -> Conditions:
    supply = seen.presence.supply
    delivers = supply.below_since is None
    # whatever its volts: one that S1 ties to a load that the battery feeds, and gives nothing
    amps, s1_closed = ctx.inputs.supply_a, not seen.relays.k1.energised
    is_silent = amps.good and amps.value <= CHARGES_A and s1_closed and ctx.flows.discharges
    limit = ctx.sp.th.supply_present_v
    return _source(alarm, supply.present, delivers, ctx.inputs.supply_v, limit, is_silent)


def _charger(alarm: Alarm, seen: Seen, ctx: StepContext) -> Conditions:
    if ctx.sp.single_source:
        return ()
    # In bulk the charger's limit pulls its volts down to the battery's: current counts too.
    charges = delivers(ctx.inputs, ctx.sp)
    present = seen.presence.charger.present or charges
    # Whatever its volts: one that gives nothing while the battery is discharged is not there.
    amps = ctx.inputs.charger_a
    is_silent = amps.good and not charges and ctx.flows.discharges and not seen.relays.k2.energised
    return _source(
        alarm, present, charges, ctx.inputs.charger_v, ctx.sp.th.charger_present_v, is_silent
    )


def _guard(alarm: Alarm, seen: Seen, ctx: StepContext) -> Conditions:
    if seen.guard.active_since is None:
        return _OFF[alarm.key]
    on = seen.guard.idle_since is None
    text = SINKS if seen.guard.path_open else alarm.text
    return (AlarmCondition(alarm.key, alarm, on, False, text),)


def _weak(alarm: Alarm, seen: Seen, ctx: StepContext) -> Conditions:
    if not seen.guard.helps:
        return _OFF[alarm.key]
    return (AlarmCondition(alarm.key, alarm, seen.guard.is_weak, not seen.guard.helps, alarm.text),)


def _above(alarm: Alarm, m: Measurement, limit: float, clear: float) -> Conditions:
    on = m.value > limit if m.good else None
    return (AlarmCondition(alarm.key, alarm, on, m.value < clear, alarm.text, m.value, limit),)


def _hot(alarm: Alarm, seen: Seen, ctx: StepContext) -> Conditions:
    return _above(alarm, ctx.inputs.temperature, HOT_C, HOT_CLEAR_C)


def _overcurrent(alarm: Alarm, seen: Seen, ctx: StepContext) -> Conditions:
    return _above(alarm, ctx.inputs.load_a, ctx.sp.th.overcurrent_a, ctx.sp.th.rating_a)


def _balance(alarm: Alarm, seen: Seen, ctx: StepContext) -> Conditions:
    """supply + charger = load + battery + HAT, within 0.2 A + 3 % of the largest.

    The HAT takes between nothing (fed elsewhere) and 4 W, so that a lighter board is no fault.
    """
    inputs = ctx.inputs
    supply, load, battery = inputs.supply_a, inputs.load_a, inputs.battery_a
    charger = inputs.charger_a
    single = ctx.sp.single_source
    known = supply.good and load.good and battery.good and (single or charger.good)
    if not known:
        return (AlarmCondition(alarm.key, alarm, None, False, alarm.text),)
    into = 0.0 if single else charger.value
    left = supply.value + into - load.value - battery.value
    largest = max(abs(supply.value), abs(into), abs(load.value), abs(battery.value))
    allowed = 0.2 + 0.03 * largest
    odd = left < -allowed or left > hat_amps(inputs) + allowed
    return (AlarmCondition(alarm.key, alarm, odd, not odd, alarm.text, round(left, 3), allowed),)


def _mismatch(alarm: Alarm, seen: Seen, ctx: StepContext) -> Conditions:
    m, th = ctx.inputs.battery_v, ctx.sp.th
    on = not th.mismatch_low_v <= m.value <= th.mismatch_high_v if m.good else None
    if ctx.is_misfit:  # within the limits, but another choice fits battery and supply better
        on = True
    elif (on is None and ctx.battery_is_odd) or (on and load_fits(ctx)):
        on = False
    shown = m.value if m.good else None
    return (AlarmCondition(alarm.key, alarm, on, on is False, _misfit_text(th.system_v), shown),)


@lru_cache(maxsize=4)  # the four choices
def _misfit_text(system_v: int) -> str:
    return f"The battery does not fit the system voltage of {system_v} V."


def _storage(alarm: Alarm, seen: Seen, ctx: StepContext) -> Conditions:
    if alarm.key in seen.losses:  # the latched alarms are gone with it
        return (AlarmCondition(alarm.key, alarm, True, False, seen.losses[alarm.key]),)
    return _flag(alarm, not ctx.inputs.storage_ok)


def _clock(alarm: Alarm, seen: Seen, ctx: StepContext) -> Conditions:
    return _flag(alarm, not ctx.inputs.clock_ok)


def _settings(alarm: Alarm, seen: Seen, ctx: StepContext) -> Conditions:
    lost = seen.settings_lost
    if lost is False:
        return _OFF[alarm.key]
    text = seen.losses.get(alarm.key, alarm.text)
    return (AlarmCondition(alarm.key, alarm, lost is True, False, text),)


def _digital(alarm: Alarm, seen: Seen, ctx: StepContext) -> Conditions:
    """A digital input, told with the channel's volts and the limit they have passed."""
    is_first = alarm.key == "io1"
    channel = seen.digital.io1 if is_first else seen.digital.io2
    volts = ctx.inputs.io1_v if is_first else ctx.inputs.io2_v
    is_young = ctx.now - ctx.boot < SUPPRESSION_S
    tripped, limit = channel.tripped is True, limit_v(channel)
    if limit is None and not tripped:
        return (_QUIET if is_young else _OFF)[alarm.key]  # nearly always: no digital input
    text, value = alarm.text, None
    if limit is not None and volts.good:
        value = round(volts.value, 2)
        text += f" {value:.2f} V, limit {limit:g} V."
    condition = AlarmCondition(
        alarm.key, alarm, tripped, not tripped, text, value, limit, notify=not is_young
    )
    return (condition,)


def _relay(alarm: Alarm, seen: Seen, ctx: StepContext) -> Conditions:
    contact: Contact = seen.relays[_RELAY[alarm.key]]  # type: ignore[assignment]
    return _flag(alarm, contact.faulty)


_RELAY: Final = {f"relay.{name}": RelayWatch._fields.index(name) for name in RELAYS}


def _sensors(alarm: Alarm, seen: Seen, ctx: StepContext) -> Conditions:
    return [_chip(address, ok) for address, ok in ctx.inputs.chips]


@lru_cache(maxsize=64)  # eight chips, well or not
def _chip(address: str, ok: bool) -> AlarmCondition:
    text = f"Chip {address} does not answer or reads nonsense."
    return AlarmCondition(f"sensor.{address}", ALARM["sensor."], not ok, ok, text)


def _readings(alarm: Alarm, seen: Seen, ctx: StepContext) -> Conditions:
    if not seen.reasons:
        return ()  # nearly always
    return [
        AlarmCondition(f"reading.{point}", alarm, True, False, reason)
        for point, reason in seen.reasons.items()
    ]


_MADE: Final[Mapping[str, Callable[[Alarm, Seen, StepContext], Conditions]]] = {
    "lvd.open": _lvd,
    "battery.low_capacity": _low_capacity,
    "battery.low_voltage": _low_voltage,
    "battery.block_imbalance": _imbalance,
    "supply.lost": _supply,
    "guard.active": _guard,
    "supply.weak": _weak,
    "temperature.high": _hot,
    "overcurrent": _overcurrent,
    "wiring.current_balance": _balance,
    "system.voltage_mismatch": _mismatch,
    "storage": _storage,
    "clock": _clock,
    "settings.defaults": _settings,
    "charger.lost": _charger,
    "io1": _digital,
    "io2": _digital,
    "relay.k1": _relay,
    "relay.k2": _relay,
    "relay.k3": _relay,
    "sensor.": _sensors,
    "reading.": _readings,
}


def check_conditions(declared: Iterable[str], made: Iterable[str]) -> None:
    """Raises ValueError for an alarm that nothing raises, and for a condition of no alarm."""
    odd = set(declared) ^ set(made)
    if odd:
        raise ValueError(f"Declared without a condition, or the other way: {sorted(odd)}.")


check_conditions(ALARM, _MADE)
_ORDER: Final = tuple((alarm, _MADE[alarm.key]) for alarm in ALARMS)


def conditions(seen: Seen, ctx: StepContext) -> list[AlarmCondition]:
    """Every alarm's condition in this scan; the order here is the order people see."""
    found: list[AlarmCondition] = []
    for alarm, make in _ORDER:
        found += make(alarm, seen, ctx)
    return found


def step_alarms(alarms: Alarms, found: list[AlarmCondition], ctx: StepContext) -> Alarms:
    """Raise what has held for its delay, clear what has been well for its time."""
    raised, pending, floods, now = alarms.raised, alarms.pending, alarms.floods, ctx.now
    for c in found:
        key = c.key
        if c.on is False and key not in raised and key not in pending:
            continue  # nearly always
        alarm = raised.get(key)
        if alarm is None:
            if not c.on:
                if c.on is False and key in pending:
                    pending = {k: t for k, t in pending.items() if k != key}
                continue
            since = pending.get(key)
            if since is None:
                since = now
                if c.alarm.delay_s > 0.0:
                    pending = {**pending, key: now}
            if now - since < c.alarm.delay_s - 1e-6:
                continue
            pending = {k: t for k, t in pending.items() if k != key}
            alarm = RaisedAlarm(c.text, ctx.inputs.wall, c.value, c.threshold, c.alarm.latched)
            raised = {**raised, key: alarm}
            flood = floods.get(key, NO_FLOOD).come(now)
            floods = {**floods, key: flood}
            if not c.alarm.is_silent:
                text = f"{c.text} {chattering(flood)}" if flood.held else c.text
                ctx.tell(
                    key, Kind.RAISE, text, value=c.value, threshold=c.threshold, notify=c.notify
                )
            continue
        is_news = c.alarm.latched and alarm.text != c.text  # a newer test says more
        if is_news:
            alarm = alarm._replace(text=c.text)
            raised = {**raised, key: alarm}
        flood = floods.get(key, NO_FLOOD)
        if flood.held:
            made, may_go = flood.step(c.on is None or not c.off, now)
            if made is not flood:
                floods = {**floods, key: made}
            if not may_go:
                continue
            floods = {**floods, key: flood.let_go()}
        elif c.on is None or not c.off:
            if alarm.clearing is not None:
                raised = {**raised, key: alarm._replace(clearing=None)}
            continue
        since = now if alarm.clearing is None else alarm.clearing
        if not flood.held and now - since < c.alarm.clear_s - 1e-6:
            if alarm.clearing is None:
                raised = {**raised, key: alarm._replace(clearing=now)}
            continue
        raised = {k: a for k, a in raised.items() if k != key}
        if c.alarm.is_silent:
            continue
        # what was lost is lost: whoever acknowledges it clears what was told
        text = f"Cleared: {alarm.text if key in (SETTINGS_LOST, HISTORY_LOST) else c.text}"
        if flood.held:
            text += f" It had gone and come {flood.hidden} times more."
        ctx.tell(key, Kind.CLEAR, text, value=c.value, threshold=c.threshold, notify=c.notify)
    known = {c.key for c in found} if raised else set()
    # an alarm whose subject left the configuration, or is believed again; in the order of raising
    for key in [key for key in raised if key not in known]:
        raised, floods = _left(key, raised, floods, ctx)
    if raised is alarms.raised and pending is alarms.pending and floods is alarms.floods:
        return alarms
    return Alarms(raised, pending, floods)


def _left(
    key: str, raised: Mapping[str, RaisedAlarm], floods: Mapping[str, Flood], ctx: StepContext
) -> tuple[Mapping[str, RaisedAlarm], Mapping[str, Flood]]:
    """An alarm that has no condition any more: told, unless it comes too often, or was raised
    before a restart and the readings have not been judged for long enough since."""
    is_reading = key.startswith("reading.")
    if is_reading and ctx.now - ctx.boot < JUDGED_S:
        return raised, floods
    flood, may_go = floods.get(key, NO_FLOOD).step(False, ctx.now)
    if not may_go:
        return raised, {**floods, key: flood}
    text = f"{subject_of(key)}: the readings agree again." if is_reading else "no longer watched."
    ctx.tell(key, Kind.CLEAR, f"Cleared: {text}")
    left = {k: a for k, a in raised.items() if k != key}
    return left, {**floods, key: flood.let_go()} if flood.held else floods


def acknowledge(alarms: Alarms, key: str, source: str, ctx: StepContext) -> Alarms:
    """Mark a raised alarm as seen. The caller knows that `key` is raised."""
    alarm = alarms.raised[key]
    ctx.tell(key, Kind.COMMAND, f"Acknowledged: {alarm.text}", source=source, notify=False)
    return alarms._replace(raised={**alarms.raised, key: alarm._replace(acknowledged=True)})
