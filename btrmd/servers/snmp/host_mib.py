"""What a discovery asks of any host: sysServices, one interface (RFC 1213), the engine (RFC 3411).

Managers such as LibreNMS read these before anything of ours.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Final

from ...model.errors import BtrmError
from ...model.point import MIB2_SYSTEM
from ...model.snapshot import Snapshot
from ...snmp.engine import SnmpEngine
from ...snmp.message import Oid
from .community import MOST_IN
from .tree import SCALAR, Leaf, Plain, Read

SERVICES: Final = 72  # end-to-end and applications: a host (RFC 1213, sysServices)
INTERFACES: Final[Oid] = (1, 3, 6, 1, 2, 1, 2)
ENGINE: Final[Oid] = (1, 3, 6, 1, 6, 3, 10, 2, 1)
NET: Final = Path("/sys/class/net")
ROUTES: Final = Path("/proc/net/route")
LOOPBACK: Final = "lo"
FRESH_S: Final = 1.0  # so long what was read is served
ETHERNET, OTHER = 6, 1  # ifType (IANAifType-MIB)
UP, DOWN = 1, 2
_ARPHRD_ETHER: Final = 1


class HostInterface:
    """The row of ifTable: the interface of the default route, else the first that is no loopback.
    For one thread."""

    def __init__(self, net: Path = NET, routes: Path = ROUTES) -> None:
        self._net = net
        self._routes = routes
        self._read_at = float("-inf")
        self._row: dict[int, Plain] = {}

    def read(self, column: int) -> Plain:
        """Column of RFC 1213's ifEntry; None where Linux does not tell it."""
        now = time.monotonic()
        if now - self._read_at >= FRESH_S:
            self._read_at, self._row = now, self._look()
        return self._row.get(column)

    def _look(self) -> dict[int, Plain]:
        name = self._name()
        folder = self._net / name

        def text(what: str) -> str:
            try:
                return (folder / what).read_text().strip()
            except OSError:
                return ""

        def number(what: str) -> int | None:
            found = text(what)
            return int(found) if found.removeprefix("-").isdigit() else None

        speed = number("speed") or 0  # Mbit/s; Linux says -1 for an unplugged cable
        flags = int(text("flags") or "0", 16)
        return {
            1: 1,
            2: name,
            3: ETHERNET if number("type") == _ARPHRD_ETHER else OTHER,
            4: number("mtu"),
            5: max(speed, 0) * 1_000_000,
            6: text("address").replace(":", ""),
            7: UP if flags & 1 else DOWN,
            8: UP if text("operstate") in ("up", "unknown") else DOWN,
            9: 0,  # ifLastChange: before the agent's start, as far as it knows
            10: number("statistics/rx_bytes"),
            11: number("statistics/rx_packets"),
            13: number("statistics/rx_dropped"),
            14: number("statistics/rx_errors"),
            16: number("statistics/tx_bytes"),
            17: number("statistics/tx_packets"),
            19: number("statistics/tx_dropped"),
            20: number("statistics/tx_errors"),
        }

    def _name(self) -> str:
        try:
            rows = [line.split() for line in self._routes.read_text().splitlines()[1:]]
            names = sorted(path.name for path in self._net.iterdir())
        except OSError:
            return LOOPBACK
        default = [row[0] for row in rows if len(row) > 1 and row[1] == "00000000"]
        others = [name for name in names if name != LOOPBACK]
        return next((name for name in (*default, *others) if name in names), LOOPBACK)


# ifEntry: column -> syntax
_COLUMNS: Final = {
    1: "INTEGER", 2: "DisplayString", 3: "INTEGER", 4: "INTEGER", 5: "Gauge32", 6: "OctetString",
    7: "INTEGER", 8: "INTEGER", 9: "TimeTicks",
    **dict.fromkeys((10, 11, 13, 14, 16, 17, 19, 20), "Counter32"),
}  # fmt: skip


def host_leaves(engine: SnmpEngine, interface: HostInterface | None = None) -> list[Leaf]:
    """sysServices, ifNumber, the row of ifTable, and snmpEngine."""
    row = interface or HostInterface()

    def column(number: int) -> Read:
        return lambda snapshot: row.read(number)

    def boots(snapshot: Snapshot) -> Plain:
        try:
            return engine.boots
        except BtrmError:  # the number of starts cannot be kept
            return None

    return [
        Leaf((*MIB2_SYSTEM, 7, *SCALAR), "INTEGER", lambda snapshot: SERVICES),
        Leaf((*INTERFACES, 1, *SCALAR), "INTEGER", lambda snapshot: 1),
        *(Leaf((*INTERFACES, 2, 1, number, 1), syntax, column(number))
          for number, syntax in _COLUMNS.items()),
        Leaf((*ENGINE, 1, *SCALAR), "OctetString", lambda snapshot: engine.id.hex()),
        Leaf((*ENGINE, 2, *SCALAR), "INTEGER", boots),
        Leaf((*ENGINE, 3, *SCALAR), "INTEGER", lambda snapshot: engine.seconds),
        Leaf((*ENGINE, 4, *SCALAR), "INTEGER", lambda snapshot: MOST_IN),
    ]  # fmt: skip
