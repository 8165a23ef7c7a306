"""A setting: its declaration, and how a raw value becomes one of its own.

Validation, web forms, command line, migration and documents read the declaration. Raw is typed JSON
or a text of the command line.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Literal

from .errors import SettingError
from .setting_format import FORMATS, has_control

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


_TRUE = frozenset({"true", "on", "yes", "1"})
_FALSE = frozenset({"false", "off", "no", "0"})
# Bounded, ASCII only: int() and float() would take "1_0", other scripts' digits and 4000 digits.
_INT = re.compile(r"[+-]?[0-9]{1,12}")
_FLOAT = re.compile(r"[+-]?([0-9]{1,12}\.?[0-9]{0,24}|\.[0-9]{1,24})([eE][+-]?[0-9]{1,3})?")
WHOLE = 1e12  # below, a whole number is written without an exponent and without decimals
_SHOWN = 60  # characters of a refused value that are repeated in the sentence


def refuse(setting: Setting, raw: object, allowed: str, why: str = "") -> SettingError:
    """The refusal of `raw`; a secret is never repeated, a long value is cut in the sentence.

    `why` (half a sentence) says what is wrong where what is allowed would not tell.
    """
    if setting.secret:
        text = f"{setting.key}: the value is refused: allowed is {allowed}."
        return SettingError(setting.key, None, allowed, text)
    shown = ascii(raw) if isinstance(raw, str) and has_control(raw) else repr(raw)
    if len(shown) > _SHOWN:
        shown = f"{shown[:_SHOWN]}..."
    if why:
        text = f"{setting.key} is refused: {why}; allowed is {allowed}."
        return SettingError(setting.key, raw, allowed, text, why)
    text = f"{setting.key} = {shown} is refused: allowed is {allowed}."
    return SettingError(setting.key, raw, allowed, text)


def decode_value(
    setting: Setting,
    raw: object,
    allowed: Callable[[], str],
    choices: tuple[int | str, ...],
    low: float | None,
    high: float | None,
) -> SettingValue:
    """`raw` as the setting's type within `choices` or `low`..`high`; raises SettingError, which
    says what is `allowed`: only then it is put into words."""
    if setting.optional and (raw is None or raw == "" or _word(raw) == "none"):
        return None
    value: SettingValue
    if setting.kind == "bool":
        value = _decode_bool(raw)
    elif setting.kind == "int":
        value = _decode_int(raw)
    elif setting.kind == "float":
        value = _decode_float(raw)
    elif setting.kind == "enum":
        value = _decode_choice(raw, choices)
    else:
        value = _decode_text(setting, raw)
    if value is None:
        raise refuse(setting, raw, allowed(), _fault(setting, raw))
    if setting.kind in ("int", "float") and isinstance(value, int | float):
        is_in = (low is None or value >= low) and (high is None or value <= high)
        if not is_in:
            raise refuse(setting, raw, allowed())
    return value


def format_setting(value: SettingValue) -> str:
    """The value as the command line writes it: true/false, 100 for 100.0, none."""
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer() and abs(value) < WHOLE:
        return str(int(value))
    return str(value)  # of a float the shortest text that is read as the same number


def _word(raw: object) -> str:
    """Stripped lower-case text, "" when `raw` is no text or a long one."""
    return raw.strip().lower() if isinstance(raw, str) and len(raw) <= _SHOWN else ""


def _decode_bool(raw: object) -> bool | None:
    if isinstance(raw, bool):
        return raw
    if isinstance(raw, int) and raw in (0, 1):
        return raw == 1
    word = _word(raw)
    if word in _TRUE:
        return True
    return False if word in _FALSE else None


def _decode_int(raw: object) -> int | None:
    if isinstance(raw, bool):
        return None
    if isinstance(raw, int):
        return raw
    if isinstance(raw, float):
        return int(raw) if math.isfinite(raw) and raw == int(raw) else None
    word = _word(raw)
    return int(word) if _INT.fullmatch(word) else None


def _decode_float(raw: object) -> float | None:
    if isinstance(raw, bool):
        return None
    if isinstance(raw, int | float):
        # An int beyond the range of float would raise; it is out of every limit anyway.
        return float(raw) if -1e15 < raw < 1e15 else None
    word = _word(raw)
    value = float(word) if _FLOAT.fullmatch(word) else math.inf
    return value if math.isfinite(value) else None


def _decode_choice(raw: object, choices: tuple[int | str, ...]) -> int | str | None:
    """The choice that `raw` names; numbers may come as text, texts in any case."""
    number = _decode_int(raw)
    word = _word(raw)
    for choice in choices:
        if choice == (number if isinstance(choice, int) else word):
            return choice
    return None


def _fault(setting: Setting, raw: object) -> str:
    """What is wrong with a text that is short enough and has no control characters."""
    form = FORMATS.get(setting.format)
    if form is None or form.fault is None or not isinstance(raw, str):
        return ""
    text = form.plain(raw)
    return "" if len(text) > setting.max_length or has_control(text) else form.fault(text)


def _decode_text(setting: Setting, raw: object) -> str | None:
    if not isinstance(raw, str) or len(raw) > max(setting.max_length, 1) + _SHOWN:
        return None
    form = FORMATS[setting.format] if setting.format else None
    text = form.plain(raw.strip()) if form is not None else raw
    if len(text) > setting.max_length or has_control(text):
        return None
    if form is None:
        return text
    if text == "":
        return text if setting.allows_empty else None
    return text if form.fits(text) else None
