"""Words: a value as event texts, exports and log lines write it."""

from __future__ import annotations

from .readings import Value


def format_in_words(value: Value) -> str:
    """A setting's value as a person would say it: unset, on, off, (empty), 20."""
    if value is None:
        return "unset"
    if isinstance(value, bool):
        return "on" if value else "off"
    return plain_value(value) or "(empty)"


def plain_value(value: Value, between: str = ", ") -> str:
    """A point's value for machines: "" when there is none, true or false, six digits, a list."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return f"{value:.6g}"
    return between.join(value) if isinstance(value, tuple) else str(value)
