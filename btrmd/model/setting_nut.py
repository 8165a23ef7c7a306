"""The settings of the NUT server, which stand on the Integrations page (R145)."""

from __future__ import annotations

from typing import Final

from .setting import Section
from .setting_mqtt import INTEGRATIONS

_NUT = Section(INTEGRATIONS, "NUT server")

NUT_SETTINGS: Final = (
    _NUT.setting(
        "nut.enabled",
        "bool",
        False,
        "Serve UPS monitors (upsmon, upsc) by the protocol of Network UPS Tools, as UPS btrm.",
        label="Enable",
    ),
    _NUT.port("nut.port", 3493),
    _NUT.setting(
        "nut.user",
        "text",
        "",
        "User name of monitors and of who may start and stop a test; empty = nobody logs in.",
        max_length=32,
        label="User",
    ),
    _NUT.setting(
        "nut.password",
        "text",
        "",
        "Password of that user; it travels unprotected.",
        max_length=64,
        secret=True,
        label="Password",
    ),
    _NUT.setting(
        "nut.commands",
        "bool",
        False,
        "That user may start and stop a test.",
        label="Allow commands",
    ),
    _NUT.allowed_clients("nut.allow"),
)
