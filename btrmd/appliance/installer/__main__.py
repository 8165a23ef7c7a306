"""`python3 -m installer LIB [--resume]`: install what is staged in LIB, or finish after a cut."""

from __future__ import annotations

import fcntl
import logging
import sys
from pathlib import Path

from .install import Installer

if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
    lib = Path(sys.argv[1])
    with (lib / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            sys.exit(0)  # an installer is at work: the resume of the package it installs
        installer = Installer(lib)
        sys.exit(installer.resume() if "--resume" in sys.argv[2:] else installer.run())
