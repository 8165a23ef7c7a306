"""What pages and files say of a result, its marks and its start, and of a replaced battery."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable
from datetime import UTC, datetime
from html import unescape

import pytest
from web_forms import alert, fields_of, follow, words
from web_station import AT, Client, Station

from btrmd.model.commands import Answer, BatteryReplaced, ChangeSettings
from btrmd.model.discharge import CurveRow, TestRecord
from btrmd.model.events import Event, Kind
from btrmd.model.readings import BAD
from btrmd.model.settings import Settings

WHO = "web admin 127.0.0.1"
LOW = TestRecord(
    7, "1", "finished", "low", "The planned 2 h 24 min are over.", "schedule", AT - 9000.0, AT,
    8640.0, 5.0, 21.0, 24.1, 15000.0, 12600.0, 17400.0, 18000.0,
    ("marginal", "not_full", "not_rested", "unconfirmed"), 13800.0, 11000.0, 16600.0, 0.82,
)  # fmt: skip
FIRM = LOW._replace(
    n=8, marks=(), own_estimate_s=15000.0, own_low_s=12600.0, own_high_s=17400.0,
    started_at_charge=1.0,
)  # fmt: skip
ACTION = "Check the connections, test again rested, else replace the battery."
AGAIN = "Let it rest on float for two days, then test again: this is no verdict yet."


# --- results -------------------------------------------------------------------------------------


def test_the_status_page_says_a_result_with_what_to_do(station: Station, client: Client) -> None:
    station.owner.show(last_test=FIRM)
    text = words(client.get("/").text)
    assert f"Result Low What to do {ACTION}" in text
    assert "This discharge alone" not in text, "it is the same"
    station.owner.show(last_test=LOW)
    text = words(client.get("/").text)
    for line in (
        "Result Low, not confirmed",
        f"What to do {AGAIN}",
        "This discharge alone 3 h 50 min (3 h 03 min to 4 h 36 min, 90 %)",
        "To be noted The battery was not full at its start. "
        "Not rested: less than 24 h on float, or discharged within 48 h. "
        "It began at 82 % of the charge.",
    ):
        assert line in text, line


def test_a_running_test_is_marginal_where_it_alone_contradicts(
    station: Station, client: Client
) -> None:
    running = LOW._replace(
        state="running", result="none", ended_at=None, marks=(), estimate_s=20000.0,
        estimate_low_s=18500.0, estimate_high_s=21500.0,
    )  # fmt: skip
    station.owner.show(test=running)
    text = words(client.get("/").text)
    assert "This discharge alone 3 h 50 min" in text
    assert "So far above the minimum, but marginal" in text


@pytest.mark.parametrize("path", ["/battery-status", "/discharges"])
def test_the_tables_say_marks_and_own_estimate_in_words(
    station: Station, client: Client, path: str
) -> None:
    station.history.test_list = [LOW, FIRM]
    text = words(client.get(path).text)
    assert "alone: 3 h 50 min (3 h 03 min to 4 h 36 min, 90 %)" in text
    assert f"The planned 2 h 24 min are over. {AGAIN} The battery was not full" in text
    assert "It began at 82 % of the charge." in text
    assert f"The planned 2 h 24 min are over. {ACTION} It began at 100 % of the charge." in text


def test_battery_status_leads_with_the_sentence_and_shows_the_healths_interval(
    station: Station, client: Client
) -> None:
    station.owner.show_point("battery.soh", 82.0)
    assert "State of health 82 % " in words(client.get("/battery-status").text)
    for key, value in (("battery.soh_low", 74.2), ("battery.soh_high", 90.3)):
        station.owner.show_point(key, value)
    station.owner.show(last_test=FIRM)
    text = words(client.get("/battery-status").text)
    assert "State of health 82 % 90 %: 74 to 90 %" in text
    assert f"Lasts about 4 h 10 min, needs 5 h. {ACTION}" in text
    assert "the first tests" not in text
    station.owner.show_point("battery.resistance_growth", 37.6)
    text = words(client.get("/battery-status").text)
    assert "Resistance 38 % above the first tests" in text
    assert text.count("Resistance ") == 1  # and not "unknown" beside it


def test_the_list_as_csv_has_numbers_and_words(station: Station, client: Client) -> None:
    outage = LOW._replace(
        n=9, type="outage", result="none", reason="=cmd()", marks=("after_test:8",), source="core",
        own_estimate_s=None, own_low_s=None, own_high_s=None, started_at_charge=None,
    )  # fmt: skip
    station.history.test_list = [LOW, FIRM, outage]
    reply = client.get("/api/v1/tests.csv")
    assert reply.headers["Content-Type"].startswith("text/csv")
    rows = list(csv.DictReader(io.StringIO(reply.text)))
    assert [row["n"] for row in rows] == ["9", "8", "7"]
    assert rows[0]["reason"] == "'=cmd()"
    assert (rows[0]["own_estimate_s"], rows[0]["started_at_charge"]) == ("", "")
    assert rows[0]["marks_in_words"] == "it went on from test 8"
    assert rows[1]["advice"] == f"Lasts about 4 h 10 min, needs 5 h. {ACTION}"
    assert rows[2]["marks"] == "marginal not_full not_rested unconfirmed"
    assert "the battery was not full at its start; not rested" in rows[2]["marks_in_words"]
    for name, value in (
        ("estimate_s", 15000.0), ("own_estimate_s", 13800.0), ("own_low_s", 11000.0),
        ("own_high_s", 16600.0), ("started_at_charge", 0.82),
    ):  # fmt: skip
        assert float(rows[2][name]) == value
    assert len(list(csv.reader(io.StringIO(client.get("/api/v1/tests.csv?limit=1").text)))) == 2
    assert client.get("/api/v1/tests.csv?limit=0").status == 422
    assert 'href="/api/v1/tests.csv"' in client.get("/discharges").text


# --- battery replaced ----------------------------------------------------------------------------


def replaced(user: Client, **fields: str) -> dict[str, str]:
    page = user.get("/battery-status").text
    return {**fields_of(page, "/battery-status/replaced"), **fields}


def test_a_replaced_battery_wants_to_be_meant(station: Station, user: Client) -> None:
    reply = user.form("/battery-status/replaced", **replaced(user, rated_ah="40"))
    assert reply.status == 422
    assert "nothing was changed" in alert(reply.text)
    assert 'name="rated_ah" value="40"' in reply.text
    assert station.owner.commands == []
    page = follow(user, user.form("/battery-status/replaced", **replaced(user, sure="true")))
    assert "The battery counts as replaced" in page
    assert station.owner.commands == [BatteryReplaced(WHO)]


def test_rating_and_type_go_with_it_or_nothing_does(station: Station, user: Client) -> None:
    for fields, said in (
        ({"rated_ah": "0.5"}, "battery.rated_ah = '0.5' is refused: allowed is none or 1..2000"),
        ({"type": "lithium"}, "battery.type = 'lithium' is refused"),
    ):
        sent = replaced(user, sure="true", **fields)
        reply = user.form("/battery-status/replaced", **sent)
        assert reply.status == 422
        assert said in alert(reply.text)
    assert station.owner.commands == []
    sent = replaced(user, sure="true", rated_ah="40", type="gel")
    follow(user, user.form("/battery-status/replaced", **sent))
    assert station.owner.commands == [
        ChangeSettings({"battery.rated_ah": "40", "battery.type": "gel"}, WHO),
        BatteryReplaced(WHO),
    ]


@pytest.mark.parametrize(("code", "status"), [("running", 409), ("on_battery", 409), ("busy", 503)])
def test_what_the_core_refuses_is_said_and_the_rest_is_left(
    station: Station, user: Client, code: str, status: int
) -> None:
    station.owner.answer = lambda command: (
        None
        if isinstance(command, ChangeSettings)
        else Answer(False, code, "A test is running; stop it before.")
    )
    before = station.bus.snapshot.settings["battery.rated_ah"]
    sent = replaced(user, sure="true", rated_ah="40")
    reply = user.form("/battery-status/replaced", **sent)
    assert (reply.status, alert(reply.text).strip()) == (
        status, "A test is running; stop it before.",
    )  # fmt: skip
    assert station.owner.commands == [
        ChangeSettings({"battery.rated_ah": "40"}, WHO),
        BatteryReplaced(WHO),
        ChangeSettings({"battery.rated_ah": before}, WHO),
    ]


def test_nothing_is_replaced_where_its_settings_cannot_be_stored(
    station: Station, user: Client
) -> None:
    station.owner.answer = lambda command: (
        Answer(False, "storage", "The disk is full.")
        if isinstance(command, ChangeSettings)
        else Answer(True)
    )
    sent = replaced(user, sure="true", rated_ah="40")
    reply = user.form("/battery-status/replaced", **sent)
    assert reply.status == 503
    assert alert(reply.text).strip() == "The disk is full."
    assert station.owner.commands == [ChangeSettings({"battery.rated_ah": "40"}, WHO)]


def test_the_page_says_since_when_this_battery_is_in(station: Station, client: Client) -> None:
    assert "In service since" not in words(client.get("/battery-status").text)
    reported = Event(1, AT, 1.0, "battery.replaced", Kind.COMMAND, None, None, WHO, "Replaced.")
    station.history.event_list = [reported]
    assert "In service since 2026-05-28 20:26 UTC" in words(client.get("/battery-status").text)


def test_the_api_takes_it_too(station: Station, user: Client) -> None:
    path = "/api/v1/battery/replaced"
    assert user.post(path, {}).status == 200
    assert user.post(path, {"rated_ah": 26.5, "type": "agm"}).status == 200
    assert station.owner.commands == [
        BatteryReplaced(WHO),
        ChangeSettings({"battery.rated_ah": 26.5, "battery.type": "agm"}, WHO),
        BatteryReplaced(WHO),
    ]
    station.owner.commands.clear()
    for body, key in (
        ({"rated_ah": 5000}, "rated_ah"),
        ({"type": "lithium"}, "type"),
        ({"ah": 26}, "ah"),
    ):
        reply = user.post(path, body)
        assert (reply.status, reply.json["key"]) == (422, key)
        assert reply.json["allowed"]
    assert station.owner.commands == []
    station.owner.answer = lambda _: Answer(False, "running", "A test is running.")
    reply = user.post(path, {})
    assert (reply.status, reply.json["reason"]) == (409, "A test is running.")


TABLE = "2.5 A: 4 h to 1.75 V/cell; 5 A: 1.7 h to 1.75 V/cell"
FALLS_WRONGLY = "2.5 A: 4 h to 1.75 V/cell; 5 A: 9 h to 1.75 V/cell"


def test_table_and_day_go_with_it(station: Station, user: Client) -> None:
    sent = replaced(user, sure="true", rated_ah="17", type="agm", table=TABLE, date="2026-05-20")
    follow(user, user.form("/battery-status/replaced", **sent))
    day = datetime(2026, 5, 20, tzinfo=UTC).timestamp()
    assert station.owner.commands == [
        ChangeSettings(
            {"battery.rated_ah": "17", "battery.type": "agm", "battery.table": TABLE}, WHO
        ),
        BatteryReplaced(WHO, day),
    ]


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("table", FALLS_WRONGLY, "a greater load"),
        ("table", "nonsense", "rows such as"),
        ("rated_ah", "0.5", "1..2000"),
        ("date", "2026-02-30", "YYYY-MM-DD"),
        ("date", "\u0662\u0660\u0662\u0666-05-20", "YYYY-MM-DD"),
        ("date", "2026-05-29", "YYYY-MM-DD"),  # tomorrow
        ("date", "1999-12-31", "YYYY-MM-DD"),
        ("date", "2026-05-10", "after that day"),  # a test has run since
    ],
)
def test_what_is_wrong_is_said_at_the_field_and_nothing_is_changed(
    station: Station, user: Client, name: str, value: str, said: str
) -> None:
    station.history.test_list.append(
        TestRecord(7, "1", "finished", "good", started_at=AT - 10 * 86400.0)
    )
    typed = {"rated_ah": "17", "type": "agm", "table": TABLE, "date": "2026-05-20", name: value}
    reply = user.form("/battery-status/replaced", **replaced(user, sure="true", **typed))
    assert reply.status == 422
    assert station.owner.commands == []
    at_field = re.search(rf'<p class="error" id="{name}-error">([^<]*)', reply.text)
    assert at_field is not None
    assert said in unescape(at_field[1])
    for text in typed.values():  # what was typed stays
        assert text in unescape(reply.text) or text == "agm"
    assert '<option value="agm" selected>' in reply.text


def test_in_an_outage_battery_status_has_its_clock_and_time_left(
    station: Station, client: Client
) -> None:
    assert "Time left" not in words(client.get("/battery-status").text)
    outage = TestRecord(9, "outage", "running", started_at=AT - 2400.0)
    station.owner.show_point("runtime.remaining", 5400.0, at=AT)
    station.owner.show(test=outage)
    page = words(client.get("/battery-status").text)
    assert "Outage Began 2026-05-28 19:46 UTC Elapsed 40 min Time left about 1 h 30 min" in page


def test_what_began_at_an_unset_clock_is_not_dated(station: Station, client: Client) -> None:
    """An outage under way is marked at its end only; what a discharge said has the clock's time."""
    station.owner.show(test=TestRecord(9, "outage", "running", started_at=3600.0))
    said = Event(3, 7200.0, 7200.0, "battery.soh", Kind.CHANGE, 99.0, None, "core", "99 %.", False)
    station.history.event_list.append(said)
    page = words(client.get("/battery-status").text)
    assert "Outage Began not known" in page
    assert "What it says not known 99 % 99 %." in page
    assert "1970" not in page


def test_a_test_stamped_by_a_wrong_clock_does_not_stand_before_a_replacement(
    station: Station, user: Client
) -> None:
    """One of the years to come, or of 1970, tells nothing of before and after."""
    ahead = TestRecord(7, "1", "finished", "good", started_at=AT + 12 * 365 * 86400.0)
    undated = ahead._replace(n=6, started_at=AT - 86400.0, marks=("clock_not_set",))
    station.history.test_list += [ahead, undated]
    typed = {"rated_ah": "17", "type": "agm", "date": "2026-05-20"}
    assert (
        user.form("/battery-status/replaced", **replaced(user, sure="true", **typed)).status < 400
    )
    assert isinstance(station.owner.commands[-1], BatteryReplaced)


def test_after_a_replacement_no_curve_of_the_battery_before_stands_as_this_ones(
    station: Station, client: Client
) -> None:
    rows = [CurveRow(60.0 * i, 12.6 - 0.01 * i, -2.0, 25.0, 2.0) for i in range(60)]
    station.history.test_list = [FIRM._replace(result="good")]
    station.history.curves = {FIRM.n: rows}
    station.owner.show(last_test=FIRM._replace(result="good"))
    station.owner.show_point("runtime.estimate", 15000.0)
    assert "Discharge curve of test 8" in client.get("/battery-status").text
    station.owner.show(last_test=None)
    station.owner.show_point("runtime.estimate", None)
    page = client.get("/battery-status").text
    assert "No test of this battery has come to a result; what was before stands below." in page
    assert "Discharge curve of test" not in page
    aborted = LOW._replace(n=9, result="aborted", reason="The supply was lost.", estimate_s=None)
    station.history.test_list.insert(0, aborted)
    station.owner.show(last_test=aborted)
    page = client.get("/battery-status").text
    assert "Test 9 was aborted: The supply was lost." in page
    assert "those of test 8" not in page
    assert "Discharge curve of test 8" not in page
    station.history.test_list = []
    station.owner.show(last_test=None)
    assert "No test has run yet." in client.get("/battery-status").text


def test_the_words_of_a_plots_uppermost_line_are_not_cut(station: Station, client: Client) -> None:
    rows = [CurveRow(60.0 * i, 12.5 - 0.01 * i, -2.0, 25.0, 2.0) for i in range(60)]
    station.history.test_list = [FIRM]
    station.history.curves = {FIRM.n: rows}
    found = re.findall(
        r'<text x="2" y="([0-9.]+)" dy="(-?[0-9]+)">', client.get(f"/report/{FIRM.n}").text
    )
    assert len(found) >= 3
    assert all(float(y) + int(dy) >= 10.0 for y, dy in found)  # 12 px type hangs 10 px above


def test_a_block_that_is_not_known_says_what_to_look_at(
    start_station: Callable[..., Station],
) -> None:
    settings = Settings.defaults().with_changes({"system.voltage": 24, "block.tap1": "ch2"})
    station = start_station(settings=settings)
    station.owner.show_point("battery.block1.voltage", 13.4)
    station.owner.show_point("battery.block2.voltage", None, quality=BAD)
    page = words(station.client().get("/battery-status").text)
    assert "Block 1 13.40 V" in page
    assert "Block 2 not known what its taps read does not fit the bank" in page
