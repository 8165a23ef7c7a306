"""nmcli: the few things asked of NetworkManager, each one process with a list of arguments."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
from typing import Final

from ..model.appliance import NetworkWish
from ..model.errors import BtrmError

OURS: Final = "btrm-"  # our profiles begin with it; no other profile is ever changed
PRIORITY: Final = "100"  # of a kept profile, above what the image came with
UP_S: Final = 45  # DHCP may take its time
QUICK_S: Final = 20.0
NOT_RUNNING: Final = 8  # nmcli(1): exit status
NO_MANAGER: Final = (
    "This machine has no NetworkManager, so btrmd cannot change its network; "
    "change it in the machine's own configuration."
)


class NetworkError(BtrmError, RuntimeError):
    """NetworkManager is missing or refused; the text is one sentence."""


def nmcli(*words: str, timeout: float = QUICK_S) -> str:
    """Run nmcli, no shell, in English. Raises NetworkError with its last line."""
    if shutil.which("nmcli") is None:
        raise NetworkError(NO_MANAGER)
    try:
        done = subprocess.run(
            ["nmcli", *words], capture_output=True, text=True, errors="replace",
            timeout=timeout, stdin=subprocess.DEVNULL, env={**os.environ, "LC_ALL": "C"},
        )  # fmt: skip
    except subprocess.TimeoutExpired as error:
        text = f"NetworkManager did not finish `nmcli {words[0]}` within {timeout:g} s."
        raise NetworkError(text) from error
    except OSError as error:
        raise NetworkError(f"nmcli cannot be run: {error.strerror or error}.") from error
    if done.returncode == NOT_RUNNING:
        raise NetworkError("NetworkManager is installed but not running; start it first.")
    if done.returncode != 0:
        lines = (done.stderr.strip() or done.stdout.strip() or "no reason given").splitlines()
        raise NetworkError(f"NetworkManager refused: {lines[-1].removeprefix('Error: ')}")
    return done.stdout


def wired_device() -> str:
    """The interface that a change is for: the first wired one, a connected one before others."""
    found = []
    for line in nmcli("-t", "-e", "no", "-f", "DEVICE,TYPE,STATE", "device").splitlines():
        device, _, rest = line.partition(":")
        kind, _, state = rest.partition(":")
        if kind == "ethernet" and state not in ("unmanaged", "unavailable"):
            found.append((not state.startswith("connected"), device))
        elif kind == "ethernet" and state == "unavailable":  # no cable: still ours to set up
            found.append((True, device))
    if not found:
        raise NetworkError("NetworkManager manages no wired interface here; nothing was changed.")
    return min(found)[1]


def active_profile(device: str) -> str:
    """The UUID of what `device` runs on, "" for nothing."""
    return nmcli("-e", "no", "-g", "GENERAL.CON-UUID", "device", "show", device).strip()


def addresses(device: str) -> tuple[str, ...]:
    """All IPv4 and IPv6 addresses of `device`, without their prefix lengths."""
    shown = nmcli("-e", "no", "-g", "IP4.ADDRESS,IP6.ADDRESS", "device", "show", device)
    words = shown.replace("|", " ").split()
    return tuple(word.partition("/")[0] for word in words)


def add_profile(name: str, device: str, wish: NetworkWish, prefix: int, keep: bool) -> None:
    """A profile of ours. `keep` False: in memory only, so that a power cut undoes it too."""
    words = [
        "connection", "add", "save", "yes" if keep else "no", "type", "ethernet",
        "con-name", name, "ifname", device, "autoconnect", "yes" if keep else "no",
        "connection.mdns", "yes",
    ]  # fmt: skip
    if keep:
        words += ["connection.autoconnect-priority", PRIORITY]
    if wish.mac:
        words += ["802-3-ethernet.cloned-mac-address", wish.mac]
    if wish.method == "static":
        words += ["ipv4.method", "manual", "ipv4.addresses", f"{wish.address}/{prefix}"]
        if wish.gateway:
            words += ["ipv4.gateway", wish.gateway]
        if wish.dns:
            words += ["ipv4.dns", ",".join(wish.dns)]
    else:
        words += ["ipv4.method", "auto"]
    nmcli(*words)


def keep_profile(name: str) -> None:
    """Make a profile in memory last: on disk, and the first choice at each boot."""
    nmcli(
        "connection", "modify", "id", name, "connection.autoconnect", "yes",
        "connection.autoconnect-priority", PRIORITY,
    )  # fmt: skip


def bring_up(*profile: str) -> None:
    """Activate ("id", NAME) or ("uuid", UUID); waits until the device has its address."""
    nmcli("--wait", str(UP_S), "connection", "up", *profile, timeout=UP_S + QUICK_S)


def delete_profile(name: str) -> None:
    """Delete one of ours; the device falls back to what NetworkManager likes next."""
    nmcli("connection", "delete", "id", name)


def our_profiles() -> tuple[str, ...]:
    """The names of the profiles btrmd made."""
    shown = nmcli("-t", "-e", "no", "-f", "NAME", "connection", "show")
    return tuple(name for name in shown.splitlines() if name.startswith(OURS))


def host_name() -> str:
    """The host's static name. (The helper's own gethostname() is what it was when it started.)"""
    return nmcli("general", "hostname").strip()


def set_host_name(name: str, is_back: bool = False) -> None:
    """The static host name, and what announces it on the local network (mDNS).

    `is_back`: it was changed a moment ago, and NetworkManager may still tell the one before.
    """
    if is_back or name != host_name():
        nmcli("general", "hostname", name)
    if shutil.which("systemctl") is not None:
        # avahi reads the name once; where there is none this does nothing.
        # One that hangs is no reason to leave a change half done, or half undone.
        with contextlib.suppress(OSError, subprocess.TimeoutExpired):
            subprocess.run(
                ["systemctl", "try-restart", "avahi-daemon.service"], capture_output=True,
                timeout=QUICK_S, stdin=subprocess.DEVNULL, check=False,
            )  # fmt: skip
