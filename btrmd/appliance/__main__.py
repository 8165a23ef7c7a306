"""`python3 -m btrmd.appliance`: the helper."""

from __future__ import annotations

import sys

from .helper import main

if __name__ == "__main__":
    sys.exit(main())
