"""The System Status page: what the manual shows, what is added, and its weight."""

from __future__ import annotations

import gzip
import html
import re
from collections.abc import Callable

import pytest
from web_station import AT, Client, Station

from btrmd.model.discharge import TestRecord
from btrmd.model.readings import BAD, GOOD, Quality
from btrmd.model.settings import Settings
from btrmd.model.site import Site
from btrmd.model.snapshot import AlarmView, Precheck

# R22, typed from the manual; the paths are DESIGN section 8's.
MENU = [
    "System Status",
    "Battery Status",
    "Battery Test",
    "Manual Test",
    "Port Options",
    "E-Mail Configuration",
    "E-mail Test",
    "Network Configuration",
    "DNP3 Modbus Configuration",
    "SNMP Configuration",
    "SNMP MIB File",
    "Help",
    "Authorization",
    "About",
    "Trends",
    "Discharge Curves",
    "Test Reports",
    "Event Log",
    "Integrations",
    "HTTPS",
    "Backup",
    "Software Update",
]


def words(page: str) -> str:
    """The page's text without tags, one space between words."""
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page))


def test_it_names_model_page_and_place(start_station: Callable[..., Station]) -> None:
    settings = Settings.defaults(Site(model="400")).with_changes({"site.location": "730 <North>"})
    page = start_station(settings=settings).client().get("/").text
    assert ": System Status</title>" in page
    assert "<h1>System Status</h1>" in page
    assert "BTRM400" in page
    assert "System: 730 &lt;North&gt;" in page


def test_the_menu_has_the_manuals_names_in_its_order(client: Client) -> None:
    page = client.get("/").text
    menu = page[page.index("<nav") : page.index("</nav>")]
    assert re.findall(r"<li>\s*<[^>]+>([^<]+)<", menu) == MENU
    assert '<a href="/" aria-current="page">System Status</a>' in menu


def test_every_link_of_the_page_leads_somewhere(client: Client) -> None:
    page = client.get("/").text
    links = set(re.findall(r'(?:href|src)="(/[^"]*)"', page))
    assert len(links) >= 4
    for link in links:
        needs_login = link == "/authorization"  # whatever web.authorization says (R88)
        assert client.get(link.replace("&amp;", "&").partition("#")[0]).status == (
            303 if needs_login else 200
        ), link
    assert not re.search(r'(?:href|src|action)="(?:https?:)?//', page)


def test_it_shows_the_manuals_two_tables(station: Station, client: Client) -> None:
    text = words(client.get("/").text)
    for line in (
        "Battery Voltage 13.39 V",
        "Battery Current -0.06 A",
        "Load Current 1.04 A",
        "Supply Voltage 13.41 V",
        "System Temp 27 °C",
        "Capacity no test yet",
        "Channel Analog V Digital In Digital Out",
        "CH1 0.0 V OFF OFF",
        "CH2 0.0 V OFF",
        "CH3 13.1 V",
        "CH4 0.0 V",
        "Test Status OFF",
        "UPS Mode ON",
        "UPS Mode Status OFF",
        "System Voltage Type 12 V",
        "System Up Time: 7 Days 02:27",
        "Low Voltage Shutdown: Disabled",
    ):
        assert line in text


@pytest.mark.parametrize(
    ("key", "value", "line"),
    [
        ("capacity.state", "good", "Capacity Good"),
        ("capacity.state", "low", "Capacity Low"),
        ("io1.digital", True, "CH1 0.0 V TRUE"),
        ("io1.digital", False, "CH1 0.0 V FALSE"),
        ("io1.output", True, "CH1 0.0 V OFF ON"),
        ("test.running", True, "Test Status ON"),
        ("ups.on_battery", True, "UPS Mode Status ON"),
        ("lvd.enabled", True, "Low Voltage Shutdown: Enabled"),
        ("battery.current", -0.001, "Battery Current 0.00 A"),
    ],
)
def test_it_says_it_in_the_manuals_words(
    station: Station, client: Client, key: str, value: str | bool | float, line: str
) -> None:
    station.owner.show_point(key, value)
    assert line in words(client.get("/").text)


@pytest.mark.parametrize(
    ("quality", "line"),
    [
        (Quality.STALE, "Battery Voltage 11.90 V not renewed for 3 s"),
        (Quality.BAD, "Battery Voltage — V no reading for 3 s"),
        (Quality.MISSING, "Battery Voltage — V missing"),
    ],
)
def test_a_value_that_is_not_good_says_so_with_its_age(
    station: Station, client: Client, quality: Quality, line: str
) -> None:
    station.owner.show_point("battery.voltage", 11.9, quality=quality, at=AT - 3.2)
    page = client.get("/").text
    assert line in words(page)
    assert f'class="cell {quality.value}"' in page


def test_ch2_shows_an_output_where_the_site_has_made_it_one(
    start_station: Callable[..., Station],
) -> None:
    station = start_station(settings=Settings.defaults(Site(ch2_output=True)))
    station.owner.show_point("io2.output", True)
    assert "CH2 0.0 V OFF ON" in words(station.client().get("/").text)


def test_alarms_stand_there_with_their_sentence(station: Station, client: Client) -> None:
    assert "No alarm." in client.get("/").text
    alarm = AlarmView("io1", "CH1 <is> low.", AT, False, True, True)
    station.owner.show(alarms=(alarm,), faults=("The store is full.",))
    text = words(client.get("/").text)
    assert "CH1 &lt;is&gt; low. io1, latched, acknowledged, since 2026-05-28 20:26 UTC" in text
    assert "The store is full." in text


RUNNING = TestRecord(
    7, "1", "running", duration_s=2520.0, estimate_s=29400.0, minimum_runtime_s=14400.0
)


@pytest.mark.parametrize(
    ("test", "lines"),
    [
        (RUNNING, ["Test 7 (Type 1) is running", "Elapsed 42 min", "8 h 10 min", "So far above"]),
        (
            RUNNING._replace(estimate_low_s=14000.0, estimate_high_s=40000.0),
            ["8 h 10 min (3 h 53 min to 11 h 06 min, 90 %)", "above the minimum, but marginal"],
        ),
        (RUNNING._replace(estimate_s=12000.0), ["So far below the minimum"]),
        (RUNNING._replace(estimate_s=None), ["not known yet", "too early to tell"]),
        (RUNNING._replace(minimum_runtime_s=0.0), ["no judgement"]),
        (
            RUNNING._replace(type="outage"),
            ["Outage The supply feeds the load again", "number 7 of Discharge Curves"],
        ),
    ],
)
def test_a_running_test_is_seen(
    station: Station, client: Client, test: TestRecord, lines: list[str]
) -> None:
    station.owner.show(test=test)
    text = words(client.get("/").text)
    for line in lines:
        assert line in text


@pytest.mark.parametrize(
    ("source", "title"),
    [
        ("battery", "The battery feeds the load"),
        ("shared", "Supply and battery feed the load together"),
        ("charger", "The charger carries the load"),
        ("none", "The load has no power"),
        (None, "What feeds the load is not known"),
    ],
)
def test_an_outage_says_what_feeds_the_load_as_the_verdict_does(
    station: Station, client: Client, source: str | None, title: str
) -> None:
    station.owner.show(test=RUNNING._replace(type="outage"))
    station.owner.show_point("load.source", source, quality=GOOD if source else BAD)
    assert f"Outage {title}" in words(client.get("/").text)


def test_the_advice_beside_a_low_capacity_is_that_of_the_last_test(
    station: Station, client: Client
) -> None:
    alarm = AlarmView("battery.low_capacity", "Low battery capacity.", AT, True, True, False)
    last = TestRecord(7, "1", "finished", "low", ended_at=AT, marks=("weak_block:3",))
    station.owner.show(alarms=(alarm,), last_test=last)
    advice = "Block 3 ends the run: measure it at its terminals and replace it."
    assert f'<span class="advice">{advice}</span>' in client.get("/").text
    (found,) = client.get("/api/v1/state").json["alarms"]  # type: ignore[misc]
    assert found["advice"] == advice  # type: ignore[index]
    assert advice in words(client.get("/summary").text)


@pytest.mark.parametrize("alarms", [(), (AlarmView("io1", "CH1.", AT, True, False, False),)])
def test_nothing_is_told_as_known_while_the_unit_does_not_measure(
    station: Station, client: Client, alarms: tuple[AlarmView, ...]
) -> None:
    check = Precheck("Load", True, "on the supply")
    station.owner.show(is_ticking=False, alarms=alarms, prechecks=(check,))
    for path in ("/", "/summary", "/manual-test", "/events"):
        page = client.get(path).text
        text = words(page)
        assert "Unknown since 2026-05-28 20:26 UTC" in text
        assert "Alarms not known" in text
        for known in ("No alarm ", "1 alarm", "Load safe", "Nothing speaks against", "Connected"):
            assert known not in text, (path, known)
        assert 'class="lost"' in page or path == "/summary"
    text = words(client.get("/").text)
    then = "these were there then:" if alarms else "there was none then."
    assert f"Not known since 2026-05-28 20:26 UTC; {then}" in text


def test_a_key_in_a_sentence_has_its_name_beside_it(station: Station, client: Client) -> None:
    check = Precheck("Fault alarms", False, "The alarm sensor.0x40 is active.")
    fault = "The chip at 0x40 does not answer: battery.current is unknown."
    station.owner.show(faults=(fault,), prechecks=(check,))
    text = html.unescape(words(client.get("/").text))
    assert ': "Battery: current" (battery.current) is unknown.' in text
    page = html.unescape(words(client.get("/manual-test").text))
    assert 'The alarm "Sensor: 0x40" (sensor.0x40) is active.' in page


def test_the_last_test_is_seen_with_its_verdict(station: Station, client: Client) -> None:
    last = RUNNING._replace(
        state="finished", result="low", ended_at=AT, reason="The cutoff came early.", n=9
    )
    station.owner.show(last_test=last)
    text = words(client.get("/").text)
    for line in ("Last test: number 9 (Type 1)", "Result Low", "Reason The cutoff came early."):
        assert line in text


def test_it_can_be_used_without_script(client: Client) -> None:
    page = client.get("/").text
    assert re.search(r'<noscript><meta http-equiv="refresh" content="\d+"></noscript>', page)
    assert not re.search(r"<script(?![^>]*src=)", page)  # the policy forbids inline script
    assert not re.search(r"\son\w+=|style=", page)


def test_it_can_be_used_by_keyboard_and_screen_reader(client: Client) -> None:
    page = client.get("/").text
    assert page.index('href="#content"') < page.index("<nav")
    assert 'lang="en"' in page
    assert 'aria-live="polite"' in page
    assert "<th>" not in page  # every header cell says what it heads
    style = client.get("/static/style.css").text
    assert "prefers-reduced-motion" in style
    assert "prefers-color-scheme: dark" in style
    assert ":focus-visible" in style


def test_it_is_light(client: Client) -> None:
    """18 KB compressed and 6 requests cold: the page, its files, the worker and the stream."""
    packed = {"Accept-Encoding": "gzip"}
    page = client.ask("GET", "/", headers=packed)
    html = gzip.decompress(page.body).decode()
    files = set(re.findall(r'(?:href|src)="(/static/[^"]*)"', html))
    weight = len(page.body)
    for file in files:
        reply = client.ask("GET", file, headers=packed)
        assert reply.headers["Content-Encoding"] == "gzip"
        assert "immutable" in reply.headers["Cache-Control"]
        weight += len(reply.body)
    assert 'rel="icon" id="icon" href="data:image/svg+xml,' in html  # no request of its own
    assert len(files) + 3 <= 6
    assert weight <= 18_000


def test_a_file_that_has_not_changed_is_not_sent_again(client: Client) -> None:
    first = client.get("/static/live.js")
    assert first.headers["Cache-Control"] == "no-cache"
    again = client.ask(
        "GET", "/static/live.js", headers={"If-None-Match": str(first.headers["ETag"])}
    )
    assert (again.status, again.body) == (304, b"")


def test_an_error_on_a_page_is_a_page(client: Client) -> None:
    reply = client.get("/nothing-here")
    assert reply.status == 404
    assert 'role="alert"' in reply.text
    assert "<nav" in reply.text
