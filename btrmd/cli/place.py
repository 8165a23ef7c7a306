"""The place: which config folder, state folder and control socket a command means."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from ..paths import CONFIG_DIR, STATE_DIR, run_dir

SOCKET = "control.sock"
DEMO_CONFIG_DIR = Path(".demo/config")
DEMO_STATE_DIR = Path(".demo/state")

HELP = """\
Which daemon is meant: --state-dir DIR, else $BTRM_STATE_DIR, else .demo/state where scripts/demo
runs in the current folder, else the installed one (/var/lib/btrm, its socket in /run/btrm).
Its files: --config-dir DIR, else $BTRM_CONFIG_DIR, else .demo/config with the demo, else /etc/btrm.
With --config-dir alone the daemon is the one of the folder "state" beside it, if there is one."""


@dataclass(frozen=True, slots=True)
class Folders:
    """`config_given`, `state_given`: named by the caller, not found by a default."""

    config_dir: Path
    state_dir: Path
    config_given: bool = False
    state_given: bool = False

    @property
    def socket(self) -> Path:
        return run_dir(self.state_dir) / SOCKET


def find_place(
    config_dir: str | None = None, state_dir: str | None = None, *, demo: bool = True
) -> Folders:
    """The place by options, environment, demo and installation, in this order (see HELP).

    `demo` False: for a daemon that is to be started, nothing that runs elsewhere is looked for.
    """
    config = config_dir or os.environ.get("BTRM_CONFIG_DIR")
    state = state_dir or os.environ.get("BTRM_STATE_DIR")
    if config and state:
        return Folders(Path(config), Path(state), True, True)
    if state:
        return Folders(CONFIG_DIR, Path(state), False, True)
    if config:
        beside = Path(config).absolute().parent / "state"
        has_socket = demo and (beside / "run" / SOCKET).exists()
        return Folders(Path(config), beside if has_socket else STATE_DIR, True, False)
    if demo and (DEMO_STATE_DIR / "run" / SOCKET).exists():
        return Folders(DEMO_CONFIG_DIR, DEMO_STATE_DIR)
    return Folders(CONFIG_DIR, STATE_DIR)
