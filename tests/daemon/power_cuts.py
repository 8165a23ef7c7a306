"""Power cuts on a real ext4: what had not been written to its disk when the power went is gone.

The daemon's folders lie on ext4, ext4 on an image file, and the image file on a file system that
can clone it in one instant. The clone is the disk as the cut leaves it: the kernel's unwritten
pages are not in it. The next life mounts the clone (its journal is replayed) and must find what
had been acknowledged. Needs root, loop devices and mkfs.btrfs. A disk that loses what it said was
flushed is not played.
"""

from __future__ import annotations

import argparse
import fcntl
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
if __name__ == "__main__":
    sys.path[:0] = [str(ROOT), str(ROOT / "tests/support")]

from killing import KillTest, tell  # noqa: E402
from waiting import wait_until  # noqa: E402

FICLONE = 0x40049409  # linux/fs.h
TOOLS = ("mkfs.btrfs", "mkfs.ext4", "mount", "umount")


def missing() -> str:
    """Why it cannot be done here, "" when it can."""
    if os.geteuid() != 0:
        return "only root can mount images"
    lacking = [tool for tool in TOOLS if shutil.which(tool) is None]
    if lacking:
        return f"{lacking[0]} is not installed (apt install btrfs-progs e2fsprogs mount)"
    if not Path("/dev/loop-control").exists():
        return "there are no loop devices"
    return ""


class Disk:
    """The disk of the station: `folder` is its root."""

    def __init__(self, work: Path) -> None:
        self._outer, self.folder = work / "outer", work / "disk"
        self._image, self._next = self._outer / "disk.img", self._outer / "next.img"
        for folder in (self._outer, self.folder):
            folder.mkdir()
        run("truncate", "-s", "2G", str(work / "outer.img"))
        run("mkfs.btrfs", "-q", str(work / "outer.img"))
        run("mount", "-o", "loop", str(work / "outer.img"), str(self._outer))
        run("truncate", "-s", "128M", str(self._image))
        run("mkfs.ext4", "-q", str(self._image))
        self._mount()

    def cut(self) -> None:
        """Take the disk as it is at this instant."""
        with self._image.open("rb") as source, self._next.open("wb") as target:
            fcntl.ioctl(target, FICLONE, source.fileno())

    def swap(self) -> None:
        """Go on with the disk that `cut` took; nobody may have a file open."""
        run("umount", str(self.folder))
        self._next.replace(self._image)
        self._mount()

    def close(self) -> None:
        """The outer file system is busy until the kernel has let the inner loop device go."""
        for folder in (self.folder, self._outer):
            words = ["umount", str(folder)]
            wait_until(
                lambda words=words: (
                    subprocess.run(words, capture_output=True, check=False).returncode == 0
                    or not os.path.ismount(words[1])
                ),
                20.0,
            )

    def _mount(self) -> None:
        # As on Raspberry Pi OS, but for the commit interval's length: worse than its 5 s.
        run("mount", "-o", "loop,noatime,commit=30", str(self._image), str(self.folder))


def run(*words: str) -> None:
    subprocess.run(words, check=True, capture_output=True)


class PowerCuts(KillTest):
    """The kill test, but the disk forgets what was not on it."""

    def __init__(self, disk: Disk, seed: int) -> None:
        super().__init__(disk.folder / "station", seed)
        self._disk = disk

    def _kill(self) -> None:
        # From here on nothing more is acknowledged; what the kernel holds stays unwritten.
        os.kill(self.daemon.pid, signal.SIGSTOP)
        self._disk.cut()
        super()._kill()
        self._join()
        # The plant outside keeps its charge when the station's power goes.
        plant = self.daemon.state_dir / "sim.json"
        charge = plant.read_bytes() if plant.exists() else b""
        self._disk.swap()
        if charge:
            plant.write_bytes(charge)

    def _check_curve(self, n: int, wrong: Callable[[str], None]) -> None:
        """Rows of the last half minute may be lost: they are not flushed one by one."""
        times = [row[0] for row in self.daemon.curve(n) if row[0] is not None]
        if times != sorted(set(times)):
            wrong(f"the curve of {n} is out of order")
        if times:
            self.counts["curves kept"] += 1
            self.counts["rows kept"] += len(times)


def main(words: Sequence[str] | None = None) -> int:
    """Exit code 0 when nothing was lost, 77 when it cannot be tried here."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("cuts", nargs="?", type=int, default=100)
    parser.add_argument("--seed", type=int, default=None, help="default: another one each time")
    args = parser.parse_args(words)
    if reason := missing():
        tell(f"skipped: {reason}.")
        return 77
    seed = random.SystemRandom().randrange(1 << 32) if args.seed is None else args.seed
    tell(f"{args.cuts} power cuts, seed {seed}")
    with tempfile.TemporaryDirectory(prefix="btrmd-cuts-") as folder:
        disk = Disk(Path(folder))
        try:
            test = PowerCuts(disk, seed)
            test.run(args.cuts, tell)
        finally:
            disk.close()
    tell(test.table().replace("kills ", "cuts  "))
    for violation in test.violations:
        tell(f"VIOLATION {violation}")
    return 1 if test.violations else 0


if __name__ == "__main__":
    sys.exit(main())
