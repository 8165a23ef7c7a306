"""The dispatcher: workers that serve each place in its turn, and one that checks passwords.

A password's hash takes a third of a second (a Pi: three), so logins wait for a thread of their own,
in an order of their own, and no page ever waits behind them.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from typing import Final, Protocol

from ..allowance import Allowance
from ..fair_queue import FairQueue
from ..share import Share

log = logging.getLogger(__name__)

MOST_WAITING: Final = 1024  # connections; their number is limited elsewhere
MOST_LOGINS: Final = 24  # that wait to be checked,
MOST_LOGINS_EACH: Final = 4  # and of one place
HEAVY_S: Final = 0.5  # CPU time a place may have cost of late before it has to share what is left:
CPU_SHARE: Final = 0.6  # of one core, on the long run,
CPU_BURST_S: Final = 2.0
PAUSE_S: Final = 0.02
BUSY: Final = "Too many logins are being checked: try again in 5 s."
BUSY_S: Final = 5


class HttpWork(Protocol):
    """A connection with a request to be answered, as the dispatcher sees it."""

    place: str

    @property
    def is_login(self) -> bool:
        """True when a password has to be checked first."""

    def service(self) -> None: ...

    def cancel(self) -> None: ...

    def refuse(self, text: str, retry_after_s: int) -> None:
        """Have the request answered with "busy"."""


class Dispatcher:
    """`costs`: what each place has cost. `login_rank` of a place: the lowest is checked first."""

    def __init__(self, costs: Share, login_rank: Callable[[str], float]) -> None:
        self._costs = costs
        self._lock = threading.Lock()
        self._ready = threading.Condition(self._lock)
        self._allowance = Allowance(CPU_SHARE, CPU_BURST_S)
        self._pages: FairQueue[HttpWork] = FairQueue(self._is_heavy, MOST_WAITING, MOST_WAITING)
        self._logins: FairQueue[HttpWork] = FairQueue(login_rank, MOST_LOGINS, MOST_LOGINS_EACH)
        self._threads: list[threading.Thread] = []
        self._is_stopping = False

    def start(self, workers: int) -> None:
        """Begin to serve."""
        lanes = [(self._next_page, f"web-{n}") for n in range(workers)]
        for take, name in (*lanes, (self._next_login, "web-login")):
            thread = threading.Thread(target=self._serve, args=(take,), name=name, daemon=True)
            self._threads.append(thread)
            thread.start()

    def add_task(self, work: HttpWork) -> None:
        """Have `work` served in its turn; from any thread."""
        with self._lock:
            if not work.is_login:
                self._pages.push(work.place, work)
            else:
                left = self._logins.push(work.place, work)
                if left is not None:
                    left.item.refuse(BUSY, BUSY_S)
                    self._pages.push(left.place, left.item)
            self._ready.notify_all()

    def shutdown(self, timeout: float) -> None:
        """End the threads; what still waits is cancelled."""
        with self._lock:
            self._is_stopping = True
            self._ready.notify_all()
        deadline = time.monotonic() + timeout
        for thread in self._threads:
            thread.join(max(0.0, deadline - time.monotonic()))
        with self._lock:
            for queue in (self._pages, self._logins):
                while (taken := queue.pop()) is not None:
                    taken.item.cancel()

    def _is_heavy(self, place: str) -> bool:
        return self._costs.cost(place) > HEAVY_S

    # --- the threads ---------------------------------------------------------------------------

    def _serve(self, take: Callable[[], HttpWork | None]) -> None:
        while (work := take()) is not None:
            place, began = work.place, time.thread_time()
            try:
                work.service()
            except Exception:
                # The edge: one connection's fault must not cost a worker.
                log.exception("a connection could not be served")
            used = time.thread_time() - began
            if take != self._next_page:
                continue  # logins have an order of their own, by what was guessed
            self._costs.spent(place, used)
            with self._lock:
                self._pages.spent(place, used)
                self._allowance.use(used)

    def _next_page(self) -> HttpWork | None:
        """Light requests at once; heavy ones while the allowance lasts, so that whoever floods us
        leaves the processor to others."""
        with self._lock:
            while not self._is_stopping:
                best = self._pages.best()
                if best is None:
                    self._ready.wait()
                elif best and self._allowance.is_used_up:
                    self._ready.wait(PAUSE_S)
                else:
                    taken = self._pages.pop()
                    return taken.item if taken is not None else None
            return None

    def _next_login(self) -> HttpWork | None:
        with self._lock:
            while not self._is_stopping:
                taken = self._logins.pop()
                if taken is not None:
                    return taken.item
                self._ready.wait()
            return None
