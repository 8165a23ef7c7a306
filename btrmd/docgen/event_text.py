"""Event text: the key and the value of an event as people read them, on pages and in mails."""

from __future__ import annotations

import re
from typing import Final

from ..model.alarms import alarm_of
from ..model.points import POINT
from ..model.readings import Value
from ..model.value_text import format_number

_SHORT: Final = frozenset(
    ("ack", "dns", "dnp3", "https", "io1", "io2", "io3", "io4", "led", "lvd", "mqtt", "nut",
     "radius", "snmp", "tls", "ups")
)  # fmt: skip
KEY: Final = re.compile(r"\b[a-z][a-z0-9_]*(?:\.[a-z0-9_]+)+")  # in a sentence, as "lvd.open"
_WORDS: Final = {"soh": "state of health", "i2c": "I2C", "email": "e-mail"}


def name_of(key: str) -> str:
    """A key as people read it: "battery.low_voltage" is "Battery: low voltage", "lvd.open" "LVD:
    open"."""
    head, _, tail = key.partition(".")
    parts = [head, tail.replace(".", " ")] if tail else [head]
    name = ": ".join(" ".join(map(_word, part.replace("_", " ").split())) for part in parts)
    return name[:1].upper() + name[1:]


def with_names(text: str) -> str:
    """A sentence with the name of each key that it mentions: "The alarm storage.full is active" is
    "The alarm "Storage: full" (storage.full) is active"."""
    return KEY.sub(_named, text)


def _named(found: re.Match[str]) -> str:
    key = found[0]
    is_key = key in POINT or alarm_of(key) is not None
    return f'"{name_of(key)}" ({key})' if is_key else key


def _word(word: str) -> str:
    return word.upper() if word in _SHORT else _WORDS.get(word, word)


def format_event_value(value: Value, key: str) -> str:
    """A value or threshold of an event of `key`, with its unit: "10.84 V", "yes"; "none" where
    there is none."""
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        text = format_number(value, 2)
    else:
        text = ", ".join(value) if isinstance(value, tuple) else str(value)
    unit = _unit_of(key) if isinstance(value, int | float) else ""
    return f"{text} {unit}".strip()


def _unit_of(key: str) -> str:
    alarm, point = alarm_of(key), POINT.get(key)
    if alarm is not None:
        return alarm.unit
    return "" if point is None or point.unit == "s" else point.unit
