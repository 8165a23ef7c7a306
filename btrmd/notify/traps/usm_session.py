"""The USM session: SNMPv3 with one receiver, whose engine an inform must know (RFC 3414 4)."""

from __future__ import annotations

import random
import time
from enum import Enum
from typing import Final

from ...snmp import ber
from ...snmp.engine import SnmpEngine
from ...snmp.message import encode_pdu, encode_varbinds, response_id
from ...snmp.usm import Opened, Stamp, V3User, open_message, seal
from ...snmp.usm_report import UsmStat, parse_report

TROUBLES: Final = {
    UsmStat.LEVELS: "does not support the security level",
    UsmStat.USER_NAMES: "does not know the user",
    UsmStat.DIGESTS: "finds the digest wrong (another password or authentication)",
    UsmStat.DECRYPTIONS: "cannot decrypt (another password or privacy)",
}
ENGINE_ID: Final = range(5, 33)  # octets


class Heard(Enum):
    """What a datagram came to."""

    CONFIRMED = "confirmed"
    AGAIN = "again"  # something was learnt: send once more
    NOTHING = "nothing"


class UsmSession:
    """Used by one thread. A trap has our engine as its authority, an inform the receiver's."""

    def __init__(self, own: SnmpEngine) -> None:
        self.trouble = ""  # what the receiver has complained of; anybody could have said it
        self._own = own
        self._message_ids: list[int] = []
        self._theirs = Stamp()
        self._learnt_at = 0.0  # monotonic s

    def forget(self) -> None:
        """The receiver is silent: it may be another one by now, or have lost its count."""
        self._theirs = Stamp()
        self._message_ids.clear()
        self.trouble = ""

    def trap(self, pdu: bytes, user: V3User) -> bytes:
        """A trap; nothing comes back. Raises BtrmError when our start count cannot be kept."""
        own = self._own
        stamp = Stamp(own.id, own.boots, own.seconds)
        return seal(pdu, own.id, random.getrandbits(31), stamp, user, False)

    def inform(self, pdu: bytes, user: V3User) -> bytes:
        """An inform, or first the question for the engine behind the address."""
        number = random.getrandbits(31)
        self._message_ids = [*self._message_ids[-3:], number]
        theirs = self._theirs
        if not theirs.engine_id:
            question = encode_pdu(ber.GET, number, encode_varbinds(()))
            return seal(question, b"", number, Stamp(), None, True)
        if theirs.boots:
            passed = int(time.monotonic() - self._learnt_at)
            theirs = theirs._replace(seconds=theirs.seconds + passed)
        return seal(pdu, self._own.id, number, theirs, user, True)

    def hear(self, raw: bytes, user: V3User, request_id: int) -> Heard:
        """What a datagram says of the inform `request_id`. Raises nothing for what is in it."""
        try:
            opened = open_message(raw, user, self._theirs.engine_id)
            if opened.message_id not in self._message_ids:
                return Heard.NOTHING
            is_private = opened.was_encrypted or user.priv == "none"
            if opened.is_authentic and is_private and response_id(opened.pdu) == request_id:
                return Heard.CONFIRMED
            return self._report(opened)
        except ValueError:
            return Heard.NOTHING

    def _report(self, opened: Opened) -> Heard:
        counter = parse_report(opened.pdu)
        stamp = opened.stamp
        if counter is UsmStat.ENGINE_IDS:
            if len(stamp.engine_id) not in ENGINE_ID or self._theirs.engine_id:
                return Heard.NOTHING
            # Its time is not authentic yet: the receiver will name the right one (RFC 3414 4).
            self._theirs = Stamp(stamp.engine_id)
            return Heard.AGAIN
        if counter is UsmStat.TIME_WINDOWS:
            theirs = self._theirs
            is_later = (stamp.boots, stamp.seconds) > (theirs.boots, theirs.seconds)
            if not opened.is_authentic or not is_later:
                return Heard.NOTHING
            self._theirs, self._learnt_at = stamp, time.monotonic()
            return Heard.AGAIN
        if counter is not None:
            self.trouble = TROUBLES.get(counter, self.trouble)
        return Heard.NOTHING
