"""Settings that cannot be together, or not without a word, whoever sets them."""

from __future__ import annotations

import pytest

from btrmd.model.errors import SettingError
from btrmd.model.setting_table import notes, placeholder_of
from btrmd.model.settings import Settings
from btrmd.model.site import Site

REAL = {"email.server": "mail.plant.example", "email.to": "ops@plant.example"}


def changed(first: dict[str, object], then: dict[str, object]) -> Settings:
    return Settings.defaults(Site()).with_changes(first).with_changes(then)


@pytest.mark.parametrize(
    ("first", "then", "key", "why"),
    [
        ({}, {"dnp3.address": 7, "dnp3.master": 7}, "dnp3.address", "dnp3.master, which is 7 too"),
        ({"dnp3.master": 7}, {"dnp3.address": 7}, "dnp3.address", "any address but that of"),
        ({"dnp3.address": 7}, {"dnp3.master": "7"}, "dnp3.master", "dnp3.address, which is 7 too"),
        ({}, {"network.mask": "255.0.255.0"}, "network.mask", "a mask of leading ones"),
        ({}, {"network.mask": "0.0.0.0"}, "network.mask", "a mask of leading ones"),
        ({}, {"network.mask": "255.255.255.255"}, "network.mask", "a mask of leading ones"),
        ({}, {"network.mask": "0.255.255.255"}, "network.mask", "a mask of leading ones"),
        ({}, {"network.mask": "255.0.255.0", "network.method": "dhcp"}, "network.mask", "leading"),
        ({}, {"network.gateway": "10.0.0.1"}, "network.gateway", "in 192.168.1.0/24"),
        ({}, {"network.gateway": "192.168.1.214"}, "network.gateway", "another machine's address"),
        ({}, {"network.gateway": "192.168.1.255"}, "network.gateway", "another machine's address"),
        ({}, {"network.gateway": "192.168.1.0"}, "network.gateway", "another machine's address"),
        ({}, {"network.address": "192.168.1.0"}, "network.address", "a machine's address in"),
        ({}, {"network.address": "192.168.1.255"}, "network.address", "a machine's address in"),
        ({}, {"network.dns1": "224.0.0.1"}, "network.dns1", "a machine's address, or 0.0.0.0"),
        ({}, {"network.dns2": "127.0.0.1"}, "network.dns2", "a machine's address, or 0.0.0.0"),
        ({}, {"network.address": "127.0.0.1"}, "network.address", "loopback, multicast or no use"),
        ({}, {"network.address": "224.0.0.1"}, "network.address", "loopback, multicast or no use"),
        ({}, {"network.address": "240.0.0.1"}, "network.address", "loopback, multicast or no use"),
        ({}, {"network.address": "0.1.2.3"}, "network.address", "loopback, multicast or no use"),
        ({"network.method": "dhcp", "network.address": "127.0.0.1"}, {"network.method": "static"},
         "network.method", "what goes with network.address"),
        ({"network.gateway": "192.168.1.2"}, {"network.address": "10.0.0.5"}, "network.address",
         "set both together"),
        ({"network.gateway": "192.168.1.2"}, {"network.mask": "255.255.255.252"}, "network.mask",
         "set both together"),
        ({}, {"network.address": "10.0.0.5", "network.gateway": "192.168.1.1"}, "network.gateway",
         "another machine's address in 10.0.0.0/24"),
        ({"network.method": "dhcp", "network.gateway": "10.0.0.1"}, {"network.method": "static"},
         "network.method", "set both together"),
    ],
)  # fmt: skip
def test_what_cannot_be_together_is_refused_with_a_sentence(
    first: dict[str, object], then: dict[str, object], key: str, why: str
) -> None:
    with pytest.raises(SettingError) as refused:
        changed(first, then)
    assert refused.value.key == key
    assert why in str(refused.value)
    assert str(refused.value).startswith(f"{key} = ")
    assert refused.value.allowed in str(refused.value)


@pytest.mark.parametrize(
    "then",
    [
        {"dnp3.address": 1, "dnp3.master": 10},
        {"network.address": "10.0.0.5", "network.gateway": "10.0.0.1"},
        {"network.address": "10.0.0.5", "network.gateway": "0.0.0.0"},
        {"network.address": "10.0.0.5", "network.mask": "255.0.0.0", "network.gateway": "10.9.9.9"},
        {"network.method": "dhcp", "network.address": "10.0.0.5"},
        {"network.mask": "255.255.255.252", "network.gateway": "192.168.1.213"},
        {"network.mask": "128.0.0.0"},
        {**REAL, "email.enabled": True},
        {"email.enabled": False},
        {"site.name": "x"},
    ],
)
def test_what_goes_together_is_taken(then: dict[str, object]) -> None:
    settings = changed({}, then)
    for key, value in then.items():
        assert settings[key] == value


def test_what_a_file_holds_is_kept_and_does_not_stand_in_the_way() -> None:
    """An update may not take a unit's settings away, nor its start."""
    stored = {"dnp3.address": 7, "dnp3.master": 7, "network.mask": "255.0.255.0",
              "email.enabled": True}  # fmt: skip
    settings, errors = Settings.defaults(Site()).restored(stored)
    assert errors == []
    assert [settings[key] for key in stored] == list(stored.values())
    assert Settings.defaults(Site(), stored)["dnp3.master"] == 7
    assert settings.with_changes({"site.name": "x"})["site.name"] == "x"
    assert settings.with_changes({"dnp3.master": 8})["dnp3.master"] == 8


def test_a_gateway_nobody_has_chosen_goes_with_the_factory_address() -> None:
    settings = Settings.defaults(Site())
    moved = settings.with_changes({"network.address": "10.0.0.5"})
    assert moved["network.gateway"] == "0.0.0.0"
    assert settings.followers({"network.address": "10.0.0.5"}) == ("network.gateway",)
    assert settings.with_changes({"network.address": "192.168.1.9"})["network.gateway"] == (
        "192.168.1.1"
    )


def test_mail_that_was_switched_off_stays_off_over_a_restart() -> None:
    stored = {**REAL, "email.enabled": False, "site.name": "\0", "no.such": 1}
    settings, errors = Settings.defaults(Site()).restored(stored)
    assert [error.key for error in errors] == ["no.such", "site.name"]
    assert settings["email.to"] == REAL["email.to"]
    assert not settings.flag("email.enabled")
    assert (
        not Settings.defaults(Site())
        .restored(REAL | {"email.enabled": False})[0]
        .flag("email.enabled")
    )


def test_a_server_and_a_recipient_switch_mail_on_and_off_stays_possible() -> None:
    settings = Settings.defaults(Site())
    assert placeholder_of(settings) == "email.server"
    assert settings.followers(REAL) == ("email.enabled",)
    on = settings.with_changes(REAL)
    assert on.flag("email.enabled")
    assert placeholder_of(on) == ""
    off = on.with_changes({"email.enabled": False})
    assert not off.with_changes({"email.port": 587}).flag("email.enabled")
    for key, value in (("email.to", "c@d.example"), ("email.server", "n.example")):
        assert not off.with_changes({key: value}).flag("email.enabled"), "he is not overruled"
    back = off.with_changes({"email.server": "smtp.xxx.com"})
    assert back.with_changes({"email.server": "m.example"}).flag("email.enabled")
    assert placeholder_of(back) == "email.server"


@pytest.mark.parametrize(
    "then",
    [{}, {"email.server": "m.example"}, {"email.to": "a@b.example"},
     {**REAL, "email.server": "smtp.xxx.com."},
     {**REAL, "email.to": "a@b.example;email@xxx.com"},
     {**REAL, "email.to": "a@b.example email@xxx.com."},
     {**REAL, "email.to": "a@b.example, EMAIL@xxx.com"}, {**REAL, "email.server": "SMTP.xxx.com"}],
)  # fmt: skip
def test_mail_that_has_nowhere_to_go_is_taken_with_a_word(then: dict[str, object]) -> None:
    settings = changed({}, {**then, "email.enabled": True})
    assert "No mail is sent while email." in notes(settings)["email.enabled"]
    assert "email.enabled" not in notes(settings.with_changes(REAL))
    assert "email.enabled" not in notes(settings.with_changes({"email.enabled": False}))


@pytest.mark.parametrize("seconds", range(7))
def test_a_short_retry_is_taken_with_a_word(seconds: int) -> None:
    settings = changed({}, {"dnp3.retry_s": seconds})
    assert ("dnp3.retry_s" in notes(settings)) is (seconds < 5)
