"""The verdict: by when the battery must be replaced, and what to do while the supply is away."""

from __future__ import annotations

import pytest
from test_web_verdict import DISCHARGE, KNOWN, OUTAGE, TESTED, seen
from web_station import AT

from btrmd.model.alarms import advice_of
from btrmd.servers.web.card import make_card
from btrmd.servers.web.verdict import make_verdict

DAY_S = 86400.0


@pytest.mark.parametrize(
    ("days", "tone", "headline", "facts"),
    [
        (400.0, "good", "Load safe, on supply", f"{KNOWN}; replace battery by July 2027"),
        (100.0, "warn", "Load safe, on supply. Replace battery by September 2026", KNOWN),
        (0.0, "warn", "Load safe, on supply. Replace battery now", KNOWN),
        (None, "good", "Load safe, on supply", KNOWN),
    ],
)
def test_the_month_of_the_forecast_stands_in_the_verdict(
    days: float | None, tone: str, headline: str, facts: str
) -> None:
    at = None if days is None else AT + days * DAY_S
    verdict = make_verdict(seen(replace_at=at))
    assert (verdict.tone, verdict.headline, verdict.facts) == (tone, headline, facts)
    assert verdict.todo == ("Plan another battery." if days is not None and days < 183 else "")


def test_on_battery_nobody_is_told_to_run_a_test() -> None:
    verdict = make_verdict(seen(DISCHARGE, test=OUTAGE, last_test=None))
    assert verdict.todo == "Restore the supply or shed load."


def test_a_supply_that_is_back_is_not_to_be_restored() -> None:
    verdict = make_verdict(seen({"lvd.open": True}, alarms=("lvd.open", "battery.low_voltage")))
    assert "estore the supply" not in verdict.todo
    assert verdict.todo == advice_of("lvd.open", is_supplied=True)
    assert "estore the supply" in advice_of("lvd.open")


def test_the_time_left_is_only_said_to_lack_a_rating_where_it_does() -> None:
    by_charger = {**DISCHARGE, "load.source": "charger"}
    for left in (None, 147480.0):  # what the battery gives beside a charger says nothing of it
        seen_so = seen({**by_charger, "runtime.remaining": left}, test=OUTAGE)
        rows = dict(make_card(seen_so).rows)
        assert rows["Time left"] == "not known: the charger carries the load"
    rows = dict(make_card(seen({**DISCHARGE, "runtime.remaining": 0.0}, test=OUTAGE)).rows)
    assert rows["Time left"] == "none: the battery is at its cutoff"


@pytest.mark.parametrize(
    ("charge", "estimate", "minimum", "tone", "headline", "facts"),
    [
        (99.0, 14760.0, 10800.0, "good", "Load safe, on supply", "lasts 4 h 06 min; needs 3 h"),
        (
            94.0, 14760.0, 10800.0, "good", "Load safe, on supply",
            "charged to 94 %; lasts 4 h 06 min when full; needs 3 h",
        ),
        (
            12.7, 14760.0, 10800.0, "warn", "Load safe, on supply. Battery not charged yet",
            "charged to 12 %; lasts 4 h 06 min when full; needs 3 h",
        ),
        (49.0, 14760.0, 0.0, "warn", "Load safe, on supply. Battery not charged yet",
         "charged to 49 %; lasts 4 h 06 min when full"),
        (51.0, None, 10800.0, "good", "Load safe, on supply", "charged to 51 %; needs 3 h"),
        (None, 14760.0, 10800.0, "good", "Load safe, on supply", "lasts 4 h 06 min; needs 3 h"),
    ],
)  # fmt: skip
def test_after_a_discharge_the_run_time_is_that_of_the_full_battery(
    charge: float | None, estimate: float | None, minimum: float, tone: str, headline: str,
    facts: str,
) -> None:  # fmt: skip
    points = {"battery.charge": charge, "runtime.estimate": estimate, "runtime.minimum": minimum}
    verdict = make_verdict(seen(points))
    assert (verdict.tone, verdict.headline) == (tone, headline)
    assert verdict.facts == f"{facts}; tested 2 d ago"


def test_a_test_while_the_clock_was_not_set_has_no_age() -> None:
    tested = TESTED._replace(started_at=20.0, ended_at=90.0, marks=("clock_not_set",))
    for at in (AT, 100.0):
        for last, words in (
            (tested, "tested, when is not known"),
            (tested._replace(result="aborted"), "last test aborted, when is not known"),
        ):
            facts = make_verdict(seen(at=at, last_test=last)).facts
            assert facts.endswith(words)
            assert " ago" not in facts
