"""Sequences of discharges on one battery: what is told after each, beside the simulated truth.

They judge what history makes of the estimates, not how good an estimate is: where one discharge
alone is off by more than 5 %, health may be off by so much more.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest
from remembering_site import Site, is_firmly

from btrmd.model.discharge import Capacity, TestRecord

pytestmark = pytest.mark.long  # begun first

LOW_ALARM = "battery.low_capacity"
MINIMUM_MIN = 300
HEALTH_OFF = 9.0  # points, after two tests of a battery that has dropped

Between = Callable[[Site], None]


def rested(site: Site) -> None:
    site.rest()


def full_for(seconds: float) -> Between:
    return lambda site: site.refill(seconds)


def holds(record: TestRecord, truth_s: float) -> bool:
    """The truth lies inside what was told, wherever it lies inside what this discharge says."""
    low, high = record.estimate_low_s, record.estimate_high_s
    assert low is not None
    assert high is not None
    assert record.own_low_s is not None
    assert record.own_high_s is not None
    is_own_wrong = not record.own_low_s <= truth_s <= record.own_high_s
    return low <= truth_s <= high or is_own_wrong


def health_slack(record: TestRecord, truth_s: float) -> float:
    assert record.own_estimate_s is not None
    return HEALTH_OFF + 100.0 * max(0.0, abs(record.own_estimate_s / truth_s - 1.0) - 0.05)


# --- a bank that fails after good tests ----------------------------------------------------------


SOON, UNRESTED = full_for(150.0), full_for(1200.0)


def after_four_good_tests(between: Between, is_planned: bool) -> Site:
    site = Site(24, 40.0, 5.0, MINIMUM_MIN, 0.95)
    test = site.planned_test if is_planned else site.test
    between(site)
    for _ in range(4):
        record = test()
        assert record.result == "good"
        assert holds(record, site.truth_s()), record
        assert ("not_rested" in record.marks) == (between is not rested)
        between(site)
    return site


@pytest.mark.parametrize(
    ("sohs", "between", "is_planned"),
    [
        pytest.param((0.6, 0.7, 0.8), rested, True, id="rested-planned"),
        pytest.param((0.7,), rested, False, id="rested"),
        pytest.param((0.6, 0.8), SOON, False, id="soon"),
        pytest.param((0.8,), UNRESTED, False, id="unrested"),
    ],
)
def test_a_bank_that_drops_after_four_good_tests(
    sohs: tuple[float, ...], between: Between, is_planned: bool
) -> None:
    """24 V, 40 Ah, 5 A, minimum 300 min: four tests at 0.95, then two at less. The four are the
    same for every state of health that comes after: lived through once, then copied."""
    good = after_four_good_tests(between, is_planned)
    for soh in sohs:
        two_tests_after_a_drop(good.copy(), soh, between, is_planned)


def two_tests_after_a_drop(site: Site, soh: float, between: Between, is_planned: bool) -> None:
    test = site.planned_test if is_planned else site.test
    site.age(soh)
    between(site)
    truth_s = site.truth_s()
    is_below = truth_s < MINIMUM_MIN * 60.0
    assert is_below == (soh < 0.8), soh
    for n in range(2):
        record = test()
        assert holds(record, truth_s), (soh, record)
        assert not is_firmly(record, "good" if is_below else "low"), (soh, record)
        health = site.state.health
        if n and health.soh_pct is not None:
            assert abs(health.soh_pct - 100.0 * soh) <= health_slack(record, truth_s), soh
            assert health.soh_low_pct is not None
            assert health.soh_high_pct is not None
            assert health.soh_low_pct <= 100.0 * soh <= health.soh_high_pct, soh
        between(site)


def test_a_bank_that_drops_while_its_charge_is_not_known_is_never_firmly_good() -> None:
    """Charged by something that the balance did not see: each test counts as one from nearly empty,
    and still shows what the bank is not able to do."""
    site = Site(24, 40.0, 5.0, MINIMUM_MIN, 0.95)
    for _ in range(4):
        site.test()
        site.refill(20.0)
    site.age(0.7)
    for _ in range(2):
        record = site.test()
        assert "not_full" in record.marks
        assert not is_firmly(record, "good")
        assert holds(record, site.truth_s())
        site.refill(20.0)


# --- a good bank among outages -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("first_min", "first_h", "second_min", "second_h", "wait_s"),
    [
        (76.0, 4.0, 108.0, 1.0, 30.0),
        (76.0, 4.0, 108.0, 1.0, 900.0),
        (30.0, 1.0, 30.0, 1.0, 200.0),
        (60.0, 2.0, 120.0, 0.5, 200.0),
    ],
)
def test_outages_and_short_charges_do_not_condemn_a_good_bank(
    first_min: float, first_h: float, second_min: float, second_h: float, wait_s: float
) -> None:
    """17 Ah, 4 A, minimum 160 min (true 174): outage, charging, outage, charging, soc = 1, test."""
    site = Site(12, 17.0, 4.0, 160, 1.0)
    site.outage(first_min)
    site.pass_hours(first_h)
    site.outage(second_min)
    site.pass_hours(second_h)
    outages = [record.type for record in site.records.values()]
    assert outages == ["outage", "outage"]
    assert site.records[1].started_at_charge == pytest.approx(1.0, abs=0.03)
    site.plant.battery.set_soc(1.0)
    site.plant.touch()
    site.run(wait_s)
    for _ in range(2):
        record = site.test()
        assert not is_firmly(record, "low"), record
        assert holds(record, site.truth_s()), record
        health = site.state.health
        assert health.state is not Capacity.LOW
        assert LOW_ALARM not in site.state.alarms.keys
        if health.soh_pct is not None:
            assert health.soh_pct >= 100.0 - health_slack(record, site.truth_s()) - 1.0
            assert (health.soh_high_pct or 0.0) >= 100.0
        site.refill(wait_s)
