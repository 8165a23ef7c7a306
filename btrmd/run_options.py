"""The run options: what the daemon is told by whoever starts it, validated."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from .paths import CONFIG_DIR, STATE_DIR
from .paths import run_dir as run_dir_of


@dataclass(frozen=True, slots=True)
class SerialOption:
    """A serial line by option: it overrules the `serial.*` settings. `device` "none" = off."""

    device: str
    protocol: str = "modbus"
    baud: int = 9600
    parity: str = "even"  # none, even, odd: the words of the setting serial.parity


@dataclass(frozen=True, slots=True)
class RunOptions:
    """`http` .. `nut`: "HOST:PORT" (port 0 = any free one), "none" = off, None = by settings.

    `speed` 1..3600 times real time. `scenario` an existing file.
    """

    simulate: bool = False
    fresh: bool = False
    scenario: Path | None = None
    speed: float = 1.0
    config_dir: Path = CONFIG_DIR
    state_dir: Path = STATE_DIR
    http: str | None = None
    https: str | None = None
    modbus: str | None = None
    dnp3: str | None = None
    snmp: str | None = None
    nut: str | None = None
    serial: SerialOption | None = None

    @property
    def run_dir(self) -> Path:
        """Where control.sock and listeners.json are."""
        return run_dir_of(self.state_dir)
