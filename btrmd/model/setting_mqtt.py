"""The settings of MQTT, which stand on the Integrations page."""

from __future__ import annotations

from typing import Final

from .setting import Section

INTEGRATIONS: Final = "Integrations"
MQTT_SECURITY: Final = ("none", "tls")

_MQTT = Section(INTEGRATIONS, "MQTT")

MQTT_SETTINGS: Final = (
    _MQTT.setting(
        "mqtt.enabled",
        "bool",
        False,
        "Publish every point, event and finished test to an MQTT broker.",
        label="Enable",
    ),
    _MQTT.setting(
        "mqtt.server",
        "text",
        "",
        "Name or address of the broker.",
        max_length=253,
        format="host",
        label="Broker",
    ),
    _MQTT.port("mqtt.port", 1883, "TCP port of the broker: 1883, with TLS 8883 as a rule."),
    _MQTT.setting(
        "mqtt.security",
        "enum",
        "none",
        "How the connection is protected.",
        choices=MQTT_SECURITY,
        choice_labels=("None", "TLS"),
        label="Security",
    ),
    _MQTT.setting(
        "mqtt.ca_file",
        "text",
        "",
        "PEM file of the authority that signed the broker's certificate; empty = the system's.",
        max_length=255,
        format="path",
        label="CA file",
    ),
    _MQTT.setting(
        "mqtt.cert_file",
        "text",
        "",
        "PEM file of this unit's own certificate, where the broker asks for one; empty = none.",
        max_length=255,
        format="path",
        label="Certificate file",
    ),
    _MQTT.setting(
        "mqtt.key_file",
        "text",
        "",
        "PEM file of that certificate's key, without a passphrase; empty = it is in the same file.",
        max_length=255,
        format="path",
        label="Key file",
    ),
    _MQTT.setting(
        "mqtt.user",
        "text",
        "",
        "User name at the broker; empty = no login.",
        max_length=64,
        label="User name",
    ),
    _MQTT.setting(
        "mqtt.password",
        "text",
        "",
        "Password at the broker.",
        max_length=128,
        secret=True,
        label="Password",
    ),
    _MQTT.setting(
        "mqtt.base",
        "text",
        "btrmd",
        "First part of every topic; the unit's serial number is the second.",
        max_length=64,
        format="topic",
        label="Base topic",
    ),
    _MQTT.setting(
        "mqtt.deadband",
        "float",
        1.0,
        "How far a value must move to be published at once: times 0.05 V, 0.1 A, 0.5 °C, 1 %, "
        "60 s. 0 = every change. Every value is published once in 15 minutes at least.",
        low=0.0,
        high=100.0,
        label="Deadband",
    ),
    _MQTT.setting(
        "mqtt.discovery",
        "bool",
        False,
        "Describe the unit to Home Assistant (below the topic homeassistant/).",
        label="Home Assistant",
    ),
    _MQTT.setting(
        "mqtt.commands",
        "bool",
        False,
        "Take commands from the broker: start and stop a test, acknowledge an alarm. Whoever may "
        "publish there may then command.",
        label="Allow commands",
    ),
)
