"""A station without a core whose trap sender tells what the tests say has happened."""

from __future__ import annotations

import socket
from typing import Any

from pyasn1.codec.ber import decoder, encoder
from pysnmp.proto.api import v2c
from snmp_station import AT, MemoryHistory, MemoryNumbers, make_snapshot

from btrmd.bus import Bus
from btrmd.model.events import Event, Kind
from btrmd.model.settings import Settings
from btrmd.notify.traps.sender import TrapSender
from btrmd.snmp.engine import SnmpEngine

ENGINE = SnmpEngine("tests")


def event(n: int = 1, key: str = "io1", kind: Kind = Kind.RAISE, **more: Any) -> Event:
    made = Event(n, AT, 231.0, key, kind, None, None, "core", "IO1 digital input tripped.")
    return made._replace(**more)


class Catcher:
    """A trap receiver at `host`."""

    def __init__(self, host: str = "127.0.0.1") -> None:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self.socket = socket.socket(family, socket.SOCK_DGRAM)
        self.socket.bind((host, 0))
        self.socket.settimeout(5.0)
        self.port = self.socket.getsockname()[1]

    def take(self, module: Any = v2c) -> tuple[Any, Any]:
        """The next message and who sent it."""
        raw, sender = self.socket.recvfrom(65535)
        return decoder.decode(raw, asn1Spec=module.Message())[0], sender

    def confirm(self, message: Any, sender: Any, request_id: int | None = None) -> None:
        response = v2c.apiMessage.get_response(message)
        if request_id is not None:
            v2c.apiPDU.set_request_id(v2c.apiMessage.get_pdu(response), request_id)
        self.socket.sendto(encoder.encode(response), sender)


class Bench:
    def __init__(self, **changes: object) -> None:
        named = {key.replace("__", "."): value for key, value in changes.items()}
        self.settings = Settings.defaults(
            overrides={
                "site.name": "Hilltop",
                "site.location": "Cabinet 3",
                "site.contact": "noc@example.com",
                **named,
            }
        )
        self.bus = Bus(make_snapshot(self.settings))
        self.history = MemoryHistory()
        self.numbers = MemoryNumbers()
        self.sender: TrapSender | None = None

    def start(self) -> TrapSender:
        self.sender = TrapSender(self.bus, self.history, self.numbers, ENGINE)  # type: ignore[arg-type]
        self.sender.start()
        return self.sender

    def tell(self, *events: Event) -> None:
        self.history.list += events
        self.bus.publish_events(events)


def change(bench: Bench, **changes: object) -> None:
    named = {key.replace("__", "."): value for key, value in changes.items()}
    bench.settings = bench.settings.with_changes(named)
    snapshot = bench.bus.snapshot
    bench.bus.publish(snapshot._replace(settings=bench.settings, seq=snapshot.seq + 1))
