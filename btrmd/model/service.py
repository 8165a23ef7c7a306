"""A service: what the daemon starts and stops; every server and every notifier is one."""

from __future__ import annotations

from typing import Protocol


class Service(Protocol):
    """`start` opens it on a thread of its own and returns; what cannot be opened yet is reported on
    the bus and tried again. `stop` ends it, waits for its thread, and never raises."""

    def start(self) -> None: ...

    def stop(self) -> None: ...
