"""The description of the API (OpenAPI 3.1), made from the routes that are served."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, Final

from btrmd.model.settings import SETTINGS, Setting

from .cookies import SESSION_COOKIE
from .gate import CSRF_HEADER
from .routes import Route, RouteAccess
from .schemas import NULL, SCHEMAS, any_of

_PARAMETER: Final = re.compile(r"<(?:(\w+):)?(\w+)>")
_MEDIA: Final = {"Csv": "text/csv", "Text": "text/plain", "EventStream": "text/event-stream"}
_QUERY: Final[dict[str, dict[str, Any]]] = {
    "after": {"type": "integer", "minimum": 0, "description": "Only events with a larger n"},
    "limit": {"type": "integer", "minimum": 1, "maximum": 10000},
    "from": {"type": "string", "description": "ISO 8601 or seconds since 1970; a day before to"},
    "to": {"type": "string", "description": "ISO 8601 or seconds since 1970; now"},
    "offset": {"type": "integer", "minimum": 0, "description": "0 begins a new upload"},
    "total": {"type": "integer", "minimum": 1, "description": "Bytes of the whole upload"},
    "points": {"type": "string", "description": "Keys of points, separated by commas; all"},
}
_KINDS: Final = {"bool": "boolean", "int": "integer", "float": "number", "text": "string"}
_SECURED: Final = {
    401: "No login.",
    403: f"{CSRF_HEADER} is missing or wrong, or a password must be set first.",
}


def describe(routes: Iterable[Route], version: str) -> dict[str, object]:
    """The whole document."""
    paths: dict[str, dict[str, object]] = {}
    for route in routes:
        path = _PARAMETER.sub(lambda match: "{" + match.group(2) + "}", route.path)
        paths.setdefault(path, {})[route.method.lower()] = _operation(route)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "btrmd",
            "version": version,
            "description": "Battery test remote monitor: what the pages show, for programs. "
            "Reading is open and independent of web.authorization.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "paths": paths,
        "components": {
            "schemas": {**SCHEMAS, "Settings": _settings()},
            "securitySchemes": {
                "session": {"type": "apiKey", "in": "cookie", "name": SESSION_COOKIE},
                "csrf": {"type": "apiKey", "in": "header", "name": CSRF_HEADER},
                "token": {"type": "http", "scheme": "bearer"},
            },
        },
    }


def _operation(route: Route) -> dict[str, object]:
    success = "201" if route.result == "Started" else "200"
    answers: dict[str, object] = {success: _content("Done", route.result)}
    is_secured = route.access not in (RouteAccess.PUBLIC, RouteAccess.DATA)
    reported = dict(route.answers)
    if is_secured:
        reported = {**_SECURED, **reported}
    if route.body:
        reported.setdefault(400, "The body is not JSON.")
    for status, text in sorted(reported.items()):
        answers[str(status)] = _content(text, "Error")
    operation: dict[str, object] = {
        "summary": route.summary,
        "operationId": _name(route),
        "responses": answers,
    }
    parameters = [_path_parameter(kind, name) for kind, name in _PARAMETER.findall(route.path)]
    parameters += [
        {"name": name, "in": "query", "required": False, "schema": _QUERY[name]}
        for name in route.query
    ]
    if parameters:
        operation["parameters"] = parameters
    if route.body:
        operation["requestBody"] = _content("", route.body)
    if is_secured:
        operation["security"] = [{"token": []}, {"session": [], "csrf": []}]
    return operation


def _content(text: str, schema: str) -> dict[str, object]:
    if not schema:  # an answer whose body tells nothing
        return {"description": text}
    media = _MEDIA.get(schema)
    body = {"type": "string"} if media else {"$ref": f"#/components/schemas/{schema}"}
    content: dict[str, object] = {"content": {media or "application/json": {"schema": body}}}
    return {"description": text, **content} if text else content


def _path_parameter(kind: str, name: str) -> dict[str, object]:
    schema = {"type": "integer", "minimum": 0} if kind == "int" else {"type": "string"}
    return {"name": name, "in": "path", "required": True, "schema": schema}


def _name(route: Route) -> str:
    words = re.findall(r"[A-Za-z0-9]+", route.path.removeprefix("/api/v1"))
    return "_".join((route.method.lower(), *words))


def _settings() -> dict[str, object]:
    properties = {key: _setting(setting) for key, setting in SETTINGS.items()}
    return {"type": "object", "properties": properties, "additionalProperties": False}


def _setting(setting: Setting) -> dict[str, object]:
    schema: dict[str, object] = {"description": setting.help}
    value: dict[str, object] = {"type": _KINDS.get(setting.kind, "")}
    if setting.kind == "enum":
        kind = "integer" if isinstance(setting.choices[0], int) else "string"
        value = {"type": kind, "enum": list(setting.choices)}
    if setting.low is not None:
        value["minimum"] = setting.low
    if setting.high is not None:
        value["maximum"] = setting.high
    if setting.max_length:
        value["maxLength"] = setting.max_length
    if setting.optional or setting.secret:
        return {**any_of(value, NULL), **schema}
    return {**value, **schema}
