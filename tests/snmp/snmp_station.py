"""An agent on a free port over a hand-made station, and an owner that plays its part."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from pyasn1.codec.ber import decoder, encoder
from pysnmp.proto.api import v1, v2c

from btrmd.bus import Bus
from btrmd.model.commands import Answer, ChangeSettings, Command
from btrmd.model.errors import SettingError
from btrmd.model.events import Event
from btrmd.model.points import POINT
from btrmd.model.readings import GOOD, MISSING, Reading, Value
from btrmd.model.settings import Settings
from btrmd.model.snapshot import Snapshot
from btrmd.servers.snmp.server import SnmpServer
from btrmd.snmp.engine import SnmpEngine

AT = 1_780_000_000.0  # 2026-05-28T20:26:40Z
BTRM = (1, 3, 6, 1, 4, 1, 34506)
SYSTEM = (1, 3, 6, 1, 2, 1, 1)
Oid = tuple[int, ...]

VALUES: Mapping[str, Value] = {
    "battery.voltage": 13.391,
    "battery.current": -1.5,
    "battery.low_capacity": False,
    "battery.low_voltage": False,
    "load.current": 1.04,
    "load.voltage": 13.1,
    "load.source": "supply",
    "supply.voltage": 13.41,
    "supply.current": 1.3,
    "charger.voltage": 13.5,
    "system.temperature": -12.0,
    "io1.voltage": 0.0,
    "io2.voltage": 13.1,
    "io1.alarm": False,
    "io2.alarm": True,
    "test.state": "idle",
    "test.running": False,
    "test.result": "none",
    "test.reason": "",
    "ups.on_battery": False,
    "lvd.open": False,
    "system.voltage": 12,
    "system.uptime": 231.09,
    "system.model": "BTRM300",
    "system.firmware": "2.616",
    "system.build_date": "2019-10-14",
    "system.serial": "10000000abcdef01",
}
COMMUNITIES: Mapping[str, object] = {
    "snmp.read1": "public",
    "snmp.read2": "read",
    "snmp.read3": "watcher",
    "snmp.write1": "private",
}


def make_snapshot(settings: Settings | None = None, seq: int = 1, **values: Value) -> Snapshot:
    """A quiet station; `values` by key with two underscores for the dot."""
    known = {**VALUES, **{key.replace("__", "."): value for key, value in values.items()}}
    points = {
        key: Reading(known[key], GOOD, AT) if known.get(key) is not None
        else Reading(None, MISSING, 0.0)
        for key in POINT
    }  # fmt: skip
    made = settings or Settings.defaults(overrides=COMMUNITIES)
    return Snapshot(seq, AT, 100.0, points, (), made, None, None)


class Owner:
    """Answers commands as the owner does; `refuse` makes it refuse the next ones."""

    def __init__(self, bus: Bus) -> None:
        self.bus = bus
        self.commands: list[Command] = []
        self.refuse: Answer | None = None
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._ending.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._ending.wait(0.002):
            for pending in self.bus.take():
                self.commands.append(pending.command)
                snapshot = self.bus.snapshot
                settings = snapshot.settings
                answer = self.refuse or Answer(True)
                if answer.ok and isinstance(pending.command, ChangeSettings):
                    try:
                        settings = settings.with_changes(pending.command.changes)
                    except SettingError as error:
                        answer = Answer(False, "range", str(error), {"key": error.key})
                pending.answer.set_result(answer)
                self.bus.publish(snapshot._replace(settings=settings, seq=snapshot.seq + 1))


class Agent:
    """A served snapshot, and a manager that speaks to it."""

    def __init__(self, snapshot: Snapshot | None = None) -> None:
        self.bus = Bus(snapshot or make_snapshot())
        self.server = SnmpServer(self.bus, "127.0.0.1:0", SnmpEngine("test"))
        self.server.start()
        self.address = self.bus.listeners["snmp"].address
        host, _, port = self.address.rpartition(":")
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.connect((host, int(port)))
        self.socket.settimeout(5.0)
        self.owner = Owner(self.bus)

    def close(self) -> None:
        self.socket.close()
        self.server.stop()
        self.owner.close()

    def publish(self, snapshot: Snapshot) -> None:
        self.bus.publish(snapshot._replace(seq=self.bus.snapshot.seq + 1))

    def ask(self, raw: bytes) -> bytes:
        self.socket.send(raw)
        return self.socket.recv(65535)

    def request(
        self,
        kind: str,
        rows: Sequence[tuple[Oid, Any]],
        community: str = "public",
        version: int = 1,
        **fields: int,
    ) -> tuple[int, int, list[tuple[Oid, Any]]]:
        """error-status, error-index and varbinds of the answer."""
        raw = self.ask(request(kind, rows, community, version, **fields))
        return answer_of(raw, version)

    def get(self, *names: Oid, **more: Any) -> tuple[int, int, list[tuple[Oid, Any]]]:
        return self.request("Get", [(name, v2c.Null("")) for name in names], **more)

    def next(self, *names: Oid, **more: Any) -> tuple[int, int, list[tuple[Oid, Any]]]:
        return self.request("GetNext", [(name, v2c.Null("")) for name in names], **more)

    def set(self, *rows: tuple[Oid, Any], **more: Any) -> tuple[int, int, list[tuple[Oid, Any]]]:
        return self.request("Set", rows, **{"community": "private", **more})

    def bulk(
        self, names: Sequence[Oid], singles: int, rounds: int
    ) -> tuple[int, int, list[tuple[Oid, Any]]]:
        rows = [(name, v2c.Null("")) for name in names]
        return self.request("GetBulk", rows, non_repeaters=singles, max_repetitions=rounds)

    def is_silent_to(self, raw: bytes) -> bool:
        """True when `raw` draws no answer, and the next good request does."""
        self.socket.send(raw)
        marker = request("Get", [((*SYSTEM, 1, 0), v2c.Null(""))], "public", 1, request_id=77)
        self.socket.send(marker)
        message, _ = decoder.decode(self.socket.recv(65535), asn1Spec=v2c.Message())
        return int(v2c.apiPDU.get_request_id(v2c.apiMessage.get_pdu(message))) == 77


def request(
    kind: str, rows: Sequence[tuple[Oid, Any]], community: str, version: int, **fields: int
) -> bytes:
    """A request message; `fields`: request_id, non_repeaters, max_repetitions."""
    module: Any = v1 if version == 0 else v2c
    pdu = getattr(module, f"{kind}RequestPDU")()
    api = v2c.apiBulkPDU if kind == "GetBulk" else module.apiPDU
    api.set_defaults(pdu)
    for name, value in fields.items():
        getattr(api, f"set_{name}")(pdu, value)
    module.apiPDU.set_varbinds(pdu, rows)
    message = module.Message()
    module.apiMessage.set_defaults(message)
    module.apiMessage.set_community(message, community)
    module.apiMessage.set_pdu(message, pdu)
    return bytes(encoder.encode(message))


def answer_of(raw: bytes, version: int = 1) -> tuple[int, int, list[tuple[Oid, Any]]]:
    """error-status, error-index and varbinds, by another decoder than the agent's encoder."""
    module: Any = v1 if version == 0 else v2c
    message, rest = decoder.decode(raw, asn1Spec=module.Message())
    assert rest == b""
    pdu = module.apiMessage.get_pdu(message)
    rows = [(tuple(name), value) for name, value in module.apiPDU.get_varbinds(pdu)]
    return (
        int(module.apiPDU.get_error_status(pdu)),
        int(module.apiPDU.get_error_index(pdu, muteErrors=True)),
        rows,
    )


class MemoryHistory:
    """The part of the History protocol that cursors ask."""

    def __init__(self) -> None:
        self.list: list[Event] = []

    def events(self, after: int = 0, limit: int = 1000, key: str | None = None) -> list[Event]:
        return [event for event in self.list if event.n > after][:limit]

    def last_event(self) -> int:
        return self.list[-1].n if self.list else 0


class MemoryNumbers:
    """A CursorStore that counts its writes."""

    def __init__(self, **numbers: int) -> None:
        self.numbers = dict(numbers)
        self.saves = 0

    def load(self, name: str) -> int | None:
        return self.numbers.get(name)

    def save(self, name: str, n: int) -> None:
        self.saves += 1
        self.numbers[name] = n

    def drop(self, names: Iterable[str]) -> None:
        for name in names:
            self.numbers.pop(name, None)

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self.numbers)
