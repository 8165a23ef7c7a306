"""A service: what the daemon starts and stops; every server and every notifier is one."""

from __future__ import annotations

import abc
from collections.abc import Collection
from typing import ClassVar


class Service(abc.ABC):
    """`class MailSender(Service, name="mail")`; the name is for logs."""

    name: ClassVar[str]

    def __init_subclass__(cls, *, name: str, **kw: object) -> None:
        super().__init_subclass__(**kw)
        cls.name = name

    @property
    def listeners(self) -> Collection[str]:
        """The names in listeners.json that must be bound before the station is ready."""
        return ()

    @abc.abstractmethod
    def start(self) -> None:
        """Open it on a thread of its own and return; what cannot be opened yet is reported on the
        bus and tried again."""

    @abc.abstractmethod
    def stop(self) -> None:
        """End it and wait for its thread; never raises."""
