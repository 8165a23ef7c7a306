"""The login by RADIUS: what the accounts ask about names that are none of this unit's own."""

from __future__ import annotations

import hashlib
import logging
import secrets
import threading
from typing import Final

from btrmd.bus import Bus

from ..radius import RadiusError, RadiusServer, ask
from .accounts import LoginRefusal
from .roles import Role, stored_role

log = logging.getLogger(__name__)

LISTENER: Final = "radius"  # under this name a fault is shown
GONE_S: Final = 5.0  # how long a snapshot is waited for at a time


class RadiusLogin:
    """Thread-safe: one question at a time, so that a silent server holds up one worker only."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus
        self._salt = secrets.token_bytes(16)
        self._asking = threading.Lock()
        self._shown = ("", "")
        self._failed: RadiusServer | None = None  # whose fault is shown
        self._watch: threading.Thread | None = None

    @property
    def credential(self) -> str:
        """Of the settings, so that sessions end when these change; "" while RADIUS is off."""
        target = RadiusServer.of(self._bus.snapshot.settings)
        if target is None:
            self._show("", "")  # nobody is asked any more
            return ""
        return hashlib.sha256(self._salt + repr(tuple(target)).encode()).hexdigest()

    def ask(self, user: str, password: str, address: str) -> Role | LoginRefusal | None:
        """The user's role, or why there is none; None = name or password is wrong."""
        snapshot = self._bus.snapshot
        target = RadiusServer.of(snapshot.settings)
        if target is None:
            return None
        if not self._asking.acquire(blocking=False):
            return LoginRefusal(
                "busy", "Another login is being asked about; try again in a second.", 1
            )
        serial = str(snapshot.points["system.serial"].value or "")
        try:
            word = ask(target, user, password, serial, address)
        except RadiusError as error:
            self._failed = target
            self._show("", str(error))
            return LoginRefusal("unreached", f"{error} The unit's own users can log in.")
        else:
            self._failed = None
            self._show(target.where, "")
        finally:
            self._asking.release()
            self._follow()
        if word is None:
            return None
        if not word:
            return LoginRefusal(
                "no_role", "RADIUS knows this user, and gives no role on this unit."
            )
        return stored_role(word)

    def _follow(self) -> None:
        if self._failed is not None and (self._watch is None or not self._watch.is_alive()):
            self._watch = threading.Thread(target=self._watch_settings, name="radius", daemon=True)
            self._watch.start()

    def _watch_settings(self) -> None:
        """Take a fault away when the settings name another server or none: nobody may log in for
        months. While there is a fault, in a thread of its own."""
        bus = self._bus
        while self._failed is not None:
            if bus.wait_snapshot(bus.snapshot.seq, GONE_S) is None:
                if bus.is_closed:
                    return  # the daemon ends
                continue  # the control loop hangs
            if RadiusServer.of(bus.snapshot.settings) == self._failed:
                continue
            with self._asking:  # an answer on its way is about the former settings
                if RadiusServer.of(bus.snapshot.settings) != self._failed:
                    self._failed = None
                    self._show("", "")

    def _show(self, address: str, text: str) -> None:
        """A server that cannot be asked is a visible fault, until it answers."""
        if (address, text) != self._shown:
            self._shown = (address, text)
            if text:
                log.warning("%s", text)
            self._bus.report_listener(LISTENER, address, text)
