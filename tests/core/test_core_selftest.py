"""The self-test: what it finds, when it is over, and when its findings are gone."""

from __future__ import annotations

import pytest
from core_scenes import CHIPS, Bench, step_context

from btrmd.core.machines.selftest import SelfTest, step_selftest
from btrmd.core.scan.actions import Tell
from btrmd.core.scan.context import StepContext
from btrmd.model.board import Led
from btrmd.model.commands import RunSelfTest, StartTest

# --- The self-test's own step: what it finds, when it is over, and when its findings are gone ----

RUNNING = SelfTest(started=100.0)


def at(now: float, **put: object) -> StepContext:
    channels = {name: value for name, value in put.items() if name[-2:] in ("_v", "_a")}
    lines = {name: value for name, value in put.items() if name not in channels}
    ctx = step_context(now, **channels)  # type: ignore[arg-type]
    if "temperature" in lines:
        ctx = step_context(now, temperature=lines.pop("temperature"))
    ctx.inputs = ctx.inputs._replace(**lines)  # type: ignore[arg-type]
    return ctx


def told(ctx: StepContext) -> list[tuple[str, object, str]]:
    return [(a.event.key, a.event.value, a.event.text) for a in ctx.actions if isinstance(a, Tell)]


def test_all_well_is_over_after_5_s() -> None:
    assert step_selftest(RUNNING, at(104.9)) is RUNNING
    ctx = at(105.0)
    made = step_selftest(RUNNING, ctx)
    assert made == SelfTest("good", 100.0)
    assert made.is_over
    assert not RUNNING.is_over
    assert told(ctx) == [("system.self_test", "good", "Self-test passed.")]
    assert step_selftest(made, at(106.0, guard=None)) is made


FINDINGS = [
    ({"battery_v": None}, "The battery voltage has no good reading."),
    ({"battery_a": None}, "The battery current has no good reading."),
    ({"load_v": None}, "The load voltage has no good reading."),
    ({"load_a": None}, "The load current has no good reading."),
    ({"supply_v": None}, "The supply voltage has no good reading."),
    ({"supply_a": None}, "The supply current has no good reading."),
    ({"charger_v": None}, "The charger voltage has no good reading."),
    ({"temperature": None}, "The temperature has no good reading."),
    ({"chips": ()}, "No chip of the HAT answers."),
    ({"chips": (("0x40", False), ("0x41", True))}, "Chip 0x40 does not answer."),
    ({"guard": None}, "The GUARD or BATT_PATH line cannot be read."),
    ({"batt_path": None}, "The GUARD or BATT_PATH line cannot be read."),
    ({"storage_ok": False}, "The history cannot be written."),
    ({"clock_ok": False}, "The clock is not set."),
]


@pytest.mark.parametrize(("put", "finding"), FINDINGS)
def test_what_is_found_fails_it_after_15_s(put: dict[str, object], finding: str) -> None:
    assert step_selftest(RUNNING, at(114.9, **put)) is RUNNING
    ctx = at(115.0, **put)
    failed = step_selftest(RUNNING, ctx)
    assert failed == SelfTest("failed", 100.0, (finding,))
    assert told(ctx) == [("system.self_test", "failed", f"Self-test failed: {finding}")]
    assert step_selftest(failed, at(116.0, **put)) is failed
    ctx = at(117.0)
    assert step_selftest(failed, ctx) == SelfTest("good", 100.0)
    assert told(ctx) == [
        ("system.self_test", "good", "What the self-test had found is well again.")
    ]


def test_findings_go_one_by_one_and_none_comes_later() -> None:
    ctx = at(115.0, chips=tuple((chip, False) for chip in CHIPS[:2]))
    failed = step_selftest(RUNNING, ctx)
    assert len(failed.findings) == 2
    ctx = at(120.0, chips=((CHIPS[0], False),), load_v=None)
    left = step_selftest(failed, ctx)
    assert left == SelfTest("failed", 100.0, (f"Chip {CHIPS[0]} does not answer.",))
    assert told(ctx) == []


# --- The first seconds ---------------------------------------------------------------------------

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
