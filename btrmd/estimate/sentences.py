"""Health and forecast as sentences with an action, for events, pages and the command line."""

from __future__ import annotations

from datetime import UTC, datetime
from math import exp

from .forecast import MONTHS, Forecast
from .health import CONFIRMED, NONE, SUSPECTED, BatteryHealth, Change

LOW_RISK = 0.01


def health_words(health: BatteryHealth) -> str:
    """The state of health with its interval and what it rests on; empty without a rating."""
    if health.is_too_much:
        return (
            f"State of health not known, from {health.rests_on}: that is more charge than a battery"
            " of the rated Ah holds. Check the rated Ah."
        )
    if health.soh_pct is None:
        return ""
    return (
        f"State of health {health.soh_pct:.0f} % ({health.low_pct:.0f} to"
        f" {health.high_pct:.0f} %), from {health.rests_on}."
    )


def resistance_words(ohm: float, growth_pct: float | None) -> str:
    """The resistance at the transfer, with how the newest tests compare with the first ones."""
    text = f"Resistance at the transfer {1000.0 * ohm:.0f} mOhm"
    if growth_pct is None:
        return f"{text}."
    side = "above" if growth_pct >= 0.0 else "below"
    return f"{text}; the newest tests are {abs(growth_pct):.0f} % {side} the first ones."


def change_words(change: Change) -> str:
    """What to do about a change; empty when there is none."""
    if change.word == NONE:
        return ""
    pct = abs(100.0 * (exp(change.size) - 1.0))
    if change.size >= 0.0:
        return (
            f"The battery seems about {pct:.0f} % better than before:"
            " if it was replaced, say so (battery replaced), else test again rested."
        )
    if change.word == CONFIRMED:
        return (
            f"The battery has lost about {pct:.0f} %, confirmed:"
            " check the connections, else replace the battery."
        )
    return (
        f"The battery may have lost about {pct:.0f} %:"
        " check the connections and test again rested to confirm it."
    )


def forecast_words(found: Forecast, change: str = NONE) -> str:
    """The risk of failing the minimum run time and what to do about it, one sentence; `change` the
    health's word for a change: one that is only suspected has to be confirmed first."""
    if found.reason:
        return f"No replacement forecast: {found.reason}."
    risks = found.risks
    numbers = f"{_pct(risks[3])} in 3 months, {_pct(risks[6])} in 6, {_pct(risks[12])} in 12"
    risk = f"risk of failing the minimum run time {numbers}"
    if found.months is None:
        return f"No need to replace the battery within {MONTHS} months: {risk}."
    if found.months > 0:
        return f"Replace the battery {by_words(found)}: {risk}."
    if change == SUSPECTED:
        return f"Replace the battery as soon as another test confirms it: {risk}."
    return f"Replace the battery now: {risk}."


def by_words(found: Forecast) -> str:
    """By when: the month, or so many months from now where the date is not known."""
    if found.replace_at is None:
        return f"within {found.months} months"
    return f"by {datetime.fromtimestamp(found.replace_at, UTC):%B %Y}"


def _pct(risk: float) -> str:
    return "under 1 %" if risk < LOW_RISK else f"{100.0 * risk:.0f} %"
