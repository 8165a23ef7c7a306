"""The web server: application, stream and listener, started and stopped as one."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterable
from typing import Final

from flask import Flask
from waitress.task import ThreadedTaskDispatcher

from btrmd import __version__
from btrmd.bus import Bus
from btrmd.model.history import History
from btrmd.model.mail import MailStep

from .accounts import Accounts, AuthStore
from .app import create_app
from .certificates import Certificates, CertificateStore
from .encode import PointsDocument
from .forms import FormTokens
from .https_listener import HttpsListener
from .https_only import is_http_wanted
from .listener import Listener
from .services import Health, Services
from .sessions import Sessions
from .stream import PERIOD_S, Feed
from .throttle import Throttle

WORKERS: Final = 4  # streams hold none of them
NONE: Final = "none"


class WebServer:
    """Pages and API on `http` and `https` (HOST:PORT, port 0 = any free one, "none" = off).

    HTTPS needs `certificates`, where its certificate is kept. `hardware` names the board;
    `mail_tester` sends a test mail and tells its steps (at most 60 s). `clock` (monotonic s) times
    sessions and the throttle, `stream_period_s` the stream. Nothing here raises into the daemon: a
    port that cannot be bound is reported on the bus and retried.
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
        clock: Callable[[], float] = time.monotonic,
        stream_period_s: float = PERIOD_S,
        hardware: str = "",
        mail_tester: Callable[[], Iterable[MailStep]] | None = None,
    ) -> None:
        sessions = Sessions(clock)
        kept = None
        if certificates is not None:
            kept = Certificates(
                certificates, lambda: bus.snapshot.settings.text("network.host_name")
            )
        self._feed = Feed(bus, stream_period_s)
        self.app: Flask = create_app(
            Services(
                bus,
                history,
                sessions,
                Accounts(auth_store, sessions, Throttle(clock)),
                FormTokens(),
                self._feed,
                PointsDocument(bus),
                Health(bus),
                __version__,
                hardware,
                mail_tester,
                kept,
            )
        )
        # It warns whenever a request waits for a worker, which is what a queue is for.
        logging.getLogger("waitress.queue").setLevel(logging.ERROR)
        self._workers = ThreadedTaskDispatcher()
        self._listeners: list[Listener] = []
        self._warming = threading.Thread(target=self._warm, name="web-warm", daemon=True)
        if http != NONE:
            self._listeners.append(
                Listener(
                    "http",
                    http,
                    self.app,
                    self._workers,
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
                    lambda address, fault: bus.report_listener("https", address, fault),
                    kept,
                )
            )

    def start(self) -> None:
        """Bind, once here and again and again in the background, and serve."""
        if not self._listeners:
            return
        self._workers.set_thread_count(WORKERS)
        self._feed.start()
        for listener in self._listeners:
            listener.start()
        self._warming.start()

    def stop(self) -> None:
        """End streams, let answers on their way finish, close every connection and thread."""
        self._feed.stop()
        for listener in self._listeners:
            listener.stop()
        self._workers.shutdown(timeout=2)
        if self._warming.is_alive():
            self._warming.join(5.0)

    def _warm(self) -> None:
        """Compile the templates before somebody waits for them, and without delaying the start."""
        for name in self.app.jinja_env.list_templates():
            self.app.jinja_env.get_template(name)
