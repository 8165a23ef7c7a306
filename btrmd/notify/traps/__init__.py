"""SNMP notifications: v1 traps, v2c traps and informs to the receivers of the settings."""

from __future__ import annotations
