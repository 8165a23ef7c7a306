"""`python -m btrmd` is the same as the command `btrmd`."""

from __future__ import annotations

import sys

from btrmd.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
