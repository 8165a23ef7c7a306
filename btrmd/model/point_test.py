"""The points of the capacity test: its state, schedule and last result, and the run time."""

from __future__ import annotations

from typing import Final

from .encoding import TEST_STATES, state_number
from .point import (
    AnalogInput,
    AnalogOutput,
    BinaryInput,
    BinaryOutput,
    Coil,
    DiscreteInput,
    HoldingRegister,
    InputRegister,
    Number,
    Point,
    Rounding,
    Scalar,
    Show,
    Write,
)

_DAY = 86400.0
_LONGEST_S = 417 * _DAY  # 2000 Ah at the 0.2 A a test needs

_MINUTES = Number(divisor=60, rounding=Rounding.DOWN, saturates=True)
_MINUTES_16 = Number(divisor=60, rounding=Rounding.DOWN, signed=True, saturates=True)
_MINUTES_SNMP = Number(divisor=60, rounding=Rounding.DOWN)
_WHOLE_HOURS = Number(divisor=3600, rounding=Rounding.DOWN, signed=True)  # C8
_HOURS_LEFT = Number(divisor=3600, rounding=Rounding.UP)
_HOURS_LEFT_16 = Number(divisor=3600, rounding=Rounding.UP, signed=True)
_SET_MINUTES = Number(divisor=60)
_SET_MINUTES_16 = Number(divisor=60, signed=True)
_SET_HOURS = Number(divisor=3600)
_SET_HOURS_16 = Number(divisor=3600, signed=True)
_DEGREES = Number(signed=True)

_RESET = Write(command="reset_data")
_ENABLE = Write(setting="test.enabled")
_START_STOP = Write(command="start_stop")
_MINIMUM = Write(setting="test.minimum_runtime_min", low=0, high=3200)
_INTERVAL = Write(setting="test.interval_h", low=0, high=500)
_NEXT = Write(setting="test.next_h", low=0, high=500)

TEST_POINTS: Final = (
    Point(
        "capacity.state",
        "enum",
        "Verdict of the last test with one.",
        choices=("unknown", "good", "low"),
        web=Show("Capacity"),
    ),
    Point(
        "test.state",
        "enum",
        "Where the test machine is.",
        choices=TEST_STATES,
        snmp=(
            Scalar(
                (99, 1, 7),
                "testState",
                number=Number(convert=state_number),
                names=(
                    ("idle", 0),
                    ("delayed", 1),
                    ("proving", 2),
                    ("running", 3),
                    ("returning", 4),
                ),
            ),
        ),
    ),
    Point(
        "test.running",
        "bool",
        "A test is proving, running or returning; a delayed start is not running yet.",
        modbus=(Coil(3, _START_STOP), DiscreteInput(6)),
        dnp3=(BinaryOutput(3, _START_STOP), BinaryInput(6, event=True, extended=True)),
        snmp=(
            Scalar((99, 1, 8), "testStart", names=(("stop", 0), ("start", 1)), write=_START_STOP),
        ),
        web=Show("Test Status", words=("ON", "OFF"), table="mode"),
    ),
    Point(
        "test.result",
        "enum",
        "Result of the last finished test.",
        choices=("none", "good", "low", "aborted"),
    ),
    Point(
        "test.failed",
        "bool",
        "The last finished test was low or aborted.",
        modbus=(DiscreteInput(10),),
        dnp3=(BinaryInput(10, event=True, extended=True),),
    ),
    Point("test.number", "int", "Number of the running test, else of the last one.", low=0),
    Point(
        "test.reason",
        "text",
        "Why the last start was refused or the last test ended, in one sentence.",
        snmp=(Scalar((99, 1, 11), "lastReason", syntax="DisplayString"),),
    ),
    Point(
        "test.data_present",
        "bool",
        "There are test results; writing 1 clears them.",
        modbus=(Coil(0, _RESET),),
        dnp3=(BinaryOutput(0, _RESET),),
    ),
    Point(
        "test.enabled",
        "bool",
        "Scheduled tests are enabled.",
        modbus=(Coil(2, _ENABLE),),
        dnp3=(BinaryOutput(2, _ENABLE),),
    ),
    Point(
        "test.interval",
        "float",
        "Time from one scheduled test to the next; 0 = no repeat.",
        unit="s",
        low=0,
        high=500 * 3600,
        modbus=(InputRegister(8, _SET_HOURS), HoldingRegister(1, _INTERVAL, _SET_HOURS)),
        dnp3=(AnalogInput(7, _SET_HOURS_16), AnalogOutput(1, _INTERVAL, _SET_HOURS_16)),
    ),
    Point(
        "test.next",
        "float",
        "Time to the next scheduled test; stands still while tests are disabled.",
        unit="s",
        low=0,
        high=500 * 3600,
        modbus=(InputRegister(9, _HOURS_LEFT), HoldingRegister(2, _NEXT, _HOURS_LEFT)),
        dnp3=(AnalogInput(8, _HOURS_LEFT_16), AnalogOutput(2, _NEXT, _HOURS_LEFT_16)),
    ),
    Point(
        "test.waiting",
        "text",
        "Why a scheduled test that is due has not begun, in one sentence; empty while none is due.",
        snmp=(Scalar((99, 1, 16), "testWaiting", syntax="DisplayString"),),
    ),
    Point(
        "test.start_in",
        "float",
        "Time to the delayed manual start; missing without one.",
        unit="s",
        low=0,
        high=500 * 3600,
    ),
    Point("test.elapsed", "float", "Time since the load moved in the running test.", unit="s"),
    Point("test.last_at", "float", "When the last test ended, seconds since 1970 (UTC).", unit="s"),
    Point(
        "test.last_duration",
        "float",
        "Length of the last test.",
        unit="s",
        low=0,
        high=_LONGEST_S,
        snmp=(Scalar((3, 25), "lastRunTime", number=_MINUTES_SNMP),),
    ),
    Point("test.last_current", "float", "Mean discharge current of the last test.", unit="A"),
    Point(
        "test.last_temperature",
        "float",
        "Mean enclosure temperature of the last test.",
        unit="°C",
        low=-55,
        high=128,
        modbus=(InputRegister(7, _DEGREES),),
        dnp3=(AnalogInput(6, _DEGREES),),
    ),
    Point("test.last_voltage", "float", "Battery voltage at the end of the last test.", unit="V"),
)

RUNTIME_POINTS: Final = (
    Point(
        "runtime.estimate",
        "float",
        "Time from test start to the cutoff at the mean load of the last finished test; the "
        "running estimate in a test; not known before the first.",
        unit="s",
        low=0,
        high=_LONGEST_S,
        modbus=(InputRegister(6, _MINUTES), InputRegister(16, _MINUTES)),
        dnp3=(AnalogInput(5, _WHOLE_HOURS), AnalogInput(16, _MINUTES_16, extended=True)),
        snmp=(Scalar((3, 24), "expectedRunTime", number=_MINUTES_SNMP),),
    ),
    Point("runtime.estimate_low", "float", "Lower end of the estimate's 90 % interval.", unit="s"),
    Point("runtime.estimate_high", "float", "Upper end of the estimate's 90 % interval.", unit="s"),
    Point(
        "runtime.remaining",
        "float",
        "Time left to the cutoff in an outage; not known while a charger carries the load.",
        unit="s",
    ),
    Point(
        "runtime.minimum",
        "float",
        "Run time the battery must reach; 0 = no judgement.",
        unit="s",
        low=0,
        high=3200 * 60,
        modbus=(InputRegister(5, _SET_MINUTES), HoldingRegister(0, _MINIMUM, _SET_MINUTES)),
        dnp3=(AnalogInput(4, _SET_MINUTES_16), AnalogOutput(0, _MINIMUM, _SET_MINUTES_16)),
    ),
)
