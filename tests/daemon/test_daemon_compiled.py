"""Compiled without documentation: the same program, and Python takes the files."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest

from btrmd.compiled import compile_file, compile_folders

SOURCE = '''\
"""What the module is for."""
def documented():
    """What it does."""
    "A second text."
    raise RuntimeError("line 5")
class Documented:
    "What it is."
def only():
    "Nothing else."
async def later():
    """Later."""
    assert False, "kept"
from dataclasses import dataclass
@dataclass
class Made:
    "A dataclass."
    volts: float = 1.0
'''


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "documented_module.py"
    path.write_text(SOURCE)
    return path


def run(folder: Path, code: str) -> str:
    """What a Python says that may write no compiled file, as the station may not."""
    done = subprocess.run(
        [sys.executable, "-B", "-c", code],
        env={**os.environ, "PYTHONPATH": str(folder), "PYTHONPYCACHEPREFIX": ""},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_functions_and_classes_lose_their_documentation_and_nothing_else(
    source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "pycache_prefix", None)
    assert compile_file(source)
    said = run(
        source.parent,
        "import documented_module as m, traceback, asyncio\n"
        "print(m.documented.__doc__, m.Documented.__doc__, m.only(), m.later.__doc__)\n"
        "print(m.__doc__, m.Made.__doc__, m.Made())\n"
        "try: m.documented()\n"
        "except RuntimeError as e: print(e, traceback.extract_tb(e.__traceback__)[-1].lineno)\n"
        "try: asyncio.run(m.later())\n"
        "except AssertionError as e: print(e)\n",
    )
    assert said.splitlines() == [
        "None None None None",
        "What the module is for. A dataclass. Made(volts=1.0)",
        "line 5 5",
        "kept",
    ]


def test_a_file_that_changed_is_compiled_again_and_never_served_old(
    source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "pycache_prefix", None)
    assert compile_file(source)
    assert not compile_file(source), "it is there"
    before = source.stat()
    source.write_text(SOURCE.replace("line 5", "line V"))
    os.utime(source, ns=(before.st_atime_ns, before.st_mtime_ns))  # same size, same time
    code = "import documented_module as m\ntry: m.documented()\nexcept RuntimeError as e: print(e)"
    assert run(source.parent, code) == "line V\n"
    assert compile_file(source)


def test_a_file_that_is_not_python_is_a_sentence_and_the_others_are_compiled(
    source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "pycache_prefix", None)
    (source.parent / "broken.py").write_text("def (:\n")
    (source.parent / "latin.py").write_bytes(b"x = '\xe4'\n")
    faults = compile_folders([source.parent])
    assert len(faults) == 2
    assert "broken.py is not compiled" in faults[0]
    assert "latin.py is not compiled" in faults[1]
    assert Path(importlib.util.cache_from_source(str(source))).is_file()
