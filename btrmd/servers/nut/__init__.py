"""NUT: the station as a UPS to monitors of Network UPS Tools (RFC 9271)."""

from __future__ import annotations
