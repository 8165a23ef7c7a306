"""Files of the helper: small JSON, whole or not at all."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .installer.durable import replace_text

LARGEST = 64 * 1024  # bytes
UPDATE_STATE = "update.json"  # in the helper's own folder
NETWORK_STATE = "network.json"  # in its run folder


def uptime() -> float:
    """s since the machine's start, suspended or not: no clock that somebody may set."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


def write_json(path: Path, data: Mapping[str, object], mode: int = 0o644) -> None:
    """Replace `path` durably; readable for all as told: it holds no secret. Raises OSError."""
    replace_text(path, json.dumps(data), mode)


def read_json(path: Path) -> dict[str, Any]:
    """The object in `path`; empty when it is not there or not understood."""
    try:
        with path.open("rb") as file:
            data = json.loads(file.read(LARGEST))
    except (OSError, ValueError):
        return {}
    return data if isinstance(data, dict) else {}
