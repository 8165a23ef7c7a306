"""The points of the unit itself: identity, temperature, time, alarms."""

from __future__ import annotations

from typing import Final

from .encoding import code_voltage, firmware_register, voltage_code
from .point import (
    AnalogInput,
    AnalogOutput,
    BinaryInput,
    DiscreteInput,
    HoldingRegister,
    InputRegister,
    Number,
    Point,
    Scalar,
    Show,
    Write,
)

_SELECT = Number(convert=voltage_code)
_SELECT_16 = Number(convert=voltage_code, signed=True)
_SELECTION = Write(setting="system.voltage", low=1, high=4, decode=code_voltage)
_VOLTAGE = Write(setting="system.voltage", low=12, high=48)
_VOLTAGES = (("v12", 12), ("v24", 24), ("v36", 36), ("v48", 48))
_DEGREES = Number(signed=True)

SYSTEM_POINTS: Final = (
    Point(
        "system.temperature",
        "float",
        "Temperature in the enclosure.",
        unit="°C",
        low=-55,
        high=128,
        modbus=(InputRegister(4, _DEGREES),),
        dnp3=(AnalogInput(3, _DEGREES),),
        snmp=(Scalar((3, 28), "systemtemperature", number=_DEGREES),),
        web=Show("System Temp"),
    ),
    Point(
        "system.voltage",
        "int",
        "Nominal voltage of the plant: 12, 24, 36 or 48.",
        unit="V",
        low=12,
        high=48,
        modbus=(HoldingRegister(5, _SELECTION, _SELECT),),
        dnp3=(AnalogOutput(5, _SELECTION, _SELECT_16),),
        snmp=(Scalar((99, 1, 1), "systemVoltage", names=_VOLTAGES, write=_VOLTAGE),),
        web=Show("System Voltage Type", table="mode"),
    ),
    Point(
        "system.uptime",
        "float",
        "Time since the daemon started.",
        unit="s",
        web=Show("System Up Time", table="footer"),
    ),
    Point(
        "system.model",
        "text",
        "BTRM300 or BTRM400.",
        snmp=(Scalar((1, 1), "name", syntax="DisplayString"),),
    ),
    Point(
        "system.firmware",
        "text",
        "Version of the daemon.",
        modbus=(InputRegister(12, Number(convert=firmware_register)),),
        dnp3=(AnalogInput(11, Number(convert=firmware_register, signed=True)),),
        snmp=(Scalar((1, 2), "version", syntax="DisplayString"),),
    ),
    Point(
        "system.build_date",
        "text",
        "Date of the build, YYYY-MM-DD.",
        snmp=(Scalar((1, 3), "date", syntax="DisplayString"),),
    ),
    Point(
        "system.serial",
        "text",
        "Serial number: that of the Raspberry Pi, else one made once; the key of an inventory.",
        snmp=(Scalar((99, 1, 14), "serialNumber", syntax="DisplayString"),),
    ),
    Point(
        "system.self_test",
        "enum",
        "Result of the self-test.",
        choices=("running", "good", "failed"),
    ),
    Point(
        "modbus.unknown1",
        "int",
        "Modbus input registers 0 to 12 and 30 that hold no value now: bit k is register k, bit 13 "
        "is register 30.",
        low=0,
        high=0x3FFF,
        modbus=(InputRegister(28),),
    ),
    Point(
        "modbus.unknown2",
        "int",
        "Modbus input registers 13 to 27 that hold no value now: bit k is register 13 + k.",
        low=0,
        high=0x7FFF,
        modbus=(InputRegister(29),),
    ),
    Point(
        "dnp3.unsolicited",
        "bool",
        "DNP3 unsolicited responses are enabled.",
        modbus=(DiscreteInput(2),),
        dnp3=(BinaryInput(2),),
    ),
    Point(
        "alarm.fault",
        "bool",
        "Low capacity, low battery voltage, IO1 or IO2; with the DNP3 extended profile any alarm.",
        modbus=(DiscreteInput(5),),
        dnp3=(BinaryInput(5),),
    ),
    Point("alarm.any", "bool", "At least one alarm is active or latched."),
    Point("alarm.list", "list", "Keys of the alarms that are active or latched."),
)
