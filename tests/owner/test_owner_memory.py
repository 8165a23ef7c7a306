"""Memory: what earlier discharges tell, from the history and from those that end while it runs."""

from __future__ import annotations

from collections.abc import Iterator
from math import exp

import pytest

from btrmd.estimate.health import usual_s
from btrmd.model.discharge import CurveRow, Estimate, TestRecord
from btrmd.model.settings import Settings
from btrmd.model.site import Site
from btrmd.owner.memory import Memory

DAY = 86400.0
START = 1_790_000_000.0
AH, AMPS = 40.0, 4.0


class Past:
    """A history that holds finished records, newest first."""

    def __init__(self, *records: TestRecord) -> None:
        self.records = list(records)

    def tests(self, include_cleared: bool = False, limit: int = 1000) -> list[TestRecord]:
        return self.records[::-1][:limit]

    def curve(self, n: int) -> Iterator[CurveRow]:
        return iter(())


@pytest.fixture
def settings() -> Settings:
    return Settings.defaults(Site()).with_changes({"battery.rated_ah": AH})


def record(n: int, health: float, spread: float = 0.15) -> TestRecord:
    ert = health * usual_s(AH, AMPS, 25.0)
    return TestRecord(
        n, "1", "finished", "good", ended_at=START + n * 60 * DAY, average_current=AMPS,
        average_temperature=25.0, minimum_runtime_s=3600.0, estimate_s=ert,
        estimate_low_s=ert * exp(-spread), estimate_high_s=ert * exp(spread),
    )  # fmt: skip


def rows(seconds: float) -> list[CurveRow]:
    first = [CurveRow(0.0, 13.6, 0.0, 25.0, 0.0), CurveRow(0.1, 13.2, -AMPS, 25.0, AMPS)]
    return [*first, CurveRow(seconds, 12.4, -AMPS, 25.0, AMPS)]


def test_without_history_nothing_is_known(settings: Settings) -> None:
    memory = Memory(None, settings)
    assert memory.news((), settings, START).soh_pct is None
    made = Estimate(7000.0, 6000.0, 8000.0, "x")
    assert memory.improve(made, rows(3600.0), settings, START)[:3] == pytest.approx(made[:3])


def test_the_history_tells_at_start_without_a_word(settings: Settings) -> None:
    memory = Memory(Past(record(1, 0.9), record(2, 0.9)), settings)  # type: ignore[arg-type]
    news = memory.news((), settings, START + 130 * DAY)
    assert news.soh_pct == pytest.approx(90.0, abs=1.0)
    assert news.text == ""


def test_a_discharge_that_ends_is_told(settings: Settings) -> None:
    memory = Memory(None, settings)
    memory.add(record(1, 0.8), rows(3600.0), settings)
    news = memory.news(rows(3600.0), settings, START)
    assert "State of health 80 %." in news.text
    assert "100 mOhm" in news.text
    assert "not enough history" in news.text


def test_a_forecast_comes_with_the_third_test(settings: Settings) -> None:
    past = Past(record(1, 0.9), record(2, 0.9), record(3, 0.9))
    memory = Memory(past, settings)  # type: ignore[arg-type]
    text = memory.news(rows(3600.0), settings, START + 181 * DAY).text
    assert "for a year at least" in text


def test_what_is_remembered_narrows_the_next_estimate(settings: Settings) -> None:
    memory = Memory(Past(record(1, 0.9), record(2, 0.9)), settings)  # type: ignore[arg-type]
    usual = usual_s(AH, AMPS, 25.0)
    made = Estimate(0.8 * usual, 0.6 * usual, 1.1 * usual, "x")
    after = memory.improve(made, rows(3600.0), settings, START + 130 * DAY)
    assert made.ert_s < after.ert_s < 0.9 * usual
    assert after.high_s - after.low_s < made.high_s - made.low_s


def test_a_reset_forgets(settings: Settings) -> None:
    memory = Memory(Past(record(1, 0.9)), settings)  # type: ignore[arg-type]
    memory.clear()
    assert memory.news((), settings, START).soh_pct is None


def test_without_a_rating_there_is_no_health() -> None:
    settings = Settings.defaults(Site())
    memory = Memory(Past(record(1, 0.9)), settings)  # type: ignore[arg-type]
    assert memory.news((), settings, START).soh_pct is None
