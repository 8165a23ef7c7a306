"""The web: pages and JSON API over HTTP."""

from __future__ import annotations

from .accounts import AuthStore
from .server import WebServer

__all__ = ["AuthStore", "WebServer"]
