"""A request that is coming in: head and body, within limits, in the form waitress works with."""

from __future__ import annotations

import re
from collections.abc import Callable
from io import BytesIO
from typing import BinaryIO, Final
from urllib.parse import unquote_to_bytes

from .http_head import MOST_HEAD, HeadError, RequestHead, parse_head

MOST_CHUNK_LINE: Final = 256  # octets of a chunk's size and extensions
MOST_TRAILER: Final = 1024
_CHUNK: Final = re.compile(rb"([0-9A-Fa-f]{1,8})[ \t]*(?:;[\t \x21-\x7e\x80-\xff]*)?")
REASONS: Final = {
    400: "Bad Request", 413: "Content Too Large", 414: "URI Too Long", 417: "Expectation Failed",
    431: "Request Header Fields Too Large", 500: "Internal Server Error", 501: "Not Implemented",
    503: "Service Unavailable", 505: "HTTP Version Not Supported",
}  # fmt: skip


class HttpRefusal:
    """What is answered before the application sees the request."""

    def __init__(self, code: int, body: str, retry_after_s: int = 0) -> None:
        self.code = code
        self.reason = REASONS[code]
        self.body = body
        self.retry_after_s = retry_after_s


MostBody = Callable[[RequestHead], int]  # octets of body a head may have; may raise HeadError


class HttpRequest:
    """Has the attributes that waitress's channel and task ask of their parser. It does not know its
    connection: the two would keep each other until the collector of cycles comes."""

    def __init__(self, scheme: str) -> None:
        self.completed = False
        self.empty = False
        self.expect_continue = False
        self.headers_finished = False
        self.error: HttpRefusal | None = None
        self.head: RequestHead | None = None
        self.version = "1.1"
        self.command = "GET"
        self.path = self.request_uri = "/"
        self.query = self.fragment = ""
        self.headers: dict[str, str] = {}
        self.connection_close = False
        self.url_scheme = scheme
        self._limit = 0
        self._raw = b""
        self._body = BytesIO()
        self._left: int | None = 0  # of the body, or of the chunk; None = a chunk's line is next
        self._is_chunked = False
        self._is_trailer = False
        self._trailer = 0  # octets of it

    @property
    def size(self) -> int:
        """Octets that are kept of it."""
        return len(self._raw) + self._body.tell()

    def received(self, data: bytes, most_body: MostBody) -> int:
        """Take what belongs to this request; returns how many octets that was. `most_body` is asked
        once, when the head is there."""
        if self.completed:
            return 0
        try:
            if self.head is None:
                return self._head(data, most_body)
            return self._chunks(data) if self._is_chunked else self._plain(data)
        except HeadError as error:
            self.refuse(error.status, str(error))
            return len(data)

    def refuse(self, status: int, text: str, retry_after_s: int = 0) -> None:
        """It is answered with an error, and its connection ends."""
        self.error = HttpRefusal(status, text, retry_after_s)
        self.completed = self.headers_finished = True
        self.expect_continue = False
        self.connection_close = True
        self._raw = b""
        self._body = BytesIO()

    def get_body_stream(self) -> BinaryIO:
        self._body.seek(0)
        return self._body

    def close(self) -> None:
        self._body = BytesIO()

    # --- inside --------------------------------------------------------------------------------

    def _head(self, data: bytes, most_body: MostBody) -> int:
        before = len(self._raw)
        raw = self._raw + data
        if raw.startswith(b"\r\n"):  # RFC 9112 2.2: an empty line before a request is nothing
            self.empty = self.completed = True
            return 2 - before
        end = raw.find(b"\r\n\r\n", max(0, before - 3))
        if (end if end >= 0 else len(raw)) > MOST_HEAD:
            raise HeadError(431, f"The head is longer than {MOST_HEAD} octets.")
        if end < 0:
            if raw.find(b"\n\n", max(0, before - 1)) >= 0:  # or it would wait for an end to come
                raise HeadError(400, "A line does not end with CR and LF.")
            self._raw = raw
            return len(data)
        self._raw = b""
        head = parse_head(raw[:end])
        self._take(head, most_body)
        return end + 4 - before

    def _take(self, head: RequestHead, most_body: MostBody) -> None:
        self.head = head
        self.version, self.command = head.version, head.method
        self.request_uri, self.query = head.target, head.query
        self.path = unquote_to_bytes(head.path).decode("latin-1")
        self.headers = dict(head.fields)
        self.headers.setdefault("CONNECTION", "")
        self.connection_close = head.is_last
        if head.is_last:
            self.headers["CONNECTION"] = "close"
        elif head.version == "1.0":
            self.headers["CONNECTION"] = "keep-alive"
        self._limit = most_body(head)
        if head.length is not None and head.length > self._limit:
            raise HeadError(413, f"The body is larger than {self._limit} octets.")
        self._is_chunked = head.length is None
        self._left = head.length
        self.headers_finished = True
        self.completed = head.length == 0
        self.expect_continue = head.expects_continue and not self.completed

    def _plain(self, data: bytes) -> int:
        assert self._left is not None
        piece = data[: self._left]
        self._body.write(piece)
        self._left -= len(piece)
        self.completed = self._left == 0
        return len(piece)

    def _chunks(self, data: bytes) -> int:
        """RFC 9112 7.1; trailers are read and thrown away."""
        raw, at = self._raw + data, 0
        while not self.completed:
            if self._left:
                piece = raw[at : at + self._left]
                if self._body.tell() + len(piece) > self._limit:
                    raise HeadError(413, f"The body is larger than {self._limit} octets.")
                self._body.write(piece)
                self._left -= len(piece)
                at += len(piece)
                if self._left or len(raw) - at < 2:
                    break
            if self._left == 0:  # the end of a chunk's octets
                if len(raw) - at < 2:
                    break
                if raw[at : at + 2] != b"\r\n":
                    raise HeadError(400, "A chunk does not end where it should.")
                at += 2
                self._left = None
            end = raw.find(b"\r\n", at)
            most = MOST_TRAILER if self._is_trailer else MOST_CHUNK_LINE
            if (end if end >= 0 else len(raw)) - at > most:
                raise HeadError(400, "A chunk's line is too long.")
            if end < 0:
                break
            self._line(raw[at:end])
            at = end + 2
        self._raw = b"" if self.completed else raw[at:]
        if self.completed:
            self.headers["CONTENT_LENGTH"] = str(self._body.tell())
            return len(data) - (len(raw) - at)
        return len(data)

    def _line(self, line: bytes) -> None:
        if self._is_trailer:
            self._trailer += len(line) + 2
            if self._trailer > MOST_TRAILER:
                raise HeadError(400, "The trailer is too long.")
            self.completed = not line
            return
        found = _CHUNK.fullmatch(line)
        if found is None:
            raise HeadError(400, "A chunk's size is no hexadecimal number.")
        size = int(found[1], 16)
        if size > self._limit:
            raise HeadError(413, f"The body is larger than {self._limit} octets.")
        self._is_trailer = size == 0
        self._left = size or None
