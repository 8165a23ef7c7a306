"""contrib/: what the files for other engines name exists, and means what they say."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from btrmd.model.points import POINT, snmp_map

ROOT = Path(__file__).resolve().parents[2]
CONTRIB = ROOT / "contrib"
ENTERPRISE = "1.3.6.1.4.1.34506"
OID = re.compile(r"(?<![\d.])\.?1\.3\.6\.1\.4\.1\.34506((?:\.\d+)*)")
MIB = (ROOT / "mibs" / "BTRM-MIB.mib").read_text()
OBJECT = re.compile(
    r"^(\w+) OBJECT-TYPE\s+SYNTAX +([^{\n]+?) *(?:\{([^}]*)\})?\s*\n"
    r'(?:\s+UNITS +"([^"]+)"\n)?',
    re.M,
)
NAMES = {".".join(map(str, oid)): (scalar.name, point.key)
         for oid, (point, scalar) in snmp_map().items()}  # fmt: skip
UNITS = {name: unit for name, _, _, unit in OBJECT.findall(MIB)}
WORDS = {
    name: {int(n): word for word, n in re.findall(r"(\w+)\((\d+)\)", words)}
    for name, _, words, _ in OBJECT.findall(MIB)
}
# docs/mqtt.md, table Topics; + stands for one serial number or key.
TOPICS = {"status", "info", "point/+", "point/#", "alarms", "event", "test", "trend", "command",
          "answer", "#"}  # fmt: skip
TOPIC = re.compile(r"btrmd/(?:\+|%u|SERIAL)/[\w/+#]*")
YAML_FILES = sorted(path for path in CONTRIB.rglob("*.y*ml"))
FILES = sorted(path for path in CONTRIB.rglob("*") if path.is_file() and path.suffix != ".pyc")


def load(*parts: str) -> Any:
    return YAML(typ="safe").load(CONTRIB.joinpath(*parts).read_text())


def test_the_mib_was_read() -> None:
    assert UNITS["batteryVoltage"] == "mV"
    assert WORDS["testState"] == {
        0: "idle", 1: "delayed", 2: "proving", 3: "running", 4: "returning",
    }  # fmt: skip


@pytest.mark.parametrize("path", YAML_FILES, ids=lambda path: path.name)
def test_every_yaml_is_yaml(path: Path) -> None:
    text = path.read_text()
    assert YAML(typ="safe").load(text)
    assert "&id" not in text


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(CONTRIB)))
def test_every_oid_and_topic_exists(path: Path) -> None:
    text = path.read_text()
    for rest in OID.findall(text):
        oid = rest.strip(".").removesuffix(".0")
        known = {part for full in NAMES for part in (full, full.rpartition(".")[0])}
        assert oid == "" or oid in known, (path.name, rest)
    for topic in TOPIC.findall(text):
        assert topic.split("/", 2)[2] in TOPICS, (path.name, topic)


# --- Zabbix -----------------------------------------------------------------------------------

FACTOR = {"mV": "0.001", "mA": "0.001", "minutes": "60"}
SHOWN = {"mV": "V", "mA": "A", "minutes": "s", "percent": "%", "degrees Celsius": "°C"}


def templates() -> dict[str, Any]:
    return {one["name"]: one for one in load("zabbix", "btrm.yaml")["zabbix_export"]["templates"]}


def found_uuids(node: object) -> list[str]:
    if isinstance(node, dict):
        own = [node["uuid"]] if "uuid" in node else []
        return own + [uuid for value in node.values() for uuid in found_uuids(value)]
    if isinstance(node, list):
        return [uuid for value in node for uuid in found_uuids(value)]
    return []


def test_zabbix_uuids_are_its_own_and_triggers_ask_for_items_there_are() -> None:
    document = load("zabbix", "btrm.yaml")
    assert document["zabbix_export"]["version"] == "7.0"
    uuids = found_uuids(document)
    assert len(set(uuids)) == len(uuids) > 50
    for uuid in uuids:  # of version 4, or the import refuses it
        assert re.fullmatch(r"[0-9a-f]{12}4[0-9a-f]{3}[89ab][0-9a-f]{15}", uuid), uuid
    for name, template in templates().items():
        keys = {item["key"] for item in template["items"]}
        assert len(keys) == len(template["items"])
        expressions = [
            trigger["expression"] for item in template["items"]
            for trigger in item.get("triggers", [])
        ]  # fmt: skip
        assert len(expressions) == 6
        for expression in expressions:
            asked = re.findall(r"/([^/]+)/([\w.]+)", expression)
            assert asked
            assert all(of == name and key in keys for of, key in asked), expression


def test_zabbix_by_snmp_reads_the_object_its_key_says_in_the_right_unit() -> None:
    template = templates()["BTRM by SNMP"]
    maps = {one["name"]: one["mappings"] for one in template["valuemaps"]}
    for item in template["items"]:
        match = re.fullmatch(rf"get\[{re.escape(ENTERPRISE)}\.([\d.]+)\.0\]", item["snmp_oid"])
        assert match is not None
        name, key = NAMES[match[1]]
        wanted = item["key"].removeprefix("btrm.")
        if key == "battery.current":
            side = {"batteryCurrentPositive": "charge", "batteryCurrentNegative": "discharge"}
            key += f".{side[name]}"
        assert wanted == key
        factors = [step["parameters"] for step in item["preprocessing"]
                   if step["type"] == "MULTIPLIER"]  # fmt: skip
        assert factors == ([[FACTOR[UNITS[name]]]] if UNITS[name] in FACTOR else []), name
        assert item.get("units", "") == SHOWN.get(UNITS[name], ""), name
        if "valuemap" in item:
            rows = maps[item["valuemap"]["name"]]
            assert {int(row["value"]): row["newvalue"] for row in rows} == WORDS[name]
        assert item["preprocessing"][0]["type"] == "CHECK_NOT_SUPPORTED", "not known is no fault"


def test_zabbix_by_http_reads_points_there_are() -> None:
    template = templates()["BTRM by HTTP"]
    master, *others = template["items"]
    assert master["url"] == "{$BTRM.URL}/api/v1/points"
    for item in others:
        path = item["preprocessing"][0]["parameters"][0]
        key = re.fullmatch(r"\$\['([\w.]+)'\]\.value", path)
        assert key is not None
        assert key[1] in POINT
        assert item["key"] == f"btrm.http.{key[1]}"
        assert item["master_item"]["key"] == master["key"]
        if "units" in item:
            assert item["units"] == POINT[key[1]].unit, key[1]


# --- LibreNMS and snmp_exporter -----------------------------------------------------------------


def test_librenms_reads_the_object_its_name_says_in_the_right_unit() -> None:
    found = load("librenms", "os_detection", "btrm.yaml")
    assert found["discovery"] == [{"sysObjectID": [f".{ENTERPRISE}"]}]
    discovery = load("librenms", "os_discovery", "btrm.yaml")
    assert found["os"] == "btrm"
    for where in discovery["modules"]["os"].values():
        assert where.removeprefix("BTRM-MIB::").removesuffix(".0") in UNITS
    classes = {"voltage": "mV", "current": "mA", "temperature": "degrees Celsius",
               "charge": "percent", "percent": "percent", "runtime": "minutes",
               "state": ""}  # fmt: skip
    sensors = discovery["modules"]["sensors"]
    assert set(sensors) == set(classes)
    for kind, sensor in sensors.items():
        for row in sensor["data"]:
            name = row["oid"].removeprefix("BTRM-MIB::")
            oid = row["num_oid"].removeprefix(f".{ENTERPRISE}.").removesuffix(".{{ $index }}")
            assert NAMES[oid][0] == name == row["index"]
            assert UNITS[name] == classes[kind], name
            assert row.get("divisor", 1) == (1000 if UNITS[name] in ("mV", "mA") else 1)
            if kind == "state":
                assert {one["value"]: one["descr"] for one in row["states"]} == WORDS[name]
                assert all(one["generic"] in (0, 1, 2, 3) for one in row["states"])


def test_snmp_exporter_reads_the_object_its_name_says() -> None:
    document = load("snmp_exporter", "btrm.yml")
    assert set(document) == {"auths", "modules"}
    module = document["modules"]["btrm"]
    for metric in module["metrics"]:
        oid = metric["oid"].removeprefix(f"{ENTERPRISE}.")
        assert NAMES[oid][0] == metric["name"]
        assert any(metric["oid"].startswith(f"{walk}.") for walk in module["walk"])
        if metric["type"] == "EnumAsStateSet":
            assert metric["enum_values"] == WORDS[metric["name"]]
        elif metric["type"] == "gauge":
            assert metric["help"].endswith(f"({UNITS[metric['name']]})")


# --- the others -------------------------------------------------------------------------------


def test_alertmanager_sends_every_severity_somewhere() -> None:
    document = load("alertmanager", "alertmanager.yml")
    receivers = {one["name"] for one in document["receivers"]}
    routes = [document["route"], *document["route"]["routes"]]
    assert {route["receiver"] for route in routes} == receivers
    rules = load("prometheus", "btrmd.rules.yml")["groups"][0]["rules"]
    severities = {rule["labels"]["severity"] for rule in rules} - {"{{ $labels.severity }}"}
    patterns = [re.search(r'"(.*)"', route["matchers"][0]) for route in routes[1:]]
    for severity in (*severities, "minor", "info"):
        hits = [one for one in patterns if one is not None and re.fullmatch(one[1], severity)]
        assert len(hits) == 1, severity
    alerts = {rule["alert"] for rule in rules}
    for rule in document["inhibit_rules"]:
        for matcher in (*rule["source_matchers"], *rule["target_matchers"]):
            name, _, value = re.split(r"(=~|!=|=)", matcher, maxsplit=1)
            if name == "alertname" and "=~" not in matcher:
                assert value.strip('"') in alerts


def test_telegraf_names_fields_of_the_payloads() -> None:
    document = tomllib.loads((CONTRIB / "telegraf" / "btrmd.conf").read_text())
    fields = {"quality", "value", "at", "key", "kind", "n", "text"}  # docs/mqtt.md
    for consumer in document["inputs"]["mqtt_consumer"]:
        for parser in consumer["json_v2"]:
            paths = {one["path"] for kind in ("tag", "field") for one in parser[kind]}
            assert paths | {parser["timestamp_path"]} <= fields
        for parsing in consumer["topic_parsing"]:
            assert parsing["topic"].count("/") == parsing["tags"].count("/")


def test_node_red_flow_is_wired() -> None:
    nodes = json.loads((CONTRIB / "node-red" / "flow.json").read_text())
    by_id = {node["id"]: node for node in nodes}
    assert len(by_id) == len(nodes)
    for node in nodes:
        for output in node.get("wires", []):
            assert set(output) <= set(by_id)
        if node["type"] in ("mqtt in", "mqtt out"):
            assert by_id[node["broker"]]["type"] == "mqtt-broker"
    command = json.loads(by_id["btrm-button"]["payload"])
    assert command["command"] == "test.start"


def test_the_readme_names_every_folder() -> None:
    rows = re.findall(r"^\| ([\w-]+) \|", (CONTRIB / "README.md").read_text(), re.M)
    assert sorted(set(rows) - {"Folder"}) == sorted(
        path.name for path in CONTRIB.iterdir() if path.is_dir()
    )
