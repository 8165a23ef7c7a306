"""Probe: one request put to the application within the process, without a socket."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable
from typing import Any


def probe(app: Callable[..., Iterable[bytes]], path: str) -> int:
    """The status of GET `path`; 500 when the application raises."""
    status = [500]

    def start(line: str, headers: list[tuple[str, str]], error: Any = None) -> None:
        status[0] = int(line.partition(" ")[0])

    environ = {
        "REQUEST_METHOD": "GET",
        "SCRIPT_NAME": "",
        "PATH_INFO": path,
        "QUERY_STRING": "",
        "SERVER_NAME": "localhost",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "HTTP_HOST": "localhost",
        "REMOTE_ADDR": "127.0.0.1",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(),
        "wsgi.errors": io.StringIO(),
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
    }
    try:
        answer = app(environ, start)
        try:
            for _ in answer:
                pass
        finally:
            getattr(answer, "close", lambda: None)()
    except Exception:
        return 500
    return status[0]
