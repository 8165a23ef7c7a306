"""The MIB file: our objects and notifications as an SMIv2 module, written from the point table."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Sequence
from typing import Final

from ..model.point import ENTERPRISE, Point, Scalar
from ..model.points import POINT, snmp_map
from ..model.setting_table import SETTINGS
from ..model.snmp_tree import (
    ALARM_STATE,
    ALL_NOTIFICATIONS,
    NOTIFY_OBJECTS,
    OTHER_NOTIFICATIONS,
    SYSTEM_GROUP,
    TRAP_TABLE,
    Column,
    Notification,
    NotifyObject,
)

MODULE: Final = "BTRM-MIB"
FILE: Final = "BTRM-MIB.mib"
REVISION: Final = "202611300000Z"  # moves with the objects, not with the version of the daemon

# Arc below btrm -> its name. What stands below 99 is ours and marked as experimental.
_NODES: Final = (
    ("btrmEvents", "btrm", 0, "Notifications of the manual's four alarms."),
    ("product", "btrm", 1, "What the unit is."),
    ("setup", "btrm", 2, "Where notifications go."),
    ("control", "btrm", 3, "Alarms and measurements."),
    ("btrmExtension", "btrm", 99, "Experimental extensions."),
    ("extensionEvents", "btrmExtension", 0, "Notifications of all other alarms."),
    ("extension", "btrmExtension", 1, "Further measurements and commands."),
    ("notifyObjects", "btrmExtension", 2, "What notifications carry."),
    ("btrmConformance", "btrmExtension", 3, "Groups and compliance."),
)
_PARENTS: Final = {
    (1,): "product",
    (3,): "control",
    (99, 1): "extension",
    (99, 2): "notifyObjects",
    (0,): "btrmEvents",
    (99, 0): "extensionEvents",
}
_SYNTAX: Final = {
    "INTEGER": "Integer32",
    "DisplayString": "DisplayString (SIZE (0..255))",
    "IpAddress": "IpAddress",
}
_UNITS: Final = {
    ("V", 1000): "mV",
    ("A", 1000): "mA",
    ("s", 1): "minutes",
    ("%", 1): "percent",
    ("°C", 1): "degrees Celsius",
    ("V", 1): "V",
    ("W", 1): "W",
    ("Ah", 1): "Ah",
    ("Wh", 1): "Wh",
    ("", 1): "",
}


def mib_text() -> str:
    """The module, ready to be loaded by a MIB browser (R83)."""
    scalars = list(snmp_map().items())
    parts = [
        _HEAD,
        *(_node(*node) for node in _NODES),
        *(_scalar(oid, point, scalar) for oid, (point, scalar) in scalars if oid < (2,)),
        _TABLE_HEAD,
        *(_column(column) for column in TRAP_TABLE),
        *(_scalar(oid, point, scalar) for oid, (point, scalar) in scalars if oid > (2,)),
        *(
            _notify_object(item)
            for item in sorted((*NOTIFY_OBJECTS, ALARM_STATE), key=lambda item: item.oid)
        ),
        *(_notification(item) for item in ALL_NOTIFICATIONS),
        _conformance([scalar for _, (_, scalar) in scalars]),
    ]
    return "\n".join(parts) + "\nEND\n"


_HEAD: Final = f"""{MODULE} DEFINITIONS ::= BEGIN

-- Written from the point table of btrmd; do not edit. Generated objects: docs/points.md.

IMPORTS
    MODULE-IDENTITY, OBJECT-TYPE, NOTIFICATION-TYPE, OBJECT-IDENTITY,
    Integer32, Unsigned32, IpAddress, enterprises
        FROM SNMPv2-SMI
    DisplayString, DateAndTime
        FROM SNMPv2-TC
    MODULE-COMPLIANCE, OBJECT-GROUP, NOTIFICATION-GROUP
        FROM SNMPv2-CONF
    sysName, sysLocation, sysContact
        FROM SNMPv2-MIB;

btrm MODULE-IDENTITY
    LAST-UPDATED "{REVISION}"
    ORGANIZATION "btrmd"
    CONTACT-INFO
        "The project btrmd; the page About of the unit names its version."
    DESCRIPTION
        "Battery test remote monitor. The arcs 1 to 3 are those of the BTRM300 and BTRM400,
        the arc 99 holds the experimental extensions of btrmd."
    REVISION "{REVISION}"
    DESCRIPTION
        "First version in SMIv2, with notifications."
    ::= {{ enterprises {ENTERPRISE[-1]} }}
"""

_TABLE_HEAD: Final = """trapTable OBJECT-TYPE
    SYNTAX      SEQUENCE OF TrapEntry
    MAX-ACCESS  not-accessible
    STATUS      current
    DESCRIPTION
        "The receivers of notifications, rows 0 and 1."
    ::= { setup 1 }

trapEntry OBJECT-TYPE
    SYNTAX      TrapEntry
    MAX-ACCESS  not-accessible
    STATUS      current
    DESCRIPTION
        "One receiver. Rows are neither made nor deleted."
    INDEX       { trapReceiverNumber }
    ::= { trapTable 1 }

TrapEntry ::= SEQUENCE {
    trapReceiverNumber     Integer32,
    trapEnabled            INTEGER,
    trapReceiverIPAddress  IpAddress,
    trapCommunity          DisplayString
}
"""

_COLUMN_HELP: Final = {
    "trapReceiverNumber": "The number of the receiver, 0 or 1.",
    "trapEnabled": "Whether notifications are sent to this receiver.",
    "trapReceiverIPAddress": "The address of the receiver; 0.0.0.0 = none.",
    "trapCommunity": "The community that notifications carry. Who may only read is shown an empty"
    " text.",
}


def _node(name: str, parent: str, arc: int, text: str) -> str:
    return (
        f"{name} OBJECT-IDENTITY\n    STATUS      current\n    DESCRIPTION\n"
        f"{_quoted(text)}\n    ::= {{ {parent} {arc} }}\n"
    )


def _object(
    name: str, syntax: str, units: str, access: str, text: str, parent: str, arc: int
) -> str:
    lines = [f"{name} OBJECT-TYPE", f"    SYNTAX      {syntax}"]
    if units:
        lines.append(f'    UNITS       "{units}"')
    lines += [
        f"    MAX-ACCESS  {access}",
        "    STATUS      current",
        "    DESCRIPTION",
        _quoted(text),
        f"    ::= {{ {parent} {arc} }}",
    ]
    return "\n".join(lines) + "\n"


def _scalar(oid: tuple[int, ...], point: Point, scalar: Scalar) -> str:
    units = ""
    if scalar.syntax == "INTEGER" and not scalar.names:
        units = _UNITS[(point.unit, scalar.number.scale)]
    return _object(
        scalar.name,
        _enumerated(scalar.names) or _SYNTAX[scalar.syntax],
        units,
        "read-write" if scalar.write else "read-only",
        _help(point, scalar),
        _PARENTS[oid[:-1]],
        oid[-1],
    )


def _help(point: Point, scalar: Scalar) -> str:
    convert = scalar.number.convert
    if convert is None or scalar.names:
        return point.help
    words = {"charge_part": "The charging part, else 0.", "discharge_part": "The discharging part,"
             " else 0."}  # fmt: skip
    more = words.get(convert.__name__, "")
    return f"{point.help} {more}".strip()


def _column(column: Column) -> str:
    syntax = _enumerated(column.names) or _SYNTAX[column.syntax]
    if not column.setting:
        syntax = "Integer32 (0..4)"
    elif column.syntax == "DisplayString":
        longest = max(SETTINGS[column.key(row)].max_length for row in (0, 1))
        syntax = f"DisplayString (SIZE (0..{longest}))"
    access = "read-write" if column.setting else "not-accessible"
    return _object(
        column.name, syntax, "", access, _COLUMN_HELP[column.name], "trapEntry", column.number
    )


def _notify_object(item: NotifyObject) -> str:
    return _object(
        item.name,
        _enumerated(item.names) or _SYNTAX.get(item.syntax, item.syntax),
        "",
        "accessible-for-notify",
        item.help,
        _PARENTS[item.oid[:-1]],
        item.oid[-1],
    )


def _notification(item: Notification) -> str:
    first = POINT[item.point].snmp[0].name if item.point else ALARM_STATE.name
    names = [first, "sysName", "sysLocation", "sysContact", *(o.name for o in NOTIFY_OBJECTS)]
    return (
        f"{item.name} NOTIFICATION-TYPE\n"
        f"{_wrapped('    OBJECTS     { ', names, ' }')}\n"
        "    STATUS      current\n    DESCRIPTION\n"
        f"{_quoted(_notification_help(item))}\n"
        f"    ::= {{ {_PARENTS[item.oid[:-1]]} {item.oid[-1]} }}\n"
    )


def _notification_help(item: Notification) -> str:
    if item in OTHER_NOTIFICATIONS and item.alarm == "snmp.test":
        return "Somebody asked for a notification, to see whether it arrives."
    return f"{item.alarm} has changed: the first object tells whether it is on or off now."


def _conformance(scalars: Sequence[Scalar]) -> str:
    columns = [column.name for column in TRAP_TABLE if column.setting]
    objects = [scalar.name for scalar in scalars if scalar.name] + columns
    notify = [item.name for item in (*NOTIFY_OBJECTS, ALARM_STATE)]
    system = ", ".join(item.name for item in SYSTEM_GROUP)
    return f"""btrmGroups OBJECT IDENTIFIER ::= {{ btrmConformance 1 }}

btrmCompliances OBJECT IDENTIFIER ::= {{ btrmConformance 2 }}

btrmObjectGroup OBJECT-GROUP
{_wrapped("    OBJECTS     { ", objects, " }")}
    STATUS      current
    DESCRIPTION
        "All objects."
    ::= {{ btrmGroups 1 }}

btrmNotifyObjectGroup OBJECT-GROUP
{_wrapped("    OBJECTS     { ", notify, " }")}
    STATUS      current
    DESCRIPTION
        "What notifications carry."
    ::= {{ btrmGroups 2 }}

btrmNotificationGroup NOTIFICATION-GROUP
{_wrapped("    NOTIFICATIONS { ", [item.name for item in ALL_NOTIFICATIONS], " }")}
    STATUS      current
    DESCRIPTION
        "All notifications."
    ::= {{ btrmGroups 3 }}

btrmCompliance MODULE-COMPLIANCE
    STATUS      current
    DESCRIPTION
{_quoted(f"Everything here is served, and of SNMPv2-MIB {system}.")}
    MODULE -- this module
        MANDATORY-GROUPS {{
            btrmObjectGroup,
            btrmNotifyObjectGroup,
            btrmNotificationGroup
        }}
    ::= {{ btrmCompliances 1 }}
"""


def _enumerated(names: tuple[tuple[str, int], ...]) -> str:
    if not names:
        return ""
    return f"INTEGER {{ {', '.join(f'{name}({number})' for name, number in names)} }}"


def _quoted(text: str) -> str:
    """A description: indented, wrapped, ASCII."""
    plain = text.replace("°", "degrees ").replace('"', "'").encode("ascii", "replace").decode()
    body = textwrap.fill(
        f'"{plain}"', 88, initial_indent=" " * 8, subsequent_indent=" " * 8,
        break_long_words=False, break_on_hyphens=False,
    )  # fmt: skip
    return body


def _wrapped(head: str, names: Iterable[str], tail: str) -> str:
    body = textwrap.fill(
        ", ".join(names), 88, initial_indent=head, subsequent_indent=" " * 18,
        break_long_words=False, break_on_hyphens=False,
    )  # fmt: skip
    return body + tail
