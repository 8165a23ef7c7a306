"""Syslog: every event once, to a server that reads RFC 5424 to the letter, whatever it does."""

from __future__ import annotations

import os
import shutil
import socket
import ssl
import struct
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from ending import end_process
from hypothesis import given, settings
from hypothesis import strategies as st
from mail_fixtures import AT, mail_settings
from mail_tls import Authority
from syslog_fixtures import LogBench, TcpServer, UdpServer, parse

from btrmd.model.events import Event, Kind
from btrmd.notify.syslog import sender as sending
from btrmd.notify.syslog.message import syslog_message

Wait = Callable[..., None]


@pytest.fixture
def log_bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[LogBench]:
    monkeypatch.setattr(sending, "FIRST_PAUSE_S", 0.05)
    monkeypatch.setattr(sending, "FOLLOW_S", 0.05)
    made = LogBench(tmp_path)
    yield made
    made.close()


@pytest.fixture
def tcp() -> Iterator[TcpServer]:
    made = TcpServer()
    yield made
    made.close()


@pytest.fixture
def udp() -> Iterator[UdpServer]:
    made = UdpServer()
    yield made
    made.close()


def test_what_a_message_says(log_bench: LogBench, udp: UdpServer) -> None:
    log_bench.to(udp, site__name="Hill 3", syslog__facility="local4")
    log_bench.start()
    n = log_bench.tell("battery.low_voltage", value=11.75, threshold=11.8)
    log = udp.take()
    assert log.pri == 20 * 8 + 2
    assert log.time == "2026-05-28T20:26:41.000Z"
    assert log.host == socket.gethostname()
    assert (log.app, log.msgid) == ("btrmd", "raise")
    assert log.text == "Low battery voltage."
    assert log.elements == ("btrm@34506", "origin")
    assert log.facts == {
        "key": "battery.low_voltage", "event": str(n), "value": "11.75", "threshold": "11.8",
        "source": "core", "uptime": "230.5", "name": "Hill 3", "location": "730 Northern",
        "serial": "10000000abcdef01",
    }  # fmt: skip


def test_severities(log_bench: LogBench, tcp: TcpServer) -> None:
    log_bench.to(tcp)
    log_bench.start()
    for key, kind, value, notify, severity in (
        ("battery.low_capacity", Kind.RAISE, True, True, 3),
        ("battery.low_capacity", Kind.CLEAR, False, True, 5),
        ("ups.on_battery", Kind.RAISE, True, True, 3),
        ("ups.on_battery", Kind.CHANGE, False, True, 5),
        ("temperature.high", Kind.RAISE, True, True, 3),
        ("clock", Kind.RAISE, True, True, 4),
        ("lvd.open", Kind.CHANGE, True, True, 2),
        ("lvd.open", Kind.CHANGE, False, True, 5),
        ("test.result", Kind.CHANGE, "good", True, 5),
        ("site.contact", Kind.COMMAND, "Jo", True, 6),
        ("io1", Kind.RAISE, True, False, 6),
    ):
        log_bench.tell(key, kind, value, notify=notify)
        log = tcp.take()
        assert (log.facts["key"], log.pri) == (key, 16 * 8 + severity)


words = st.text(max_size=300)


@given(text=words, source=words, value=st.none() | st.booleans() | st.floats() | words)
@settings(max_examples=200, deadline=None)
def test_any_text_is_a_good_message(
    text: str, source: str, value: bool | float | str | None
) -> None:
    """Quotes, brackets, line ends, other scripts: one line, and the facts come back."""
    text, source = (word.encode(errors="ignore").decode() for word in (text, source))
    value = value.encode(errors="ignore").decode() if isinstance(value, str) else value
    event = Event(7, AT, 1.0, "io1", Kind.RAISE, value, None, source, text)
    log = parse(syslog_message(event, mail_settings(), "abc"))
    plain = "".join(char if char.isprintable() else " " for char in source)
    assert log.facts.get("source", "") == plain[:200]


@pytest.mark.parametrize("kind", ["udp", "tcp"])
def test_a_restart_tells_the_rest_and_nothing_twice(
    log_bench: LogBench, wait_until: Wait, request: pytest.FixtureRequest, kind: str
) -> None:
    server = request.getfixturevalue(kind)
    log_bench.to(server)
    log_bench.start()
    first = log_bench.tell()
    assert server.take().n == first
    wait_until(lambda: log_bench.reported == first)
    log_bench.restart()
    missed = log_bench.tell("supply.lost")
    log_bench.start()
    last = log_bench.tell("io1", Kind.CLEAR)
    assert [server.take().n for _ in range(2)] == [missed, last]
    wait_until(lambda: log_bench.reported == last)
    assert server.is_quiet


def test_what_happened_while_it_was_off_is_not_told_after_settings_changed_at_a_standstill(
    log_bench: LogBench, udp: UdpServer, wait_until: Wait
) -> None:
    """On, off, events, a stop, an import, a start."""
    log_bench.to(udp)
    log_bench.start()
    first = log_bench.tell()
    assert udp.take().n == first
    log_bench.use()
    log_bench.tell()  # as a changed setting wakes it
    wait_until(lambda: log_bench.reported is None)
    log_bench.tell()
    log_bench.restart()
    log_bench.to(udp)
    log_bench.start()
    n = log_bench.tell()
    assert udp.take().n == n
    assert udp.is_quiet


def test_many_at_once_arrive_in_order(log_bench: LogBench, tcp: TcpServer) -> None:
    log_bench.to(tcp)
    numbers = [log_bench.tell() for _ in range(5)]
    log_bench.start()
    numbers = [log_bench.tell() for _ in range(250)]
    assert [tcp.take().n for _ in numbers] == numbers, "not what was before the first start"


def test_what_happens_while_it_is_off_is_not_told(
    log_bench: LogBench, udp: UdpServer, wait_until: Wait
) -> None:
    log_bench.start()
    n = log_bench.tell()
    wait_until(lambda: log_bench.log._cursor.n == n)
    log_bench.to(udp)
    n = log_bench.tell("supply.lost")
    assert udp.take().n == n


def test_a_server_that_is_away_is_a_fault_and_is_told_everything(
    log_bench: LogBench, wait_until: Wait
) -> None:
    gone = TcpServer()
    log_bench.to(gone)
    log_bench.start()
    gone.close()
    numbers = [log_bench.tell() for _ in range(3)]
    where = f"127.0.0.1:{gone.port}/tcp"
    wait_until(
        lambda: (
            log_bench.log_fault == "Events cannot be sent to the syslog server: "
            f"{where} cannot be reached: Connection refused."
        )
    )
    assert log_bench.reported == numbers[0] - 1
    back = TcpServer(gone.port)
    try:
        assert [back.take().n for _ in numbers] == numbers
        wait_until(lambda: log_bench.log_fault == "")
    finally:
        back.close()


def test_a_server_that_resets_loses_nothing(
    log_bench: LogBench, tcp: TcpServer, wait_until: Wait
) -> None:
    """Twenty connections that end without a word: the next event notices and goes over a new
    one."""
    log_bench.to(tcp)
    log_bench.start()
    for _ in range(20):
        n = log_bench.tell()
        assert tcp.take().n == n
        wait_until(lambda n=n: log_bench.reported == n)
        tcp.drop()


def test_a_server_that_reads_nothing_holds_up_its_own_thread_only(
    log_bench: LogBench, caplog: pytest.LogCaptureFixture
) -> None:
    """Its machine acknowledges what its buffers hold, and then no more."""
    server = TcpServer(hold=True)
    try:
        log_bench.to(server)
        log_bench.start(patience_s=0.3)
        text = "x" * 700
        numbers = [log_bench.tell(text=text)]
        assert server.connected.acquire(timeout=20.0)
        end = time.monotonic() + 20.0
        while "did not answer within 0.3 s" not in caplog.text:
            assert time.monotonic() < end
            numbers += [log_bench.tell(text=text) for _ in range(50)]
        assert log_bench.reported < numbers[-1]
        start = time.monotonic()
        log_bench.log.stop()
        assert time.monotonic() - start < 3.0
    finally:
        server.close()


def test_another_server_is_taken_at_once(
    log_bench: LogBench, udp: UdpServer, wait_until: Wait, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sending, "FIRST_PAUSE_S", 1000.0)
    monkeypatch.setattr(sending, "LONGEST_PAUSE_S", 1000.0)
    log_bench.use(syslog__enabled=True)
    log_bench.start()
    n = log_bench.tell()
    wait_until(lambda: log_bench.log_fault.endswith("no server is set."))
    log_bench.use(syslog__enabled=True, syslog__server="no-such-name.invalid")
    wait_until(lambda: "the name no-such-name.invalid is not found" in log_bench.log_fault)
    log_bench.to(udp)
    assert udp.take().n == n
    wait_until(lambda: log_bench.log_fault == "")


def test_rsyslog_reads_the_same(log_bench: LogBench, tmp_path: Path, wait_until: Wait) -> None:
    """rsyslogd's own parser, over both transports."""
    program = shutil.which("rsyslogd") or shutil.which("rsyslogd", path="/usr/sbin")
    if program is None:
        pytest.skip("rsyslogd is not installed (package rsyslog)")
    with socket.socket() as probe, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
        other.bind(("127.0.0.1", 0))
        udp_port = other.getsockname()[1]
    out = tmp_path / "out"
    config = tmp_path / "rsyslog.conf"
    config.write_text(
        'module(load="imudp")\nmodule(load="imtcp")\n'
        f'input(type="imudp" address="127.0.0.1" port="{udp_port}")\n'
        f'input(type="imtcp" address="127.0.0.1" port="{port}")\n'
        'template(name="t" type="string" string="%syslogfacility-text%|%syslogseverity%|'
        '%timereported:::date-rfc3339%|%app-name%|%msgid%|%structured-data%|%msg%\\n")\n'
        f'action(type="omfile" file="{out}" template="t")\n'
    )
    process = subprocess.Popen(
        [program, "-n", "-f", str(config), "-i", str(tmp_path / "pid"), "-C"],
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        env={**os.environ, "TZ": "UTC"},
    )  # fmt: skip
    try:
        for transport, number in (("tcp", port), ("udp", udp_port)):
            log_bench.use(
                syslog__enabled=True, syslog__server="127.0.0.1", syslog__port=number,
                syslog__transport=transport,
            )  # fmt: skip
            if log_bench.log is None:
                log_bench.start()
            n = log_bench.tell("supply.lost", value=9.5, text=f'"{transport}" [22 °C]')
            wait_until(lambda word=f'"{transport}"': out.exists() and word in out.read_text())
            line = next(row for row in out.read_text().splitlines() if f'event="{n}"' in row)
            facility, severity, at, app, msgid, facts, text = line.split("|")
            assert (facility, severity, app, msgid) == ("local0", "3", "btrmd", "raise")
            assert at.startswith("2026-05-28T20:26:41")
            assert facts.startswith('[btrm@34506 key="supply.lost"')
            assert text.lstrip("\ufeff") == f'"{transport}" [22 °C]'
    finally:
        end_process(process)


# --- TLS (RFC 5425) ------------------------------------------------------------------------------


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


def test_over_tls_every_event_arrives_once_also_over_a_reset(
    log_bench: LogBench, authority: Authority
) -> None:
    server = TcpServer(tls=authority.context())
    log_bench.to(server, syslog__ca_file=str(authority.file))
    log_bench.start()
    reported = [log_bench.tell("io1") for _ in range(5)]
    assert [server.take().n for _ in reported] == reported
    server.drop()
    reported = [log_bench.tell("io1") for _ in range(5)]
    taken = [server.take().n for _ in reported]
    assert taken == reported
    server.close()


def test_over_tls_the_unit_shows_its_certificate(
    log_bench: LogBench, authority: Authority, wait_until: Wait
) -> None:
    context = authority.context()
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(authority.file)
    server = TcpServer(tls=context)
    log_bench.to(server, syslog__ca_file=str(authority.file))
    log_bench.start()
    n = log_bench.tell("io1")
    wait_until(lambda: log_bench.log_fault.endswith("it may want a certificate."))
    assert server.is_quiet
    own = str(authority.identity("10.0.0.17"))
    log_bench.to(server, syslog__ca_file=str(authority.file), syslog__cert_file=own)
    assert server.take().n == n
    wait_until(lambda: log_bench.log_fault == "")
    server.close()


@pytest.mark.parametrize(
    ("name", "days", "is_known", "part"),
    [
        ("127.0.0.1", 30, False, "is refused: "),
        ("127.0.0.1", -1, True, "is refused: certificate has expired"),
        ("10.0.0.1", 30, True, "is refused: IP address mismatch"),
    ],
)
def test_a_wrong_certificate_is_said_and_nothing_leaves(
    log_bench: LogBench, authority: Authority, wait_until: Wait,
    name: str, days: int, is_known: bool, part: str,
) -> None:  # fmt: skip
    server = TcpServer(tls=authority.context(name, days))
    log_bench.to(server, syslog__ca_file=str(authority.file) if is_known else "")
    log_bench.start()
    log_bench.tell("io1")
    wait_until(lambda: part in log_bench.log_fault)
    assert server.is_quiet
    server.close()


def test_a_pem_file_that_is_none_and_a_server_without_tls_are_said(
    log_bench: LogBench, authority: Authority, tcp: TcpServer, wait_until: Wait, tmp_path: Path
) -> None:
    bad = tmp_path / "bad.pem"
    bad.write_text("no PEM")
    log_bench.to(tcp, syslog__transport="tls", syslog__ca_file=str(bad))
    log_bench.start(1.0)
    log_bench.tell("io1")
    wait_until(lambda: f"the CA file {bad} is no PEM file" in log_bench.log_fault)
    log_bench.to(tcp, syslog__transport="tls", syslog__ca_file=str(authority.file))
    wait_until(lambda: "did not answer within 1 s" in log_bench.log_fault)


def test_a_server_that_resets_the_handshake_is_named(
    log_bench: LogBench, authority: Authority, wait_until: Wait
) -> None:
    listener = socket.create_server(("127.0.0.1", 0))

    def reset() -> None:
        near, _ = listener.accept()
        near.recv(4096)
        near.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        near.close()

    thread = threading.Thread(target=reset, daemon=True)
    thread.start()
    log_bench.use(
        syslog__enabled=True, syslog__server="127.0.0.1", syslog__transport="tls",
        syslog__port=listener.getsockname()[1], syslog__ca_file=str(authority.file),
    )  # fmt: skip
    log_bench.start()
    log_bench.tell("io1")
    wait_until(lambda: log_bench.log_fault)
    assert "ends the TLS handshake: Connection reset by peer; it may speak no TLS." in (
        log_bench.log_fault
    )
    thread.join(5.0)
    listener.close()
