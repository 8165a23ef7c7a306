"""Access: who may read and who may write, from the settings as they are now."""

from __future__ import annotations

from typing import NamedTuple

from ...model.setting_snmp import READ_COMMUNITIES, V3_ROLES, WRITE_COMMUNITIES
from ...model.settings import Settings
from ...snmp.usm import V3User


class SnmpUser(NamedTuple):
    """A user of SNMPv3 and what he may."""

    v3: V3User
    may_write: bool


class SnmpAccess(NamedTuple):
    """`communities`: name -> may write. `faults`: users that cannot be served, a sentence each."""

    v1: bool
    v2c: bool
    communities: dict[bytes, bool]
    users: tuple[SnmpUser, ...] = ()
    faults: tuple[str, ...] = ()

    @classmethod
    def of(cls, settings: Settings) -> SnmpAccess:
        """A community that stands among both kinds may write; an empty one is none (R82)."""
        found = {settings.text(key).encode(): False for key in READ_COMMUNITIES}
        found |= {settings.text(key).encode(): True for key in WRITE_COMMUNITIES}
        found.pop(b"", None)
        users, faults = _users(settings) if settings.flag("snmp.v3.enabled") else ((), ())
        return cls(
            settings.flag("snmp.v1_enabled"),
            settings.flag("snmp.v2c_enabled"),
            found,
            users,
            faults,
        )


def _users(settings: Settings) -> tuple[tuple[SnmpUser, ...], tuple[str, ...]]:
    users: list[SnmpUser] = []
    faults: list[str] = []
    for role in V3_ROLES:
        user = V3User.of(settings, role)
        if not user.name:
            continue
        if not user.has_passwords:
            faults.append(f"The SNMPv3 {role} user {user.name} has no password and is not served.")
        elif user.name in (other.v3.name for other in users):
            faults.append(f"The SNMPv3 user {user.name} is there twice; only the first is served.")
        else:
            users.append(SnmpUser(user, role == "write"))
    return tuple(users), tuple(faults)
