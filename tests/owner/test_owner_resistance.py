"""The growth of the bank's resistance over its tests: what counts, a restart, another battery."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pytest
from remembering_site import Site

from btrmd.core.publish import points
from btrmd.model.discharge import CurveRow, TestRecord
from btrmd.model.readings import MISSING, Reading
from btrmd.model.settings import Settings
from btrmd.owner.battery_history import BatteryHistory

AMPS = 5.0
SETTINGS = Settings.defaults()


def record(n: int, **more: object) -> TestRecord:
    base = TestRecord(
        n, "1", "finished", "good", average_current=AMPS, average_temperature=25.0,
        estimate_s=7200.0, estimate_low_s=6000.0, estimate_high_s=8000.0,
        own_estimate_s=7200.0, own_low_s=6000.0, own_high_s=8000.0, started_at_charge=1.0,
    )  # fmt: skip
    return base._replace(**more)  # type: ignore[arg-type]


def rows(milliohm: float, amps: float = AMPS) -> list[CurveRow]:
    under = 13.5 - amps * milliohm / 1000.0
    first = [CurveRow(0.0, 13.5, 0.0, 25.0, 0.0), CurveRow(1.0, under, -amps, 25.0, amps)]
    return [*first, CurveRow(3600.0, 12.4, -amps, 25.0, amps)]


class Past:
    """A history of tests 1 to N with resistances in mOhm."""

    def __init__(self, *milliohms: float, **more: object) -> None:
        self.milliohms = milliohms
        self.records = [record(n, **more) for n in range(1, len(milliohms) + 1)]
        self.asked: set[int] = set()

    def tests(self, include_cleared: bool = False, limit: int = 1000) -> list[TestRecord]:
        return self.records[::-1][:limit]

    def curve(self, n: int) -> Iterator[CurveRow]:
        self.asked.add(n)
        return iter(rows(self.milliohms[n - 1]))


def growth(memory: BatteryHistory, curve: Sequence[CurveRow] = ()) -> float | None:
    return memory.news(curve, SETTINGS, 1_790_000_000.0).resistance_growth_pct


def shown(site: Site) -> Reading:
    return points(site.state, site.inputs, {}, site.now)["battery.resistance_growth"]


def memory_of(past: Past, replaced_after: int = 0) -> BatteryHistory:
    return BatteryHistory(past, SETTINGS, replaced_after)  # type: ignore[arg-type]


def test_it_grows_as_tests_end_and_is_the_same_after_a_restart() -> None:
    memory = BatteryHistory(None, SETTINGS)
    milliohms = (20.0, 20.4, 19.6, 29.0, 30.0, 31.0)
    found = []
    for n, milliohm in enumerate(milliohms, 1):
        memory.add(record(n), rows(milliohm), SETTINGS)
        found.append(growth(memory, rows(milliohm)))
    assert found == [None, None, None, 2.0, 45.0, 50.0]
    again = memory_of(Past(*milliohms))
    assert growth(again) == 50.0
    said = again.news(rows(31.0), SETTINGS, 1_790_000_000.0).text
    assert "Resistance at the transfer 31 mOhm; the newest tests are 50 % above the first" in said


@pytest.mark.parametrize(
    "more",
    [
        {"type": "outage"},  # begins with the charger's voltage
        {"started_at_charge": 0.8},
        {"marks": ("not_rested",)},
        {"average_temperature": None},
        {"result": "aborted"},
    ],
)
def test_what_does_not_compare_does_not_count(more: dict[str, object]) -> None:
    assert growth(memory_of(Past(*[20.0] * 3, *[30.0] * 3))) == 50.0
    assert growth(memory_of(Past(*[20.0] * 3, *[30.0] * 3, **more))) is None


def test_another_battery_has_a_baseline_of_its_own_and_a_mistake_can_be_taken_back() -> None:
    past = Past(*[20.0] * 3, *[30.0] * 3, *[30.0] * 4)
    memory = memory_of(past)
    assert growth(memory) == 50.0
    memory.replaced(10)
    assert growth(memory) is None
    memory.replaced(6)
    assert growth(memory) == 0.0
    assert growth(memory_of(past, replaced_after=6)) == 0.0
    memory.clear()
    assert growth(memory) is None


def test_a_start_reads_few_curves_and_finds_the_first_tests_of_years_ago() -> None:
    past = Past(*[20.0] * 10, *[25.0] * 290, *[30.0] * 10)
    assert growth(memory_of(past)) == 50.0
    assert past.asked <= {*range(1, 11), *range(301, 311)}


def test_in_the_plant_an_aged_battery_shows_its_growth() -> None:
    site = Site(12, 40.0, AMPS, 60, 1.0)
    for _ in range(3):
        site.rest()
        site.test()
        assert shown(site)[:2] == (None, MISSING)
    site.age(0.6)  # the plant's resistance is a third higher then
    for _ in range(3):
        site.rest()
        site.test()
    assert shown(site).value == pytest.approx(27.0, abs=8.0)
