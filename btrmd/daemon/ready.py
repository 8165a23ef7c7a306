"""Readiness: the ready line, listeners.json and READY=1, once the listeners are open."""

from __future__ import annotations

import json
import logging
import sys
import time
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

from .. import LOADED_AT
from ..bus import Bus, ListenerState
from ..store.atomic import write_atomic
from .memory_trim import give_back
from .systemd import Supervisor

log = logging.getLogger(__name__)

AGAIN_S = 5.0
LOOK_EVERY = 5  # ticks, once ready: half a second
NAMES = ("http", "https", "modbus", "dnp3", "snmp", "nut", "serial")


class Readiness:
    """Looked at after every tick: cheap while nothing changes."""

    def __init__(self, bus: Bus, run_dir: Path, sup: Supervisor) -> None:
        self._bus = bus
        self._path = run_dir / "listeners.json"
        self._wanted: Collection[str] | None = None  # not known before all servers are made
        self._supervisor = sup
        self._seen: tuple[dict[str, ListenerState], Collection[str] | None] | None = None
        self._is_ready = False
        self._has_reported = False
        self._again_at = 0.0
        self._ticks = 0
        self._trouble = ""  # why listeners.json cannot be written, as it was told last

    def expect(self, listeners: Collection[str]) -> None:
        """The listeners that must be bound for the ready line; there is none before this. Any
        thread."""
        self._wanted = frozenset(listeners)

    def look(self) -> None:
        """After a whole tick: write what changed, say ready once everything is bound."""
        self._ticks += 1
        if self._is_ready and self._ticks % LOOK_EVERY:
            return
        self._supervisor.feed()
        self._supervisor.status(status_line(self._bus.snapshot.faults))
        wanted = self._wanted
        listeners = self._bus.listeners
        if (listeners, wanted) == self._seen or time.monotonic() < self._again_at:
            return
        if self._tell(listeners, wanted):
            self._seen = listeners, wanted
        else:
            self._again_at = time.monotonic() + AGAIN_S

    def _tell(self, listeners: dict[str, ListenerState], wanted: Collection[str] | None) -> bool:
        """Whether listeners.json is written; the ready line needs no disk, and comes after it, as
        whoever waits for the line reads the file then."""
        addresses = {
            name: listeners[name].address or None if name in listeners else None for name in NAMES
        }
        tried = wanted is not None and all(name in listeners for name in wanted)
        if tried and not self._has_reported:
            self._has_reported = True
            self._supervisor.ready()
        is_written = self._write(addresses)
        if not self._is_ready and tried and all(listeners[n].address for n in wanted or ()):
            self._is_ready = True
            self._bus.start_s = time.monotonic() - LOADED_AT
            give_back()
            _print_ready(addresses["http"])
        return is_written

    def _write(self, addresses: Mapping[str, str | None]) -> bool:
        """Whether it could be. A full disk is told once, not with each try, until it is well."""
        try:
            write_atomic(self._path, json.dumps(addresses).encode() + b"\n", 0o644)
        except OSError as error:
            trouble = error.strerror or str(error)  # without the temporary file, another each time
            if trouble != self._trouble:
                log.error("%s cannot be written: %s; tried again.", self._path, trouble)
            self._trouble = trouble
            return False
        if self._trouble:
            log.info("%s is written again.", self._path)
        self._trouble = ""
        return True

    def remove(self) -> None:
        """The daemon stops: nobody listens any more."""
        self._path.unlink(missing_ok=True)


def _print_ready(http: str | None) -> None:
    try:
        sys.stdout.write(f"ready http://{http}\n" if http else "ready\n")
        sys.stdout.flush()
    except OSError as error:  # nobody reads our output: the station goes on
        log.error("The ready line cannot be written: %s", error)


def status_line(faults: Sequence[str]) -> str:
    """The line of `systemctl status`: what is wrong, the first of it in full."""
    if not faults:
        return "Running."
    more = f" (and {len(faults) - 1} more: btrmd check)" if len(faults) > 1 else ""
    return f"Running, but: {faults[0]}{more}"
