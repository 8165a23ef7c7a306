"""The programs of others that the bench puts ours beside: where they are, or what to install."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

SOURCES = Path(__file__).with_name("bench_peers")


class PeerMissingError(Exception):
    """A program to compare with is not here; the text says what to install."""


def program(name: str, packages: str, folder: str = "/usr/sbin") -> str:
    """The path of a program, in `folder` or on the PATH.

    Raises PeerMissingError naming the Debian `packages` to install.
    """
    found = shutil.which(name, path=folder) or shutil.which(name)
    if found is None:
        raise PeerMissingError(f"{name} is missing, apt-get install {packages}")
    return found


def compiled(source: str, library: str, packages: str, folder: Path) -> Path:
    """The program of a C source of bench_peers/, made in `folder`. Raises PeerMissingError."""
    compiler = program("gcc", packages)
    target = folder / Path(source).stem
    command = [compiler, "-O2", "-o", target, SOURCES / source, f"-l{library}"]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        faults = [line for line in done.stderr.splitlines() if "rror" in line]
        reason = faults[0] if faults else "gcc failed"
        raise PeerMissingError(f"{source} does not compile, apt-get install {packages}: {reason}")
    return target
