"""docs/safety.md names tests as proofs, the planted defects name lines: they must be there."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "scripts"))

from safety_lab.defects import DEFECTS, Defect  # noqa: E402
from safety_lab.mutants import find_mutants, mutated  # noqa: E402

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


COMPOUND = """
def f(queue, log):
    total = 0
    while queue:
        log.add(1)
        with log.lock:
            log.tell(2)
            total += 3
    try:
        log.end()
    except OSError:
        log.fail()
        raise
    finally:
        log.close()
    match total:
        case 7:
            log.odd()
"""


def test_what_stands_in_a_while_a_with_a_try_or_a_match_is_changed_too(tmp_path: Path) -> None:
    """Each change in its own statement's lines: a test that runs only the head is not asked."""
    (tmp_path / "f.py").write_text(COMPOUND)
    found = find_mutants(tmp_path, "f.py")
    calls = {(m.text, m.first, m.last) for m in found if ":call:" in m.id}
    assert calls == {
        ("log.add(1) -> pass", 5, 5), ("log.tell(2) -> pass", 7, 7), ("log.end() -> pass", 10, 10),
        ("log.fail() -> pass", 12, 12), ("log.close() -> pass", 15, 15),
        ("log.odd() -> pass", 18, 18),
    }  # fmt: skip
    others = {m.id.split(":", 2)[2]: (m.text, m.first) for m in found if ":call:" not in m.id}
    assert others == {
        "number:1": ("0 -> 1", 3), "while-false:1": ("queue -> False", 4),
        "number:2": ("1 -> 2", 5), "number:3": ("2 -> 3", 7), "number:4": ("3 -> 4", 8),
        "augmented:1": ("total += 3 -> total -= 3", 8),
    }  # fmt: skip
    for mutant in found:
        compile(mutated(tmp_path, mutant), "f.py", "exec")
