"""The target: where one row of the trap table sends what, and as whom."""

from __future__ import annotations

from typing import Final, NamedTuple

from ...model.settings import Settings
from ...net import host_and_port
from ...snmp.usm import V3User

NOWHERE: Final = ("0.0.0.0", "::")


def lack_of(user: V3User) -> str:
    """What a user lacks to be used, in words; "" when nothing."""
    if not user.name:
        return "no SNMPv3 notification user is set"
    if not user.has_passwords:
        return f"the SNMPv3 notification user {user.name} has no password"
    return ""


class TrapTarget(NamedTuple):
    """`kind` trap_v1, trap_v2c, inform_v2c, trap_v3 or inform_v3; `user` for the last two."""

    host: str
    port: int
    community: str
    kind: str
    user: V3User | None = None

    @classmethod
    def of(cls, row: int, settings: Settings) -> TrapTarget | None:
        """The receiver of `row`; None while it is off or has no address."""

        def key(name: str) -> str:
            return f"snmp.trap{row}.{name}"

        host = settings.text(key("address"))
        if not settings.flag(key("enabled")) or host in NOWHERE:
            return None
        kind = settings.text(key("kind"))
        user = V3User.of(settings, "notify") if kind.endswith("v3") else None
        return cls(host, settings.integer(key("port")), settings.text(key("community")), kind, user)

    @property
    def where(self) -> str:
        return host_and_port(self.host, self.port)

    @property
    def confirms(self) -> bool:
        """True when the receiver answers each notification."""
        return self.kind.startswith("inform")
