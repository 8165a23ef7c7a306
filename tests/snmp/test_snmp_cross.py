"""Our SNMP decoder beside pyasn1's: scripts/cross-check does a million of these."""

from __future__ import annotations

import itertools
import random
from collections import Counter

import codec_cross
import pytest
from codec_cross import BOTH, NEITHER, check_snmp, snmp_inputs

from btrmd.servers.snmp.pdu import Request
from btrmd.snmp import ber
from btrmd.snmp.message import V2C, encode_message, encode_pdu, encode_varbinds

NAME = (1, 3, 6, 1, 2)


def message(value: bytes = b"\x05\x00", kind: int = ber.SET, third: int = 0) -> bytes:
    rows = encode_varbinds([(NAME, value)])
    return encode_message(V2C, b"public", encode_pdu(kind, 7, rows, 0, third))


def test_both_decoders_read_the_same_in_every_message() -> None:
    seen = Counter(map(check_snmp, itertools.islice(snmp_inputs(random.Random(17)), 600)))
    assert 300 < seen[BOTH] < 550
    assert seen[NEITHER] > 50
    assert sum(seen.values()) == 600


@pytest.mark.parametrize(
    ("raw", "found"),
    [
        (message(), BOTH),
        (message() + b"\x00", codec_cross.TRAILED),
        (message()[:-1], NEITHER),
        (message(b"\x5a\x01\x00"), "only ours: a value of no type that an object takes"),
        (message(kind=ber.GET_BULK, third=-1), "only ours: a negative number of a bulk request"),
        (message(third=-1), "only ours: an error-status or index"),
        (message().replace(b"\x02\x01\x01", b"\x02\x01\x09"), "only pyasn1: another version"),
        (message(kind=ber.RESPONSE), "only pyasn1: a PDU that an agent does not answer"),
    ],
)  # fmt: skip
def test_what_only_one_of_them_reads_is_told_apart(raw: bytes, found: str) -> None:
    assert check_snmp(raw) == found


def test_a_request_that_is_read_otherwise_is_a_difference(monkeypatch: pytest.MonkeyPatch) -> None:
    right = codec_cross.decode_request

    def wrong(raw: bytes) -> Request | None:
        made = right(raw)
        return made and made._replace(id=made.id + 1)

    monkeypatch.setattr(codec_cross, "decode_request", wrong)
    with pytest.raises(AssertionError):
        check_snmp(message())


def test_a_value_that_only_ours_takes_is_a_difference(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(codec_cross, "has_type", lambda syntax, value: syntax == "DisplayString")
    with pytest.raises(AssertionError, match="takes"):
        check_snmp(message(b"\x5a\x01\x41"))


def test_a_message_that_only_pyasn1_reads_without_a_reason_is_a_difference(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(codec_cross, "decode_request", _refuse)
    with pytest.raises(AssertionError, match="no PDU at all"):
        check_snmp(message())


def _refuse(raw: bytes) -> Request | None:
    raise ValueError("no PDU at all")
