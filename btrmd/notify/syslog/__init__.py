"""Syslog: every event to a remote server by RFC 5424, over UDP or TCP."""

from __future__ import annotations
