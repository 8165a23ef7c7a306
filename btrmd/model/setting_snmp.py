"""The settings of the SNMP Configuration page (manual 10.2, 10.3)."""

from __future__ import annotations

from typing import Final

from .setting import Setting

SNMP: Final = "SNMP Configuration"

COMMUNITY: Final = 15  # manual 10.2; the MIB's 7 is overruled (C30)


def _community(key: str, default: str, access: str, label: str) -> Setting:
    return Setting(
        key,
        "text",
        default,
        f"Community that may {access}; empty = disabled.",
        max_length=COMMUNITY,
        secret=True,
        page=SNMP,
        group="Communities",
        label=label,
    )


def _receiver(row: int) -> tuple[Setting, ...]:
    """One row of trapTable (manual 10.3, 11.4; C33)."""
    group = f"Trap receiver {row}"
    return (
        Setting(
            f"snmp.trap{row}.enabled",
            "bool",
            False,
            "Send notifications to this receiver.",
            page=SNMP,
            group=group,
            label="Enabled",
        ),
        Setting(
            f"snmp.trap{row}.address",
            "text",
            "0.0.0.0",
            "Address of the receiver; 0.0.0.0 = none.",
            max_length=15,
            format="ip",
            page=SNMP,
            group=group,
            label="IP Address",
        ),
        Setting(
            f"snmp.trap{row}.community",
            "text",
            "",
            "Community the notification carries; may be empty.",
            max_length=COMMUNITY,
            secret=True,
            page=SNMP,
            group=group,
            label="Community",
        ),
        Setting(
            f"snmp.trap{row}.port",
            "int",
            162,
            "UDP port of the receiver.",
            low=1,
            high=65535,
            page=SNMP,
            group=group,
            label="Port",
        ),
    )


SNMP_SETTINGS: Final = (
    _community("snmp.read1", "public", "read", "Read Comm1"),
    _community("snmp.read2", "read", "read", "Read Comm2"),
    _community("snmp.read3", "", "read", "Read Comm3"),
    _community("snmp.write1", "", "read and write", "Write Comm1"),
    _community("snmp.write2", "", "read and write", "Write Comm2"),
    _community("snmp.write3", "", "read and write", "Write Comm3"),
    *_receiver(0),
    *_receiver(1),
    Setting(
        "site.name",
        "text",
        "BTRM",
        "Name of the unit; stands in notifications and in sysName.",
        max_length=63,
        page=SNMP,
        group="System group",
        label="Name",
    ),
)
