"""Daemons for these tests: each a process of its own, none outlives its test."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "support"))

from daemon_process import DaemonProcess  # noqa: E402

Make = Callable[..., DaemonProcess]


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Make]:
    """`make(name, speed=1)`: a daemon that is not started yet, in a folder of its own."""
    made: list[DaemonProcess] = []

    def new(name: str = "a", **options: object) -> DaemonProcess:
        daemon = DaemonProcess(tmp_path / name, **options)  # type: ignore[arg-type]
        made.append(daemon)
        return daemon

    yield new
    for daemon in made:
        daemon.close()
