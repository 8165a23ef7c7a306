"""How long a mail server may take."""

from __future__ import annotations

from typing import Final

PATIENCE_S: Final = 20.0  # for any single answer
LIMIT_S: Final = 50.0  # for all of it: R68 wants a failure told within 60 s
