"""UPS-MIB: a capacity test never looks like an outage, an outage always does (R144)."""

from __future__ import annotations

import pytest
from snmp_station import make_snapshot

from btrmd.model import ups_view as view
from btrmd.model.readings import Value
from btrmd.model.settings import Settings
from btrmd.servers.nut.variables import status
from btrmd.servers.snmp import ups_mib as ups
from btrmd.servers.snmp.tree import Tree

TREE = Tree(ups.ups_leaves())


def read(*oid: int, settings: Settings | None = None, **values: Value) -> object:
    leaf = TREE.get((*ups.UPS, *oid))
    assert leaf is not None
    return leaf.read(make_snapshot(settings, **values))


IN_TEST = {"test__running": True, "test__state": "running"}


@pytest.mark.parametrize("state", ["proving", "running", "returning"])
def test_a_capacity_test_is_a_test_on_a_normal_source(state: str) -> None:
    values: dict[str, Value] = {**IN_TEST, "test__state": state}
    assert read(4, 1, 0, **values) == ups.SOURCE_NORMAL
    assert read(2, 1, 0, **values) == view.NORMAL
    assert read(7, 1, 0, **values) == "1.3.6.1.2.1.33.1.7.7.4"
    calibration = Settings.defaults(overrides={"snmp.ups_calibration": True})
    assert read(7, 1, 0, settings=calibration, **values) == "1.3.6.1.2.1.33.1.7.7.5"
    assert read(7, 3, 0, **values) == view.IN_PROGRESS


def test_an_outage_is_one_also_when_a_test_was_running() -> None:
    for values in ({}, IN_TEST):
        assert read(4, 1, 0, ups__on_battery=True, **values) == ups.SOURCE_BATTERY
        assert read(7, 1, 0, ups__on_battery=True, **values) == "1.3.6.1.2.1.33.1.7.7.1"


def test_low_means_the_real_limit() -> None:
    assert read(2, 1, 0) == view.NORMAL
    assert read(2, 1, 0, battery__low_voltage=True) == view.LOW
    assert read(2, 1, 0, ups__on_battery=True, runtime__remaining=301.0) == view.NORMAL
    assert read(2, 1, 0, ups__on_battery=True, runtime__remaining=300.0) == view.LOW
    assert read(2, 1, 0, runtime__remaining=10.0) == view.NORMAL, "no outage"
    assert read(2, 1, 0, lvd__open=True) == view.DEPLETED
    assert read(2, 1, 0, battery__voltage=None) == view.UNKNOWN


def test_a_load_without_power_is_neither_on_line_nor_on_battery() -> None:
    """Whatever ups.on_battery says behind an open LVD, through which no battery feeds anything."""
    for on_battery in (False, True):
        values: dict[str, Value] = {
            "load__source": "none", "load__voltage": 0.0, "load__current": 0.0, "lvd__open": True,
            "ups__on_battery": on_battery, "runtime__estimate": 7259.0,
            "runtime__remaining": None if not on_battery else 600.0,
        }  # fmt: skip
        assert read(4, 1, 0, **values) == ups.SOURCE_NONE
        assert read(2, 3, 0, **values) == 0, "nothing is left that could carry it"
        assert status(make_snapshot(**values)) == "OFF LB"
    off: dict[str, Value] = {"load__source": "none", "ups__enabled": False}
    assert read(4, 1, 0, **off) == ups.SOURCE_NONE
    assert status(make_snapshot(**off)) == "OFF"


def test_a_load_that_reads_dark_while_the_battery_carries_it_is_on_battery() -> None:
    """A load reading that lies must not take from hosts the word on which they shut down."""
    values: dict[str, Value] = {"load__source": "none", "ups__on_battery": True}
    assert read(4, 1, 0, **values) == ups.SOURCE_BATTERY
    assert status(make_snapshot(**values, battery__low_voltage=True)) == "OB LB"


def test_a_supply_that_is_back_behind_an_open_lvd_is_on_line() -> None:
    assert read(4, 1, 0, lvd__open=True) == ups.SOURCE_NORMAL
    assert status(make_snapshot(lvd__open=True)) == "OL LB"


def test_measurements_are_in_the_units_of_rfc_1628() -> None:
    assert read(2, 5, 0) == 134  # 0.1 V
    assert read(2, 4, 0, battery__charge=87.6) == 88  # %
    assert read(2, 4, 0) is None
    assert read(2, 6, 0) == -15  # 0.1 A
    assert read(2, 7, 0) == -12  # degrees Celsius
    assert read(3, 3, 1, 3, 1) == 13  # V
    assert read(4, 4, 1, 3, 1) == 10  # 0.1 A
    assert read(4, 4, 1, 4, 1) == 14  # W
    assert read(4, 4, 1, 5, 1) == 5  # % of 20 A
    assert read(2, 3, 0, runtime__estimate=7259.0) == 120  # min
    assert read(2, 3, 0) is None


def test_results_of_tests() -> None:
    for result, number in (("good", 1), ("low", 3), ("aborted", 4), ("none", 6)):
        assert read(7, 3, 0, test__result=result) == number
