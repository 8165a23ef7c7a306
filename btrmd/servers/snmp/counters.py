"""Counters: what came in that was not answered, as MIB-2's snmp group shows it (RFC 3418)."""

from __future__ import annotations

from ...snmp.message import Oid
from .tree import SCALAR, Leaf

SNMP_GROUP: Oid = (1, 3, 6, 1, 2, 1, 11)


class Counters:
    """Written on the agent's thread, read by anyone.

    `packets` all that came; `bad_versions` versions unknown or switched off; `bad_names` wrong
    communities and users; `bad_uses` a SET by a community that may only read; `damaged` not to be
    decoded; `drops` answers that did not fit, and requests no answer was found for.
    """

    def __init__(self) -> None:
        self.packets = 0
        self.bad_versions = 0
        self.bad_names = 0
        self.bad_uses = 0
        self.damaged = 0
        self.drops = 0

    def leaves(self) -> list[Leaf]:
        """The counters as objects of the snmp group."""
        return [
            Leaf((*SNMP_GROUP, 1, *SCALAR), "Counter32", lambda _: self.packets),
            Leaf((*SNMP_GROUP, 3, *SCALAR), "Counter32", lambda _: self.bad_versions),
            Leaf((*SNMP_GROUP, 4, *SCALAR), "Counter32", lambda _: self.bad_names),
            Leaf((*SNMP_GROUP, 5, *SCALAR), "Counter32", lambda _: self.bad_uses),
            Leaf((*SNMP_GROUP, 6, *SCALAR), "Counter32", lambda _: self.damaged),
            # snmpEnableAuthenTraps: disabled(2); a wrong community stays silent (R186)
            Leaf((*SNMP_GROUP, 30, *SCALAR), "INTEGER", lambda _: 2),
            Leaf((*SNMP_GROUP, 31, *SCALAR), "Counter32", lambda _: self.drops),
        ]
