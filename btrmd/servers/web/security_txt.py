"""/.well-known/security.txt (RFC 9116): whom to tell of a hole; the rest is in SECURITY.md."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

from flask import Response

from .routes import Route, RouteAccess
from .services import Services

PATH: Final = "/.well-known/security.txt"
# As SECURITY.md and the package say. example.org is reserved (RFC 2606): nobody reads it, until the
# operator names his own contact in the site file.
CONTACT: Final = "mailto:maintainers@btrmd.example.org"
NOBODY: Final = (
    "# No contact of this unit has been set: the address below is a placeholder (RFC 2606) that\n"
    "# nobody reads. Its operator sets security.contact under [site] in /etc/btrm/btrmd.toml.\n"
)
MONTHS: Final = 6  # valid for so long; RFC 9116, 2.5.5 asks for less than a year


def security_routes(services: Services) -> list[Route]:
    """Open to anybody: who finds a hole has no login."""

    def show() -> Response:
        snapshot = services.bus.snapshot
        text = security_text(snapshot.at, snapshot.settings.site.security_contact)
        return Response(text, content_type="text/plain; charset=utf-8")

    return [Route("GET", PATH, show, RouteAccess.PUBLIC)]


def security_text(at: float, contact: str = "") -> str:
    """The file as of `at` (s since 1970): it expires on the first of a month, in UTC.

    `contact`: the URI of the site file, "" = none.
    """
    now = datetime.fromtimestamp(at, UTC)
    months = now.year * 12 + now.month - 1 + MONTHS
    expires = datetime(months // 12, months % 12 + 1, 1, tzinfo=UTC)
    return (
        "# A hole in btrmd: how it is handled is in SECURITY.md, in /usr/share/doc/btrmd here.\n"
        f"{'' if contact else NOBODY}"
        f"Contact: {contact or CONTACT}\n"
        f"Expires: {expires:%Y-%m-%dT%H:%M:%SZ}\n"
        "Preferred-Languages: en\n"
    )
