"""The mail sender: once, in time, with the facts, and a handful when something flaps."""

from __future__ import annotations

import logging
from collections.abc import Callable

import pytest
from mail_house import PASSWORD, House
from mail_server import MailServer, Serve, deaf_port, free_port

from btrmd.model.events import Kind
from btrmd.notify.cursor import Cursor
from btrmd.notify.mail import sender as sending
from btrmd.notify.mail.box import LONGEST_PAUSE_S

Wait = Callable[..., None]


def test_an_alarm_is_mailed_with_its_facts(house: House, serve: Serve) -> None:
    server = serve()
    house.use(server.port)
    house.look()
    n = house.tell("battery.low_voltage", value=10.84, threshold=11.0)
    house.settle()
    mail = server.take()
    assert mail.sender == "btrm@site.test"
    assert mail.to == ("noc@company.test",)
    assert mail.subject == "730 Northern: Low battery voltage."
    lines = [line.split(":", 1) for line in mail.text.splitlines() if ":" in line]
    facts = {name: text.strip() for name, text in lines}
    assert facts["Event"] == "battery.low_voltage raised"
    assert facts["Value"] == "10.84 V"
    assert facts["Threshold"] == "11.00 V"
    assert facts["Time"].startswith("2026-05-2")
    assert facts["At uptime"] == "00:03:50"
    assert facts["Uptime"] == "1 d 02:03:04"
    assert facts["Number"] == str(n)
    assert facts["Contact"] == "Jo, ext. 213"
    assert facts["Location"] == "730 Northern"
    assert facts["Link"] == "http://10.1.2.3/"
    house.look(600)
    assert server.is_quiet
    house.tell("battery.low_voltage", Kind.CLEAR, value=11.9, threshold=11.0)
    house.settle()
    assert server.take().subject == "730 Northern: Cleared: Low battery voltage."


def test_letters_of_any_alphabet(house: House, serve: Serve) -> None:
    server = serve()
    house.use(server.port, site__location="Zürich / Süd")
    house.look()
    house.tell()
    house.settle()
    mail = server.take()
    assert mail.subject == "Zürich / Süd: IO1 digital input tripped."
    assert "Zürich / Süd" in mail.text


def test_what_is_not_mailed(house: House, serve: Serve) -> None:
    server = serve()
    house.use(server.port)
    house.look()
    house.tell("io1", notify=False)  # R86
    house.tell("test.state", Kind.COMMAND)
    house.tell("io1", Kind.COMMAND)  # acknowledged
    house.tell("relay.k1", Kind.CHANGE)
    house.settle()
    assert server.is_quiet
    result = "Test 7 finished, capacity low: 3 h 10 min is below 4 h."
    house.tell("test.result", Kind.CHANGE, "low", text=result)
    house.settle()
    mail = server.take()
    assert mail.subject == f"730 Northern: {result}"
    assert "low" in mail.text


def test_what_one_cause_raises_is_one_mail_to_all(house: House, serve: Serve) -> None:
    server = serve()
    house.use(server.port, email__to="noc@company.test, boss@company.test")
    house.look()
    house.tell("supply.lost", text="The supply is lost.")
    house.look()
    house.tell("ups.on_battery", text="The load runs on the battery.")
    house.tell("charger.lost", text="The charger is lost.")
    house.look(1.5)
    (mail,) = server.all()
    assert mail.to == ("noc@company.test", "boss@company.test")
    assert mail.subject == "730 Northern: The charger is lost. (and 2 more)"
    for text in ("The supply is lost.", "The load runs on the battery."):
        assert text in mail.text


def test_ten_minutes_of_flapping_are_a_handful_of_mails(house: House, serve: Serve) -> None:
    server = serve()
    house.use(server.port)
    house.look()
    for second in range(0, 600, 3):
        house.tell("io1", Kind.RAISE if second % 2 == 0 else Kind.CLEAR)
        house.look(1.0)
        house.look(2.0)
        if second == 300:
            server.all()
            house.tell("battery.low_capacity")
            house.look(1.0)
            house.look(1.0)
            assert len(server.all()) == 1, "an alarm need not wait for what flaps"
    mails = server.all()
    house.look(600)
    mails += server.all()
    assert 1 <= len(mails) <= 3
    last = mails[-1]
    assert "io1: now cleared (raised " in last.text
    assert len(house.history.events(0, 10_000)) == 201
    house.look(600)
    assert server.is_quiet


def test_flapping_from_the_start(house: House, serve: Serve) -> None:
    server = serve()
    house.use(server.port)
    house.look()
    for second in range(0, 600, 3):
        house.tell("io1", Kind.RAISE if second % 2 == 0 else Kind.CLEAR)
        house.look(1.0)
        house.look(2.0)
    assert 3 <= len(server.all()) <= 6


def test_enabling_brings_no_flood(house: House, serve: Serve) -> None:
    server = serve()
    house.use(server.port, email__enabled=False)
    for _ in range(5):
        house.tell()
        house.settle()
    house.use(server.port)
    house.look()
    house.settle()
    assert server.is_quiet
    house.tell()
    house.settle()
    assert server.take().subject == "730 Northern: IO1 digital input tripped."
    house.use(server.port, email__enabled=False)
    house.look()
    house.tell()
    house.settle()
    house.restart()
    house.use(server.port, email__enabled=False)
    house.look()
    house.use(server.port)
    house.settle()
    assert server.is_quiet


def test_a_new_address_hears_of_what_is_new(house: House, serve: Serve) -> None:
    server = serve()
    house.use(server.port)
    house.look()
    house.tell("io1")
    house.settle()
    assert server.take().to == ("noc@company.test",)
    house.use(server.port, email__to="noc@company.test boss@company.test")
    house.look()
    house.settle()
    assert server.is_quiet
    house.tell("battery.low_capacity")
    house.settle()
    assert server.take().to == ("noc@company.test", "boss@company.test")


def test_a_server_that_is_away_is_a_fault_and_loses_nothing(house: House, serve: Serve) -> None:
    port = free_port()
    house.use(port)
    house.look()
    house.tell("io1")
    house.settle()
    assert house.fault == (
        f"E-mail cannot be sent: 127.0.0.1:{port} cannot be reached: Connection refused."
    )
    house.tell("battery.low_capacity")
    server = serve(port=port)
    house.look()
    assert server.is_quiet, "not before the pause is over"
    house.look(11)
    house.look(1.5)
    (mail,) = server.all()
    assert "(and 1 more)" in mail.subject
    assert house.fault == ""


def test_the_pauses_grow_to_ten_minutes(house: House) -> None:
    house.use(free_port())
    house.look()
    house.tell()
    house.settle()
    tries = []
    for _ in range(12):
        start, failed = house.now, house.sender._failed
        while house.sender._failed == failed:
            house.look(5.0)
        tries.append(house.now - start)
    assert tries[0] < 12.0
    assert tries == sorted(tries)
    assert tries[-1] <= LONGEST_PAUSE_S + 5.0


def test_other_settings_are_tried_at_once(house: House, serve: Serve) -> None:
    house.use(free_port())
    house.look()
    house.tell()
    for _ in range(5):
        house.look(700)
    server = serve()
    house.use(server.port)
    house.look()
    assert server.take()
    assert house.fault == ""


def test_a_refused_recipient_keeps_nobody_waiting(house: House, serve: Serve) -> None:
    server = serve()
    server.refuse["boss@company.test"] = "452 Mailbox full"
    house.use(server.port, email__to="boss@company.test, noc@company.test")
    house.look()
    house.tell("io1")
    house.settle()
    assert server.take().to == ("noc@company.test",)
    assert house.fault == ("E-mail cannot be sent: boss@company.test is refused: 452 Mailbox full.")
    house.tell("battery.low_capacity")
    house.settle()
    assert server.take().to == ("noc@company.test",)
    server.refuse.clear()
    house.look(25)
    house.look(1.5)
    (late,) = server.all()
    assert late.to == ("boss@company.test",)
    assert "(and 1 more)" in late.subject, "nothing is lost for the one that was refused"
    assert house.fault == ""


def test_a_kill_before_the_acceptance_loses_nothing(house: House, serve: Serve) -> None:
    house.use(free_port())
    house.look()
    house.tell("io1")
    house.settle()
    assert house.fault
    house.restart()
    server = serve()
    house.use(server.port)
    house.look()
    house.settle()
    assert len(server.all()) == 1
    house.restart()
    house.look()
    house.settle()
    assert server.is_quiet, "nor is it sent twice"


def test_what_was_found_from_before_the_start_stays_until_it_is_done(house: House) -> None:
    Cursor("x", house.bus, house.history, house.cursors)
    house.tell()
    house.restart()
    cursor = Cursor("x", house.bus, house.history, house.cursors)
    assert [event.n for event in cursor.fetch()] == [1]
    assert [event.n for event in cursor.fetch()] == [1]
    cursor.done(1, True)
    assert cursor.fetch() == []


def test_a_repeated_mail_has_the_same_id(house: House, serve: Serve) -> None:
    server = serve()
    house.use(server.port)
    house.look()
    before = dict(house.cursors._numbers)
    house.tell()
    house.settle()
    first = server.take()
    for name, n in before.items():  # as if the kill had come before the save
        house.cursors.save(name, n)
    house.restart()
    house.look()
    house.settle()
    again = server.take()
    assert again.message["Message-ID"] == first.message["Message-ID"]


def test_the_password_is_in_no_log(
    house: House, serve: Serve, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "btrmd")
    server = serve(user="btrm", password="another")
    house.use(server.port, email__user="btrm", email__password=PASSWORD)
    house.look()
    house.tell()
    house.settle()
    assert "refuses user name or password" in house.fault
    assert PASSWORD not in caplog.text + house.fault + repr(house.sender._account)
    assert house.fault in caplog.text


def test_a_server_that_hangs_holds_up_the_thread_only(house: House, wait_until: Wait) -> None:
    house.patience_s = 0.5
    with deaf_port() as port:
        house.use(port)
        house.sender.start()
        wait_until(lambda: house.cursors.load("mail noc@company.test") is not None)
        house.tell()
        wait_until(lambda: "did not answer within 0.5 s" in house.fault)


def test_stopping_cuts_a_hanging_server_off(
    house: House, serve: Serve, wait_until: Wait, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sending, "STOP_S", 0.2)
    server: MailServer = serve()
    server.hold = True
    house.use(server.port)
    house.sender.start()
    wait_until(lambda: house.cursors.load("mail noc@company.test") is not None)
    house.tell()
    assert server.held.wait(10.0)
    house.sender.stop()
    assert not house.sender._thread.is_alive()
    server.hold = False
    assert house.fault == ""
