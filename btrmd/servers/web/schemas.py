"""Schemas: the shapes of the API's bodies and answers, for its description."""

from __future__ import annotations

from typing import Any, Final

from btrmd.model.alarms import SEVERITIES
from btrmd.model.result_words import MARKS
from btrmd.model.setting_battery import BATTERY_TYPES

NULL: Final[dict[str, Any]] = {"type": "null"}


def any_of(*schemas: dict[str, Any], description: str = "") -> dict[str, Any]:
    """One of several types. Generators of clients stumble over a list of types, not over this."""
    found: dict[str, Any] = {"anyOf": list(schemas)}
    return {**found, "description": description} if description else found


def words(*choices: str) -> dict[str, Any]:
    """A text out of a few."""
    return {"type": "string", "enum": list(choices)}


_TIME: Final[dict[str, Any]] = {"type": "string", "format": "date-time"}
_NUMBER: Final[dict[str, Any]] = {"type": "number"}
_MAYBE_TIME: Final = any_of(_TIME, NULL)
_MAYBE_NUMBER: Final = any_of(_NUMBER, NULL)
_TEXT: Final[dict[str, Any]] = {"type": "string"}
_FLAG: Final[dict[str, Any]] = {"type": "boolean"}
_COUNT: Final[dict[str, Any]] = {"type": "integer", "minimum": 0}
_PASSWORD: Final[dict[str, Any]] = {"type": "string", "minLength": 8, "maxLength": 128}
_VALUE: Final = any_of(
    _FLAG, _NUMBER, _TEXT, {"type": "array", "items": _TEXT}, NULL,
    description="null when it is not known",
)  # fmt: skip


def _object(required: tuple[str, ...] = (), **properties: object) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": list(required)}


def _closed(required: tuple[str, ...] = (), **properties: object) -> dict[str, Any]:
    return {**_object(required, **properties), "additionalProperties": False}


def _full(**properties: object) -> dict[str, Any]:
    return _object(tuple(properties), **properties)


def _list(schema: str) -> dict[str, Any]:
    return {"type": "array", "items": {"$ref": f"#/components/schemas/{schema}"}}


_READINGS: Final = {
    "type": "object",
    "additionalProperties": {"$ref": "#/components/schemas/Reading"},
}

SCHEMAS: Final[dict[str, dict[str, Any]]] = {
    "Object": {"type": "object"},
    "Description": {"type": "object"},
    "Empty": {"type": "object", "maxProperties": 0},
    "Error": {
        **_object(
            ("error", "reason"),
            error=_TEXT,
            reason=_TEXT,
            key=_TEXT,
            value=any_of(_FLAG, _NUMBER, _TEXT, NULL),
            allowed=_TEXT,
        ),
        "description": "error is a short code, reason one sentence; key, value and allowed where "
        "one field is refused",
    },
    "Reading": _full(
        value=_VALUE,
        unit={**_TEXT, "description": "V A Ah W s h min % °C or empty"},
        quality=words("good", "stale", "bad", "missing"),
        at=_MAYBE_TIME,
    ),
    "Points": _full(at=_TIME, points=_READINGS),
    "Alarm": _full(
        key=_TEXT,
        text=_TEXT,
        since=_TIME,
        active=_FLAG,
        latched=_FLAG,
        acknowledged=_FLAG,
        severity=words(*SEVERITIES),
        advice=_TEXT,
    ),
    "Card": _full(
        title=_TEXT,
        tone={**_TEXT, "description": "good, warn, bad or empty"},
        is_running=_FLAG,
        heading=_TEXT,
        rows={"type": "array", "items": {"type": "array", "items": _TEXT}},
    ),
    "Verdict": _full(
        tone=words("good", "warn", "bad", "unknown"),
        headline=_TEXT,
        facts=_TEXT,
        todo=_TEXT,
        alarms=_TEXT,
        alarm_count=_COUNT,
        at=_TEXT,
    ),
    "State": _full(
        at=_TIME,
        points=_READINGS,
        is_ticking=_FLAG,
        alarms=_list("Alarm"),
        card={"$ref": "#/components/schemas/Card"},
        verdict={"$ref": "#/components/schemas/Verdict"},
    ),
    "Event": _full(
        n=_COUNT,
        at=_TIME,
        uptime_s={"type": "number"},
        key=_TEXT,
        kind=words("raise", "clear", "change", "command"),
        value=_VALUE,
        threshold=_MAYBE_NUMBER,
        source=_TEXT,
        text=_TEXT,
    ),
    "Events": _full(events=_list("Event")),
    "Test": _full(
        n=_COUNT,
        type=words("1", "2", "outage"),
        state=_TEXT,
        result=words("none", "good", "low", "aborted"),
        reason=_TEXT,
        source=_TEXT,
        started_at=_TIME,
        ended_at=_MAYBE_TIME,
        duration_s=_MAYBE_NUMBER,
        average_current=_MAYBE_NUMBER,
        average_temperature=_MAYBE_NUMBER,
        end_voltage=_MAYBE_NUMBER,
        estimate_s=_MAYBE_NUMBER,
        estimate_low_s=_MAYBE_NUMBER,
        estimate_high_s=_MAYBE_NUMBER,
        own_estimate_s={**_MAYBE_NUMBER, "description": "what this discharge alone says"},
        own_low_s=_MAYBE_NUMBER,
        own_high_s=_MAYBE_NUMBER,
        started_at_charge=any_of(
            {**_NUMBER, "minimum": 0, "maximum": 1},
            NULL,
            description="part of the full charge at the start; null where it is not known",
        ),
        minimum_runtime_s=_MAYBE_NUMBER,
        marks={
            "type": "array",
            "items": _TEXT,
            "description": "; ".join(f"{mark}: {words}" for mark, words in MARKS.items()),
        },
    ),
    "Tests": _full(tests=_list("Test")),
    "Trends": {
        **_full(
            tier_s={"type": "integer", "description": "60, 900 or 86400"},
            columns={"type": "array", "items": _TEXT},
            rows={
                "type": "array",
                "maxItems": 2000,
                "items": {"type": "array", "items": any_of(_NUMBER, _TEXT, NULL)},
            },
            **{"from": _TIME, "to": _TIME},
        ),
        "description": "A row is the time, then one mean (or null) for each further column",
    },
    "Health": _full(status=_TEXT),
    "Login": _closed(("username", "password"), username=_TEXT, password=_TEXT),
    "LoggedIn": _object(("csrf",), csrf=_TEXT, set_password=_FLAG),
    "Password": _closed(("password",), password=_PASSWORD, current=_TEXT),
    "Changed": _full(changed={"type": "array", "items": _TEXT}),
    "StartTest": _closed(
        (),
        type=any_of(
            {"type": "integer", "enum": [1, 2]}, NULL, description="null = the setting test.type"
        ),
        delay_h={"type": "number", "minimum": 0, "maximum": 500, "default": 0},
    ),
    "Started": _full(n=any_of({"type": "integer"}, NULL)),
    "CapacityCheck": _closed(("low",), low=_FLAG),
    "ResetData": _closed((), settings=_FLAG),
    "BatteryReplaced": _closed(
        (),
        rated_ah=any_of(
            _NUMBER,
            NULL,
            description="rating of the new battery, null = not known; left out = as before",
        ),
        type={**words(*BATTERY_TYPES), "description": "left out = as before"},
    ),
}
