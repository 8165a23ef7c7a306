"""A setting's value: from raw (typed JSON or text of the command line) to checked, and back."""

from __future__ import annotations

import math
import re
from collections.abc import Callable

from .errors import SettingError
from .setting import Setting, SettingValue
from .setting_format import FORMATS, has_control

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
