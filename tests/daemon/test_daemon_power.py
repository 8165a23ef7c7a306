"""A power cut loses nothing that was acknowledged (the long run: scripts/cut-test)."""

from __future__ import annotations

from pathlib import Path

import pytest
from power_cuts import Disk, PowerCuts, missing


@pytest.mark.skipif(bool(missing()), reason=missing())
def test_three_power_cuts_lose_nothing(tmp_path: Path) -> None:
    disk = Disk(tmp_path)
    try:
        test = PowerCuts(disk, seed=7)
        test.run(3)
    finally:
        disk.close()
    assert test.violations == [], test.table()
    assert test.counts["tests aborted"] == 1
    assert min(test.ledger.acknowledged.values()) > 0
