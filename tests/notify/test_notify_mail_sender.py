"""The mail sender: once, in time, with the facts, and a handful when something flaps."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

import pytest
from free_port import free_port
from mail_fixtures import PASSWORD, Bench
from mail_server import MailServer, Serve, deaf_port

from btrmd.model.events import Kind
from btrmd.notify.cursor import Cursor
from btrmd.notify.mail import sender as sending
from btrmd.notify.mail.account import LIMIT_S
from btrmd.notify.mail.recipient import SERVER_PAUSE_S

Wait = Callable[..., None]


def test_an_alarm_is_mailed_with_its_facts(bench: Bench, serve: Serve) -> None:
    server = serve()
    bench.use(server.port)
    bench.look()
    n = bench.tell("battery.low_voltage", value=10.84, threshold=11.0)
    bench.settle()
    mail = server.take()
    assert mail.sender == "btrm@site.test"
    assert mail.to == ("noc@company.test",)
    assert mail.subject == "730 Northern: Low battery voltage."
    assert mail.message["X-Severity"] == "critical"
    lines = [line.split(":", 1) for line in mail.text.splitlines() if ":" in line]
    facts = {name: text.strip() for name, text in lines}
    assert facts["Event"] == "battery.low_voltage raised"
    assert facts["Value"] == "10.84 V"
    assert facts["Threshold"] == "11.00 V"
    assert facts["Time"] == "2026-05-28 20:26:41 UTC"
    assert facts["At uptime"] == "00:03:50"
    assert facts["Uptime"] == "1 d 02:03:04"
    assert facts["Number"] == str(n)
    assert facts["Contact"] == "Jo, ext. 213"
    assert facts["Location"] == "730 Northern"
    assert facts["Link"] == "http://10.1.2.3/"
    bench.look(600)
    assert server.is_quiet
    bench.tell("battery.low_voltage", Kind.CLEAR, value=11.9, threshold=11.0)
    bench.settle()
    mail = server.take()
    assert mail.subject == "730 Northern: Cleared: Low battery voltage."
    assert mail.message["X-Severity"] == "cleared"
    bench.tell("test.result", Kind.CHANGE, value="good", text="The test is over.")
    bench.settle()
    assert "X-Severity" not in server.take().message


@pytest.mark.parametrize(
    ("zone", "time_text", "date"),
    [
        ("", "2026-05-28 20:26:41 UTC", "Thu, 28 May 2026 20:26:40 +0000"),
        (
            "Europe/Berlin", "2026-05-28 22:26:41 local (20:26:41 UTC)",
            "Thu, 28 May 2026 22:26:40 +0200",
        ),
        (
            "Asia/Tokyo", "2026-05-29 05:26:41 local (2026-05-28 20:26:41 UTC)",
            "Fri, 29 May 2026 05:26:40 +0900",
        ),
    ],
)  # fmt: skip
def test_a_mail_says_the_sites_time_whatever_zone_the_host_has(
    bench: Bench, serve: Serve, monkeypatch: pytest.MonkeyPatch, zone: str, time_text: str,
    date: str,
) -> None:  # fmt: skip
    monkeypatch.setenv("TZ", "America/Denver")
    time.tzset()
    try:
        server = serve()
        bench.use(server.port, site__timezone=zone)
        bench.look()
        bench.tell()
        bench.settle()
        mail = server.take()
        assert f"Time:       {time_text}" in mail.text.splitlines()
        assert mail.message["Date"] == date
        bench.tell("battery.low_voltage")
        bench.tell("supply.lost")
        bench.settle()
        digest = server.take()
        assert digest.text.count(f"{time_text}  ") == 2
    finally:
        monkeypatch.undo()
        time.tzset()


def test_letters_of_any_alphabet(bench: Bench, serve: Serve) -> None:
    server = serve()
    bench.use(server.port, site__location="Zürich / Süd")
    bench.look()
    bench.tell()
    bench.settle()
    mail = server.take()
    assert mail.subject == "Zürich / Süd: IO1 digital input tripped."
    assert "Zürich / Süd" in mail.text


def test_what_is_not_mailed(bench: Bench, serve: Serve) -> None:
    server = serve()
    bench.use(server.port)
    bench.look()
    bench.tell("io1", notify=False)  # R86
    bench.tell("test.state", Kind.COMMAND)
    bench.tell("io1", Kind.COMMAND)  # acknowledged
    bench.tell("relay.k1", Kind.CHANGE)
    bench.settle()
    assert server.is_quiet
    result = "Test 7 finished, capacity low: 3 h 10 min is below 4 h."
    bench.tell("test.result", Kind.CHANGE, "low", text=result)
    bench.settle()
    mail = server.take()
    assert mail.subject == f"730 Northern: {result}"
    assert "low" in mail.text


def test_what_one_cause_raises_is_one_mail_to_all(bench: Bench, serve: Serve) -> None:
    server = serve()
    bench.use(server.port, email__to="noc@company.test, boss@company.test")
    bench.look()
    bench.tell("supply.lost", text="The supply is lost.")
    bench.look()
    bench.tell("ups.on_battery", text="The load runs on the battery.")
    bench.tell("charger.lost", text="The charger is lost.")
    bench.look(1.5)
    (mail,) = server.all()
    assert mail.to == ("noc@company.test", "boss@company.test")
    assert mail.subject == "730 Northern: The charger is lost. (and 2 more)"
    assert mail.message["X-Severity"] == "major", "of all three"
    for text in ("The supply is lost.", "The load runs on the battery."):
        assert text in mail.text


def test_what_is_raised_in_a_mail_decides_its_severity_whatever_goes_in_it(
    bench: Bench, serve: Serve
) -> None:
    server = serve()
    bench.use(server.port)
    bench.look()
    bench.tell("charger.lost", Kind.CLEAR)
    bench.tell("relay.k1", Kind.CLEAR)
    bench.tell("ups.on_battery", text="The load runs on the battery.")
    bench.look()
    bench.look(1.5)
    (mail,) = server.all()
    assert mail.subject == "730 Northern: The load runs on the battery. (and 2 more)"
    assert mail.message["X-Severity"] == "major"
    bench.tell("ups.on_battery", Kind.CLEAR, value=False, text="Outage over.")
    bench.settle()
    assert server.take().message["X-Severity"] == "cleared"
    bench.tell("lvd.open", Kind.CHANGE, value=False, text="LVD closed.")
    bench.tell("clock")
    bench.settle()
    assert server.take().message["X-Severity"] == "warning", "a closed LVD is no alarm"


def test_ten_minutes_of_flapping_are_a_handful_of_mails(bench: Bench, serve: Serve) -> None:
    server = serve()
    bench.use(server.port)
    bench.look()
    for second in range(0, 600, 3):
        bench.tell("io1", Kind.RAISE if second % 2 == 0 else Kind.CLEAR)
        bench.look(1.0)
        bench.look(2.0)
        if second == 300:
            server.all()
            bench.tell("battery.low_capacity")
            bench.look(1.0)
            bench.look(1.0)
            assert len(server.all()) == 1, "an alarm need not wait for what flaps"
    mails = server.all()
    bench.look(600)
    mails += server.all()
    assert 1 <= len(mails) <= 3
    last = mails[-1]
    assert "io1: now cleared (raised " in last.text
    assert len(bench.history.events(0, 10_000)) == 201
    bench.look(600)
    assert server.is_quiet


def test_flapping_from_the_start(bench: Bench, serve: Serve) -> None:
    server = serve()
    bench.use(server.port)
    bench.look()
    for second in range(0, 600, 3):
        bench.tell("io1", Kind.RAISE if second % 2 == 0 else Kind.CLEAR)
        bench.look(1.0)
        bench.look(2.0)
    assert 3 <= len(server.all()) <= 6


def test_enabling_brings_no_flood(bench: Bench, serve: Serve) -> None:
    server = serve()
    bench.use(server.port, email__enabled=False)
    for _ in range(5):
        bench.tell()
        bench.settle()
    bench.use(server.port)
    bench.look()
    bench.settle()
    assert server.is_quiet
    bench.tell()
    bench.settle()
    assert server.take().subject == "730 Northern: IO1 digital input tripped."
    bench.use(server.port, email__enabled=False)
    bench.look()
    bench.tell()
    bench.settle()
    bench.restart()
    bench.use(server.port, email__enabled=False)
    bench.look()
    bench.use(server.port)
    bench.settle()
    assert server.is_quiet


def test_a_new_address_hears_of_what_is_new(bench: Bench, serve: Serve) -> None:
    server = serve()
    bench.use(server.port)
    bench.look()
    bench.tell("io1")
    bench.settle()
    assert server.take().to == ("noc@company.test",)
    bench.use(server.port, email__to="noc@company.test boss@company.test")
    bench.look()
    bench.settle()
    assert server.is_quiet
    bench.tell("battery.low_capacity")
    bench.settle()
    assert server.take().to == ("noc@company.test", "boss@company.test")


def test_a_server_that_is_away_is_a_fault_and_loses_nothing(bench: Bench, serve: Serve) -> None:
    port = free_port()
    bench.use(port)
    bench.look()
    bench.tell("io1")
    bench.settle()
    assert bench.fault == (
        f"E-mail cannot be sent: 127.0.0.1:{port} cannot be reached: Connection refused."
    )
    bench.tell("battery.low_capacity")
    server = serve(port=port)
    bench.look()
    assert server.is_quiet, "not before the pause is over"
    bench.look(11)
    bench.look(1.5)
    (mail,) = server.all()
    assert "(and 1 more)" in mail.subject
    assert bench.fault == ""


def test_the_pauses_grow_to_a_minute_so_that_a_mail_comes_within_two(bench: Bench) -> None:
    bench.use(free_port())
    bench.look()
    bench.tell()
    bench.settle()
    tries = []
    for _ in range(12):
        start, failed = bench.now, bench.sender._failed
        while bench.sender._failed == failed:
            bench.look(5.0)
        tries.append(bench.now - start)
    assert tries[0] < 12.0
    assert tries == sorted(tries)
    assert 50.0 < tries[-1] <= SERVER_PAUSE_S + 5.0
    assert SERVER_PAUSE_S + LIMIT_S < 120.0, "also when the last try hangs as the server comes back"


def test_other_settings_are_tried_at_once(bench: Bench, serve: Serve) -> None:
    bench.use(free_port())
    bench.look()
    bench.tell()
    for _ in range(5):
        bench.look(700)
    server = serve()
    bench.use(server.port)
    bench.look()
    assert server.take()
    assert bench.fault == ""


def test_a_refused_recipient_keeps_nobody_waiting(bench: Bench, serve: Serve) -> None:
    server = serve()
    server.refuse["boss@company.test"] = "452 Mailbox full"
    bench.use(server.port, email__to="boss@company.test, noc@company.test")
    bench.look()
    bench.tell("io1")
    bench.settle()
    assert server.take().to == ("noc@company.test",)
    assert bench.fault == ("E-mail cannot be sent: boss@company.test is refused: 452 Mailbox full.")
    bench.tell("battery.low_capacity")
    bench.settle()
    assert server.take().to == ("noc@company.test",)
    server.refuse.clear()
    bench.look(25)
    bench.look(1.5)
    (late,) = server.all()
    assert late.to == ("boss@company.test",)
    assert "(and 1 more)" in late.subject, "nothing is lost for the one that was refused"
    assert bench.fault == ""


def test_a_kill_before_the_acceptance_loses_nothing(bench: Bench, serve: Serve) -> None:
    bench.use(free_port())
    bench.look()
    bench.tell("io1")
    bench.settle()
    assert bench.fault
    bench.restart()
    server = serve()
    bench.use(server.port)
    bench.look()
    bench.settle()
    assert len(server.all()) == 1
    bench.restart()
    bench.look()
    bench.settle()
    assert server.is_quiet, "nor is it sent twice"


def test_what_was_found_from_before_the_start_stays_until_it_is_done(bench: Bench) -> None:
    Cursor("x", bench.bus, bench.history, bench.cursors)
    bench.tell()
    bench.restart()
    cursor = Cursor("x", bench.bus, bench.history, bench.cursors)
    assert [event.n for event in cursor.fetch()] == [1]
    assert [event.n for event in cursor.fetch()] == [1]
    cursor.done(1, True)
    assert cursor.fetch() == []


def test_a_repeated_mail_has_the_same_id(bench: Bench, serve: Serve) -> None:
    server = serve()
    bench.use(server.port)
    bench.look()
    before = dict(bench.cursors._numbers)
    bench.tell()
    bench.settle()
    first = server.take()
    for name, n in before.items():  # as if the kill had come before the save
        bench.cursors.save(name, n)
    bench.restart()
    bench.look()
    bench.settle()
    again = server.take()
    assert again.message["Message-ID"] == first.message["Message-ID"]


def test_the_password_is_in_no_log(
    bench: Bench, serve: Serve, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "btrmd")
    server = serve(user="btrm", password="another")
    bench.use(server.port, email__user="btrm", email__password=PASSWORD)
    bench.look()
    bench.tell()
    bench.settle()
    assert "refuses user name or password" in bench.fault
    assert PASSWORD not in caplog.text + bench.fault + repr(bench.sender._account)
    assert bench.fault in caplog.text


def test_a_server_that_hangs_holds_up_the_thread_only(bench: Bench, wait_until: Wait) -> None:
    bench.patience_s = 0.5
    with deaf_port() as port:
        bench.use(port)
        bench.sender.start()
        wait_until(lambda: bench.cursors.load("mail noc@company.test") is not None)
        bench.tell()
        wait_until(lambda: "did not answer within 0.5 s" in bench.fault)


def test_stopping_cuts_a_hanging_server_off(
    bench: Bench, serve: Serve, wait_until: Wait, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sending.MailSender, "grace_s", 0.2)
    server: MailServer = serve()
    server.hold = True
    bench.use(server.port)
    bench.sender.start()
    wait_until(lambda: bench.cursors.load("mail noc@company.test") is not None)
    bench.tell()
    assert server.held.wait(10.0)
    bench.sender.stop()
    assert not bench.sender._thread.is_alive()
    server.hold = False
    assert bench.fault == ""


@pytest.mark.parametrize("how", ["off", "another recipient"])
def test_what_happened_while_it_was_off_is_not_mailed_after_settings_changed_at_a_standstill(
    bench: Bench, serve: Serve, how: str
) -> None:
    """On, off (or somebody else), events, a kill, an import, a start."""
    server = serve()
    bench.use(server.port)
    bench.look()
    bench.tell()
    bench.settle()
    server.take()
    other = {"email__enabled": False} if how == "off" else {"email__to": "b@x.y"}
    bench.use(server.port, **other)
    bench.look()
    assert bench.cursors.load("mail noc@company.test") is None
    bench.tell()
    bench.restart()
    bench.use(server.port)
    bench.look()
    n = bench.tell()
    bench.settle()
    assert f"Number:     {n}\r\n" in server.take().text
    assert server.is_quiet
