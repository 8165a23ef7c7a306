"""The E-mail Test: what it says when it works, and for everything that may go wrong (R68, R188)."""

from __future__ import annotations

import logging
import time
from base64 import b64encode

import pytest
from free_port import free_port
from mail_fixtures import PASSWORD, mail_settings, snapshot_of
from mail_server import Serve, deaf_port, script
from mail_tls import Authority

from btrmd.bus import Bus
from btrmd.model.commands import MailStep
from btrmd.notify.mail.tester import MailTester


def steps_of(
    port: int, limit_s: float = 5.0, patience_s: float = 1.0, **changes: object
) -> list[MailStep]:
    bus = Bus(snapshot_of(mail_settings(port, **changes)))
    return list(MailTester(bus, patience_s=patience_s, limit_s=limit_s)())


def failure(steps: list[MailStep]) -> str:
    """The one step that failed: the last."""
    assert [step.ok for step in steps] == [True] * (len(steps) - 1) + [False], steps
    assert PASSWORD not in repr(steps)
    return steps[-1].text


def test_a_plain_server_takes_it(serve: Serve) -> None:
    server = serve()
    steps = steps_of(server.port, email__to="noc@company.test, boss@company.test")
    assert all(step.ok for step in steps)
    assert steps[-1].text == "The server has accepted the message: 250 Taken."
    mail = server.take()
    assert mail.sender == "btrm@site.test"
    assert mail.to == ("noc@company.test", "boss@company.test")
    assert mail.subject == "730 Northern: Test e-mail"
    for fact in ("Jo, ext. 213", "730 Northern", "1 d 02:03:04"):
        assert fact in mail.text


def test_it_goes_while_mail_is_not_enabled_and_says_so(serve: Serve) -> None:
    server = serve()
    steps = steps_of(server.port, email__enabled=False)
    assert server.take()
    assert steps[-1].ok
    assert "not enabled" in steps[-1].text


@pytest.mark.parametrize("tls", [True, False])
def test_tls_and_starttls_with_a_login(serve: Serve, authority: Authority, tls: bool) -> None:
    server = serve(context=authority.context(), tls=tls, user="btrm", password=PASSWORD)
    steps = steps_of(
        server.port, email__security="tls" if tls else "starttls",
        email__ca_file=str(authority.file), email__user="btrm", email__password=PASSWORD,
    )  # fmt: skip
    assert all(step.ok for step in steps), steps
    assert any("TLSv1.3 is in use" in step.text for step in steps)
    assert server.take()


def test_the_systems_store_is_trusted(
    serve: Serve, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = serve(context=authority.context(), tls=True)
    text = failure(steps_of(server.port, email__security="tls"))
    assert "certificate" in text
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.file))
    assert steps_of(server.port, email__security="tls")[-1].ok


def test_a_login_beyond_ascii(serve: Serve) -> None:
    server = serve(user="jürgen", password="Schlüssel1")
    steps = steps_of(server.port, email__user="jürgen", email__password="Schlüssel1")
    assert steps[-1].ok, steps
    text = failure(steps_of(server.port, email__user="jürgen", email__password="Schlüssel2"))
    assert "refuses user name or password" in text


def test_a_wrong_password_is_named_and_not_shown(
    serve: Serve, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "btrmd")
    server = serve(user="btrm", password="another")
    text = failure(steps_of(server.port, email__user="btrm", email__password=PASSWORD))
    assert "refuses user name or password: 535" in text
    assert PASSWORD not in caplog.text


def test_a_server_that_repeats_the_password_does_not_spread_it() -> None:
    token = b64encode(f"\0btrm\0{PASSWORD}".encode()).decode()
    said = f"535 not {token} nor {PASSWORD}\r\n".encode()
    with script(b"220 hello\r\n", b"250-me\r\n250 AUTH PLAIN\r\n", said) as port:
        text = failure(steps_of(port, email__user="btrm", email__password=PASSWORD))
    assert text.endswith("535 not *** nor ***.")


def test_a_server_without_login(serve: Serve) -> None:
    server = serve()
    text = failure(steps_of(server.port, email__user="btrm", email__password=PASSWORD))
    assert "offers no login" in text


def test_a_refused_recipient_ends_it(serve: Serve) -> None:
    server = serve()
    server.refuse["boss@company.test"] = "550 No such user"
    steps = steps_of(server.port, email__to="noc@company.test, boss@company.test")
    assert failure(steps) == "The recipient boss@company.test is refused: 550 No such user."
    assert server.is_quiet


def test_a_refused_sender_and_a_refused_message(serve: Serve) -> None:
    server = serve(sender_answer="553 Who are you?")
    text = "The sender btrm@site.test is refused: 553 Who are you?."
    assert failure(steps_of(server.port)) == text
    server = serve()
    server.answer = "554 Looks like spam"
    assert failure(steps_of(server.port)) == "The message is refused: 554 Looks like spam."


def test_starttls_is_not_offered(serve: Serve) -> None:
    server = serve()
    text = failure(steps_of(server.port, email__security="starttls"))
    assert "does not offer STARTTLS" in text
    assert server.is_quiet


@pytest.mark.parametrize(
    ("name", "days", "why"),
    [("127.0.0.2", 30, "IP address mismatch"), ("127.0.0.1", -1, "expired")],
)
def test_a_bad_certificate(
    serve: Serve, authority: Authority, name: str, days: int, why: str
) -> None:
    server = serve(context=authority.context(name, days), tls=True)
    text = failure(steps_of(server.port, email__security="tls", email__ca_file=str(authority.file)))
    assert "certificate" in text
    assert why in text
    assert server.is_quiet


def test_a_ca_file_that_is_missing_or_empty(
    serve: Serve, authority: Authority, tmp_path_factory: pytest.TempPathFactory
) -> None:
    server = serve(context=authority.context(), tls=True)
    folder = tmp_path_factory.mktemp("ca-files")
    missing = folder / "none.pem"
    text = failure(steps_of(server.port, email__security="tls", email__ca_file=str(missing)))
    assert f"{missing} cannot be used: No such file" in text
    empty = folder / "empty.pem"
    empty.write_text("no certificate\n")
    text = failure(steps_of(server.port, email__security="tls", email__ca_file=str(empty)))
    assert f"{empty} cannot be used: it holds no certificate" in text


def test_tls_where_there_is_none(serve: Serve) -> None:
    server = serve()
    text = failure(steps_of(server.port, email__security="tls"))
    assert "does not agree on TLS" in text


def test_nobody_listens() -> None:
    port = free_port()
    assert failure(steps_of(port)) == f"127.0.0.1:{port} cannot be reached: Connection refused."


def test_a_name_that_does_not_exist() -> None:
    text = failure(steps_of(25, email__server="smtp.btrm.invalid"))
    assert "smtp.btrm.invalid" in text
    assert "cannot be found" in text or "No name server answered" in text


@pytest.mark.parametrize("security", ["none", "starttls", "tls"])
def test_a_server_that_hangs(security: str) -> None:
    with deaf_port() as port:
        text = failure(steps_of(port, patience_s=0.2, email__security=security))
    assert "did not answer within 0.2 s" in text


def test_a_server_that_drips_is_cut_off() -> None:
    drops = [b"250-x\r\n"] * 30

    def slow() -> list[MailStep]:
        # each line is heard within the patience, the last one never comes
        with script(b"220 hello\r\n", *drops) as port:
            return steps_of(port, limit_s=0.5)

    start = time.monotonic()
    text = failure(slow())
    assert time.monotonic() - start < 10.0
    assert "took longer than 0.5 s" in text


def test_a_server_that_says_too_much_or_nonsense() -> None:
    with script(b"220 hello\r\n", b"250-x\r\n" * 20_000) as port:
        assert "127.0.0.1" in failure(steps_of(port))
    with script(b"SSH-2.0-OpenSSH_9.2\r\n") as port:
        assert "127.0.0.1" in failure(steps_of(port))
    with script(b"554 Go away\r\n") as port:
        assert "refuses (greeting): 554 Go away." in failure(steps_of(port))
