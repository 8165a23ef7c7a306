"""The loop: reads, decides, drives, tells; and what it does when one of these fails."""

from __future__ import annotations

import threading
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest
from owner_rig import Rig

from btrmd.hal.gpio import PinError
from btrmd.model.commands import ChangeSettings, RestartUnit, StartTest, StopTest
from btrmd.model.discharge import Estimate
from btrmd.owner import action_runner
from btrmd.owner import loop as looping
from btrmd.owner.battery_history import NO_HEALTH, BatteryHistory
from btrmd.owner.sim_speed import SimSpeed


class Watch:
    """Stands in for the module `time`: it stands still unless it is moved."""

    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now


def test_a_tick_is_one_snapshot_and_as_many_steps_as_are_owed(
    make_rig: Callable[..., Rig], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(looping, "time", Watch())  # however slow this machine is
    rig = make_rig(speed=10)
    for n in range(1, 51):
        rig.tick()
        assert rig.bus.snapshot.seq == n
        assert rig.alive == n
    # Ten steps of 0.1 s a tick: each of them was read, and the plant has lived through each.
    assert len(rig.board.reads) == 500
    assert rig.board.reads[-1] == pytest.approx(50.0)
    assert rig.world.plant.plant_s == pytest.approx(50.0)
    assert rig.clock.now() == pytest.approx(50.0)
    assert rig.value("system.uptime") == pytest.approx(50.0)
    assert rig.world.plant.dropped_s == 0.0


def test_on_a_unit_each_tick_is_one_step_and_time_passes_by_itself(
    make_rig: Callable[..., Rig],
) -> None:
    rig = make_rig(speed=1)
    rig.owner._sim_speed = None
    for n in range(1, 4):
        rig.clock.advance(0.1)
        rig.tick()
        assert rig.board.reads == pytest.approx([0.1 * k for k in range(1, n + 1)])
        assert rig.bus.snapshot.faults == ()
    assert rig.alive == 3


class SleepingWatch(Watch):
    """Sleeping moves it, by what is asked for and `over`."""

    def __init__(self) -> None:
        super().__init__()
        self.over = 0.0

    def sleep(self, seconds: float) -> None:
        assert seconds > 0.0
        self.now += seconds + self.over


def test_ten_ticks_a_second_and_no_hurry_after_what_is_gone(
    make_rig: Callable[..., Rig], monkeypatch: pytest.MonkeyPatch
) -> None:
    watch = SleepingWatch()
    monkeypatch.setattr(looping, "time", watch)
    rig = make_rig(speed=1)
    # how long each tick takes, and how much longer than it wanted the loop sleeps after it
    ticks = [(0.02, 0.0), (0.03, 0.03), (0.03, 0.0), (0.35, 0.0), (0.02, 0.0), (0.0, 0.0)]
    began = []

    def tick() -> None:
        began.append(watch.now - 1000.0)
        took, watch.over = ticks[len(began) - 1]
        watch.now += took
        if len(began) == len(ticks):
            rig.owner.stop.set()

    monkeypatch.setattr(rig.owner, "tick", tick)
    rig.owner.run()
    assert began == pytest.approx([0.0, 0.1, 0.23, 0.3, 0.65, 0.75])
    assert rig.owner.lateness.gauges()["tick_lateness_max_seconds"] == pytest.approx(0.03)


@pytest.mark.parametrize("speed", [1.0, 7.0, 60.0, 600.0])
def test_no_step_is_skipped_at_any_speed(make_rig: Callable[..., Rig], speed: float) -> None:
    rig = make_rig(speed=speed)
    rig.tick(20)
    reads = rig.board.reads
    assert reads
    gaps = [b - a for a, b in pairwise(reads)]
    assert gaps == pytest.approx([SimSpeed(speed).step_s] * len(gaps))
    assert rig.world.plant.plant_s == pytest.approx(len(reads) * SimSpeed(speed).step_s)


def test_outputs_of_a_test_reach_the_coils_and_go_when_it_ends(testing: Rig) -> None:
    assert testing.ask(StopTest("test")).ok
    testing.until(lambda: testing.value("test.state") == "idle")
    assert testing.coils() == []
    testing.writer.flush()
    record = testing.history.test(1)
    assert record is not None
    assert (record.result, record.reason) == ("aborted", "Stopped by test.")
    assert list(testing.history.curve(1)) != []


@pytest.mark.parametrize("at_apply", [False, True])
def test_a_step_that_fails_releases_everything_shows_it_and_goes_on(
    testing: Rig, at_apply: bool, caplog: pytest.LogCaptureFixture
) -> None:
    testing.board.fails_at_apply = at_apply
    testing.board.fault = RuntimeError("the moon is in the wrong house")
    testing.tick()
    assert testing.coils() == []
    testing.settle()
    snapshot = testing.bus.snapshot
    assert not snapshot.is_ticking
    assert snapshot.faults[0] == "Internal error: RuntimeError: the moon is in the wrong house"
    assert snapshot.points["test.state"].value == "idle"
    testing.tick(30)
    assert testing.coils() == []
    assert not testing.bus.snapshot.is_ticking
    assert len([r for r in caplog.records if r.levelname == "ERROR"]) == 1  # once a minute

    testing.board.fault = None
    testing.tick()
    assert testing.bus.snapshot.is_ticking
    assert testing.bus.snapshot.faults == ()
    testing.writer.flush()
    record = testing.history.test(1)
    assert record is not None
    assert record.result == "aborted"
    assert "The control loop failed" in record.reason
    testing.tick(20)
    assert testing.coils() == []  # nothing comes back by itself
    assert testing.world.plant.dropped_s == 0.0


def test_an_error_of_ours_is_told_in_its_own_words(rig: Rig) -> None:
    rig.board.fault = PinError("Pin 17 cannot be driven.")
    rig.tick()
    assert rig.bus.snapshot.faults[0] == "Pin 17 cannot be driven."


def test_whoever_waits_when_a_step_fails_gets_an_answer(rig: Rig) -> None:
    rig.board.fails_at_apply = True
    rig.board.fault = RuntimeError("broken")
    future = rig.bus.post(StartTest("1", source="test"))
    rig.tick()
    assert future.done()
    rig.board.fault = None
    rig.tick()
    assert rig.value("test.state") == "idle"  # what was answered or not, nothing runs on


def test_a_step_that_fails_answers_nobody_who_waits_for_the_disk(rig: Rig) -> None:
    gate = rig.hold_writer()
    future = rig.bus.post(ChangeSettings({"site.name": "kept"}, "test"))
    rig.board.fault, rig.board.spared = RuntimeError("broken"), 1
    rig.tick(3)  # the first step takes the command, the next one fails
    assert not rig.bus.snapshot.is_ticking
    assert not future.done()
    rig.board.fault = None
    gate.set()
    assert rig.answer(future).ok
    assert rig.stored() == {"site.name": "kept"}
    rig.tick()
    assert rig.bus.snapshot.is_ticking


def test_a_refusal_is_answered_within_the_tick(make_rig: Callable[..., Rig]) -> None:
    rig = make_rig()
    future = rig.bus.post(StartTest("1", source="test"))
    rig.tick()
    answer = future.result(0)
    assert (answer.ok, answer.code) == (False, "selftest")


def test_the_snapshot_has_the_record_of_the_test_under_way(testing: Rig) -> None:
    record = testing.bus.snapshot.test
    assert record is not None
    assert (record.n, record.type, record.state) == (1, "1", "running")
    assert testing.ask(StopTest("test")).ok
    testing.until(lambda: testing.value("test.state") == "idle")
    assert testing.bus.snapshot.test is None


def test_after_a_hang_the_first_edge_brings_back_no_relay(
    testing: Rig, caplog: pytest.LogCaptureFixture
) -> None:
    testing.world.change({"fault.owner": "hang"})
    alive, seq = testing.alive, testing.bus.snapshot.seq
    testing.tick(5)
    assert (testing.alive, testing.bus.snapshot.seq) == (alive, seq)  # no watchdog, no snapshot
    assert not any(testing.world.plant.relays.contact(name) for name in ("k1", "k2", "k3"))
    testing.world.change({"fault.owner": "off"})
    testing.tick()
    assert testing.coils() == []
    testing.settle()
    assert testing.value("test.state") == "idle"
    assert "The control loop hung for 5 s" in str(testing.value("test.reason"))
    assert testing.bus.snapshot.is_ticking
    assert any("hung for 5 s" in text for text in testing.texts())
    said = [r.getMessage() for r in caplog.records if r.levelname == "ERROR"]
    assert "The control loop hung for 5 s; the hardware had released all relays." in said
    testing.tick(100)
    assert testing.world.plant.dropped_s == 0.0


def test_a_short_delay_is_no_hang(testing: Rig) -> None:
    testing.world.change({"fault.owner": "hang"})
    testing.tick(1)  # 1 s; the hardware waits 2 s
    testing.world.change({"fault.owner": "off"})
    testing.tick(10)
    assert testing.value("test.state") == "running"
    assert testing.coils() == ["k1", "k2"]


def test_a_result_is_shown_once_the_disk_has_it(testing: Rig) -> None:
    """A power cut must not take back what somebody has read."""
    gate = testing.hold_writer()
    testing.bus.post(StopTest("test"))
    testing.until(lambda: testing.owner.state.test.state.value == "idle")
    shown = testing.bus.snapshot
    alive = testing.alive
    testing.tick(2)
    assert testing.bus.snapshot is shown  # at most a second: the loop itself waits for nothing
    assert testing.alive == alive + 2
    assert shown.points["test.state"].value != "idle"
    gate.set()
    testing.settle()
    assert testing.value("test.state") == "idle"
    assert testing.value("test.result") == "aborted"


def test_a_disk_that_takes_no_result_does_not_hide_it(
    testing: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("btrmd.owner.action_runner.SETTLE_S", 0.0)
    gate = testing.hold_writer()
    testing.bus.post(StopTest("test"))
    testing.until(lambda: testing.value("test.state") == "idle")
    gate.set()


def test_the_stop_ends_a_test_with_its_curve_and_releases_everything(testing: Rig) -> None:
    testing.tick(70)
    testing.owner.finish()
    assert testing.coils() == []
    testing.writer.close()
    record = testing.history.test(1)
    assert record is not None
    assert (record.state, record.result, record.reason) == (
        "finished", "aborted", "The daemon stopped."
    )  # fmt: skip
    assert len(list(testing.history.curve(1))) >= 60


def test_the_first_minute_of_a_curve_is_on_disk_at_once(testing: Rig) -> None:
    """A crash right after it must not leave a test without its curve."""
    testing.tick(59)
    testing.writer.flush()
    before = testing.history.pending.row_count
    testing.tick(3)
    testing.until(lambda: len(list(testing.history.curve(1))) >= 60, 5.0)
    assert before == 0
    waiting = threading.Event()
    testing.writer.run(waiting.set)
    assert waiting.wait(10.0)  # the writer has been round
    assert testing.history.pending.row_count == 0


def test_a_restart_that_was_asked_for_stops_the_loop(rig: Rig) -> None:
    answer = rig.ask(RestartUnit("test"))
    assert answer.ok
    rig.until(rig.owner.stop.is_set, 5.0)
    assert rig.owner.wants_restart


def test_run_ticks_until_it_is_told_to_stop(make_rig: Callable[..., Rig]) -> None:
    rig = make_rig(speed=1)
    thread = threading.Thread(target=rig.owner.run)
    thread.start()
    seen = rig.bus.wait_snapshot(3, 10.0)
    rig.owner.stop.set()
    thread.join(10.0)
    assert not thread.is_alive()
    assert seen is not None
    assert seen.seq >= 4
    assert rig.owner.lateness.gauges()["tick_lateness_max_seconds"] < 10.0


def test_the_plant_is_told_whether_the_battery_may_feed_the_load(rig: Rig) -> None:
    assert rig.world.plant.unfed.is_permitted
    assert rig.ask(ChangeSettings({"ups.enabled": False}, "test")).ok
    rig.tick(2)
    assert not rig.world.plant.unfed.is_permitted


def test_single_source_reaches_board_and_plant(rig: Rig) -> None:
    assert rig.ask(ChangeSettings({"system.single_source": True}, "test")).ok
    rig.tick(2)
    assert rig.board.single_source
    assert rig.world.plant.single_source
    assert rig.value("charger.current") is None
    assert rig.bus.snapshot.points["charger.current"].quality.value == "missing"


def test_a_scan_of_three_seconds_does_not_bring_the_coils_up_again(testing: Rig) -> None:
    """A bus that hangs: by the end of the scan the heartbeat circuit has released the coils."""
    assert "k1" in testing.coils()
    edges: list[list[str]] = []

    def hang() -> None:
        testing.board.slow = lambda: None
        testing.clock.advance(3.0)
        testing.world.advance(1.0)
        testing.world.advance(1.0)
        testing.world.advance(1.0)
        edges.append(testing.coils())

    testing.board.slow = hang
    testing.tick()
    assert edges == [[]]  # the hardware has let go by itself
    assert testing.coils() == []
    assert not testing.owner.state.test.is_on
    testing.tick(20)
    assert testing.coils() == []
    assert any("hung for 3 s" in text for text in testing.texts())


def test_a_decision_of_three_seconds_does_not_bring_the_coils_up_again(
    testing: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The scan was in time, but what is decided comes after the hardware has let go."""
    decide = looping.step

    def hang(*asked: Any) -> Any:
        monkeypatch.setattr(looping, "step", decide)
        made = decide(*asked)
        testing.clock.advance(3.0)
        for _ in range(3):
            testing.world.advance(1.0)
        return made

    monkeypatch.setattr(looping, "step", hang)
    assert "k1" in testing.coils()
    testing.tick()
    assert testing.coils() == []
    assert not testing.owner.state.test.is_on
    testing.tick(20)
    assert testing.coils() == []
    assert any("hung for 3 s" in text for text in testing.texts())


def test_a_tick_ends_when_its_time_is_used_up_and_owes_the_rest(
    make_rig: Callable[..., Rig], monkeypatch: pytest.MonkeyPatch
) -> None:
    rig = make_rig(speed=600)  # owes 60 steps a tick
    watch = Watch()
    monkeypatch.setattr(looping, "time", watch)

    def slow() -> None:
        watch.now += 0.02

    rig.board.slow = slow
    rig.tick()
    assert len(rig.board.reads) == 5  # 0.1 s: past the 0.095 that are for steps
    rig.board.slow = lambda: None
    rig.tick()
    assert len(rig.board.reads) == 5 + 115


def test_a_change_of_settings_asks_nothing_of_the_core_that_it_does_not_know(rig: Rig) -> None:
    assert rig.ask(ChangeSettings({"test.type": 2}, "web admin 10.0.0.5")).ok
    rig.tick(3)
    assert not any("Unknown command" in text for text in rig.texts())


def test_the_gauges_are_told_every_50th_snapshot(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    at: list[int] = []
    monkeypatch.setattr(rig.bus, "report_gauges", lambda gauges: at.append(rig.bus.snapshot.seq))
    first = rig.bus.snapshot.seq
    while rig.bus.snapshot.seq < first + 110:
        rig.tick()
    assert len(at) in (2, 3)
    assert [seq % 50 for seq in at] == [0] * len(at)


@pytest.mark.parametrize("rig", [100.0], indirect=True)  # twenty minutes in steps of 1 s
def test_an_estimate_that_fails_drops_nothing_and_is_told(
    testing: Rig, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Whatever error it is: what only tells something must not end a step of what controls."""

    def fail(*_: object) -> Estimate:
        raise ZeroDivisionError("float division by zero")

    monkeypatch.setattr(action_runner, "estimate_of", fail)
    monkeypatch.setattr(BatteryHistory, "news", fail)
    errors = []

    def has_failed() -> bool:
        errors[:] = [one.getMessage() for one in caplog.records if one.levelname == "ERROR"]
        return bool(errors)

    testing.until(has_failed, 1200.0)
    assert errors == ["estimating discharge 1: an error of its own"]
    testing.tick()
    assert testing.bus.snapshot.is_ticking
    assert testing.bus.snapshot.faults == ()
    assert testing.coils() == ["k1", "k2"]
    assert testing.ask(StopTest(source="test")).ok
    testing.until(lambda: testing.value("test.state") == "idle")
    testing.until(lambda: NO_HEALTH in testing.texts())
    assert testing.bus.snapshot.is_ticking
    assert testing.value("battery.soh") is None
    assert testing.world.plant.dropped_s == 0.0
