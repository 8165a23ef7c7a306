"""The settings of the NUT server, which stand on the Integrations page (R145)."""

from __future__ import annotations

from typing import Final

from .setting import Setting
from .setting_mqtt import INTEGRATIONS

_GROUP: Final = "NUT server"

NUT_SETTINGS: Final = (
    Setting(
        "nut.enabled",
        "bool",
        False,
        "Serve UPS monitors (upsmon, upsc) by the protocol of Network UPS Tools, as UPS btrm.",
        page=INTEGRATIONS,
        group=_GROUP,
        label="Enable",
    ),
    Setting(
        "nut.port",
        "int",
        3493,
        "TCP port.",
        low=1,
        high=65535,
        page=INTEGRATIONS,
        group=_GROUP,
        label="Port",
    ),
    Setting(
        "nut.user",
        "text",
        "",
        "User name of monitors and of who may start and stop a test; empty = nobody logs in.",
        max_length=32,
        page=INTEGRATIONS,
        group=_GROUP,
        label="User",
    ),
    Setting(
        "nut.password",
        "text",
        "",
        "Password of that user; it travels unprotected.",
        max_length=64,
        secret=True,
        page=INTEGRATIONS,
        group=_GROUP,
        label="Password",
    ),
    Setting(
        "nut.commands",
        "bool",
        False,
        "That user may start and stop a test.",
        page=INTEGRATIONS,
        group=_GROUP,
        label="Allow commands",
    ),
    Setting(
        "nut.allow",
        "text",
        "",
        "Who may connect: addresses or networks separated by commas; empty = anyone.",
        max_length=1024,
        format="cidr_list",
        page=INTEGRATIONS,
        group=_GROUP,
        label="Allowed clients",
    ),
)
