"""The settings as text: the Markdown of docs/settings.md."""

from __future__ import annotations

from itertools import groupby
from typing import Final

from ..model.setting import Setting, format_setting
from ..model.setting_table import SETTINGS
from ..model.settings import Settings, allowed_text
from ..model.site import Site
from .markdown import markdown_table

HEAD: Final = ("Key", "On the page", "Default", "Allowed", "Meaning")


def settings_markdown() -> str:
    """One table for each page: key, label, default, what is allowed, meaning."""
    settings = Settings.defaults(Site(model="400"))
    return "\n".join(
        f"## {page}\n\n" + markdown_table(HEAD, [_row(setting, settings) for setting in there])
        for page, there in groupby(SETTINGS.values(), lambda setting: setting.page)
    )


def _row(setting: Setting, settings: Settings) -> tuple[str, ...]:
    default = format_setting(setting.default) or "empty"
    notes = setting.help
    if setting.choice_labels:
        words = zip(setting.choices, setting.choice_labels, strict=True)
        notes += " " + "; ".join(f"{choice}: {label}" for choice, label in words) + "."
    if setting.secret:
        notes += " Never shown or exported."
    return (
        f"`{setting.key}`",
        setting.label,
        default,
        allowed_text(setting.key, settings),
        notes,
    )
