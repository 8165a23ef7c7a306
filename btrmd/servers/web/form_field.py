"""Form fields: a setting's declaration as what a form shows, with its range, unit and value."""

from __future__ import annotations

from collections.abc import Mapping
from math import ceil
from typing import Final, NamedTuple

from btrmd.model.readings import BAD, MISSING
from btrmd.model.setting import Setting, SettingValue
from btrmd.model.setting_snmp import COMMUNITIES
from btrmd.model.setting_table import NOTED, notes
from btrmd.model.settings import (
    SETTINGS,
    Settings,
    allowed_choices,
    allowed_limits,
    allowed_text,
    format_setting,
)
from btrmd.model.snapshot import Snapshot

# A stored community is shown as these dots: left as they are they keep it, an empty field
# disables it as the manual says (10.2). Passwords are not even shown as dots: empty keeps them.
DOTS: Final = "••••••••"
HOURS_AND_MINUTES: Final = frozenset({"test.minimum_runtime_min"})  # manual 7.3: two fields
LIVE_POINTS: Final = {"test.next_h": "test.next"}  # live setting in h -> its point in s
TABLES: Final = frozenset(
    setting.key for setting in SETTINGS.values() if setting.format == "battery_table"
)  # a row a line in the form
LONG: Final = frozenset(
    setting.key for setting in SETTINGS.values() if setting.format == "webhook_template"
)
NO_CONTROLS: Final = " without control characters"  # true of every text, and said in refusals
MOST_RADIOS: Final = 5

CLEAR: Final = "clear:"  # before the key of a password: the box that forgets it
WAS: Final = "was:"  # before the key of a countdown: what the form showed
HOURS: Final = ".hours"
MINUTES: Final = ".minutes"


def field_id(key: str) -> str:
    """The anchor of a setting on its page."""
    return f"f-{key.replace('.', '-')}"


class Option(NamedTuple):
    """One choice of a radio group or a list."""

    value: str
    label: str
    is_chosen: bool


class Field(NamedTuple):
    """`kind` check|radio|select|text|lines|number|hours|password. `allowed` are the limits in
    words, `error` why what was typed is not accepted, `note` a warning about a value that is.

    `is_forgotten`: the box that forgets a stored secret is ticked.
    `hours` and `minutes` are the two values of a run time, `was` what a countdown showed.
    `low`, `high`, `most` are for the script; a form checks without them too.
    """

    name: str
    id: str
    kind: str
    label: str
    help: str
    allowed: str
    unit: str = ""
    value: str = ""
    is_on: bool = False
    options: tuple[Option, ...] = ()
    hours: str = ""
    minutes: str = ""
    was: str | None = None
    is_stored: bool = False
    is_forgotten: bool = False
    error: str = ""
    note: str = ""
    low: float | None = None
    high: float | None = None
    is_whole: bool = False
    most: int = 0

    @property
    def described_by(self) -> str:
        """The ids of the texts that belong to the field."""
        return f"{self.id}-help {self.id}-error" if self.error else f"{self.id}-help"


def make_field(
    key: str,
    snapshot: Snapshot,
    typed: Mapping[str, str],
    error: str = "",
    may_change: bool = True,
) -> Field:
    """The field of setting `key`: what was typed where something was, else the value in force.

    A secret is never put into a page, not even one that was just typed.
    """
    setting, settings = SETTINGS[key], snapshot.settings
    value = live_value(key, snapshot) if setting.live else settings[key]
    low, high = allowed_limits(setting, settings)
    field = Field(
        key,
        field_id(key),
        setting.kind if setting.kind != "bool" else "check",
        setting.label,
        setting.help,
        allowed_text(key, settings).removesuffix(NO_CONTROLS),
        setting.unit,
        typed.get(key, _shown(value)),
        low=low,
        high=high,
        is_whole=setting.kind == "int",
        most=setting.max_length,
        error=error,
        note=_note(key, value, settings),
    )
    if setting.kind == "bool":
        is_on = typed[key] == "true" if key in typed else value is True
        return field._replace(is_on=is_on, allowed="")
    if setting.kind == "enum":
        return _choice(field, setting, snapshot)
    if setting.secret:
        is_stored = may_change and bool(value)
        if key not in COMMUNITIES:
            return field._replace(
                kind="password", value="", is_stored=is_stored, is_forgotten=CLEAR + key in typed
            )
        return field._replace(kind="text", value=_dots(is_stored, typed.get(key)))
    if key in HOURS_AND_MINUTES and isinstance(value, int):
        return field._replace(
            kind="hours",
            unit="",
            hours=typed.get(key + HOURS, str(value // 60)),
            minutes=typed.get(key + MINUTES, str(value % 60)),
        )
    if key in TABLES:
        return field._replace(kind="lines", value=typed.get(key, field.value.replace("; ", "\n")))
    if key in LONG:
        return field._replace(kind="lines")
    if setting.kind in ("int", "float"):
        was = typed.get(WAS + key, _shown(value)) if setting.live else None
        return field._replace(kind="number", was=was)
    return field


def live_value(key: str, snapshot: Snapshot) -> SettingValue:
    """The value of a live setting now, in its unit, rounded up; None while there is none."""
    reading = snapshot.points.get(LIVE_POINTS[key])
    if reading is None or reading.quality is BAD or reading.quality is MISSING:
        return None
    return ceil(reading.value / 3600 - 1e-6) if isinstance(reading.value, int | float) else None


def _shown(value: SettingValue) -> str:
    return "" if value is None else format_setting(value)


def _dots(is_stored: bool, typed: str | None) -> str:
    """What stands in a community's field. One that was just typed is not repeated."""
    if typed == "":
        return ""
    return DOTS if is_stored else ""


def _choice(field: Field, setting: Setting, snapshot: Snapshot) -> Field:
    choices = allowed_choices(setting, snapshot.settings)
    labels = dict(zip(setting.choices, setting.choice_labels, strict=False))
    options = tuple(
        Option(str(choice), str(labels.get(choice, choice)), str(choice) == field.value)
        for choice in choices
    )
    kind = "radio" if len(options) <= MOST_RADIOS else "select"
    return field._replace(kind=kind, options=options, unit="")


def _note(key: str, value: SettingValue, settings: Settings) -> str:
    """R165: accepted, but not without a word."""
    return notes({**settings, key: value}).get(key, "") if key in NOTED else ""
