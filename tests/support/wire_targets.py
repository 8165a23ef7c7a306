"""What scripts/fuzz-wire throws octets at, beside the fieldbuses: whatever they are, this holds."""

from __future__ import annotations

import asyncio
import inspect
import io
import json
import shutil
import tempfile
import time
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Any

from fieldbus_snapshot import make_snapshot

from btrmd.appliance import bundle
from btrmd.bus import Bus
from btrmd.estimate.csv_file import load_record
from btrmd.model.commands import Answer
from btrmd.model.errors import BtrmError
from btrmd.model.settings import Settings
from btrmd.servers.control import ControlServer
from btrmd.servers.nut.session import NutSession
from btrmd.servers.snmp.server import SnmpServer
from btrmd.servers.web.http_request import HttpRequest
from btrmd.snmp.engine import SnmpEngine
from btrmd.store.settings_file import load_settings

LONGEST_S = 0.25  # of CPU for one piece of input; a whole answer of SNMP or a file is in it
MOST_BODY = 4096
SETTINGS = {
    "nut.enabled": True,
    "nut.user": "mon",
    "nut.password": "long-enough",
    "snmp.read1": "public",
    "snmp.write1": "private",
    "snmp.v3.enabled": True,
    "snmp.v3.read_user": "reader",
    "snmp.v3.read_auth_password": "authentic-1",
    "snmp.v3.read_priv": "none",
}


class Sender:
    """Who sent a datagram; keeps the answers."""

    host = "192.0.2.1"
    address = ("192.0.2.1", 1)

    def __init__(self) -> None:
        self.sent: list[bytes] = []

    def send(self, raw: bytes) -> None:
        self.sent.append(raw)


class Bench:
    """The parsers over a station at rest; make it on a running loop."""

    def __init__(self) -> None:
        settings = Settings.defaults().with_changes(SETTINGS)
        self.bus = Bus(make_snapshot(settings))
        self.snmp = SnmpServer(self.bus, "none", SnmpEngine("test"))
        self.snmp._loop = asyncio.get_running_loop()
        self.folder = Path(tempfile.mkdtemp())
        weakref.finalize(self, shutil.rmtree, self.folder)
        self.control = ControlServer(self.bus, None, self.folder / "s")  # type: ignore[arg-type]
        self.longest = 0.0

    def timed(self, call: Callable[..., Any], *words: Any) -> Any:
        start = time.thread_time()
        try:
            return call(*words)
        finally:
            took = time.thread_time() - start
            self.longest = max(self.longest, took)
            assert took < LONGEST_S, f"took {took:.2f} s"

    # What all sessions of NUT share.

    def logins(self) -> list[str]:
        return []

    def may_try(self, host: str) -> bool:
        return True

    def failed(self, host: str) -> None:
        """A wrong password costs nothing here."""


async def snmp(bench: Bench, data: bytes) -> object:
    """No more than one answer; nothing signed, as nobody here knows the password; no fault."""
    sender = Sender()
    if b"private" in data:  # a SET waits for an owner: not what is looked at here
        return "left out"
    before = bench.snmp._complained
    bench.timed(bench.snmp.receive, data, sender)
    assert bench.snmp._complained == before, bench.snmp._complained
    assert len(sender.sent) <= 1
    answer = sender.sent[0] if sender.sent else b""
    assert len(answer) <= 65507
    return len(answer) // 8, answer[:5] if len(answer) < 30 else answer[-3:]


def http(bench: Bench, data: bytes) -> object:
    """Whole or octet by octet, it is read as the same."""

    def read(size: int) -> tuple[object, ...]:
        request = HttpRequest("http")
        at = 0
        while at < len(data) and not request.completed:
            taken = request.received(data[at : at + size], lambda head: MOST_BODY)
            assert 0 <= taken <= size
            at += taken
            if not taken and not request.completed:
                break
        body = request.get_body_stream().read()
        assert len(body) <= MOST_BODY
        error = request.error
        shown = (request.completed, request.empty, request.command, request.path, body)
        return (*shown, error.code if error else 0, request.connection_close, len(request.headers))

    whole = bench.timed(read, len(data) or 1)
    assert read(1) == whole, (read(1), whole)
    completed, empty, command, _, body, status, closes, headers = whole
    assert closes or not status
    return completed, empty, command[:8], len(body) // 16, status, closes, headers


def nut(bench: Bench, data: bytes) -> object:
    """Each line has an answer that ends a line."""
    session = NutSession("192.0.2.1", bench.bus, bench)
    answers = []
    for line in data.split(b"\n")[:20]:
        answer = bench.timed(session.answer, line[:512].decode(errors="replace"))
        for pending in bench.bus.take():
            pending.answer.set_result(Answer(True))
        assert answer.endswith("\n")
        assert answer.isprintable() or "\n" in answer
        answers.append(answer[:16])
    return tuple(answers[:4])


FINE = frozenset({"get", "points", "where", "judge"})  # read only, and need no history


def control(bench: Bench, data: bytes) -> object:
    """One JSON object answers; nothing is an internal fault."""
    try:
        verb = json.loads(data).get("verb")
    except (ValueError, AttributeError, RecursionError):
        verb = ""
    if verb in KNOWN_VERBS and verb not in FINE:
        return "left out"
    answer = bench.timed(bench.control._answer, data, "cli fuzz")
    assert answer.get("error") != "internal", answer
    json.dumps(answer)
    return answer.get("error"), str(answer.get("text"))[:20]


KNOWN_VERBS = frozenset(
    ControlServer(Bus(make_snapshot()), None, Path("x"))._verbs._verbs  # type: ignore[arg-type]
)


def update(bench: Bench, data: bytes) -> object:
    """A bundle that nobody has signed is refused in a sentence, however it is made."""
    try:
        bench.timed(bundle.read_bundle, io.BytesIO(data), (), io.BytesIO())
    except bundle.BundleError as error:
        return str(error)
    raise AssertionError("an unsigned bundle was taken")


def manifest(bench: Bench, data: bytes) -> object:
    """What is signed is read strictly all the same."""
    try:
        return repr(bench.timed(bundle.decode_manifest, data))[:60]
    except bundle.BundleError as error:
        return str(error)[:60]


def settings(bench: Bench, data: bytes) -> object:
    """A settings file: whatever it holds, settings come out of it, and a sentence if it is bad."""
    (bench.folder / "settings.json").write_bytes(data)
    loaded = bench.timed(load_settings, bench.folder, False)
    return str(loaded.problem if hasattr(loaded, "problem") else loaded[1:])[:60]


def history(bench: Bench, data: bytes) -> object:
    """A recorded discharge: rows, or a sentence."""
    path = bench.folder / "record.csv"
    path.write_bytes(data)
    try:
        found = bench.timed(load_record, path, 1)
    except BtrmError as error:
        return type(error).__name__, str(error).partition(":")[2][:24]
    return len(found.rows), len(found.warnings)


TARGETS: dict[str, Callable[[Bench, bytes], object]] = {
    "snmp": snmp,
    "http": http,
    "nut": nut,
    "control": control,
    "update": update,
    "manifest": manifest,
    "settings": settings,
    "history": history,
}


async def run(name: str, data: bytes, bench: Bench | None = None) -> object:
    """One input; AssertionError when something does not hold."""
    found = TARGETS[name](bench or Bench(), data)
    return await found if inspect.isawaitable(found) else found
