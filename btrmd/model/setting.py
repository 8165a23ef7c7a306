"""A setting: its declaration, read by validation, web forms, command line, migration and docs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

SettingValue = bool | int | float | str | None

SettingKind = Literal["bool", "int", "float", "text", "enum"]

TextFormat = Literal[
    "",
    "ip",
    "host",
    "hostname",
    "email",
    "email_list",
    "cidr_list",
    "device",
    "path",
    "mac",
    "passphrase",
    "day_list",
    "date_list",
    "battery_table",
    "topic",
    "https_url",
    "webhook_template",
    "header",
    "timezone",
    "origin_list",
]


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting, declared once.

    `low`, `high`: inclusive limits of int and float (in `unit`); None = no limit, never 0 and 0.
    `choices`: all that an enum can ever be; what is allowed now may be fewer (model, site file).
    `choice_labels`: one wording a choice, for forms. `optional`: None is allowed ("none").
    `max_length`: characters of a text. `format`: what a text must look like; an empty text is
    allowed wherever the default is empty. `secret`: never shown, exported or echoed. `live`: the
    value is a countdown in the core's state, not in the settings file. `page` is the menu name of
    the page it stands on, `group` the heading there, `label` the manual's wording.
    """

    key: str
    kind: SettingKind
    default: SettingValue
    help: str
    unit: str = ""
    low: float | None = None
    high: float | None = None
    choices: tuple[int | str, ...] = ()
    choice_labels: tuple[str, ...] = ()
    optional: bool = False
    secret: bool = False
    live: bool = False
    max_length: int = 0
    format: TextFormat = ""
    page: str = ""
    group: str = ""
    label: str = ""

    @property
    def allows_empty(self) -> bool:
        """True when an empty text means "not used"."""
        return self.kind == "text" and self.default == ""
