"""The checks before a test: each with its time, border and sentence, and what a failure does."""

from __future__ import annotations

import pytest
from core_scenes import (
    VOLTS,
    Bench,
    joined,
    last,
    lie,
    phase,
    rested,
    sentences,
    start,
    step_context,
)
from station import Station

from btrmd.core.capacity_test.checks import step_checks
from btrmd.core.capacity_test.state import CapacityTest, CheckPhase, Moved, Watch, abort_reason
from btrmd.core.machines.relaywatch import Contact, Joined, RelayWatch
from btrmd.core.machines.transfer import Handover, Transfer, Where
from btrmd.core.scan.actions import SaveRecord
from btrmd.core.scan.context import StepContext
from btrmd.model.commands import StartTest, StopTest
from btrmd.model.discharge import TestRecord, TestState
from btrmd.model.readings import STALE

# --- The checks before a test, step by step: each with its time, its border and its sentence -----

NOW = 1000.0
NO_FAULT = RelayWatch()
TAKEN = {"battery_v": 12.6, "battery_a": -2.0, "load_v": 12.5, "supply_a": 0.29, "charger_v": 0.0,
         "charger_a": 0.0}  # fmt: skip


def proving(phase: CheckPhase, seconds: float, ticks: int = 9, **more: object) -> CapacityTest:
    """A test in `phase` for `seconds`; its last scan was the `ticks`th."""
    record = TestRecord(n=7, type="1", source="test")
    takes_over = phase is CheckPhase.TAKEOVER
    test = CapacityTest(
        state=TestState.PROVING, record=record, since=NOW - 40.0, phase=phase,
        phase_since=NOW - seconds, phase_ticks=ticks, k1=takes_over,
        k2=phase is not CheckPhase.PATH,
    )  # fmt: skip
    return test._replace(**more)


def stepped(
    test: CapacityTest, *, where: Where = Where.SUPPLY, relays: RelayWatch = NO_FAULT,
    **put: object,
) -> Moved:  # fmt: skip
    return step_checks(test, Transfer(where), relays, step_context(NOW, **put))  # type: ignore[arg-type]


def outcome(test: CapacityTest, **put: object) -> str:
    """The phase after the step, or why it has failed."""
    moved = stepped(test, **put).test
    return moved.reason or ("running" if moved.state is TestState.RUNNING else moved.phase.value)


PATH, CHARGER, REST, TAKEOVER = (
    CheckPhase.PATH, CheckPhase.CHARGER, CheckPhase.REST, CheckPhase.TAKEOVER,
)  # fmt: skip
QUIET = {"charger_a": 0.0, "battery_a": 0.0}


def test_the_path_must_close_within_1_s() -> None:
    moved = stepped(proving(PATH, 0.1, 1))
    assert (moved.test.phase, moved.test.k2, moved.test.k1) == (CHARGER, True, False)
    assert (moved.test.phase_since, moved.test.phase_ticks) == (NOW, 0)
    failure = "The battery path did not close (BATT_PATH)."
    assert outcome(proving(PATH, 0.9), batt_path=False) == PATH.value
    assert outcome(proving(PATH, 1.0), batt_path=False) == failure
    assert outcome(proving(PATH, 1.0, 1), batt_path=False) == PATH.value  # the second scan only
    assert outcome(proving(PATH, 1.0, 2), batt_path=False) == failure


def test_the_charger_must_let_go_within_2_s() -> None:
    moved = stepped(proving(CHARGER, 0.1), **QUIET)
    assert (moved.test.phase, moved.test.k2) == (REST, True)
    failure = "The charger did not open: it still delivers current."
    assert outcome(proving(CHARGER, 1.9), charger_a=0.1) == CHARGER.value
    assert outcome(proving(CHARGER, 2.0), charger_a=0.1) == failure
    assert outcome(proving(CHARGER, 2.0), charger_a=0.09) == REST.value
    assert outcome(proving(CHARGER, 2.0), charger_a=None) == (
        "The charger current has no good reading."
    )
    # of a single source only the battery's current is known
    single: dict[str, object] = {"changes": {"system.single_source": True}, "charger_a": None}
    assert outcome(proving(CHARGER, 0.1), battery_a=0.09, **single) == REST.value
    assert outcome(proving(CHARGER, 2.0), battery_a=0.1, **single) == failure


@pytest.mark.parametrize("volts", [12, 48])
def test_the_battery_must_stay_above_12_4_v_for_30_s_without_the_charger(volts: int) -> None:
    blocks = volts // 12
    put = {**QUIET, "volts": volts}
    assert outcome(proving(REST, 29.9), **put) == REST.value
    assert outcome(proving(REST, 30.0), **put) == TAKEOVER.value
    assert outcome(proving(REST, 30.0), **put, batt_path=False) == (
        "The battery does not reach the transfer relay (fuse F2 or K3)."
    )
    low = 12.4 * blocks
    assert outcome(proving(REST, 30.0), **put, battery_v=low) == (
        f"Without the charger the battery fell to {low:.2f} V; a test starts only above "
        f"{low:.2f} V."
    )
    assert outcome(proving(REST, 30.0), **put, battery_v=low + 0.01) == TAKEOVER.value
    assert outcome(proving(REST, 29.9), **put, battery_v=low) == REST.value


def test_time_0_is_k1_on() -> None:
    ctx = step_context(NOW, **QUIET)
    moved = step_checks(proving(REST, 30.0), Transfer(), RelayWatch(), ctx).test
    assert (moved.k1, moved.k2, moved.progress.t0) == (True, True, NOW)
    assert moved.record is not None
    assert moved.record.started_at == ctx.inputs.wall
    assert moved.before is not None
    saved = [action for action in ctx.actions if isinstance(action, SaveRecord)]
    assert [action.curve for action in saved] == [True]


@pytest.mark.parametrize(
    ("put", "takes_over"),
    [
        ({}, True),
        ({"supply_a": 0.49}, True), ({"supply_a": 0.5}, False),
        ({"battery_a": -1.6}, True), ({"battery_a": -1.59}, False),
        # 0.5 V a block is what the way from the battery to the load may take
        ({"load_v": 12.11}, True), ({"load_v": 12.09}, False),
        ({"load_a": 0.11, "battery_a": -0.4}, True), ({"load_a": 0.1, "battery_a": -0.4}, False),
    ],
)  # fmt: skip
def test_the_battery_must_take_over_the_load_within_1_s(
    put: dict[str, object], takes_over: bool
) -> None:
    channels = {**TAKEN, **put}
    assert outcome(proving(TAKEOVER, 1.0), **TAKEN) == "running"
    assert outcome(proving(TAKEOVER, 0.9), **channels) == (
        "running" if takes_over else TAKEOVER.value
    )
    if not takes_over:
        moved = stepped(proving(TAKEOVER, 1.0), **channels)
        assert moved.test.reason == "The battery did not take over the load."
        assert (moved.test.k1, moved.test.k2) == (False, False)
        assert moved.handover is Handover.RETURN
        assert not moved.proved


def test_without_the_supplys_current_nothing_is_proven() -> None:
    put = {**TAKEN, "supply_a": None}
    assert outcome(proving(TAKEOVER, 0.9), **put) == TAKEOVER.value
    assert outcome(proving(TAKEOVER, 1.0), **put) == "The supply current has no good reading."


def test_what_is_proven_runs() -> None:
    ctx = step_context(NOW, **TAKEN)
    moved = step_checks(proving(TAKEOVER, 0.5), Transfer(), RelayWatch(), ctx)
    assert moved.proved
    assert moved.handover is Handover.NONE
    assert (moved.test.state, moved.test.since) == (TestState.RUNNING, NOW)
    assert moved.test.phase_since == NOW - 0.5
    assert moved.test.record is not None
    assert moved.test.record.state == "running"
    assert moved.test.policy.planned_s == 7200.0  # without a rating
    rated = step_context(NOW, changes={"battery.rated_ah": 20.0}, **TAKEN)
    moved = step_checks(proving(TAKEOVER, 0.5), Transfer(), RelayWatch(), rated)
    assert moved.test.policy.planned_s == pytest.approx(0.3 * 20.0 / 2.0 * 3600.0)


def test_type_2_runs_for_its_own_time() -> None:
    test = proving(TAKEOVER, 0.5)
    assert test.record is not None
    two = test._replace(record=test.record._replace(type="2"))
    moved = stepped(two, changes={"test.type2_min": 90}, **TAKEN)
    assert moved.test.policy.planned_s == 5400.0


@pytest.mark.parametrize(
    ("put", "reason"),
    [
        ({"guard": True}, "The bus guard closed."),
        ({"where": Where.BATTERY}, "The supply failed the load."),
        ({"relays": RelayWatch(k2=Contact(faulty=True))}, "relay"),
    ],
)
def test_what_ends_the_checks_at_once(put: dict[str, object], reason: str) -> None:
    for check, back in ((CHARGER, Handover.NONE), (TAKEOVER, Handover.RETURN)):
        moved = stepped(proving(check, 0.1), **{**TAKEN, **put})
        if reason == "relay":
            assert "K2" in moved.test.reason
        else:
            assert moved.test.reason == reason
        assert (moved.test.k1, moved.test.k2, moved.handover) == (False, False, back)
        assert moved.suspect == ""


def test_the_checks_take_60_s_at_most() -> None:
    reason = "The checks before the test took longer than 60 s."
    assert outcome(proving(REST, 10.0, since=NOW - 60.0), **QUIET) == REST.value
    assert outcome(proving(REST, 10.0, since=NOW - 60.1), **QUIET) == reason
    # one that passes in the same scan has not failed
    assert outcome(proving(REST, 30.0, since=NOW - 60.1), **QUIET) == TAKEOVER.value


def test_a_reading_that_is_missing_decides_nothing_for_2_s() -> None:
    moved = stepped(proving(REST, 30.0), **{**QUIET, "load_v": None}).test
    assert (moved.phase, moved.reason, moved.watch.sensor) == (REST, "", NOW)
    gone = proving(REST, 30.0, watch=Watch(sensor=NOW - 2.0))
    assert outcome(gone, **{**QUIET, "load_v": None}) == "A needed sensor has no good reading."
    # and in doubt it begins no discharge
    assert outcome(gone, **QUIET) == TAKEOVER.value


@pytest.mark.parametrize(
    ("phase", "odd", "suspect"),
    [
        (PATH, "k3", "k3"), (PATH, "k2", ""), (PATH, "k1", ""),
        (CHARGER, "k2", "k2"), (CHARGER, "k3", ""),
        (TAKEOVER, "k1", "k1"), (TAKEOVER, "k2", "k2"), (TAKEOVER, "k3", ""),
    ],
)  # fmt: skip
def test_a_check_that_fails_suspects_the_relay_that_speaks_against_itself(
    phase: CheckPhase, odd: str, suspect: str
) -> None:
    relays = RelayWatch()._replace(**{odd: Contact(odd_since=NOW - 0.5)})
    put: dict[str, object] = {PATH: {"batt_path": False}, CHARGER: {"charger_a": 1.0},
                              TAKEOVER: {}}[phase]  # fmt: skip
    moved = stepped(proving(phase, 3.0), relays=relays, **put)
    assert moved.test.reason != ""
    assert moved.suspect == suspect
    # not before it has failed
    moved = stepped(proving(phase, 0.1), relays=relays, **put)
    assert (moved.test.reason, moved.suspect) == ("", "")


# --- what ends checks and discharge alike --------------------------------------------------------


def ended(watch: Watch, *, doubtful: bool = False, doubts: dict[str, str] | None = None,
          **put: object) -> str:  # fmt: skip
    ctx: StepContext = step_context(NOW, **put)  # type: ignore[arg-type]
    ctx.is_doubtful, ctx.doubts = doubtful, doubts or {}
    return abort_reason(CapacityTest(watch=watch), ctx)[1]


@pytest.mark.parametrize(
    ("name", "seconds", "put", "reason"),
    [
        ("supply", 2.0, {"supply_v": 11.49}, "The supply was lost (11.49 V)."),
        ("supply", 2.0, {"supply_v": -0.3}, "The supply was lost (0.00 V)."),
        ("balance", 60.0, {"battery_a": -5.0},
         "The currents contradict each other, so that nothing can be concluded from them."),
        ("overcurrent", 5.0, {"load_a": 22.1, "supply_a": 22.4},
         "Over-current: the load takes 22.1 A."),
        ("over_temp", 60.0, {"temperature": 60.1},
         "Over-temperature: the enclosure is at 60.1 C."),
        ("out_of_range", 60.0, {"temperature": 45.1},
         "The temperature of 45.1 C is outside 0 to 45 C."),
        ("out_of_range", 60.0, {"temperature": -0.1},
         "The temperature of -0.1 C is outside 0 to 45 C."),
        *(("sensor", 2.0, {name: None}, "A needed sensor has no good reading.")
          for name in ("battery_v", "battery_a", "load_v", "load_a", "supply_v", "temperature",
                       "guard")),
    ],
)  # fmt: skip
def test_what_aborts_and_after_how_long(
    name: str, seconds: float, put: dict[str, object], reason: str
) -> None:
    ctx = step_context(NOW, **put)  # type: ignore[arg-type]
    watch, text = abort_reason(CapacityTest(), ctx)
    assert getattr(watch, name) == NOW
    assert text == ""
    assert ended(Watch()._replace(**{name: NOW - seconds + 0.1}), **put) == ""
    assert ended(Watch()._replace(**{name: NOW - seconds}), **put) == reason
    # it is over: nothing is left of it
    watch, text = abort_reason(
        CapacityTest(watch=Watch()._replace(**{name: NOW - 999.0})), step_context(NOW)
    )
    assert (watch, text) == (Watch(), "")


@pytest.mark.parametrize(
    ("name", "put"),
    [
        ("supply", {"supply_v": 11.5}), ("overcurrent", {"load_a": 22.0, "supply_a": 22.3}),
        ("over_temp", {"temperature": 60.0}), ("out_of_range", {"temperature": 45.0}),
        ("out_of_range", {"temperature": 0.0}), ("supply", {"supply_v": None}),
        ("over_temp", {"temperature": None}), ("overcurrent", {"load_a": None}),
        ("sensor", {"charger_v": None}), ("balance", {"battery_a": None}),
    ],
)  # fmt: skip
def test_what_does_not(name: str, put: dict[str, object]) -> None:
    watch, _ = abort_reason(CapacityTest(), step_context(NOW, **put))  # type: ignore[arg-type]
    assert getattr(watch, name) is None


def test_a_doubt_ends_it_at_once_in_the_words_of_the_doubt() -> None:
    assert ended(Watch(), doubtful=True) == "Two readings contradict each other."
    words = {"load.voltage": "These two.", "io": "not this"}
    assert ended(Watch(), doubtful=True, doubts=words) == "These two."
    missing = Watch(sensor=NOW - 2.0)
    assert ended(missing, doubts={"load.voltage": "It lies."}, load_v=None) == "It lies."
    assert ended(missing, doubts={"load.voltage": "It lies."}, load_a=None) == (
        "A needed sensor has no good reading."
    )


# --- Proving: each check before the battery carries the load, and what its failure does ----------

START = StartTest("1", source="test")
STEPS = pytest.mark.parametrize("dt", [0.1, 1.0])


def released(station: Station | Bench) -> bool:
    outputs = station.state.outputs
    return not (outputs.k1 or outputs.k2)


def try_test(station: Station) -> str:
    """Start a test that cannot be proved; the reason it was aborted with."""
    answer = station.ask(START)
    assert answer.ok, answer.text
    assert station.until(lambda s: phase(s) == "idle", 61.0), station.state.test
    record = last(station)
    assert (record.state, record.result) == ("finished", "aborted")
    station.run(6.0)
    assert released(station)
    assert station.plant.dropped_s == 0.0
    return record.reason


@pytest.mark.parametrize("volts", VOLTS)
@STEPS
def test_the_order_is_path_charger_rest_and_takeover(volts: int, dt: float) -> None:
    station = rested(volts, dt=dt, ups__enabled=False)
    assert station.state.outputs.k3
    began = station.now
    station.ask(START)
    assert not station.state.outputs.k3
    assert station.plant.sense().batt_path
    assert station.until(lambda s: s.state.outputs.k2, 2.0)
    assert not station.state.outputs.k1
    opened = station.now
    assert station.until(lambda s: s.state.outputs.k1, 40.0)
    assert 30.0 <= station.now - opened <= 30.0 + 3.0
    moved = station.now - dt
    assert station.until(lambda s: phase(s) == "running", 3.0)
    assert station.now - began <= 60.0
    record = last(station)
    assert station.state.test.progress.t0 == pytest.approx(moved), "time 0 is K1 on"
    assert record.started_at == pytest.approx(station.wall - (station.now - moved))
    sense = station.plant.sense()
    assert sense.battery_a < -1.9
    assert sense.supply_a < 0.5
    assert station.plant.dropped_s == 0.0


@STEPS
def test_a_battery_path_that_stays_open_is_found_within_3_s_and_k3_is_latched(dt: float) -> None:
    station = rested(dt=dt, ups__enabled=False)
    station.plant.relay_faults["k3"] = "welded"
    began = station.now
    assert try_test(station) == "The battery path did not close (BATT_PATH)."
    assert station.now - began - 6.0 <= 4.0
    assert station.state.relays.faulty == ("k3",)
    assert "relay.k3" in station.state.alarms.keys


@STEPS
def test_a_welded_charger_relay_is_found_by_its_current(dt: float) -> None:
    station = rested(dt=dt)
    station.plant.battery.set_soc(0.93)
    station.plant.relay_faults["k2"] = "welded"
    station.plant.touch()
    station.run(20.0)
    assert station.plant.sense().charger_a > 0.15
    assert try_test(station) == "The charger did not open: it still delivers current."
    assert station.state.relays.faulty == ("k2",)


@STEPS
def test_a_welded_charger_relay_on_float_is_found_when_it_feeds_the_load(dt: float) -> None:
    station = rested(dt=dt)
    station.plant.relay_faults["k2"] = "welded"
    station.plant.touch()
    assert station.plant.sense().charger_a < 0.1
    try_test(station)
    assert station.state.relays.faulty == ("k2",)


@STEPS
def test_a_battery_that_sags_in_the_rest_is_not_tested(dt: float) -> None:
    station = rested(dt=dt)
    assert station.ask(START).ok, "with the charger on its voltage says nothing"
    assert station.until(lambda s: s.state.outputs.k2, 5.0)
    station.plant.battery.set_soc(0.4)
    station.plant.touch()
    assert station.until(lambda s: phase(s) == "idle", 40.0)
    reason = last(station).reason
    assert reason.startswith("Without the charger the battery fell to 1")
    assert reason.endswith("a test starts only above 12.40 V.")
    assert not any("battery carries the load" in text for text in sentences(station))


@STEPS
def test_a_missing_fuse_is_found_before_the_load_is_moved(dt: float) -> None:
    station = rested(dt=dt)
    station.plant.has_fuse = False
    station.plant.touch()
    reason = try_test(station)
    assert "fuse F2" in reason
    assert not any("battery carries the load" in text for text in sentences(station))


@STEPS
@pytest.mark.parametrize("fault", ["open", "welded"])
def test_a_transfer_relay_that_does_not_move_is_found_in_a_second(dt: float, fault: str) -> None:
    station = rested(dt=dt)
    station.plant.relay_faults["k1"] = fault
    assert try_test(station) == "The battery did not take over the load."
    assert station.state.relays.faulty == ("k1",)
    refused = station.ask(START)
    assert refused.code == "relay"
    assert "K1" in refused.text


def test_a_load_that_is_switched_off_in_the_rest_cannot_prove_anything() -> None:
    station = rested(dt=0.1)
    station.ask(START)
    station.run(10.0)
    station.plant.load.hold(0.0)
    station.plant.touch()
    assert station.until(lambda s: phase(s) == "idle", 60.0)
    assert last(station).reason == "The battery did not take over the load."
    assert station.state.relays.faulty == ()


def test_a_small_load_on_a_low_supply_is_proved_too() -> None:
    """A 12.5 V supply below the battery: the HAT lives on the battery while the charger is off."""
    for load_a in (0.25, 0.3, 0.35, 0.45, 0.6, 1.0):
        station = rested(dt=0.1, load_a=load_a, rated_ah=7.0)
        station.plant.supply.volts = 12.3
        station.plant.touch()
        station.run(15.0)
        assert station.plant.sense().supply_v < station.plant.sense().battery_v
        start(station)
        station.run(10.0)
        assert phase(station) == "running", (load_a, last(station).reason)
        station.ask(StopTest("test"))
        station.run(20.0)
        assert station.state.relays.faulty == (), load_a


def test_a_dead_k1_is_latched_on_a_low_supply_too() -> None:
    station = rested(dt=0.1)
    station.plant.supply.volts = 12.3
    station.plant.relay_faults["k1"] = "open"
    station.plant.touch()
    station.run(15.0)
    try_test(station)
    assert station.state.relays.faulty == ("k1",)


FAILURES = [
    ("path", {"batt_path": False}, "The battery path did not close (BATT_PATH)."),
    ("charger", {"charger_a": 0.12}, "The charger did not open: it still delivers current."),
    ("charger", {"charger_a": None}, "The charger current has no good reading."),
    ("rest", {"battery_v": 12.40}, "Without the charger the battery fell to 12.40 V"),
    ("rest", {"batt_path": False}, "fuse F2"),
    ("rest", {"guard": True}, "The bus guard closed."),
    ("rest", {"battery_v": STALE}, "A needed sensor has no good reading."),
    ("rest", {"load_a": None}, "A needed sensor has no good reading."),
    ("rest", {"guard": None}, "A needed sensor has no good reading."),
    ("rest", {"supply_v": 11.4}, "The supply was lost (11.40 V)."),
    ("rest", {"load_a": 23.0}, "Over-current: the load takes 23.0 A."),
    ("takeover", {"supply_a": 0.5}, "The battery did not take over the load."),
    ("takeover", {"supply_a": None}, "The supply current has no good reading."),
    ("takeover", {"battery_a": -1.59}, "The battery did not take over the load."),
    ("takeover", {"load_v": 12.09}, "The battery did not take over the load."),
    ("takeover", {"guard": True}, "The bus guard closed."),
]


@STEPS
@pytest.mark.parametrize(("at", "channels", "words"), FAILURES)
def test_each_failure_releases_k1_and_k2_and_says_why(
    at: str, channels: dict[str, object], words: str, dt: float
) -> None:
    bench = Bench(dt=dt, ups__enabled=False)
    bench.run(20.0)
    assert bench.ask(START).ok
    limit = bench.now + 45.0
    while bench.state.test.phase.value != at:
        bench.step()
        assert bench.now < limit
    bench.put(**channels)
    while phase(bench) == "proving":
        bench.step()
        assert bench.now < limit
    record = last(bench)
    assert (phase(bench), record.result) == ("idle", "aborted")
    assert words in record.reason
    assert bench.state.last_reason == record.reason
    assert released(bench)
    assert bench.reported("test.result")[-1].text == f"Test 1 was aborted: {record.reason}"


@STEPS
def test_values_at_the_limit_pass(dt: float) -> None:
    bench = Bench(dt=dt)
    bench.run(20.0)
    bench.load_a = 0.2
    assert bench.ask(START).ok
    bench.run(20.0)
    bench.put(battery_v=12.41, charger_a=0.099)
    while bench.state.test.phase.value != "takeover":
        bench.step()
    bench.put(supply_a=0.499, battery_a=-0.161, load_v=11.92)
    bench.run(2.0)
    assert phase(bench) == "running"


def test_one_bad_scan_decides_nothing() -> None:
    bench = Bench(dt=0.1)
    bench.run(20.0)
    bench.ask(START)
    bench.run(10.0)
    bench.put(battery_v=None, load_v=None)
    bench.run(1.5)
    assert phase(bench) == "proving"
    bench.free("battery_v", "load_v")
    bench.until("running", 60.0)


def test_a_supply_that_flickers_forever_ends_within_a_minute() -> None:
    bench = Bench(dt=0.1)
    bench.run(20.0)
    bench.ask(START)
    began = bench.now
    while phase(bench) == "proving" and bench.now - began < 90.0:
        bench.put(batt_path=False) if round(bench.now * 10) % 3 else bench.free("batt_path")
        bench.step()
    assert bench.now - began <= 61.0


def test_a_stop_in_the_proving_ends_it_at_once() -> None:
    for wait in ("charger", "rest", "takeover"):
        station = rested(dt=0.1)
        station.ask(START)
        assert station.until(lambda s, w=wait: s.state.test.phase.value == w, 40.0)
        assert phase(station) == "proving"
        assert station.ask(StopTest("web")).ok
        assert (phase(station), last(station).result) == ("idle", "aborted")
        assert last(station).reason == "Stopped by web."
        assert released(station)


@STEPS
def test_a_supply_lost_while_k1_closes_is_carried_by_the_battery(dt: float) -> None:
    station = rested(dt=dt, ups__enabled=False)
    station.ask(START)
    assert station.until(lambda s: s.state.outputs.k2, 5.0)
    station.run(20.0)
    station.plant.supply.on = False
    station.plant.touch()
    station.run(30.0)
    assert last(station).type == "outage" or phase(station) == "idle"
    assert station.records[1].result == "aborted"
    assert station.plant.dropped_s == 0.0
    assert station.plant.sense().load_v > 11.5
    assert station.state.on_battery


@pytest.mark.parametrize("text", ["+0.3", "+1.5", "drift:60"])
@pytest.mark.parametrize("volts", [12, 36])
def test_a_current_of_a_joined_source_that_lies_blames_no_k2(volts: int, text: str) -> None:
    """What the battery gives shows that the source is parted from the load."""
    station = joined(volts)
    lie(station, "supply.current", text)
    station.run(40.0)
    station.ask(StartTest("2", source="test"))
    station.run(70.0)
    assert not [key for key in station.state.alarms.keys if key.startswith("relay.")]


def test_on_a_joined_source_a_relay_is_suspected_by_currents_that_add_up() -> None:
    """The source gives more than the unit takes, and the battery less than 0.8 of the load."""
    before = Joined(drop=0.1, battery_a=0.0)

    def suspect(supply_a: float, battery_a: float) -> str:
        test = proving(TAKEOVER, 3.0, before=before)
        site = {"changes": {"system.single_source": True}, "charger_a": None, "load_a": 2.0}
        return stepped(test, supply_a=supply_a, battery_a=battery_a, **site).suspect

    assert suspect(2.3, 0.0) == "k1"
    assert suspect(0.45, -1.5) == "k2"
    assert suspect(0.44, -1.5) == "", "it may be the unit's own 0.29 A, and 0.15"
    assert suspect(0.8, -1.59) == "k2"
    assert suspect(0.8, -1.61) == "", "the battery carries it"
    assert suspect(2.3, -1.5) == "", "a current lies"
