"""Form submissions: what was typed into a settings form, checked field by field."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple

from werkzeug.datastructures import MultiDict

from btrmd.docgen.event_text import KEY
from btrmd.model.errors import SettingError
from btrmd.model.setting import SettingValue
from btrmd.model.setting_snmp import COMMUNITIES
from btrmd.model.settings import SETTINGS, allowed_text, parse_value
from btrmd.model.snapshot import Snapshot

from .form_field import (
    CLEAR,
    DOTS,
    HOURS,
    HOURS_AND_MINUTES,
    LIVE_POINTS,
    MINUTES,
    WAS,
    live_value,
)

TYPE2_MINIMUM: Final = "test.type2_minimum_mv"
KEPT: Final = 4000  # characters of a field that are shown again
_WHOLE_DIGITS: Final = 12


class Submission(NamedTuple):
    """`typed`: every field as it was typed, to be shown again. `changes`: what differs from the
    settings in force. `errors`: setting key -> sentence. `restored`: keys put to their default
    because the manual says so (R52).
    """

    typed: Mapping[str, str]
    changes: Mapping[str, SettingValue]
    errors: Mapping[str, str]
    restored: tuple[str, ...]


def kept_names(keys: Iterable[str]) -> tuple[str, ...]:
    """The fields of the settings `keys` that may be shown again to whoever must log in first: all
    but the passwords. Of a community only that it was left, or disabled (kept_form.py)."""
    names: list[str] = []
    for key in keys:
        if not SETTINGS[key].secret or key in COMMUNITIES:
            names += (key, WAS + key, key + HOURS, key + MINUTES)
        names.append(CLEAR + key)
    return tuple(names)


def last_values(form: MultiDict[str, str]) -> dict[str, str]:
    """What was typed into each field, to be shown again."""
    return {name: values[-1][:KEPT] for name, values in form.lists() if values}


def read_submission(
    keys: Iterable[str], form: MultiDict[str, str], snapshot: Snapshot
) -> Submission:
    """Check the posted fields of the settings `keys`; a field that was not posted stays as it is.

    A box is posted as "false" and, when ticked, "true" after it: the last value counts.
    """
    posted = {name: values[-1] for name, values in form.lists() if values}
    typed = last_values(form)
    changes: dict[str, SettingValue] = {}
    errors: dict[str, str] = {}
    restored = []
    for key in keys:
        raw = _raw(key, posted, snapshot)
        if raw is None:
            continue
        try:
            value = _checked(key, raw, snapshot)
        except SettingError as error:
            if key == TYPE2_MINIMUM and _is_whole(raw):
                value = snapshot.settings.default(key)
                restored.append(key)
            else:
                errors[key] = format_fault(error)
                continue
        if SETTINGS[key].live or value != snapshot.settings[key]:
            changes[key] = value
    return Submission(typed, changes, errors, tuple(restored))


def format_fault(error: SettingError) -> str:
    """Why a field is not accepted, as a sentence beside it."""
    allowed = f"Allowed is {error.allowed}."
    why = f"{error.why[0].upper()}{error.why[1:]}. " if error.why else ""
    return with_labels(why + allowed)


def with_labels(text: str) -> str:
    """A sentence with the label of each setting in place of its key: "block.tap1" is "Tap 1"."""
    return KEY.sub(lambda found: _label(found[0]), text)


def _label(key: str) -> str:
    return SETTINGS[key].label if key in SETTINGS else key


def _raw(key: str, posted: Mapping[str, str], snapshot: Snapshot) -> str | None:
    """The text that is meant for `key`; None = leave it as it is."""
    if key in HOURS_AND_MINUTES and key + HOURS in posted:
        return _minutes(posted[key + HOURS], posted.get(key + MINUTES, ""))
    if SETTINGS[key].secret and key not in COMMUNITIES:
        text = posted.get(key, "")
        if CLEAR + key in posted:
            return "" if text == "" else f"{text}\0"  # both at once is a mistake, not a wish
        return text or None
    raw = posted.get(key)
    if key in COMMUNITIES and raw == DOTS:
        return None
    if key in LIVE_POINTS and raw is not None:
        now = live_value(key, snapshot)
        if raw.strip() == posted.get(WAS + key, "" if now is None else str(now)):
            return None  # the countdown went on meanwhile; nobody has touched it
    return raw


def _checked(key: str, raw: str, snapshot: Snapshot) -> SettingValue:
    if key in COMMUNITIES and DOTS[0] in raw:
        allowed = f"{allowed_text(key, snapshot.settings)}; type the whole of it anew"
        raise SettingError(key, None, allowed)
    return parse_value(key, raw, snapshot.settings)


def _minutes(hours: str, minutes: str) -> str:
    """Two fields as one number of minutes; text that is no number when one of them is none."""
    both = hours + minutes
    if not both or "-" in both or not _is_whole(hours or "0") or not _is_whole(minutes or "0"):
        return f"{hours} h {minutes} min"
    return str(int(hours or "0") * 60 + int(minutes or "0"))


def _is_whole(text: str) -> bool:
    text = text.strip().removeprefix("-")
    return text.isascii() and text.isdigit() and len(text) <= _WHOLE_DIGITS
