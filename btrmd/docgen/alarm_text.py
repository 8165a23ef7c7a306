"""The alarms as text: the Markdown of docs/alarms.md."""

from __future__ import annotations

from ..model.alarms import ALARMS, Alarm
from .markdown import markdown_table


def _row(alarm: Alarm) -> tuple[str, ...]:
    oid = ".".join(str(arc) for arc in alarm.trap[0])
    key = f"{alarm.key}*" if alarm.key.endswith(".") else alarm.key
    flags = [
        word
        for word, holds in (
            ("latched", alarm.latched),
            ("no test starts", alarm.blocks_test),
            ("in `alarm.fault`", alarm.is_fault),
            ("switches the CH output", alarm.is_battery_fault),
        )
        if holds
    ]
    return (
        f"`{key}`", alarm.severity, f"{alarm.delay_s:g} s", f"{alarm.clear_s:g} s",
        f"{alarm.trap[1]} (34506.{oid})", ", ".join(flags), alarm.action,
    )  # fmt: skip


def alarms_markdown() -> str:
    """The table of all alarms, in the order in which people see them."""
    head = ("key", "severity", "comes after", "goes after", "trap", "besides", "what to do")
    return markdown_table(head, map(_row, ALARMS))
