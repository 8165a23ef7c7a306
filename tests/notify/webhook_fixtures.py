"""An HTTPS server that a test starts, kills and makes refuse, and a station that posts to it."""

from __future__ import annotations

import json
import queue
import socket
import ssl
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NamedTuple

from mail_fixtures import Bench, mail_settings, snapshot_of
from mail_tls import Authority

from btrmd.notify.webhook.sender import LISTENER, WebhookSender


class Got(NamedTuple):
    """One request."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def n(self) -> int:
        return int(self.headers["x-btrm-event"])


Answer = tuple[int, dict[str, str], bytes]
GOOD: Answer = (200, {}, b"ok")


class HttpsServer:
    """`answer` is called for each request; None: the connection is cut instead."""

    def __init__(self, authority: Authority, port: int = 0, context: ssl.SSLContext | None = None):
        self.queue: queue.SimpleQueue[Got] = queue.SimpleQueue()
        self.all: list[Got] = []
        self.answer: Callable[[Got], Answer | None] = lambda got: GOOD
        self._context = context or authority.context()
        self.port = port
        self.start()

    def start(self) -> None:
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            timeout = 30.0

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                headers = {key.lower(): value for key, value in self.headers.items()}
                got = Got(self.path, headers, body)
                outer.all.append(got)
                outer.queue.put(got)
                answer = outer.answer(got)
                if answer is None:
                    self.connection.shutdown(socket.SHUT_RDWR)
                    self.close_connection = True
                    return
                status, more, text = answer
                self.send_response(status)
                for key, value in more.items():
                    self.send_header(key, value)
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            def log_message(self, format: str, *args: object) -> None:
                """Nothing on the screen."""

        class Server(ThreadingHTTPServer):
            allow_reuse_address = True
            daemon_threads = True

            def handle_error(self, request: Any, client_address: Any) -> None:
                """What a client breaks off is its business."""

            def finish_request(self, request: Any, client_address: Any) -> None:
                with outer._context.wrap_socket(request, server_side=True) as secure:
                    super().finish_request(secure, client_address)

        self._server: Server | None = Server(("127.0.0.1", self.port), Handler)
        self.port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def kill(self) -> None:
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None

    close = kill

    @property
    def numbers(self) -> list[int]:
        return [got.n for got in self.all]

    def take(self, seconds: float = 10.0) -> Got:
        return self.queue.get(timeout=seconds)


class WebhookBench(Bench):
    """With the sender as a thread."""

    def __init__(self, folder: Path, authority: Authority) -> None:
        super().__init__(folder)
        self._authority = authority
        self.webhook: WebhookSender | None = None
        self.limit_s = 10.0

    def to(self, server: HttpsServer | str, **changes: object) -> None:
        """The webhook to `server`, or to a whole address."""
        url = server if isinstance(server, str) else f"https://127.0.0.1:{server.port}/hook/abcdef"
        named = {"webhook__enabled": True, "webhook__url": url,
                 "webhook__ca_file": str(self._authority.file), **changes}  # fmt: skip
        self.settings = mail_settings(**named)
        self.bus.publish(snapshot_of(self.settings, seq=self.bus.snapshot.seq + 1))

    def off(self) -> None:
        self.settings = mail_settings()
        self.bus.publish(snapshot_of(self.settings, seq=self.bus.snapshot.seq + 1))

    def start(self) -> None:
        self.webhook = WebhookSender(
            self.bus, self.history, self.cursors, self.patience_s, self.limit_s
        )
        self.webhook.start()

    @property
    def hook_fault(self) -> str:
        found = self.bus.listeners.get(LISTENER)
        return found.fault if found is not None else ""

    @property
    def hook_address(self) -> str:
        found = self.bus.listeners.get(LISTENER)
        return found.address if found is not None else ""

    @property
    def reported(self) -> int | None:
        return self.cursors.load("webhook")

    def restart(self) -> None:
        if self.webhook is not None:
            self.webhook.stop()
        super().restart()

    def close(self) -> None:
        if self.webhook is not None:
            self.webhook.stop()
        super().close()
