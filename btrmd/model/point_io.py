"""The points of the IO channels CH1 to CH4."""

from __future__ import annotations

from typing import Final

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
from .point_power import MILLIVOLTS, MILLIVOLTS_16, OFF_ON, VOLTS_HIGH

_TRUE_FALSE = ("TRUE", "FALSE")
_ON_OFF = ("ON", "OFF")
_IO1 = Write(setting="io1.config", low=0, high=4)
_IO2 = Write(setting="io2.config", low=0, high=4)  # 0..2 unless the site makes CH2 an output (C5)

IO_POINTS: Final = (
    Point(
        "io1.voltage",
        "float",
        "Voltage at CH1, ground referenced.",
        unit="V",
        low=0.0,
        high=VOLTS_HIGH,
        modbus=(InputRegister(10, MILLIVOLTS),),
        dnp3=(AnalogInput(9, MILLIVOLTS_16),),
        snmp=(Scalar((3, 26), "ioChan1analog", number=MILLIVOLTS),),
        web=Show("CH1/Analog V", decimals=1, table="io"),
    ),
    Point(
        "io2.voltage",
        "float",
        "Voltage at CH2, ground referenced.",
        unit="V",
        low=0.0,
        high=VOLTS_HIGH,
        modbus=(InputRegister(11, MILLIVOLTS),),
        dnp3=(AnalogInput(10, MILLIVOLTS_16),),
        snmp=(Scalar((3, 27), "ioChan2analog", number=MILLIVOLTS),),
        web=Show("CH2/Analog V", decimals=1, table="io"),
    ),
    Point(
        "io3.voltage",
        "float",
        "Voltage at CH3, ground referenced.",
        unit="V",
        low=0.0,
        high=VOLTS_HIGH,
        modbus=(InputRegister(14, MILLIVOLTS),),
        dnp3=(AnalogInput(14, MILLIVOLTS_16, extended=True),),
        snmp=(Scalar((99, 1, 4), "io3", number=MILLIVOLTS),),
        web=Show("CH3/Analog V", decimals=1, table="io"),
    ),
    Point(
        "io4.voltage",
        "float",
        "Voltage at CH4, ground referenced.",
        unit="V",
        low=0.0,
        high=VOLTS_HIGH,
        modbus=(InputRegister(15, MILLIVOLTS),),
        dnp3=(AnalogInput(15, MILLIVOLTS_16, extended=True),),
        snmp=(Scalar((99, 1, 5), "io4", number=MILLIVOLTS),),
        web=Show("CH4/Analog V", decimals=1, table="io"),
    ),
    Point(
        "io1.digital",
        "bool",
        "CH1 meets its digital threshold; missing while CH1 is not a digital input.",
        web=Show("CH1/Digital In", words=_TRUE_FALSE, missing="OFF", table="io"),
    ),
    Point(
        "io2.digital",
        "bool",
        "CH2 meets its digital threshold; missing while CH2 is not a digital input.",
        web=Show("CH2/Digital In", words=_TRUE_FALSE, missing="OFF", table="io"),
    ),
    Point(
        "io1.alarm",
        "bool",
        "Alarm of CH1; false while CH1 is not a digital input.",
        modbus=(DiscreteInput(3),),
        dnp3=(BinaryInput(3, event=True),),
        snmp=(Scalar((3, 3), "ioChan1alarm", names=OFF_ON),),
    ),
    Point(
        "io2.alarm",
        "bool",
        "Alarm of CH2; false while CH2 is not a digital input.",
        modbus=(DiscreteInput(4),),
        dnp3=(BinaryInput(4, event=True),),
        snmp=(Scalar((3, 4), "ioChan2alarm", names=OFF_ON),),
    ),
    Point(
        "io1.output",
        "bool",
        "CH1 signals a battery fault.",
        web=Show("CH1/Digital Out", words=_ON_OFF, missing="OFF", table="io"),
    ),
    Point(
        "io2.output",
        "bool",
        "CH2 signals a battery fault; missing unless the site file makes CH2 an output.",
        web=Show("CH2/Digital Out", words=_ON_OFF, table="io"),
    ),
    Point(
        "io1.config",
        "int",
        "What CH1 does: 0 analog, 1 alarm below 1 V, 2 alarm above 2 V, 3 output normally low, "
        "4 output normally open.",
        low=0,
        high=4,
        modbus=(HoldingRegister(3, _IO1),),
        dnp3=(AnalogOutput(3, _IO1, Number(signed=True)),),
    ),
    Point(
        "io2.config",
        "int",
        "What CH2 does: as CH1; 3 and 4 only where the site file makes CH2 an output.",
        low=0,
        high=4,
        modbus=(HoldingRegister(4, _IO2),),
        dnp3=(AnalogOutput(4, _IO2, Number(signed=True)),),
    ),
)
