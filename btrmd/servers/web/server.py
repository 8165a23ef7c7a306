"""The web server: application, stream and listener, started and stopped as one."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable
from functools import partial
from typing import Final

from flask import Flask

from btrmd import __version__
from btrmd.bus import Bus
from btrmd.model.commands import MailStep
from btrmd.model.history import History
from btrmd.model.service import LIMITS, Service

from ..health import LoopHealth
from ..share import Share
from .accounts import Accounts, AuthStore
from .app import create_app
from .bearers import Bearers, TokenStore
from .certificates import Certificates, CertificateStore
from .dispatcher import Dispatcher
from .encode import PointsDocument
from .forms import FormTokens
from .https_listener import HttpsListener
from .https_only import SETTING, is_http_wanted
from .kept_form import KeptForms
from .listener import STUCK_S, HttpListener
from .probe import probe
from .radius_login import RadiusLogin
from .services import Services, tell
from .sessions import Sessions
from .stream import PERIOD_S, Feed
from .throttle import KnownStore, Throttle
from .visitors import Visitors

WORKERS: Final = 4  # streams hold none of them
NONE: Final = "none"


class WebServer(Service, name="web"):
    """Pages and API on `http` and `https` (HOST:PORT, port 0 = any free one, "none" = off).

    HTTPS needs `certificates`, where its certificate is kept. `hardware` names the board;
    `mail_tester` sends a test mail and tells its steps (at most 60 s). `known`: where it is kept
    who has logged in from where, None: in memory only; `tokens`: those of machines. `clock`
    (monotonic s) times sessions and the throttle, `stream_period_s` the stream. Nothing here raises
    into the daemon: a port that cannot be bound is reported on the bus and retried.
    """

    def __init__(
        self,
        bus: Bus,
        history: History,
        auth_store: AuthStore,
        http: str,
        *,
        https: str = NONE,
        certificates: CertificateStore | None = None,
        known: KnownStore | None = None,
        tokens: TokenStore | None = None,
        clock: Callable[[], float] = time.monotonic,
        stream_period_s: float = PERIOD_S,
        hardware: str = "",
        mail_tester: Callable[[], Iterable[MailStep]] | None = None,
        provisioned: Callable[[], str] = str,
    ) -> None:
        self._bus = bus
        sessions, throttle = Sessions(clock), Throttle(clock, known)
        bearers = Bearers(tokens, Throttle(clock))
        kept = None
        if certificates is not None:
            kept = Certificates(
                certificates, lambda: bus.snapshot.settings.text("network.host_name")
            )
        self.shares = {name: Share(LIMITS[name]) for name in ("http", "https")}
        self.feed = Feed(bus, stream_period_s)
        self.app: Flask = create_app(
            Services(
                bus,
                history,
                sessions,
                Accounts(auth_store, sessions, throttle, partial(tell, bus), RadiusLogin(bus)),
                FormTokens(),
                self.feed,
                PointsDocument(bus),
                LoopHealth(bus),
                __version__,
                hardware,
                mail_tester,
                kept,
                bearers,
                {**self.shares, "stream": self.feed.share},
                provisioned,
                KeptForms(clock),
            )
        )
        visitors = Visitors(sessions, throttle, bearers)
        self._workers = Dispatcher(self.shares["http"], visitors.login_rank)
        self._listeners: list[HttpListener] = []
        if http != NONE:
            self._listeners.append(
                HttpListener(
                    "http",
                    http,
                    self.app,
                    self._workers,
                    self.shares["http"],
                    visitors.identify,
                    lambda address, fault: bus.report_listener("http", address, fault),
                    lambda: is_http_wanted(bus),
                )
            )
        if https != NONE and kept is not None:
            self._listeners.append(
                HttpsListener(
                    https,
                    self.app,
                    self._workers,
                    self.shares["https"],
                    visitors.identify,
                    lambda address, fault: bus.report_listener("https", address, fault),
                    kept,
                )
            )

    @property
    def listeners(self) -> Collection[str]:
        names = [listener.scheme for listener in self._listeners]
        is_off = self._bus.snapshot.settings[SETTING] == "off"
        return [name for name in names if name == "https" or "https" not in names or not is_off]

    def start(self) -> None:
        """Bind, once here and again and again in the background, and serve."""
        if not self._listeners:
            return
        self._workers.start(WORKERS)
        self.feed.start()
        for listener in self._listeners:
            listener.start()

    def stop(self) -> None:
        """End streams, let answers on their way finish, close every connection and thread."""
        self.feed.stop()
        for listener in self._listeners:
            listener.stop()
        self._workers.shutdown(2.0)

    def fault(self) -> str:
        """What is wrong with the pages, one sentence; "" = they answer. Asks the application itself
        and not by a socket: who is well must not depend on who else is connected."""
        for listener in self._listeners:
            if listener.is_stuck:
                return f"The loop of {listener.scheme} has not turned for {STUCK_S:g} s."
        if not self._listeners:
            return ""
        status = probe(self.app, "/healthz")
        return "" if status == 200 else f"/healthz answers {status}."
