"""The form for another battery: its rating, type, maker's table and day, all or none."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Final, NamedTuple

from btrmd.model.discharge import TestRecord
from btrmd.model.errors import SettingError
from btrmd.model.result_words import is_dated
from btrmd.model.settings import Settings

from ..replacement import RATED, TABLE, TYPE
from .form_submit import format_fault
from .wording import format_time

FIELDS: Final = {"rated_ah": RATED, "type": TYPE, "table": TABLE}
SURE: Final = "Tick the box to say that another battery was put in; nothing was changed."
DAY_S: Final = 86400.0
FIRST: Final = datetime(2000, 1, 1, tzinfo=UTC).timestamp()
_DATE: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)


class ReplacedForm(NamedTuple):
    """`changes`: raw values of settings; `at` wall s of the day it was put in, None = today.
    `errors`: a sentence a field; with any nothing may be changed. `alert`: what to say above."""

    changes: Mapping[str, str]
    at: float | None
    errors: Mapping[str, str]
    alert: str


def read_form(
    form: Mapping[str, str], settings: Settings, tests: Sequence[TestRecord], now: float
) -> ReplacedForm:
    """What was typed; `tests` newest first, `now` wall s."""
    errors: dict[str, str] = {}
    alerts: list[str] = []
    changes = {key: form.get(name, "").strip() for name, key in FIELDS.items()}
    changes = {key: text for key, text in changes.items() if text}
    for name, key in FIELDS.items():
        if key not in changes:
            continue
        try:
            settings.with_changes({key: changes[key]})
        except SettingError as error:
            errors[name] = format_fault(error)
            alerts.append(str(error) if name != "table" else f"Maker's table: {errors[name]}")
    at, fault = _day(form.get("date", "").strip(), tests, now)
    if fault:
        errors["date"] = fault
        alerts.append(f"Date: {fault}")
    if alerts:
        return ReplacedForm(changes, None, errors, f"Nothing was changed: {' '.join(alerts)}")
    if form.get("sure") != "true":
        return ReplacedForm(changes, at, {"sure": SURE}, SURE)
    return ReplacedForm(changes, at, {}, "")


def _day(text: str, tests: Sequence[TestRecord], now: float) -> tuple[float | None, str]:
    """The day and what is wrong with it. One that had a discharge since is refused: that discharge
    would count for the battery before."""
    if not text:
        return None, ""
    form = "Allowed is a day YYYY-MM-DD, from 2000-01-01 to today, or nothing for today."
    try:
        if _DATE.fullmatch(text) is None:
            raise ValueError
        at = datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC).timestamp()
    except ValueError:
        return None, form
    if not FIRST <= at <= now:
        return None, form
    # one that is dated ahead was stamped by a wrong clock, and tells nothing of before and after
    later = next(
        (test for test in tests if is_dated(test) and at + DAY_S <= test.started_at <= now), None
    )
    if later is not None:
        kind = "outage" if later.type == "outage" else "test"
        return None, (
            f"There was {'an' if kind == 'outage' else 'a'} {kind}, number {later.n}, "
            f"{format_time(later.started_at)}, after that day: it would count for the one before."
            " Give a day that is not before it."
        )
    return at, ""
