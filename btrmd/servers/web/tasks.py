"""Tasks: an answer, made a piece at a time, so that no slow reader holds a worker."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

from waitress.task import ErrorTask, WSGITask

from .headers import SECURITY_HEADERS
from .routes import is_api_path

TAKE_OVER = "btrmd.take_over"  # environ key: callable(Feed, is_packed), called before the response
LOCAL_ADDRESS = "btrmd.local_address"  # environ key: callable(), the unit's end of the connection


class RefusalTask(ErrorTask):
    """Errors found before the application sees the request: JSON below /api, headers as ever."""

    def go_on(self, has_to_stop: Callable[[], bool]) -> bool:
        """All of it; a refusal is short."""
        self.service()
        return True

    def abandon(self) -> None:
        """There is nothing to let go."""

    def execute(self) -> None:
        error = self.request.error
        self.status = f"{error.code} {error.reason}"
        if is_api_path(self.request.path) or self.request.head is None:
            body = json.dumps({"error": "http", "reason": error.body}).encode()
            kind = "application/json"
        else:
            body, kind = f"{error.body}\n".encode(), "text/plain; charset=utf-8"
        self.response_headers.extend([("Content-Type", kind), *SECURITY_HEADERS.items()])
        if error.retry_after_s:
            self.response_headers.append(("Retry-After", str(error.retry_after_s)))
        self.set_close_on_finish()
        self.content_length = len(body)
        self.write(body)


class Task(WSGITask):
    """One request's answer. `go_on` makes some of it, again and again until it is done."""

    _pieces: Iterator[bytes] | None = None
    _answer: Any = None

    def go_on(self, has_to_stop: Callable[[], bool]) -> bool:
        """True when all is written; False when `has_to_stop` said so after a piece."""
        if self._pieces is None:
            self.start()
            self._answer = self.channel.server.application(self.get_environment(), self._begin)
            self._pieces = iter(self._answer)
        for piece in self._pieces:
            if piece:
                self.write(piece)
                if has_to_stop():
                    return False
        self.abandon()
        self.finish()
        return True

    def abandon(self) -> None:
        """Let go what makes the answer."""
        answer, self._answer = self._answer, None
        if hasattr(answer, "close"):
            answer.close()

    def get_environment(self) -> dict[str, Any]:
        environ: dict[str, Any] = super().get_environment()
        environ[TAKE_OVER] = self.channel.promise
        environ[LOCAL_ADDRESS] = self.channel.local_address
        return environ

    def finish(self) -> None:
        if not self.channel.is_promised:
            super().finish()
            return
        if not self.wrote_header:
            self.write(b"")
        self.channel.hand_over(self.chunked_response)

    def _begin(
        self, status: str, headers: list[tuple[str, str]], exc_info: object = None
    ) -> Callable[[bytes], None]:
        """start_response of PEP 3333; the application is ours and checks its own headers."""
        self.complete = True
        self.status = status
        for name, value in headers:
            if "\n" in value or "\r" in value:
                raise ValueError(f"The header {name} holds a line break.")
            if name.lower() == "content-length":
                self.content_length = int(value)
        self.response_headers = list(headers)
        write: Callable[[bytes], None] = self.write
        return write
