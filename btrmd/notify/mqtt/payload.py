"""The payloads: what stands under each topic, as JSON (docs/mqtt.md has their schemas)."""

from __future__ import annotations

from ...docgen.json_text import (
    dumps,
    encode_alarms,
    encode_event,
    encode_reading,
    encode_test,
    iso_time,
    number,
)
from ...model.discharge import TestRecord
from ...model.events import Event
from ...model.history import TrendRows
from ...model.readings import Reading
from ...model.snapshot import Snapshot
from .target import MqttTarget


def point_payload(key: str, reading: Reading) -> bytes:
    """BASE/SERIAL/point/KEY, retained."""
    return dumps(encode_reading(key, reading))


def event_payload(event: Event) -> bytes:
    """BASE/SERIAL/event."""
    return dumps(encode_event(event))


def test_payload(test: TestRecord) -> bytes:
    """BASE/SERIAL/test."""
    return dumps(encode_test(test))


test_payload.__test__ = False  # type: ignore[attr-defined]  # pytest: not a test


def alarms_payload(snapshot: Snapshot) -> bytes:
    """BASE/SERIAL/alarms, retained."""
    return dumps({"alarms": encode_alarms(snapshot)})


def trend_payload(rows: TrendRows) -> bytes:
    """BASE/SERIAL/trend: the same columns and rows as /api/v1/trends."""
    return dumps(
        {
            "tier_s": rows.tier_s,
            "columns": ["at", *rows.keys],
            "rows": [
                [iso_time(row[0]), *(number(value) for value in row[1:])] for row in rows.rows
            ],
        }
    )


def info_payload(snapshot: Snapshot, target: MqttTarget) -> bytes:
    """BASE/SERIAL/info, retained: who this is."""
    settings, points = snapshot.settings, snapshot.points
    return dumps(
        {
            "serial": target.serial,
            "model": points["system.model"].value,
            "firmware": points["system.firmware"].value,
            "name": settings.text("site.name"),
            "location": settings.text("site.location"),
            "contact": settings.text("site.contact"),
            "commands": target.commands,
        }
    )
