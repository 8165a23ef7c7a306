"""The context: what every endpoint of the fieldbus is given, and what an endpoint has to be."""

from __future__ import annotations

import abc
import asyncio
import logging
from collections.abc import Callable
from typing import Any, Final

from ...bus import Bus
from .listener_config import ListenerConfig

log = logging.getLogger(__name__)

NO_RESET: Final = ("capacity.reset", "The reset of the battery test data was written as 0.")


class FieldbusContext:
    """Lives on the fieldbus loop. `shared` is for what endpoints of one protocol have in common.

    `regular`: what has to be looked at now and then. The service calls all of it together, once or
    twice a second and whenever the event log has grown, so that a quiet station hardly wakes up.
    A job of it that fails is counted (`failed_looks`) and logged, each kind of error once; the
    others are done all the same. `connections`: whoever is connected.
    """

    def __init__(self, bus: Bus) -> None:
        self.bus = bus
        self.loop = asyncio.get_running_loop()
        self.shared: dict[str, Any] = {}
        self.regular: list[Callable[[], None]] = []
        self.connections: set[object] = set()
        self.failed_looks = 0
        self._logged: set[str] = set()
        self._seq = bus.snapshot.seq
        self._ticked_at = self.loop.time()

    def look(self) -> None:
        """Note whether the control loop ticks, then do all that is regular."""
        seq = self.bus.snapshot.seq
        if seq != self._seq:
            self._seq, self._ticked_at = seq, self.loop.time()
        for job in list(self.regular):
            try:
                job()
            except Exception as error:  # the edge: one job must not take the others' turn
                self._note_failed(job, error)

    def _note_failed(self, job: Callable[[], None], error: Exception) -> None:
        self.failed_looks += 1
        self.bus.report_counts("fieldbus", {"failed_looks": self.failed_looks})
        name = getattr(job, "__qualname__", repr(type(job)))
        what = f"{name}: {type(error).__name__}"
        if what not in self._logged:  # jobs and kinds of errors are few
            self._logged.add(what)
            log.error("fieldbus: %s failed, and is tried again", name, exc_info=error)

    def age(self) -> float:
        """Seconds since the control loop's last tick, at most one look too few."""
        if self.bus.snapshot.seq != self._seq:
            return 0.0
        return self.loop.time() - self._ticked_at


class Endpoint(abc.ABC):
    """One listener: a TCP listener or the serial line, speaking one protocol.

    Made by a factory `(context, plan) -> Endpoint` on the loop. `start` once, `stop` once, also
    after a `start` that raised. When it can serve no longer (a device was pulled) it calls `lose`;
    the service then stops it and makes another one.
    """

    def __init__(self, context: FieldbusContext, plan: ListenerConfig) -> None:
        self.context = context
        self.plan = plan
        self.lost: asyncio.Future[str] = context.loop.create_future()

    @abc.abstractmethod
    async def start(self) -> str:
        """Open the listener; its address for listeners.json. Raises OSError or BtrmError."""

    @abc.abstractmethod
    async def stop(self) -> None:
        """Close the listener and every connection."""

    def adopt(self, plan: ListenerConfig) -> bool:
        """Take over other settings at the same place without closing anything; False = it cannot,
        and is to be opened anew."""
        return False

    @property
    def warning(self) -> str:
        """A sentence about something that is not as asked for, though it is open; or ""."""
        return ""

    def lose(self, reason: str) -> None:
        """It can serve no longer; `reason` is one sentence."""
        if not self.lost.done():
            self.lost.set_result(reason)


Factory = Callable[[FieldbusContext, ListenerConfig], Endpoint]
