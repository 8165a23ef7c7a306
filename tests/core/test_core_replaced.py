"""Another battery: what was before stays in the history and counts no more."""

from __future__ import annotations

import pytest
from core_scenes import Bench, last, rested, supply

from btrmd.core import persist
from btrmd.core.publish import points
from btrmd.core.scan.actions import ClearTests, ForgetBattery
from btrmd.core.state import new_state
from btrmd.model.commands import BatteryReplaced, HealthReady, ResetData, StartTest
from btrmd.model.discharge import Capacity, Estimate

HOUR = 3600.0


def low(bench: Bench) -> None:
    bench.estimate = Estimate(2 * HOUR, 1.9 * HOUR, 2.1 * HOUR)
    bench.start("1")
    bench.dt = 5.0
    bench.until("idle", 5 * HOUR)
    bench.dt = 1.0
    bench.run(5.0)


def test_capacity_alarm_and_health_start_anew_and_nothing_is_cleared() -> None:
    bench = Bench(battery__rated_ah=40, test__minimum_runtime_min=180)
    low(bench)
    bench.ask(HealthReady(61.0, "State of health 61 %.", 55.0, 66.0))
    assert "battery.low_capacity" in bench.alarms
    answer = bench.ask(BatteryReplaced("web admin"))
    assert answer.ok
    assert answer.data == {"after": 1}
    assert [a for a in bench.actions if isinstance(a, ForgetBattery)] == [ForgetBattery(1)]
    assert not [a for a in bench.actions if isinstance(a, ClearTests)]
    bench.step()
    state = bench.state
    assert (state.health.state, state.health.last, state.health.soh_pct) == (
        Capacity.UNKNOWN, None, None,
    )  # fmt: skip
    assert bench.alarms == ()
    assert state.charge.missing_ah is None
    assert (state.replaced_after, state.replaced_at) == (1, bench.wall - 2.0)
    event = bench.reported("battery.replaced")[0]
    assert (event.source, event.kind.value) == ("web admin", "command")
    assert "stay in the history" in event.text
    shown = points(state, bench.inputs, {}, bench.now)
    assert shown["runtime.estimate"].value is None
    assert shown["capacity.state"].value == "unknown"


def test_numbers_go_on_and_the_mark_outlives_a_restart() -> None:
    bench = Bench(battery__rated_ah=40, test__minimum_runtime_min=180)
    low(bench)
    bench.ask(BatteryReplaced("cli root"))
    low(bench)
    assert last(bench).n == 2
    stored = persist.dump(bench.state, bench.now, bench.wall)
    fresh = new_state(bench.state.setpoints, 7.0)
    found = persist.restore(fresh, stored, bench.wall, {}, interrupted=False)
    assert (found.replaced_after, found.replaced_at) == (1, bench.state.replaced_at)
    del stored["replaced_after"], stored["replaced_at"]
    found = persist.restore(fresh, stored, bench.wall, {}, interrupted=False)
    assert (found.replaced_after, found.replaced_at) == (0, None)


def test_it_is_refused_in_a_test_and_on_battery() -> None:
    bench = Bench()
    bench.start()
    answer = bench.ask(BatteryReplaced("web"))
    assert (answer.ok, answer.code) == (False, "running")
    station = rested()
    supply(station, False)
    station.run(30.0)
    answer = station.ask(BatteryReplaced("web"))
    assert (answer.ok, answer.code) == (False, "on_battery")
    assert "when the supply is back" in answer.text
    supply(station, True)
    station.run(60.0)
    assert station.ask(BatteryReplaced("web")).ok


def test_a_delayed_start_stays() -> None:
    bench = Bench(battery__rated_ah=40)
    bench.run(20.0)
    bench.ask(StartTest("1", 2.0, "web"))
    assert bench.ask(BatteryReplaced("web")).data == {"after": 1}
    assert bench.state.test.record is not None


def test_the_day_it_was_put_in_is_kept_and_told() -> None:
    bench = Bench()
    bench.run(30.0)
    bench.ask(HealthReady(61.0, "", 55.0, 66.0, confirm=True, replace_at=1_790_000_000.0))
    assert bench.state.health.replace_at == 1_790_000_000.0
    assert bench.state.health.is_change_suspected
    answer = bench.ask(BatteryReplaced("web admin", 1_779_235_200.0))
    assert answer.ok
    assert bench.state.replaced_at == 1_779_235_200.0
    assert bench.state.health.replace_at is None  # nothing is known of the new one
    assert not bench.state.health.is_change_suspected
    reported = bench.reported("battery.replaced")[-1]
    assert (reported.value, reported.text) == (
        "2026-05-20",
        "The battery was replaced on 2026-05-20: earlier discharges stay in the history and count "
        "no more.",
    )


@pytest.mark.parametrize("command", [BatteryReplaced("web admin"), ResetData(source="web admin")])
def test_what_a_restart_would_forget_is_refused_while_nothing_can_be_stored(
    command: BatteryReplaced | ResetData,
) -> None:
    bench = Bench()
    bench.run(20.0)
    bench.put(storage_ok=False)
    before = bench.state.health, bench.state.replaced_after
    answer = bench.ask(command)
    assert (answer.ok, answer.code) == (False, "storage")
    assert "a restart would forget this" in answer.text
    assert (bench.state.health, bench.state.replaced_after) == before
    bench.free("storage_ok")
    assert bench.ask(command).ok
