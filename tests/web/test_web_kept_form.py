"""What was typed into a form is not lost when its login has ended, and nothing of it is done."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from test_web_login import token_in
from web_forms import alert, fields_of
from web_station import PASSWORD, Client, Station
from werkzeug.datastructures import MultiDict

from btrmd.model.commands import ChangeSettings
from btrmd.model.settings import SETTINGS, Settings
from btrmd.model.site import Site
from btrmd.servers.web.form_field import COMMUNITIES, DOTS
from btrmd.servers.web.form_submit import kept_names
from btrmd.servers.web.kept_form import KEPT_S, MAX_FORMS, MAX_OF_ADDRESS, MAX_TEXT, KeptForms

TABLE = "10:4.5\r\n20:2.4"
ALL_FORMS = [
    ("/battery-test", "/battery-test", {"battery.rated_ah": "21.5"}),
    ("/battery-test", "/battery-test", {"test.minimum_runtime_min.hours": "9"}),
    ("/battery-test", "/battery-test", {"battery.table": TABLE}),
    ("/port-options", "/port-options", {"lvd.enabled": "true"}),
    ("/email", "/email", {"site.location": 'Nord "<b>730</b>"'}),
    ("/network", "/network", {"network.host_name": "nord-730"}),
    ("/dnp3-modbus", "/dnp3-modbus", {"modbus.unit": "17"}),
    ("/snmp", "/snmp", {"snmp.v3.read_user": "anna"}),
    ("/integrations", "/integrations", {"mqtt.server": "10.0.0.9"}),
    ("/https", "/https", {"web.hsts_days": "3"}),
    ("/manual-test", "/manual-test", {"delay_h": "12.5", "type": "2"}),
    ("/battery-status", "/battery-status/replaced", {"rated_ah": "33", "table": TABLE}),
    ("/battery-status", "/battery-status/replaced", {"type": "agm", "date": "2026-05-01"}),
    ("/authorization", "/authorization", {"enable": "true"}),
    ("/authorization", "/authorization/users", {"action": "add", "user": "otto", "role": "admin"}),
    ("/authorization", "/authorization/tokens", {"action": "add", "name": "wall", "expires": "9"}),
]


def log_in_by_the_page(client: Client, place: str) -> str:
    """As a person who was led to `place`, the login page; the page that comes then."""
    page = client.get(place).text
    fields = fields_of(page, "/login")
    reply = client.form("/login", **{**fields, "username": "admin", "password": PASSWORD})
    assert reply.status == 303, alert(reply.text)
    return client.get(str(reply.headers["Location"])).text


def send_after_the_login_ended(client: Client, page: str, post: str, **typed: str) -> str:
    """Open a page, type, be logged out meanwhile, send: where the answer leads."""
    fields = fields_of(client.get(page).text, post)
    del client.cookies["btrm_session"]
    reply = client.form(post, **{**fields, **typed})
    assert reply.status == 303
    return str(reply.headers["Location"])


@pytest.mark.parametrize(("page", "action", "typed"), ALL_FORMS)
def test_what_was_typed_stands_in_the_form_after_the_login(
    station: Station, user: Client, page: str, action: str, typed: dict[str, str]
) -> None:
    place = send_after_the_login_ended(user, page, action, **typed)
    assert "what you typed stands in the form again" in alert(user.get(place).text)
    shown = log_in_by_the_page(user, place)
    assert "Nothing has been changed yet" in alert(shown)
    fields = fields_of(shown, action)
    assert {name: fields[name] for name in typed} == typed
    assert station.owner.commands == []


def test_it_is_done_when_it_is_sent_again_and_shown_no_more(station: Station, user: Client) -> None:
    place = send_after_the_login_ended(
        user, "/battery-test", "/battery-test", **{"battery.rated_ah": "21.5"}
    )
    shown = log_in_by_the_page(user, place)
    assert "(other than what is in force: " in alert(shown)
    assert user.form("/battery-test", **fields_of(shown, "/battery-test")).status == 303
    (command,) = station.owner.commands
    assert isinstance(command, ChangeSettings)
    assert command.changes == {"battery.rated_ah": 21.5}
    page = user.get("/battery-test").text
    assert alert(page) == ""


def test_it_survives_wrong_passwords_a_look_elsewhere_and_live_parts(
    station: Station, user: Client
) -> None:
    place = send_after_the_login_ended(user, "/email", "/email", **{"site.location": "Nord"})
    fields = fields_of(user.get(place).text, "/login")
    assert user.form("/login", **{**fields, "username": "admin", "password": "x"}).status == 401
    log_in_by_the_page(user, "/login?next=/events")
    user.get("/email", **{"X-Refresh": "1"})
    for _ in range(2):
        assert fields_of(user.get("/email").text, "/email")["site.location"] == "Nord"
    assert fields_of(user.get("/email?forget=1").text, "/email")["site.location"] != "Nord"
    assert fields_of(user.get("/email").text, "/email")["site.location"] != "Nord"


def test_nobody_else_sees_it(station: Station, user: Client) -> None:
    place = send_after_the_login_ended(user, "/email", "/email", **{"site.location": "Nord"})
    assert "Nord" not in user.get("/email").text  # not before the login
    other = station.client()
    other.log_in()
    assert "Nord" not in other.get("/email").text
    log_in_by_the_page(user, place)
    token = token_in(user.get("/email").text)
    assert user.form("/logout", csrf_token=token).status == 303
    user.cookies.pop("btrm_session", None)
    log_in_by_the_page(user, "/login?next=/email")  # the next one at the same browser
    assert "Nord" not in user.get("/email").text


def test_it_is_kept_for_a_quarter_of_an_hour(station: Station, user: Client) -> None:
    place = send_after_the_login_ended(user, "/email", "/email", **{"site.location": "Nord"})
    station.clock.now += KEPT_S + 1.0
    assert alert(log_in_by_the_page(user, place)) == ""


SECRETS = [
    ("/email", "email.password"),
    ("/snmp", "snmp.read1"),
    ("/snmp", "snmp.v3.read_auth_password"),
    ("/integrations", "mqtt.password"),
    ("/integrations", "webhook.url"),
]


@pytest.mark.parametrize(("page", "key"), SECRETS)
def test_no_secret_is_kept(start_station: Callable[..., Station], page: str, key: str) -> None:
    station = start_station(settings=Settings.defaults())
    user = station.client()
    user.log_in()
    assert key in fields_of(user.get(page).text, page)
    place = send_after_the_login_ended(user, page, page, **{key: "geheim-1234"})
    shown = log_in_by_the_page(user, place)
    assert "but no password" in alert(shown)
    assert "geheim-1234" not in shown


def test_a_password_of_a_new_user_is_not_kept(user: Client) -> None:
    place = send_after_the_login_ended(
        user, "/authorization", "/authorization/users",
        action="add", user="otto", password="geheim-1234", repeat="geheim-1234",
    )  # fmt: skip
    shown = log_in_by_the_page(user, place)
    assert "otto" in shown
    assert "geheim-1234" not in shown
    assert "but no password" in alert(shown)


def test_a_community_that_was_cleared_stays_cleared(
    start_station: Callable[..., Station],
) -> None:
    station = start_station(settings=Settings.defaults().with_changes({"snmp.read1": "lesen-1"}))
    user = station.client()
    user.log_in()
    place = send_after_the_login_ended(user, "/snmp", "/snmp", **{"snmp.read1": ""})
    assert fields_of(log_in_by_the_page(user, place), "/snmp")["snmp.read1"] == ""


@pytest.mark.parametrize(
    ("page", "action", "typed"),
    [
        ("/manual-test", "/manual-test/stop", {}),
        ("/manual-test", "/manual-test/reset", {"sure": "true"}),
        ("/authorization", "/authorization/tokens", {"action": "revoke", "name": "wall"}),
    ],
)
def test_a_button_is_not_pressed_by_the_login(
    station: Station, user: Client, page: str, action: str, typed: dict[str, str]
) -> None:
    fields = {"csrf_token": user.csrf, **typed}
    del user.cookies["btrm_session"]
    place = str(user.form(action, **fields).headers["Location"])
    assert alert(user.get(place).text).endswith("then send the form once again.")
    assert alert(log_in_by_the_page(user, place)) == ""
    assert station.owner.commands == []


def test_a_form_of_another_login_is_refused_and_what_was_typed_kept(
    station: Station, user: Client
) -> None:
    fields = fields_of(user.get("/email").text, "/email")
    user.log_in()  # in another tab
    reply = user.form("/email", **{**fields, "site.location": "Nord"})
    assert reply.status == 403
    assert "Nothing was changed: this form is of an earlier login" in alert(reply.text)
    assert 'href="/email">Back to the page' in reply.text
    shown = user.get("/email").text
    assert fields_of(shown, "/email")["site.location"] == "Nord"
    assert station.owner.commands == []


def test_a_form_that_needs_no_login_is_kept_too(start_station: Callable[..., Station]) -> None:
    settings = Settings.defaults(Site(authorization_off=True))
    settings = settings.with_changes({"web.authorization": "off"})
    station = start_station(settings=settings)
    client = station.client()
    fields = fields_of(client.get("/email").text, "/email")
    stale = {**fields, "csrf_token": "of a unit that was started anew", "site.location": "Nord"}
    assert client.form("/email", **stale).status == 403
    assert fields_of(client.get("/email").text, "/email")["site.location"] == "Nord"
    assert station.owner.commands == []


def test_another_site_s_form_is_not_kept(station: Station, user: Client) -> None:
    fields = fields_of(user.get("/email").text, "/email")
    del user.cookies["btrm_session"]
    text = "&".join(
        f"{name}={value}" for name, value in {**fields, "site.location": "Nord"}.items()
    )
    kind = {"Content-Type": "application/x-www-form-urlencoded"}
    for foreign in ({"Origin": "http://evil.example"}, {"Sec-Fetch-Site": "cross-site"}):
        reply = user.ask("POST", "/email", data=text.encode(), headers={**kind, **foreign})
        assert reply.status == 403
    log_in_by_the_page(user, "/login?next=/email")
    assert "Nord" not in user.get("/email").text


@pytest.mark.parametrize(
    ("page", "typed"),
    [("/email", {"site.location": "Nord"}), ("/authorization", {"enable": "true"})],
)
def test_a_viewer_is_not_shown_what_he_may_not_send(
    station: Station, user: Client, page: str, typed: dict[str, str]
) -> None:
    place = send_after_the_login_ended(user, page, page, **typed)
    accounts = station.store.accounts
    accounts["users"]["admin"]["role"] = "viewer"  # type: ignore[index]
    shown = log_in_by_the_page(user, place)
    assert "Nord" not in shown
    assert "Nothing has been changed yet" not in shown


def test_no_field_of_a_secret_is_among_those_that_are_kept() -> None:
    secret = {key for key, setting in SETTINGS.items() if setting.secret} - set(COMMUNITIES)
    assert len(secret) > 5
    assert not secret & set(kept_names(SETTINGS))


def kept(forms: KeptForms, nonce: str, address: str = "", text: str = "x") -> bool:
    return forms.keep(
        nonce, "/email", MultiDict({"site.location": text}), ("site.location",), address
    )


def test_a_community_that_was_typed_is_not_even_in_memory() -> None:
    forms = KeptForms(lambda: 0.0)
    sent = MultiDict({"snmp.read1": "geheim-1234", "snmp.read2": DOTS, "snmp.read3": ""})
    assert forms.keep("a", "/snmp", sent, tuple(sent))
    kept = forms.find("a", "/snmp")
    assert kept is not None
    assert kept.is_partial
    assert kept.fields.to_dict() == {"snmp.read2": DOTS, "snmp.read3": ""}


def test_few_forms_are_kept_and_small_ones() -> None:
    forms = KeptForms(lambda: 0.0)
    assert not kept(forms, "a", text="x" * MAX_TEXT)
    for n in range(MAX_FORMS * 3):
        assert kept(forms, f"n{n}", f"10.0.0.{n}")
    assert len(forms) == MAX_FORMS
    assert forms.find(f"n{MAX_FORMS * 3 - 1}", "/email") is not None


def test_an_address_that_sends_many_loses_its_own() -> None:
    forms = KeptForms(lambda: 0.0)
    kept(forms, "mine", "10.0.0.1")
    for n in range(MAX_FORMS * 3):
        kept(forms, f"n{n}", "10.0.0.2")
    assert len(forms) == 1 + MAX_OF_ADDRESS
    assert forms.find("mine", "/email") is not None
