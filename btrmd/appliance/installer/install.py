"""Install: dpkg on the staged package, then a look at its health, then, if need be, back again."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import time
from pathlib import Path
from typing import Any, Final

from . import history
from .durable import replace, replace_text
from .floor import raise_minimum
from .health import UNIT, InstalledHealth
from .owner import as_owner
from .repack import DPKG_S, PACKAGE, RepackError, repack

log = logging.getLogger(__name__)

STATE: Final = "update.json"
PATIENCE: Final = 4  # times as long for the old version: there is nothing behind it
STAGED: Final = "staged.deb"
KEPT: Final = "installed.deb"  # the package that is installed, to go back to
KEPT_VERSION: Final = "installed.json"
ANYWAY_VARIABLE: Final = "BTRMD_UPGRADE_ANYWAY"  # of the package's preinst
ROOT_VARIABLE: Final = "BTRMD_ROOT"  # a test's dpkg works in a folder


class Installer:
    """One update from `lib`/update.json to its end, which that file tells."""

    def __init__(self, lib: Path) -> None:
        self._lib = lib
        self._job: dict[str, Any] = _read(lib / STATE)
        self._health = InstalledHealth(Path(str(self._job.get("daemon_run", "/run/btrm"))))
        self._state_dir = Path(str(self._job.get("daemon_state", "/var/lib/btrm")))
        self._ready_s = float(self._job.get("ready_s") or 90.0)
        self._version = str(self._job.get("version", ""))
        self._previous = str(self._job.get("previous", ""))

    def run(self) -> int:
        """Install what is staged; exit code 0 when the new version is in and well."""
        if self._health.is_testing():
            return self._end("refused", "A test has begun, so the update was not installed.")
        try:
            self._keep_previous()
        except (RepackError, OSError, subprocess.TimeoutExpired) as error:
            text = f"btrmd {self._previous} cannot be kept to go back to ({error}): not updated."
            return self._end("failed", text)
        folder = self._state_dir
        wrong = as_owner(folder, lambda: history.keep(folder))
        if wrong:
            text = f"The history cannot be kept to go back to ({wrong}): not updated."
            return self._end("failed", text)
        self._note(started=True)
        refusal = self._dpkg("-i", str(self._lib / STAGED))
        if refusal and self._installed() == (self._previous, True):
            # The package itself said no (a running test, say): the old one has not been touched.
            wrong = self._health.wait(self._previous, self._ready_s)
            if not wrong:
                return self._end("refused", f"The package refused to be installed: {refusal}.")
            # Not overruled: what it refused for, a test or an outage, may be why it looks unwell.
            return self._roll_back(f"dpkg failed: {refusal}", is_overruled=False)
        return self._judge(refusal)

    def resume(self) -> int:
        """After a power cut: finish what dpkg began, then judge as ever."""
        if self._job.get("state") != "installing":
            return 0
        if not self._job.get("started"):
            return self._end("failed", "The power went before the update began; ask again.")
        return self._judge(self._dpkg("--configure", "-a"))

    # --- the steps -----------------------------------------------------------------------------

    def _judge(self, refusal: str) -> int:
        """The new version stays when it is in and well, else the old one comes back."""
        wrong = refusal and f"dpkg failed: {refusal}"
        if not wrong and self._installed() != (self._version, True):
            wrong = "dpkg left it unfinished"
        if not wrong:
            self._start()
            wrong = self._health.wait(self._version, self._ready_s)
        if not wrong:
            staged = self._lib / STAGED
            if staged.exists():
                replace(staged, self._lib / KEPT)
                _write(self._lib / KEPT_VERSION, {"version": self._version})
            self._raise_minimum()
            return self._end("good", f"btrmd {self._version} is installed and well.")
        log.error("btrmd %s: %s", self._version, wrong)
        return self._roll_back(wrong)

    def _roll_back(self, wrong: str, is_overruled: bool = True) -> int:
        sentence = f"btrmd {self._version} was not well ({wrong})"
        kept = self._lib / KEPT
        if not kept.exists():
            return self._end(
                "failed", f"{sentence}, and there is no earlier package to go back to."
            )
        # The old package asks whether a test runs; the new one, unwell, is not to be asked.
        if is_overruled:
            os.environ[ANYWAY_VARIABLE] = "1"
        self._give_history_back()
        refusal = self._dpkg("-i", str(kept))
        self._start()
        still = refusal or self._health.wait(self._previous, PATIENCE * self._ready_s)
        if still:
            return self._end(
                "failed", f"{sentence}; going back to {self._previous} failed: {still}."
            )
        return self._end("rolled_back", f"{sentence}; {self._previous} is back.")

    def _raise_minimum(self) -> None:
        """Not being able to is no reason to go back."""
        try:
            raise_minimum(self._lib, self._version)
        except (OSError, subprocess.TimeoutExpired) as error:
            log.error("the minimum version cannot be noted: %s", error)

    def _give_history_back(self) -> None:
        """The older version gets a history that it knows, with what was written since."""
        folder = self._state_dir
        if as_owner(folder, lambda: "yes" if history.is_too_new(folder) else "") != "yes":
            return
        self._systemctl("stop", UNIT)
        wrong = as_owner(folder, lambda: history.give_back(folder))
        if wrong:
            log.error("the history of before cannot be given back: %s", wrong)

    def _keep_previous(self) -> None:
        """Have the installed version as a file before it goes."""
        if not self._previous:
            return
        kept = self._lib / KEPT
        if kept.exists() and _read(self._lib / KEPT_VERSION).get("version") == self._previous:
            return
        root = Path(os.environ.get(ROOT_VARIABLE, "/"))
        repack(kept, self._lib / "repack", root)
        _write(self._lib / KEPT_VERSION, {"version": self._previous})

    def _dpkg(self, *words: str) -> str:
        """ "" when dpkg did it, else its last words. Conffiles stay as the site has them."""
        env = {**os.environ, "DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C"}
        try:
            done = subprocess.run(
                ["dpkg", "--force-confdef", "--force-confold", *words], capture_output=True,
                text=True, errors="replace", timeout=DPKG_S, stdin=subprocess.DEVNULL, env=env,
                check=False,
            )  # fmt: skip
        except (OSError, subprocess.TimeoutExpired) as error:
            return str(error)
        log.info("dpkg %s: %s", " ".join(words), (done.stdout + done.stderr).strip())
        if done.returncode == 0:
            return ""
        lines = [line.strip() for line in done.stderr.splitlines() if line.strip()]
        ours = [line for line in lines if not line.startswith(("Errors were", str(self._lib)))]
        return (ours or lines or [f"exit code {done.returncode}"])[-1].rstrip(".:")

    def _installed(self) -> tuple[str, bool]:
        """The installed version, and whether it is wholly installed."""
        form = "${Version} ${db:Status-Status}"
        try:
            done = subprocess.run(
                ["dpkg-query", "-W", "-f", form, PACKAGE], capture_output=True, text=True,
                timeout=60, stdin=subprocess.DEVNULL, check=False,
            )  # fmt: skip
        except (OSError, subprocess.TimeoutExpired):
            return "", False
        version, _, status = done.stdout.strip().partition(" ")
        return version, status == "installed"

    def _start(self) -> None:
        """The package's scripts start the service; a second start changes nothing."""
        self._systemctl("daemon-reload")
        self._systemctl("start", UNIT)

    def _systemctl(self, *words: str) -> None:
        try:
            subprocess.run(
                ["systemctl", *words], capture_output=True, timeout=120,
                stdin=subprocess.DEVNULL, check=False,
            )  # fmt: skip
        except (OSError, subprocess.TimeoutExpired) as error:
            log.error("systemctl %s: %s", words[0], error)

    def _note(self, **facts: object) -> None:
        self._job |= facts
        _write(self._lib / STATE, {**self._job, "at": time.time()})

    def _end(self, state: str, text: str) -> int:
        """Tell the end in the file, and the daemon that it is there."""
        log.info("update %s: %s", state, text)
        self._note(state=state, text=text)
        (self._lib / STAGED).unlink(missing_ok=True)
        self._health.ask("update_ended")
        return 0 if state == "good" else 1


def _write(path: Path, data: dict[str, Any]) -> None:
    replace_text(path, json.dumps(data))


def _read(path: Path) -> dict[str, Any]:
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return data if isinstance(data, dict) else {}
