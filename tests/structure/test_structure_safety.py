"""docs/safety.md names tests as proofs: they must be there."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_every_proof_in_the_safety_table_is_a_test() -> None:
    text = (ROOT / "docs/safety.md").read_text(encoding="utf-8")
    named = set(re.findall(r"`(test_\w+)`", text))
    tests = "".join(
        path.read_text(encoding="utf-8") for path in (ROOT / "tests").rglob("test_*.py")
    )
    written = set(re.findall(r"^def (test_\w+)", tests, re.MULTILINE))
    assert len(named) > 30
    assert named - written == set()
