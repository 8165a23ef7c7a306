"""Alarms: condition, delay, hysteresis, latch and acknowledge (DESIGN section 3)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from ..model.events import Kind
from ..model.readings import Measurement, Value
from .blocks import Blocks, format_imbalance
from .capacity import CapacityHealth, low_alarm_text
from .context import StepContext
from .digital import Digital
from .flood import NO_FLOOD, Flood, chattering
from .flows import HAT_W
from .guardwatch import GuardWatch
from .lvd import Lvd
from .presence import Presence
from .relations import delivers
from .relaywatch import FAULT_TEXT, RelayWatch
from .relaywatch import NAMES as RELAYS

SUPPRESSION_S = 10.0  # R86: no trap or mail for digital changes so soon after the start
CLEAR_S = 10.0
JUDGED_S = 15.0  # after the start: a reading that still lies has been found again


class Alarm(NamedTuple):
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

    raised: Mapping[str, Alarm] = {}
    pending: Mapping[str, float] = {}
    floods: Mapping[str, Flood] = {}

    @property
    def keys(self) -> tuple[str, ...]:
        return tuple(self.raised)


class AlarmCondition(NamedTuple):
    """What is true of one alarm in this scan. `on` None = nothing can be told: hold everything.

    `off` True only when the clear side (with hysteresis) is reached; neither on nor off holds.
    """

    key: str
    on: bool | None
    off: bool
    delay_s: float
    clear_s: float
    text: str
    value: Value = None
    threshold: float | None = None
    latched: bool = False
    notify: bool = True
    silent: bool = False  # its edges are told by others


def _below(
    key: str, m: Measurement, limit: float, clear: float, delay: float, text: str
) -> AlarmCondition:
    on = m.value < limit if m.good else None
    return AlarmCondition(key, on, m.value > clear, delay, CLEAR_S, text, m.value, limit)


def _above(
    key: str, m: Measurement, limit: float, clear: float, delay: float, text: str
) -> AlarmCondition:
    on = m.value > limit if m.good else None
    return AlarmCondition(key, on, m.value < clear, delay, CLEAR_S, text, m.value, limit)


def _balance(ctx: StepContext) -> AlarmCondition:
    """supply + charger = load + battery + HAT, within 0.2 A + 3 % of the largest.

    The HAT takes between nothing (fed elsewhere) and 4 W, so that a lighter board is no fault.
    """
    inputs = ctx.inputs
    supply, load, battery = inputs.supply_a, inputs.load_a, inputs.battery_a
    charger = inputs.charger_a
    single = ctx.sp.single_source
    known = supply.good and load.good and battery.good and (single or charger.good)
    text = (
        "The currents do not add up: check that Battery- and Load- go to the HAT only, then the "
        "shunts."
    )
    if not known:
        return AlarmCondition("wiring.current_balance", None, False, 60.0, CLEAR_S, text)
    into = 0.0 if single else charger.value
    rest = supply.value + into - load.value - battery.value
    volts = max([m.value for m in (inputs.supply_v, inputs.battery_v) if m.good] or [9.0])
    volts = max(volts, 9.0)  # below it the HAT is off
    largest = max(abs(supply.value), abs(into), abs(load.value), abs(battery.value))
    allowed = 0.2 + 0.03 * largest
    odd = rest < -allowed or rest > HAT_W / volts + allowed
    return AlarmCondition(
        "wiring.current_balance", odd, not odd, 60.0, CLEAR_S, text, round(rest, 3), allowed
    )


class Seen(NamedTuple):
    """What the alarms are made from, besides the scan itself. `reasons`: reading -> why it is not
    believed; `settings_lost`: the settings file was set aside, and nobody has acted on it."""

    presence: Presence
    relays: RelayWatch
    digital: Digital
    health: CapacityHealth
    blocks: Blocks = Blocks()
    lvd: Lvd = Lvd()
    guard: GuardWatch = GuardWatch()
    reasons: Mapping[str, str] = {}
    settings_lost: bool | None = False


def conditions(seen: Seen, ctx: StepContext) -> list[AlarmCondition]:
    """Every alarm's condition in this scan; the order here is the order people see."""
    inputs, th, sp = ctx.inputs, ctx.sp.th, ctx.sp
    presence, health, blocks = seen.presence, seen.health, seen.blocks
    young = ctx.now - ctx.boot < SUPPRESSION_S
    found = [
        AlarmCondition("lvd.open", seen.lvd.is_open, not seen.lvd.is_open, 0.0, 0.0,
                  "The low-voltage disconnect is open: the battery is off the load.", silent=True),
        AlarmCondition(
            "battery.low_capacity", health.low_alarm, not health.low_alarm, 0.0, 0.0,
            low_alarm_text(health), latched=True,
        ),
        _below(
            "battery.low_voltage", ctx.battery, th.low_battery_v, th.low_battery_clear_v,
            10.0, "Low battery voltage.",
        ),
        AlarmCondition(
            "battery.block_imbalance", blocks.is_imbalanced, not blocks.is_imbalanced, 0.0, 0.0,
            format_imbalance(blocks),
        ),
        _source("supply.lost", presence.supply.present, inputs.supply_v,
                th.supply_present_v, 10.0, "The supply is lost.",
                delivers=presence.supply.below_since is None),
        *_guard(seen.guard),
        _above("temperature.high", inputs.temperature, 60.0, 57.0, 60.0,
               "The enclosure is too hot."),
        _above("overcurrent", inputs.load_a, th.overcurrent_a, th.rating_a, 5.0,
               "The load takes more than the unit's rating."),
        _balance(ctx),
        _mismatch(ctx),
        AlarmCondition("storage", not inputs.storage_ok, inputs.storage_ok, 0.0, 0.0,
                  "Results and events cannot be written to storage."),
        AlarmCondition("clock", not inputs.clock_ok, inputs.clock_ok, 0.0, 0.0,
                  "The clock is not set: times in the log are wrong."),
        AlarmCondition("settings.defaults", seen.settings_lost is True, seen.settings_lost is False,
                  0.0, 0.0, SETTINGS_TEXT),
    ]  # fmt: skip
    if not sp.single_source:
        # in bulk the charger's limit pulls its volts down to the battery's: current counts too
        charges = delivers(inputs)
        found.append(
            _source(
                "charger.lost",
                presence.charger.present or charges,
                inputs.charger_v,
                th.charger_present_v,
                60.0,
                "The charger is lost.",
                delivers=charges,
            )
        )
    for key, channel in (("io1", seen.digital.io1), ("io2", seen.digital.io2)):
        tripped = channel.tripped is True
        found.append(
            AlarmCondition(
                key,
                tripped,
                not tripped,
                0.0,
                0.0,
                f"{key.upper()} digital input tripped.",
                notify=not young,
            )
        )
    for name, contact in zip(RELAYS, seen.relays.contacts, strict=True):
        found.append(
            AlarmCondition(f"relay.{name}", contact.faulty, not contact.faulty, 0.0, 0.0,
                      FAULT_TEXT[name], latched=True)
        )  # fmt: skip
    for address, ok in inputs.chips:
        found.append(
            AlarmCondition(f"sensor.{address}", not ok, ok, 10.0, 2.0,
                      f"Chip {address} does not answer or reads nonsense.")
        )  # fmt: skip
    for point, reason in seen.reasons.items():
        found.append(AlarmCondition(f"reading.{point}", True, False, 0.0, 0.0, reason))
    return found


def _guard(guard: GuardWatch) -> tuple[AlarmCondition, AlarmCondition]:
    active = guard.active_since is not None
    return (
        AlarmCondition("guard.active", active and guard.idle_since is None, not active, 60.0, 0.0,
                  "The bus guard has held the load for a minute: the supply alone does not."),
        AlarmCondition("supply.weak", guard.is_weak, not guard.helps, 0.0, 0.0,
                  "The supply is weak: the battery had to help more than three times within an "
                  "hour."),
    )  # fmt: skip


def _source(
    key: str,
    present: bool,
    m: Measurement,
    limit: float,
    delay: float,
    text: str,
    *,
    delivers: bool = False,
) -> AlarmCondition:
    on = m.value < limit and not delivers if m.good else None
    return AlarmCondition(key, on, present, delay, 0.0, text, m.value, limit)


SETTINGS_TEXT = (
    "The settings file was unreadable and set aside: the unit runs on its defaults, also for "
    "mail and traps. Set it up again or import a backup."
)


def _mismatch(ctx: StepContext) -> AlarmCondition:
    m, th = ctx.inputs.battery_v, ctx.sp.th
    on = not th.mismatch_low_v <= m.value <= th.mismatch_high_v if m.good else None
    text = f"The battery does not fit the system voltage of {th.system_v} V."
    return AlarmCondition("system.voltage_mismatch", on, on is False, 60.0, CLEAR_S, text, m.value)


def step_alarms(alarms: Alarms, found: list[AlarmCondition], ctx: StepContext) -> Alarms:
    """Raise what has held for its delay, clear what has been well for its time."""
    raised, pending, floods, now = alarms.raised, alarms.pending, alarms.floods, ctx.now
    for c in found:
        key = c.key
        alarm = raised.get(key)
        if alarm is None:
            if not c.on:
                if c.on is False and key in pending:
                    pending = {k: t for k, t in pending.items() if k != key}
                continue
            since = pending.get(key)
            if since is None:
                since = now
                if c.delay_s > 0.0:
                    pending = {**pending, key: now}
            if now - since < c.delay_s - 1e-6:
                continue
            pending = {k: t for k, t in pending.items() if k != key}
            alarm = Alarm(c.text, ctx.inputs.wall, c.value, c.threshold, c.latched)
            raised = {**raised, key: alarm}
            flood = floods.get(key, NO_FLOOD).come(now)
            floods = {**floods, key: flood}
            if not c.silent:
                text = f"{c.text} {chattering(flood)}" if flood.held else c.text
                ctx.tell(
                    key, Kind.RAISE, text, value=c.value, threshold=c.threshold, notify=c.notify
                )
            continue
        is_news = c.latched and alarm.text != c.text  # a newer test says more
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
        if not flood.held and now - since < c.clear_s - 1e-6:
            if alarm.clearing is None:
                raised = {**raised, key: alarm._replace(clearing=now)}
            continue
        raised = {k: a for k, a in raised.items() if k != key}
        if c.silent:
            continue
        text = f"Cleared: {c.text}"
        if flood.held:
            text += f" It had gone and come {flood.hidden} times more."
        ctx.tell(key, Kind.CLEAR, text, value=c.value, threshold=c.threshold, notify=c.notify)
    gone = raised.keys() - {c.key for c in found} if raised else ()
    for key in gone:  # an alarm whose subject left the configuration, or is believed again
        raised, floods = _left(key, raised, floods, ctx)
    if raised is alarms.raised and pending is alarms.pending and floods is alarms.floods:
        return alarms
    return Alarms(raised, pending, floods)


def _left(
    key: str, raised: Mapping[str, Alarm], floods: Mapping[str, Flood], ctx: StepContext
) -> tuple[Mapping[str, Alarm], Mapping[str, Flood]]:
    """An alarm that has no condition any more: told, unless it comes too often, or was raised
    before a restart and the readings have not been judged for long enough since."""
    is_reading = key.startswith("reading.")
    if is_reading and ctx.now - ctx.boot < JUDGED_S:
        return raised, floods
    flood, may_go = floods.get(key, NO_FLOOD).step(False, ctx.now)
    if not may_go:
        return raised, {**floods, key: flood}
    text = "the readings agree again." if is_reading else "no longer watched."
    ctx.tell(key, Kind.CLEAR, f"Cleared: {text}")
    left = {k: a for k, a in raised.items() if k != key}
    return left, {**floods, key: flood.let_go()} if flood.held else floods


def acknowledge(alarms: Alarms, key: str, source: str, ctx: StepContext) -> Alarms:
    """Mark a raised alarm as seen. The caller knows that `key` is raised."""
    alarm = alarms.raised[key]
    ctx.tell(key, Kind.COMMAND, f"Acknowledged: {alarm.text}", source=source, notify=False)
    return alarms._replace(raised={**alarms.raised, key: alarm._replace(acknowledged=True)})
