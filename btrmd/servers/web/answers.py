"""Answers: JSON and errors in the one form that every client meets."""

from __future__ import annotations

import gzip
from collections.abc import Mapping
from typing import Final

from flask import Request, Response, request

from .encode import Document, dumps
from .routes import is_api_path

JSON: Final = "application/json"
_MIN_COMPRESSED: Final = 600  # bytes; below, gzip costs more than it saves
_COMPRESSIBLE: Final = ("text/html", "text/csv", "text/plain", JSON)


def answer_json(document: object, status: int = 200) -> Response:
    """`document` as JSON; raises ValueError for NaN, which must not leave the house."""
    return Response(dumps(document), status, mimetype=JSON)


def answer_document(made: Document) -> Response:
    """A finished document, compressed where the client takes it."""
    if not takes_gzip(request):
        return Response(made.plain, mimetype=JSON, headers={"Vary": "Accept-Encoding"})
    headers = {"Vary": "Accept-Encoding", "Content-Encoding": "gzip"}
    return Response(made.gzip, mimetype=JSON, headers=headers)


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
