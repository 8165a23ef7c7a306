"""The unit's identity: what tells this daemon from every other one, here and elsewhere."""

from __future__ import annotations

from pathlib import Path

MACHINE_ID = Path("/etc/machine-id")


def unit_id(state_dir: Path) -> str:
    """The same after every restart, different for each state folder and each machine."""
    try:
        machine = MACHINE_ID.read_text().strip()
    except OSError:
        machine = ""
    return f"{machine} {state_dir.resolve()}"
