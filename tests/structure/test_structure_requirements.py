"""docs/requirements.md: every row from R1 to R199, in order, with tests that exist (R199)."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LAST = 199
ROW = re.compile(r"\| R(\d+) \| ([^|]+) \| ([^|]+) \|")
TEST = re.compile(r"(tests/[\w/]+\.py)::(test_\w+)")


@cache
def names_in(path: str) -> frozenset[str]:
    """The tests of a file by its source: nothing is imported or run."""
    file = ROOT / path
    if not file.is_file():
        return frozenset()
    tree = ast.parse(file.read_text(encoding="utf-8"))
    found = (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef))
    return frozenset(node.name for node in found if node.name.startswith("test_"))


def faults_of(text: str) -> list[str]:
    """What is wrong with the table, a sentence each."""
    faults, expected = [], 1
    for line in text.splitlines():
        if not line.startswith("| R") or line.startswith("| Row"):
            continue
        match = ROW.fullmatch(line)
        if match is None:
            faults.append(f"This is no row: {line[:60]}")
            continue
        number, words, cell = int(match[1]), match[2], match[3]
        if number != expected:
            faults.append(f"R{expected} is missing before R{number}.")
        expected = number + 1
        if len(words.split()) < 3:
            faults.append(f"R{number} does not say what is asked.")
        named = TEST.findall(cell)
        if not named:
            faults.append(f"R{number} has no test.")
        left = re.sub(r"`|<br>|\s", "", TEST.sub("", cell))
        if left:
            faults.append(f"R{number} names {left[:60]}, which is no test.")
        faults += [
            f"R{number}: there is no {path}::{test}."
            for path, test in named
            if test not in names_in(path)
        ]
    if expected != LAST + 1:
        faults.append(f"The rows end before R{LAST}.")
    return faults


def test_every_row_has_tests_that_exist() -> None:
    assert faults_of((ROOT / "docs" / "requirements.md").read_text(encoding="utf-8")) == []


def test_a_row_without_its_test_is_found() -> None:
    text = (ROOT / "docs" / "requirements.md").read_text(encoding="utf-8")
    lines = text.splitlines()
    at = next(k for k, line in enumerate(lines) if line.startswith("| R40 "))

    def with_line(line: str | None) -> list[str]:
        return faults_of("\n".join(lines[:at] + ([] if line is None else [line]) + lines[at + 1 :]))

    assert with_line(None) == ["R40 is missing before R41."]
    assert with_line("| R40 | The last test is shown. |  - |") == [
        "R40 has no test.",
        "R40 names -, which is no test.",
    ]
    assert with_line(
        "| R40 | The last test is shown. | `tests/web/test_web_page.py::test_no` |"
    ) == ["R40: there is no tests/web/test_web_page.py::test_no."]
    assert with_line("| R40 | The last test is shown. | `tests/web/gone.py::test_it` |") == [
        "R40: there is no tests/web/gone.py::test_it."
    ]
    assert with_line("| R40 | x | `tests/web/test_web_page.py::test_it_is_light` |") == [
        "R40 does not say what is asked."
    ]
    assert faults_of("") == ["The rows end before R199."]
