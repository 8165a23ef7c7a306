"""The notifier: a thread that tells somebody of what happens, and shows when it cannot."""

from __future__ import annotations

import abc
import logging
import threading
from collections.abc import Mapping
from typing import ClassVar, Final

from ..bus import Bus
from ..model.service import Service

log = logging.getLogger(__name__)

AFTER_ERROR_S: Final = 1.0
CUT_OFF_S: Final = 1.0  # for the thread to end once it is cut off


class Notifier(Service, name="notifier"):
    """Built on any thread, `start` and `stop` once each.

    `class MailSender(Notifier, name="mail", title="mail sender")`. Under `listener`, the name if
    not given, its faults and counts are shown.
    """

    title: ClassVar[str]
    listener: ClassVar[str]
    grace_s: ClassVar[float] = 1.0  # for what is on its way when it has to stop, then it is cut off

    def __init_subclass__(cls, *, name: str, title: str, listener: str = "") -> None:
        super().__init_subclass__(name=name)
        cls.title = title
        cls.listener = listener or name

    def __init__(self, bus: Bus, is_shown: bool = False) -> None:
        """`is_shown`: it has an address to show while nothing is wrong."""
        self._bus = bus
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name=self.name, daemon=True)
        self._shown: tuple[str, str] | None = None if is_shown else ("", "")

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """End the thread; what is not told yet is told after the next start."""
        self._stopping.set()
        self._bus.wake()
        if self._thread.is_alive():
            self._thread.join(self.grace_s)
        self._cancel()
        if self._thread.is_alive():
            self._thread.join(CUT_OFF_S)
        if not self._thread.is_alive():
            self._close()

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                self._look()
            except Exception:
                # The edge: whatever it was, it must not silence what follows.
                log.exception("the %s met an error of its own", self.title)
                self._met_error(f"The {self.title} met an error of its own; it is in the log.")

    # --- what each of them is ------------------------------------------------------------------

    @abc.abstractmethod
    def _look(self) -> None:
        """Tell what there is, then wait until there may be more; over and over."""

    def _cancel(self) -> None:
        """What is on its way has had its time: cut it off. On the thread that stops."""

    @abc.abstractmethod
    def _close(self) -> None:
        """The thread has ended: keep how far all is told."""

    @abc.abstractmethod
    def _counts(self) -> Mapping[str, int]:
        """What it has done since the start, by name."""

    def _met_error(self, text: str) -> None:
        """`_look` has raised something: show `text`, and wait."""
        self._show(text)
        self._stopping.wait(AFTER_ERROR_S)

    # --- what it shows -------------------------------------------------------------------------

    def _show(self, fault: str, address: str = "") -> None:
        """Whoever takes nothing is a visible fault; "" = all is well, at `address`."""
        self._bus.report_counts(self.listener, self._counts())
        if (address, fault) == self._shown:
            return
        if fault and (self._shown is None or fault != self._shown[1]):
            log.warning("%s", fault)
        self._shown = (address, fault)
        self._bus.report_listener(self.listener, address, fault)
