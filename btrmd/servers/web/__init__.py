"""The web: pages and JSON API over HTTP."""

from __future__ import annotations

from .flask_parts import import_flask

import_flask()  # before any module here asks for Flask

from .accounts import AuthStore  # noqa: E402
from .server import WebServer  # noqa: E402

__all__ = ["AuthStore", "WebServer"]
