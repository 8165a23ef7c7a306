"""Fieldbus: Modbus and DNP3, over TCP and over the serial line, on one asyncio loop."""

from __future__ import annotations
