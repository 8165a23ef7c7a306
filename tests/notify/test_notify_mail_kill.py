"""kill -9 between an event and its mail: it arrives after the restart, and once; the web test."""

from __future__ import annotations

import http.client
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlencode

import pytest
from daemon_process import DaemonProcess
from mail_server import Serve
from waiting import wait_until


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DaemonProcess]:
    made = DaemonProcess(tmp_path_factory.mktemp("mail") / "a", speed=10)
    made.start()
    yield made
    made.close()


@pytest.fixture
def mortal(tmp_path: Path) -> Iterator[DaemonProcess]:
    """One that may be killed."""
    made = DaemonProcess(tmp_path / "a", speed=10)
    yield made
    made.close()


def settings_for(port: int) -> dict[str, object]:
    return {
        "io1__config": 2,
        "email__server": "127.0.0.1",
        "email__port": port,
        "email__from": "btrm@site.test",
        "email__to": "noc@company.test",
        "email__enabled": True,
    }


def test_a_kill_between_the_event_and_its_mail(mortal: DaemonProcess, serve: Serve) -> None:
    server = serve()
    server.hold = True
    mortal.start()
    mortal.set(**settings_for(server.port))
    wait_until(lambda: mortal.value("system.uptime") > 11, 15.0)
    mortal.sim(ch1__volts=5)
    assert server.held.wait(15.0)
    mortal.kill()
    server.close()
    assert server.is_quiet
    second = serve(port=server.port)
    mortal.start()
    mail = second.take(15.0)
    assert "IO1 digital input tripped." in mail.text
    cursors = mortal.state_dir / "cursors.json"
    number = next(e["n"] for e in mortal.events() if e["key"] == "io1" and e["kind"] == "raise")
    wait_until(lambda: saved(cursors) >= number)
    mortal.kill()
    second.all()
    mortal.start()
    mortal.sim(ch1__volts=0)
    wait_until(lambda: mortal.value("system.uptime") > 11, 15.0)
    mortal.sim(ch1__volts=5)
    later = second.take(15.0)
    assert f"Number:     {number}\n" not in later.text, "what comes next is another event's"
    assert [m for m in second.all() if f"Number:     {number}\n" in m.text] == []


def saved(cursors: Path) -> int:
    words = cursors.read_text().partition('"mail noc@company.test": ')[2]
    digits = words.split(",")[0].split("}")[0].strip()
    return int(digits or 0)


def test_an_alarm_arrives_in_five_seconds_and_a_fault_is_shown(
    daemon: DaemonProcess, serve: Serve
) -> None:
    server = serve()
    daemon.set(**settings_for(server.port))
    wait_until(lambda: daemon.value("system.uptime") > 11, 15.0)
    server.all()
    daemon.sim(ch1__volts=0)
    daemon.wait_value("io1.alarm", False)
    server.all()
    daemon.sim(ch1__volts=5)
    daemon.wait_value("io1.alarm", True)
    raised = time.monotonic()
    while "IO1 digital input tripped." not in (mail := server.take(10.0)).text:
        pass
    assert time.monotonic() - raised < 5.0
    assert daemon.address in mail.text, "the link leads to the unit"
    server.close()
    daemon.sim(ch1__volts=0)
    wait_until(lambda: "E-mail cannot be sent" in daemon.faults(), 15.0)


def test_the_page_sends_a_test_mail(daemon: DaemonProcess, serve: Serve) -> None:
    server = serve()
    daemon.set(**settings_for(server.port))
    daemon.login()
    page = daemon.request("GET", "/email-test").body.decode()
    token = page.partition('name="csrf_token" value="')[2].partition('"')[0]
    connection = http.client.HTTPConnection(daemon.address, timeout=15.0)
    connection.request(
        "POST", "/email-test", urlencode({"csrf_token": token}),
        {"Content-Type": "application/x-www-form-urlencoded", "Cookie": daemon.cookie},
    )  # fmt: skip
    assert connection.getresponse().status == 303
    connection.close()
    while server.take().subject != "BTRM Location: Test e-mail":  # an alarm that waited
        pass
    shown = daemon.request("GET", "/email-test").body.decode()
    assert "The message has been successfully sent." in shown
