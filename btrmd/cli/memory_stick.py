"""The memory stick: a file system labelled BTRM, mounted for as long as it is read."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .output import warn

LABEL = Path("/dev/disk/by-label/BTRM")
MOUNT_POINT = Path("/run/btrm-stick")
WAIT_S = 20.0


@contextmanager
def memory_stick() -> Iterator[tuple[str, ...]]:
    """The folder of the stick, or nothing: there is none, or this is not root."""
    if not LABEL.exists() or os.geteuid() != 0:
        yield ()
        return
    MOUNT_POINT.mkdir(mode=0o700, exist_ok=True)
    words = ["mount", "-o", "nosuid,nodev,noexec,noatime", str(LABEL), str(MOUNT_POINT)]
    try:
        done = subprocess.run(words, capture_output=True, text=True, timeout=WAIT_S, check=False)
        fault = done.stderr.strip() if done.returncode else ""
    except (OSError, subprocess.TimeoutExpired) as error:
        fault = str(error)
    if fault:
        warn(f"The memory stick BTRM cannot be read: {fault.splitlines()[0].rstrip('.')}.")
        yield ()
        return
    try:
        yield (str(MOUNT_POINT),)
    finally:
        subprocess.run(["umount", str(MOUNT_POINT)], capture_output=True, check=False)
