"""A service: what the daemon starts and stops, and how much each listener of one takes."""

from __future__ import annotations

import abc
from collections.abc import Collection, Mapping
from types import MappingProxyType
from typing import ClassVar, Final, NamedTuple

STALL_S: Final = 30.0  # an answer that is not taken for so long ends its connection
YIELD_S: Final = 1.0  # so recently heard, a connection makes room for other addresses only
PIPELINED: Final = 2  # HTTP requests of one connection that wait at a time


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


class Limit(NamedTuple):
    """One listener. `most` connections in all, `each` of one address, `idle_s` until a silent one
    ends (0 = never), `new_s` new ones a second before a full share of them is asked for. `kept`:
    who never has to make room for others, in words; `yield_s`: so long heard of last, a connection
    makes room for its equals too."""

    title: str
    most: int
    each: int
    idle_s: float
    new_s: float
    kept: str
    yield_s: float = YIELD_S


LIMITS: Final[Mapping[str, Limit]] = MappingProxyType(
    {
        "http": Limit("Pages and API, HTTP", 128, 64, 60.0, 300.0, "who is logged in"),
        "https": Limit("Pages and API, HTTPS", 64, 32, 60.0, 60.0, "who is logged in"),
        "stream": Limit("Live values of pages", 8, 8, 0.0, 20.0, "who is logged in", 30.0),
        "modbus": Limit(
            "Modbus TCP", 64, 64, 600.0, 100.0, "hosts that `modbus.allow` names by themselves"
        ),
        "dnp3": Limit(
            "DNP3 TCP", 4, 4, 600.0, 100.0, "`dnp3.master_ip`, hosts that `dnp3.allow` names"
        ),
        "snmp": Limit("SNMP, requests that wait", 256, 64, 0.0, 0.0, "nobody"),
        "nut": Limit("NUT", 32, 32, 600.0, 100.0, "monitors that are logged in"),
    }
)
"""By the name of the listener; Modbus, DNP3 and streams as the API promises."""
