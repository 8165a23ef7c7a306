"""The target: where events are posted, and by which credentials."""

from __future__ import annotations

from typing import Final, NamedTuple
from urllib.parse import urlsplit

from ...model.settings import Settings
from ...net import host_and_port

PORT: Final = 443
REPLY_MOST: Final = 120  # characters of what a server says
_SECRET_LEAST: Final = 6  # shorter parts of an address give nothing away


class WebhookTarget(NamedTuple):
    """All that a delivery depends on. `url` may be empty; `secret` and `authorization` too."""

    url: str
    events: str
    template: str
    secret: str
    authorization: str
    ca_file: str
    cert_file: str
    key_file: str

    @classmethod
    def of(cls, settings: Settings) -> WebhookTarget | None:
        """None while the webhook is off."""
        if not settings.flag("webhook.enabled"):
            return None
        return cls(*(settings.text(f"webhook.{name}") for name in cls._fields))

    def __repr__(self) -> str:
        """Without secrets: this may end up in a log."""
        return f"WebhookTarget({self.where})"

    @property
    def host(self) -> str:
        """As the certificate must name it."""
        return urlsplit(self.url).hostname or ""

    @property
    def port(self) -> int:
        return urlsplit(self.url).port or PORT

    @property
    def where(self) -> str:
        """For people: the host, without the path, which is a password as a rule."""
        return self.host if self.port == PORT else host_and_port(self.host, self.port)

    @property
    def path(self) -> str:
        """Path and query, as they stand in the request."""
        parts = urlsplit(self.url)
        return (parts.path or "/") + (f"?{parts.query}" if parts.query else "")

    def masked(self, text: str) -> str:
        """What a server says, for people: one line, bounded, without any secret of ours."""
        parts = [self.secret, self.authorization, *self.authorization.split()]
        parts += self.path.replace("?", "/").replace("&", "/").replace("=", "/").split("/")
        for part in sorted(set(parts), key=len, reverse=True):
            if len(part) >= _SECRET_LEAST:
                text = text.replace(part, "***")
        plain = "".join(char if char.isprintable() else " " for char in text)
        return " ".join(plain.split())[:REPLY_MOST]
