"""Notifiers: what tells people and machines of events without being asked."""

from __future__ import annotations
