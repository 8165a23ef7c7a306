"""Repack: the installed version as a .deb again, so that there is something to go back to.

The first version came from a file nobody kept. What dpkg knows of it (control data, maintainer
scripts, list of files) and the files themselves make the same package again.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import Final

from .durable import replace, sync_file

PACKAGE: Final = "btrmd"
CONTROL: Final = (
    "preinst", "postinst", "prerm", "postrm", "conffiles", "md5sums", "triggers", "shlibs",
    "templates", "config",
)  # fmt: skip
# of `dpkg-query -s`: fields of the installation, not of the package
NOT_CONTROL: Final = ("Status", "Conffiles", "Config-Version")
DPKG_S: Final = 600.0


class RepackError(RuntimeError):
    """The installed package cannot be made a file again; the text is one sentence."""


def repack(target: Path, work: Path, root: Path = Path("/")) -> None:
    """Write the installed package to `target`; `work` is a folder to make and to delete.

    `root`: where the files are (a test installs into a folder). Raises RepackError, OSError.
    """
    shutil.rmtree(work, ignore_errors=True)
    control = work / "DEBIAN"
    control.mkdir(parents=True, mode=0o755)
    try:
        (control / "control").write_text(_control(), encoding="utf-8")
        for name in CONTROL:
            shown = _run("dpkg-query", "--control-path", PACKAGE, name).strip()
            if shown:
                shutil.copy2(shown, control / name)
        for line in _run("dpkg-query", "-L", PACKAGE).splitlines():
            if line.startswith("/") and line != "/.":
                _copy(root / line[1:], work / line[1:])
        new = target.with_name(target.name + ".new")
        _run("dpkg-deb", "--root-owner-group", "-Zgzip", "--build", str(work), str(new))
        sync_file(new)
        replace(new, target)
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _control() -> str:
    """The control file, from what dpkg keeps of it."""
    lines = []
    skips = False
    for line in _run("dpkg-query", "-s", PACKAGE).splitlines():
        if not line.startswith(" "):
            skips = line.partition(":")[0] in NOT_CONTROL
        if line and not skips:
            lines.append(line)
    return "\n".join(lines) + "\n"


def _copy(source: Path, target: Path) -> None:
    """One entry of the package's list; a conffile that somebody deleted stays deleted."""
    if source.is_symlink():
        target.parent.mkdir(parents=True, exist_ok=True)
        target.symlink_to(source.readlink())
    elif source.is_dir():
        target.mkdir(parents=True, exist_ok=True)
        target.chmod(0o755)
    elif source.is_file():
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(source, target)


def _run(*words: str) -> str:
    done = subprocess.run(
        words, capture_output=True, text=True, errors="replace", timeout=DPKG_S,
        stdin=subprocess.DEVNULL, env={**os.environ, "LC_ALL": "C"}, check=False,
    )  # fmt: skip
    if done.returncode != 0 and "--control-path" not in words:
        lines = (done.stderr.strip() or "no reason given").splitlines()
        raise RepackError(f"{words[0]}: {lines[-1]}")
    return done.stdout
