"""A setting: its declaration, read by validation, web forms, command line, migration and docs."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Literal

SettingValue = bool | int | float | str | None

SettingKind = Literal["bool", "int", "float", "text", "enum"]


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting, declared once.

    `low`, `high`: inclusive limits of int and float (in `unit`); None = no limit, never 0 and 0.
    `choices`: all that an enum can ever be; what is allowed now may be fewer (model, site file).
    `choice_labels`: one wording a choice, for forms. `optional`: None is allowed ("none").
    `max_length`: characters of a text. `format`: what a text must look like, a key of
    `setting_format`; an empty text is allowed wherever the default is empty. `secret`: never shown,
    exported or echoed. `live`: the value is a countdown in the core's state, not in the settings
    file. `page` is the menu name of the page it stands on, `group` the heading there, `label` the
    manual's wording.
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
    format: str = ""
    page: str = ""
    group: str = ""
    label: str = ""

    @property
    def allows_empty(self) -> bool:
        """True when an empty text means "not used"."""
        return self.kind == "text" and self.default == ""


class Section:
    """A heading of a page: the settings that it declares stand there together."""

    def __init__(self, page: str, group: str = "") -> None:
        self.setting = partial(Setting, page=page, group=group)

    def port(self, key: str, default: int, help: str = "TCP port.", label: str = "Port") -> Setting:
        """A port of TCP or UDP, 1..65535."""
        return self.setting(key, "int", default, help, low=1, high=65535, label=label)

    def allowed_clients(self, key: str) -> Setting:
        """The list of who may connect to a server."""
        return self.setting(
            key, "text", "",
            "Who may connect: addresses or networks separated by commas; empty = anyone.",
            max_length=1024, format="cidr_list", label="Allowed clients",
        )  # fmt: skip
