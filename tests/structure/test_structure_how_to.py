"""The how-to pages are walked: their code goes into a copy, then their check runs."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "scripts"))

from safety_lab.patched import package_copy  # noqa: E402

PAGES = sorted(path for path in (ROOT / "docs/how-to").glob("*.md") if path.name != "README.md")
STEP = re.compile(
    r"^In `(?P<file>[^`]+)`, (?P<where>before|after) `(?P<line>[^`]+)`:\n\n```python\n"
    r"(?P<code>.*?)```$",
    re.MULTILINE | re.DOTALL,
)
CHECK = re.compile(r"^```python check\n(?P<code>.*?)```$", re.MULTILINE | re.DOTALL)


def apply(folder: Path, text: str) -> int:
    """Put each step's code where its page says; the number of steps."""
    steps = list(STEP.finditer(text))
    for step in steps:
        path = folder / "btrmd" / step["file"]
        source = path.read_text(encoding="utf-8")
        line, code = step["line"], step["code"]
        assert source.count(line) == 1, f"{step['file']}: {source.count(line)} times {line!r}"
        put = code + line if step["where"] == "before" else line + "\n" + code.rstrip("\n")
        path.write_text(source.replace(line, put), encoding="utf-8")
    return len(steps)


@pytest.mark.long
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_what_a_page_says_works(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    check = CHECK.search(text)
    assert check is not None, f"{page.name} has no check"
    with package_copy() as folder:
        assert apply(folder, text) >= 1
        paths = os.pathsep.join(str(folder / name) for name in (".", "tests/support"))
        done = subprocess.run(
            [sys.executable, "-c", check["code"]],
            cwd=folder, env={**os.environ, "PYTHONPATH": paths},
            capture_output=True, text=True, timeout=120,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr[-2000:]


@pytest.mark.long
def test_the_check_fails_where_the_steps_are_left_out() -> None:
    """Else it would show nothing."""
    for name in ("point", "alarm", "setting", "chip", "chemistry", "protocol", "migration"):
        text = (ROOT / f"docs/how-to/{name}.md").read_text(encoding="utf-8")
        check = CHECK.search(text)
        assert check is not None
        paths = os.pathsep.join([str(ROOT), str(ROOT / "tests/support")])
        done = subprocess.run(
            [sys.executable, "-c", check["code"]],
            cwd=ROOT, env={**os.environ, "PYTHONPATH": paths}, capture_output=True, timeout=120,
        )  # fmt: skip
        assert done.returncode != 0, name


def test_the_index_names_every_page() -> None:
    text = (ROOT / "docs/how-to/README.md").read_text(encoding="utf-8")
    assert set(re.findall(r"\(([a-z]+\.md)\)", text)) == {page.name for page in PAGES}


EXAMPLE = re.compile(r'^Example: commit `([0-9a-f]{7,40})` \("([^"]+?)( \.\.\.)?"\)', re.MULTILINE)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_page_names_a_commit_that_did_it(page: Path) -> None:
    found = EXAMPLE.search(page.read_text(encoding="utf-8"))
    assert found is not None, f"{page.name} names no example commit"
    if shutil.which("git") is None or _git("rev-parse", "--is-shallow-repository") != "false":
        pytest.skip("no history here: a source archive, or a shallow clone")
    assert _git("log", "-1", "--format=%s", found[1]).startswith(found[2])
    assert _git("rev-list", "--max-count=1", f"HEAD..{found[1]}") == "", "no ancestor of this tree"


def _git(*words: str) -> str:
    """What git says, "" where it refuses."""
    done = subprocess.run(["git", *words], cwd=ROOT, capture_output=True, text=True)
    return done.stdout.strip()
