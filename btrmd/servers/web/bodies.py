"""Request bodies and query strings: read strictly, refused with a sentence."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Final, NoReturn

from flask import Request

from btrmd.model.errors import BtrmError
from btrmd.model.value_text import read_number

MAX_BODY: Final = 64 * 1024  # bytes
MAX_FIELDS: Final = 500
_LAST_TIME: Final = 253402300799.0  # 9999-12-31T23:59:59Z


class BodyError(BtrmError, ValueError):
    """A request that cannot be understood. `status`, `code` and facts for the JSON answer."""

    def __init__(self, status: int, code: str, reason: str, **facts: object) -> None:
        self.status = status
        self.code = code
        self.facts = facts
        super().__init__(reason)


def refuse_field(key: str, value: object, allowed: str) -> NoReturn:
    """Raise 422 for one field."""
    shown = value if isinstance(value, bool | int | float | str | None) else type(value).__name__
    if isinstance(shown, float) and not math.isfinite(shown):
        shown = str(shown)
    if isinstance(shown, str) and len(shown) > 200:
        shown = f"{shown[:200]}..."
    raise BodyError(
        422,
        "range",
        f"{key} = {shown!r} is refused: allowed is {allowed}.",
        key=key,
        value=shown,
        allowed=allowed,
    )


def json_object(asked: Request) -> dict[str, object]:
    """The body as a JSON object of plain values; no body at all is an empty object.

    Raises RequestError: 415 for another type, 400 for broken JSON (also NaN, Infinity and a name
    given twice), 422 for a value that is an object or a list.
    """
    data = asked.get_data(cache=False)
    if not data:
        return {}
    if asked.mimetype != "application/json":
        raise BodyError(415, "type", "The body must be application/json.")
    try:
        body = json.loads(data, object_pairs_hook=_pairs, parse_constant=_constant)
    except BodyError:
        raise
    except (ValueError, RecursionError) as error:
        raise BodyError(400, "json", f"The body is not JSON: {str(error)[:200]}.") from error
    if not isinstance(body, dict):
        raise BodyError(400, "json", "The body must be a JSON object.")
    for key, value in body.items():
        if isinstance(value, dict | list):
            refuse_field(key, value, "one plain value")
        if isinstance(value, float) and not math.isfinite(value):  # 1e999
            refuse_field(key, value, "a finite number")
    return body


def fields(body: Mapping[str, object], *allowed: str) -> None:
    """Raise 422 for a field that is not one of `allowed`."""
    for key in body:
        if key not in allowed:
            names = ", ".join(allowed) or "no field"
            raise BodyError(
                422,
                "unknown",
                f"{key[:60]!r} is not a field here; allowed: {names}.",
                key=key[:60],
                value=None,
                allowed=names,
            )


def flag(body: Mapping[str, object], key: str, default: bool | None = None) -> bool:
    """A boolean field; without a default it must be given."""
    value = body.get(key, default)
    if not isinstance(value, bool):
        refuse_field(key, value, "true or false")
    return value


def query_int(asked: Request, key: str, default: int, low: int, high: int) -> int:
    """An integer of the query string. Raises 422 outside low..high."""
    text = asked.args.get(key)
    if text is None:
        return default
    if not (text.isascii() and text.isdigit() and len(text) <= 19 and low <= int(text) <= high):
        refuse_field(key, text, f"{low}..{high}")
    return int(text)


def query_time(asked: Request, key: str, default: float) -> float:
    """A time of the query string, ISO 8601 or seconds since 1970, as seconds. Raises 422.

    A time without an offset is UTC. A "+" that came unescaped arrives as a space and is mended.
    """
    text = asked.args.get(key)
    if text is None:
        return default
    at = _first_good(text, read_number, _iso)
    if at is None or not 0 <= at <= _LAST_TIME:
        refuse_field(key, text, "ISO 8601 or seconds since 1970")
    return at


def _first_good(text: str, *readers: Callable[[str], float]) -> float | None:
    for reader in readers:
        try:
            value = reader(text)
        except (ValueError, OverflowError):
            continue
        if math.isfinite(value):
            return value
    return None


def _iso(text: str) -> float:
    if not text.isascii():
        raise ValueError("an ISO time is written in ASCII")
    parsed = datetime.fromisoformat(text.strip().replace(" ", "+") if "T" in text else text)
    return (parsed if parsed.tzinfo is not None else parsed.replace(tzinfo=UTC)).timestamp()


def _pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    body = dict(pairs)
    if len(body) != len(pairs):
        raise BodyError(400, "json", "A name stands twice in the body.")
    if len(body) > MAX_FIELDS:
        raise BodyError(400, "json", f"The body has more than {MAX_FIELDS} names.")
    return body


def _constant(name: str) -> NoReturn:
    raise BodyError(400, "json", f"{name} is not a JSON number.")
