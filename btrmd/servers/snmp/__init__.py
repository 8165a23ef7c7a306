"""SNMP: an agent for v1, v2c and v3 over the point table, on a thread of its own."""

from __future__ import annotations
