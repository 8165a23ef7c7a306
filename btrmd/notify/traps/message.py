"""The message: one event as a notification of SNMPv1, v2c or v3, in octets."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Final, NamedTuple

from pyasn1.codec.ber import encoder
from pysnmp.proto.api import v1, v2c

from ...model import ber
from ...model.bindings import ENTERPRISE, MIB2_SYSTEM
from ...model.events import Event, Kind
from ...model.points import POINT
from ...model.snapshot import Snapshot
from ...model.snmp_tree import ALARM_STATE, NOTIFY_OBJECTS, Notification, notification_of

Oid = tuple[int, ...]
VarBind = tuple[Oid, Any]

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


def varbinds(told: Telling, snapshot: Snapshot) -> list[VarBind]:
    """The changed object first, then name, location, contact, text, number, time (section 4)."""
    settings, event = snapshot.settings, told.event
    text, number, time = ((*ENTERPRISE, *item.oid, 0) for item in NOTIFY_OBJECTS)
    return [
        (_object(told.notification), v2c.Integer32(int(told.is_on))),
        (SYS_NAME, _text(settings.text("site.name"))),
        (SYS_LOCATION, _text(settings.text("site.location"))),
        (SYS_CONTACT, _text(settings.text("site.contact"))),
        (text, _text(event.text)),
        (number, v2c.Unsigned32(max(event.n, 0) % 2**32)),
        (time, v2c.OctetString(date_and_time(event.at))),
    ]


def trap_v1(told: Telling, snapshot: Snapshot, community: str, agent_host: str) -> bytes:
    """An SNMPv1 trap; enterprise and specific code are the OID's parts (RFC 3584 3.2)."""
    oid = (*ENTERPRISE, *told.notification.oid)
    pdu = v1.TrapPDU()
    v1.apiTrapPDU.set_defaults(pdu)
    v1.apiTrapPDU.set_enterprise(pdu, oid[:-2])
    v1.apiTrapPDU.set_agent_address(pdu, agent_host)
    v1.apiTrapPDU.set_generic_trap(pdu, ENTERPRISE_SPECIFIC)
    v1.apiTrapPDU.set_specific_trap(pdu, oid[-1])
    v1.apiTrapPDU.set_timestamp(pdu, uptime_ticks(snapshot))
    v1.apiTrapPDU.set_varbinds(pdu, varbinds(told, snapshot))
    return ber.message(VERSION_1, community.encode(), bytes(encoder.encode(pdu)))


def message_v2c(pdu: bytes, community: str) -> bytes:
    """A v2c message around a trap or an inform."""
    return ber.message(VERSION_2C, community.encode(), pdu)


def notification_pdu(told: Telling, snapshot: Snapshot, request_id: int, confirms: bool) -> bytes:
    """A trap of SNMPv2c and v3, or an inform, whose response will carry `request_id`."""
    pdu = v2c.InformRequestPDU() if confirms else v2c.SNMPv2TrapPDU()
    v2c.apiPDU.set_defaults(pdu)
    v2c.apiPDU.set_request_id(pdu, request_id)
    oid = (*ENTERPRISE, *told.notification.oid)
    head = [
        (SYS_UP_TIME, v2c.TimeTicks(uptime_ticks(snapshot))),
        (SNMP_TRAP_OID, v2c.ObjectIdentifier(oid)),
    ]
    v2c.apiPDU.set_varbinds(pdu, head + varbinds(told, snapshot))
    return bytes(encoder.encode(pdu))


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


def _text(text: str) -> Any:
    raw = text.encode()
    return v2c.OctetString(
        raw if len(raw) <= TEXT_MOST else raw[:TEXT_MOST].decode(errors="ignore").encode()
    )
