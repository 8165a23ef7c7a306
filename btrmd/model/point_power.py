"""The points of the power path: battery, load, supply, charger, relays, guard, UPS and LVD."""

from __future__ import annotations

from typing import Final

from .chemistry import LEAD_ACID
from .encoding import LOAD_SOURCES, charge_part, discharge_part, source_number
from .point import (
    AnalogInput,
    BinaryInput,
    BinaryOutput,
    Coil,
    DiscreteInput,
    InputRegister,
    Number,
    Point,
    Scalar,
    Show,
    Write,
)

VOLTS_HIGH: Final = 60.0  # manual 7.1.2, 15: every input measures 0..60 V
AMPS_HIGH: Final = 40.0  # the shunt amplifiers' end of scale; the rating is 20 or 10 A

# Volts as millivolts: 60000 fits an unsigned register, not DNP3's signed 16 bits (C7).
MILLIVOLTS: Final = Number(scale=1000)
MILLIVOLTS_16: Final = Number(scale=1000, signed=True, saturates=True)
MILLIAMPS: Final = Number(scale=1000)
MILLIAMPS_16: Final = Number(scale=1000, signed=True, saturates=True)
_SIGNED: Final = Number(signed=True)
OFF_ON: Final = (("off", 0), ("on", 1))

_LVD = Write(setting="lvd.enabled")

BATTERY_POINTS: Final = (
    Point(
        "battery.voltage",
        "float",
        "Voltage at the battery terminals, whole bank.",
        unit="V",
        low=0.0,
        high=VOLTS_HIGH,
        modbus=(InputRegister(0, MILLIVOLTS),),
        dnp3=(AnalogInput(0, MILLIVOLTS_16),),
        snmp=(Scalar((3, 20), "batteryVoltage", number=MILLIVOLTS),),
        web=Show("Battery Voltage", decimals=2),
    ),
    Point(
        "battery.current",
        "float",
        "Battery current; negative while the battery feeds the load, positive while it is charged.",
        unit="A",
        low=-AMPS_HIGH,
        high=AMPS_HIGH,
        modbus=(InputRegister(3, MILLIAMPS_16),),
        dnp3=(AnalogInput(2, MILLIAMPS_16),),
        snmp=(
            Scalar(
                (3, 21), "batteryCurrentPositive", number=Number(scale=1000, convert=charge_part)
            ),
            Scalar(
                (3, 22), "batteryCurrentNegative", number=Number(scale=1000, convert=discharge_part)
            ),
        ),
        web=Show("Battery Current", decimals=2),
    ),
    Point(
        "battery.charge",
        "float",
        "Charge in the battery against that of the full one, counted since it was last full; not "
        "known without a rating or a test, and where the count is not sure enough.",
        unit="%",
        low=0.0,
        high=100.0,
        snmp=(Scalar((99, 1, 15), "batteryCharge"),),
    ),
    Point(
        "battery.soh",
        "float",
        "State of health: capacity now against rated capacity, temperature corrected.",
        unit="%",
        low=0.0,
        high=150.0,
        modbus=(InputRegister(17),),
        dnp3=(AnalogInput(17, _SIGNED, extended=True),),
        snmp=(Scalar((99, 1, 6), "stateOfHealth"),),
    ),
    Point(
        "battery.soh_low",
        "float",
        "Lower end of the state of health's 90 % interval.",
        unit="%",
        low=0.0,
        high=150.0,
        snmp=(Scalar((99, 1, 12), "stateOfHealthLow"),),
    ),
    Point(
        "battery.soh_high",
        "float",
        "Upper end of the state of health's 90 % interval.",
        unit="%",
        low=0.0,
        high=150.0,
        snmp=(Scalar((99, 1, 13), "stateOfHealthHigh"),),
    ),
    Point(
        "battery.resistance_growth",
        "float",
        "Resistance at the transfer, the newest three tests that compare against the first three; "
        "not known before the fourth, or without a baseline. It screens, it measures no capacity.",
        unit="%",
        low=-90.0,
        high=900.0,
        modbus=(InputRegister(30, _SIGNED),),
        dnp3=(AnalogInput(28, _SIGNED, extended=True),),
        snmp=(Scalar((99, 1, 27), "resistanceGrowth", number=_SIGNED),),
    ),
    Point(
        "battery.low_capacity",
        "bool",
        "Alarm: the last test found too little capacity; latched until a good test or a reset.",
        modbus=(DiscreteInput(0),),
        dnp3=(BinaryInput(0, event=True),),
        snmp=(Scalar((3, 1), "lowBattCapacityalarm", names=OFF_ON),),
    ),
    Point(
        "battery.low_voltage",
        "bool",
        f"Alarm: battery voltage below {LEAD_ACID.low_battery_v} V per block for 10 s.",
        modbus=(DiscreteInput(1),),
        dnp3=(BinaryInput(1, event=True),),
        snmp=(Scalar((3, 2), "lowBatteryVoltagealarm", names=OFF_ON),),
    ),
)

_BLOCK = tuple(range(1, 5))

BLOCK_POINTS: Final = (
    *(
        Point(
            f"battery.block{n}.voltage",
            "float",
            f"Voltage of block {n}, counted from Battery-; missing without taps around it.",
            unit="V",
            low=0.0,
            high=VOLTS_HIGH,
            modbus=(InputRegister(18 + n, MILLIVOLTS),),
            dnp3=(AnalogInput(18 + n, MILLIVOLTS_16, extended=True),),
            snmp=(Scalar((99, 1, 17 + n), f"block{n}Voltage", number=MILLIVOLTS),),
        )
        for n in _BLOCK
    ),
    *(
        Point(
            f"battery.block{n}.deviation",
            "float",
            f"Voltage of block {n} above the mean of all blocks; negative = below it.",
            unit="V",
            low=-VOLTS_HIGH,
            high=VOLTS_HIGH,
            modbus=(InputRegister(22 + n, MILLIVOLTS_16),),
            dnp3=(AnalogInput(22 + n, MILLIVOLTS_16, extended=True),),
            snmp=(Scalar((99, 1, 21 + n), f"block{n}Deviation", number=MILLIVOLTS),),
        )
        for n in _BLOCK
    ),
    Point(
        "battery.weak_block",
        "int",
        "Number of the block that will end the run, as the discharges since the last replacement "
        "tell; 0 = none stands out; missing without taps.",
        low=0,
        high=4,
        modbus=(InputRegister(27),),
        dnp3=(AnalogInput(27, _SIGNED, extended=True),),
        snmp=(Scalar((99, 1, 26), "weakBlock"),),
    ),
)

SOURCE_POINTS: Final = (
    Point(
        "load.voltage",
        "float",
        "Voltage of the load bus.",
        unit="V",
        low=0.0,
        high=VOLTS_HIGH,
    ),
    Point(
        "load.current",
        "float",
        "Current into the load.",
        unit="A",
        low=0.0,
        high=AMPS_HIGH,
        modbus=(InputRegister(13, MILLIAMPS),),
        dnp3=(AnalogInput(13, MILLIAMPS_16, extended=True),),
        snmp=(Scalar((99, 1, 2), "loadCurrent", number=MILLIAMPS),),
        web=Show("Load Current", decimals=2),
    ),
    Point(
        "supply.voltage",
        "float",
        "Voltage of the power supply.",
        unit="V",
        low=0.0,
        high=VOLTS_HIGH,
        modbus=(InputRegister(2, MILLIVOLTS),),
        dnp3=(AnalogInput(12, MILLIVOLTS_16, extended=True),),
        snmp=(Scalar((3, 23), "powerSupply", number=MILLIVOLTS),),
        web=Show("Supply Voltage", decimals=2),
    ),
    Point(
        "supply.current",
        "float",
        "Current out of the power supply; with a single source, out of that.",
        unit="A",
        low=0.0,
        high=AMPS_HIGH,
    ),
    Point(
        "supply.present",
        "bool",
        f"Supply at {LEAD_ACID.supply_present_v} V per block or more for 10 s.",
    ),
    Point(
        "supply.lost",
        "bool",
        "Alarm: the supply has been gone for 10 s.",
        modbus=(DiscreteInput(9),),
        dnp3=(BinaryInput(9, event=True, extended=True),),
    ),
    Point(
        "charger.voltage",
        "float",
        "Voltage of the charger.",
        unit="V",
        low=0.0,
        high=VOLTS_HIGH,
        modbus=(InputRegister(1, MILLIVOLTS),),
        dnp3=(AnalogInput(1, MILLIVOLTS_16),),
        snmp=(Scalar((99, 1, 3), "chargerVoltage", number=MILLIVOLTS),),
    ),
    Point(
        "charger.current",
        "float",
        "Current out of the charger; missing with a single source.",
        unit="A",
        low=0.0,
        high=AMPS_HIGH,
    ),
    Point(
        "charger.present",
        "bool",
        f"Charger at {LEAD_ACID.charger_present_v} V per block or more for 10 s.",
    ),
)

PATH_POINTS: Final = (
    Point(
        "load.source",
        "enum",
        "What feeds the load, told from the currents: none (it has no power), supply, battery, "
        "charger (by the battery's path), shared (the supply a part of it, battery or charger the "
        "rest).",
        choices=LOAD_SOURCES,
        modbus=(InputRegister(18, Number(convert=source_number)),),
        dnp3=(AnalogInput(18, Number(convert=source_number, signed=True), extended=True),),
        snmp=(
            Scalar(
                (99, 1, 17),
                "loadSource",
                number=Number(convert=source_number),
                names=tuple((word, i) for i, word in enumerate(LOAD_SOURCES)),
            ),
        ),
    ),
    Point(
        "ups.enabled",
        "bool",
        "UPS mode: a failing supply transfers the load to the battery.",
        web=Show("UPS Mode", words=("ON", "OFF"), table="mode"),
    ),
    Point(
        "ups.on_battery",
        "bool",
        "The load runs on the battery because the supply is lost.",
        modbus=(DiscreteInput(7),),
        dnp3=(BinaryInput(7, event=True, extended=True),),
        snmp=(Scalar((99, 1, 9), "upsOnBattery", names=OFF_ON),),
        web=Show("UPS Mode Status", words=("ON", "OFF"), table="mode"),
    ),
    Point(
        "lvd.enabled",
        "bool",
        "Low-voltage disconnect is enabled.",
        modbus=(Coil(1, _LVD),),
        dnp3=(BinaryOutput(1, _LVD),),
        web=Show("Low Voltage Shutdown", words=("Enabled", "Disabled"), table="footer"),
    ),
    Point(
        "lvd.open",
        "bool",
        "The low-voltage disconnect has taken the battery off the load.",
        modbus=(DiscreteInput(8),),
        dnp3=(BinaryInput(8, event=True, extended=True),),
        snmp=(Scalar((99, 1, 10), "lvdOpen", names=OFF_ON),),
    ),
    Point("guard.active", "bool", "The bus guard has connected every source to the load."),
    Point("relay.k1", "bool", "Transfer relay energised: load on the battery."),
    Point("relay.k2", "bool", "Charger relay energised: charger open."),
    Point("relay.k3", "bool", "Battery path relay energised: battery cut off from the load."),
)
