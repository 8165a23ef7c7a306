"""The SNMP objects that are no points: the system group, the trap table, the notifications."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from .alarms import ALARMS, SEVERITIES
from .point import ENTERPRISE, Access, Syntax
from .points import POINT
from .setting_snmp import TRAP_ROWS
from .setting_table import SETTINGS

NO_YES: Final = (("no", 0), ("yes", 1))


@dataclass(frozen=True, slots=True)
class SystemObject:
    """A scalar of MIB-2's system group; exactly one of `text`, `point`, `setting` is its source."""

    number: int
    name: str
    syntax: Syntax
    text: str = ""
    point: str = ""
    setting: str = ""

    @property
    def access(self) -> Access:
        return "rw" if self.setting else "ro"


@dataclass(frozen=True, slots=True)
class Column:
    """A column of trapTable (34506.2.1.1).

    `setting` names the setting, {row} standing for the row; "" = the value is the row itself.
    """

    number: int
    name: str
    syntax: Syntax
    access: Access
    setting: str = ""
    names: tuple[tuple[str, int], ...] = ()

    def key(self, row: int) -> str:
        """The setting of `row`."""
        return self.setting.format(row=row)


@dataclass(frozen=True, slots=True)
class NotifyObject:
    """A varbind of our notifications, accessible-for-notify; OID below 34506. `names` of the values
    of an INTEGER."""

    oid: tuple[int, ...]
    name: str
    syntax: str
    help: str
    names: tuple[tuple[str, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Notification:
    """A notification of an alarm; raise and clear share the OID below 34506 (R101).

    `point` is the point whose object stands first among the varbinds, as 1 or 0; "" = the object
    alarmState. `alarm` ending in * stands for every key that begins so.
    """

    oid: tuple[int, ...]
    name: str
    alarm: str
    point: str


SYSTEM_GROUP: Final = (
    SystemObject(1, "sysDescr", "DisplayString", text="BTRM"),
    SystemObject(
        2, "sysObjectID", "OBJECT IDENTIFIER", text=".".join(str(arc) for arc in ENTERPRISE)
    ),
    SystemObject(3, "sysUpTime", "TimeTicks", point="system.uptime"),
    SystemObject(4, "sysContact", "DisplayString", setting="site.contact"),
    SystemObject(5, "sysName", "DisplayString", setting="site.name"),
    SystemObject(6, "sysLocation", "DisplayString", setting="site.location"),
)

TRAP_ENTRY: Final = (2, 1, 1)
TRAP_TABLE: Final = (
    Column(1, "trapReceiverNumber", "INTEGER", "n-a"),
    Column(2, "trapEnabled", "INTEGER", "rw", "snmp.trap{row}.enabled", NO_YES),
    Column(3, "trapReceiverIPAddress", "IpAddress", "rw", "snmp.trap{row}.address"),
    Column(4, "trapCommunity", "DisplayString", "rw", "snmp.trap{row}.community"),
)

NOTIFY_OBJECTS: Final = (
    NotifyObject((99, 2, 1), "eventText", "DisplayString", "What happened, in one sentence."),
    NotifyObject((99, 2, 2), "eventNumber", "Unsigned32", "Number of the event in the log."),
    NotifyObject((99, 2, 3), "eventTime", "DateAndTime", "When it happened."),
    NotifyObject(
        (99, 2, 5), "eventSeverity", "INTEGER",
        "How grave the alarm or outage of this notification is, whether it comes or goes; info of "
        "no alarm.",
        tuple((severity, n) for n, severity in enumerate(SEVERITIES, 1)),
    ),
)  # fmt: skip
ALARM_STATE: Final = NotifyObject(
    (99, 2, 4), "alarmState", "INTEGER", "The alarm of this notification; off when it clears.",
    (("off", 0), ("on", 1)),
)  # fmt: skip


def _notifications() -> tuple[Notification, ...]:
    """Those of the alarms, by OID; the manual's four (R101) come first."""
    made = []
    for alarm in ALARMS:
        point = POINT[alarm.point] if alarm.point else None
        shown = alarm.point if point is not None and point.snmp else ""
        key = alarm.key + "*" if alarm.key.endswith(".") else alarm.key
        made.append(Notification(*alarm.trap, key, shown))
    return tuple(sorted(made + list(EDGES), key=lambda item: item.oid))


# Edges that are no alarms, numbered like the other alarms once and for ever below 34506.99.0.
EDGES: Final = (
    Notification((99, 0, 3), "onBatteryEvent", "ups.on_battery", "ups.on_battery"),
    Notification((99, 0, 15), "testSkippedEvent", "test.skipped", ""),
    Notification((99, 0, 16), "testNotification", "snmp.test", ""),
)
ALL_NOTIFICATIONS: Final = _notifications()
NOTIFICATIONS: Final = tuple(item for item in ALL_NOTIFICATIONS if item.oid[0] == 0)
OTHER_NOTIFICATIONS: Final = tuple(item for item in ALL_NOTIFICATIONS if item.oid[0] != 0)


def notification_of(key: str) -> Notification | None:
    """The notification that tells of the event key `key`; None = nobody is told."""
    for item in ALL_NOTIFICATIONS:
        if item.alarm == key or (item.alarm.endswith("*") and key.startswith(item.alarm[:-1])):
            return item
    return None


def check_tree() -> None:
    """Raises ValueError when a column or a system object names a setting that does not exist, or
    two notifications share an OID or a name."""
    for attribute in ("oid", "name", "alarm"):
        values = [getattr(item, attribute) for item in ALL_NOTIFICATIONS]
        if len(set(values)) != len(values):
            raise ValueError(f"Two notifications share their {attribute}.")
    keys = [item.setting for item in SYSTEM_GROUP if item.setting]
    keys += [column.key(row) for column in TRAP_TABLE if column.setting for row in TRAP_ROWS]
    for key in keys:
        if key not in SETTINGS:
            raise ValueError(f"{key} is bound to SNMP and is not a setting.")


check_tree()
