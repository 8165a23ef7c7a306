"""The stream: whole state, then changes; eight places; no page waits for it."""

from __future__ import annotations

import http.client
import json
import re
import socket
import threading
import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest
from hostile import address, connect, crowd, is_open
from waiting import wait_until
from web_station import Client, Station

from btrmd.model.points import POINT
from btrmd.model.readings import Quality
from btrmd.model.settings import Settings
from btrmd.model.snapshot import AlarmView, Snapshot
from btrmd.servers.web import bearers
from btrmd.servers.web.channel import HttpChannel
from btrmd.servers.web.stream import MAX_CLIENTS, Feed


class Stream:
    """A client of /api/v1/stream that reads one event at a time."""

    def __init__(self, client: Client, **headers: str) -> None:
        self.connection = http.client.HTTPConnection(client.host, client.port, timeout=5)
        self.connection.request("GET", "/api/v1/stream", headers=headers)
        self.answer = self.connection.getresponse()
        self.status = self.answer.status
        self.fields: dict[str, str] = {}

    def close(self) -> None:
        self.answer.close()
        self.connection.close()

    def next(self) -> dict[str, object]:
        """The data of the next event; its other fields stand in `fields`."""
        self.fields = {}
        while True:
            line = self.readline().decode().rstrip("\n")
            if not line and "data" in self.fields:
                return json.loads(self.fields["data"])
            name, _, value = line.partition(": ")
            self.fields[name] = value

    def readline(self) -> bytes:
        return self.answer.readline()

    def until(self, key: str) -> dict[str, object]:
        """The entry of a point, once a change of it comes."""
        while True:
            points = self.next()["points"]
            if key in points:
                return points[key]


class PackedStream(Stream):
    """The same, compressed; `taken`: octets so far."""

    def __init__(self, client: Client) -> None:
        super().__init__(client, **{"Accept-Encoding": "gzip"})
        self._unpacker = zlib.decompressobj(wbits=31)
        self._text = b""
        self.taken = 0

    def readline(self) -> bytes:
        while b"\n" not in self._text:
            data = self.answer.read1(65536)
            assert data
            self.taken += len(data)
            self._text += self._unpacker.decompress(data)
        line, _, self._text = self._text.partition(b"\n")
        return line + b"\n"


@contextmanager
def packed_stream(client: Client) -> Iterator[PackedStream]:
    stream = PackedStream(client)
    try:
        yield stream
    finally:
        stream.close()


@contextmanager
def streaming(client: Client, **headers: str) -> Iterator[Stream]:
    stream = Stream(client, **headers)
    try:
        yield stream
    finally:
        stream.close()


def clients_of(station: Station) -> int:
    line = next(
        line
        for line in station.client().get("/metrics").text.splitlines()
        if line.startswith("btrm_stream_clients ")
    )
    return int(line.split()[1])


def test_it_begins_with_the_whole_state_and_goes_on_with_changes(
    station: Station, client: Client
) -> None:
    with streaming(client) as stream:
        assert stream.status == 200
        assert stream.answer.headers["Content-Type"].startswith("text/event-stream")
        assert "no-cache" in stream.answer.headers["Cache-Control"]
        state = stream.next()
        assert stream.fields["event"] == "state"
        assert stream.fields["retry"] == "3000"
        first = int(stream.fields["id"])
        assert set(state["points"]) == set(POINT)
        assert state["card"]["title"] == "No test yet"
        station.owner.show_point("battery.voltage", 12.34)
        assert stream.until("battery.voltage")["value"] == 12.34
        assert stream.fields["event"] == "change"
        assert int(stream.fields["id"]) > first


def test_a_change_that_cannot_be_sent_ends_no_stream(
    station: Station,
    client: Client,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    errors, following = [ValueError("x")], Feed._next

    def fail(feed: Feed, snapshot: Snapshot, now: float) -> bytes:
        if errors:
            raise errors.pop()
        return following(feed, snapshot, now)

    monkeypatch.setattr(Feed, "_next", fail)
    with streaming(client) as stream:
        stream.next()
        station.owner.show_point("battery.voltage", 12.34)
        assert stream.until("battery.voltage")["value"] == 12.34
    assert not errors
    assert "the streams could not be sent a change" in caplog.text


def test_only_what_a_page_would_show_differently_is_sent(station: Station, client: Client) -> None:
    with streaming(client) as stream:
        stream.next()
        station.owner.show_point("battery.voltage", 13.3914)  # 13.39 as before
        station.owner.show_point("load.current", 2.0)
        points = stream.next()["points"]
        assert set(points) == {"load.current"}


PAGE_CELL = re.compile(r'data-key="([^"]+)"[^>]*><span class="value">([^<]*)<')
PAGE_FLOW = re.compile(r'data-live="([^"]+)">([^<]*)<')


@pytest.mark.parametrize(
    ("key", "value", "quality"),
    [
        ("battery.current", -0.001, Quality.GOOD),
        ("battery.voltage", 13.399, Quality.STALE),
        ("supply.voltage", None, Quality.BAD),
        ("load.current", -0.004, Quality.GOOD),
        ("system.temperature", -0.4, Quality.GOOD),
        ("system.uptime", 90061.0, Quality.GOOD),
        ("capacity.state", "low", Quality.GOOD),
        ("io1.digital", True, Quality.GOOD),
        ("io2.voltage", None, Quality.MISSING),
        ("lvd.enabled", True, Quality.GOOD),
        ("system.voltage", 48, Quality.GOOD),
    ],
)
def test_it_sends_the_texts_that_the_page_has(
    station: Station, client: Client, key: str, value: str | float | None, quality: Quality
) -> None:
    """One formatter: the script of the page writes what it is sent."""
    station.owner.show_point(key, value, quality=quality)
    page = client.get("/").text
    points = client.get("/api/v1/state").json["points"]
    for name, found in (("text", PAGE_CELL), ("flow", PAGE_FLOW)):
        shown = dict(found.findall(page))
        sent = {key: entry[name] for key, entry in points.items() if name in entry}
        sent.pop("io2.output", None)  # on the page only where CH2 is an output (C5)
        assert shown == sent
        assert len(shown) >= 8
    station.owner.show_point(key, None, quality=Quality.STALE)
    with streaming(client) as stream:
        stream.next()
        station.owner.show_point(key, value, quality=quality)
        assert stream.until(key).get("text") == points[key].get("text")


def test_a_reading_that_turns_stale_is_a_change(station: Station, client: Client) -> None:
    with streaming(client) as stream:
        stream.next()
        station.owner.show_point("battery.voltage", 13.3912, quality=Quality.STALE)
        assert stream.until("battery.voltage")["quality"] == "stale"


def test_alarms_and_the_end_of_ticking_are_sent(station: Station, client: Client) -> None:
    with streaming(client) as stream:
        stream.next()
        alarm = AlarmView("io1", "CH1 is below 1 V.", 1.0, True, False, False)
        station.owner.show(alarms=(alarm,), is_ticking=False)
        seen: dict[str, object] = {}
        while not {"alarms", "is_ticking"} <= set(seen):
            seen.update(stream.next())
        assert seen["alarms"][0]["key"] == "io1"
        assert seen["is_ticking"] is False


def test_whoever_comes_back_gets_the_whole_state_again(station: Station, client: Client) -> None:
    with streaming(client) as stream:
        stream.next()
        last = stream.fields["id"]
    station.owner.show_point("battery.voltage", 12.0)
    with streaming(client, **{"Last-Event-ID": last}) as stream:
        assert stream.next()["points"]["battery.voltage"]["value"] == 12.0
        assert int(stream.fields["id"]) > int(last)


def test_something_comes_while_nothing_changes(station: Station, client: Client) -> None:
    with streaming(client) as stream:
        stream.next()
        assert stream.next()["points"] == {}  # within 2 s: the page sees that the unit is there


def test_eight_have_a_place_the_ninth_is_told_when_to_come_again(
    station: Station, client: Client
) -> None:
    streams = [Stream(client) for _ in range(MAX_CLIENTS)]
    assert [stream.status for stream in streams] == [200] * 8
    ninth = Stream(client)
    assert ninth.status == 503
    assert int(ninth.answer.headers["Retry-After"]) > 0
    assert "error" in json.loads(ninth.answer.read())
    ninth.close()
    # Pages are served although eight streams are open and there are fewer workers than that.
    replies = []
    askers = [
        threading.Thread(target=lambda: replies.append(client.get("/").status)) for _ in range(12)
    ]
    for asker in askers:
        asker.start()
    for asker in askers:
        asker.join(10)
    assert replies == [200] * 12
    streams.pop().close()
    wait_until(lambda: clients_of(station) == MAX_CLIENTS - 1)
    with streaming(client) as stream:
        assert stream.status == 200
    for stream in streams:
        stream.close()
    wait_until(lambda: clients_of(station) == 0)


def test_a_client_that_does_not_read_is_dropped(station: Station, client: Client) -> None:
    with socket.socket() as slow:
        slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        slow.connect((client.host, client.port))
        slow.sendall(b"GET /api/v1/stream HTTP/1.1\r\nHost: btrm\r\n\r\n")
        wait_until(lambda: clients_of(station) == 1)
        long = [AlarmView(f"k{n}", "x" * 50_000, 1.0, True, False, False) for n in range(20)]

        def is_dropped() -> bool:
            long.append(long.pop(0))
            station.owner.show(alarms=tuple(long))
            return clients_of(station) == 0

        wait_until(is_dropped, 10.0)
    assert client.get("/").status == 200


def test_a_client_that_is_behind_and_resets_leaves_no_traceback(
    station: Station, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The loop reads the reset, and may write, in one and the same round."""
    channels: list[HttpChannel] = []
    hand = HttpChannel.hand_over
    monkeypatch.setattr(HttpChannel, "hand_over", lambda c, how: (channels.append(c), hand(c, how)))
    with streaming(station.client()):
        wait_until(lambda: channels)
        channel = channels[0]

        def reset_and_write() -> None:
            channel.outbufs[-1].append(b"what the network has not taken yet")
            channel.handle_close()
            channel.handle_write()

        channel.server.call_in_loop(reset_and_write)
        wait_until(lambda: clients_of(station) == 0)
    assert [record.getMessage() for record in caplog.records if record.exc_info] == []


def test_an_http_1_0_client_gets_its_stream_too(station: Station, client: Client) -> None:
    with socket.create_connection((client.host, client.port), timeout=5) as old:
        old.sendall(b"GET /api/v1/stream HTTP/1.0\r\n\r\n")
        reader = old.makefile("rb")
        lines = [reader.readline()]
        while not lines[-1].startswith(b"data: "):
            lines.append(reader.readline())
        reader.close()
    assert b"chunked" not in b"".join(lines[:-1])
    assert json.loads(lines[-1][6:])["points"]


@pytest.mark.parametrize("method", ["HEAD"])
def test_asking_for_the_head_takes_no_place(station: Station, client: Client, method: str) -> None:
    assert client.ask(method, "/api/v1/stream").status == 200
    assert clients_of(station) == 0


def test_eight_strangers_do_not_keep_another_address_or_the_operator_out(station: Station) -> None:
    client = station.client()
    ask = b"GET /api/v1/stream HTTP/1.1\r\nHost: btrm\r\n%b\r\n"
    with crowd(client.port, MAX_CLIENTS, 1, ask % b"") as held:
        wait_until(lambda: clients_of(station) == MAX_CLIENTS)
        with connect(client.port, address(7)) as other:
            other.sendall(ask % b"")
            assert other.recv(15) == b"HTTP/1.1 200 OK"
        wait_until(lambda: sum(map(is_open, held)) == MAX_CLIENTS - 1)
        client.log_in()
        cookie = b"Cookie: btrm_session=%b\r\n" % client.cookies["btrm_session"].encode()
        with connect(client.port, address(0)) as operator:
            operator.sendall(ask % cookie)
            assert operator.recv(15) == b"HTTP/1.1 200 OK"
            with crowd(client.port, 40, 40, ask % b""):
                wait_until(lambda: station.server.feed.share.displaced > 4)
                assert is_open(operator)


def test_what_is_compressed_says_the_same(station: Station, client: Client) -> None:
    """Each message is packed once for all who take it so, whenever they came."""
    with streaming(client) as plain, packed_stream(client) as first:
        assert first.answer.headers["Content-Encoding"] == "gzip"
        assert plain.answer.headers["Content-Encoding"] is None
        assert first.next()["points"].keys() == plain.next()["points"].keys() == POINT.keys()
        for number, volts in enumerate((12.07, 12.11, 12.3)):
            with packed_stream(client) as late:
                late.next()
                station.owner.show_point("battery.voltage", volts)
                told = [stream.until("battery.voltage") for stream in (plain, first, late)]
            assert [entry["value"] for entry in told] == [volts] * 3, number


def test_its_whole_state_is_light(station: Station, client: Client) -> None:
    """System Status is drawn already: what the stream begins with must not weigh more than it."""
    with packed_stream(client) as stream:
        stream.next()
        assert stream.taken <= 1600


def is_ended(stream: Stream) -> bool:
    """True once the station has ended it, False when it has gone on for 10 s."""
    latest = time.monotonic() + 10.0
    try:
        while stream.answer.readline():
            if time.monotonic() > latest:
                return False
    except (OSError, http.client.HTTPException):
        return True  # closed in the middle of a chunk
    return True


@pytest.mark.parametrize(
    ("as_machine", "change"),
    [
        (True, lambda station, client: station.tokens.revoke("panel")),
        (False, lambda station, client: client.post("/api/v1/logout")),
        (False, lambda station, client: setattr(station.clock, "now", station.clock.now + 1e6)),
        (False, lambda station, client: station.store.accounts["users"].pop("admin")),
    ],
    ids=["token revoked", "logged out", "login too old", "account removed"],
)
def test_a_stream_ends_with_what_opened_it(
    start_station: Callable[..., Station],
    as_machine: bool,
    change: Callable[[Station, Client], object],
) -> None:
    station = start_station(settings=Settings.defaults().with_changes({"web.authorization": "all"}))
    client = station.client()
    client.log_in()
    headers = {"Cookie": "; ".join(f"{k}={v}" for k, v in client.cookies.items())}
    if as_machine:
        headers = {"Authorization": f"Bearer {station.tokens.add('panel', 'viewer', '')}"}
    with streaming(client, **headers) as stream:
        assert stream.status == 200
        assert stream.next()["points"]
        change(station, client)
        assert is_ended(stream)
    wait_until(lambda: station.server.feed.clients == 0)


def test_a_token_that_expires_ends_its_stream(
    start_station: Callable[..., Station], monkeypatch: pytest.MonkeyPatch
) -> None:
    station = start_station()
    ends = datetime.now(UTC) + timedelta(hours=1)
    text = station.tokens.add("panel", "viewer", "", ends.isoformat())
    with streaming(station.client(), Authorization=f"Bearer {text}") as stream:
        assert stream.next()["points"]
        later = SimpleNamespace(time=lambda: ends.timestamp() + 1.0)
        monkeypatch.setattr(bearers, "time", later)
        assert is_ended(stream)


def test_nobodys_stream_ends_once_reading_needs_a_login(
    station: Station, client: Client, user: Client
) -> None:
    with streaming(client) as stream:
        assert stream.next()["points"]
        assert user.ask("PATCH", "/api/v1/settings", {"web.authorization": "all"}).status == 200
        assert is_ended(stream)
