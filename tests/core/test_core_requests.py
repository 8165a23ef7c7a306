"""Commands and their answers: resets, settings, restart; each refusal a sentence."""

from __future__ import annotations

import re
from typing import NamedTuple

import pytest
from core_scenes import WALL_0, Bench, phase, step_context

from btrmd.core.capacity_test.state import IDLE, Moved
from btrmd.core.machines.alarms import RaisedAlarm
from btrmd.core.machines.blocks import Blocks
from btrmd.core.machines.charge import ChargeBalance
from btrmd.core.machines.presence import Presence, Source
from btrmd.core.machines.relaywatch import Contact
from btrmd.core.machines.schedule import Schedule
from btrmd.core.publish import points
from btrmd.core.requests import change_refusal, handle, landing_refusal
from btrmd.core.scan.actions import (
    ClearTests,
    ForgetBattery,
    Forward,
    Reply,
    Restart,
    RestoreSettings,
    Tell,
)
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
from btrmd.model.readings import Value
from btrmd.model.site import Site

# --- Commands on a whole station -----------------------------------------------------------------

IDENTITY: dict[str, Value] = {
    "system.model": "BTRM300", "system.firmware": "1.0", "system.build_date": "x",
    "system.serial": "y",
}  # fmt: skip


def shown(bench: Bench, key: str) -> object:
    return points(bench.state, bench.inputs, IDENTITY, bench.now - bench.dt)[key].value


def ready(**settings: object) -> Bench:
    bench = Bench(**settings)
    bench.run(20.0)
    return bench


# --- reset ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("with_settings", [True, False])
def test_a_reset_clears_the_data_and_only_with_settings_the_settings(with_settings: bool) -> None:
    bench = Bench(test__type2_min=1)
    bench.estimate = Estimate(9000.0, 8000.0, 10000.0)
    bench.start("2")
    bench.until("idle", 120.0)
    bench.ask(CapacityCheck(True, "web"))
    assert shown(bench, "test.data_present") is True
    assert bench.ask(ResetData(with_settings, "web")).ok
    restored = [a for a in bench.actions if isinstance(a, RestoreSettings)]
    assert restored == ([RestoreSettings("battery", "web")] if with_settings else [])
    bench.step()
    assert bench.cleared == 1
    assert bench.alarms == ()
    for key, value in [
        ("capacity.state", "unknown"), ("test.data_present", False), ("test.result", "none"),
        ("runtime.estimate", None), ("test.number", None), ("test.reason", ""),
        ("battery.low_capacity", False),
    ]:  # fmt: skip
        assert shown(bench, key) == value, key
    bench.start("2")
    assert bench.state.test.record is not None
    assert bench.state.test.record.n == 2, "numbers are never used again"


IN_A_TEST: list[Command] = [
    CapacityCheck(True, "x"), ResetData(False, "x"), ResetData(True, "x"), RestartUnit("x"),
    RunSelfTest("x"), Calibrate("battery.voltage", "low", 12.0, "x"), StartTest("1", source="x"),
    StartTest("1", 5.0, "x"), ChangeSettings({"system.voltage": 24}, "x"),
]  # fmt: skip


@pytest.mark.parametrize("command", IN_A_TEST, ids=repr)
def test_what_is_refused_in_a_test_is_refused_with_a_sentence(command: Command) -> None:
    bench = Bench()
    bench.start()
    answer = bench.ask(command)
    assert (answer.ok, answer.code) == (False, "running")
    assert answer.text.endswith(".")
    assert answer.text[0].isupper() or answer.text.startswith("system.")
    assert any(answer.text in event.text and event.source == "x" for event in bench.events)
    assert phase(bench) == "running"
    assert bench.cleared == 0
    bench.run(30.0)
    assert phase(bench) == "running"


@pytest.mark.parametrize("state", ["proving", "running", "returning"])
def test_the_running_point_is_true_from_proving_to_returning(state: str) -> None:
    bench = Bench()
    bench.run(20.0)
    bench.ask(StartTest("1", source="x"))
    if state != "proving":
        bench.until("running", 60.0)
    if state == "returning":
        bench.ask(StopTest("x"))
    assert phase(bench) == state
    assert shown(bench, "test.running") is True
    assert shown(bench, "test.state") == state


# --- settings ------------------------------------------------------------------------------------


def change(bench: Bench, **settings: object) -> tuple[bool, str]:
    """(forwarded to the shell, the refusal's sentence)."""
    raw = {key.replace("__", "."): value for key, value in settings.items()}
    answers = bench.step(ChangeSettings(raw, "web"))
    forwarded = any(isinstance(action, Forward) for action in bench.actions)
    assert forwarded is not bool(answers)
    return forwarded, answers[0].text if answers else ""


def test_system_voltage_is_refused_when_the_battery_does_not_fit() -> None:
    bench = ready()
    assert change(bench, system__voltage=24) == (
        False,
        "system.voltage = 24 is refused: allowed with a battery of 20 to 31 V; it is 13.50 V.",
    )
    bench = Bench(site=Site(model="400"), ups__enabled=False)
    bench.put(supply_v=0.0, charger_v=0.0)
    for volts, system, fits in [
        (20.0, 24, True), (19.9, 24, False), (31.0, 24, True), (31.1, 24, False),
        (62.0, 48, True), (62.1, 48, False),
        # 10.0 V a block would do, but the bank is nearer to 13.2 V a block of a smaller one
        (31.7, 36, True), (31.6, 36, False), (45.2, 36, True), (45.3, 36, False),
        (45.3, 48, True), (45.2, 48, False),
    ]:  # fmt: skip
        bench.put(battery_v=volts)
        assert change(bench, system__voltage=system)[0] is fits, (volts, system)


def test_system_voltage_is_refused_when_battery_and_supply_fit_another_one_better() -> None:
    bench = Bench(volts=36, ups__enabled=False)
    bench.run(20.0)
    assert change(bench, system__voltage=48) == (
        False,
        "system.voltage = 48 is refused: allowed is 36, which a battery of 40.50 V and a supply of "
        "40.80 V fit better.",
    )
    bench = Bench(volts=48, ups__enabled=False)
    bench.run(20.0)
    bench.put(battery_v=10.8, charger_v=0.0)  # discharged: by itself it looks like 36 V
    bench.run(2.0)
    assert change(bench, system__voltage=48) == (True, ""), "no change"
    assert not change(bench, system__voltage=36)[0], "the supply says 48"


def test_a_supply_that_does_not_fit_refuses_too() -> None:
    bench = Bench(volts=24, ups__enabled=False)
    bench.run(20.0)
    bench.put(battery_v=15.8, charger_v=0.0)
    assert change(bench, system__voltage=36) == (
        False,
        "system.voltage = 36 is refused: allowed with a supply of 30 to 46.5 V; it is 27.20 V.",
    )


def test_system_voltage_is_refused_while_the_battery_reading_is_bad() -> None:
    bench = ready()
    bench.put(battery_v=None)
    forwarded, text = change(bench, system__voltage=24)
    assert not forwarded
    assert text.endswith("it is not known.")


def test_the_same_system_voltage_again_is_no_change() -> None:
    bench = Bench()
    bench.start()
    assert change(bench, system__voltage=12, site__location="Shed") == (True, "")


@pytest.mark.parametrize("key", ["system__voltage", "system__single_source"])
def test_the_plants_shape_is_refused_in_a_test_and_on_battery(key: str) -> None:
    value: object = 24 if key == "system__voltage" else True
    name = key.replace("__", ".")
    bench = Bench()
    bench.start()
    assert change(bench, **{key: value}) == (False, f"{name} = {value} is refused in a test.")
    bench = ready()
    bench.put(guard=True, supply_v=0.0)
    bench.run(3.0)
    assert change(bench, **{key: value}) == (False, f"{name} = {value} is refused on battery.")


def test_other_settings_may_change_in_a_test() -> None:
    bench = Bench()
    bench.start()
    assert change(bench, ups__enabled=False, test__interval_h=24, io1__config=4) == (True, "")
    assert bench.ask(NextTestIn(5.0, "web")).ok


def test_new_settings_count_from_the_next_step() -> None:
    bench = ready(ups__enabled=False)
    assert bench.state.outputs.k3
    bench.change(ups__enabled=True)
    bench.step()
    assert bench.state.setpoints.ups_enabled
    assert not bench.state.outputs.k3


# --- restart, protocols, answers -----------------------------------------------------------------


def test_a_restart_waits_until_its_answer_is_out() -> None:
    bench = Bench(dt=0.1)
    bench.run(20.0)
    assert bench.ask(RestartUnit("dnp3 10.0.0.7")).ok
    assert not any(isinstance(action, Restart) for action in bench.actions)
    seen = []
    for _ in range(30):
        bench.step()
        seen += [action for action in bench.actions if isinstance(action, Restart)]
    assert seen == [Restart("dnp3 10.0.0.7")]


@pytest.mark.parametrize("source", ["web admin", "modbus 10.0.0.7", "dnp3 10.0.0.8", "snmp", "cli"])
def test_every_way_in_meets_the_same_interlocks(source: str) -> None:
    bench = ready()
    bench.load_a = 0.1
    answer = bench.ask(StartTest(None, 0.0, source))
    assert (answer.ok, answer.code) == (False, "load")
    assert bench.events[-1].source == source


def test_every_command_of_a_step_gets_its_own_answer_in_order() -> None:
    bench = ready()
    answers = bench.step(
        AckAlarm("nothing", "a"), StartTest("1", source="b"), StartTest("1", source="c"),
        NextTestIn(3.0, "d"), StopTest("e"),
    )  # fmt: skip
    assert [answer.code for answer in answers] == ["unknown", "ok", "running", "ok", "ok"]
    assert phase(bench) == "idle"


# --- a rest between starts by protocols ----------------------------------------------------------


def toggled(bench: Bench, source: str, seconds: float) -> list[str]:
    """Start and stop in turn for `seconds`; when it was refused, and how many tests there were."""
    codes = []
    end = bench.now + seconds
    while bench.now < end:
        codes.append(bench.ask(StartTest("1", source=source)).code)
        bench.run(0.4)
        if phase(bench) != "idle":
            bench.ask(StopTest(source))
        bench.run(0.6)
    return codes


def test_protocols_start_a_test_once_a_minute_whoever_they_are() -> None:
    bench = ready()
    before = bench.state.next_n
    toggled(bench, "modbus 10.0.0.5", 25.0)
    toggled(bench, "dnp3 10.0.0.6", 25.0)
    assert bench.state.next_n == before + 1
    answer = bench.ask(StartTest("1", source="snmp 10.0.0.7"))
    assert (answer.ok, answer.code) == (False, "rest")
    assert re.fullmatch(
        r"Start by a protocol refused for \d+ s more: 60 s lie between two of them "
        r"\(test.protocol_rest_s\)\.",
        answer.text,
    )


def test_people_and_the_calendar_need_no_such_rest() -> None:
    bench = ready()
    toggled(bench, "modbus 10.0.0.5", 2.0)
    bench.run(10.0)
    assert bench.ask(StartTest("1", source="web admin 10.0.0.9")).ok


def test_the_rest_is_a_setting() -> None:
    bench = ready(test__protocol_rest_s=0)
    before = bench.state.next_n
    toggled(bench, "modbus 10.0.0.5", 60.0)
    assert bench.state.next_n > before + 1
    bench.change(test__protocol_rest_s=3600)
    bench.run(60.0)
    assert bench.ask(StartTest("1", source="modbus 10.0.0.5")).code == "rest"


# --- Commands, one by one, on a station put by hand: what each does, and each refusal's words ----

HERE = Source(0.0, None, 0.0, True, True)
RECORD = TestRecord(n=3, type="1", state="running", started_at=WALL_0 - 100.0)
RUNNING = IDLE._replace(state=TestState.RUNNING, record=RECORD, k1=True, k2=True)


def ready_state(**more: object) -> State:
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
    done = Done(ready_state(), StartTest("2", 0.0, "web"))
    assert done.answers[0] == Answer(True, data={"n": 7})
    test = done.state.test
    assert (test.state, test.record.n if test.record else 0) == (TestState.PROVING, 7)
    assert test.record is not None
    assert (test.record.type, test.record.source, done.state.next_n) == ("2", "web", 8)
    # without a type, the one that is set
    done = Done(ready_state(), StartTest(None, 0.0, "web"))
    assert done.state.test.record is not None
    assert done.state.test.record.type == "1"


def test_a_start_with_a_delay_waits_and_asks_no_interlock_yet() -> None:
    state = ready_state()
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
    assert refused(ready_state(), command) == ("range", text)
    done = Done(ready_state(), command)
    assert done.state.last_reason == text
    assert done.state.refusal is not None
    assert done.state.refusal.text == text
    assert done.state.next_n == 7


def test_the_longest_delay_is_500_h() -> None:
    assert Done(ready_state(), StartTest("1", 500.0, "x")).answer[0]


def test_only_one_test_at_a_time() -> None:
    for state in (TestState.DELAYED, TestState.RUNNING):
        busy = ready_state(test=RUNNING._replace(state=state))
        assert refused(busy, StartTest("1", 0.0, "x")) == (
            "running", f"A test is already {state.value}.",
        )  # fmt: skip


def test_between_two_starts_by_a_protocol_lie_60_s() -> None:
    def start(last: float, source: str) -> Done:
        return Done(ready_state(protocol_start=last), StartTest("1", 0.0, source))

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
    done = Done(ready_state(test=RUNNING), StopTest("web"))
    assert done.answers[0] == Answer(True, data={"n": 3})
    assert done.moved is not None
    assert done.moved.test == done.state.test
    assert "Stopped by web." in done.moved.test.reason
    unknown = Done(ready_state(test=RUNNING), StopTest(""))
    assert unknown.moved is not None
    assert "Stopped by a user." in unknown.moved.test.reason
    assert refused(ready_state(), StopTest("web")) == ("not_running", "No test is running.")
    returning = ready_state(test=RUNNING._replace(state=TestState.RETURNING))
    assert refused(returning, StopTest("web")) == (
        "not_running", "The test is already returning to the supply.",
    )  # fmt: skip


def test_what_comes_with_a_stop() -> None:
    done = Done(
        ready_state(test=RUNNING), StopTest("web"), StartTest("1", 0.0, "web"), StopTest("x")
    )
    for n in (1, 2):
        assert (done.answers[n].code, done.answers[n].text) == (
            "busy", "A test has just been stopped; ask again.",
        )  # fmt: skip
    estimate = Estimate(100.0, 90.0, 110.0)
    done = Done(ready_state(test=RUNNING), StopTest("web"), EstimateReady(3, estimate))
    assert done.moved is not None
    assert done.moved.test is done.state.test
    assert Done(ready_state(), Note("k", "t", "s")).moved is None


def test_an_acknowledgement() -> None:
    raised = {key: RaisedAlarm("T", 0.0) for key in ("clock", "relay.k2", "settings.defaults")}
    state = ready_state()
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
    state = ready_state(last_reason="R", blocks=Blocks(weak=2, worst=1))
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
    assert refused(ready_state(test=RUNNING), ResetData(settings=False, source="web")) == (
        "running", "A test is running; stop it before the reset.",
    )  # fmt: skip


def test_another_battery() -> None:
    state = ready_state(last_reason="R", blocks=Blocks(weak=2), charge=ChargeBalance(5.0))
    state = state._replace(float_time=state.float_time._replace(float_s=9.0))
    done = Done(state, BatteryReplaced("web"))
    assert done.answers[0] == Answer(True, data={"after": 6})
    assert ForgetBattery(6) in done.ctx.actions
    made = done.state
    assert (made.replaced_after, made.replaced_at, made.last_reason) == (6, WALL_0, "")
    assert (made.blocks, made.charge, made.float_time.float_s) == (Blocks(), ChargeBalance(), 0.0)
    assert Done(state, BatteryReplaced("web", 5.0)).state.replaced_at == 5.0
    assert refused(ready_state(test=RUNNING), BatteryReplaced("web")) == (
        "running", "A test is running; stop it before.",
    )  # fmt: skip
    using = state._replace(battery_use=state.battery_use._replace(on=True))
    assert refused(using, BatteryReplaced("web")) == (
        "on_battery", "The load is on the battery: say it when the supply is back.",
    )  # fmt: skip


def test_what_a_running_test_refuses_and_what_it_does_not() -> None:
    busy = ready_state(test=RUNNING)
    for command in (CapacityCheck(True, "w"), RunSelfTest("w"), RestartUnit("w")):
        assert refused(busy, command) == ("running", "Refused: a test is running.")
    assert refused(busy, Calibrate("battery_v", 12.0, "w"))[1] == (
        "No calibration in a test or on battery."
    )
    using = ready_state()
    using = using._replace(battery_use=using.battery_use._replace(on=True))
    assert refused(using, Calibrate("battery_v", 12.0, "w"))[0] == "running"
    assert (
        Forward(0, Calibrate("battery_v", 12.0, "w"))
        in Done(ready_state(), Calibrate("battery_v", 12.0, "w")).ctx.actions
    )
    assert Done(busy, NextTestIn(5.0, "w")).answers[0].ok
    assert Done(busy, SwitchUnsolicited(True, "w")).state.unsolicited is True


def test_the_smaller_commands() -> None:
    done = Done(ready_state(), CapacityCheck(True, "w"))
    assert (done.answers[0].ok, done.state.health.forced) == (True, True)
    assert Done(ready_state(), RunSelfTest("w")).state.selftest.started == 1000.0
    assert not Done(ready_state(), RunSelfTest("w")).state.selftest.is_over
    done = Done(ready_state(), RestartUnit("web"))
    assert (done.state.restart_at, done.state.restart_source) == (1000.5, "web")
    assert done.told == [("system.restart", None, "Restart asked for.")]
    done = Done(ready_state(), NextTestIn(5.0, "w"))
    assert done.state.schedule.left_s == 18000.0
    for is_on, text in ((True, "on (function 20)"), (False, "off (function 21)")):
        done = Done(ready_state(), SwitchUnsolicited(is_on, "dnp3"))
        assert done.state.unsolicited is is_on
        assert done.told == [
            ("dnp3.unsolicited", is_on, f"The master has switched unsolicited responses {text}.")
        ]
    assert Done(ready_state(), Note("k", "text", "s")).told == [("k", None, "text")]


def test_what_programs_write_is_logged_and_mailed_to_nobody() -> None:
    same = ChangeSettings({"test.type2_min": 60}, "modbus 1.2.3.4", from_wire=True)
    commands = (same, SwitchUnsolicited(True, "dnp3"), Note("k", "t", "s"))
    for command in commands:
        assert Done(ready_state(), command).notified == [False], command
    assert Done(ready_state(), StartTest("3", 0.0, "x")).notified == [False]
    assert Done(ready_state(), StopTest("x")).notified == [False]
    assert Done(ready_state(), RestartUnit("x")).notified == [True]


def test_with_a_restart_due_nothing_else_is_begun() -> None:
    due = ready_state(restart_at=1003.0, restart_source="PB1")
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
    done = Done(ready_state(), command)
    assert done.answers == {}
    assert Forward(0, command) in done.ctx.actions
    same = ChangeSettings({"test.type2_min": 60}, "modbus 1.2.3.4", from_wire=True)
    assert Done(ready_state(), same).told == [
        ("test.type2_min", None, "Setting test.type2_min was written unchanged: 60.")
    ]
    assert Done(ready_state(), same._replace(from_wire=False)).told == []
    # what is no setting of the file, and what does change, is noted elsewhere
    for changes in ({"test.next_h": 5}, {"test.type2_min": 61}):
        assert Done(ready_state(), same._replace(changes=changes)).told == []


def against(changes: dict[str, object], state: State | None = None, **put: object) -> str:
    ctx = step_context(**put)  # type: ignore[arg-type]
    answer = change_refusal(state or ready_state(), changes, ctx.sp.settings, ctx.inputs)
    return "" if answer is None else answer.text


def test_the_plants_shape_is_not_changed_in_a_test_nor_on_battery() -> None:
    using = ready_state()
    using = using._replace(battery_use=using.battery_use._replace(on=True))
    for key, value in (("system.voltage", 24), ("system.single_source", True)):
        assert (
            against({key: value}, ready_state(test=RUNNING))
            == f"{key} = {value} is refused in a test."
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
    gone = ready_state()._replace(presence=Presence(Source(), HERE))
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
    assert (
        landing_refusal(ready_state(), ctx.inputs, old, old.with_changes({"test.type": 2})) is None
    )
    answer = landing_refusal(ready_state(), ctx.inputs, old, new)
    assert answer is not None
    assert answer.code == "interlock"


def test_an_estimate_is_given_to_whoever_waits_for_it() -> None:
    done = Done(ready_state(test=RUNNING), EstimateReady(3, Estimate(100.0, 90.0, 110.0)))
    assert done.answers[0].ok
    assert done.state.test.estimate is not None


def test_health_may_ask_for_a_test_to_confirm_the_last_discharge() -> None:
    state = ready_state(schedule=Schedule(due=1000.0 + 9 * 86400.0))
    ask = HealthReady(soh_pct=80.0, text="T", confirm=True)
    done = Done(state, ask)
    assert done.state.health.soh_pct == 80.0
    assert done.state.schedule.asked_n == 6
    assert any(text.startswith("The last discharge differs") for _, _, text in done.told)
    assert Done(state, ask._replace(text="")).state.schedule.asked_n is None
    assert Done(state, ask._replace(confirm=False)).state.schedule.asked_n is None


def test_nothing_is_driven_by_a_command_itself() -> None:
    assert Done(ready_state(), StartTest("1", 0.0, "web")).state.outputs == Outputs()


def test_a_command_that_nobody_knows_is_refused() -> None:
    class Sing(NamedTuple):
        source: str = "web"

    assert refused(ready_state(), Sing()) == ("unknown", "Unknown command Sing.")  # type: ignore[arg-type]
