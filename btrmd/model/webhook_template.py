"""The webhook's template: a text or a JSON document in which fields such as ${text} stand."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Final, NamedTuple

MOST: Final = 2000  # characters
FIELDS: Final = (
    "n", "at", "key", "kind", "text", "value", "threshold", "uptime_s", "source", "severity",
    "advice", "serial", "name", "location", "contact", "link",
)  # fmt: skip
GRAMMAR: Final = (
    "a text, or a JSON document, with fields in the form ${text}; there are " + ", ".join(FIELDS)
)
_FIELD: Final = re.compile(r"\$\{([^{}]*)\}")
_SPACE: Final = re.compile(r"[\r\n\t]+ *")


class Template(NamedTuple):
    """`tree`: a JSON document where `is_json`, else a text."""

    is_json: bool
    tree: object


def read_template(text: str) -> Template:
    """What begins with { or [ is JSON, with fields inside its strings. Raises ValueError: half a
    sentence that says what is wrong."""
    for name in _FIELD.findall(text):
        if name not in FIELDS:
            raise ValueError(f"the field ${{{name[:40]}}} is not known")
    if not text.startswith(("{", "[")):
        return Template(False, text)
    try:
        return Template(True, json.loads(text, parse_constant=_refuse))
    except RecursionError as error:
        raise ValueError("its JSON is nested too deeply") from error
    except json.JSONDecodeError as error:
        raise ValueError(
            f"it begins like JSON, and is none at character {error.pos + 1}: {error.msg.lower()}"
        ) from error


def render(template: Template, fields: Mapping[str, object]) -> bytes:
    """The body. In JSON a string that is one field and nothing else becomes its value, a number as
    a number; in a text backslash and n are a new line."""
    if template.is_json:
        return json.dumps(_filled(template.tree, fields)).encode()
    return _put(str(template.tree).replace("\\n", "\n"), fields).encode("utf-8", "replace")


def plain_template(text: str) -> str:
    """On one line, as it is stored."""
    return _SPACE.sub(" ", text).strip()


def template_fault(text: str) -> str:
    """What is wrong, as half a sentence; "" where nothing is."""
    try:
        read_template(text)
    except ValueError as error:
        return str(error)
    return ""


def _filled(node: object, fields: Mapping[str, object]) -> object:
    if isinstance(node, dict):
        return {_put(key, fields): _filled(value, fields) for key, value in node.items()}
    if isinstance(node, list):
        return [_filled(value, fields) for value in node]
    if not isinstance(node, str):
        return node
    whole = _FIELD.fullmatch(node)
    return fields[whole[1]] if whole else _put(node, fields)


def _put(text: str, fields: Mapping[str, object]) -> str:
    return _FIELD.sub(lambda found: _format(fields[found[1]]), text)


def _format(value: object) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _refuse(name: str) -> object:
    raise ValueError(f"its JSON has {name}")
