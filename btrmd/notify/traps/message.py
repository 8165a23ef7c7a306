"""The message: one event as an SNMPv1 trap, an SNMPv2c trap or an inform, in octets."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Final, NamedTuple

from pyasn1.codec.ber import decoder, encoder
from pysnmp.proto.api import v1, v2c

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
    return _message(v1, pdu, community)


def trap_v2c(told: Telling, snapshot: Snapshot, community: str) -> bytes:
    """An SNMPv2c trap."""
    return _v2c(v2c.SNMPv2TrapPDU(), told, snapshot, community, None)


def inform_v2c(told: Telling, snapshot: Snapshot, community: str, request_id: int) -> bytes:
    """An inform; the receiver's response carries `request_id`."""
    return _v2c(v2c.InformRequestPDU(), told, snapshot, community, request_id)


def confirmed_id(raw: bytes) -> int | None:
    """The request id of a response; None for anything else."""
    try:
        message, _ = decoder.decode(raw, asn1Spec=v2c.Message())
        pdu = v2c.apiMessage.get_pdu(message)
        if pdu.tagSet != v2c.ResponsePDU.tagSet:
            return None
        return int(v2c.apiPDU.get_request_id(pdu))
    except Exception:  # octets from the network: the decoder raises whatever it likes
        return None


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


def _v2c(
    pdu: Any, told: Telling, snapshot: Snapshot, community: str, request_id: int | None
) -> bytes:
    v2c.apiPDU.set_defaults(pdu)
    if request_id is not None:
        v2c.apiPDU.set_request_id(pdu, request_id)
    oid = (*ENTERPRISE, *told.notification.oid)
    head = [
        (SYS_UP_TIME, v2c.TimeTicks(uptime_ticks(snapshot))),
        (SNMP_TRAP_OID, v2c.ObjectIdentifier(oid)),
    ]
    v2c.apiPDU.set_varbinds(pdu, head + varbinds(told, snapshot))
    return _message(v2c, pdu, community)


def _message(module: Any, pdu: Any, community: str) -> bytes:
    message = module.Message()
    module.apiMessage.set_defaults(message)
    module.apiMessage.set_community(message, community.encode())
    module.apiMessage.set_pdu(message, pdu)
    return bytes(encoder.encode(message))


def _text(text: str) -> Any:
    raw = text.encode()
    return v2c.OctetString(
        raw if len(raw) <= TEXT_MOST else raw[:TEXT_MOST].decode(errors="ignore").encode()
    )
