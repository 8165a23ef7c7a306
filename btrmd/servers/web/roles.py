"""Roles: what a user may do, each one all that the one before it may (R148)."""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum
from typing import Final


class Role(IntEnum):
    """Ordered: whoever may do more has the higher number."""

    VIEWER = 1  # looks, and changes his own password
    OPERATOR = 2  # starts and stops tests, checks the IO, acknowledges alarms
    ADMIN = 3  # changes settings, resets data, keeps the users

    @property
    def word(self) -> str:
        """The name as it is stored and shown."""
        return self.name.lower()


ROLES: Final[Mapping[str, Role]] = {role.word: role for role in Role}


def stored_role(value: object) -> Role:
    """The role of a stored account: one that names none is the owner's; nonsense may only look."""
    if value is None:
        return Role.ADMIN
    return ROLES.get(value, Role.VIEWER) if isinstance(value, str) else Role.VIEWER
