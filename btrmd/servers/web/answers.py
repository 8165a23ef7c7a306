"""Answers: JSON and errors in the one form that every client meets."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from flask import Request, Response, request

from .encode import Document, dumps
from .routes import is_api_path

JSON: Final = "application/json"
_MIN_COMPRESSED: Final = 600  # bytes; below, gzip costs more than it saves
PIECE: Final = 8 * 1024  # characters of a long answer that are made at once
_COMPRESSIBLE: Final = ("text/html", "text/csv", "text/plain", JSON)


def answer_json(document: object, status: int = 200) -> Response:
    """`document` as JSON; raises ValueError for NaN, which must not leave the unit."""
    return Response(dumps(document), status, mimetype=JSON)


def answer_document(made: Document) -> Response:
    """A finished document, compressed where the client takes it."""
    if not takes_gzip(request):
        return Response(made.plain, mimetype=JSON, headers={"Vary": "Accept-Encoding"})
    headers = {"Vary": "Accept-Encoding", "Content-Encoding": "gzip"}
    return Response(made.gzip, mimetype=JSON, headers=headers)


def answer_pieces(
    pieces: Iterable[str], mimetype: str = JSON, headers: Mapping[str, str] = {}
) -> Response:
    """A long text, made while it is taken, compressed where the client takes it: neither its whole
    length nor all that it is made of is ever in memory."""
    sent = {"Vary": "Accept-Encoding", **headers}
    body = _gathered(pieces)
    if takes_gzip(request):
        sent["Content-Encoding"] = "gzip"
        body = _zipped(body)
    return Response(body, mimetype=mimetype, headers=sent)


def json_list(name: str, items: Iterable[object]) -> Iterator[str]:
    """The pieces of `{name: [items]}`."""
    yield f'{{"{name}":['
    comma = ""
    for item in items:
        yield comma + dumps(item).decode()
        comma = ","
    yield "]}"


def _gathered(pieces: Iterable[str]) -> Iterator[bytes]:
    """Few large pieces instead of many small ones."""
    waiting: list[str] = []
    size = 0
    for piece in pieces:
        waiting.append(piece)
        size += len(piece)
        if size >= PIECE:
            yield "".join(waiting).encode("utf-8", "replace")
            waiting.clear()
            size = 0
    if waiting:
        yield "".join(waiting).encode("utf-8", "replace")


def _zipped(pieces: Iterable[bytes]) -> Iterator[bytes]:
    packer = zlib.compressobj(5, wbits=31)  # 31: with the head and end of a gzip file
    for piece in pieces:
        packed = packer.compress(piece)
        if packed:
            yield packed
    yield packer.flush()


def refuse(
    status: int,
    code: str,
    reason: str,
    retry_after_s: int | None = None,
    facts: Mapping[str, object] = {},
) -> Response:
    """A refusal: `{"error": code, "reason": sentence, ...}` on the API, plain text on a page."""
    if is_api_path(request.path):
        answer = answer_json({"error": code, "reason": reason, **facts}, status)
    else:
        answer = Response(f"{reason}\n", status, mimetype="text/plain")
    if retry_after_s is not None:
        answer.headers["Retry-After"] = str(retry_after_s)
    return answer


def takes_gzip(asked: Request) -> bool:
    """True when the client accepts gzip."""
    return asked.accept_encodings["gzip"] > 0


def compress(answer: Response) -> Response:
    """After a request: gzip a finished text where the client takes it."""
    if (
        answer.is_streamed
        or answer.direct_passthrough
        or answer.mimetype not in _COMPRESSIBLE
        or "Content-Encoding" in answer.headers
        or answer.status_code in (204, 304)
    ):
        return answer
    body = answer.get_data()
    if len(body) < _MIN_COMPRESSED:
        return answer
    answer.vary.add("Accept-Encoding")
    if takes_gzip(request):
        answer.set_data(gzip.compress(body, 5, mtime=0))
        answer.headers["Content-Encoding"] = "gzip"
    return answer
