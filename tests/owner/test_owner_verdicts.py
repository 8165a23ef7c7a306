"""Whole stories of a battery, with the estimator and the memory as the daemon has them: history
never hides a failing bank, and never condemns a good one."""

from __future__ import annotations

from math import exp

import pytest
from remembering_site import HOUR, Site, is_firmly

from btrmd.model.commands import BatteryReplaced
from btrmd.model.discharge import Capacity, Estimate

LOW_ALARM = "battery.low_capacity"


# --- history must not hide a failing bank --------------------------------------------------------


def test_a_memory_that_is_sure_of_the_wrong_thing_makes_no_verdict_firm() -> None:
    """What was seen: told 333 (301 to 363) min, "the whole interval lies above the minimum"."""
    site = Site(24, 40.0, 5.0, 300, 0.7)
    site.reported = Estimate(333 * 60.0, 301 * 60.0, 363 * 60.0, "x and history")
    record = site.test()
    assert site.truth_s() < 260 * 60.0
    assert not is_firmly(record, "good")
    assert record.result == "good", "the point estimate decides the word"
    assert "this discharge alone says" in record.reason
    assert "interval lies" not in record.reason
    assert record.own_low_s is not None
    assert record.own_low_s < site.truth_s() < (record.own_high_s or 0.0)
    assert record.duration_s is not None
    assert record.duration_s > 1.75 * HOUR, "it ran as long as was planned"


# --- history must not condemn a good bank --------------------------------------------------------


def test_an_estimate_that_is_low_for_want_of_charge_raises_no_alarm() -> None:
    site = Site(12, 17.0, 4.0, 160, 1.0)
    site.outage(76.0)
    site.pass_hours(1.0)
    record = site.test()
    assert record.started_at_charge is not None
    assert record.started_at_charge < 0.9
    assert record.result == "low"
    assert {"marginal", "not_full", "not_rested", "unconfirmed"} <= set(record.marks)
    assert site.state.health.state is Capacity.UNKNOWN
    assert LOW_ALARM not in site.state.alarms.keys
    assert any("is no verdict yet" in event.text for event in site.events)


def test_the_same_bank_full_and_rested_that_really_is_weak_is_condemned() -> None:
    site = Site(12, 17.0, 4.0, 160, 0.6)
    record = site.test()
    assert is_firmly(record, "low")
    assert site.state.health.state is Capacity.LOW
    assert LOW_ALARM in site.state.alarms.keys


# --- another battery -----------------------------------------------------------------------------


def test_a_replaced_battery_is_judged_by_itself() -> None:
    site = Site(12, 17.0, 4.0, 160, 0.6)
    worn = site.test()
    site.rest()
    assert site.state.health.soh_pct == pytest.approx(60.0, abs=12.0)
    assert site.ask(BatteryReplaced("test")).ok
    site.run(5.0)
    assert site.state.health.soh_pct is None or site.state.health.soh_low_pct is None
    site.age(1.0)
    site.run(30.0)
    record = site.test()
    assert record.n == worn.n + 1
    assert record.own_estimate_s == pytest.approx(record.estimate_s), "nothing is combined with it"
    assert record.estimate_s is not None
    assert record.estimate_s == pytest.approx(site.truth_s(), rel=exp(0.2) - 1.0)
    assert record.result == "good"
    assert worn.n in site.records, "the history is kept"
