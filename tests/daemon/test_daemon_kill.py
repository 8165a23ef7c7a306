"""SIGKILL at random instants loses nothing that anybody had seen (the long run: kill-test)."""

from __future__ import annotations

from pathlib import Path

import pytest
from killing import KINDS, KillTest

pytestmark = pytest.mark.long  # begun first

KILLS = 6


def test_six_kills_lose_nothing(tmp_path: Path) -> None:
    test = KillTest(tmp_path, seed=20, hurry=2.0)
    test.run(KILLS)
    assert test.violations == [], test.table()
    assert [test.counts[kind] for kind in KINDS] == [KILLS // 3] * 3
    assert test.counts["tests aborted"] == KILLS // 3
    assert min(test.ledger.acknowledged.values()) > 0
    assert test.counts["curves kept"] > 0
