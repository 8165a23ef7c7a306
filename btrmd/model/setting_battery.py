"""The settings of the Battery Test and Port Options pages (manual 7.3 and 9)."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from .battery_table import EXAMPLE, MAX_LENGTH
from .chemistry import LEAD_ACID
from .setting import Section, Setting

BATTERY_TEST: Final = "Battery Test"
PORT_OPTIONS: Final = "Port Options"

# Manual 7.3 for 12 and 24 V; 36 and 48 V by C16. The 24 V row's upper end is as printed.
TYPE2_MINIMUM_MV: Final[Mapping[int, tuple[int, int, int]]] = MappingProxyType(
    {
        12: (10500, 12500, 11800),
        24: (21000, 27000, 23600),
        36: (31500, 37500, 35400),
        48: (42000, 50000, 47200),
    }
)  # system voltage V -> (low, high, default) mV

BATTERY_TYPES: Final = ("unknown", "agm", "gel", "flooded", "tubular", "pure-lead")

_IO2_LABELS = ("Analog Input", "Digital Input Alarm if < 1V", "Digital Input Alarm if > 2V")
_IO1_LABELS = (
    *_IO2_LABELS,
    "Digital Out Normally Low",
    "Digital Out Normally Open, Low On Alarm",
)

# For 12 and 24 V, as the manual prints its limits.
_LVD_OFF = f"{LEAD_ACID.lvd_open_v:.1f}/{2 * LEAD_ACID.lvd_open_v:.1f}"
_LVD_ON = f"{LEAD_ACID.lvd_close_v[1]:.1f}/{LEAD_ACID.lvd_close_v[2]:.1f}"
_UPS = f"{LEAD_ACID.ups_transfer_v:.1f}/{2 * LEAD_ACID.ups_transfer_v:.1f}"

_CAPACITY = Section(BATTERY_TEST, "Capacity Test Settings")
_TYPE_1 = Section(BATTERY_TEST, "Type 1")
_BATTERY = Section(BATTERY_TEST, "Battery")
_TYPE_2 = Section(BATTERY_TEST, "Type 2")
_WINDOW = Section(BATTERY_TEST, "Test Window")
_VOLTAGE = Section(PORT_OPTIONS, "System Voltage")

BATTERY_SETTINGS: Final = (
    _CAPACITY.setting(
        "test.enabled",
        "bool",
        False,
        "Run the capacity test by schedule.",
        label="Enable Capacity Test",
    ),
    _CAPACITY.setting(
        "test.interval_h",
        "int",
        336,
        "Hours from one scheduled test to the next; 0 = no repeat.",
        unit="h",
        low=0,
        high=500,
        label="Test Scheduled Every",
    ),
    _CAPACITY.setting(
        "test.next_h",
        "int",
        336,
        "Hours until the next scheduled test; counts down while tests are enabled.",
        unit="h",
        low=0,
        high=500,
        live=True,
        label="Time to Next Test",
    ),
    _CAPACITY.setting(
        "test.type",
        "enum",
        1,
        "What a test is: 1 estimates the run time from a part of the discharge, 2 discharges for "
        "a set time and judges the end voltage.",
        choices=(1, 2),
        choice_labels=("Type 1", "Type 2"),
        label="Test Type",
    ),
    _TYPE_1.setting(
        "test.minimum_runtime_min",
        "int",
        240,
        "Run time the battery must reach; a shorter estimate flags the capacity low. 0 = no "
        "judgement.",
        unit="min",
        low=0,
        high=3200,
        label="Minimum Runtime",
    ),
    _TYPE_1.setting(
        "battery.rated_ah",
        "float",
        None,
        "Rated capacity of the bank (20 h figure); sets the length of a Type 1 test and sharpens "
        "the estimate. none = not known.",
        unit="Ah",
        low=1,
        high=2000,
        optional=True,
        label="Battery Rating",
    ),
    _BATTERY.setting(
        "battery.type",
        "enum",
        "unknown",
        "Kind of lead-acid battery; tells how the end of a discharge looks. unknown = the curves "
        "must show it.",
        choices=BATTERY_TYPES,
        choice_labels=("Not known", "AGM", "Gel", "Flooded", "Tubular (OPzS, OPzV)", "Pure lead"),
        label="Battery Type",
    ),
    _BATTERY.setting(
        "battery.table",
        "text",
        "",
        "The maker's table for one string at 20 to 25 °C: how long it carries a load down to an "
        f"end voltage, a row like {EXAMPLE}. Loads in A, W/cell or W/block, all the same; times in "
        "min or h; ends in V/cell or V/block (12 V). Empty = not known.",
        max_length=MAX_LENGTH,
        format="battery_table",
        label="Maker's Table",
    ),
    _TYPE_2.setting(
        "test.type2_min",
        "int",
        60,
        "Length of a Type 2 test.",
        unit="min",
        low=1,
        high=999,
        label="Test Run Battery For",
    ),
    _TYPE_2.setting(
        "test.type2_minimum_mv",
        "int",
        11800,
        "Battery voltage that must remain at the end of a Type 2 test. The range follows the "
        "system voltage: 10500..12500 (default 11800) at 12 V, 21000..27000 (23600) at 24 V, "
        "31500..37500 (35400) at 36 V, 42000..50000 (47200) at 48 V.",
        unit="mV",
        low=10500,
        high=50000,
        label="Minimum Voltage",
    ),
    _WINDOW.setting(
        "test.window_days",
        "text",
        "",
        "Days on which a scheduled test may start; empty = every day.",
        max_length=40,
        format="day_list",
        label="Days",
    ),
    _WINDOW.setting(
        "test.window_from_h",
        "int",
        0,
        "Hour (UTC) from which a scheduled test may start.",
        unit="h",
        low=0,
        high=23,
        label="From",
    ),
    _WINDOW.setting(
        "test.window_to_h",
        "int",
        24,
        "Hour (UTC) before which it must start; not above From = on the next day.",
        unit="h",
        low=0,
        high=24,
        label="To",
    ),
    _WINDOW.setting(
        "test.blackout",
        "text",
        "",
        "Dates (UTC) on which no scheduled test starts; empty = none.",
        max_length=400,
        format="date_list",
        label="Blackout Dates",
    ),
)

PORT_SETTINGS: Final = (
    Setting(
        "io1.config",
        "enum",
        0,
        "What IO channel 1 does: 0 measures only, 1 alarms below 1 V, 2 alarms above 2 V, 3 is an "
        "output that is low at rest and opens on a battery fault, 4 is an output that is open at "
        "rest and goes low on a battery fault.",
        choices=(0, 1, 2, 3, 4),
        choice_labels=_IO1_LABELS,
        page=PORT_OPTIONS,
        group="IO Channel 1",
        label="IO Channel 1",
    ),
    Setting(
        "io2.config",
        "enum",
        0,
        "What IO channel 2 does: 0 measures only, 1 alarms below 1 V, 2 alarms above 2 V; 3 and 4 "
        "as channel 1 where the site file makes channel 2 an output.",
        choices=(0, 1, 2, 3, 4),
        choice_labels=_IO1_LABELS,
        page=PORT_OPTIONS,
        group="IO Channel 2",
        label="IO Channel 2",
    ),
    _VOLTAGE.setting(
        "system.voltage",
        "enum",
        12,
        "Nominal voltage of the plant; 36 and 48 on the BTRM400 only.",
        unit="V",
        choices=(12, 24, 36, 48),
        choice_labels=("12V System", "24V System", "36V System", "48V System"),
        label="System Voltage",
    ),
    _VOLTAGE.setting(
        "system.single_source",
        "bool",
        False,
        "One source feeds supply and charger terminals, which are joined.",
        label="Single Source",
    ),
    *(
        Setting(
            f"block.tap{n}",
            "enum",
            "none",
            f"IO channel that is wired to the tap above block {n}, counted from Battery-; by a "
            "fuse of 100 mA at the tap. none = there is no such wire, nor one above it.",
            choices=("none", "ch2", "ch3", "ch4"),
            choice_labels=("None", "CH2", "CH3", "CH4"),
            page=PORT_OPTIONS,
            group="Block Voltages",
            label=f"Tap {n}",
        )
        for n in (1, 2, 3)
    ),
    Setting(
        "lvd.enabled",
        "bool",
        False,
        f"Take the load off a nearly empty battery (off at {_LVD_OFF} V, on at {_LVD_ON} V).",
        page=PORT_OPTIONS,
        group="Low Voltage Load Disconnect",
        label="Enable",
    ),
    Setting(
        "ups.enabled",
        "bool",
        True,
        f"Transfer the load to the battery when the load bus falls below {_UPS} V.",
        page=PORT_OPTIONS,
        group="UPS Mode",
        label="Enable",
    ),
)
