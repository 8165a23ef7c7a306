"""The webhook against a real HTTPS server with an authority of its own."""

from __future__ import annotations

import hashlib
import hmac
import json
import random
import re
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from mail_fixtures import snapshot_of
from mail_tls import Authority
from webhook_fixtures import GOOD, Answer, Got, HttpsServer, WebhookBench

from btrmd.model.commands import SendTestWebhook
from btrmd.model.errors import SettingError
from btrmd.model.events import Event, Kind
from btrmd.model.settings import Settings
from btrmd.model.webhook_template import FIELDS
from btrmd.notify.webhook import sender as sending
from btrmd.notify.webhook.body import webhook_body, webhook_fields
from btrmd.notify.webhook.target import WebhookTarget

Wait = Callable[..., None]
PAGE = Path(__file__).resolve().parents[2] / "docs" / "webhook.md"


@pytest.fixture
def server(authority: Authority) -> Iterator[HttpsServer]:
    made = HttpsServer(authority)
    yield made
    made.close()


# --- what arrives -----------------------------------------------------------------------------


def test_an_event_arrives_with_every_field_and_its_signature(
    hook: WebhookBench, server: HttpsServer, wait_until: Wait
) -> None:
    hook.to(server, webhook__secret="sesame", webhook__authorization="Bearer abc")
    hook.start()
    n = hook.tell("supply.lost", Kind.RAISE, 0.02, 11.5, "The supply is lost.")
    got = server.take()
    assert got.path == "/hook/abcdef"
    assert got.headers["content-type"] == "application/json"
    assert got.headers["authorization"] == "Bearer abc"
    assert got.headers["host"] == f"127.0.0.1:{server.port}"
    assert got.headers["x-btrm-serial"] == "10000000abcdef01"
    wanted = hmac.new(b"sesame", got.body, hashlib.sha256).hexdigest()
    assert got.headers["x-btrm-signature"] == f"sha256={wanted}"
    body = got.json
    assert set(body) == set(FIELDS)
    assert (body["n"], body["key"], body["kind"]) == (n, "supply.lost", "raise")
    assert (body["value"], body["threshold"], body["severity"]) == (0.02, 11.5, "major")
    assert body["link"] == "http://10.1.2.3/"
    for key, kind, value, severity in (
        ("ups.on_battery", Kind.RAISE, True, "major"),
        ("ups.on_battery", Kind.CLEAR, False, "info"),
        ("lvd.open", Kind.CHANGE, True, "critical"),
        ("lvd.open", Kind.CHANGE, False, "info"),
    ):
        n = hook.tell(key, kind, value)
        assert server.take().json["severity"] == severity
    wait_until(lambda: hook.reported == n)
    wait_until(lambda: hook.hook_address == f"127.0.0.1:{server.port}")


def test_alarms_and_results_or_everything(
    hook: WebhookBench, server: HttpsServer, wait_until: Wait
) -> None:
    hook.to(server)
    hook.start()
    hook.tell("settings", Kind.COMMAND)
    hook.tell("io1", Kind.RAISE, notify=False)
    n = hook.tell("test.result", Kind.CHANGE, "good")
    assert server.take().n == n
    wait_until(lambda: hook.reported == n)
    hook.to(server, webhook__events="all")
    more = [hook.tell("settings", Kind.COMMAND), hook.tell("io1", notify=False)]
    assert [server.take().n for _ in more] == more


def test_without_a_secret_there_is_no_signature(hook: WebhookBench, server: HttpsServer) -> None:
    hook.to(server)
    hook.start()
    hook.tell()
    headers = server.take().headers
    assert not {"x-btrm-signature", "authorization"} & set(headers)


def test_a_template_of_ones_own(hook: WebhookBench, server: HttpsServer) -> None:
    words = 'IO1: "hot"\\ 30 °C'
    hook.to(server, webhook__template='{"text": "${location}: ${text}", "n": "${n}", "x": [1]}')
    hook.start()
    n = hook.tell(text=words)
    assert server.take().json == {
        "text": f"{hook.settings.text('site.location')}: {words}", "n": n, "x": [1],
    }  # fmt: skip
    hook.to(server, webhook__template="${n} ${text}\\n${threshold}${value}$")
    n = hook.tell(text=words)
    got = server.take()
    assert got.headers["content-type"] == "text/plain; charset=utf-8"
    assert got.body.decode() == f"{n} {words}\ntrue$"


# --- trouble ----------------------------------------------------------------------------------


# CPython leaves a TLS socket to the collector whose peer has gone before its handshake begins.
@pytest.mark.filterwarnings("ignore:unclosed <ssl:ResourceWarning")
def test_a_server_that_is_killed_at_random_gets_every_event_once_in_order(
    hook: WebhookBench, server: HttpsServer, wait_until: Wait
) -> None:
    rng = random.Random(18)
    hook.to(server)
    hook.start()
    reported = []
    for _ in range(12):
        reported += [hook.tell() for _ in range(rng.randrange(1, 6))]
        server.kill()
        reported += [hook.tell() for _ in range(rng.randrange(0, 4))]
        server.start()
    wait_until(lambda: hook.reported == reported[-1], 20.0)
    assert list(dict.fromkeys(server.numbers)) == reported
    assert server.numbers == sorted(server.numbers), "a later one never overtakes"


def test_answers_that_are_no_success_are_told_and_the_event_comes_again(
    hook: WebhookBench, server: HttpsServer, wait_until: Wait
) -> None:
    answers: list[Answer | None] = [
        (500, {}, b"Internal <b>error</b>"),
        (400, {}, b"invalid_payload"),
        (403, {}, b"token abcdef is revoked"),
        (302, {"Location": "https://elsewhere.invalid/"}, b""),
        None,
    ]
    seen: list[str] = []

    def answer(got: Got) -> Answer | None:
        if seen and not hook.hook_fault:
            return GOOD
        return answers[len(seen)] if len(seen) < len(answers) else GOOD

    server.answer = answer
    hook.to(server)
    hook.start()
    n = hook.tell()
    where = f"Events cannot be posted to the webhook: 127.0.0.1:{server.port}"
    for sentence in (
        f"{where} answers 500 Internal Server Error.",
        f"{where} answers 400 Bad Request: invalid_payload.",
        f"{where} answers 403 Forbidden: token *** is revoked.",
        f"{where} sends elsewhere (302 Found): enter that address.",
        f"{where} closed the connection without an answer.",
    ):
        wait_until(lambda s=sentence: hook.hook_fault == s)
        assert hook.reported is not None
        assert hook.reported < n
        seen.append(sentence)
    wait_until(lambda: hook.reported == n)
    wait_until(lambda: not hook.hook_fault)
    assert set(server.numbers) == {n}


def test_retry_after_is_heeded_and_other_settings_are_tried_at_once(
    hook: WebhookBench, server: HttpsServer, wait_until: Wait
) -> None:
    server.answer = lambda got: (429, {"Retry-After": "3000"}, b"")
    hook.to(server)
    hook.start()
    n = hook.tell()
    wait_until(lambda: "429 Too Many Requests" in hook.hook_fault)
    assert len(server.all) == 1
    server.answer = lambda got: GOOD
    hook.to(server, webhook__template="${text}")
    wait_until(lambda: hook.reported == n)
    assert len(server.all) == 2


def test_a_server_that_is_silent_or_never_ends(
    hook: WebhookBench, server: HttpsServer, wait_until: Wait
) -> None:
    hook.patience_s, hook.limit_s = 0.3, 10.0
    held = threading.Event()

    def silent(got: Got) -> Answer:
        held.wait(20.0)
        return GOOD

    server.answer = silent
    hook.to(server)
    hook.start()
    hook.tell()
    wait_until(lambda: "did not answer within 0.3 s." in hook.hook_fault)
    held.set()


def test_one_that_drips_is_cut_off(hook: WebhookBench, wait_until: Wait) -> None:
    """An octet a time, none of them late by itself."""
    hook.limit_s = 0.5
    listener = socket.create_server(("127.0.0.1", 0))
    stop = threading.Event()

    def drip() -> None:
        while not stop.is_set():
            try:
                near, _ = listener.accept()
                with near:
                    near.sendall(b"\x16\x03\x03\x40\x00")  # a TLS record of 16,384 octets
                    while not stop.wait(0.05):
                        near.sendall(b"\x02")
            except OSError:
                if listener.fileno() < 0:
                    return

    threading.Thread(target=drip, daemon=True).start()
    try:
        hook.to(f"https://127.0.0.1:{listener.getsockname()[1]}/")
        hook.start()
        hook.tell()
        wait_until(lambda: "took longer than 0.5 s in all." in hook.hook_fault)
    finally:
        stop.set()
        listener.close()


@pytest.mark.parametrize(
    ("name", "days", "words"),
    [
        ("elsewhere.example", 30, "IP address mismatch"),
        ("127.0.0.1", -5, "certificate has expired"),
    ],
)
def test_a_wrong_certificate(
    hook: WebhookBench, authority: Authority, wait_until: Wait, name: str, days: int, words: str
) -> None:
    server = HttpsServer(authority, context=authority.context(name, days))
    try:
        hook.to(server)
        hook.start()
        n = hook.tell()
        wait_until(lambda: hook.hook_fault)
        where = f"127.0.0.1:{server.port}"
        start = f"Events cannot be posted to the webhook: the certificate of {where} is refused: "
        assert hook.hook_fault.startswith(start)
        assert not hook.hook_fault.endswith("..")
        assert words in hook.hook_fault
        assert server.all == []
        assert hook.reported is not None
        assert hook.reported < n
    finally:
        server.close()


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"webhook__ca_file": ""}, "the certificate of 127.0.0.1:"),
        ({"webhook__ca_file": "/nowhere/ca.pem"}, "the CA file /nowhere/ca.pem cannot be read: No"),
        ({"webhook__cert_file": "/nowhere/me.pem"}, "certificate /nowhere/me.pem cannot be read"),
        ({"webhook__url": ""}, "no address is set."),
        ({"webhook__url": "https://nowhere.invalid/x"}, "the name nowhere.invalid is not found"),
        ({"webhook__url": "https://[::1]:9/x"}, "[::1]:9 cannot be reached: Connection refused."),
    ],
)
def test_what_cannot_be_used_is_told(
    hook: WebhookBench, server: HttpsServer, wait_until: Wait, changes: dict[str, str], words: str
) -> None:
    hook.to(server, **changes)
    hook.start()
    hook.tell()
    wait_until(lambda: words in hook.hook_fault)


def test_a_certificate_of_its_own(
    hook: WebhookBench, authority: Authority, wait_until: Wait
) -> None:
    context = authority.context()
    context.load_verify_locations(authority.file)
    context.verify_mode = ssl.CERT_REQUIRED
    server = HttpsServer(authority, context=context)
    try:
        hook.to(server)
        hook.start()
        n = hook.tell()
        wait_until(lambda: hook.hook_fault)
        hook.to(server, webhook__cert_file=str(authority.identity("unit")))
        wait_until(lambda: hook.reported == n)
    finally:
        server.close()


def test_no_secret_is_in_a_fault_or_the_journal(
    hook: WebhookBench, server: HttpsServer, wait_until: Wait, caplog: pytest.LogCaptureFixture
) -> None:
    secrets = ("hook/abcdef", "sesame-street", "tk_0123456789")
    server.answer = lambda got: (401, {}, f"{got.path} {got.headers['authorization']}".encode())
    hook.to(server, webhook__secret=secrets[1], webhook__authorization=f"Bearer {secrets[2]}")
    hook.start()
    hook.tell()
    wait_until(lambda: "401" in hook.hook_fault)
    target = WebhookTarget.of(hook.settings)
    for text in (hook.hook_fault, caplog.text, repr(target)):
        assert not [one for one in (*secrets, "abcdef") if one in text]


# --- off, restart, stop -----------------------------------------------------------------------


def test_a_restart_posts_the_rest_and_nothing_twice(
    hook: WebhookBench, server: HttpsServer, wait_until: Wait
) -> None:
    hook.to(server)
    hook.start()
    first = hook.tell()
    wait_until(lambda: hook.reported == first)
    hook.restart()
    missed = hook.tell("supply.lost")
    hook.start()
    last = hook.tell("io1", Kind.CLEAR)
    wait_until(lambda: hook.reported == last)
    assert server.numbers == [first, missed, last]


def test_what_happened_while_it_was_off_is_not_posted(
    hook: WebhookBench, server: HttpsServer, wait_until: Wait
) -> None:
    hook.start()
    n = hook.tell()
    assert hook.webhook is not None
    wait_until(lambda: hook.webhook._cursor.n == n)  # type: ignore[union-attr]
    assert hook.hook_address == ""
    hook.restart()
    hook.tell()
    hook.to(server)
    hook.start()
    n = hook.tell()
    wait_until(lambda: hook.reported == n)
    assert server.numbers[-1] == n
    assert min(server.numbers) >= n - 1, "one that came while the unit stood still may be told"
    hook.off()
    hook.tell()
    wait_until(lambda: hook.reported is None)


def test_stopping_cuts_a_silent_server_off(
    hook: WebhookBench, server: HttpsServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sending.WebhookSender, "grace_s", 0.2)
    hook.patience_s = 30.0
    held = threading.Event()

    def silent(got: Got) -> Answer:
        held.wait(20.0)
        return GOOD

    server.answer = silent
    hook.to(server)
    hook.start()
    hook.tell()
    server.take()
    assert hook.webhook is not None
    hook.webhook.stop()
    held.set()
    assert not hook.webhook._thread.is_alive()
    assert hook.hook_fault == ""


# --- settings and the page --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        ("webhook.template", "${txt}", r"the field \$\{txt\} is not known; allowed is .*serial"),
        ("webhook.template", '{"a": ', "begins like JSON, and is none at character 6"),
        ("webhook.template", '{"a": NaN}', "its JSON has NaN"),
        ("webhook.template", "x" * 2001, "2000"),
        ("webhook.url", "http://host/x", "https://host.com/path"),
        ("webhook.url", "https://me:secret@host/", "without user name"),
        ("webhook.url", "https://host:99999/", "https://host.com/path"),
        ("webhook.authorization", "Bearer a\r\nX: y", "printable ASCII"),
    ],
)
def test_bad_settings_are_refused_with_a_sentence(key: str, value: str, words: str) -> None:
    with pytest.raises(SettingError, match=words):
        Settings.defaults().with_changes({key: value})


def test_the_examples_of_the_page_are_templates_that_are_taken() -> None:
    found = re.findall(r"^(\*\*.*?)```(json|text)\n(.*?)```", PAGE.read_text(), re.M | re.S)
    assert [re.findall(r"\*\*(.+?)\*\*", words)[-1] for words, _, _ in found] == [
        "Slack", "Microsoft Teams", "Telegram", "ntfy", "A text",
    ]  # fmt: skip
    event = Event(7, 1.0, 2.0, "supply.lost", Kind.RAISE, 0.0, 11.5, "core", 'It is "lost".')
    for _, kind, template in found:
        settings = Settings.defaults().with_changes(
            {"webhook.enabled": True, "webhook.url": "https://h/x", "webhook.template": template}
        )
        target = WebhookTarget.of(settings)
        assert target is not None
        body, said = webhook_body(target, webhook_fields(event, snapshot_of(settings), "x"))
        assert said.startswith("application/json" if kind == "json" else "text/plain")
        assert b"${" not in body
        if kind == "json":
            assert 'It is "lost".' in str(json.loads(body))


def test_the_page_names_every_field() -> None:
    text = PAGE.read_text()
    block = re.search(r"## The body.*?```json\n(.*?)```", text, re.S)
    assert block is not None
    assert set(json.loads(block[1])) == set(FIELDS)


# --- the test -----------------------------------------------------------------------------------


def test_a_test_is_posted_at_once_and_is_none_of_the_log(
    hook: WebhookBench, server: HttpsServer
) -> None:
    hook.start()
    assert hook.bus.perform(SendTestWebhook("cli")).text == (
        "The webhook is off: webhook.enabled is false."
    )
    hook.to(server, webhook__template="${n} ${key} ${source}: ${text}")
    before = hook.history.last_event()
    answer = hook.bus.perform(SendTestWebhook("cli"))
    assert (answer.ok, answer.text) == (True, f"127.0.0.1:{server.port} has taken the test.")
    assert server.take().body == b"0 webhook.test cli: This is a test of the webhook."
    assert hook.history.last_event() == before
    server.answer = lambda got: (404, {}, b"no_team")
    refused = hook.bus.perform(SendTestWebhook("cli"))
    assert (refused.ok, refused.code) == (False, "unreached")
    assert refused.text == (
        f"The test was not taken: 127.0.0.1:{server.port} answers 404 Not Found: no_team."
    )
