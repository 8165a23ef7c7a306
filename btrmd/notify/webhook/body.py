"""The body: one event as the template wants it, and its signature."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping

from ...docgen.json_text import dumps, encode_event
from ...model.alarms import advice_of
from ...model.events import Event, Kind, raised_severity
from ...model.snapshot import Snapshot
from ...model.webhook_template import read_template, render
from .target import WebhookTarget


def webhook_fields(event: Event, snapshot: Snapshot, link: str) -> Mapping[str, object]:
    """The value of every field of webhook_template.FIELDS."""
    settings = snapshot.settings
    is_alarm = event.kind is Kind.RAISE
    return {
        **encode_event(event),
        "severity": raised_severity(event) or "info",
        "advice": advice_of(event.key) if is_alarm else "",
        "serial": str(snapshot.points["system.serial"].value or ""),
        "name": settings.text("site.name"),
        "location": settings.text("site.location"),
        "contact": settings.text("site.contact"),
        "link": link,
    }


def webhook_body(target: WebhookTarget, fields: Mapping[str, object]) -> tuple[bytes, str]:
    """The body and its content type."""
    template = read_template(target.template)
    if not target.template:
        return dumps(fields), "application/json"
    kind = "application/json" if template.is_json else "text/plain; charset=utf-8"
    return render(template, fields), kind


def signature(secret: str, body: bytes) -> str:
    """The header X-Btrm-Signature: sha256= and the HMAC (RFC 2104) of the body, in hex."""
    return "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
