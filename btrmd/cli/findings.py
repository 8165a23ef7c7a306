"""The findings of the files: what a daemon that starts on them would complain of."""

from __future__ import annotations

from pathlib import Path

from ..hal.config import find_hardware_file, load_hardware
from ..model.errors import BtrmError
from ..store.settings_file import load_settings


def file_findings(config_dir: Path) -> list[str]:
    """What is wrong in site file, settings and hardware.toml, one sentence each; only reads."""
    found: list[str] = []
    if not config_dir.is_dir():
        found.append(f"There is no folder {config_dir}: only defaults are in force.")
    try:
        found += load_settings(config_dir, aside=False).faults
    except BtrmError as error:
        found.append(str(error))
    try:
        load_hardware(find_hardware_file(config_dir))
    except BtrmError as error:
        found.append(str(error))
    return found
