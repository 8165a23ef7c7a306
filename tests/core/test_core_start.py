"""The first seconds: self-test, presence, and every reason against a test, in one sentence."""

from __future__ import annotations

import pytest
from core_scenes import VOLTS, Bench, last, phase, rested, sentences
from station import CHIPS

from btrmd.core.publish import points
from btrmd.core.scan.actions import Forward
from btrmd.model.board import Led
from btrmd.model.commands import (
    CapacityCheck,
    ChangeSettings,
    NextTestIn,
    ResetData,
    RestartUnit,
    RunSelfTest,
    StartTest,
    StopTest,
)
from btrmd.model.readings import STALE

START = StartTest("1", source="test")


@pytest.mark.parametrize("dt", [0.1, 1.0])
def test_the_self_test_takes_at_least_5_s_and_says_it_is_well(dt: float) -> None:
    bench = Bench(dt=dt)
    bench.run(5.0)
    assert bench.state.selftest.state == "running"
    bench.run(1.0)
    assert bench.state.selftest.state == "good"
    assert [event.text for event in bench.reported("system.self_test")] == ["Self-test passed."]


def test_the_self_test_waits_15_s_for_a_silent_chip_and_then_names_it() -> None:
    bench = Bench()
    bench.put(chips=tuple((c, c != "0x4a") for c in CHIPS), battery_v=None, storage_ok=False)
    bench.run(15.0)
    assert bench.state.selftest.state == "running"
    bench.run(1.0)
    assert bench.state.selftest.state == "failed"
    assert bench.state.selftest.findings == (
        "Chip 0x4a does not answer.",
        "The battery voltage has no good reading.",
        "The history cannot be written.",
    )
    bench.run(60.0)
    assert len(bench.reported("system.self_test")) == 1


def test_a_chip_that_answers_late_passes_as_soon_as_it_does() -> None:
    bench = Bench(dt=0.1)
    bench.put(clock_ok=False)
    bench.run(8.0)
    bench.free("clock_ok")
    bench.run(0.2)
    assert bench.state.selftest.state == "good"


def test_what_the_self_test_found_is_told_until_it_is_mended() -> None:
    bench = Bench()
    bench.put(storage_ok=False, clock_ok=False)
    bench.run(16)
    assert bench.state.selftest.findings == (
        "The history cannot be written.",
        "The clock is not set.",
    )
    bench.free("storage_ok")
    bench.run(1)
    assert bench.state.selftest.state == "failed"
    assert bench.state.selftest.findings == ("The clock is not set.",)
    bench.free("clock_ok")
    bench.run(1)
    assert (bench.state.selftest.state, bench.state.selftest.findings) == ("good", ())
    assert (
        bench.reported("system.self_test")[-1].text == "What the self-test had found is well again."
    )


def test_the_button_leds_blink_in_the_self_test_and_are_dark_after() -> None:
    bench = Bench(dt=0.1)
    bench.step()
    assert bench.state.outputs.led_pb1 is bench.state.outputs.led_pb2 is Led.BLINK_2HZ
    bench.run(6.0)
    assert bench.state.outputs.led_pb1 is bench.state.outputs.led_pb2 is Led.OFF
    assert bench.state.outputs.led_status is Led.BLINK_1HZ


def test_a_test_is_refused_until_the_self_test_is_over_and_again_in_a_second_one() -> None:
    bench = Bench()
    assert bench.ask(START).code == "selftest"
    bench.run(20.0)
    assert bench.ask(RunSelfTest("web")).ok
    refused = bench.ask(START)
    assert (refused.code, refused.text) == ("selftest", "The self-test is still running.")
    bench.run(6.0)
    assert bench.ask(START).ok
    assert not bench.ask(RunSelfTest("web")).ok


@pytest.mark.parametrize("volts", VOLTS)
@pytest.mark.parametrize(("name", "limit"), [("supply", 11.5), ("charger", 12.6)])
def test_a_source_is_present_after_10_s_at_its_limit(volts: int, name: str, limit: float) -> None:
    bench = Bench(volts=volts, dt=0.1)
    bench.load_a = 0.1  # too little to prove a supply by its current
    bench.put(**{f"{name}_v": limit - 0.01})
    bench.run(20.0)
    assert not getattr(bench.state.presence, name).present
    bench.put(**{f"{name}_v": limit})
    bench.run(9.8)
    assert not getattr(bench.state.presence, name).present
    bench.run(0.5)
    assert getattr(bench.state.presence, name).present
    bench.put(**{f"{name}_v": limit - 0.01})
    bench.step()
    assert not getattr(bench.state.presence, name).present


REASONS = [
    ("supply", {"supply_v": 11.4, "supply_a": 0.0}, "The supply is not present"),
    ("charger", {"charger_v": 12.5}, "The charger is not present"),
    ("battery", {"battery_v": 12.4, "charger_v": 12.7, "charger_a": 1.0}, "starts only above"),
    ("load", {"load_a": 0.1}, "a test needs at least 0.2 A"),
    ("temperature", {"temperature": 45.0625}, "a test needs 0 to 45 C"),
    ("temperature", {"temperature": -0.0625}, "a test needs 0 to 45 C"),
    ("sensor", {"battery_v": None}, "The battery voltage has no good reading (bad)."),
    ("sensor", {"charger_a": STALE}, "The charger current has no good reading (stale)."),
    ("sensor", {"temperature": None}, "The temperature has no good reading (bad)."),
    ("sensor", {"guard": None}, "The BATT_PATH or GUARD line cannot be read."),
    ("sensor", {"batt_path": None}, "The BATT_PATH or GUARD line cannot be read."),
    ("guard", {"guard": True}, "The bus guard is active."),
    ("alarm", {"storage_ok": False}, "The alarm storage is active."),
    ("alarm", {"load_a": 23.0, "supply_a": 23.3}, "The alarm overcurrent is active."),
]


@pytest.mark.parametrize(("code", "channels", "words"), REASONS)
def test_each_reason_against_a_test_is_one_sentence(
    code: str, channels: dict[str, object], words: str
) -> None:
    bench = Bench(ups__enabled=False)
    bench.run(20.0)
    bench.put(**channels)
    bench.run(15.0)
    refused = bench.ask(START)
    assert (refused.ok, refused.code) == (False, code)
    assert words in refused.text
    assert refused.text.endswith(".")
    assert "\n" not in refused.text
    assert refused.text.isascii()  # SNMP carries it as DisplayString
    assert bench.state.last_reason == refused.text
    assert refused.text in bench.reported("test.refused")[-1].text
    assert phase(bench) == "idle"
    assert not bench.records


@pytest.mark.parametrize("volts", VOLTS)
def test_the_battery_must_be_above_its_start_voltage(volts: int) -> None:
    bench = Bench(volts=volts)
    bench.run(20.0)
    bench.put(battery_v=12.40)
    assert f"{12.40 * volts / 12:.2f} V" in bench.ask(START).text
    bench.put(battery_v=12.41)
    assert bench.ask(START).ok


def test_a_test_without_charger_current_is_possible_on_a_single_source_only() -> None:
    for single in (False, True):
        bench = Bench(system__single_source=single)
        bench.run(20.0)
        bench.put(charger_a=None)
        assert bench.ask(START).ok is single


@pytest.mark.parametrize(
    "command",
    [StartTest("3"), StartTest("1", -0.1), StartTest("1", 500.1), StartTest("1", float("nan"))],
)
def test_a_wrong_type_or_delay_is_refused_with_its_range(command: StartTest) -> None:
    bench = Bench()
    bench.run(20.0)
    refused = bench.ask(command)
    assert refused.code == "range"
    assert "allowed is" in refused.text


def test_a_second_start_is_refused_and_the_first_goes_on() -> None:
    station = rested()
    assert station.ask(START).ok
    refused = station.ask(START)
    assert refused.code == "running"
    assert refused.text == "A test is already proving."
    assert any(refused.text in text for text in sentences(station))
    station.run(40.0)
    assert phase(station) == "running"
    assert last(station).n == 1


def test_the_outputs_are_safe_from_the_first_step() -> None:
    bench = Bench()
    bench.step()
    assert bench.state.outputs[:3] == (False, False, False)


# --- present, absent, not yet known (DESIGN 8b) --------------------------------------------------


def shown(bench: Bench, key: str) -> object:
    return points(bench.state, bench.inputs, {}, bench.now)[key].value


@pytest.mark.parametrize("name", ["supply", "charger"])
def test_before_10_s_it_is_not_known_whether_a_source_is_present(name: str) -> None:
    for there in (True, False):
        bench = Bench(dt=0.1, ups__enabled=False)
        if not there:
            bench.put(**{f"{name}_v": 3.0, f"{name}_a": 0.0})
        bench.step()
        assert shown(bench, f"{name}.present") is None
        bench.run(9.5)
        assert shown(bench, f"{name}.present") is None
        bench.run(1.0)
        assert shown(bench, f"{name}.present") is there


def test_a_refusal_does_not_tell_an_absence_that_is_not_known() -> None:
    bench = Bench(dt=0.1)
    bench.run(6.0)
    refused = bench.ask(START)
    assert (refused.code, refused.text) == (
        "supply", "It is not known yet whether the supply is present: that takes 10 s.",
    )  # fmt: skip
    bench = Bench(dt=0.1, ups__enabled=False)
    bench.run(12.0)
    bench.put(charger_v=None)
    bench.run(1.0)
    bench.free("charger_v")
    bench.run(1.0)
    assert bench.ask(START).text == (
        "It is not known yet whether the charger is present: that takes 10 s."
    )


def test_a_charger_in_bulk_is_present_by_its_current() -> None:
    bench = Bench(dt=0.1)
    bench.put(charger_v=12.2, battery_v=12.17, charger_a=0.06)
    bench.run(9.5)
    assert shown(bench, "charger.present") is None
    bench.run(1.0)
    assert shown(bench, "charger.present") is True
    bench.put(charger_a=0.04)
    bench.run(0.2)
    assert shown(bench, "charger.present") is False


def test_a_low_supply_is_present_while_it_feeds_the_load() -> None:
    bench = Bench(dt=0.1, ups__enabled=False)
    bench.put(supply_v=11.3)
    bench.run(11.0)
    assert shown(bench, "supply.present") is True
    assert "supply.lost" not in bench.alarms
    bench.put(supply_a=0.0)
    bench.run(0.2)
    assert shown(bench, "supply.present") is False
    bench.run(10.5)
    assert "supply.lost" in bench.alarms


def test_a_load_that_is_being_watched_is_not_said_to_be_on_the_battery() -> None:
    bench = Bench(dt=0.1)
    bench.start()
    bench.ask(StopTest("x"))
    bench.until("idle", 20.0)
    bench.ask(StartTest("1", source="x"))
    bench.until("running", 60.0)
    bench.put(supply_v=0.0)
    bench.run(5.0)
    assert bench.ask(START).text == "The load is on the battery."
    bench.free("supply_v")
    while bench.state.outputs.k1:
        bench.step()
    refused = bench.ask(START)
    assert (refused.code, refused.text) == (
        "on_battery", "The load has just returned to the supply and is being watched.",
    )  # fmt: skip


# --- a restart that is due -----------------------------------------------------------------------


@pytest.mark.parametrize(
    "command",
    [
        StartTest("1", source="x"), StartTest("2", 1.0, "x"), NextTestIn(1.0, "x"),
        ChangeSettings({"ups.enabled": False}, "x"), RunSelfTest("x"), RestartUnit("x"),
        CapacityCheck(True, "x"), ResetData(source="x"),
    ],
)  # fmt: skip
def test_nothing_begins_that_a_restart_would_end(command: object) -> None:
    bench = Bench(dt=0.1)
    bench.run(20.0)
    assert bench.ask(RestartUnit("cli")).ok
    refused = bench.ask(command)
    assert (refused.ok, refused.code, refused.text) == (
        False, "restart", "A restart is due; ask again after it.",
    )  # fmt: skip


def test_a_button_that_is_held_asks_for_a_restart_and_keeps_its_own_changes() -> None:
    """F8: PB1's restart is due 3 s after the hold; what restores the defaults passes."""
    bench = Bench(dt=0.1)
    bench.run(20.0)
    bench.put(pb1=True)
    bench.run(15.2)
    bench.put(pb1=False)
    assert bench.ask(START).code == "restart"
    assert phase(bench) == "idle"
    bench.step(ChangeSettings({"web.authorization": "writes"}, "PB1"))
    assert any(isinstance(action, Forward) for action in bench.actions)


def test_both_buttons_held_together_restore_both() -> None:
    """PB1's restart does not refuse the defaults that PB2 asks for in the same moment."""
    bench = Bench(dt=0.1)
    bench.run(20.0)
    bench.put(pb1=True, pb2=True)
    bench.run(15.2)
    bench.put(pb1=False, pb2=False)
    for source, change in (("PB1", {"web.authorization": "writes"}), ("PB2", {"test.type": "1"})):
        bench.step(ChangeSettings(change, source))
        assert any(isinstance(action, Forward) for action in bench.actions), source
    assert bench.ask(ChangeSettings({"test.type": "1"}, "x")).code == "restart"


def test_a_test_that_falls_due_before_a_restart_waits_for_it() -> None:
    bench = Bench(dt=0.1, test__enabled=True, test__interval_h=24)
    bench.run(20.0)
    bench.ask(RestartUnit("cli"))
    bench.state = bench.state._replace(
        restart_at=bench.now + 30.0, schedule=bench.state.schedule._replace(due=bench.now + 1.0),
        float_time=bench.state.float_time._replace(float_s=1e6),
    )  # fmt: skip
    bench.run(20.0)
    assert phase(bench) == "idle"
    assert bench.state.schedule.due is not None
