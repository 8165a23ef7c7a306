"""The settings of logins by RADIUS, which stand on the Integrations page."""

from __future__ import annotations

from typing import Final

from .setting import Section
from .setting_mqtt import INTEGRATIONS

RADIUS_ROLES: Final = ("none", "viewer", "operator", "admin")

_RADIUS = Section(INTEGRATIONS, "Logins by RADIUS")

RADIUS_SETTINGS: Final = (
    _RADIUS.setting(
        "radius.enabled",
        "bool",
        False,
        "Ask a RADIUS server about logins whose name is none of this unit's own; its own users log "
        "in as before, with or without that server.",
        label="Enable",
    ),
    _RADIUS.setting(
        "radius.server",
        "text",
        "",
        "Name or address of the RADIUS server.",
        max_length=253,
        format="host",
        label="Server",
    ),
    _RADIUS.port("radius.port", 1812, "UDP port of the server."),
    _RADIUS.setting(
        "radius.secret",
        "text",
        "",
        "Secret shared with the server.",
        max_length=128,
        secret=True,
        label="Shared secret",
    ),
    _RADIUS.setting(
        "radius.role",
        "enum",
        "none",
        "Role of whom the server accepts without a Filter-Id that says viewer, operator or admin; "
        "none = refused.",
        choices=RADIUS_ROLES,
        choice_labels=("None", "Viewer", "Operator", "Admin"),
        label="Role without Filter-Id",
    ),
    _RADIUS.setting(
        "radius.signed",
        "bool",
        True,
        "Take no answer without a Message-Authenticator: without it somebody between the two can "
        "turn a refusal into a consent (CVE-2024-3596).",
        label="Signed answers only",
    ),
)
