"""Alarms: condition, delay, hysteresis, latch and acknowledge (DESIGN section 3)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from ..model.events import Kind
from ..model.readings import Measurement, Value
from .blocks import Blocks, say_imbalance
from .capacity import Health, low_alarm_text
from .desk import Desk
from .digital import Digital
from .presence import Presence
from .relaywatch import FAULT_TEXT, HAT_W, RelayWatch

SUPPRESSION_S = 10.0  # R86: no trap or mail for digital changes so soon after the start
CLEAR_S = 10.0
DELIVERS_A = 0.1  # a charger that gives so much is there, whatever its volts


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
    """`raised` by key, in the order they came; `pending` process clock since a condition holds."""

    raised: Mapping[str, Alarm] = {}
    pending: Mapping[str, float] = {}

    @property
    def keys(self) -> tuple[str, ...]:
        return tuple(self.raised)


class Condition(NamedTuple):
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


def _below(
    key: str, m: Measurement, limit: float, clear: float, delay: float, text: str
) -> Condition:
    on = m.value < limit if m.good else None
    return Condition(key, on, m.value > clear, delay, CLEAR_S, text, m.value, limit)


def _above(
    key: str, m: Measurement, limit: float, clear: float, delay: float, text: str
) -> Condition:
    on = m.value > limit if m.good else None
    return Condition(key, on, m.value < clear, delay, CLEAR_S, text, m.value, limit)


def _balance(desk: Desk) -> Condition:
    """supply + charger = load + battery + HAT, within 0.2 A + 3 % of the largest.

    The HAT takes between nothing (fed elsewhere) and 4 W, so that a lighter board is no fault.
    """
    inputs = desk.inputs
    supply, load, battery = inputs.supply_a, inputs.load_a, inputs.battery_a
    charger = inputs.charger_a
    single = desk.sp.single_source
    known = supply.good and load.good and battery.good and (single or charger.good)
    text = "The currents do not add up: check that Battery- and Load- go to the HAT only."
    if not known:
        return Condition("wiring.current_balance", None, False, 60.0, CLEAR_S, text)
    into = 0.0 if single else charger.value
    rest = supply.value + into - load.value - battery.value
    volts = max([m.value for m in (inputs.supply_v, inputs.battery_v) if m.good] or [9.0])
    volts = max(volts, 9.0)  # below it the HAT is off
    largest = max(abs(supply.value), abs(into), abs(load.value), abs(battery.value))
    allowed = 0.2 + 0.03 * largest
    odd = rest < -allowed or rest > HAT_W / volts + allowed
    return Condition(
        "wiring.current_balance", odd, not odd, 60.0, CLEAR_S, text, round(rest, 3), allowed
    )


def conditions(
    presence: Presence,
    relays: RelayWatch,
    digital: Digital,
    health: Health,
    blocks: Blocks,
    desk: Desk,
) -> list[Condition]:
    """Every alarm's condition in this scan; the order here is the order people see."""
    inputs, th, sp = desk.inputs, desk.sp.th, desk.sp
    young = desk.now - desk.boot < SUPPRESSION_S
    found = [
        Condition(
            "battery.low_capacity", health.low_alarm, not health.low_alarm, 0.0, 0.0,
            low_alarm_text(health), latched=True,
        ),
        _below(
            "battery.low_voltage", inputs.battery_v, th.low_battery_v, th.low_battery_clear_v,
            10.0, "Low battery voltage.",
        ),
        Condition(
            "battery.block_imbalance", blocks.is_imbalanced, not blocks.is_imbalanced, 0.0, 0.0,
            say_imbalance(blocks),
        ),
        _source("supply.lost", presence.supply.present, inputs.supply_v,
                th.supply_present_v, 10.0, "The supply is lost."),
        _above("temperature.high", inputs.temperature, 60.0, 57.0, 60.0,
               "The enclosure is too hot."),
        _above("overcurrent", inputs.load_a, th.overcurrent_a, th.rating_a, 5.0,
               "The load takes more than the unit's rating."),
        _balance(desk),
        _mismatch(desk),
        Condition("storage", not inputs.storage_ok, inputs.storage_ok, 0.0, 0.0,
                  "Results and events cannot be written to storage."),
        Condition("clock", not inputs.clock_ok, inputs.clock_ok, 0.0, 0.0,
                  "The clock is not set: times in the log are wrong."),
    ]  # fmt: skip
    if not sp.single_source:
        # in bulk the charger's limit pulls its volts down to the battery's: current counts too
        delivers = inputs.charger_a.good and inputs.charger_a.value > DELIVERS_A
        found.append(
            _source(
                "charger.lost",
                presence.charger.present or delivers,
                inputs.charger_v,
                th.charger_present_v,
                60.0,
                "The charger is lost.",
                delivers=delivers,
            )
        )
    for key, channel in (("io1", digital.io1), ("io2", digital.io2)):
        tripped = channel.tripped is True
        found.append(
            Condition(key, tripped, not tripped, 0.0, 0.0, f"{key.upper()} digital input tripped.",
                      notify=not young)
        )  # fmt: skip
    for name, contact in (("k1", relays.k1), ("k2", relays.k2), ("k3", relays.k3)):
        found.append(
            Condition(f"relay.{name}", contact.faulty, not contact.faulty, 0.0, 0.0,
                      FAULT_TEXT[name], latched=True)
        )  # fmt: skip
    for address, ok in inputs.chips:
        found.append(
            Condition(f"sensor.{address}", not ok, ok, 10.0, 2.0,
                      f"Chip {address} does not answer or reads nonsense.")
        )  # fmt: skip
    return found


def _source(
    key: str,
    present: bool,
    m: Measurement,
    limit: float,
    delay: float,
    text: str,
    *,
    delivers: bool = False,
) -> Condition:
    on = m.value < limit and not delivers if m.good else None
    return Condition(key, on, present, delay, 0.0, text, m.value, limit)


def _mismatch(desk: Desk) -> Condition:
    m, th = desk.inputs.battery_v, desk.sp.th
    on = not th.mismatch_low_v <= m.value <= th.mismatch_high_v if m.good else None
    text = f"The battery does not fit the system voltage of {th.system_v} V."
    return Condition("system.voltage_mismatch", on, on is False, 60.0, CLEAR_S, text, m.value)


def step_alarms(alarms: Alarms, found: list[Condition], desk: Desk) -> Alarms:
    """Raise what has held for its delay, clear what has been well for its time."""
    raised, pending, now = alarms.raised, alarms.pending, desk.now
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
            alarm = Alarm(c.text, desk.inputs.wall, c.value, c.threshold, c.latched)
            raised = {**raised, key: alarm}
            desk.tell(
                key, Kind.RAISE, c.text, value=c.value, threshold=c.threshold, notify=c.notify
            )
            continue
        if c.on is None or not c.off:
            is_news = c.latched and alarm.text != c.text  # a newer test says more
            if alarm.clearing is not None or is_news:
                raised = {**raised, key: alarm._replace(clearing=None, text=c.text)}
            continue
        since = now if alarm.clearing is None else alarm.clearing
        if now - since < c.clear_s - 1e-6:
            if alarm.clearing is None:
                raised = {**raised, key: alarm._replace(clearing=now)}
            continue
        raised = {k: a for k, a in raised.items() if k != key}
        desk.tell(
            key, Kind.CLEAR, f"Cleared: {c.text}", value=c.value, threshold=c.threshold,
            notify=c.notify,
        )  # fmt: skip
    gone = raised.keys() - {c.key for c in found} if raised else ()
    for key in gone:  # an alarm whose subject left the configuration
        raised = {k: a for k, a in raised.items() if k != key}
        desk.tell(key, Kind.CLEAR, "Cleared: no longer watched.")
    if raised is alarms.raised and pending is alarms.pending:
        return alarms
    return Alarms(raised, pending)


def acknowledge(alarms: Alarms, key: str, source: str, desk: Desk) -> Alarms:
    """Mark a raised alarm as seen. The caller knows that `key` is raised."""
    alarm = alarms.raised[key]
    desk.tell(key, Kind.COMMAND, f"Acknowledged: {alarm.text}", source=source, notify=False)
    return alarms._replace(raised={**alarms.raised, key: alarm._replace(acknowledged=True)})
