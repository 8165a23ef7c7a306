"""A patched copy of the package: its source with one line changed, beside the real one."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


@contextmanager
def package_copy() -> Iterator[Path]:
    """A folder with a copy of btrmd/ and tests/support, to be patched file by file."""
    with tempfile.TemporaryDirectory(prefix="btrmd-lab-") as name:
        folder = Path(name)
        skip = shutil.ignore_patterns("__pycache__", "static", "*.pyc")
        shutil.copytree(ROOT / "btrmd", folder / "btrmd", ignore=skip)
        shutil.copytree(ROOT / "etc", folder / "etc")
        (folder / "tests").mkdir()
        shutil.copytree(ROOT / "tests/support", folder / "tests/support", ignore=skip)
        yield folder


@contextmanager
def patched(folder: Path, file: str, find: str, put: str) -> Iterator[None]:
    """`find`, which must occur once in btrmd/`file`, is `put` instead. Raises ValueError."""
    path = folder / "btrmd" / file
    source = path.read_text(encoding="utf-8")
    if source.count(find) != 1:
        raise ValueError(f"{file}: {source.count(find)} times, not once: {find!r}")
    path.write_text(source.replace(find, put), encoding="utf-8")
    try:
        yield
    finally:
        path.write_text(source, encoding="utf-8")
