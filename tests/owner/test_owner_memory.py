"""Battery history: what earlier discharges tell, stored ones and those that end while it runs."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from math import exp

import pytest

from btrmd.estimate.rating import Rating
from btrmd.model.discharge import CurveRow, Estimate, TestRecord
from btrmd.model.settings import Settings
from btrmd.model.site import Site
from btrmd.owner.battery_history import BatteryHistory

DAY = 86400.0
START = 1_790_000_000.0
AH, AMPS = 40.0, 5.0
NEW_S = Rating(AH).run_s(AMPS, 25.0)
MINIMUM_S = 0.75 * NEW_S


class Past:
    """A history that holds finished records, newest first, and their curves."""

    def __init__(self, *records: TestRecord, **curves: Sequence[CurveRow]) -> None:
        self.records = list(records)
        self.curves = curves
        self.asked: list[int] = []

    def tests(self, include_cleared: bool = False, limit: int = 1000) -> list[TestRecord]:
        return self.records[::-1][:limit]

    def curve(self, n: int) -> Iterator[CurveRow]:
        self.asked.append(n)
        return iter(self.curves.get(f"n{n}", ()))


@pytest.fixture
def settings() -> Settings:
    return Settings.defaults(Site()).with_changes(
        {"battery.rated_ah": AH, "test.minimum_runtime_min": round(MINIMUM_S / 60.0)}
    )


def record(n: int, health: float, **more: object) -> TestRecord:
    """A quarterly test that says `health` by itself, +-16 %, and was told as 0.95."""
    own, reported = health * NEW_S, 0.95 * NEW_S
    base = TestRecord(
        n, "1", "finished", "good", ended_at=START + n * 91 * DAY, average_current=AMPS,
        average_temperature=25.0, minimum_runtime_s=MINIMUM_S, estimate_s=reported,
        estimate_low_s=0.9 * reported, estimate_high_s=1.1 * reported,
        own_estimate_s=own, own_low_s=own / 1.16, own_high_s=own * 1.16,
    )  # fmt: skip
    return base._replace(**more)  # type: ignore[arg-type]


def rows(seconds: float) -> list[CurveRow]:
    first = [CurveRow(0.0, 13.6, 0.0, 25.0, 0.0), CurveRow(0.1, 13.2, -AMPS, 25.0, AMPS)]
    return [*first, CurveRow(seconds, 12.4, -AMPS, 25.0, AMPS)]


def memory_of(settings: Settings, *records: TestRecord, replaced_after: int = 0) -> BatteryHistory:
    return BatteryHistory(Past(*records), settings, replaced_after)  # type: ignore[arg-type]


def estimate(soh: float) -> Estimate:
    return Estimate(soh * NEW_S, soh * NEW_S / 1.16, soh * NEW_S * 1.16, "x")


def at(n: int) -> float:
    return START + n * 91 * DAY


def test_without_history_nothing_is_known(settings: Settings) -> None:
    memory = BatteryHistory(None, settings)
    assert memory.news((), settings, START).soh_pct is None
    assert memory.improve(estimate(0.9), rows(3600.0), settings, START) == estimate(0.9)


def test_the_history_tells_at_start_without_a_word(settings: Settings) -> None:
    news = memory_of(settings, record(1, 0.9), record(2, 0.9)).news((), settings, at(2))
    assert news.soh_pct == pytest.approx(90.0, abs=2.0)
    assert news.soh_low_pct is not None
    assert news.soh_high_pct is not None
    assert news.soh_low_pct < 85.0 < 95.0 < news.soh_high_pct
    assert news.text == ""
    assert not news.confirm


def test_a_discharge_that_ends_is_told(settings: Settings) -> None:
    memory = BatteryHistory(None, settings)
    memory.add(record(1, 0.8), rows(3600.0), settings)
    news = memory.news(rows(3600.0), settings, at(1))
    assert news.text.startswith("State of health 8")
    assert "from 1 test." in news.text
    assert "80 mOhm" in news.text
    assert "not enough history" in news.text


def test_what_has_not_changed_is_not_told_again(settings: Settings) -> None:
    """A bank that goes flat in an outage again and again: a line after each was a flood."""

    def partial(n: int) -> TestRecord:
        return record(n, 0.5, type="outage", result="none", started_at_charge=0.1)

    def curve(n: int) -> list[CurveRow]:  # no resistance is read twice alike
        return [row._replace(battery_v=row.battery_v - 0.01 * n * (row.battery_a < 0.0))
                for row in rows(10.0)]  # fmt: skip

    memory = BatteryHistory(None, settings)
    texts = []
    for n in range(1, 6):
        memory.add(partial(n), curve(n), settings)
        texts.append(memory.news(curve(n), settings, at(n)).text)
    assert "No replacement forecast: not enough history" in texts[0]
    assert texts[1:] == [""] * 4
    memory.add(record(6, 0.8), rows(3600.0), settings)
    assert memory.news(rows(3600.0), settings, at(6)).text.startswith("State of health")
    memory.replaced(6)
    memory.add(partial(7), curve(1), settings)
    assert memory.news(curve(1), settings, at(7)).text == texts[0], "of another battery"


def test_a_change_that_is_only_suspected_is_told_after_each_discharge(settings: Settings) -> None:
    """Its text is what asks for a test that confirms it."""
    memory = memory_of(settings, *(record(n, 0.95) for n in range(1, 5)), record(5, 0.6))
    first, again = (memory.news(rows(3600.0), settings, at(5)) for _ in range(2))
    assert first.confirm
    assert first.text
    assert again.text == first.text


def test_a_forecast_comes_with_the_second_test(settings: Settings) -> None:
    text = memory_of(settings, record(1, 0.95), record(2, 0.95)).news(rows(3600.0), settings, at(2))
    assert "Replace the battery by" in text.text
    assert text.replace_at is not None
    month = datetime.fromtimestamp(text.replace_at, UTC)
    assert f"by {month:%B %Y}" in text.text  # the verdict on the pages names the same month
    assert "risk of failing the minimum run time" in text.text


@pytest.mark.parametrize("truth", [0.60, 0.70, 0.80])
def test_history_never_hides_a_failing_bank(settings: Settings, truth: float) -> None:
    """Four tests at 0.95, then a bank at `truth`: told truth in the interval from the first such
    test on, never wholly above the minimum, and health near it after two."""
    memory = memory_of(settings, *(record(n, 0.95) for n in range(1, 5)))
    for n in (5, 6):
        reported = memory.improve(estimate(truth), rows(3600.0), settings, at(n), record(n, truth))
        assert reported.low_s <= truth * NEW_S <= reported.high_s
        assert (reported.own_s, reported.own_low_s, reported.own_high_s) == estimate(truth)[:3]
        if truth < 0.75:
            assert reported.low_s < MINIMUM_S
        if n == 5 and truth <= 0.70:
            assert "history_differs" in reported.findings
        # what was told goes into the record beside the own estimate, and does not come back
        memory.add(
            record(n, truth, estimate_s=reported.ert_s, estimate_low_s=reported.low_s,
                   estimate_high_s=reported.high_s),
            rows(3600.0), settings,
        )  # fmt: skip
        news = memory.news(rows(3600.0), settings, at(n))
        assert news.soh_low_pct is not None
        assert news.soh_high_pct is not None
        assert news.soh_low_pct <= 100.0 * truth <= news.soh_high_pct
        if n == 5:
            assert news.confirm
            assert "test again rested to confirm it" in news.text
    assert news.soh_pct == pytest.approx(100.0 * truth, abs=9.0)


def test_what_is_told_does_not_make_it_surer(settings: Settings) -> None:
    """Records that differ only in what was told after combining say the same."""
    reported = [
        memory_of(
            settings,
            *(
                record(n, 0.9, estimate_s=s * NEW_S, estimate_low_s=s * NEW_S - 60.0,
                       estimate_high_s=s * NEW_S + 60.0)
                for n in range(1, 6)
            ),
        ).news((), settings, at(5))
        for s in (0.7, 0.9, 1.0)
    ]  # fmt: skip
    assert reported[0] == reported[1] == reported[2]


def test_short_charges_condemn_no_good_bank(settings: Settings) -> None:
    """An outage, four hours of charging, a second outage, an hour, a test: a new bank. Without a
    charge balance and with one that counted right."""
    seen = (0.98, 0.82, 0.72)  # parts of a full run: what is in the battery at each start
    for known in (True, False):
        memory = BatteryHistory(None, settings)
        for n, part in enumerate(seen, start=1):
            kind = "outage" if n < 3 else "1"
            marks = ("not_full", "not_rested") if n > 1 else ()
            memory.add(
                record(n, part, type=kind, marks=marks, ended_at=START + n * 4 * 3600.0,
                       started_at_charge=part if known else None),
                rows(3600.0), settings,
            )  # fmt: skip
        news = memory.news(rows(3600.0), settings, START + DAY)
        assert news.soh_pct is None or news.soh_pct >= 90.0
        assert news.soh_high_pct is None or news.soh_high_pct >= 100.0
        assert not news.confirm


def test_what_began_below_full_is_not_combined(settings: Settings) -> None:
    memory = memory_of(settings, record(1, 0.95), record(2, 0.95))
    for running in (
        record(3, 0.7, started_at_charge=0.7),
        record(3, 0.7, marks=("not_rested",)),
        record(3, 0.7, type="outage"),
    ):
        made = estimate(0.7)
        assert memory.improve(made, rows(3600.0), settings, at(3), running) == made


@pytest.mark.parametrize("marks", [("not_rested",), ("not_full",), ("load_changed",)])
def test_marks_count_for_less(settings: Settings, marks: tuple[str, ...]) -> None:
    good = [record(n, 0.95) for n in range(1, 5)]
    plain = memory_of(settings, *good, record(5, 0.75)).news((), settings, at(5))
    marked = memory_of(settings, *good, record(5, 0.75, marks=marks)).news((), settings, at(5))
    assert plain.soh_pct is not None
    assert marked.soh_pct is not None
    assert marked.soh_pct > plain.soh_pct


def test_what_is_not_lead_acid_is_no_evidence(settings: Settings) -> None:
    good = [record(n, 0.95) for n in range(1, 3)]
    other = record(3, 0.4, marks=("not_lead_acid",))
    assert memory_of(settings, *good, other).news((), settings, at(3)) == memory_of(
        settings, *good
    ).news((), settings, at(3))


def test_another_battery_begins_anew(settings: Settings) -> None:
    old = [record(n, 0.6) for n in range(1, 5)]
    memory = memory_of(settings, *old)
    memory.replaced(4)
    assert memory.news((), settings, at(4)).soh_pct is None
    memory.add(record(5, 1.0), rows(3600.0), settings)
    news = memory.news(rows(3600.0), settings, at(5))
    assert news.soh_pct == pytest.approx(100.0, abs=3.0)
    assert not news.confirm
    assert "from 1 test." in news.text
    again = memory_of(settings, *old, record(5, 1.0), replaced_after=4)
    assert again.news((), settings, at(5)).soh_pct == news.soh_pct
    memory.replaced(0)  # taken back
    assert "5 tests" in memory.news(rows(3600.0), settings, at(5)).text


def test_a_reset_forgets(settings: Settings) -> None:
    memory = memory_of(settings, record(1, 0.9))
    memory.clear()
    assert memory.news((), settings, START).soh_pct is None


def test_without_a_rating_there_is_no_health_and_a_change_is_told(settings: Settings) -> None:
    unrated = Settings.defaults(Site())
    some = [*(record(n, 0.9) for n in range(1, 5)), record(5, 0.55)]
    news = memory_of(unrated, *some).news(rows(3600.0), unrated, at(5))
    assert news.soh_pct is None
    assert news.confirm
    assert "may have lost about" in news.text


def test_another_rating_is_another_health(settings: Settings) -> None:
    memory = memory_of(settings, record(1, 0.9), record(2, 0.9))
    first = memory.news((), settings, at(2)).soh_pct
    second = memory.news((), settings.with_changes({"battery.rated_ah": 50.0}), at(2)).soh_pct
    assert first is not None
    assert second is not None
    assert second < first - 8.0
    assert memory.news((), settings, at(2)).soh_pct == first


def measured(n: int, health: float) -> TestRecord:
    run_s = health * NEW_S
    return record(
        n, health, estimate_s=run_s, estimate_low_s=run_s, estimate_high_s=run_s,
        own_low_s=run_s, own_high_s=run_s, marks=("reached_cutoff",),
    )  # fmt: skip


@pytest.mark.parametrize("factor", [1e-4, 0.01, 10.0, 1000.0])
def test_one_wild_record_is_merely_off(settings: Settings, factor: float) -> None:
    """Last or among others: it moves nothing, and it is no change."""
    for n in (4, 7):
        some = [record(k, 0.95 * factor if k == n else 0.95) for k in range(1, 8)]
        news = memory_of(settings, *some).news(rows(3600.0), settings, at(7))
        assert news.soh_pct == pytest.approx(95.0, abs=2.0)
        assert not news.confirm
        assert "confirmed" not in news.text


@pytest.mark.parametrize("health", [1e-4, 0.01, 0.1, 0.3])
def test_a_bank_that_is_dead_at_once_is_suspected_and_soon_confirmed(
    settings: Settings, health: float
) -> None:
    """From full to the cutoff within so small a part: one is asked to be confirmed, two confirm."""
    memory = memory_of(settings, *(record(n, 0.95) for n in range(1, 7)), measured(7, health))
    news = memory.news(rows(3600.0), settings, at(7))
    assert news.confirm
    assert news.soh_low_pct is not None
    assert news.soh_high_pct is not None
    assert news.soh_low_pct <= max(100.0 * health, 4.0)
    assert news.soh_high_pct >= 95.0
    memory.add(measured(8, health), rows(3600.0), settings)
    news = memory.news(rows(3600.0), settings, at(8))
    assert news.soh_pct is not None
    assert news.soh_pct < 100.0 * health + 10.0
    assert "confirmed" in news.text


@pytest.mark.parametrize("clock", [0.0, START + 9000 * DAY, START - 2000 * DAY])
def test_a_clock_that_is_wrong_is_no_change(settings: Settings, clock: float) -> None:
    some = [record(n, 0.95) for n in range(1, 5)]
    wrong = [record(n, 0.94, started_at=clock, ended_at=clock + 3600.0) for n in (5, 6)]
    memory = memory_of(settings, *some, *wrong, record(7, 0.94))
    news = memory.news(rows(3600.0), settings, at(7))
    assert not news.confirm
    assert news.soh_pct == pytest.approx(95.0, abs=3.0)
    made = memory.improve(estimate(0.94), rows(3600.0), settings, clock, record(8, 0.94))
    assert made.findings == ()


@pytest.mark.parametrize("years", [1.0, 2.0, 5.0, 7.5])
@pytest.mark.parametrize("wrong", [(4,), (3, 4)])
def test_a_clock_that_jumped_ahead_and_back_ages_nothing(
    settings: Settings, years: float, wrong: tuple[int, ...]
) -> None:
    """What is told is what is told of the same discharges without a date."""
    off = years * 365.0 * DAY
    jumped = [record(n, 0.95, ended_at=at(n) + off * (n in wrong)) for n in range(1, 9)]
    unset = [record(n, 0.95, ended_at=3600.0 if n in wrong else at(n)) for n in range(1, 9)]
    reported = [
        memory_of(settings, *some).news(rows(3600.0), settings, at(8)) for some in (jumped, unset)
    ]
    assert reported[0] == reported[1]
    assert not reported[0].confirm


@pytest.mark.parametrize("years", [0.5, 7.5, 12.0])
def test_the_last_one_stamped_ahead_is_told_as_one_without_a_date(
    settings: Settings, years: float
) -> None:
    """The clock was ahead in the last discharge, and has been set right since."""
    some = [record(n, 0.95) for n in range(1, 6)]
    ahead = record(6, 0.94, ended_at=at(6) + years * 365.0 * DAY)
    reported = [
        memory_of(settings, *some, last).news(rows(3600.0), settings, at(6))
        for last in (ahead, ahead._replace(ended_at=60.0))
    ]
    assert reported[0] == reported[1]
    assert not reported[0].confirm
    assert "failing" in reported[0].text


def test_a_clock_of_now_that_is_wrong_undates_nothing(settings: Settings) -> None:
    memory = memory_of(settings, *(record(n, 0.95) for n in range(1, 6)))
    reported = memory.news(rows(3600.0), settings, at(5))
    assert memory.news(rows(3600.0), settings, at(0)).soh_pct == reported.soh_pct


def test_undated_discharges_do_not_stop_the_years(settings: Settings) -> None:
    """The dated ones around them tell how old the battery has become."""
    some = [record(n, 0.95) for n in range(1, 9)]
    every_other = [one._replace(ended_at=60.0) if one.n % 2 == 0 else one for one in some[:-1]]
    reported, fewer = (
        memory_of(settings, *those).news(rows(3600.0), settings, at(8))
        for those in (some, [*every_other, some[-1]])
    )
    assert fewer.soh_pct == pytest.approx(reported.soh_pct, abs=1.0)
    risks, of_fewer = (one.text.partition("risk of failing")[2] for one in (reported, fewer))
    assert of_fewer == risks


def discharge(run_s: float, until: float) -> list[CurveRow]:
    """A block's curve like a measured one (BATTERY: 12.55 12.38 12.05 11.69 11.38 11.23 V)."""
    knots = ((0.0, 12.75), (0.1, 12.55), (0.25, 12.38), (0.5, 12.05), (0.75, 11.69),
             (0.9, 11.38), (0.95, 11.23), (1.0, 11.0))  # fmt: skip
    rng = random.Random(1)
    found = []
    for k in range(int(until * run_s / 30.0)):
        part = k * 30.0 / run_s
        right = next(i for i, (x, _) in enumerate(knots) if x >= part)
        (x0, v0), (x1, v1) = knots[max(0, right - 1)], knots[max(1, right)]
        volts = v0 + (v1 - v0) * (part - x0) / (x1 - x0) + rng.gauss(0.0, 0.002)
        volts -= 0.1 * math.exp(-part / 0.01)
        found.append(CurveRow(k * 30.0, volts, -AMPS, 25.0, AMPS))
    return found


def test_records_of_older_versions_are_estimated_again(settings: Settings) -> None:
    """They have no estimate of their own: six of them get one from their curve, the others say
    nothing; what was told then is not believed."""
    lacking = {"own_estimate_s": None, "own_low_s": None, "own_high_s": None}
    old = [record(n, 0.9, **lacking) for n in range(1, 9)]
    one = settings.with_changes({"system.voltage": 12})
    curves = {f"n{n}": discharge(0.8 * NEW_S, 0.4) for n in range(1, 9)}
    past = Past(*old, **curves)
    news = BatteryHistory(past, one).news(rows(3600.0), one, at(8))  # type: ignore[arg-type]
    assert past.asked == [3, 4, 5, 6, 7, 8]
    assert "from 6 tests" in news.text
    assert news.soh_pct == pytest.approx(80.0, abs=12.0)
    bare = BatteryHistory(Past(*old), one).news((), one, at(8))  # type: ignore[arg-type]
    assert bare.soh_pct is None


def test_a_full_discharge_teaches_how_far_estimates_are_off(settings: Settings) -> None:
    one = settings.with_changes({"system.voltage": 12})
    run = 0.9 * NEW_S
    full = record(2, 0.9, estimate_s=run, estimate_low_s=run, estimate_high_s=run,
                  own_estimate_s=run, own_low_s=run, own_high_s=run)  # fmt: skip
    reported = []
    for until in (0.0, 1.0):
        memory = memory_of(one, record(1, 0.8))
        memory.add(full, discharge(run, until), one)
        reported.append(memory.improve(estimate(0.8), rows(3600.0), one, at(3), record(3, 0.8)))
    assert reported[0].ert_s != reported[1].ert_s  # the curve was looked at
    for made in reported:
        assert made.low_s < 0.9 * NEW_S < made.high_s


@pytest.mark.parametrize("is_read", [True, False], ids=["read at start", "added"])
def test_an_outage_ends_as_the_full_discharge_before_it_did(
    settings: Settings, is_read: bool
) -> None:
    """Only an outage, that began full, of the same battery; what is evidence stays its own."""
    one = settings.with_changes({"system.voltage": 12})
    run = 0.9 * NEW_S
    full = record(2, 0.9, type="outage", marks=("reached_cutoff",), started_at_charge=1.0,
                  estimate_s=run, estimate_low_s=run, estimate_high_s=run,
                  own_estimate_s=run, own_low_s=run, own_high_s=run)  # fmt: skip
    curve = discharge(run, 1.0)
    if is_read:
        past = Past(full, n2=curve)
        memory = BatteryHistory(past, one)  # type: ignore[arg-type]
    else:
        memory = memory_of(one)
        memory.add(full, curve, one)
    end_s = 0.8 * NEW_S
    now = discharge(end_s, 0.8)
    made = Estimate(1.3 * end_s, 0.9 * end_s, 1.6 * end_s, "x")

    def left(**more: object) -> float:
        base = record(3, 0.8, type="outage", started_at_charge=1.0, state="running")
        running = base._replace(**more)  # type: ignore[arg-type]
        found = memory.improve(made, now, one, at(3), running)
        assert (found.own_s, found.own_low_s, found.own_high_s) == made[:3] or found == made
        return (found.ert_s - now[-1].time_s) / (end_s - now[-1].time_s) - 1.0

    assert abs(left()) < 0.05
    assert left(type="2") > 0.3
    assert left(started_at_charge=0.9) > 0.3
    assert left(started_at_charge=None) > 0.3
    memory.replaced(2)
    assert left() > 0.3


def test_an_aborted_record_is_none(settings: Settings) -> None:
    memory = memory_of(settings, record(1, 0.9))
    memory.add(record(2, 0.4, result="aborted"), rows(3600.0), settings)
    assert memory.news((), settings, at(2)).soh_pct == pytest.approx(91.0, abs=2.0)


def test_many_records(settings: Settings) -> None:
    """Thousands in the history: the newest hundred count, and one that comes costs one step."""
    memory = memory_of(settings, *(record(n, 0.95 * exp(-0.0004 * n)) for n in range(1, 300)))
    news = memory.news(rows(3600.0), settings, at(299))
    assert "from 100 tests" in news.text
    memory.add(record(300, 0.84), rows(3600.0), settings)
    later = memory.news(rows(3600.0), settings, at(300))
    assert later.soh_pct is not None
    assert news.soh_pct is not None
    assert later.soh_pct == pytest.approx(news.soh_pct, abs=1.0)
    assert "from 101 tests" in later.text  # the oldest one is part of what is known already
