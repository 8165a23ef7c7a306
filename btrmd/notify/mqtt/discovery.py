"""Home Assistant: one retained message that describes the unit with all its points.

Device-based MQTT discovery (Home Assistant 2024.11 or newer), with the short names of its
documentation. A value that is not known is rendered as None, which Home Assistant shows as unknown.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from ...docgen.json_text import dumps
from ...model.point import Point
from ...model.points import POINTS
from ...model.snapshot import Snapshot
from .target import OFFLINE, ONLINE, MqttTarget

_SENSOR_CLASS: Final[Mapping[str, str]] = {
    "V": "voltage",
    "A": "current",
    "W": "power",
    "s": "duration",
    "h": "duration",
    "min": "duration",
    "°C": "temperature",
}
# Sensors whose class does not follow from the unit.
_CLASS: Final[Mapping[str, str]] = {"battery.charge": "battery", "test.last_at": "timestamp"}
_BINARY_CLASS: Final[Mapping[str, str]] = {
    "battery.low_voltage": "battery",
    "battery.low_capacity": "problem",
    "supply.present": "power",
    "supply.lost": "problem",
    "charger.present": "power",
    "io1.alarm": "problem",
    "io2.alarm": "problem",
    "test.running": "running",
    "test.failed": "problem",
    "lvd.open": "problem",
    "guard.active": "problem",
    "alarm.fault": "problem",
    "alarm.any": "problem",
}
_DIAGNOSTIC: Final = ("system.", "relay.", "guard.", "dnp3.", "io1.config", "io2.config")
_WORDS: Final = {"Soh": "SOH", "Ups": "UPS", "Lvd": "LVD", "Io1": "CH1", "Io2": "CH2", "Io3": "CH3",
                 "Io4": "CH4", "Dnp3": "DNP3"}  # fmt: skip
_LONGEST_STATE: Final = 255  # characters; Home Assistant refuses longer ones

_VALUE: Final = "{{ value_json.value }}"
_TIMESTAMP: Final = "{{ None if value_json.value is none else value_json.value | as_datetime }}"
_TEXT: Final = f"{{{{ (value_json.value | string)[:{_LONGEST_STATE}] }}}}"
_LIST: Final = (
    "{{ 'None' if value_json.value is none else "
    f"(value_json.value | join(', '))[:{_LONGEST_STATE}] }}}}"
)

_BUTTONS: Final = (
    ("start", "Start test", {"command": "test.start"}),
    ("start_1", "Start test type 1", {"command": "test.start", "type": 1}),
    ("start_2", "Start test type 2", {"command": "test.start", "type": 2}),
    ("stop", "Stop test", {"command": "test.stop"}),
)


def discovery_payload(snapshot: Snapshot, target: MqttTarget) -> bytes:
    """The device, its sensors, and test buttons where commands are taken."""
    settings = snapshot.settings
    parts = {_id(point): _part(point, target) for point in POINTS}
    if target.commands:
        parts |= {f"button_{name}": _button(name, label, words, target)
                  for name, label, words in _BUTTONS}  # fmt: skip
    firmware = snapshot.points["system.firmware"].value
    return dumps(
        {
            "dev": {
                "ids": [f"btrmd_{target.serial}"],
                "name": settings.text("site.name") or "BTRM",
                "mf": "btrmd",
                "mdl": snapshot.points["system.model"].value,
                "sw": firmware,
                "sn": target.serial,
                "sa": settings.text("site.location"),
            },
            "o": {"name": "btrmd", "sw": firmware},
            "cmps": parts,
            "avty_t": target.topic("status"),
            "pl_avail": ONLINE,
            "pl_not_avail": OFFLINE,
            "qos": 1,
        }
    )


def _part(point: Point, target: MqttTarget) -> dict[str, object]:
    part: dict[str, object] = {
        "p": "binary_sensor" if point.kind == "bool" else "sensor",
        "name": _name(point.key),
        "uniq_id": f"btrmd_{target.serial}_{_id(point)}",
        "stat_t": target.point_topic(point.key),
        "val_tpl": _template(point),
    }
    if point.kind == "bool":
        part |= {"pl_on": "True", "pl_off": "False"}
        kind = _BINARY_CLASS.get(point.key)
    else:
        kind = _CLASS.get(point.key, _SENSOR_CLASS.get(point.unit))
    if point.kind == "enum":
        part |= {"dev_cla": "enum", "ops": list(point.choices)}
    elif kind:
        part["dev_cla"] = kind
    if point.kind in ("float", "int") and kind != "timestamp":
        if point.unit:
            part["unit_of_meas"] = point.unit
        part["stat_cla"] = "measurement"
    if point.key.startswith(_DIAGNOSTIC):
        part["ent_cat"] = "diagnostic"
    return part


def _button(
    name: str, label: str, words: Mapping[str, object], target: MqttTarget
) -> dict[str, object]:
    return {
        "p": "button",
        "name": label,
        "uniq_id": f"btrmd_{target.serial}_button_{name}",
        "cmd_t": target.topic("command"),
        "pl_prs": dumps(words).decode(),
    }


def _template(point: Point) -> str:
    if _CLASS.get(point.key) == "timestamp":
        return _TIMESTAMP
    return {"text": _TEXT, "list": _LIST}.get(point.kind, _VALUE)


def _id(point: Point) -> str:
    return point.key.replace(".", "_")


def _name(key: str) -> str:
    first, *rest = key.replace(".", " ").replace("_", " ").capitalize().split()
    return " ".join((_WORDS.get(first, first), *rest)).replace(" soh", " SOH")
