"""Bare Debian machines under systemd-nspawn, without a network, for scripts/test-deb."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

# A minimal system: what every Raspberry Pi OS Lite has as well, and no library of ours.
PACKAGES = "systemd-sysv,dbus,udev,python3,iproute2,procps,kmod,init-system-helpers"
NEEDED = {"systemd-nspawn": "systemd-container", "mmdebstrap": "mmdebstrap"}
ENVIRONMENT = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/root", "LC_ALL": "C.UTF-8",
               "DEBIAN_FRONTEND": "noninteractive"}  # fmt: skip
BOOT_S = 120.0
UP = ("running", "degraded")


class MachineError(Exception):
    """A machine cannot be made or does not do what it should; one sentence."""


def missing() -> str:
    """Why no machine can be run here, in one sentence; "" when it can."""
    if os.geteuid() != 0:
        return "not root: systemd-nspawn machines need it."
    lacking = [package for command, package in NEEDED.items() if not shutil.which(command)]
    if lacking and shutil.which("apt-get"):
        command = ["apt-get", "install", "-y", "--no-install-recommends", *lacking]
        environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        subprocess.run(command, env=environment, stdin=subprocess.DEVNULL, capture_output=True)
        lacking = [package for command, package in NEEDED.items() if not shutil.which(command)]
    return f"{', '.join(lacking)} missing: install it." if lacking else ""


def image(suite: str, folder: Path, packages: str = PACKAGES, arch: str = "") -> Path:
    """The untouched tree of `suite` below `folder`, made if it is not there (needs the network).

    `arch`: another than this machine's, where qemu-user can run it.
    """
    tree = folder / suite
    if (tree / "etc/os-release").exists():
        return tree
    folder.mkdir(parents=True, exist_ok=True)
    making = folder / f"{suite}.new"
    shutil.rmtree(making, ignore_errors=True)
    done = subprocess.run(
        ["mmdebstrap", "--mode=root", "--variant=minbase", f"--include={packages}",
         *([f"--architectures={arch}"] if arch else []),
         '--aptopt=Apt::Install-Recommends "false"', suite, making, mirror()],
        capture_output=True, text=True, stdin=subprocess.DEVNULL,
    )  # fmt: skip
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
        raise MachineError(f"no image of {suite} could be made (no network?): {last}")
    (making / "etc/apt/sources.list").write_text("")
    making.rename(tree)
    return tree


def mirror() -> str:
    return os.environ.get("DEBIAN_MIRROR", "http://deb.debian.org/debian")


class Machine:
    """One booted machine on a copy of `tree`; `share` is seen inside as /mnt, read only."""

    def __init__(self, tree: Path, folder: Path, share: Path) -> None:
        self.root = folder / f"{tree.name}-{os.getpid()}"
        self._share = share
        self._log = folder / f"{self.root.name}.log"
        self._nspawn: subprocess.Popen[bytes] | None = None
        subprocess.run(["cp", "-a", "--reflink=auto", tree, self.root], check=True)

    def boot(self) -> None:
        """Boot and wait until systemd says it is up. Raises MachineError."""
        with self._log.open("ab") as log:
            self._nspawn = subprocess.Popen(
                ["systemd-nspawn", "--quiet", "--boot", f"--directory={self.root}",
                 "--register=no", "--keep-unit", "--private-network", "--console=pipe",
                 f"--bind-ro={self._share}:/mnt"],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip
        self.wait(
            lambda: self.run("systemctl is-system-running").stdout.strip() in UP,
            "the machine has booted", BOOT_S,
        )  # fmt: skip

    def run(self, command: str, timeout: float = 300.0) -> subprocess.CompletedProcess[str]:
        """`command` in a shell inside, as root."""
        words = [f"{name}={value}" for name, value in ENVIRONMENT.items()]
        leader = self._leader()
        if leader is None:
            return subprocess.CompletedProcess(command, 255, "", "the machine is not up")
        return subprocess.run(
            ["nsenter", "--target", leader, "--all", "env", "-i", *words, "sh", "-c", command],
            capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=timeout,
        )  # fmt: skip

    def wait(self, condition: Callable[[], object], what: str, seconds: float = 60.0) -> None:
        """Until `condition()` is true. Raises MachineError naming `what` after `seconds`."""
        end = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > end:
                raise MachineError(f"not so within {seconds:g} s: {what}; see {self._log}.")
            time.sleep(0.2)

    def close(self) -> None:
        """Power off and delete the copy."""
        if self._nspawn is not None:
            self._nspawn.send_signal(signal.SIGTERM)
            try:
                self._nspawn.wait(30)
            except subprocess.TimeoutExpired:
                leader = self._leader()
                if leader is not None:
                    os.kill(int(leader), signal.SIGKILL)
                self._nspawn.kill()
                self._nspawn.wait()
        shutil.rmtree(self.root, ignore_errors=True)

    def _leader(self) -> str | None:
        """The machine's process 1, as seen from here."""
        if self._nspawn is None or self._nspawn.poll() is not None:
            return None
        children = Path(f"/proc/{self._nspawn.pid}/task/{self._nspawn.pid}/children").read_text()
        return (children.split() or [None])[0]
