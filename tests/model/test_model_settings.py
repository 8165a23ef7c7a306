"""Settings: what is accepted, what is refused, and what follows a change."""

from __future__ import annotations

import math
import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from btrmd.model.errors import ConfigError, SettingError
from btrmd.model.settings import SETTINGS, Settings, allowed_text, format_setting, parse_value
from btrmd.model.site import Site, decode_site, flatten
from btrmd.model.thresholds import Thresholds, fits_system_voltage

KEYS: dict[str, Any] = tomllib.loads(
    (Path(__file__).parent.parent / "golden" / "keys.toml").read_text("utf-8")
)
BTRM400 = Settings.defaults(Site(model="400"))
BTRM300 = Settings.defaults()


def test_defaults_are_those_promised() -> None:
    none = {key: None if value == "none" else value for key, value in KEYS["defaults"].items()}
    none |= {"email.security": "none", "serial.protocol": "none", "mqtt.security": "none"}
    none |= {"radius.role": "none"}
    assert {key: BTRM300[key] for key in KEYS["defaults"]} == none
    for key, value in none.items():
        assert type(BTRM300[key]) is type(value), key


def test_every_setting_but_the_live_ones_has_a_value() -> None:
    assert set(BTRM300) == set(SETTINGS) - {"test.next_h"}
    assert len(BTRM300) == len(SETTINGS) - 1


@pytest.mark.parametrize("key", KEYS["ranges"])
def test_the_ends_of_a_range_are_allowed_and_the_next_number_is_not(key: str) -> None:
    low, high = KEYS["ranges"][key]
    for number in (low, high, str(low), f" {high} "):
        BTRM300.with_changes({key: number})
    for number in (low - 1, high + 1, str(high + 1)):
        with pytest.raises(SettingError) as refusal:
            BTRM300.with_changes({key: number})
        assert refusal.value.key == key
        assert refusal.value.value == number
        for word in (key, str(number), str(low), str(high)):
            assert word in str(refusal.value)


@pytest.mark.parametrize("volts", [12, 24, 36, 48])
def test_the_type_2_minimum_follows_the_system_voltage(volts: int) -> None:
    low, high, default = KEYS["type2_minimum_mv"][str(volts)]
    settings = BTRM400.with_changes({"system.voltage": volts})
    assert settings["test.type2_minimum_mv"] == default
    for number in (low, high):
        assert (
            settings.with_changes({"test.type2_minimum_mv": number})["test.type2_minimum_mv"]
            == number
        )
    for number in (low - 1, high + 1):
        with pytest.raises(SettingError, match=f"{low}..{high} mV at {volts} V"):
            settings.with_changes({"test.type2_minimum_mv": number})


def test_voltage_and_minimum_may_change_together_in_any_order() -> None:
    for order in (1, -1):
        changes = dict([("test.type2_minimum_mv", "25000"), ("system.voltage", "24")][::order])
        settings = BTRM300.with_changes(changes)
        assert (settings["system.voltage"], settings["test.type2_minimum_mv"]) == (24, 25000)


def test_a_changed_minimum_survives_what_does_not_touch_it() -> None:
    settings = BTRM300.with_changes({"test.type2_minimum_mv": 12000})
    assert settings.with_changes({"system.voltage": 12})["test.type2_minimum_mv"] == 12000
    assert settings.with_changes({"test.type": 2})["test.type2_minimum_mv"] == 12000


@pytest.mark.parametrize("volts", [36, 48, "48"])
def test_36_and_48_volts_are_for_the_400(volts: object) -> None:
    with pytest.raises(SettingError, match="12 or 24 V on the BTRM300"):
        BTRM300.with_changes({"system.voltage": volts})
    assert BTRM400.with_changes({"system.voltage": volts})["system.voltage"] == int(str(volts))


@pytest.mark.parametrize("volts", [0, 13, 60, "12V", True, None, 12.5, [12]])
def test_other_voltages_are_refused(volts: object) -> None:
    with pytest.raises(SettingError):
        BTRM400.with_changes({"system.voltage": volts})


def test_io2_drives_an_output_only_where_the_site_says_so() -> None:
    with pytest.raises(SettingError, match=r"0\.\.2"):
        BTRM300.with_changes({"io2.config": 3})
    site = Settings.defaults(Site(ch2_output=True))
    assert site.with_changes({"io2.config": "4"})["io2.config"] == 4


@pytest.mark.parametrize(
    ("raw", "value"),
    [
        *((raw, True) for raw in ("true", "ON", "yes", "1", True, 1)),
        *((raw, False) for raw in ("false", "off", " No ", "0", False, 0)),
    ],
)
def test_a_switch_takes_the_words_people_use(raw: object, value: bool) -> None:
    assert BTRM300.with_changes({"test.enabled": raw})["test.enabled"] is value


@pytest.mark.parametrize("raw", ["", "maybe", 2, 0.5, None, [], "tru"])
def test_a_switch_takes_nothing_else(raw: object) -> None:
    with pytest.raises(SettingError, match="true or false"):
        BTRM300.with_changes({"test.enabled": raw})


@pytest.mark.parametrize(
    "raw",
    [
        *(True, False, None, "", " ", "x", 1.5, "1.5", math.nan, math.inf, -math.inf, "nan"),
        *("inf", "1e2", "0x10", "1_0", "\u0663", "1" * 5000, 10**30, [], {}, b"1", "--1"),
    ],
)
def test_an_integer_takes_integers_only(raw: object) -> None:
    with pytest.raises(SettingError) as refusal:
        BTRM300.with_changes({"test.interval_h": raw})
    assert len(str(refusal.value)) < 300


def test_a_whole_float_is_an_integer() -> None:
    value = BTRM300.with_changes({"test.interval_h": 48.0})["test.interval_h"]
    assert value == 48
    assert isinstance(value, int)


@pytest.mark.parametrize("raw", ["none", "NONE", "", None])
def test_an_optional_number_can_be_none(raw: object) -> None:
    settings = BTRM300.with_changes({"battery.rated_ah": 100})
    assert settings.with_changes({"battery.rated_ah": raw})["battery.rated_ah"] is None


@pytest.mark.parametrize("raw", [math.nan, math.inf, "nan", "1e999", 0.99, 2000.1, True, 10**400])
def test_an_odd_rating_is_refused(raw: object) -> None:
    with pytest.raises(SettingError, match=r"none or 1\.\.2000 Ah"):
        BTRM300.with_changes({"battery.rated_ah": raw})


def test_a_rating_may_have_a_fraction() -> None:
    assert BTRM300.with_changes({"battery.rated_ah": "7.2"})["battery.rated_ah"] == 7.2


@pytest.mark.parametrize(
    ("key", "text"),
    [
        ("site.contact", "x" * 23),
        ("site.location", "x" * 100_000),
        ("site.location", "line\nbreak"),
        ("site.name", "tab\there"),
        ("site.contact", "\ud800"),
        ("site.contact", "a\u202eb"),
        ("site.contact", 7),
        ("site.contact", None),
        ("snmp.read1", "x" * 16),
        ("snmp.trap0.address", "192.168.1"),
        ("snmp.trap0.address", ""),
        ("snmp.trap0.address", "fd00::1::2"),
        ("network.address", "192.168.1.256"),
        ("network.host_name", "-btrm"),
        ("network.host_name", "a.b"),
        ("network.mac", "80:1F:12:88:92"),
        ("network.mac", "01:1F:12:88:92:48"),  # of a group of machines
        ("network.mac", "FF:FF:FF:FF:FF:FF"),
        ("network.mac", "00:00:00:00:00:00"),
        ("email.server", "not a host"),
        ("email.server", "1.2.3.4.5"),
        ("email.server", ""),
        ("email.to", "nobody"),
        ("email.to", "x" * 25 + "@xxx.com"),
        ("email.from", "a@b@c"),
        ("email.ca_file", "ca.pem"),
        ("email.ca_file", "/etc/../shadow"),
        ("modbus.allow", "10.0.0.1/8"),
        ("modbus.allow", "10.0.0.0/33"),
        ("modbus.allow", "example.com"),
        ("serial.device", "ttyS0"),
        ("dnp3.master_ip", "two masters"),
    ],
)
def test_a_text_that_does_not_fit_is_refused_not_cut(key: str, text: object) -> None:
    with pytest.raises(SettingError) as refusal:
        BTRM300.with_changes({key: text})
    assert key in str(refusal.value)
    assert allowed_text(key, BTRM300) in str(refusal.value)
    assert len(str(refusal.value)) < 400


@pytest.mark.parametrize(
    ("key", "text"),
    [
        ("site.contact", "Zoë, shift 2 (day)"),
        ("site.location", "x" * 22),
        ("site.location", ""),
        ("snmp.read1", ""),
        ("snmp.write1", "x" * 15),
        ("network.mac", "80:1F:12:88:92:48"),
        ("email.server", "mail.example.com"),
        ("email.server", "10.0.0.25"),
        ("email.to", "a@example.com, b@example.com"),
        ("email.to", "x" * 24 + "@xxx.com"),
        ("email.password", "p\u00e4ss wort "),
        ("modbus.allow", "10.0.0.0/8, 192.168.1.5 fd00::/8"),
        ("dnp3.allow", ""),
        ("dnp3.master_ip", "10.0.0.1"),
        ("dnp3.master_ip", "fd00::17"),
        ("dnp3.master_ip", "scada.example.com"),
        ("snmp.trap0.address", "fe80::1%eth0"),
        ("snmp.trap1.address", "noc.example.com"),
        ("email.server", "2001:db8::25"),
        ("syslog.server", "fd00::514"),
        ("mqtt.server", "fd00::1883"),
        ("serial.device", "/dev/ttyUSB0"),
    ],
)
def test_a_text_that_fits_is_kept_to_the_letter(key: str, text: str) -> None:
    assert BTRM300.with_changes({key: text})[key] == text


def test_a_change_is_made_whole_or_not_at_all() -> None:
    before = dict(BTRM300)
    with pytest.raises(SettingError, match=r"test\.interval_h"):
        BTRM300.with_changes({"test.enabled": True, "test.interval_h": 501})
    assert dict(BTRM300) == before


@pytest.mark.parametrize(
    ("key", "near"), [("tst.enabled", "test.enabled"), ("system.voltag", "system.voltage")]
)
def test_an_unknown_key_is_an_error_that_names_the_closest(key: str, near: str) -> None:
    with pytest.raises(SettingError, match=near) as refusal:
        BTRM300.with_changes({key: 1})
    assert repr(key) in str(refusal.value)


def test_a_far_off_key_is_an_error_too() -> None:
    with pytest.raises(SettingError, match="is not a setting"):
        BTRM300.with_changes({"q" * 10_000: 1})


def test_a_refused_secret_is_not_repeated() -> None:
    with pytest.raises(SettingError) as refusal:
        BTRM300.with_changes({"email.password": "hunter2\n"})
    assert "hunter2" not in str(refusal.value)
    assert refusal.value.value is None


def test_secrets_are_not_public() -> None:
    settings = BTRM300.with_changes({"email.password": "hunter2", "snmp.write1": "sesame"})
    public = settings.public()
    assert public["email.password"] is None
    assert public["snmp.write1"] is None
    assert public["site.contact"] == "BTRM Contact"
    assert "hunter2" not in repr(settings)
    assert "sesame" not in repr(settings)


def test_authorization_off_belongs_to_the_site_file() -> None:
    with pytest.raises(SettingError, match="writes or all"):
        BTRM300.with_changes({"web.authorization": "off"})
    assert BTRM300.with_changes({"web.authorization": "ALL"})["web.authorization"] == "all"
    open_site = Settings.defaults(Site(authorization_off=True))
    assert open_site["web.authorization"] == "off"
    with pytest.raises(SettingError, match="site file"):
        open_site.with_changes({"web.authorization": "writes"})


def test_the_live_key_is_checked_and_not_kept() -> None:
    assert BTRM300.with_changes({"test.next_h": "48"}) == BTRM300
    assert BTRM300.live_changes({"test.next_h": "48", "test.enabled": "on"}) == {"test.next_h": 48}
    with pytest.raises(SettingError):
        BTRM300.with_changes({"test.next_h": 501})
    with pytest.raises(SettingError):
        BTRM300.live_changes({"test.next_h": -1})
    with pytest.raises(SettingError):
        BTRM300.live_changes({"test.naxt_h": 1})


def test_parity_follows_the_serial_protocol_unless_given() -> None:
    dnp3 = BTRM300.with_changes({"serial.protocol": "dnp3"})
    assert dnp3["serial.parity"] == "none"
    assert dnp3.with_changes({"serial.protocol": "modbus"})["serial.parity"] == "even"
    assert (
        dnp3.with_changes({"serial.protocol": "none", "mqtt.security": "none"})["serial.parity"]
        == "none"
    )
    both = BTRM300.with_changes({"serial.parity": "odd", "serial.protocol": "dnp3"})
    assert both["serial.parity"] == "odd"
    assert both.with_changes({"serial.baud": "115200"})["serial.parity"] == "odd"


def test_site_defaults_come_before_what_is_set() -> None:
    settings = Settings.defaults(
        Site(), {"site.location": "Hilltop", "system.voltage": 24, "test.type2_minimum_mv": 22000}
    )
    assert settings["site.location"] == "Hilltop"
    changed = settings.with_changes({"site.location": "Valley", "system.voltage": 12})
    assert changed.default("site.location") == "Hilltop"
    assert changed.default("test.type2_minimum_mv") == 11800
    assert settings.default("test.type2_minimum_mv") == 22000
    back = changed.with_defaults(("site.location", "system.voltage", "test.next_h"))
    assert back["site.location"] == "Hilltop"
    assert back["test.type2_minimum_mv"] == 22000
    with pytest.raises(SettingError, match=r"test\.type"):
        Settings.defaults(Site(), {"test.type": 3})


def test_a_stored_file_is_restored_as_far_as_it_is_good() -> None:
    stored = {
        "test.type2_minimum_mv": 23000,
        "test.interval_h": 999,
        "gone.key": 1,
        "serial.parity": "odd",
        "serial.protocol": "dnp3",
        "system.voltage": 24,
    }
    settings, errors = BTRM300.restored(stored)
    assert settings["test.type2_minimum_mv"] == 23000
    assert settings["serial.parity"] == "odd"
    assert settings["test.interval_h"] == 336
    assert sorted(error.key for error in errors) == ["gone.key", "test.interval_h"]
    opened, errors = Settings.defaults(Site(authorization_off=True)).restored(
        {"web.authorization": "all"}
    )
    assert opened["web.authorization"] == "off"
    assert errors == []


def taken_or_refused(key: str, raw: object) -> tuple[Any, SettingError | None]:
    try:
        return parse_value(key, raw, BTRM400), None
    except SettingError as refusal:
        return None, refusal


def test_restoring_any_settings_gives_them_back() -> None:
    settings = BTRM400.with_changes(
        {
            "system.voltage": 48,
            "email.enabled": True,
            "serial.protocol": "modbus",
            "dnp3.retries": 255,
        }
    )
    restored, errors = BTRM400.restored(dict(settings))
    assert errors == []
    assert restored == settings
    assert restored.differing(settings) == ()
    assert restored.differing(BTRM400) == (
        "test.type2_minimum_mv",
        "system.voltage",
        "email.enabled",
        "dnp3.retries",
        "serial.protocol",
    )


@given(
    st.sampled_from(sorted(SETTINGS)),
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(),
        st.floats(),
        st.text(),
        st.binary(),
        st.lists(st.integers()),
        st.sampled_from(["12", "none", "on", "4", "tls", "3.5", "10.0.0.0/8", "/dev/x"]),
    ),
)
def test_any_value_is_taken_or_refused_by_name(key: str, raw: object) -> None:
    value, refusal = taken_or_refused(key, raw)
    if refusal is not None:
        assert refusal.key == key
        assert refusal.allowed in str(refusal)
        return
    # What was taken can be written by the command line and is taken again.
    assert parse_value(key, format_setting(value), BTRM400) == value
    assert parse_value(key, value, BTRM400) == value


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "none"),
        (True, "true"),
        (False, "false"),
        (100.0, "100"),
        (7.2, "7.2"),
        (12, "12"),
        (0.1 + 0.2, "0.30000000000000004"),
        (2.71093494376067e-99, "2.71093494376067e-99"),
        (-3.0, "-3"),
        (1e300, "1e+300"),
    ],
)
def test_values_are_written_as_people_write_them(value: Any, text: str) -> None:
    assert format_setting(value) == text


def test_typed_reading_refuses_the_wrong_type() -> None:
    assert BTRM300.integer("system.voltage") == 12
    assert BTRM300.text("email.security") == "none"
    assert BTRM300.number("battery.rated_ah") is None
    assert BTRM300.flag("ups.enabled") is True
    assert BTRM300.blocks == 1
    with pytest.raises(TypeError, match=r"site\.name"):
        BTRM300.integer("site.name")
    with pytest.raises(TypeError, match=r"lvd\.enabled"):
        BTRM300.number("lvd.enabled")
    with pytest.raises(TypeError, match=r"test\.type"):
        BTRM300.text("test.type")


def test_a_settings_object_does_not_change() -> None:
    copy = BTRM300.with_changes({"test.enabled": True})
    assert BTRM300["test.enabled"] is False
    assert copy != BTRM300
    assert BTRM300.with_changes({}) is BTRM300


@pytest.mark.parametrize("volts", ["12", "24", "36", "48"])
def test_thresholds_scale_as_the_manual_prints_them(volts: str) -> None:
    thresholds = Thresholds.of(BTRM400.with_changes({"system.voltage": volts}))
    expected = KEYS["thresholds"][volts]
    assert {name: getattr(thresholds, name) for name in expected} == expected
    assert thresholds.blocks == int(volts) // 12
    assert thresholds.early_cutoff_v < thresholds.cutoff_v < thresholds.start_v


def test_currents_are_the_models() -> None:
    assert Thresholds.of(BTRM300)[-2:] == (20.0, 22.0)
    assert Thresholds.of(BTRM400)[-2:] == (10.0, 11.0)


@pytest.mark.parametrize(
    ("battery_v", "system_v", "fits"),
    [
        (12.6, 12, True),
        (12.6, 24, False),
        (25.2, 12, False),
        (27.0, 36, False),
        (9.99, 12, False),
        (10.0, 12, True),
        (15.5, 12, True),
        (15.51, 12, False),
        (62.0, 48, True),
    ],
)
def test_a_bank_fits_its_system_voltage(battery_v: float, system_v: int, fits: bool) -> None:
    assert fits_system_voltage(battery_v, system_v) is fits


def test_the_site_table_is_decoded() -> None:
    site = decode_site(
        {
            "model": 400,
            "web": {"authorization": "off"},
            "io2": {"output": True},
            "listen": {"http": "127.0.0.1:8080", "https": "none", "modbus": "127.0.0.1"},
        }
    )
    assert site == Site("400", True, True, "127.0.0.1:8080", "none", modbus="127.0.0.1")
    assert site.voltages == (12, 24, 36, 48)
    assert decode_site({}) == Site()
    assert flatten({"a": {"b": {"c": 1}}, "d": 2}) == {"a.b.c": 1, "d": 2}


@pytest.mark.parametrize(
    ("table", "key"),
    [
        ({"model": "500"}, "model"),
        ({"model": True}, "model"),
        ({"web.authorization": "all"}, "web.authorization"),
        ({"io2": {"output": "yes"}}, "io2.output"),
        ({"listen": {"http": "80"}}, "listen.http"),
        ({"listen": {"http": "host:70000"}}, "listen.http"),
        ({"listen": {"snmp": 161}}, "listen.snmp"),
        ({"listen": {"ftp": "0.0.0.0:21"}}, "listen.ftp"),
        ({"ftp": "0.0.0.0:21"}, "ftp"),
        ({"http": "0.0.0.0:80"}, "http"),
    ],
)
def test_a_wrong_site_table_is_refused_with_file_and_key(table: Any, key: str) -> None:
    with pytest.raises(ConfigError) as refusal:
        decode_site(table, "/etc/btrm/btrmd.toml")
    assert "/etc/btrm/btrmd.toml" in str(refusal.value)
    assert key in str(refusal.value)


def test_what_is_written_as_it_is_makes_no_new_settings() -> None:
    settings = Settings.defaults().with_changes({"site.name": "here"})
    for key in settings:
        if key != "network.address":  # below
            assert settings.with_changes({key: settings[key]}) is settings, key
    assert settings.with_changes({"site.name": "here", "system.voltage": "12"}) is settings
    assert settings.with_changes({"test.next_h": 5}) is settings  # a live one is not kept
    with pytest.raises(SettingError):
        settings.with_changes({"site.name": "here", "dnp3.address": settings["dnp3.master"]})


def test_an_address_written_as_it_is_still_parts_with_a_gateway_of_nowhere() -> None:
    away = {"network.address": "10.1.2.3", "network.mask": "255.255.255.0"}
    settings = Settings.defaults().with_changes({**away, "network.gateway": "10.1.2.1"})
    far = Settings({**settings, "network.gateway": "192.168.1.1"}, settings.site, {})
    assert SETTINGS["network.gateway"].default == "192.168.1.1"
    assert far.with_changes({"network.address": "10.1.2.3"})["network.gateway"] == "0.0.0.0"


@pytest.mark.parametrize("volts", [12, 24, 36, 48])
def test_nothing_is_left_to_follow_once_it_has_followed(volts: int) -> None:
    taps = {"block.tap1": "ch2", "block.tap2": "ch3", "block.tap3": "ch4", "io2.config": 0}
    settings = BTRM400.with_changes({"system.voltage": 48})
    settings = settings.with_changes(taps).with_changes({"system.voltage": volts})
    copy = Settings(settings, settings.site, {})  # another object: all of them are asked
    assert copy.with_changes({"site.name": "x"}).differing(settings) == ("site.name",)
