"""A discharge, step by step: what ends it, at which border, and with which words."""

from __future__ import annotations

import pytest
from core_scenes import step_context

from btrmd.core.capacity_test.discharge import step_discharge
from btrmd.core.capacity_test.progress import Progress
from btrmd.core.capacity_test.state import CapacityTest, End, Watch
from btrmd.core.capacity_test.type1 import Policy
from btrmd.core.machines.lvd import Lvd
from btrmd.core.machines.relaywatch import Contact, RelayWatch
from btrmd.core.scan.actions import WantEstimate
from btrmd.core.scan.context import StepContext
from btrmd.model.discharge import Estimate, TestRecord, TestState

NOW = 10_000.0
FEEDS = {"battery_v": 12.4, "battery_a": -2.0, "load_v": 12.35, "supply_a": 0.29,
         "charger_v": 0.0, "charger_a": 0.0}  # fmt: skip
WELL, NO_LVD = RelayWatch(), Lvd()


def running(elapsed: float, type_: str = "2", volts: float = 12.4, **more: object) -> CapacityTest:
    """A test `elapsed` s after time 0 whose last 4 s were at `volts`."""
    window = tuple((NOW - s, volts) for s in (4.0, 3.0, 2.0, 1.0))
    progress = Progress(t0=NOW - elapsed, charge_as=2.0 * elapsed, seconds=elapsed, window=window)
    record = TestRecord(n=7, type=type_, state="running")
    test = CapacityTest(state=TestState.RUNNING, record=record, k1=True, k2=True,
                        progress=progress, policy=Policy(planned_s=7200.0))  # fmt: skip
    return test._replace(**more)


def stepped(
    test: CapacityTest, relays: RelayWatch = WELL, lvd: Lvd = NO_LVD, **put: object
) -> tuple[CapacityTest, StepContext]:
    ctx = step_context(NOW, **{**FEEDS, **put})  # type: ignore[arg-type]
    return step_discharge(test, relays, lvd, ctx), ctx


def ended(test: CapacityTest, **put: object) -> tuple[End, str]:
    made, _ = stepped(test, **put)  # type: ignore[arg-type]
    return made.end, made.reason


GOES_ON = (End.NONE, "")


def test_it_goes_on_until_the_planned_time_is_over() -> None:
    assert ended(running(7199.9)) == GOES_ON
    assert ended(running(7200.0)) == (End.PLANNED, "The planned 2 h 00 min are over.")
    made, _ = stepped(running(600.0))
    assert made.progress.window[-1] == (NOW, 12.4)


def test_within_the_first_minutes_only_2_s_below_10_5_v_end_it() -> None:
    """A battery dips as its load comes, and recovers."""
    low = {"battery_v": 10.4, "load_v": 10.4}
    young = running(600.0, volts=10.4)
    made, _ = stepped(young, **low)
    assert (made.end, made.watch.early_low) == (End.NONE, NOW)
    since = young._replace(watch=Watch(early_low=NOW - 1.9))
    assert ended(since, **low) == GOES_ON
    since = young._replace(watch=Watch(early_low=NOW - 2.0))
    assert ended(since, **low) == (End.CUTOFF, "The battery fell to 10.40 V within minutes.")
    made, _ = stepped(since, battery_v=10.5, load_v=10.5)
    assert (made.end, made.watch.early_low) == (End.NONE, None)


def test_later_the_mean_of_5_s_below_11_0_v_ends_it() -> None:
    later = running(601.0, "1", volts=11.0)
    assert ended(later, battery_v=10.9, load_v=10.9)[0] is End.CUTOFF
    assert ended(later, battery_v=10.9, load_v=10.9)[1] == "The battery reached 11.00 V."
    two = running(601.0, "2", volts=11.0)
    assert ended(two, battery_v=11.0, load_v=11.0, changes={"test.type2_minimum_mv": 11000}) == (
        GOES_ON
    )
    # for Type 2 the level is its own
    high = {"changes": {"test.type2_minimum_mv": 12500}}
    assert ended(running(601.0, "2", volts=12.4), **high) == (
        End.CUTOFF, "The battery reached 12.50 V.",
    )  # fmt: skip
    assert ended(running(601.0, "2", volts=12.6), battery_v=12.6, load_v=12.55, **high) == GOES_ON
    # a window that is shorter says too little
    short = later._replace(progress=later.progress._replace(window=((NOW - 3.8, 10.0),)))
    assert ended(short, battery_v=10.0, load_v=10.0)[0] is End.NONE
    whole = later._replace(progress=later.progress._replace(window=((NOW - 3.91, 10.0),)))
    assert ended(whole, battery_v=10.0, load_v=10.0)[0] is End.CUTOFF


def test_without_a_reading_of_the_last_5_s_nothing_is_told() -> None:
    blind = running(700.0)
    blind = blind._replace(progress=blind.progress._replace(window=()))
    assert ended(blind, battery_v=None) == GOES_ON
    assert ended(blind, battery_v=None, guard=True) == (End.ABORT, "The bus guard closed.")
    one = running(700.0, "1")
    one = one._replace(progress=one.progress._replace(window=()))
    assert ended(one, battery_v=None) == GOES_ON


def test_a_relay_that_is_faulty_aborts_it() -> None:
    made, _ = stepped(running(600.0), RelayWatch(k2=Contact(faulty=True)))
    assert made.end is End.ABORT
    assert "K2" in made.reason


def test_a_guard_that_closes_ends_it_by_what_the_battery_says() -> None:
    assert ended(running(600.0), guard=True) == (End.ABORT, "The bus guard closed.")
    low = running(700.0, "2", volts=11.15)
    own = {"changes": {"test.type2_minimum_mv": 11000}}
    assert ended(low, guard=True, battery_v=11.15, load_v=11.1, **own) == (
        End.CUTOFF, "The battery reached 11.00 V.",
    )  # fmt: skip
    high = running(700.0, "2", volts=11.25)
    assert ended(high, guard=True, battery_v=11.25, load_v=11.2, **own)[0] is End.ABORT
    # a level of its own that is higher does not count here
    twelve = {"changes": {"test.type2_minimum_mv": 11500}}
    between = running(700.0, "2", volts=11.6)
    assert ended(between, guard=True, battery_v=11.6, load_v=11.5, **twelve)[0] is End.ABORT


def test_an_lvd_that_is_due_ends_it() -> None:
    made, _ = stepped(running(600.0), lvd=Lvd(False, NOW - 10.0))
    assert (made.end, made.reason) == (End.CUTOFF, "The low-voltage disconnect is due.")
    made, _ = stepped(running(600.0), lvd=Lvd(False, NOW - 9.9))
    assert made.end is End.NONE


def test_no_verdict_comes_from_two_readings_that_contradict_each_other() -> None:
    test = running(7200.0)
    assert ended(test, load_v=11.91)[0] is End.PLANNED
    assert ended(test, load_v=11.89) == (
        End.ABORT,
        "No verdict: the battery voltage (12.40 V) and the load voltage (11.89 V) contradict each "
        "other.",
    )
    assert ended(test, load_v=12.91)[0] is End.ABORT
    # what goes on is judged by others
    assert ended(running(600.0), load_v=11.0) == GOES_ON
    low = running(600.0, "2", volts=11.0)
    assert ended(low, guard=True, battery_v=11.0, load_v=9.0)[0] is End.CUTOFF


# --- Type 1 --------------------------------------------------------------------------------------


def test_at_the_highest_load_it_must_hold_11_6_v() -> None:
    reason = "The battery is below 11.60 V at the highest load seen."
    low = running(601.0, "1", volts=11.55, top_load_a=2.0)
    put = {"battery_v": 11.55, "load_v": 11.5}
    assert ended(low, **put) == (End.EARLY, reason)
    assert ended(running(600.0, "1", volts=11.55, top_load_a=2.0), **put) == GOES_ON
    assert ended(running(601.0, "1", volts=11.6, top_load_a=2.0), battery_v=11.6, load_v=11.5) == (
        GOES_ON
    )
    # a load of 0.95 of the highest counts, a smaller one does not
    assert ended(low._replace(top_load_a=2.1), **put) == (End.EARLY, reason)
    assert ended(low._replace(top_load_a=2.2), **put) == GOES_ON
    made, _ = stepped(low, load_a=3.0, battery_a=-3.0)
    assert made.top_load_a == 3.0
    made, _ = stepped(low._replace(top_load_a=2.05), **put)
    assert made.top_load_a == 2.05
    assert ended(low, **put, load_a=None) == GOES_ON
    # Type 2 has its own level
    assert ended(running(601.0, "2", volts=11.55), changes={"test.type2_minimum_mv": 11000},
                 **put) == GOES_ON  # fmt: skip


def asked(test: CapacityTest, **put: object) -> bool:
    made, ctx = stepped(test, **put)  # type: ignore[arg-type]
    wanted = [a.n for a in ctx.actions if isinstance(a, WantEstimate)]
    assert wanted in ([], [7])
    if wanted:
        assert made.asked_at == NOW
        assert made.policy.evaluated_at == pytest.approx(NOW - made.progress.t0)
    return bool(wanted)


def test_an_estimate_is_asked_for_once_a_minute_after_20_min() -> None:
    assert asked(running(1200.0, "1"))
    assert not asked(running(1199.9, "1"))
    assert not asked(running(1200.0, "2"))
    lately = Policy(planned_s=7200.0, evaluated_at=1141.0)
    assert not asked(running(1200.0, "1", policy=lately))
    # while one is outstanding no other is asked for, for 30 s at most
    assert not asked(running(1300.0, "1", asked_at=NOW - 29.9))
    assert asked(running(1300.0, "1", asked_at=NOW - 30.0))


def test_it_ends_early_when_enough_is_known() -> None:
    knee = Estimate(90_000.0, 80_000.0, 100_000.0, is_knee=True)
    assert ended(running(600.0, "1", estimate=knee)) == (
        End.EARLY, "The voltage falls ever faster: the end is near.",
    )  # fmt: skip
    plain = knee._replace(is_knee=False)
    assert ended(running(600.0, "1", estimate=plain)) == GOES_ON
    assert ended(running(600.0, "2", estimate=knee)) == GOES_ON
