"""Persist: the part of the state that outlives a restart, as plain JSON values."""

from __future__ import annotations

from collections.abc import Mapping
from math import isfinite, isnan, nan

from ..model.discharge import Capacity, TestRecord, TestState
from ..model.thresholds import SYSTEM_VOLTAGES
from ..model.value_text import CLOCK_SANE_S
from . import losses
from .capacity_test.state import CapacityTest
from .durable import durable
from .machines.alarms import Alarms, RaisedAlarm
from .machines.bank_fit import BankFit, fit_of_file
from .machines.blocks import Blocks
from .machines.charge import after_gap
from .machines.float_time import FloatTime
from .machines.flood import HOUR_S
from .machines.guardwatch import GuardWatch
from .machines.lvd import Lvd
from .machines.recharge import OWED_AS, Recharge, Tied
from .machines.relaywatch import Contact, RelayWatch
from .machines.schedule import Schedule
from .state import State

VERSION = 1


def dump(state: State, now: float, wall: float, boot_id: str = "") -> dict[str, object]:
    """The state to store, and what lets restore() count the time until then: `saved_at` wall time,
    and `now` itself where other processes have the same clock until the next boot (`boot_id`)."""
    made = durable(state, now)
    weak = made.pop("weak_block")
    return {
        **made,
        "version": VERSION,
        "saved_at": wall,
        **({"boot_id": boot_id, "saved_now": now} if boot_id else {}),
        "last_reason": state.last_reason,
        "charger_tied": state.relays.recharge.tied,
        "charger_owes_as": state.relays.recharge.taken_as,
        "float_s": state.float_time.float_s,
        "undischarged_s": state.float_time.undischarged_s,
        "missing_ah": state.charge.missing_ah,
        "missing_sd_ah": state.charge.sd_ah,
        "blocks": {"over_s": list(state.blocks.over_s), "weak": weak},
    }


def was_interrupted(left: TestRecord, stored: Mapping[str, object]) -> bool:
    """Whether the daemon died with the battery on the load, by a record it `left` open. That of
    outages that come too often stays open while the supply feeds the load."""
    if left.type == "outage":
        return stored.get("outage_waits") is not True
    return left.state != "delayed"


def _number(data: Mapping[str, object], key: str, default: float) -> float:
    value = data.get(key)
    return float(value) if isinstance(value, int | float) and isfinite(value) else default


def restore(
    state: State,
    data: Mapping[str, object],
    wall: float,
    records: Mapping[int, TestRecord],
    interrupted: bool,
    boot_id: str = "",
) -> State:
    """The state at start with what was stored put back.

    `wall` now (s since 1970), `boot_id` of the clock that `state.boot` is of; `records`: the stored
    tests by number (at least last_n and measured_n); `interrupted`: a test or outage was on when
    the daemon died, so that the battery must go on feeding the load until the supply is there,
    whatever UPS mode says. Unknown or missing values fall back to those of a new state.
    """
    now = state.boot
    away = _away(data, now, wall, boot_id)
    gone = 0.0 if isnan(away) else max(away, 0.0)
    words = [c.value for c in Capacity]
    word = data.get("capacity")
    health = state.health._replace(
        state=Capacity(word) if word in words else Capacity.UNKNOWN,
        low_alarm=data.get("low_alarm") is True,
        forced=data.get("forced") is True,
        low_text=str(data.get("low_text") or ""),
        is_probable=data.get("is_probable") is True,
        last=records.get(int(_number(data, "last_n", 0.0))),
        measured=records.get(int(_number(data, "measured_n", 0.0))),
    )
    faults = data.get("relay_faults")
    names = faults if isinstance(faults, list) else []
    k1, k2, k3 = (Contact(faulty=name in names) for name in ("k1", "k2", "k3"))
    relays = RelayWatch(k1, k2, k3, _recharge(data, interrupted))
    age = _number(data, "undischarged_s", -1.0)
    float_time = FloatTime(_number(data, "float_s", 0.0), age + gone if age >= 0.0 else None)
    if interrupted:
        float_time = FloatTime(0.0, 0.0)
    missing = _number(data, "missing_ah", nan)
    charge = after_gap(
        None if isnan(missing) else missing,
        _number(data, "missing_sd_ah", 0.0),
        away,
        interrupted,
    )
    replaced_at = _number(data, "replaced_at", nan)
    restored = state._replace(
        health=health,
        relays=relays,
        float_time=float_time,
        charge=charge,
        blocks=_blocks(data.get("blocks")),
        replaced_after=max(int(_number(data, "replaced_after", 0.0)), 0),
        replaced_at=None if isnan(replaced_at) else replaced_at,
        schedule=_schedule(data.get("schedule"), gone, now),
        next_n=max(int(_number(data, "next_n", 1.0)), state.next_n, *(n + 1 for n in records)),
        last_reason=str(data.get("last_reason") or ""),
        losses=losses.restored(data.get("losses")),
        has_settings_file=data.get("has_settings_file") is True,
        alarms=Alarms(_alarms(data.get("alarms"))),
        guard=GuardWatch(helps=_helps(data, gone, now)),
        bank_fit=_bank_fit(data.get("bank_fit"), state.setpoints.th.system_v),
        lvd=Lvd(is_open=True, remembered=True) if data.get("lvd_open") is True else Lvd(),
    )
    if data.get("carried") is True or interrupted:
        restored = restored._replace(transfer=restored.transfer._replace(carried=True))
    return _delayed(restored, data.get("delayed"), gone, now, wall)


def _bank_fit(stored: object, system_v: int) -> BankFit:
    if not isinstance(stored, dict):
        return BankFit()
    fits = stored.get("fits")
    known_v, earlier_v = (_choice(stored, key) for key in ("system_v", "earlier_v"))
    if not isinstance(fits, bool):
        return fit_of_file(BankFit(known_v, earlier_v=earlier_v), system_v)
    bank_v = int(_number(stored, "bank_v", known_v if fits else 0.0))
    return fit_of_file(BankFit(known_v, fits, None, bank_v), system_v)


def _choice(stored: Mapping[str, object], key: str) -> int:
    """A System Voltage, V; 0 = none."""
    volts = _number(stored, key, 0.0)
    return int(volts) if volts in SYSTEM_VOLTAGES else 0


def _away(data: Mapping[str, object], now: float, wall: float, boot_id: str) -> float:
    """For how long nobody was there, s. By the machine's own clock within a boot: the wall clock
    may be set meanwhile. Else by the wall clock: less than 0 where it went back, nan where it was
    never set (1970, or a fast simulation restarted), which tells nothing of the gap."""
    saved_now = _number(data, "saved_now", nan)
    if boot_id and data.get("boot_id") == boot_id and now >= saved_now:
        return now - saved_now
    saved_at = _number(data, "saved_at", wall)
    return wall - saved_at if saved_at >= CLOCK_SANE_S else nan


def _recharge(data: Mapping[str, object], interrupted: bool) -> Recharge:
    """What the charger owes the battery: a K2 that stays open must show after a restart too."""
    owed_as = max(_number(data, "charger_owes_as", 0.0), OWED_AS if interrupted else 0.0)
    return Recharge(
        taken_as=owed_as,
        tied=_tied(data.get("charger_tied")),
        parted=data.get("charger_parted") is True,  # an outage alone has not told K2 to open
        is_gone=data.get("charger_gone") is True,  # what has volts now has come back meanwhile
        came_back=data.get("charger_came_back") is True,
    )


def _helps(data: Mapping[str, object], gone: float, now: float) -> tuple[float, ...]:
    """When the supply was helped within the last hour, on this process clock."""
    ages = data.get("supply_helps_age_s")
    known = [age for age in ages if isinstance(age, int | float) and isfinite(age)] if isinstance(
        ages, list
    ) else []  # fmt: skip
    return tuple(sorted(now - age - gone for age in known if age >= 0.0 and age + gone < HOUR_S))


def _tied(stored: object) -> Tied | None:
    if not isinstance(stored, list | tuple) or len(stored) != 2:
        return None
    gap_v, battery_v = stored
    if not all(isinstance(value, int | float) and isfinite(value) for value in stored):
        return None
    return Tied(float(gap_v), float(battery_v))


def _alarms(stored: object) -> dict[str, RaisedAlarm]:
    """What was raised stays raised, acknowledged or not: a restart is no news."""
    if not isinstance(stored, dict):
        return {}
    raised: dict[str, RaisedAlarm] = {}
    for key, entry in stored.items():
        if not isinstance(entry, dict) or not isinstance(entry.get("text"), str):
            continue
        value = entry.get("value")
        threshold = _number(entry, "threshold", nan)
        raised[str(key)] = RaisedAlarm(
            text=entry["text"],
            since=_number(entry, "since", 0.0),
            value=value if isinstance(value, bool | int | float | str) else None,
            threshold=None if isnan(threshold) else threshold,
            latched=entry.get("latched") is True,
            acknowledged=entry.get("acknowledged") is True,
        )
    return raised


def _blocks(stored: object) -> Blocks:
    """What was seen of the blocks; a count of another number of blocks begins anew."""
    if not isinstance(stored, dict):
        return Blocks()
    counts = stored.get("over_s")
    over = counts if isinstance(counts, list) else []
    known = all(isinstance(s, int | float) and isfinite(s) and s >= 0.0 for s in over)
    return Blocks(
        over_s=tuple(float(s) for s in over) if known else (),
        weak=min(max(int(_number(stored, "weak", 0.0)), 0), 4),
    )


def _whole(data: Mapping[str, object], key: str) -> int | None:
    value = _number(data, key, nan)
    return None if isnan(value) else int(value)


def _schedule(stored: object, gone: float, now: float) -> Schedule:
    if not isinstance(stored, dict):
        return Schedule()
    left_s = _number(stored, "left_s", nan)
    interval = _number(stored, "interval_s", 0.0)
    extra_age = _number(stored, "extra_age_s", nan)
    known = Schedule(
        interval_s=interval,
        extra_at=None if isnan(extra_age) else now - extra_age - gone,
        extra_n=_whole(stored, "extra_n"),
        asked_n=_whole(stored, "asked_n"),
    )
    if stored.get("running") is not True or isnan(left_s):
        return known._replace(left_s=None if isnan(left_s) else left_s)
    base = _number(stored, "base_left_s", nan)
    return known._replace(
        # overdue: the wait for a rested battery goes on, but was not spent while away
        due=now + max(left_s - gone, min(left_s, 0.0)),
        is_extra=stored.get("is_extra") is True,
        retries=int(_number(stored, "retries", 0.0)),
        base=None if isnan(base) else now + base - gone,
        refused=str(stored.get("refused") or ""),
        refused_at=now - gone - max(_number(stored, "refused_age_s", 0.0), 0.0),
    )


def _delayed(state: State, stored: object, gone: float, now: float, wall: float) -> State:
    if not isinstance(stored, dict):
        return state
    n = int(_number(stored, "n", 0.0))
    left = max(_number(stored, "left_s", 0.0) - gone, 0.0)
    record = TestRecord(
        n=n, type=str(stored.get("type") or "1"), state=TestState.DELAYED.value,
        source=str(stored.get("source") or ""), started_at=wall + left,
        minimum_runtime_s=state.setpoints.minimum_runtime_s,
    )  # fmt: skip
    test = CapacityTest(state=TestState.DELAYED, record=record, since=now, due=now + left)
    return state._replace(test=test)
