"""The target: which broker, by which login, and under which topics; the words of docs/mqtt.md."""

from __future__ import annotations

from typing import Final, NamedTuple

from ...model.settings import Settings
from ...net import host_and_port

DISCOVERY_PREFIX: Final = "homeassistant"  # Home Assistant's own default
ONLINE, OFFLINE = "online", "offline"


class MqttTarget(NamedTuple):
    """All that a connection is made of; another target means another connection."""

    host: str
    port: int
    is_tls: bool
    ca_file: str
    cert_file: str
    key_file: str
    user: str
    password: str
    base: str
    serial: str
    discovery: bool
    commands: bool

    @classmethod
    def of(cls, settings: Settings, serial: str) -> MqttTarget | None:
        """None while MQTT is off."""
        if not settings.flag("mqtt.enabled"):
            return None
        return cls(
            settings.text("mqtt.server"),
            settings.integer("mqtt.port"),
            settings["mqtt.security"] == "tls",
            settings.text("mqtt.ca_file"),
            settings.text("mqtt.cert_file"),
            settings.text("mqtt.key_file"),
            settings.text("mqtt.user"),
            settings.text("mqtt.password"),
            settings.text("mqtt.base"),
            serial,
            settings.flag("mqtt.discovery"),
            settings.flag("mqtt.commands"),
        )

    @property
    def where(self) -> str:
        """For people: HOST:PORT."""
        return host_and_port(self.host, self.port)

    @property
    def client_id(self) -> str:
        return f"btrmd-{self.serial}"

    def topic(self, name: str) -> str:
        """BASE/SERIAL/name."""
        return f"{self.base}/{self.serial}/{name}"

    def point_topic(self, key: str) -> str:
        return self.topic(f"point/{key}")

    @property
    def discovery_topic(self) -> str:
        return f"{DISCOVERY_PREFIX}/device/btrmd_{self.serial}/config"
