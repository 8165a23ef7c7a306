"""The verdict on every page: what it says in each state, never surer than it knows."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import pytest
from web_station import AT, VALUES, Client, Station, make_snapshot

from btrmd.model.alarms import advice_of, count_severities, worst_first
from btrmd.model.discharge import TestRecord
from btrmd.model.points import POINT
from btrmd.model.readings import BAD, GOOD, MISSING, Reading, Value
from btrmd.model.settings import Settings
from btrmd.model.snapshot import AlarmView, Snapshot
from btrmd.servers.web.menu import ADDED, PAGES
from btrmd.servers.web.verdict import make_verdict

TESTED = TestRecord(
    7, "1", "finished", result="good", started_at=AT - 3 * 86400, ended_at=AT - 2 * 86400 - 60,
    estimate_s=14760.0, estimate_low_s=13000.0, estimate_high_s=16000.0, minimum_runtime_s=10800.0,
)  # fmt: skip


def seen(
    changes: Mapping[str, Value] = {}, alarms: tuple[str, ...] = (), **fields: object
) -> Snapshot:
    """A rested, tested station with these points changed; None = bad."""
    values: dict[str, Value] = {
        **VALUES, "runtime.estimate": 14760.0, "runtime.minimum": 10800.0,
        "capacity.state": "good", **changes,
    }  # fmt: skip
    points = {
        key: Reading(values[key], GOOD if values[key] is not None else BAD, AT)
        if key in values
        else Reading(None, MISSING, 0.0)
        for key in POINT
    }
    views = tuple(AlarmView(key, f"{key}.", AT, True, False, False) for key in alarms)
    return make_snapshot(points=points, alarms=views, last_test=TESTED)._replace(**fields)  # type: ignore[arg-type]


KNOWN = "lasts 4 h 06 min; needs 3 h; tested 2 d ago"
FULL = "lasts 4 h 06 min when full; needs 3 h; tested 2 d ago"
DOUBTED = TESTED._replace(result="low", marks=("unconfirmed",))
ON_TEST = {"load.source": "battery", "test.state": "running", "test.elapsed": 1200.0}
DISCHARGE = {"load.source": "battery", "ups.on_battery": True, "supply.present": False}
WEAK = {**DISCHARGE, "supply.present": True, "guard.active": True, "relay.k1": False}
OUTAGE = TestRecord(8, "outage", "running", started_at=AT - 600)
TEST = TestRecord(9, "1", "running", started_at=AT - 600, estimate_s=7200.0)


@pytest.mark.parametrize(
    ("snapshot", "tone", "headline", "facts"),
    [
        (seen(), "good", "Load safe, on supply", KNOWN),
        (
            seen({**DISCHARGE, "runtime.remaining": 6180.0}, test=OUTAGE),
            "warn", "On battery, about 1:43 left", FULL,
        ),
        (
            seen(DISCHARGE, test=OUTAGE), "warn", "On battery",
            "the time left is not known; " + FULL,
        ),
        (
            seen(ON_TEST, test=TEST),
            "good", "On battery, about 1:40 left",
            "test 9 is running; " + FULL,
        ),
        (
            seen({"load.source": "none", "lvd.open": True}), "bad", "LOAD DISCONNECTED",
            "the low-voltage disconnect is open; " + KNOWN,
        ),
        (
            seen({"load.source": None, "lvd.open": True}), "bad", "LOAD DISCONNECTED",
            "the low-voltage disconnect is open; " + KNOWN,
        ),
        (
            seen({"load.source": "none"}), "bad", "LOAD DISCONNECTED",
            "the load has no power; " + KNOWN,
        ),
        (
            seen({"capacity.state": "low"}), "bad", "Replace battery",
            "load on supply; the capacity is low; " + KNOWN,
        ),
        (
            seen({"capacity.state": "low"}, last_test=DOUBTED),
            "warn", "Load safe, on supply",
            "the battery may be too weak, not confirmed; " + KNOWN,
        ),
        (
            seen({"load.source": "supply", "lvd.open": True}),
            "bad",
            "Load safe, on supply, but no backup",
            "the low-voltage disconnect is open; " + KNOWN,
        ),
        (
            seen({"lvd.open": True}, alarms=("lvd.open", "supply.weak")),
            "bad", "Load on a weak supply, no backup",
            "guard or battery had to help; the low-voltage disconnect is open; " + KNOWN,
        ),
        (
            seen({"lvd.open": True, "guard.active": True, "relay.k1": False}),
            "bad", "Load on a weak supply, no backup",
            "guard or battery had to help; the low-voltage disconnect is open; " + KNOWN,
        ),
        (  # a guard that waits behind K1 says nothing of the supply, nor does one without a supply
            seen({"lvd.open": True, "guard.active": True, "relay.k1": True}),
            "bad", "Load safe, on supply, but no backup",
            "the low-voltage disconnect is open; " + KNOWN,
        ),
        (
            seen({"lvd.open": True, "supply.present": False}, alarms=("supply.weak",)),
            "bad", "Load safe, on supply, but no backup",
            "the low-voltage disconnect is open; " + KNOWN,
        ),
        (seen(alarms=("supply.weak",)), "good", "Load safe, on supply", KNOWN),
        (
            seen({**WEAK, "runtime.remaining": 6180.0}, test=OUTAGE),
            "warn", "On battery, about 1:43 left",
            "the supply is too weak for the load; " + FULL,
        ),
        (
            seen(WEAK, test=OUTAGE), "warn", "On battery",
            "the supply is too weak for the load; the time left is not known; " + FULL,
        ),
        (
            seen(alarms=("relay.k3",)), "bad", "Load safe, on supply, but no backup",
            "the battery relay or its fuse has a fault; " + KNOWN,
        ),
        (
            seen({"battery.voltage": None}), "bad", "Load safe, on supply, but no backup",
            "the battery's voltage is not known; " + KNOWN,
        ),
        (
            seen({"load.source": None}), "unknown", "Unknown",
            "what feeds the load is not known; " + KNOWN,
        ),
        (
            seen({"load.source": "shared"}), "warn", "On battery in part",
            "the supply alone does not carry the load; " + FULL,
        ),
        (
            seen(is_ticking=False), "unknown", "Unknown since 2026-05-28 20:26 UTC",
            "the unit does not measure; " + KNOWN,
        ),
        (
            seen({"runtime.estimate": None}, last_test=None), "good", "Load safe, on supply",
            "needs 3 h; never tested",
        ),
    ],
)  # fmt: skip
def test_what_it_says(snapshot: Snapshot, tone: str, headline: str, facts: str) -> None:
    verdict = make_verdict(snapshot)
    assert (verdict.tone, verdict.headline, verdict.facts) == (tone, headline, facts)


@pytest.mark.parametrize(
    ("changes", "alarms", "todo"),
    [
        (WEAK, (), "Shed load, or check the supply: it does not hold the load alone."),
        ({**WEAK, "supply.present": False}, (), "Restore the supply or shed load."),
        ({**WEAK, "guard.active": False}, (), "Restore the supply or shed load."),
        # it may be K1 that keeps the load on the battery
        (WEAK, ("relay.k1",), "Restore the supply or shed load."),
    ],
)
def test_what_to_do_about_a_supply_that_is_too_weak(
    changes: Mapping[str, Value], alarms: tuple[str, ...], todo: str
) -> None:
    assert make_verdict(seen(changes, alarms, test=OUTAGE)).todo == todo


DARK: dict[str, Value] = {"load.source": "none", "supply.present": False}


@pytest.mark.parametrize(
    ("snapshot", "reason", "todo"),
    [
        (
            seen({**DARK, "ups.enabled": False}, alarms=("supply.weak", "supply.lost")),
            "the supply is lost, UPS Mode is off; ",
            "Restore the supply, or enable UPS Mode: the battery does not carry the load.",
        ),
        (
            seen(DARK, alarms=("relay.k3", "supply.lost")),
            "the load has no power: the battery relay or its fuse has a fault; ",
            "Restore the supply, and check the load's fuse and wiring. Check fuses and wiring, "
            "else replace the unit: no test runs meanwhile.",
        ),
        (
            seen({**DARK, "lvd.open": True}, alarms=("lvd.open", "supply.lost")),
            "the low-voltage disconnect is open; ",
            "Restore the supply: the load has been taken off the battery to save it.",
        ),
        (
            seen({"ups.enabled": False}, last_test=None),
            "UPS Mode is off; ",
            "Enable UPS Mode on Port Options: nothing takes over when the supply fails.",
        ),
    ],
)
def test_power_for_the_load_comes_first_of_what_is_to_do(
    snapshot: Snapshot, reason: str, todo: str
) -> None:
    verdict = make_verdict(snapshot)
    assert verdict.facts.startswith(reason)
    assert verdict.todo == todo


def test_a_change_that_is_only_suspected_is_told_and_what_confirms_it() -> None:
    verdict = make_verdict(seen(is_change_suspected=True))
    assert verdict.tone == "warn"
    assert verdict.headline == "Load safe, on supply"
    assert verdict.facts == "the battery may have changed, not confirmed; " + KNOWN
    assert verdict.todo == "Check the connections, then test again once the battery is rested."


def test_a_test_of_the_future_has_no_age() -> None:
    later = TESTED._replace(ended_at=AT + 86_400.0)
    assert make_verdict(seen(last_test=later)).facts.endswith("tested 2026-05-29 20:26 UTC")


def test_it_counts_the_alarms_and_says_what_to_do_about_the_worst() -> None:
    verdict = make_verdict(seen(alarms=("clock", "supply.lost", "io1")))
    assert (verdict.alarms, verdict.alarm_count) == ("3 alarms: 1 major, 2 warning", 3)
    assert verdict.todo == advice_of("supply.lost") == "Check mains, breaker and fuse F1."
    assert verdict.tone == "warn"
    assert make_verdict(seen(alarms=("clock",))).alarms == "1 alarm: 1 warning"
    assert make_verdict(seen()).todo == ""
    assert make_verdict(seen(last_test=None)).todo.startswith("Run a first test")


def test_the_worst_come_first() -> None:
    assert worst_first(["io1", "lvd.open", "relay.k1"], str) == ["lvd.open", "relay.k1", "io1"]
    assert list(count_severities(["io1", "relay.k1"])) == ["major", "warning"]
    assert advice_of("nobody.knows") == ""


@pytest.mark.parametrize("path", [path for _, path in (*PAGES, *ADDED)])
def test_it_stands_on_every_page_without_script(shared: tuple[Station, Client], path: str) -> None:
    _, user = shared
    page = user.get(path).text
    assert '<strong id="verdict-head">Load safe, on supply</strong>' in page
    assert "<title>BTRM: " in page


def test_a_stranger_who_must_log_in_learns_nothing(start_station: Callable[..., Station]) -> None:
    settings = Settings.defaults().with_changes(
        {
            "web.authorization": "all", "site.name": "Nord 7", "site.location": "Hill 9",
            "site.timezone": "Europe/Berlin",
        }
    )  # fmt: skip
    client = start_station(settings=settings).client()
    page = client.get("/login").text
    assert "verdict" not in page
    assert not [word for word in ("Nord 7", "Hill 9", "Berlin") if word in page]
    assert client.log_in().status == 200
    assert "Load safe" in client.get("/").text


def test_the_title_names_the_site_and_counts_the_alarms(
    start_station: Callable[..., Station],
) -> None:
    settings = Settings.defaults().with_changes({"site.name": "730 Northern"})
    alarms = tuple(AlarmView(key, "x", AT, True, False, False) for key in ("io1", "io2"))
    station = start_station(settings=settings)
    station.owner.show(alarms=alarms)
    assert "<title>(2) 730 Northern: System Status</title>" in station.client().get("/").text


def test_times_stand_beside_utc_where_the_site_has_a_zone(
    start_station: Callable[..., Station],
) -> None:
    settings = Settings.defaults().with_changes({"site.timezone": "Europe/Berlin"})
    page = start_station(settings=settings).client().get("/").text
    assert "2026-05-28 22:26 local (20:26 UTC)" in page
    assert "22:26 local (20:26 UTC)" in page


def test_the_worst_alarm_comes_first(station: Station, client: Client) -> None:
    """On the page, in the stream's state and in the summary, which shows eight."""
    keys = ["io1", *(f"io{n}" for n in range(2, 5)), *["supply.lost"] * 5, "lvd.open"]
    alarms = tuple(AlarmView(key, f"Text of {key}.", AT, True, False, False) for key in keys)
    station.owner.show(alarms=alarms)
    page = client.get("/").text
    assert page.index('data-alarm="lvd.open"') < page.index('data-alarm="supply.lost"')
    assert page.index('data-alarm="supply.lost"') < page.index('data-alarm="io1"')
    told = [alarm["key"] for alarm in client.get("/api/v1/state").json["alarms"]]
    assert told == ["lvd.open", *["supply.lost"] * 5, "io1", "io2", "io3", "io4"]
    summary = client.get("/summary").text
    assert "Text of lvd.open." in summary
    assert "Text of io3." not in summary


FIRST_TEST = TestRecord(1, "1", "running", started_at=AT - 60)
ABORTED = TestRecord(1, "1", "finished", "aborted", ended_at=AT - 7200.0)
NEVER = "Run a first test: nothing is known of this battery."


@pytest.mark.parametrize(
    ("snapshot", "facts", "todo"),
    [
        (seen({"runtime.estimate": None}, last_test=None), "needs 3 h; never tested", NEVER),
        (
            seen({**ON_TEST, "runtime.estimate": None}, last_test=None, test=FIRST_TEST),
            "test 1 is running; needs 3 h", "",
        ),
        (
            seen({"test.state": "delayed", "runtime.estimate": None}, last_test=None),
            "needs 3 h; never tested", "",
        ),
        (
            seen({"runtime.estimate": None, "capacity.state": "unknown"}, last_test=ABORTED),
            "needs 3 h; last test aborted 2 h ago",
            "Repeat the test: it was aborted, and nothing else is known of this battery.",
        ),
        (seen(last_test=ABORTED), "lasts 4 h 06 min; needs 3 h; last test aborted 2 h ago", ""),
    ],
)  # fmt: skip
def test_of_a_battery_that_was_never_tested(snapshot: Snapshot, facts: str, todo: str) -> None:
    verdict = make_verdict(snapshot)
    assert (verdict.facts, verdict.todo) == (facts, todo)


def test_a_time_left_by_rating_alone_says_so() -> None:
    rough = {**DISCHARGE, "runtime.remaining": 12000.0, "runtime.estimate": None}
    verdict = make_verdict(seen(rough, test=OUTAGE, last_test=None))
    assert verdict.headline == "On battery, about 3:20 left"
    assert verdict.facts.startswith("by rating and load alone: half as long is possible; ")
    lived = OUTAGE._replace(estimate_s=12600.0)  # by its own curve, two minutes later
    assert "rating" not in make_verdict(seen(rough, test=lived, last_test=None)).facts
    empty = {**rough, "runtime.remaining": 0.0}
    assert "rating" not in make_verdict(seen(empty, test=OUTAGE, last_test=None)).facts


def test_a_low_that_is_only_probable_is_not_told_as_certain() -> None:
    near = TESTED._replace(result="low", marks=("marginal",))
    verdict = make_verdict(seen({"capacity.state": "low"}, last_test=near))
    assert verdict.headline == "Replace battery, probably"
    assert verdict.facts.startswith("load on supply; the capacity is probably low; ")
    sure = make_verdict(seen({"capacity.state": "low"}, last_test=near._replace(marks=())))
    assert sure.headline == "Replace battery"
