"""E-mail Test, SNMP MIB File, Help and About."""

from __future__ import annotations

import io
import threading
import zipfile
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest
from waiting import wait_until as until
from web_forms import alert, follow, post, words
from web_station import PASSWORD_HASH, Client, MemoryHistory, MemoryStore, Owner, make_snapshot

from btrmd import __build_date__, __version__
from btrmd.bus import Bus
from btrmd.model.commands import MailStep
from btrmd.model.settings import Settings
from btrmd.servers.web import WebServer

READY = {"email.server": "mail.plant.example", "email.to": "ops@plant.example"}


class Mailer:
    """Plays the mail sender: says its steps, waits where it is told to."""

    def __init__(self) -> None:
        self.steps: list[MailStep | Exception] = []
        self.go = threading.Event()
        self.go.set()
        self.runs = 0

    def __call__(self) -> Iterable[MailStep]:
        self.runs += 1
        for step in self.steps:
            self.go.wait(20)
            if isinstance(step, Exception):
                raise step
            yield step


class Site:
    """A server with a mailer, and a client that has logged in."""

    def __init__(self, **changes: object) -> None:
        self.bus = Bus(make_snapshot(settings=Settings.defaults().with_changes(changes)))
        self.owner = Owner(self.bus)
        self.mailer = Mailer()
        self.provisioned = ""
        store = MemoryStore({"users": {"admin": {"hash": PASSWORD_HASH, "factory": False}}})
        self.server = WebServer(
            self.bus,
            MemoryHistory(),
            store,
            "127.0.0.1:0",
            hardware="1.00",
            mail_tester=self.mailer,
            provisioned=lambda: self.provisioned,
        )
        self.owner.start()
        self.server.start()
        self.client = Client(self.bus.listeners["http"].address)
        assert self.client.log_in().status == 200

    def close(self) -> None:
        self.mailer.go.set()
        self.server.stop()
        self.owner.stop()
        self.bus.close()


@pytest.fixture
def site() -> Iterator[Site]:
    site = Site(**READY)
    yield site
    site.close()


def test_a_mail_that_went_out_is_told_step_by_step(site: Site) -> None:
    site.mailer.steps = [MailStep(True, "Connected to <mail>."), MailStep(True, "Accepted.")]
    text = words(follow(site.client, post(site.client, "/email-test")))
    assert "The message has been successfully sent." in text
    assert "Connected to <mail>. Accepted." in text


@pytest.mark.parametrize(
    "last",
    [
        MailStep(False, "The server refused the login: 535."),
        OSError("The server refused the login: 535."),
    ],
)
def test_a_mail_that_failed_says_why(site: Site, last: MailStep | Exception) -> None:
    site.mailer.steps = [MailStep(True, "Connected."), last]
    page = follow(site.client, post(site.client, "/email-test"))
    assert "The message was not sent: The server refused the login: 535." in alert(page)


def test_a_mailer_that_breaks_is_no_traceback(site: Site, caplog: pytest.LogCaptureFixture) -> None:
    site.mailer.steps = [ZeroDivisionError("inside")]
    page = follow(site.client, post(site.client, "/email-test"))
    assert "an error of its own" in alert(page)
    assert "ZeroDivision" not in page
    assert "the test mail failed" in caplog.text


def test_one_test_mail_at_a_time_and_the_page_says_it_is_under_way(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("btrmd.servers.web.email_test_page.PATIENCE_S", 0.0)
    site.mailer.steps = [MailStep(True, "Accepted.")]
    site.mailer.go.clear()
    page = follow(site.client, post(site.client, "/email-test"))
    assert "on its way" in page
    assert '<noscript><meta http-equiv="refresh"' in page
    again = post(site.client, "/email-test")
    assert again.status == 409
    assert "under way" in alert(again.text)
    site.mailer.go.set()
    until(lambda: "successfully sent" in site.client.get("/email-test").text)
    assert site.mailer.runs == 1


def test_what_is_not_set_up_is_said_plainly(client: Client) -> None:
    site = Site()
    try:
        page = site.client.get("/email-test").text
        assert "Server Addr is still the factory's" in words(page)
    finally:
        site.close()
    text = words(client.get("/email-test").text)  # a station without a mail sender
    assert "E-mail is not set up" in text
    assert "Server Addr smtp.xxx.com" in text
    client.log_in()
    reply = client.form("/email-test", csrf_token=client.csrf)
    assert reply.status == 409
    assert "E-mail is not set up" in alert(reply.text)


def test_the_mib_can_be_fetched_plain_and_zipped(client: Client) -> None:
    page = client.get("/snmp-mib").text
    assert 'href="/snmp-mib/BTRM-MIB.mib"' in page
    plain = client.get("/snmp-mib/BTRM-MIB.mib")
    assert plain.status == 200
    assert "attachment" in str(plain.headers["Content-Disposition"])
    assert "BTRM-MIB DEFINITIONS ::= BEGIN" in plain.text
    zipped = client.get("/snmp-mib/BTRM-MIB.zip")
    assert zipped.headers["Content-Type"] == "application/zip"
    with zipfile.ZipFile(io.BytesIO(zipped.body)) as archive:
        assert archive.namelist() == ["BTRM-MIB.mib"]
        assert archive.read("BTRM-MIB.mib") == plain.body


def test_the_mib_page_shows_objects_with_their_values(client: Client) -> None:
    text = words(client.get("/snmp-mib").text)
    assert "1.3.6.1.4.1.34506.3.20.0 batteryVoltage (ro)" in text
    assert "13391" in text
    assert "systemVoltage (rw) Nominal voltage of the plant: 12, 24, 36 or 48. v12 (12)" in text


def test_help_says_what_the_manuals_help_says(client: Client) -> None:
    page = client.get("/help").text
    text = words(page)
    for line in (
        "hold button PB1 for 15 to 20 seconds",
        "hold button PB2 for 15 to 20 seconds",
        "IP Address 192.168.1.214 Gateway 192.168.1.1 Subnet Mask 255.255.255.0 Primary DNS "
        "192.168.1.1",
        "in the first 10 seconds",
        "trapEnabled.0 or trapEnabled.1 to 1 ( 1.3.6.1.4.1.34506.2.1.1.2.0 )",
        "Observe correct polarity",
        "Use an inline fuse",
        "Do not connect AC line powered loads",
        "9 to 30 V DC, 20 A 25 A",
        "9 to 60 V DC, 10 A 15 A",
        "F2 25 A",
    ):
        assert line in text, line
    assert "<svg" in page
    assert "DMZ" not in text
    assert "demilitarized" not in text.lower()


def test_help_tells_what_became_of_the_file_on_the_card(site: Site) -> None:
    assert "There was none so far." in words(site.client.get("/help").text)
    site.provisioned = "btrm.csv was applied to the unit 17: 4 settings changed."
    text = words(site.client.get("/help").text)
    assert f"The last one: {site.provisioned}" in text


def test_help_lists_every_port_with_its_live_state(client: Client) -> None:
    text = words(client.get("/help").text)
    assert "Web Page Access (http) TCP 80 listens on 127.0.0.1:" in text
    assert "Modbus TCP 502 off" in text
    assert "SNMP Notifications UDP, outgoing 162" in text


def test_about_has_the_manuals_five_lines(site: Site) -> None:
    site.owner.show_point("system.self_test", "good")
    text = words(site.client.get("/about").text)
    assert f"BTRM Web Version: {__build_date__.replace('-', '')}" in text
    assert f"BTRM Firmware Version: v{__version__}" in text
    assert "BTRM Type: 300" in text
    assert "BTRM HW Version: 1.00" in text
    assert f"Build Date: {__build_date__}" in text
    assert "The self-test passed." in text
    assert "flask" in text
    site.owner.show_point("system.self_test", "failed")
    site.owner.show(faults=("Chip 0x4a does not answer.",))
    text = words(site.client.get("/about").text)
    assert "The self-test failed. Chip 0x4a does not answer." in text


ROOT = Path(__file__).resolve().parents[2]
WARNED = (
    "polarity", "25 A", "15 A", "AC", "9 to 30 V DC", "20 A", "9 to 60 V DC", "10 A", "60 V DC",
    "80 mA", "60 °C", "5 to 95 % relative humidity", "0 to 45 °C",
)  # fmt: skip


def test_help_and_the_install_guide_warn_of_the_same(site: Site) -> None:
    """Manual section 1 and 15: polarity, fuse, AC, ratings, temperature, humidity."""
    shown = words(site.client.get("/help").text)
    guide = " ".join((ROOT / "docs" / "install.md").read_text(encoding="utf-8").split())
    assert "\u221220 to +60 °C" in shown
    assert "-20 to +60 °C" in guide
    for word in WARNED:
        assert word in guide, word
        if word not in ("9 to 60 V DC", "9 to 30 V DC", "20 A", "10 A"):
            assert word in shown, word
