"""docs/safety.md names tests as proofs, the planted defects name lines: they must be there."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "scripts"))

from safety_lab.defects import DEFECTS, Defect  # noqa: E402
from safety_lab.mutants import find_mutants  # noqa: E402

MUTATION = (ROOT / "docs/mutation.md").read_text(encoding="utf-8")
LISTED = re.findall(r"^\| `([^`]+)` \| `([^`]+)` \| [^|]+ \|$", MUTATION, re.MULTILINE)


def test_every_proof_in_the_safety_table_is_a_test() -> None:
    text = (ROOT / "docs/safety.md").read_text(encoding="utf-8")
    named = set(re.findall(r"`(test_\w+)`", text))
    tests = "".join(
        path.read_text(encoding="utf-8") for path in (ROOT / "tests").rglob("test_*.py")
    )
    written = set(re.findall(r"^def (test_\w+)", tests, re.MULTILINE))
    assert len(named) > 30
    assert named - written == set()


@pytest.mark.parametrize("defect", DEFECTS, ids=lambda defect: defect.name)
def test_a_planted_defect_has_its_one_place(defect: Defect) -> None:
    """Else scripts/planted-defects would plant nothing, or something else."""
    text = (ROOT / "btrmd" / defect.file).read_text(encoding="utf-8")
    assert text.count(defect.find) == 1
    assert defect.put != defect.find


def test_there_are_enough_planted_defects() -> None:
    assert len(DEFECTS) >= 40
    assert len({defect.name for defect in DEFECTS}) == len(DEFECTS)


def test_all_rows_of_mutants_that_change_nothing_are_read() -> None:
    assert len(LISTED) == MUTATION.count("\n| `btrmd/") > 5


@pytest.mark.parametrize(("mutant", "change"), LISTED)
def test_a_mutant_that_changes_nothing_is_the_one_its_reason_is_about(
    mutant: str, change: str
) -> None:
    """Ids count within a function: with another line before it the id means another change."""
    found = {made.id: made.text for made in find_mutants(ROOT, mutant.partition(":")[0])}
    assert found[mutant] == change
