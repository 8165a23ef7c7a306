"""The limits of connections as text: the table of docs/operations.md."""

from __future__ import annotations

from ..model.service import LIMITS
from .markdown import markdown_table


def limits_markdown() -> str:
    """One row a listener."""
    return markdown_table(
        ("listener", "connections", "of one address", "silent for", "never makes room"),
        (
            (limit.title, f"{limit.most}", f"{limit.each}",
             f"{limit.idle_s:g} s" if limit.idle_s else "-", limit.kept)
            for limit in LIMITS.values()
        ),
    )  # fmt: skip
