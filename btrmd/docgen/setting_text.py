"""The settings as text: the Markdown of docs/settings.md."""

from __future__ import annotations

from collections.abc import Iterator

from ..model.setting import Setting
from ..model.setting_table import SETTINGS
from ..model.setting_value import format_value
from ..model.settings import Settings, allowed_text
from ..model.site import Site


def settings_markdown() -> str:
    """One table for each page: key, label, default, what is allowed, meaning."""
    settings = Settings.defaults(Site(model="400"))
    return "\n".join(_pages(settings))


def _pages(settings: Settings) -> Iterator[str]:
    page = ""
    for setting in SETTINGS.values():
        if setting.page != page:
            if page:
                yield ""
            page = setting.page
            yield f"## {page}\n"
            yield "| Key | On the page | Default | Allowed | Meaning |"
            yield "| --- | --- | --- | --- | --- |"
        yield _row(setting, settings)
    yield ""


def _row(setting: Setting, settings: Settings) -> str:
    default = format_value(setting.default) or "empty"
    notes = setting.help
    if setting.choice_labels:
        words = zip(setting.choices, setting.choice_labels, strict=True)
        notes += " " + "; ".join(f"{choice}: {label}" for choice, label in words) + "."
    if setting.secret:
        notes += " Never shown or exported."
    cells = (
        f"`{setting.key}`",
        setting.label,
        default,
        allowed_text(setting.key, settings),
        notes,
    )
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"
