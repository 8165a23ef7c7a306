"""The head of an HTTP request, read as strictly as RFC 9112 asks: what is in doubt is refused.

Two readers of one message must never find two different requests in it, so nothing is mended here.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from typing import Final, NamedTuple

MOST_HEAD: Final = 16 * 1024  # octets, request line and fields
MOST_TARGET: Final = 8 * 1024  # octets of a request target
MOST_FIELDS: Final = 100

_TOKEN: Final = rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+"
_LINE: Final = re.compile(rb"(" + _TOKEN + rb") ([\x21-\x7e]+) HTTP/([0-9])\.([0-9])")
_VALUE: Final = rb"((?:[\x21-\x7e\x80-\xff][\t \x21-\x7e\x80-\xff]*)?)"
_FIELD: Final = re.compile(rb"(" + _TOKEN + rb"):[ \t]*" + _VALUE)
_DIGITS: Final = re.compile(r"[0-9]{1,10}")
_HOST: Final = re.compile(
    r"(?:([A-Za-z0-9._~!$&'()*+,;=%-]+)|\[([0-9A-Fa-f:.]+)\])(?::([0-9]{0,5}))?"
)
_ABSOLUTE: Final = re.compile(r"https?://([^/?#]*)([/?][^#]*)?", re.IGNORECASE)
# Given twice they contradict themselves; a list of values is no value of theirs (RFC 9110 5.3).
_ONCE: Final = frozenset(
    {"HOST", "CONTENT_LENGTH", "TRANSFER_ENCODING", "CONTENT_TYPE", "AUTHORIZATION", "COOKIE",
     "ORIGIN", "EXPECT", "X_CSRF_TOKEN"}
)  # fmt: skip


class HeadError(ValueError):
    """The request is refused with `status`; the text is one sentence."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status


class RequestHead(NamedTuple):
    """`target` begins with "/" (or is "*"), `path` is its part before "?", not yet decoded.
    `fields`: by name as WSGI has it (upper case, "_"). `length` of the body; None = chunked."""

    method: str
    target: str
    path: str
    query: str
    version: str
    fields: Mapping[str, str]
    length: int | None
    is_last: bool  # the connection ends after the answer
    expects_continue: bool


def parse_head(raw: bytes) -> RequestHead:
    """The head in `raw`, without its empty line. Raises HeadError."""
    line, *rest = raw.split(b"\r\n")
    method, target, version = _request_line(line)
    fields = _fields(rest)
    target, host = _authority(method, target, fields.get("HOST"))
    if host is None and version == "1.1":
        raise HeadError(400, "The field Host is missing.")
    if host is not None:
        _check_host(host)
        fields["HOST"] = host
    length = _length(version, fields)
    expect = fields.get("EXPECT", "").lower()
    if expect and expect != "100-continue":
        raise HeadError(417, "Nothing but 100-continue can be expected.")
    path, _, query = target.partition("?")
    words = {word.strip().lower() for word in fields.get("CONNECTION", "").split(",")}
    is_last = "close" in words or (version == "1.0" and "keep-alive" not in words)
    return RequestHead(
        method, target, path, query, version, fields, length, is_last,
        bool(expect) and version == "1.1",
    )  # fmt: skip


def _request_line(line: bytes) -> tuple[str, str, str]:
    found = _LINE.fullmatch(line)
    if found is None:
        raise HeadError(400, "The request line is not METHOD TARGET HTTP/1.1.")
    method, target, major, minor = (part.decode("ascii") for part in found.groups())
    if method != method.upper():  # RFC 9110 9.1; Werkzeug would make it one that is known
        raise HeadError(501, f"The method {method[:20]} is not known: methods are in capitals.")
    if major != "1":
        raise HeadError(505, f"HTTP/{major}.{minor} is not spoken here, HTTP/1.1 is.")
    if len(target) > MOST_TARGET:
        raise HeadError(414, f"The request target is longer than {MOST_TARGET} characters.")
    return method, target, "1.0" if minor == "0" else "1.1"


def _fields(lines: list[bytes]) -> dict[str, str]:
    if len(lines) > MOST_FIELDS:
        raise HeadError(431, f"There are more than {MOST_FIELDS} header fields.")
    fields: dict[str, str] = {}
    for line in lines:
        found = _FIELD.fullmatch(line)
        if found is None:
            # Also a line that goes on with the one before (obs-fold), a bare CR or LF, and a
            # space before the colon: each is read differently by some other program.
            raise HeadError(400, "A header field is not NAME: VALUE on one line.")
        name = found[1].decode("ascii")
        if "_" in name:
            continue  # WSGI could not tell it from one with a hyphen
        key = name.upper().replace("-", "_")
        value = found[2].decode("latin-1").rstrip(" \t")
        if key not in fields:
            fields[key] = value
        elif key in _ONCE:
            raise HeadError(400, f"The field {name} is there twice.")
        else:
            fields[key] += f", {value}"
    return fields


def _authority(method: str, target: str, host: str | None) -> tuple[str, str | None]:
    """The target in origin form, and the host that is meant (RFC 9112 3.2)."""
    if "#" in target:
        raise HeadError(400, "The request target holds a fragment.")
    if target.startswith("/") or (target == "*" and method == "OPTIONS"):
        return target, host
    found = _ABSOLUTE.fullmatch(target)
    if found is None:
        raise HeadError(400, "The request target is neither a path nor an http address.")
    path = found[2] or "/"
    return path if path.startswith("/") else f"/{path}", found[1]


def _check_host(host: str) -> None:
    found = _HOST.fullmatch(host)
    if found is None or (found[3] and int(found[3]) > 65535):
        raise HeadError(400, "The field Host is no host name or address.")
    if found[2] is not None:
        try:
            ipaddress.IPv6Address(found[2])
        except ValueError:
            raise HeadError(400, "The field Host is no host name or address.") from None


def _length(version: str, fields: dict[str, str]) -> int | None:
    """Length of the body, None = chunked (RFC 9112 6)."""
    length, coding = fields.get("CONTENT_LENGTH"), fields.pop("TRANSFER_ENCODING", None)
    if coding is not None:
        if version == "1.0" or length is not None:
            raise HeadError(400, "The length of the body is given twice, or in HTTP/1.0.")
        if coding.lower() != "chunked":
            raise HeadError(501, "No transfer coding but chunked is understood.")
        return None
    if length is None:
        return 0
    if not _DIGITS.fullmatch(length):
        raise HeadError(400, "The field Content-Length is no number.")
    return int(length)
