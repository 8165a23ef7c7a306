"""A power cut loses nothing that was acknowledged (the long run: scripts/cut-test)."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from power_cuts import Disk, PowerCuts, missing

pytestmark = pytest.mark.long  # begun first


@pytest.mark.skipif(bool(missing()), reason=missing())
def test_three_power_cuts_lose_nothing() -> None:
    # Not below pytest's own folder, which a disk that is still mounted would be in the way of.
    with tempfile.TemporaryDirectory(prefix="btrmd-cuts-") as folder:
        disk = Disk(Path(folder))
        try:
            test = PowerCuts(disk, seed=7)
            test.run(3)
        finally:
            disk.close()
    assert test.violations == [], test.table()
    assert test.counts["tests aborted"] == 1
    assert min(test.ledger.acknowledged.values()) > 0
