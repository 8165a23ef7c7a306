"""The message: one event as a notification of SNMPv1, v2c or v3, in octets."""

from __future__ import annotations

from datetime import UTC, datetime
from ipaddress import IPv4Address
from typing import Final, NamedTuple

from ...model.alarms import SEVERITIES
from ...model.events import Event, Kind, event_severity
from ...model.point import ENTERPRISE, MIB2_SYSTEM
from ...model.points import POINT
from ...model.snapshot import Snapshot
from ...model.snmp_tree import ALARM_STATE, NOTIFY_OBJECTS, Notification, notification_of
from ...snmp import ber
from ...snmp.engine import uptime_ticks
from ...snmp.message import (
    V1,
    EncodedVarBind,
    Oid,
    display_string,
    encode_message,
    encode_pdu,
    encode_varbinds,
)

SYS_CONTACT: Final[Oid] = (*MIB2_SYSTEM, 4, 0)
SYS_NAME: Final[Oid] = (*MIB2_SYSTEM, 5, 0)
SYS_LOCATION: Final[Oid] = (*MIB2_SYSTEM, 6, 0)
SYS_UP_TIME: Final[Oid] = (*MIB2_SYSTEM, 3, 0)
SNMP_TRAP_OID: Final[Oid] = (1, 3, 6, 1, 6, 3, 1, 1, 4, 1, 0)
ENTERPRISE_SPECIFIC: Final = 6


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


def varbinds(reported: Telling, snapshot: Snapshot) -> list[EncodedVarBind]:
    """The changed object first, then name, location, contact, text, number, time (section 4), and
    the severity of the alarm."""
    settings, event = snapshot.settings, reported.event
    text, number, time, severity = ((*ENTERPRISE, *item.oid, 0) for item in NOTIFY_OBJECTS)
    grave = SEVERITIES.index(event_severity(event) or "info") + 1
    return [
        (_object(reported.notification), ber.integer(int(reported.is_on))),
        (SYS_NAME, display_string(settings.text("site.name"))),
        (SYS_LOCATION, display_string(settings.text("site.location"))),
        (SYS_CONTACT, display_string(settings.text("site.contact"))),
        (text, display_string(event.text)),
        (number, ber.integer(max(event.n, 0) % 2**32, ber.GAUGE32)),
        (time, ber.tlv(ber.OCTET_STRING, date_and_time(event.at))),
        (severity, ber.integer(grave)),
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
        encode_varbinds(varbinds(reported, snapshot)),
    )
    pdu = ber.tlv(ber.TRAP_V1, b"".join(body))
    return encode_message(V1, community.encode(), pdu)


def notification_pdu(
    reported: Telling, snapshot: Snapshot, request_id: int, confirms: bool
) -> bytes:
    """A trap of SNMPv2c and v3, or an inform, whose response will carry `request_id`."""
    oid = (*ENTERPRISE, *reported.notification.oid)
    head = [
        (SYS_UP_TIME, ber.integer(uptime_ticks(snapshot), ber.TIME_TICKS)),
        (SNMP_TRAP_OID, ber.oid(oid)),
    ]
    rows = encode_varbinds(head + varbinds(reported, snapshot))
    return encode_pdu(ber.INFORM if confirms else ber.TRAP_V2, request_id, rows)


def date_and_time(at: float) -> bytes:
    """DateAndTime (RFC 2579), 11 octets, UTC."""
    moment = datetime.fromtimestamp(at, UTC)
    return moment.year.to_bytes(2, "big") + bytes(
        (moment.month, moment.day, moment.hour, moment.minute, moment.second,
         moment.microsecond // 100_000, ord("+"), 0, 0)
    )  # fmt: skip


def _object(notification: Notification) -> Oid:
    if not notification.point:
        return (*ENTERPRISE, *ALARM_STATE.oid, 0)
    return (*ENTERPRISE, *POINT[notification.point].snmp[0].oid, 0)
