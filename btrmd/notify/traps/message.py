"""The message: one event as a notification of SNMPv1, v2c or v3, in octets."""

from __future__ import annotations

from datetime import UTC, datetime
from ipaddress import IPv4Address
from typing import Final, NamedTuple

from ...model.bindings import ENTERPRISE, MIB2_SYSTEM
from ...model.events import Event, Kind
from ...model.points import POINT
from ...model.snapshot import Snapshot
from ...model.snmp_tree import ALARM_STATE, NOTIFY_OBJECTS, Notification, notification_of
from ...snmp import ber

Oid = tuple[int, ...]
VarBind = tuple[Oid, bytes]  # a name and its encoded value

SYS_CONTACT: Final[Oid] = (*MIB2_SYSTEM, 4, 0)
SYS_NAME: Final[Oid] = (*MIB2_SYSTEM, 5, 0)
SYS_LOCATION: Final[Oid] = (*MIB2_SYSTEM, 6, 0)
SYS_UP_TIME: Final[Oid] = (*MIB2_SYSTEM, 3, 0)
SNMP_TRAP_OID: Final[Oid] = (1, 3, 6, 1, 6, 3, 1, 1, 4, 1, 0)
ENTERPRISE_SPECIFIC: Final = 6
TEXT_MOST: Final = 255
VERSION_1, VERSION_2C = 0, 1


class Telling(NamedTuple):
    """An event that is told of: which notification, and whether its alarm is on."""

    event: Event
    notification: Notification
    is_on: bool


def telling(event: Event) -> Telling | None:
    """What to tell of `event`; None when it concerns no receiver.

    Events with `notify` False (R86: digital changes in the first 10 s) are not told.
    """
    notification = notification_of(event.key)
    if notification is None or not event.notify or event.kind is Kind.COMMAND:
        return None
    if event.kind is Kind.CHANGE:
        return Telling(event, notification, event.value is not False)
    return Telling(event, notification, event.kind is Kind.RAISE)


def varbinds(reported: Telling, snapshot: Snapshot) -> list[VarBind]:
    """The changed object first, then name, location, contact, text, number, time (section 4)."""
    settings, event = snapshot.settings, reported.event
    text, number, time = ((*ENTERPRISE, *item.oid, 0) for item in NOTIFY_OBJECTS)
    return [
        (_object(reported.notification), ber.integer(int(reported.is_on))),
        (SYS_NAME, _text(settings.text("site.name"))),
        (SYS_LOCATION, _text(settings.text("site.location"))),
        (SYS_CONTACT, _text(settings.text("site.contact"))),
        (text, _text(event.text)),
        (number, ber.integer(max(event.n, 0) % 2**32, ber.GAUGE32)),
        (time, ber.tlv(ber.OCTET_STRING, date_and_time(event.at))),
    ]


def trap_v1(reported: Telling, snapshot: Snapshot, community: str, agent_host: str) -> bytes:
    """An SNMPv1 trap; enterprise and specific code are the OID's parts (RFC 3584 3.2)."""
    oid = (*ENTERPRISE, *reported.notification.oid)
    body = (
        ber.oid(oid[:-2]),
        ber.tlv(ber.IP_ADDRESS, IPv4Address(agent_host).packed),
        ber.integer(ENTERPRISE_SPECIFIC),
        ber.integer(oid[-1]),
        ber.integer(uptime_ticks(snapshot), ber.TIME_TICKS),
        _list(varbinds(reported, snapshot)),
    )
    return ber.message(VERSION_1, community.encode(), ber.tlv(ber.TRAP_V1, b"".join(body)))


def message_v2c(pdu: bytes, community: str) -> bytes:
    """A v2c message around a trap or an inform."""
    return ber.message(VERSION_2C, community.encode(), pdu)


def notification_pdu(
    reported: Telling, snapshot: Snapshot, request_id: int, confirms: bool
) -> bytes:
    """A trap of SNMPv2c and v3, or an inform, whose response will carry `request_id`."""
    oid = (*ENTERPRISE, *reported.notification.oid)
    head = [
        (SYS_UP_TIME, ber.integer(uptime_ticks(snapshot), ber.TIME_TICKS)),
        (SNMP_TRAP_OID, ber.oid(oid)),
    ]
    rows = _list(head + varbinds(reported, snapshot))
    body = ber.integer(request_id) + ber.integer(0) + ber.integer(0) + rows
    return ber.tlv(ber.INFORM if confirms else ber.TRAP_V2, body)


def answer_v2c(raw: bytes) -> bytes:
    """The PDU of a v2c message that came in. Raises ValueError for anything else."""
    outer = ber.element(raw, 0, len(raw))
    parts = ber.elements(raw, outer.start, outer.end)
    if len(parts) != 3 or ber.whole(raw, parts[0]) != VERSION_2C:
        raise ValueError("no v2c message")
    return raw[parts[1].end : parts[2].end]


def confirmed_id(pdu: bytes) -> int | None:
    """The request id of a response; None for another PDU. Raises ValueError."""
    outer = ber.element(pdu, 0, len(pdu))
    if outer.tag != ber.RESPONSE:
        return None
    return ber.whole(pdu, ber.element(pdu, outer.start, outer.end))


def date_and_time(at: float) -> bytes:
    """DateAndTime (RFC 2579), 11 octets, UTC."""
    moment = datetime.fromtimestamp(at, UTC)
    return moment.year.to_bytes(2, "big") + bytes(
        (moment.month, moment.day, moment.hour, moment.minute, moment.second,
         moment.microsecond // 100_000, ord("+"), 0, 0)
    )  # fmt: skip


def uptime_ticks(snapshot: Snapshot) -> int:
    """sysUpTime in hundredths of a second."""
    value = snapshot.points["system.uptime"].value
    return int((value if isinstance(value, int | float) else 0.0) * 100) % 2**32


def _object(notification: Notification) -> Oid:
    if not notification.point:
        return (*ENTERPRISE, *ALARM_STATE.oid, 0)
    return (*ENTERPRISE, *POINT[notification.point].snmp[0].oid, 0)


def _text(text: str) -> bytes:
    raw = text.encode()
    if len(raw) > TEXT_MOST:
        raw = raw[:TEXT_MOST].decode(errors="ignore").encode()
    return ber.tlv(ber.OCTET_STRING, raw)


def _list(rows: list[VarBind]) -> bytes:
    return ber.sequence(ber.sequence((ber.oid(name), value)) for name, value in rows)
