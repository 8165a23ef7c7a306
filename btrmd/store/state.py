"""The table of state: what the core must know again after a restart, as JSON."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping

CORE = "core"


def encode_state(state: Mapping[str, object]) -> str:
    """Raises TypeError or ValueError when something in it is no JSON."""
    return json.dumps(state, separators=(",", ":"), ensure_ascii=False)


def store_state(connection: sqlite3.Connection, text: str, key: str = CORE) -> None:
    connection.execute("INSERT OR REPLACE INTO state (key, value) VALUES (?, ?)", (key, text))


def select_state(connection: sqlite3.Connection, key: str = CORE) -> dict[str, object] | None:
    """The state last stored; None when there is none or it cannot be read."""
    row = connection.execute("SELECT value FROM state WHERE key = ?", (key,)).fetchone()
    if row is None:
        return None
    try:
        found = json.loads(row[0])
    except ValueError:
        return None
    return found if isinstance(found, dict) else None
