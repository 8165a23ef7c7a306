"""The report: why an SNMPv3 message is not answered, as the agent says it and a notifier hears it.

Sources: RFC 3414 5 (usmStats), RFC 3412 7.2 (snmpUnknownPDUHandlers).
"""

from __future__ import annotations

from enum import IntEnum
from typing import Final

from . import ber
from .message import Oid, encode_pdu, encode_varbinds


class UsmStat(IntEnum):
    """The counters of usmStats: what is wrong with a message."""

    LEVELS = 1  # usmStatsUnsupportedSecLevels
    TIME_WINDOWS = 2
    USER_NAMES = 3
    ENGINE_IDS = 4
    DIGESTS = 5
    DECRYPTIONS = 6

    @property
    def oid(self) -> Oid:
        """The counter's only instance."""
        return (*_USM_STATS, self, 0)


_USM_STATS: Final[Oid] = (1, 3, 6, 1, 6, 3, 15, 1, 1)
PDU_HANDLERS: Final[Oid] = (1, 3, 6, 1, 6, 3, 11, 2, 1, 3, 0)  # snmpUnknownPDUHandlers.0
_BY_NAME: Final = {ber.oid(stat.oid): stat for stat in UsmStat}


def encode_report(counter: Oid, count: int, request_id: int = 0) -> bytes:
    """A report: `counter` stands at `count`, 0..2^32-1."""
    row = (counter, ber.integer(count, ber.COUNTER32))
    return encode_pdu(ber.REPORT, request_id, encode_varbinds([row]))


def parse_report(pdu: bytes) -> UsmStat | None:
    """The counter that a report names first; None for another PDU or counter. Raises ValueError."""
    outer = ber.element(pdu, 0, len(pdu))
    parts = ber.elements(pdu, outer.start, outer.end)
    if outer.tag != ber.REPORT or len(parts) != 4:
        return None
    rows = ber.elements(pdu, parts[3].start, parts[3].end)
    if not rows:
        return None
    name = ber.element(pdu, rows[0].start, rows[0].end)
    return _BY_NAME.get(ber.tlv(name.tag, pdu[name.start : name.end]))
