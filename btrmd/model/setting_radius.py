"""The settings of logins by RADIUS, which stand on the Integrations page."""

from __future__ import annotations

from typing import Final

from .setting import Setting
from .setting_mqtt import INTEGRATIONS

RADIUS_ROLES: Final = ("none", "viewer", "operator", "admin")
_GROUP: Final = "Logins by RADIUS"

RADIUS_SETTINGS: Final = (
    Setting(
        "radius.enabled",
        "bool",
        False,
        "Ask a RADIUS server about logins whose name is none of this unit's own; its own users log "
        "in as before, with or without that server.",
        page=INTEGRATIONS,
        group=_GROUP,
        label="Enable",
    ),
    Setting(
        "radius.server",
        "text",
        "",
        "Name or address of the RADIUS server.",
        max_length=253,
        format="host",
        page=INTEGRATIONS,
        group=_GROUP,
        label="Server",
    ),
    Setting(
        "radius.port",
        "int",
        1812,
        "UDP port of the server.",
        low=1,
        high=65535,
        page=INTEGRATIONS,
        group=_GROUP,
        label="Port",
    ),
    Setting(
        "radius.secret",
        "text",
        "",
        "Secret shared with the server.",
        max_length=128,
        secret=True,
        page=INTEGRATIONS,
        group=_GROUP,
        label="Shared secret",
    ),
    Setting(
        "radius.role",
        "enum",
        "none",
        "Role of whom the server accepts without a Filter-Id that says viewer, operator or admin; "
        "none = refused.",
        choices=RADIUS_ROLES,
        choice_labels=("None", "Viewer", "Operator", "Admin"),
        page=INTEGRATIONS,
        group=_GROUP,
        label="Role without Filter-Id",
    ),
    Setting(
        "radius.signed",
        "bool",
        True,
        "Take no answer without a Message-Authenticator: without it somebody between the two can "
        "turn a refusal into a consent (CVE-2024-3596).",
        page=INTEGRATIONS,
        group=_GROUP,
        label="Signed answers only",
    ),
)
