"""The HTTPS listener: a listener that has a certificate before it opens."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from typing import Any, Final

from btrmd.model.errors import BtrmError

from ..share import Share
from .certificates import Certificates
from .dispatcher import Dispatcher
from .listener import HttpListener, Report, log
from .socket_server import Identify
from .tls_channel import TlsServer

NAME: Final = "https"


class HttpsListener(HttpListener):
    """As Listener; where a certificate must be made first, that happens in its own thread."""

    scheme = "https"

    def __init__(
        self,
        address: str,
        app: Callable[..., Any],
        dispatcher: Dispatcher,
        share: Share,
        identify: Identify,
        report: Report,
        certificates: Certificates,
    ) -> None:
        super().__init__(NAME, address, app, dispatcher, share, identify, report)
        self._certificates = certificates
        self._context: ssl.SSLContext | None = None
        certificates.on_change = self._use

    def start(self) -> None:
        if self._certificates.is_stored:
            self._open()
        self._thread.start()

    def _open(self) -> bool:
        if self._context is None:
            try:
                self._context = self._certificates.context()
            except (BtrmError, OSError) as error:
                fault = f"https has no certificate: {error}"
                log.error("%s", fault)
                self._report("", fault)
                return False
        return super()._open()

    def _make_server(self, **how: Any) -> TlsServer:
        assert self._context is not None  # _open made sure
        return TlsServer(
            self._app,
            share=self._share,
            identify=self._identify,
            context=self._context,
            **how,
        )

    def _use(self, context: ssl.SSLContext) -> None:
        """From now on new connections are greeted with `context`."""
        self._context = context
        if isinstance(self._server, TlsServer):
            self._server.context = context
