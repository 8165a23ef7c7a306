"""Readiness: the ready line, listeners.json and READY=1, once the doors are open."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from ..bus import Bus, Listener
from ..store.atomic import write_atomic
from .systemd import Supervisor

NAMES = ("http", "https", "modbus", "dnp3", "snmp", "serial")


class Readiness:
    """Looked at after every tick: cheap while nothing changes.

    `wanted`: the listeners that must be bound for the ready line.
    """

    def __init__(self, bus: Bus, run_dir: Path, wanted: frozenset[str], sup: Supervisor) -> None:
        self._bus = bus
        self._path = run_dir / "listeners.json"
        self._wanted = wanted
        self._supervisor = sup
        self._seen: dict[str, Listener] | None = None
        self._is_ready = False
        self._has_told = False

    def look(self) -> None:
        """After a whole tick: write what changed, say ready once everything is bound."""
        self._supervisor.feed()
        listeners = self._bus.listeners
        if listeners == self._seen:
            return
        self._seen = listeners
        addresses = {
            name: listeners[name].address or None if name in listeners else None for name in NAMES
        }
        write_atomic(self._path, json.dumps(addresses).encode() + b"\n", 0o644)
        tried = self._wanted <= listeners.keys()
        if tried and not self._has_told:
            self._has_told = True
            self._supervisor.ready()
        if not self._is_ready and tried and all(listeners[n].address for n in self._wanted):
            self._is_ready = True
            http = addresses.get("http")
            sys.stdout.write(f"ready http://{http}\n" if http else "ready\n")
            sys.stdout.flush()
        faults = [listener.fault for listener in listeners.values() if listener.fault]
        self._supervisor.status(faults[0] if faults else "Running.")

    def remove(self) -> None:
        """The daemon stops: nobody listens any more."""
        self._path.unlink(missing_ok=True)
