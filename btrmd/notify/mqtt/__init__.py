"""MQTT: points, events, tests and what was missed, to a broker; commands from it (docs/mqtt.md)."""

from __future__ import annotations
