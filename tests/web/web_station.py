"""A web server on a free port over a hand-made station: bus, history in memory, a playing owner."""

from __future__ import annotations

import http.client
import json
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple
from urllib.parse import urlencode

from btrmd.bus import Bus
from btrmd.model.commands import Answer, ChangeSettings, Command, Note, StartTest
from btrmd.model.discharge import CurveRow, TestRecord
from btrmd.model.errors import SettingError
from btrmd.model.events import EVERY_EVENT, Event, EventFilter, Kind
from btrmd.model.points import POINT
from btrmd.model.readings import GOOD, MISSING, Reading, Value
from btrmd.model.settings import Settings
from btrmd.model.snapshot import Snapshot
from btrmd.passwords import hash_password
from btrmd.servers.web import WebServer
from btrmd.tokens import with_token, without_token

AT = 1_780_000_000.0  # 2026-05-28T20:26:40Z
PASSWORD = "demo-btrm"
PASSWORD_HASH = hash_password(PASSWORD)

VALUES: Mapping[str, Value] = {
    "battery.voltage": 13.3912,
    "battery.current": -0.062,
    "load.current": 1.04,
    "load.source": "supply",
    "load.voltage": 13.1,
    "supply.voltage": 13.41,
    "supply.current": 1.3,
    "charger.voltage": 13.5,
    "system.temperature": 27.25,
    "supply.present": True,
    "charger.present": True,
    "io1.voltage": 0.0,
    "io2.voltage": 0.0,
    "io3.voltage": 13.1,
    "io4.voltage": 0.0,
    "io1.output": False,
    "capacity.state": "unknown",
    "test.state": "idle",
    "test.running": False,
    "test.result": "none",
    "test.number": 0,
    "test.next": 3600.5 * 2,
    "runtime.minimum": 14400.0,
    "ups.enabled": True,
    "ups.on_battery": False,
    "lvd.enabled": False,
    "system.voltage": 12,
    "system.uptime": 7 * 86400 + 2 * 3600 + 27 * 60 + 5.0,
    "alarm.any": False,
    "alarm.list": (),
}


def make_snapshot(seq: int = 1, settings: Settings | None = None, **fields: object) -> Snapshot:
    """A quiet station; points that VALUES does not name are missing."""
    points = {
        key: Reading(VALUES[key], GOOD, AT) if key in VALUES else Reading(None, MISSING, 0.0)
        for key in POINT
    }
    first = Snapshot(seq, AT, 100.0, points, (), settings or Settings.defaults(), None, None)
    return first._replace(**fields)  # type: ignore[arg-type]


class Trends(NamedTuple):
    keys: tuple[str, ...]
    tier_s: int
    rows: Sequence[tuple[float | None, ...]]


class MemoryHistory:
    """The History protocol over lists."""

    def __init__(self) -> None:
        self.event_list: list[Event] = []
        self.test_list: list[TestRecord] = []
        self.curves: dict[int, list[CurveRow]] = {}
        self.asked: tuple[float, float, Sequence[str] | None, int] | None = None

    def events(self, after: int = 0, limit: int = 1000, key: str | None = None) -> list[Event]:
        return [event for event in self.event_list if event.n > after][:limit]

    def find_events(
        self,
        before: int = 0,
        limit: int = 100,
        key: str = "",
        kind: Kind | None = None,
        chosen: EventFilter = EVERY_EVENT,
    ) -> list[Event]:
        return [
            event
            for event in reversed(self.event_list)
            if (not before or event.n < before)
            and (not key or event.key == key or event.key.startswith(f"{key}."))
            and kind in (None, event.kind)
            and chosen.fits(event)
        ][:limit]

    def last_event(self) -> int:
        return self.event_list[-1].n if self.event_list else 0

    def tests(self, include_cleared: bool = False, limit: int = 1000) -> list[TestRecord]:
        return sorted(self.test_list, key=lambda test: -test.n)[:limit]

    def test(self, n: int) -> TestRecord | None:
        return next((test for test in self.test_list if test.n == n), None)

    def curve(self, n: int) -> Iterator[CurveRow]:
        return iter(self.curves.get(n, []))

    def trends(
        self, start: float, end: float, keys: Sequence[str] | None = None, limit: int = 2000
    ) -> Trends:
        self.asked = (start, end, keys, limit)
        columns = tuple(keys or ("battery.voltage", "load.current"))
        rows = [(start + 60.0 * i, *(float("nan") for _ in columns)) for i in range(3)]
        return Trends(columns, 60, rows)

    def trend_ranges(
        self, start: float, end: float, keys: Sequence[str], buckets: int = 500
    ) -> Trends:
        return Trends(tuple(name for key in keys for name in (key, key)), 60, ())


class MemoryStore:
    """The accounts in memory, with the demo's login."""

    def __init__(self, accounts: dict[str, object] | None = None) -> None:
        self.accounts: dict[str, object] = (
            {"users": {"admin": {"hash": PASSWORD_HASH, "factory": False}}}
            if accounts is None
            else accounts
        )

    def load(self) -> dict[str, object]:
        return json.loads(json.dumps(self.accounts))

    def save(self, accounts: dict[str, object]) -> None:
        self.accounts = json.loads(json.dumps(accounts))


class Owner:
    """Plays the owner: publishes a snapshot every 20 ms, answers commands, keeps them."""

    def __init__(self, bus: Bus) -> None:
        self.bus = bus
        self.commands: list[Command] = []
        self.logins: list[Note] = []  # what is told of logins, so that `commands` is what was asked
        self.answer: Callable[[Command], Answer | None] = lambda _: None
        self._lock = threading.Lock()
        self._next = bus.snapshot
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        self._thread.join()

    def show(self, **fields: object) -> None:
        """From now on publish these fields; returns once they are out."""
        with self._lock:
            self._next = self._next._replace(**fields)  # type: ignore[arg-type]
            seq = self.bus.snapshot.seq
        self.bus.wait_snapshot(seq + 1, 5.0)

    def show_point(self, key: str, value: Value, **fields: object) -> None:
        """Publish a point with another value (and other fields of its reading)."""
        points = dict(self._next.points)
        points[key] = Reading(value, GOOD, AT)._replace(**fields)  # type: ignore[arg-type]
        self.show(points=points)

    def _run(self) -> None:
        while not self._stop.wait(0.02):
            for pending in self.bus.take():
                command = pending.command
                if isinstance(command, Note) and command.key.startswith("web.lo"):
                    self.logins.append(command)
                else:
                    self.commands.append(command)
                pending.answer.set_result(self._obey(pending.command))
            with self._lock:
                self._next = self._next._replace(seq=self.bus.snapshot.seq + 1)
                self.bus.publish(self._next)

    def _obey(self, command: Command) -> Answer:
        answer = self.answer(command)
        if answer is not None:
            return answer
        if isinstance(command, StartTest):
            return Answer(True, data={"n": 7})
        if isinstance(command, ChangeSettings):
            try:
                changed = self._next.settings.with_changes(command.changes)
            except SettingError as error:
                facts = {"key": error.key, "value": error.value, "allowed": error.allowed}
                return Answer(False, "range", str(error), facts)
            self._next = self._next._replace(settings=changed)
        return Answer(True)


class Reply(NamedTuple):
    """What a client got."""

    status: int
    headers: http.client.HTTPMessage
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode()

    @property
    def json(self) -> dict[str, object]:
        document = json.loads(self.body)
        assert isinstance(document, dict)
        return document

    @property
    def cookies(self) -> dict[str, str]:
        pairs = (
            line.split(";")[0].split("=", 1) for line in self.headers.get_all("Set-Cookie", [])
        )
        return {name: value for name, value in pairs}


class Client:
    """A plain HTTP client with a cookie jar; every request is a connection of its own."""

    def __init__(self, address: str) -> None:
        self.host, _, port = address.rpartition(":")
        self.port = int(port)
        self.cookies: dict[str, str] = {}
        self.csrf = ""

    def ask(
        self,
        method: str,
        path: str,
        document: object = None,
        *,
        data: bytes | None = None,
        headers: Mapping[str, str] = {},
    ) -> Reply:
        """`document` is sent as JSON, or `data` as it is."""
        sent = dict(headers)
        if document is not None:
            data = json.dumps(document).encode()
            sent.setdefault("Content-Type", "application/json")
        if self.cookies:
            sent.setdefault("Cookie", "; ".join(f"{k}={v}" for k, v in self.cookies.items()))
        if self.csrf:
            sent.setdefault("X-CSRF-Token", self.csrf)
        connection = http.client.HTTPConnection(self.host, self.port, timeout=60)  # a slow machine
        try:
            connection.request(method, path, data, sent)
            answer = connection.getresponse()
            reply = Reply(answer.status, answer.headers, answer.read())
        finally:
            connection.close()
        self.cookies.update(reply.cookies)
        return reply

    def get(self, path: str, **headers: str) -> Reply:
        return self.ask("GET", path, headers=headers)

    def post(self, path: str, document: object = None) -> Reply:
        return self.ask("POST", path, document)

    def form(self, path: str, **fields: str) -> Reply:
        """Post a form as a browser would."""
        kind = {"Content-Type": "application/x-www-form-urlencoded"}
        return self.ask("POST", path, data=urlencode(fields).encode(), headers=kind)

    def log_in(self, username: str = "admin", password: str = PASSWORD) -> Reply:
        reply = self.post("/api/v1/login", {"username": username, "password": password})
        self.csrf = str(reply.json.get("csrf", ""))
        return reply


class Clock:
    """A clock that the test moves."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class MemoryTokens:
    """Tokens of machines in memory."""

    def __init__(self) -> None:
        self.data: dict[str, object] = {}

    def load(self) -> dict[str, object]:
        return self.data

    def add(self, name: str, role: str, at: str, expires_at: str = "") -> str:
        self.data, text = with_token(self.data, name, role, at, expires_at)
        return text

    def revoke(self, name: str) -> None:
        self.data = without_token(self.data, name)


class Station(NamedTuple):
    """Everything a test of the web needs."""

    bus: Bus
    owner: Owner
    history: MemoryHistory
    store: MemoryStore
    clock: Clock
    server: WebServer
    tokens: MemoryTokens

    @property
    def address(self) -> str:
        return self.bus.listeners["http"].address

    def client(self) -> Client:
        return Client(self.address)


class MemoryCertificates:
    """Key and certificate in memory."""

    def __init__(self, pem: bytes | None = None) -> None:
        self.pem = pem

    def load(self) -> bytes | None:
        return self.pem

    def save(self, pem: bytes) -> None:
        self.pem = pem


def make_station(
    settings: Settings | None = None,
    accounts: dict[str, object] | None = None,
    https: str = "none",
    certificates: MemoryCertificates | None = None,
) -> Station:
    bus = Bus(make_snapshot(settings=settings))
    history, store, clock = MemoryHistory(), MemoryStore(accounts), Clock()
    tokens = MemoryTokens()
    server = WebServer(
        bus, history, store, "127.0.0.1:0",
        https=https, certificates=certificates, tokens=tokens, clock=clock, stream_period_s=0.05,
    )  # fmt: skip
    return Station(bus, Owner(bus), history, store, clock, server, tokens)
