"""The checks before a test, step by step: each with its time, its border and its sentence."""

from __future__ import annotations

import pytest
from core_scenes import step_context

from btrmd.core.capacity_test.checks import step_checks
from btrmd.core.capacity_test.state import CapacityTest, CheckPhase, Moved, Watch, abort_reason
from btrmd.core.machines.relaywatch import Contact, RelayWatch
from btrmd.core.machines.transfer import Handover, Transfer, Where
from btrmd.core.scan.actions import SaveRecord
from btrmd.core.scan.context import StepContext
from btrmd.model.discharge import TestRecord, TestState

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
    for phase, back in ((CHARGER, Handover.NONE), (TAKEOVER, Handover.RETURN)):
        moved = stepped(proving(phase, 0.1), **{**TAKEN, **put})
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
