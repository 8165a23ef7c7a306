"""The list before a test: what a start would be asked, in the words of its refusal."""

from __future__ import annotations

import pytest
from core_scenes import VOLTS, Bench
from test_core_start import REASONS, START

from btrmd.core.requests import prechecks
from btrmd.core.scan.context import StepContext
from btrmd.model.snapshot import Precheck


def listed(bench: Bench) -> tuple[Precheck, ...]:
    state = bench.state
    return prechecks(state, StepContext(bench.now, 0.0, state.boot, bench.scan(), state.setpoints))


@pytest.mark.parametrize("volts", VOLTS)
def test_all_is_well_and_a_test_starts(volts: int) -> None:
    bench = Bench(volts=volts)
    assert not all(check.ok for check in listed(bench))  # the self-test is still running
    bench.run(20.0)
    checks = listed(bench)
    assert [check.name for check in checks if not check.ok] == []
    texts = {check.name: check.text for check in checks}
    assert len(texts) == len(checks)
    assert f"must be greater than {12.40 * volts / 12:.2f} V" in texts["Battery voltage"]
    assert bench.ask(START).ok


@pytest.mark.parametrize(("code", "channels", "words"), REASONS)
def test_the_first_that_is_not_good_is_what_a_start_is_refused_with(
    code: str, channels: dict[str, object], words: str
) -> None:
    bench = Bench(ups__enabled=False)
    bench.run(20.0)
    bench.put(**channels)
    bench.run(15.0)
    wrong = [check.text for check in listed(bench) if not check.ok]
    assert words in wrong[0]
    assert wrong[0] == bench.ask(START).text


def test_what_is_not_measured_is_not_shown_as_a_number() -> None:
    bench = Bench(ups__enabled=False)
    bench.run(20.0)
    bench.put(battery_v=None, supply_v=None, charger_v=None, load_a=None, temperature=None)
    bench.run(15.0)
    unknown = {check.name: check for check in listed(bench) if "not known" in check.text}
    assert set(unknown) == {"Supply", "Charger", "Battery voltage", "Load current", "Temperature"}
    assert not any(check.ok for check in unknown.values())


def test_a_test_is_not_taken_for_an_outage_that_is_over() -> None:
    """The supply has not been away: nothing waits for it to hold."""
    bench = Bench()
    bench.start()
    bench.run(5.0)
    texts = {check.name: check.text for check in listed(bench)}
    assert texts["Load"] == "The load is on the battery while the supply is there, as in a test."
    bench.put(supply_v=0.0)
    bench.run(15.0)
    assert {c.name: c.text for c in listed(bench)}["Load"] == "The load is on the battery."
    bench.free("supply_v")
    bench.run(1.0)
    texts = {check.name: check.text for check in listed(bench)}
    assert "The supply is back" in texts["Load"]
