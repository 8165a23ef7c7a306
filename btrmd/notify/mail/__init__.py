"""E-mail: alarms, their clearing and test results to the addresses of the settings."""

from __future__ import annotations
