"""Why a scheduled test that is due has not begun: one sentence, with until when it waits."""

from __future__ import annotations

import pytest
from core_scenes import Bench

from btrmd.core.publish import points
from btrmd.core.waiting import waiting_of
from btrmd.model.commands import StartTest
from btrmd.model.schedule import StartWait, format_waiting

AT = 1_780_000_000.0  # 2026-05-28 20:26:40 UTC
H = 3600.0


@pytest.mark.parametrize(
    ("waiting", "text"),
    [
        (
            StartWait(AT - H, is_unrested=True, float_s=9.5 * H, latest_at=AT + 71 * H),
            "Due since 19:26 UTC; waits for a rested battery (float 9 of 24 h), latest "
            "31 May 19:26 UTC.",
        ),
        (
            StartWait(AT - H, is_unrested=True, float_s=25 * H, discharged_s=30 * H,
                    latest_at=AT + 71 * H),
            "Due since 19:26 UTC; waits for a rested battery (30 of 48 h since the last "
            "discharge), latest 31 May 19:26 UTC.",
        ),
        (
            StartWait(AT - H, is_unrested=True, latest_at=AT + H, is_extra=True),
            "Due since 19:26 UTC; waits for a rested battery (float 0 of 24 h), given up "
            "21:26 UTC.",
        ),
        (
            StartWait(AT - 30 * H, is_shut=True, window_at=AT + 2 * H),
            "Due since 27 May 14:26 UTC; waits for the test window (opens 22:26 UTC).",
        ),
        (
            StartWait(AT - H, busy="the outage"),
            "Due since 19:26 UTC; waits until the outage is over.",
        ),
        (
            StartWait(AT - H, refused="The supply is not present.", next_at=AT + 23 * H, retry=1,
                    retries=3),
            "Could not start at 19:26 UTC: The supply is not present. Next try 29 May 19:26 UTC "
            "(retry 1 of 3).",
        ),
        (StartWait(AT), "Due since 20:26 UTC; waits for the end of the self-test."),
    ],
)  # fmt: skip
def test_the_sentence(waiting: StartWait, text: str) -> None:
    assert format_waiting(waiting, AT) == text
    assert text.isascii()


def due(**settings: object) -> Bench:
    """A test fell due an hour ago; the battery has been on float for two hours."""
    bench = Bench(test__enabled=True, test__interval_h=1, **settings)
    bench.put(battery_a=0.02)
    bench.run(20.0)
    bench.dt = 10.0
    bench.run(2 * H)
    return bench


def said(bench: Bench) -> object:
    return points(bench.state, bench.scan(), {}, bench.now)["test.waiting"].value


def test_a_battery_that_is_not_rested_is_waited_for() -> None:
    bench = due()
    waiting = waiting_of(bench.state, bench.scan(), bench.now)
    assert waiting is not None
    assert waiting.is_unrested
    assert waiting.latest_at == pytest.approx(waiting.due_at + 72 * H)
    assert "waits for a rested battery (float" in str(said(bench))


def test_nothing_is_said_while_nothing_is_due() -> None:
    bench = Bench(test__enabled=True, test__interval_h=5)
    bench.run(60.0)
    assert said(bench) == ""
    assert waiting_of(bench.state, bench.scan(), bench.now) is None


def test_a_refused_start_stays_known_until_a_test_begins() -> None:
    bench = Bench(ups__enabled=False)
    bench.run(20.0)
    bench.put(supply_v=0.0)
    bench.run(15.0)
    answer = bench.ask(StartTest("1", source="test"))
    assert not answer.ok
    assert bench.state.refusal is not None
    assert bench.state.refusal.text == answer.text
    bench.free("supply_v")
    bench.run(30.0)
    assert bench.ask(StartTest("1", source="test")).ok
    assert bench.state.refusal is None
