"""A TCP port of this machine that nobody uses now."""

from __future__ import annotations

import random
import socket


def free_port() -> int:
    """Below those that Linux gives to clients: whoever knocks at the port of a server that is gone
    may else be given that port, and be connected to himself."""
    while True:
        port = random.randrange(15_000, 30_000)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        return port
