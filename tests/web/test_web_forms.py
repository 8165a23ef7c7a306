"""The settings forms: every setting can be set, refusals stand at the field, typed text stays."""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Iterator

import pytest
from web_forms import alert, fields_of, follow, post, words
from web_station import AT, Client, Station

from btrmd.model.commands import Answer, ChangeSettings
from btrmd.model.setting import Setting
from btrmd.model.settings import SETTINGS, Settings, allowed_text
from btrmd.model.site import Site
from btrmd.servers.web.form_field import COMMUNITIES, DOTS, NO_CONTROLS

PATHS = {
    "Battery Test": "/battery-test",
    "Port Options": "/port-options",
    "E-Mail Configuration": "/email",
    "Network Configuration": "/network",
    "DNP3 Modbus Configuration": "/dnp3-modbus",
    "SNMP Configuration": "/snmp",
    "HTTPS": "/https",
    "Integrations": "/integrations",
}
ON_FORMS = [setting for setting in SETTINGS.values() if setting.page in PATHS]
RUNTIME = "test.minimum_runtime_min"
TYPE2 = "test.type2_minimum_mv"


@pytest.fixture
def changed(station: Station) -> Callable[[], dict[str, object]]:
    """All that the forms have changed so far."""

    def look() -> dict[str, object]:
        found: dict[str, object] = {}
        for command in station.owner.commands:
            assert isinstance(command, ChangeSettings)
            found |= command.changes
        return found

    return look


@pytest.fixture(scope="module")
def forms() -> dict[str, dict[str, str]]:
    """Path -> its form as it was first met: the shared station's settings come back to it."""
    return {}


# what goes with the other network settings of a new unit
TOGETHER = {"network.gateway": "192.168.1.7", "network.mask": "255.255.255.128"}


def other_value(setting: Setting) -> str:
    """Something that may be set and is not the default."""
    if setting.kind == "bool":
        return "false" if setting.default else "true"
    if setting.kind == "enum":
        return next(str(c) for c in setting.choices if c != setting.default)
    if setting.kind in ("int", "float"):
        return "11000" if setting.key == TYPE2 else "7"
    texts = {
        "ip": "10.1.2.3",
        "host": "mail.plant.example",
        "hostname": "btrm-7",
        "email": "unit@plant.example",
        "email_list": "a@plant.example, b@plant.example",
        "cidr_list": "10.0.0.0/8",
        "day_list": "sat, sun",
        "date_list": "2026-12-24..2027-01-06",
        "device": "/dev/ttyUSB0",
        "path": "/etc/ssl/plant.pem",
        "timezone": "Europe/Berlin",
        "origin_list": "https://noc.example.com,http://10.0.0.5:8080",
        "mac": "80:1f:12:88:92:48",
        "passphrase": "a long passphrase",
        "battery_table": "4 A: 2 h to 1.75; 2 A: 5 h to 1.75",
        "topic": "plant/north",
        "https_url": "https://hooks.plant.example/x",
        "webhook_template": '{"text": "${text}"}',
        "header": "Bearer abc",
        "": "Nord <7> ⚡",
    }
    return TOGETHER.get(setting.key) or texts[setting.format]


def test_every_setting_but_authorization_stands_on_its_form(user: Client) -> None:
    pages = {path: user.get(path).text for path in PATHS.values()}
    for setting in SETTINGS.values():
        if setting.key == "web.authorization":
            continue
        page = pages[PATHS[setting.page]]
        assert f'name="{setting.key}' in page, setting.key
        text = words(page)
        assert setting.label in text, setting.key
        if setting.kind not in ("bool", "enum"):
            allowed = allowed_text(setting.key, Settings.defaults()).removesuffix(NO_CONTROLS)
            assert f"Allowed: {allowed}." in text


@pytest.mark.parametrize(
    ("path", "sent", "label", "why"),
    [
        ("/network", {"network.mask": "255.0.255.0"}, "Subnet Mask", "a mask of leading ones"),
        ("/network", {"network.gateway": "10.0.0.1"}, "Gateway", "in 192.168.1.0/24"),
        ("/dnp3-modbus", {"dnp3.address": "7", "dnp3.master": "7"}, "Address", "which is 7 too"),
        (
            "/port-options",
            {"block.tap1": "none", "block.tap2": "ch3"},
            "Tap 1",
            "none while Tap 1 is none: taps have no gap",
        ),
    ],
)
def test_what_cannot_be_together_is_refused_at_its_field(
    station: Station, user: Client, path: str, sent: dict[str, str], label: str, why: str
) -> None:
    if path == "/port-options":
        bank = Settings.defaults(Site(model="400")).with_changes({"system.voltage": 48})
        station.owner.show(settings=bank)
    before = station.bus.snapshot.settings
    answer = post(user, path, **sent)
    assert answer.status in (409, 422)
    assert label in words(answer.text)
    assert why in words(answer.text)
    assert station.bus.snapshot.settings == before


def test_a_page_says_what_has_moved_along(station: Station, user: Client) -> None:
    mail = {"email.server": "mail.plant.example", "email.to": "ops@plant.example"}
    page = words(follow(user, post(user, "/email", **mail)))
    assert "Saved. There is a server and a recipient now, so alarms are sent by e-mail" in page
    assert station.bus.snapshot.settings.flag("email.enabled")
    page = words(follow(user, post(user, "/email", **{"email.enabled": "false"})))
    assert not station.bus.snapshot.settings.flag("email.enabled")
    page = words(follow(user, post(user, "/network", **{"network.address": "10.0.0.9"})))
    assert "Changed with it: Gateway = 0.0.0.0." in page
    assert "<b>" not in user.get("/network?saved=1&moved=<b>,network.gateway").text
    page = words(user.get("/dnp3-modbus?saved=1&moved=snmp.v3.read_auth_password,nonsense").text)
    assert "Changed with it" not in page


@pytest.mark.parametrize("setting", ON_FORMS, ids=lambda setting: setting.key)
def test_each_setting_can_be_set_alone(shared: tuple[Station, Client], setting: Setting) -> None:
    station, user = shared
    # a bank of 12 V has no taps to be wired, and those that are there have no gap
    below = {
        "block.tap2": {"block.tap1": "ch3"},
        "block.tap3": {"block.tap1": "ch3", "block.tap2": "ch4"},
    }
    start = Settings.defaults(Site(model="400")).with_changes({"system.voltage": 48})
    start = start.with_changes(below.get(setting.key, {}))
    start = start if setting.group == "Block Voltages" else Settings.defaults()
    if station.bus.snapshot.settings != start:
        station.owner.show(settings=start)
    path, value = PATHS[setting.page], other_value(setting)
    station.owner.commands.clear()
    sent = {setting.key: value}
    if setting.key == RUNTIME:
        sent = {f"{RUNTIME}.hours": "0", f"{RUNTIME}.minutes": "7"}
    page = follow(user, post(user, path, **sent))
    assert "Saved." in page
    command = station.owner.commands[-1]
    assert isinstance(command, ChangeSettings)
    assert list(command.changes) == [setting.key]
    assert str(command.changes[setting.key]).lower().removesuffix(".0") == value.lower()
    assert command.source == "web admin 127.0.0.1"


SAMPLES = ("test.interval_h", "battery.rated_ah")  # one whole number, one that is not


BAD_TEXTS = {
    "topic": ("a/+/b", "a#"),
    "webhook_template": ("<script>${nothing}</script>", '{"a":'),
    "header": ("grün", "😀" * 8),
}


def bad_values() -> Iterator[tuple[str, str]]:
    for setting in ON_FORMS:
        key = setting.key
        if setting.kind in ("int", "float"):
            if setting.low is not None and setting.high is not None and key != TYPE2:
                yield key, f"{setting.low - 1:g}"
                yield key, f"{setting.high + 1:g}"
            texts = ["nan", "<script>alert(1)</script>", "😀"]
            texts += ["inf", "-inf", "1e999", "0x10", "12 h", "1_0", "٣"] if key in SAMPLES else []
            for text in texts:
                yield key, text
            if not setting.optional:
                yield key, ""
        elif setting.kind == "bool":
            yield key, "maybe"
        elif setting.kind == "enum":
            yield key, "<script>"
            yield key, ""
        else:
            yield key, "x" * (setting.max_length + 1)
            if setting.format and setting.format != "passphrase":
                for text in BAD_TEXTS.get(setting.format, ("<script>alert(1)</script>", "😀" * 8)):
                    yield key, text
            yield key, "a\x07b"


@pytest.mark.parametrize(("key", "text"), list(bad_values()), ids=lambda text: ascii(text)[:30])
def test_what_is_not_allowed_is_refused_at_its_field(
    shared: tuple[Station, Client], forms: dict[str, dict[str, str]], key: str, text: str
) -> None:
    station, user = shared
    if station.bus.snapshot.settings != Settings.defaults():
        station.owner.show(settings=Settings.defaults())
    station.owner.commands.clear()
    path = PATHS[SETTINGS[key].page]
    others = [
        other.key
        for other in ON_FORMS
        if other.page == SETTINGS[key].page
        and other.key not in (key, RUNTIME)
        and other.kind in ("text", "int")
        and other.format != "host"  # is told first, and only one field is named
        and not other.secret
    ]
    beside = {others[0]: "77"} if others else {}  # perhaps refused as well; it must not get lost
    sent = {key: text}
    if key == RUNTIME:
        sent = {f"{key}.hours": text, f"{key}.minutes": ""}
    fields = forms.setdefault(path, {}) or fields_of(user.get(path).text, path)
    forms[path] = fields
    reply = user.form(path, **{**fields, **sent, **beside})
    assert reply.status == 422
    assert station.owner.commands == []
    said = alert(reply.text)
    assert "Nothing has been changed" in said
    assert SETTINGS[key].label in said
    assert f"Allowed is {allowed_text(key, station.bus.snapshot.settings)}" in said
    # Nothing that was typed is lost, but no secret comes back.
    again = fields_of(reply.text, path)
    assert beside.items() <= again.items()
    field = f"{key}.hours" if key == RUNTIME else key
    if SETTINGS[key].secret:
        assert html.escape(text) not in reply.text
    elif SETTINGS[key].kind in ("int", "float", "text") and "\x07" not in text:
        assert again[field] == text
    assert "<script>alert" not in reply.text
    assert f'id="f-{key.replace(".", "-")}-error">' in reply.text
    assert 'aria-invalid="true"' in reply.text


@pytest.mark.parametrize("text", ["10499", "12501", "-1", "0", "99999"])
def test_a_type_2_minimum_out_of_range_returns_the_default_and_says_so(
    station: Station, user: Client, changed: Callable[[], dict[str, object]], text: str
) -> None:
    follow(user, post(user, "/battery-test", **{TYPE2: "11500"}))
    page = follow(user, post(user, "/battery-test", **{TYPE2: text, "test.interval_h": "48"}))
    assert changed() == {TYPE2: 11800, "test.interval_h": 48}
    said = alert(page)
    assert "10500..12500 mV" in said
    assert "default value 11800 mV" in said


def test_a_makers_table_stands_a_row_a_line_and_says_what_is_wrong_with_it(
    station: Station, user: Client, changed: Callable[[], dict[str, object]]
) -> None:
    rows = "4 A: 2 h to 1.75\r\n2 A: 5 h to 1.75"
    follow(user, post(user, "/battery-test", **{"battery.table": rows}))
    assert changed() == {"battery.table": "4 A: 2 h to 1.75; 2 A: 5 h to 1.75"}
    station.owner.show(
        settings=Settings.defaults().with_changes(
            {"battery.table": rows, "test.type2_minimum_mv": 11800}
        )
    )
    assert fields_of(user.get("/battery-test").text, "/battery-test")["battery.table"] == rows
    assert "Nothing was different" in follow(user, post(user, "/battery-test"))
    wrong = "4 A: 2 h to 1.75\r\n2 A: 1 h to 1.75"
    reply = post(user, "/battery-test", **{"battery.table": wrong})
    assert reply.status == 422
    assert "Rows 1 and 2: 4 A lasts 2 h and 2 A 1 h; a greater load" in alert(reply.text)
    assert fields_of(reply.text, "/battery-test")["battery.table"] == wrong


@pytest.mark.parametrize("text", ["", "abc", "nan", "11.5", "<script>"])
def test_a_type_2_minimum_that_is_no_number_is_refused(
    station: Station, user: Client, text: str
) -> None:
    reply = post(user, "/battery-test", **{TYPE2: text})
    assert reply.status == 422
    assert "10500..12500 mV" in alert(reply.text)
    assert station.owner.commands == []


def test_saving_without_a_change_asks_the_owner_nothing(station: Station, user: Client) -> None:
    for path in PATHS.values():
        page = follow(user, post(user, path))
        assert "Nothing was different" in page, path
    assert station.owner.commands == []


def test_a_form_that_names_one_field_changes_only_that(
    user: Client, changed: Callable[[], dict[str, object]]
) -> None:
    token = fields_of(user.get("/battery-test").text, "/battery-test")["csrf_token"]
    assert user.form("/battery-test", csrf_token=token, **{"test.interval_h": "24"}).status == 303
    assert changed() == {"test.interval_h": 24}
    assert user.form("/battery-test", csrf_token=token, **{RUNTIME: "75"}).status == 303
    assert changed() == {"test.interval_h": 24, RUNTIME: 75}


def test_the_countdown_to_the_next_test_is_not_touched_by_other_changes(
    station: Station, user: Client, changed: Callable[[], dict[str, object]]
) -> None:
    """The page shows 3 h; an hour later somebody saves another field of it."""
    fields = fields_of(user.get("/battery-test").text, "/battery-test")
    assert fields["test.next_h"] == "3"
    station.owner.show_point("test.next", 3600.0)
    assert user.form("/battery-test", **{**fields, "test.interval_h": "24"}).status == 303
    assert changed() == {"test.interval_h": 24}
    assert user.form("/battery-test", **{**fields, "test.next_h": "12"}).status == 303
    assert changed()["test.next_h"] == 12


def test_type_1_and_type_2_settings_are_both_kept(
    user: Client, changed: Callable[[], dict[str, object]]
) -> None:
    follow(user, post(user, "/battery-test", **{"test.type": "2"}))
    assert changed() == {"test.type": 2}


def test_communities_are_dots_and_a_blank_disables(
    station: Station, user: Client, changed: Callable[[], dict[str, object]]
) -> None:
    page = user.get("/snmp").text
    fields = fields_of(page, "/snmp")
    assert fields["snmp.read1"] == fields["snmp.read2"] == DOTS
    assert fields["snmp.write1"] == ""
    assert {key for key in SETTINGS if key.endswith("community")} < COMMUNITIES
    follow(user, post(user, "/snmp", **{"snmp.read2": "", "snmp.write1": "s3cret"}))
    assert changed() == {"snmp.read2": "", "snmp.write1": "s3cret"}
    after = user.get("/snmp").text
    assert "s3cret" not in after
    assert fields_of(after, "/snmp")["snmp.write1"] == DOTS
    reply = post(user, "/snmp", **{"snmp.write1": f"{DOTS}x"})
    assert reply.status == 422
    assert "type the whole of it anew" in alert(reply.text)


def test_a_password_left_empty_stays_and_can_be_forgotten(
    station: Station, user: Client, changed: Callable[[], dict[str, object]]
) -> None:
    assert "None is stored." in words(user.get("/email").text)
    follow(user, post(user, "/email", **{"email.password": "hush hush"}))
    page = user.get("/email").text
    assert "hush" not in page
    assert "leave the field empty to keep it" in page
    station.owner.commands.clear()
    follow(user, post(user, "/email", **{"email.port": "587"}))
    assert changed() == {"email.port": 587}
    both = {"email.password": "new one", "clear:email.password": "true"}
    assert post(user, "/email", **both).status == 422
    follow(user, post(user, "/email", **{"clear:email.password": "true"}))
    assert changed()["email.password"] == ""


def test_nobody_sees_what_is_set_but_not_which_secrets_are(client: Client) -> None:
    for path in PATHS.values():
        page = client.get(path).text
        assert re.search(r'<fieldset class="all" disabled', page), path
        assert f'<a href="/login?next={path}">Log in</a>' in page
        assert "<button>Save" not in page
    assert DOTS not in client.get("/snmp").text


@pytest.mark.parametrize(
    ("answer", "status", "said"),
    [
        (Answer(False, "busy", "The owner's inbox is full."), 503, "inbox is full"),
        (Answer(False, "storage", "The disk is full."), 503, "disk is full"),
        (
            Answer(False, "running", "system.voltage = 24 is refused in a test.",
                   {"key": "system.voltage", "value": 24, "allowed": "not in a test"}),
            409, "refused in a test",
        ),
        (
            Answer(False, "interlock", "Allowed with a battery of 18 to 32 V; it is 13.39 V.",
                   {"key": "system.voltage", "value": 24, "allowed": "18 to 32 V"}),
            409, "it is 13.39 V",
        ),
    ],
)  # fmt: skip
def test_what_the_owner_refuses_is_said_and_the_form_kept(
    station: Station, user: Client, answer: Answer, status: int, said: str
) -> None:
    station.owner.answer = lambda _: answer
    reply = post(user, "/port-options", **{"system.voltage": "24"})
    assert reply.status == status
    assert said in alert(reply.text)
    assert fields_of(reply.text, "/port-options")["system.voltage"] == "24"


def test_the_voltages_and_thresholds_of_the_model(
    start_station: Callable[..., Station], client: Client
) -> None:
    text = words(client.get("/port-options").text)
    assert "36V System" not in text
    assert "UPS Mode: transfer to battery when load is less than 11.00 V 22.00 V" in text
    station = start_station(settings=Settings.defaults(Site(model="400", ch2_output=True)))
    text = words(station.client().get("/port-options").text)
    assert "12V System (in use) 24V System 36V System 48V System" in text
    assert "on above 12.50 V 24.50 V 36.75 V 49.00 V" in text
    assert "A test starts above 12.40 V 24.80 V 37.20 V 49.60 V" in text
    assert text.count("Digital Out Normally Open, Low On Alarm") == 2  # CH2 as well (C5)
    reply = client.log_in()
    assert reply.status == 200
    assert post(client, "/port-options", **{"system.voltage": "48"}).status == 422


def test_a_short_retry_draws_a_warning_and_is_accepted(
    user: Client, changed: Callable[[], dict[str, object]]
) -> None:
    assert "not recommended:" not in words(user.get("/dnp3-modbus").text)
    page = follow(user, post(user, "/dnp3-modbus", **{"dnp3.retry_s": "4"}))
    assert changed() == {"dnp3.retry_s": 4}
    assert "Below 5 s is not recommended" in words(page)


def test_the_network_page_tells_how_to_reach_the_unit_after_a_change(user: Client) -> None:
    before = words(user.get("/network").text)
    assert "CAUTION" in before
    assert "does not apply them to the host" in before
    assert "PB1" not in before
    after = words(follow(user, post(user, "/network", **{"network.address": "10.9.8.7"})))
    assert "http://10.9.8.7/" in after
    assert "hold button PB1" in after


def test_listeners_counters_and_maps_are_on_the_protocol_page(
    station: Station, user: Client
) -> None:
    station.bus.report_listener("modbus", "0.0.0.0:502")
    station.bus.report_listener("dnp3", "", "DNP3 cannot listen on port 20000.")
    station.bus.report_counts("dnp3", {"other_master": 3})
    text = words(user.get("/dnp3-modbus").text)
    assert "modbus listens on 0.0.0.0:502" in text
    assert "dnp3 DNP3 cannot listen on port 20000." in text
    assert "serial off" in text
    assert "dnp3 other master 3" in text
    assert "0 battery.voltage Voltage at the battery terminals, whole bank. 13391" in text


def test_the_next_run_is_told(station: Station, user: Client) -> None:
    assert "not enabled" in words(user.get("/battery-test").text)
    follow(user, post(user, "/battery-test", **{"test.enabled": "true", "test.type": "2"}))
    text = words(user.get("/battery-test").text)
    assert "begins at 2026-05-28 22:26 UTC. It runs for 1 h 00 min at most" in text
    assert AT == 1_780_000_000.0


def test_a_form_of_another_page_or_without_its_token_changes_nothing(
    station: Station, user: Client
) -> None:
    fields = fields_of(user.get("/email").text, "/email") | {"email.port": "587"}
    for token in ("", "wrong"):
        assert user.form("/email", **{**fields, "csrf_token": token}).status == 403
    assert user.form("/email", csrf_token=fields["csrf_token"], **{"io1.config": "4"}).status == 303
    assert station.owner.commands == []


def test_where_authorization_is_off_nobody_needs_a_login_but_the_token(
    start_station: Callable[..., Station],
) -> None:
    station = start_station(settings=Settings.defaults(Site(authorization_off=True)))
    client = station.client()
    assert client.form("/email", **{"email.port": "587"}).status == 403
    follow(client, post(client, "/email", **{"email.port": "587"}))
    assert station.owner.commands[0].source == "web nobody 127.0.0.1"


def test_a_body_that_is_too_large_is_refused_by_a_page(user: Client) -> None:
    reply = user.form("/email", **{"site.contact": "x" * 70_000})
    assert reply.status == 413
