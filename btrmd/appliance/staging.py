"""Staging: an uploaded bundle is verified into a folder of root's, then handed to the installer."""

from __future__ import annotations

import fcntl
import logging
import os
import re
import shutil
import stat
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Final, NamedTuple

from ..model.appliance import MAX_BUNDLE
from .bundle import BundleError, Manifest, load_keys, read_bundle
from .checks import flag, only
from .files import UPDATE_STATE, is_installing, moved_now, read_json, write_json
from .installer.durable import replace
from .installer.floor import is_older
from .minimum import has_leave, lowest

log = logging.getLogger(__name__)

STAGED: Final = "staged.deb"
UNIT: Final = "btrmd-update"
QUICK_S: Final = 30.0
FIELDS_MAX: Final = 64 * 1024  # bytes of a control file
READY_S: Final = 90.0  # for the new version to be READY and healthy, R153


class Places(NamedTuple):
    """`lib` root's own folder, `incoming` the uploaded bundle, `keys` the trusted public keys,
    `daemon_run` the run folder of the daemon (control.sock), `daemon_state` that of its history."""

    lib: Path
    incoming: Path
    keys: Path
    daemon_run: Path
    daemon_state: Path


class Staging:
    """Verifies and starts; what happens then is the installer's, in a unit of its own."""

    def __init__(self, places: Places, owner: int = 0, ready_s: float = READY_S) -> None:
        """`owner`: whose property the keys must be (root; a test may not be root)."""
        self._places = places
        self._owner = owner
        self._ready_s = ready_s
        self._staged: Manifest | None = None

    def stage(self, request: Mapping[str, object]) -> dict[str, object]:
        """Verify the uploaded bundle and take its package into root's folder."""
        only(request)
        self._refuse_while_busy()
        self._staged = None
        keys = load_keys(self._places.keys, self._owner)
        deb = self._places.lib / STAGED
        new = deb.with_name(STAGED + ".new")
        try:
            with self._open_incoming() as source, _private(new) as target:
                manifest = read_bundle(source, keys, target)
                target.flush()
                os.fsync(target.fileno())
            self._fits(manifest, new)
            replace(new, deb)
        except OSError as error:
            raise BundleError(f"The update cannot be stored: {error.strerror or error}.") from error
        finally:
            with suppress(FileNotFoundError):
                new.unlink()
        self._staged = manifest
        installed = installed_version()
        text = f"btrmd {manifest.version} is signed by a key of this unit; {installed} is running."
        return {"version": manifest.version, "installed": installed, "text": text}

    def install(self, request: Mapping[str, object]) -> str:
        """Start the installer on what was staged."""
        only(request, "downgrade")
        may_downgrade = flag(request, "downgrade")
        self._refuse_while_busy()
        manifest = self._staged
        if manifest is None:
            raise BundleError("No verified update is waiting; upload the bundle first.")
        installed = installed_version()
        if installed == manifest.version:
            raise BundleError(f"btrmd {installed} is already installed.")
        lib = self._places.lib
        least = lowest(lib, installed, self._owner)
        if least and is_older(manifest.version, least):
            if not may_downgrade:
                raise BundleError(
                    f"btrmd {manifest.version} is older than {least}, the oldest version that may "
                    "be installed here; ask for the downgrade if it is meant."
                )
            if not has_leave(lib, manifest.version, self._owner):
                raise BundleError(
                    f"btrmd {manifest.version} is refused: {least} is the oldest version that may "
                    "be installed here, and only root gives leave to go below it: "
                    "sudo btrmd update --allow-downgrade FILE."
                )
        self._staged = None
        self._start(manifest, installed)
        return (
            f"btrmd {manifest.version} is being installed; the pages are back in a minute or two. "
            f"If it is not well within {self._ready_s:g} s, {installed or 'the old one'} returns."
        )

    @property
    def is_busy(self) -> bool:
        state = read_json(self._places.lib / UPDATE_STATE)
        return is_installing(state) or (state.get("state") == "installing" and self._is_locked())

    def _is_locked(self) -> bool:
        """An installer is at work: it holds the lock, whatever clock and file say."""
        try:
            with (self._places.lib / "lock").open("rb") as lock:
                fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except FileNotFoundError:
            return False
        except BlockingIOError:
            return True
        return False

    def _refuse_while_busy(self) -> None:
        if self.is_busy:
            raise BundleError("An update is being installed; wait for its end.")

    def _open_incoming(self) -> Any:
        """The daemon's upload: a plain file of sane size, never through a link."""
        path = self._places.incoming
        try:
            descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        except OSError as error:
            text = "No update has been uploaded" if isinstance(error, FileNotFoundError) else (
                f"The uploaded update cannot be read ({error.strerror or error})"
            )  # fmt: skip
            raise BundleError(f"{text}.") from error
        file = os.fdopen(descriptor, "rb")
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode) or found.st_size > MAX_BUNDLE:
            file.close()
            raise BundleError(f"The upload is refused: allowed are {MAX_BUNDLE >> 20} MiB.")
        return file

    def _fits(self, manifest: Manifest, deb: Path) -> None:
        """Architecture, release, and that the package is what its manifest says."""
        machine = _run("dpkg", "--print-architecture").strip()
        if manifest.architecture not in ("all", machine):
            raise BundleError(
                f"The bundle is for {manifest.architecture}; this machine is {machine}."
            )
        suite = release()
        if manifest.suites and suite not in manifest.suites:
            allowed = ", ".join(manifest.suites)
            raise BundleError(f"The bundle is for {allowed}; this machine runs {suite}.")
        fields = control_fields(deb)
        wanted = {
            "Package": "btrmd",
            "Version": manifest.version,
            "Architecture": manifest.architecture,
        }
        if {name: fields.get(name) for name in wanted} != wanted:
            raise BundleError("The bundle is refused: its package is not what its manifest says.")

    def _start(self, manifest: Manifest, installed: str) -> None:
        lib = self._places.lib
        before = read_json(lib / UPDATE_STATE)
        job: dict[str, object] = {
            "state": "installing",
            "version": manifest.version,
            "previous": installed,
            "text": f"btrmd {manifest.version} is being installed.",
            **moved_now(),
            "n": int(before.get("n") or 0) + 1,
            "ready_s": self._ready_s,
            "daemon_run": str(self._places.daemon_run),
            "daemon_state": str(self._places.daemon_state),
        }
        # A copy of the installer outside the package: dpkg replaces files while it runs, and after
        # a power cut it must be there to finish or undo.
        code = lib / "code"
        shutil.rmtree(code, ignore_errors=True)
        shutil.copytree(
            Path(__file__).parent / "installer", code / "installer",
            ignore=shutil.ignore_patterns("__pycache__"),
        )  # fmt: skip
        write_json(lib / UPDATE_STATE, job)
        try:
            _run(
                "systemd-run", "--quiet", "--collect", f"--unit={UNIT}",
                "--property=Type=exec", f"--setenv=PYTHONPATH={code}", "--setenv=LC_ALL=C",
                "--", os.path.realpath(sys.executable), "-B", "-s", "-m", "installer", str(lib),
            )  # fmt: skip
        except BundleError as error:
            text = f"The installer cannot be started: {error}"
            write_json(lib / UPDATE_STATE, {**job, "state": "failed", "text": text, **moved_now()})
            raise BundleError(text) from error


def control_fields(deb: Path) -> dict[str, str]:
    """The fields of a verified package's control file. Raises BundleError.

    Not by `dpkg-deb -f`: its tar wants to give files away, which this process may not.
    """
    text = ""
    with tempfile.TemporaryFile() as packed:
        words = ["dpkg-deb", "--ctrl-tarfile", str(deb)]
        done = subprocess.run(
            words, stdout=packed, stderr=subprocess.DEVNULL, timeout=QUICK_S, check=False
        )
        packed.seek(0)
        try:
            with tarfile.open(fileobj=packed) as tar:
                file = tar.extractfile("./control")
                text = file.read(FIELDS_MAX).decode("utf-8", "replace") if file else ""
        except (tarfile.TarError, KeyError):
            text = ""
    if done.returncode != 0 or not text:
        raise BundleError("The bundle is refused: its package cannot be read.")
    return dict(line.split(": ", 1) for line in text.splitlines() if re.match(r"[\w-]+: ", line))


def installed_version() -> str:
    """The version dpkg has installed, "" for none."""
    try:
        return _run("dpkg-query", "-W", "-f", "${Version}", "btrmd").strip()
    except BundleError:
        return ""


def release() -> str:
    """The code name of the running release, "" where os-release has none."""
    try:
        lines = Path("/etc/os-release").read_text(encoding="utf-8").splitlines()
    except OSError:
        return ""
    values = dict(line.partition("=")[::2] for line in lines)
    return values.get("VERSION_CODENAME", "").strip('"')


def _private(path: Path) -> Any:
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW
    return os.fdopen(os.open(path, flags, 0o600), "wb")


def _run(*words: str) -> str:
    """Run a tool of the system, no shell. Raises BundleError with its last line."""
    try:
        done = subprocess.run(
            words, capture_output=True, text=True, errors="replace", timeout=QUICK_S,
            stdin=subprocess.DEVNULL, env={**os.environ, "LC_ALL": "C"}, check=False,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired) as error:
        raise BundleError(f"{words[0]} cannot be run: {error}.") from error
    if done.returncode != 0:
        lines = (done.stderr.strip() or "no reason given").splitlines()
        raise BundleError(f"{words[0]}: {lines[-1]}")
    return done.stdout
