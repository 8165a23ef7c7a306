"""The certificate file: CONFIG_DIR/tls/server.pem, key and certificate, for the service alone."""

from __future__ import annotations

import logging
from pathlib import Path

from ..store.atomic import keep_aside, write_atomic

log = logging.getLogger(__name__)

FOLDER_MODE = 0o700
FILE_MODE = 0o600


class TlsFile:
    """What servers/web asks of its store."""

    def __init__(self, config_dir: Path) -> None:
        self._path = config_dir / "tls" / "server.pem"
        self._is_unread = False

    def load(self) -> bytes | None:
        try:
            pem = self._path.read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            self._is_unread = True  # it may be the owner's: never overwrite it
            log.error("%s cannot be read: %s", self._path, error)
            return None
        self._is_unread = False
        return pem

    def save(self, pem: bytes) -> None:
        """Durable when it returns; raises OSError."""
        self._path.parent.mkdir(mode=FOLDER_MODE, exist_ok=True)
        if self._is_unread and self._path.exists():
            keep_aside(self._path)
        self._is_unread = False
        write_atomic(self._path, pem, FILE_MODE)
