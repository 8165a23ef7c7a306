"""Durable: what of the state changes by something that happens, and must outlive a restart.

What counts on with every scan (charge, hours on float) and what is only told (the last reason) is
no part of it: that is stored with the next change, and every ten minutes.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, NamedTuple

from ..model.discharge import TestState
from .state import State

Stored = dict[str, object]


def _numbers(state: State, now: float) -> Stored:
    return {
        "next_n": state.next_n,
        "replaced_after": state.replaced_after,
        "replaced_at": state.replaced_at,
    }


def _health(state: State, now: float) -> Stored:
    health = state.health
    return {
        "capacity": health.state.value,
        "low_alarm": health.low_alarm,
        "forced": health.forced,
        "last_n": None if health.last is None else health.last.n,
        "measured_n": None if health.measured is None else health.measured.n,
        "low_text": health.low_text,
        "is_probable": health.is_probable,
    }


def _relays(state: State, now: float) -> Stored:
    relays = state.relays
    recharge = relays.recharge
    return {
        "relay_faults": list(relays.faulty),
        "charger_parted": recharge.parted,
        "charger_gone": recharge.is_gone,
        "charger_came_back": recharge.came_back,
    }


def _guard(state: State, now: float) -> Stored:
    return {"supply_helps_age_s": [now - at for at in state.guard.helps]}


def _blocks(state: State, now: float) -> Stored:
    return {"weak_block": state.blocks.weak}


def _schedule(state: State, now: float) -> Stored:
    plan = state.schedule
    return {
        "schedule": {
            "running": plan.due is not None,
            "left_s": plan.left_s if plan.due is None else plan.due - now,
            "interval_s": plan.interval_s,
            "retries": plan.retries,
            "base_left_s": None if plan.base is None else plan.base - now,
            "is_extra": plan.is_extra,
            "extra_age_s": None if plan.extra_at is None else now - plan.extra_at,
            "extra_n": plan.extra_n,
            "asked_n": plan.asked_n,
            "refused": plan.refused,
            "refused_age_s": now - plan.refused_at,
        }
    }


def _delayed(state: State, now: float) -> Stored:
    test = state.test
    if test.state is not TestState.DELAYED or test.record is None:
        return {"delayed": None}
    return {
        "delayed": {
            "n": test.record.n,
            "type": test.record.type,
            "source": test.record.source,
            "left_s": max(test.due - now, 0.0),
        }
    }


def _carried(state: State, now: float) -> Stored:
    return {"carried": state.transfer.carried or state.test.k1}


def _outage(state: State, now: float) -> Stored:
    return {"outage_waits": state.outage.record is not None and not state.in_outage}


def _lvd(state: State, now: float) -> Stored:
    return {"lvd_open": state.lvd.is_open}


def _bank_fit(state: State, now: float) -> Stored:
    fit = state.bank_fit
    return {
        "bank_fit": {
            "system_v": fit.system_v, "fits": fit.fits, "bank_v": fit.bank_v,
            "earlier_v": fit.earlier_v,
        }
    }  # fmt: skip


def _losses(state: State, now: float) -> Stored:
    return {"losses": dict(state.losses), "has_settings_file": state.has_settings_file}


def _alarms(state: State, now: float) -> Stored:
    raised = state.alarms.raised
    return {"alarms": {key: {**alarm._asdict(), "clearing": None} for key, alarm in raised.items()}}


class Part(NamedTuple):
    """One part: what it is made from (fields of the state), and how. For one `now` (process clock,
    s) it is equal as long as nothing happens."""

    fields: tuple[str, ...]
    made: Callable[[State, float], Stored]


PARTS: Final = (
    Part(("next_n", "replaced_after", "replaced_at"), _numbers),
    Part(("health",), _health),
    Part(("relays",), _relays),
    Part(("guard",), _guard),
    Part(("blocks",), _blocks),
    Part(("schedule",), _schedule),
    Part(("test",), _delayed),
    Part(("transfer", "test"), _carried),
    Part(("outage", "battery_use", "transfer"), _outage),
    Part(("lvd",), _lvd),
    Part(("bank_fit",), _bank_fit),
    Part(("losses", "has_settings_file"), _losses),
    Part(("alarms",), _alarms),
)
_PLACES: Final = tuple(
    (tuple(State._fields.index(name) for name in part.fields), part.made) for part in PARTS
)


def durable(state: State, now: float) -> Stored:
    """All parts, as plain JSON values."""
    found: Stored = {}
    for part in PARTS:
        found |= part.made(state, now)
    return found


def must_store(before: State, after: State) -> bool:
    """Whether the step between the two changed something that a restart must not forget."""
    for places, made in _PLACES:
        for place in places:
            if before[place] is not after[place]:
                if made(before, 0.0) != made(after, 0.0):
                    return True
                break
    return False
