"""Files of the helper: small JSON, whole or not at all."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .installer.durable import replace_text

STALE_S = 3600.0  # an "installing" nobody has finished for so long blocks nothing any more
LARGEST = 64 * 1024  # bytes
UPDATE_STATE = "update.json"  # in the helper's own folder
NETWORK_STATE = "network.json"  # in its run folder


def uptime() -> float:
    """s since the machine's start, suspended or not: no clock that somebody may set."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


def boot_id() -> str:
    """Which start of the machine this is; "" where the kernel does not tell."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:
        return ""


def moved_now() -> dict[str, object]:
    """When a move was made, for a file that outlives the process: the wall time for people, and the
    machine's start and the s since then for what is measured from it."""
    return {"at": time.time(), "boot": boot_id(), "since": uptime()}


def age_s(state: Mapping[str, Any]) -> float:
    """s since the move that `state` tells of; after a restart of the machine, s since that.
    Infinite where it does not tell when."""
    since = state.get("since")
    if not isinstance(since, int | float):
        return math.inf
    return max(0.0, uptime() - (since if state.get("boot") == boot_id() else 0.0))


def is_installing(update: Mapping[str, Any]) -> bool:
    """An update is under way, by the file in which it tells of itself."""
    return update.get("state") == "installing" and age_s(update) < STALE_S


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
