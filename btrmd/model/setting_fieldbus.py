"""The settings of the DNP3 Modbus Configuration page (manual 10 to 10.1.4)."""

from __future__ import annotations

from typing import Final

from .setting import Section, Setting

DNP3_MODBUS: Final = "DNP3 Modbus Configuration"


_MODBUS = Section(DNP3_MODBUS, "Modbus Settings")
_DNP3 = Section(DNP3_MODBUS, "DNP Settings")
_MESSAGES = Section(DNP3_MODBUS, "Device Messages")
_IO = Section(DNP3_MODBUS, "IO Configuration")

MODBUS_SETTINGS: Final = (
    _MODBUS.setting(
        "modbus.enabled",
        "bool",
        False,
        "Serve Modbus TCP.",
        label="Modbus",
    ),
    _MODBUS.setting(
        "modbus.unit",
        "int",
        1,
        "Device address; over TCP units 0 and 255 are answered too.",
        low=1,
        high=247,
        label="Device Address",
    ),
    _MODBUS.port("modbus.port", 502, label="TCP/IP Port"),
    _MODBUS.setting(
        "modbus.writes",
        "bool",
        True,
        "Masters may write; Modbus has no login, so anyone who may connect may then command.",
        label="Allow writes",
    ),
    _MODBUS.allowed_clients("modbus.allow"),
)

DNP3_SETTINGS: Final = (
    _DNP3.setting(
        "dnp3.enabled",
        "bool",
        False,
        "Serve DNP3 over TCP.",
        label="DNP3",
    ),
    _DNP3.setting(
        "dnp3.address",
        "int",
        10,
        "Link address of this outstation; 65520 and above are reserved.",
        low=0,
        high=65519,
        label="Device Address",
    ),
    _DNP3.setting(
        "dnp3.master",
        "int",
        1,
        "Link address of the master; requests from another one are ignored and counted.",
        low=0,
        high=65519,
        label="Master Address",
    ),
    _DNP3.setting(
        "dnp3.retry_s",
        "int",
        10,
        "Seconds between repeats of an unconfirmed unsolicited response; below 5 is not "
        "recommended.",
        unit="s",
        low=0,
        high=255,
        label="DNP3 Retry Sec",
    ),
    _DNP3.setting(
        "dnp3.retries",
        "int",
        3,
        "Repeats of an unconfirmed unsolicited response: 0..254, 255 = for ever.",
        low=0,
        high=255,
        label="DNP3 Retries",
    ),
    _DNP3.port("dnp3.port", 20000, label="TCP/IP Port"),
    _DNP3.setting(
        "dnp3.master_ip",
        "text",
        "",
        "Name or address where unsolicited responses go when no master is connected; empty = "
        "nowhere.",
        max_length=64,
        format="host",
        label="Master IP",
    ),
    _MESSAGES.setting(
        "dnp3.unsolicited",
        "bool",
        False,
        "Report events without being asked.",
        label="Enable Unsolicited",
    ),
    _MESSAGES.setting(
        "dnp3.restart_message",
        "bool",
        False,
        "Tell the master of a restart by an empty unsolicited response.",
        label="Enable Device Restart",
    ),
    _DNP3.setting(
        "dnp3.cold_restart",
        "bool",
        True,
        "The master may restart the daemon by function 13.",
        label="Allow cold restart",
    ),
    _DNP3.setting(
        "dnp3.event_class",
        "enum",
        2,
        "Class that events belong to.",
        choices=(1, 2, 3),
        label="Event class",
    ),
    _DNP3.setting(
        "dnp3.event_index_base",
        "enum",
        0,
        "Index of the first event point: 0 matches the binary inputs, 1 the manual's printed "
        "event table.",
        choices=(0, 1),
        label="Event index base",
    ),
    _DNP3.setting(
        "dnp3.extended",
        "bool",
        False,
        "Serve the extended profile too: analog inputs 12..17 and binary inputs 6..10.",
        label="Extended profile",
    ),
    _DNP3.setting(
        "dnp3.writes",
        "bool",
        True,
        "The master may write; DNP3 without authentication lets anyone who may connect command.",
        label="Allow writes",
    ),
    _DNP3.allowed_clients("dnp3.allow"),
)

SERIAL_SETTINGS: Final = (
    _IO.setting(
        "serial.protocol",
        "enum",
        "none",
        "Protocol of the serial line; the TCP listeners go on beside it.",
        choices=("none", "modbus", "dnp3"),
        choice_labels=("None", "Modbus", "DNP3"),
        label="RS232 Serial",
    ),
    _IO.setting(
        "serial.device",
        "text",
        "/dev/serial0",
        "Serial port.",
        max_length=255,
        format="device",
        label="Device",
    ),
    _IO.setting(
        "serial.baud",
        "enum",
        9600,
        "Bits a second; 8 data bits, 1 stop bit.",
        choices=(1200, 2400, 4800, 9600, 19200, 38400, 57600, 115200),
        label="Baud",
    ),
    _IO.setting(
        "serial.parity",
        "enum",
        "even",
        "Parity. A change of serial.protocol sets the typical one (Modbus even, DNP3 none) "
        "unless one is given with it.",
        choices=("none", "even", "odd"),
        choice_labels=("None", "Even", "Odd"),
        label="Parity",
    ),
    Setting(
        "test.protocol_rest_s",
        "int",
        60,
        "Between two starts of a test by Modbus, DNP3, SNMP or NUT; an earlier one is refused.",
        unit="s",
        low=0,
        high=3600,
        page=DNP3_MODBUS,
        group="Commands",
        label="Rest Between Starts",
    ),
)
