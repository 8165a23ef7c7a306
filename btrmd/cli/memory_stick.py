"""The memory stick: a file system labelled BTRM, mounted for as long as it is read."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

LABEL = Path("/dev/disk/by-label/BTRM")
MOUNT_POINT = Path("/run/btrm-stick")
WAIT_S = 20.0


class MemoryStick(NamedTuple):
    """`folders`: where its files are; none = there is no stick, this is not root, or `fault` says
    in one sentence why it cannot be read."""

    folders: tuple[str, ...] = ()
    fault: str = ""


@contextmanager
def memory_stick() -> Iterator[MemoryStick]:
    """The stick, mounted until the end."""
    if not LABEL.exists() or os.geteuid() != 0:
        yield MemoryStick()
        return
    several = _devices()
    if len(several) > 1:
        # by-label leads to one of them, and which one is chance
        yield MemoryStick(
            fault=f"{len(several)} file systems are labelled {LABEL.name} ({', '.join(several)}), "
            "so none of them was read: leave one."
        )
        return
    MOUNT_POINT.mkdir(mode=0o700, exist_ok=True)
    words = ["mount", "-o", "nosuid,nodev,noexec,noatime", str(LABEL), str(MOUNT_POINT)]
    try:
        done = subprocess.run(words, capture_output=True, text=True, timeout=WAIT_S, check=False)
        fault = done.stderr.strip() if done.returncode else ""
    except (OSError, subprocess.TimeoutExpired) as error:
        fault = str(error)
    if fault:
        why = fault.splitlines()[0].rstrip(".")
        yield MemoryStick(fault=f"The memory stick {LABEL.name} cannot be read: {why}.")
        return
    try:
        yield MemoryStick((str(MOUNT_POINT),))
    finally:
        subprocess.run(["umount", str(MOUNT_POINT)], capture_output=True, check=False)


def _devices() -> list[str]:
    """All file systems with the label; nothing where blkid cannot tell."""
    words = ["blkid", "-c", "/dev/null", "-t", f"LABEL={LABEL.name}", "-o", "device"]
    try:
        done = subprocess.run(words, capture_output=True, text=True, timeout=WAIT_S, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return []
    return sorted(done.stdout.split())
