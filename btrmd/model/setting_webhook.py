"""The settings of the webhook, which stand on the Integrations page."""

from __future__ import annotations

from typing import Final

from .setting import Section
from .setting_mqtt import INTEGRATIONS
from .webhook_template import MOST

WEBHOOK_EVENTS: Final = ("alarms", "all")

_WEBHOOK = Section(INTEGRATIONS, "Webhook")

WEBHOOK_SETTINGS: Final = (
    _WEBHOOK.setting(
        "webhook.enabled",
        "bool",
        False,
        "Post events to an HTTPS server: Teams, Slack, Telegram, ntfy, one of your own.",
        label="Enable",
    ),
    _WEBHOOK.setting(
        "webhook.url",
        "text",
        "",
        "Where events are posted. It is kept like a password, since for most services it is one.",
        max_length=500,
        format="https_url",
        secret=True,
        label="Address (URL)",
    ),
    _WEBHOOK.setting(
        "webhook.events",
        "enum",
        "alarms",
        "Which events: what is mailed too (alarms as they come and go, results of tests, LVD), or "
        "every line of the event log.",
        choices=WEBHOOK_EVENTS,
        choice_labels=("Alarms and results", "All"),
        label="Events",
    ),
    _WEBHOOK.setting(
        "webhook.template",
        "text",
        "",
        "The body, with fields such as ${text}; empty = a JSON object with every field "
        "(docs/webhook.md has those of Teams, Slack, Telegram and ntfy).",
        max_length=MOST,
        format="webhook_template",
        label="Template",
    ),
    _WEBHOOK.setting(
        "webhook.secret",
        "text",
        "",
        "Shared secret: the header X-Btrm-Signature is the body's HMAC-SHA256 by it; empty = none.",
        max_length=128,
        secret=True,
        label="Shared secret",
    ),
    _WEBHOOK.setting(
        "webhook.authorization",
        "text",
        "",
        'The header Authorization as a whole, such as "Bearer abc"; empty = none.',
        max_length=500,
        format="header",
        secret=True,
        label="Authorization",
    ),
    _WEBHOOK.setting(
        "webhook.ca_file",
        "text",
        "",
        "PEM file of the authority that signed the server's certificate; empty = the system's.",
        max_length=255,
        format="path",
        label="CA file",
    ),
    _WEBHOOK.setting(
        "webhook.cert_file",
        "text",
        "",
        "PEM file of this unit's own certificate, where the server asks for one; empty = none.",
        max_length=255,
        format="path",
        label="Certificate file",
    ),
    _WEBHOOK.setting(
        "webhook.key_file",
        "text",
        "",
        "PEM file of that certificate's key, without a passphrase; empty = it is in the same file.",
        max_length=255,
        format="path",
        label="Key file",
    ),
)
