"""journald: log records with their fields, where standard error leads to the journal.

`journalctl -u btrmd BTRM_KEY=supply.lost` finds what happened to one point, `-p warning` what a
person should look at. The protocol is systemd's "Native Journal Protocol": one datagram a record.
"""

from __future__ import annotations

import logging
import os
import socket
import sys
from collections.abc import Mapping

SOCKET = "/run/systemd/journal/socket"
# syslog(3): logging's level -> priority
PRIORITIES = ((logging.CRITICAL, 2), (logging.ERROR, 3), (logging.WARNING, 4), (logging.INFO, 6))
DEBUG = 7


class JournalHandler(logging.Handler):
    """Sends records to the journal at `path`; what it cannot send goes to standard error."""

    def __init__(self, path: str = SOCKET) -> None:
        super().__init__()
        self._path = path
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC)

    def emit(self, record: logging.LogRecord) -> None:
        try:
            text = self.format(record)
            fields = {
                "MESSAGE": text,
                "PRIORITY": str(priority(record.levelno)),
                "SYSLOG_IDENTIFIER": "btrmd",
                "LOGGER": record.name,
                "THREAD_NAME": record.threadName or "",
                **getattr(record, "journal", {}),
            }
            self._socket.sendto(encode_fields(fields), self._path)
        except OSError:  # a journal that restarts, or a record beyond the datagram's size
            sys.stderr.write(f"{record.levelname} {record.name}: {record.getMessage()}\n")

    def close(self) -> None:
        self._socket.close()
        super().close()


def priority(level: int) -> int:
    """syslog's priority of a logging level."""
    return next((number for least, number in PRIORITIES if level >= least), DEBUG)


def encode_fields(fields: Mapping[str, str]) -> bytes:
    """The datagram: KEY=VALUE lines; a value with a line break is given with its length."""
    parts = []
    for key, value in fields.items():
        data = value.encode("utf-8", "surrogateescape")
        if b"\n" in data:
            parts.append(key.encode() + b"\n" + len(data).to_bytes(8, "little") + data + b"\n")
        else:
            parts.append(key.encode() + b"=" + data + b"\n")
    return b"".join(parts)


def leads_to_journal() -> bool:
    """Whether standard error is the stream that systemd connected to the journal."""
    device, _, inode = os.environ.get("JOURNAL_STREAM", "").partition(":")
    try:
        found = os.fstat(sys.stderr.fileno())
    except (OSError, ValueError):
        return False
    return (device, inode) == (str(found.st_dev), str(found.st_ino)) and os.path.exists(SOCKET)
