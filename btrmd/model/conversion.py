"""Conversions of a point's value into a protocol's number, where a scale is not enough."""

from __future__ import annotations

import re

from .readings import Value

TEST_STATES = ("idle", "delayed", "proving", "running", "returning")
LOAD_SOURCES = ("none", "supply", "battery", "charger", "shared")
_VERSION = re.compile(r"v?(\d{1,3})\.(\d{1,2})")


def voltage_code(value: Value) -> Value:
    """System voltage in V as the manual's selection: 12 -> 1, 24 -> 2, 36 -> 3, 48 -> 4."""
    return int(value) // 12 if isinstance(value, int | float) else None


def code_voltage(raw: int) -> Value:
    """The manual's selection as V; 1..4 are the caller's range."""
    return raw * 12


def firmware_register(value: Value) -> Value:
    """A version as major*100 + its first two minor digits (C12): "v2.616" -> 261, "1.30" -> 130."""
    match = _VERSION.match(value) if isinstance(value, str) else None
    return int(match[1]) * 100 + int(match[2]) if match else None


def charge_part(value: Value) -> Value:
    """Battery current while it charges, A; 0 while it discharges."""
    return max(value, 0.0) if isinstance(value, int | float) else None


def discharge_part(value: Value) -> Value:
    """Battery current while it discharges, A, positive; 0 while it charges."""
    return max(-value, 0.0) if isinstance(value, int | float) else None


def state_number(value: Value) -> Value:
    """test.state as its SNMP enumeration: idle 0, delayed 1, proving 2, running 3, returning 4."""
    return TEST_STATES.index(value) if value in TEST_STATES else None


def source_number(value: Value) -> Value:
    """load.source as a number: none 0, supply 1, battery 2, charger 3, shared 4."""
    return LOAD_SOURCES.index(value) if value in LOAD_SOURCES else None
