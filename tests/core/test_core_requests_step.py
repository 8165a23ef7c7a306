"""Commands, one by one, on a station put by hand: what each does, and each refusal's words."""

from __future__ import annotations

from typing import NamedTuple

import pytest
from core_scenes import WALL_0, step_context

from btrmd.core.capacity_test.state import IDLE, Moved
from btrmd.core.machines.alarms import RaisedAlarm
from btrmd.core.machines.blocks import Blocks
from btrmd.core.machines.charge import ChargeBalance
from btrmd.core.machines.presence import Presence, Source
from btrmd.core.machines.relaywatch import Contact
from btrmd.core.machines.schedule import Schedule
from btrmd.core.requests import change_refusal, handle, landing_refusal
from btrmd.core.scan.actions import ClearTests, ForgetBattery, Forward, Reply, RestoreSettings, Tell
from btrmd.core.scan.context import StepContext
from btrmd.core.state import State, new_state
from btrmd.model.board import Outputs
from btrmd.model.commands import (
    AckAlarm,
    Answer,
    BatteryReplaced,
    Calibrate,
    CapacityCheck,
    ChangeSettings,
    Command,
    EstimateReady,
    HealthReady,
    NextTestIn,
    Note,
    ResetData,
    RestartUnit,
    RunSelfTest,
    StartTest,
    StopTest,
    SwitchUnsolicited,
)
from btrmd.model.discharge import Estimate, TestRecord, TestState

HERE = Source(0.0, None, 0.0, True, True)
RECORD = TestRecord(n=3, type="1", state="running", started_at=WALL_0 - 100.0)
RUNNING = IDLE._replace(state=TestState.RUNNING, record=RECORD, k1=True, k2=True)


def ready(**more: object) -> State:
    """A station on which a test may start."""
    state = new_state(step_context().sp, 0.0)
    return state._replace(
        presence=Presence(HERE, HERE), selftest=state.selftest._replace(state="good"), next_n=7,
        **more,
    )  # type: ignore[arg-type] # fmt: skip


class Done:
    """What one or more commands have done: state, answers by position, lines of the log."""

    def __init__(self, state: State, *commands: Command, ctx: StepContext | None = None) -> None:
        self.ctx = ctx or step_context()
        self.moved: Moved | None
        self.state, self.moved = handle(state, commands, self.ctx)
        self.answers: dict[int, Answer] = {
            a.position: a.answer for a in self.ctx.actions if isinstance(a, Reply)
        }
        self.told = [
            (a.event.key, a.event.value, a.event.text)
            for a in self.ctx.actions
            if isinstance(a, Tell)
        ]

    @property
    def notified(self) -> list[bool]:
        """Whether each line of the log goes to people as well."""
        return [a.event.notify for a in self.ctx.actions if isinstance(a, Tell)]

    @property
    def answer(self) -> tuple[bool, str, str]:
        answer = self.answers[0]
        return answer.ok, answer.code, answer.text


def refused(state: State, command: Command) -> tuple[str, str]:
    """(code, sentence) of a refusal, which the log carries too."""
    done = Done(state, command)
    ok, code, text = done.answer
    assert not ok
    key = "test.refused" if isinstance(command, StartTest | StopTest) else "command.refused"
    word = "Test refused: " if isinstance(command, StartTest) else ""
    assert (key, None, word + text) in done.told
    return code, text


def test_a_start_begins_a_test_with_the_next_number() -> None:
    done = Done(ready(), StartTest("2", 0.0, "web"))
    assert done.answers[0] == Answer(True, data={"n": 7})
    test = done.state.test
    assert (test.state, test.record.n if test.record else 0) == (TestState.PROVING, 7)
    assert test.record is not None
    assert (test.record.type, test.record.source, done.state.next_n) == ("2", "web", 8)
    # without a type, the one that is set
    done = Done(ready(), StartTest(None, 0.0, "web"))
    assert done.state.test.record is not None
    assert done.state.test.record.type == "1"


def test_a_start_with_a_delay_waits_and_asks_no_interlock_yet() -> None:
    state = ready()
    state = state._replace(lvd=state.lvd._replace(is_open=True))
    done = Done(state, StartTest("1", 2.0, "web"))
    assert done.state.test.state is TestState.DELAYED
    assert done.state.test.due == 1000.0 + 7200.0
    assert refused(state, StartTest("1", 0.0, "web"))[0] == "lvd"


@pytest.mark.parametrize(
    ("command", "text"),
    [
        (StartTest("3", 0.0, "x"), "Test type '3' is refused: allowed is 1 or 2."),
        (StartTest("1", -0.1, "x"), "A delay of -0.1 h is refused: allowed is 0 to 500 h."),
        (StartTest("1", 500.1, "x"), "A delay of 500.1 h is refused: allowed is 0 to 500 h."),
    ],
)
def test_a_start_out_of_range(command: StartTest, text: str) -> None:
    assert refused(ready(), command) == ("range", text)
    done = Done(ready(), command)
    assert done.state.last_reason == text
    assert done.state.refusal is not None
    assert done.state.refusal.text == text
    assert done.state.next_n == 7


def test_the_longest_delay_is_500_h() -> None:
    assert Done(ready(), StartTest("1", 500.0, "x")).answer[0]


def test_only_one_test_at_a_time() -> None:
    for state in (TestState.DELAYED, TestState.RUNNING):
        busy = ready(test=RUNNING._replace(state=state))
        assert refused(busy, StartTest("1", 0.0, "x")) == (
            "running", f"A test is already {state.value}.",
        )  # fmt: skip


def test_between_two_starts_by_a_protocol_lie_60_s() -> None:
    def start(last: float, source: str) -> Done:
        return Done(ready(protocol_start=last), StartTest("1", 0.0, source))

    done = start(940.5, "modbus 1.2.3.4")
    assert done.answer == (
        False, "rest",
        "Start by a protocol refused for 1 s more: 60 s lie between two of them "
        "(test.protocol_rest_s).",
    )  # fmt: skip
    done = start(940.0, "modbus 1.2.3.4")
    assert done.answer[0]
    assert done.state.protocol_start == 1000.0
    people = start(999.0, "web admin 1.2.3.4")
    assert people.answer[0]
    assert people.state.protocol_start == 999.0


def test_a_stop() -> None:
    done = Done(ready(test=RUNNING), StopTest("web"))
    assert done.answers[0] == Answer(True, data={"n": 3})
    assert done.moved is not None
    assert done.moved.test == done.state.test
    assert "Stopped by web." in done.moved.test.reason
    unknown = Done(ready(test=RUNNING), StopTest(""))
    assert unknown.moved is not None
    assert "Stopped by a user." in unknown.moved.test.reason
    assert refused(ready(), StopTest("web")) == ("not_running", "No test is running.")
    returning = ready(test=RUNNING._replace(state=TestState.RETURNING))
    assert refused(returning, StopTest("web")) == (
        "not_running", "The test is already returning to the supply.",
    )  # fmt: skip


def test_what_comes_with_a_stop() -> None:
    done = Done(ready(test=RUNNING), StopTest("web"), StartTest("1", 0.0, "web"), StopTest("x"))
    for n in (1, 2):
        assert (done.answers[n].code, done.answers[n].text) == (
            "busy", "A test has just been stopped; ask again.",
        )  # fmt: skip
    estimate = Estimate(100.0, 90.0, 110.0)
    done = Done(ready(test=RUNNING), StopTest("web"), EstimateReady(3, estimate))
    assert done.moved is not None
    assert done.moved.test is done.state.test
    assert Done(ready(), Note("k", "t", "s")).moved is None


def test_an_acknowledgement() -> None:
    raised = {key: RaisedAlarm("T", 0.0) for key in ("clock", "relay.k2", "settings.defaults")}
    state = ready()
    state = state._replace(alarms=state.alarms._replace(raised=raised))
    assert Done(state, AckAlarm("x", "web")).answer == (False, "unknown", "No alarm 'x' is raised.")
    done = Done(state, AckAlarm("clock", "web"))
    assert done.answers[0].ok
    assert [a.acknowledged for a in done.state.alarms.raised.values()] == [True, False, False]
    assert not done.state.settings_seen
    assert Done(state, AckAlarm("settings.defaults", "web")).state.settings_seen
    latched = state._replace(relays=state.relays._replace(k2=Contact(faulty=True)))
    done = Done(latched, AckAlarm("relay.k2", "web"))
    assert done.answers[0].text == ""
    assert not done.state.relays.k2.faulty
    still = state._replace(relays=state.relays._replace(k2=Contact(faulty=True, odd_since=1.0)))
    done = Done(still, AckAlarm("relay.k2", "web"))
    assert done.answers[0].text == "Acknowledged; the cause is still there."
    assert done.state.relays.k2.faulty
    assert done.state.alarms.raised["relay.k2"].acknowledged


def test_a_reset() -> None:
    state = ready(last_reason="R", blocks=Blocks(weak=2, worst=1))
    state = state._replace(health=state.health._replace(last=RECORD))
    done = Done(state, ResetData(settings=False, source="web"))
    assert done.answers[0].ok
    assert [a for a in done.ctx.actions if isinstance(a, ClearTests | RestoreSettings)] == [
        ClearTests("web")
    ]
    assert done.state.health.last is None
    assert done.state.last_reason == ""
    assert done.state.blocks == Blocks(worst=1)
    done = Done(state, ResetData(settings=True, source="PB2"))
    assert RestoreSettings("battery", "PB2") in done.ctx.actions
    assert refused(ready(test=RUNNING), ResetData(settings=False, source="web")) == (
        "running", "A test is running; stop it before the reset.",
    )  # fmt: skip


def test_another_battery() -> None:
    state = ready(last_reason="R", blocks=Blocks(weak=2), charge=ChargeBalance(5.0))
    state = state._replace(float_time=state.float_time._replace(float_s=9.0))
    done = Done(state, BatteryReplaced("web"))
    assert done.answers[0] == Answer(True, data={"after": 6})
    assert ForgetBattery(6) in done.ctx.actions
    made = done.state
    assert (made.replaced_after, made.replaced_at, made.last_reason) == (6, WALL_0, "")
    assert (made.blocks, made.charge, made.float_time.float_s) == (Blocks(), ChargeBalance(), 0.0)
    assert Done(state, BatteryReplaced("web", 5.0)).state.replaced_at == 5.0
    assert refused(ready(test=RUNNING), BatteryReplaced("web")) == (
        "running", "A test is running; stop it before.",
    )  # fmt: skip
    using = state._replace(battery_use=state.battery_use._replace(on=True))
    assert refused(using, BatteryReplaced("web")) == (
        "on_battery", "The load is on the battery: say it when the supply is back.",
    )  # fmt: skip


def test_what_a_running_test_refuses_and_what_it_does_not() -> None:
    busy = ready(test=RUNNING)
    for command in (CapacityCheck(True, "w"), RunSelfTest("w"), RestartUnit("w")):
        assert refused(busy, command) == ("running", "Refused: a test is running.")
    assert refused(busy, Calibrate("battery_v", 12.0, "w"))[1] == (
        "No calibration in a test or on battery."
    )
    using = ready()
    using = using._replace(battery_use=using.battery_use._replace(on=True))
    assert refused(using, Calibrate("battery_v", 12.0, "w"))[0] == "running"
    assert (
        Forward(0, Calibrate("battery_v", 12.0, "w"))
        in Done(ready(), Calibrate("battery_v", 12.0, "w")).ctx.actions
    )
    assert Done(busy, NextTestIn(5.0, "w")).answers[0].ok
    assert Done(busy, SwitchUnsolicited(True, "w")).state.unsolicited is True


def test_the_smaller_commands() -> None:
    done = Done(ready(), CapacityCheck(True, "w"))
    assert (done.answers[0].ok, done.state.health.forced) == (True, True)
    assert Done(ready(), RunSelfTest("w")).state.selftest.started == 1000.0
    assert not Done(ready(), RunSelfTest("w")).state.selftest.is_over
    done = Done(ready(), RestartUnit("web"))
    assert (done.state.restart_at, done.state.restart_source) == (1000.5, "web")
    assert done.told == [("system.restart", None, "Restart asked for.")]
    done = Done(ready(), NextTestIn(5.0, "w"))
    assert done.state.schedule.left_s == 18000.0
    for is_on, text in ((True, "on (function 20)"), (False, "off (function 21)")):
        done = Done(ready(), SwitchUnsolicited(is_on, "dnp3"))
        assert done.state.unsolicited is is_on
        assert done.told == [
            ("dnp3.unsolicited", is_on, f"The master has switched unsolicited responses {text}.")
        ]
    assert Done(ready(), Note("k", "text", "s")).told == [("k", None, "text")]


def test_what_programs_write_is_logged_and_mailed_to_nobody() -> None:
    same = ChangeSettings({"test.type2_min": 60}, "modbus 1.2.3.4", from_wire=True)
    commands = (same, SwitchUnsolicited(True, "dnp3"), Note("k", "t", "s"))
    for command in commands:
        assert Done(ready(), command).notified == [False], command
    assert Done(ready(), StartTest("3", 0.0, "x")).notified == [False]
    assert Done(ready(), StopTest("x")).notified == [False]
    assert Done(ready(), RestartUnit("x")).notified == [True]


def test_with_a_restart_due_nothing_else_is_begun() -> None:
    due = ready(restart_at=1003.0, restart_source="PB1")
    text = "A restart is due; ask again after it."
    for command in (StartTest("1", 0.0, "web"), NextTestIn(5.0, "w"), RestartUnit("w"),
                    ChangeSettings({"test.type": 2}, "web")):  # fmt: skip
        assert refused(due, command) == ("restart", text)
    assert Done(due, Note("k", "t", "s")).answers[0].ok
    assert Done(due, HealthReady(soh_pct=1.0)).answers[0].ok
    # what PB1 and PB2 ask for, held together, is carried out
    for source in ("PB1", "PB2"):
        command = ChangeSettings({"test.type": 2}, source)
        assert Forward(0, command) in Done(due, command).ctx.actions
        assert refused(due, StartTest("1", 0.0, source))[0] == "restart"


def test_a_change_is_forwarded_and_what_is_written_unchanged_is_noted_for_a_wire() -> None:
    command = ChangeSettings({"test.type": 2}, "web")
    done = Done(ready(), command)
    assert done.answers == {}
    assert Forward(0, command) in done.ctx.actions
    same = ChangeSettings({"test.type2_min": 60}, "modbus 1.2.3.4", from_wire=True)
    assert Done(ready(), same).told == [
        ("test.type2_min", None, "Setting test.type2_min was written unchanged: 60.")
    ]
    assert Done(ready(), same._replace(from_wire=False)).told == []
    # what is no setting of the file, and what does change, is noted elsewhere
    for changes in ({"test.next_h": 5}, {"test.type2_min": 61}):
        assert Done(ready(), same._replace(changes=changes)).told == []


def against(changes: dict[str, object], state: State | None = None, **put: object) -> str:
    ctx = step_context(**put)  # type: ignore[arg-type]
    answer = change_refusal(state or ready(), changes, ctx.sp.settings, ctx.inputs)
    return "" if answer is None else answer.text


def test_the_plants_shape_is_not_changed_in_a_test_nor_on_battery() -> None:
    using = ready()
    using = using._replace(battery_use=using.battery_use._replace(on=True))
    for key, value in (("system.voltage", 24), ("system.single_source", True)):
        assert (
            against({key: value}, ready(test=RUNNING)) == f"{key} = {value} is refused in a test."
        )
        assert against({key: value}, using) == f"{key} = {value} is refused on battery."
    assert against({"system.voltage": 12}, using) == "", "it is so already"
    assert against({"system.single_source": True}) == ""
    assert against({"test.type": 2}, using) == ""


def test_system_voltage_must_fit_battery_and_supply() -> None:
    assert against({"system.voltage": 24}) == (
        "system.voltage = 24 is refused: allowed with a battery of 20 to 31 V; it is 13.50 V."
    )
    both = {"battery_v": 27.0, "supply_v": 27.2}
    assert against({"system.voltage": 24}, **both) == ""
    assert against({"system.voltage": 24}, battery_v=27.0, supply_v=13.6) == (
        "system.voltage = 24 is refused: allowed with a supply of 20 to 31 V; it is 13.60 V."
    )
    # a supply that is not there, or not known, has no word
    gone = ready()._replace(presence=Presence(Source(), HERE))
    assert against({"system.voltage": 24}, gone, battery_v=27.0, supply_v=13.6) == ""
    assert against({"system.voltage": 24}, battery_v=27.0, supply_v=None) == ""
    assert against({"system.voltage": 24}, battery_v=None, supply_v=27.2) == (
        "system.voltage = 24 is refused: allowed with a battery of 20 to 31 V; it is not known."
    )
    # both fit another one better
    assert against({"system.voltage": 48}, battery_v=40.5, supply_v=40.8) == (
        "system.voltage = 48 is refused: allowed is 36, which a battery of 40.50 V and a supply "
        "of 40.80 V fit better."
    )
    assert against({"system.voltage": 48}, battery_v=40.5, supply_v=52.0) == ""
    # each fits another one better: nobody knows which
    assert against({"system.voltage": 36}, battery_v=30.0, supply_v=46.5) == ""


def test_a_change_that_lands_late_is_asked_again() -> None:
    ctx = step_context()
    old = ctx.sp.settings
    new = old.with_changes({"system.voltage": 24, "test.type": 2})
    assert landing_refusal(ready(), ctx.inputs, old, old.with_changes({"test.type": 2})) is None
    answer = landing_refusal(ready(), ctx.inputs, old, new)
    assert answer is not None
    assert answer.code == "interlock"


def test_an_estimate_is_given_to_whoever_waits_for_it() -> None:
    done = Done(ready(test=RUNNING), EstimateReady(3, Estimate(100.0, 90.0, 110.0)))
    assert done.answers[0].ok
    assert done.state.test.estimate is not None


def test_health_may_ask_for_a_test_to_confirm_the_last_discharge() -> None:
    state = ready(schedule=Schedule(due=1000.0 + 9 * 86400.0))
    ask = HealthReady(soh_pct=80.0, text="T", confirm=True)
    done = Done(state, ask)
    assert done.state.health.soh_pct == 80.0
    assert done.state.schedule.asked_n == 6
    assert any(text.startswith("The last discharge differs") for _, _, text in done.told)
    assert Done(state, ask._replace(text="")).state.schedule.asked_n is None
    assert Done(state, ask._replace(confirm=False)).state.schedule.asked_n is None


def test_nothing_is_driven_by_a_command_itself() -> None:
    assert Done(ready(), StartTest("1", 0.0, "web")).state.outputs == Outputs()


def test_a_command_that_nobody_knows_is_refused() -> None:
    class Sing(NamedTuple):
        source: str = "web"

    assert refused(ready(), Sing()) == ("unknown", "Unknown command Sing.")  # type: ignore[arg-type]
