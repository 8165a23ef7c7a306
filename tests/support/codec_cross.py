"""Our codecs against those of others, on generated octets: pymodbus for Modbus, pyasn1 for SNMP."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from typing import Any, Final, NamedTuple

from pyasn1.codec.ber import decoder, encoder
from pymodbus.pdu import DecodePDU
from pysnmp.proto.api import v2c

from btrmd.servers.fieldbus.modbus_request import (
    MAX_PDU,
    MaskWrite,
    ModbusFault,
    Read,
    ReadIdentity,
    ReportServer,
    WriteCoils,
    WriteRegisters,
    parse,
)
from btrmd.servers.snmp.community import message_version
from btrmd.servers.snmp.known_requests import KnownRequests
from btrmd.servers.snmp.pdu import Request, decode_request
from btrmd.servers.snmp.values import SentVarBind, decode, has_type
from btrmd.snmp import ber
from btrmd.snmp.message import (
    V2C,
    CommunityMessage,
    encode_message,
    encode_pdu,
    encode_varbinds,
)

FUNCTIONS: Final = (1, 2, 3, 4, 5, 6, 15, 16, 17, 22, 23, 43)
MOST: Final = {1: 2000, 2: 2000, 3: 125, 4: 125, 15: 1968, 16: 123}  # Modbus V1.1b3, section 6
EDGES: Final = (0, 1, 2, 7, 8, 120, 121, 122, 123, 124, 125, 126, 1968, 1969, 2000, 2001, 0xFF00)
_DECODER: Final = DecodePDU(True)
_KNOWN: Final = KnownRequests()


# --- Modbus ------------------------------------------------------------------------------------


def modbus_inputs(rng: random.Random) -> Iterator[bytes]:
    """Requests that are right, nearly right, and not right at all."""
    while True:
        function = rng.choice(FUNCTIONS) if rng.random() < 0.95 else rng.randrange(256)
        made = bytes((function,)) + _modbus_body(rng, function)
        if rng.random() < 0.15:
            made = made[: rng.randrange(len(made) + 1)]
        if rng.random() < 0.05:
            made += rng.randbytes(rng.randrange(260))
        if rng.random() < 0.1 and made:
            at = rng.randrange(len(made))
            made = made[:at] + rng.randbytes(1) + made[at + 1 :]
        yield made


def _modbus_body(rng: random.Random, function: int) -> bytes:
    def word() -> bytes:
        value = rng.choice(EDGES) if rng.random() < 0.5 else rng.randrange(65536)
        return value.to_bytes(2, "big")

    if function == 15:
        count = rng.randrange(1, 1980)
        return word() + count.to_bytes(2, "big") + _counted(rng.randbytes((count + 7) // 8))
    if function == 16:
        count = rng.randrange(1, 126)
        return word() + count.to_bytes(2, "big") + _counted(rng.randbytes(2 * count))
    if function == 23:
        count = rng.randrange(1, 124)
        read = rng.randrange(130).to_bytes(2, "big")
        write = count.to_bytes(2, "big")
        return word() + read + word() + write + _counted(rng.randbytes(2 * count))
    if function == 5:
        return word() + rng.choice((b"\xff\x00", b"\x00\x00", rng.randbytes(2)))
    if function == 17:
        return b""
    if function == 43:
        return bytes((rng.choice((14, 14, 14, 13)), rng.randrange(6), rng.randrange(256)))
    return word() + word() + (word() if function == 22 else b"")


def _counted(body: bytes) -> bytes:
    return bytes((len(body) & 0xFF,)) + body


def check_modbus(data: bytes) -> bool:
    """True for a request that both take for the same one; False where both refuse it.

    Raises AssertionError where they differ.
    """
    try:
        ours: object = parse.__wrapped__(data)
    except ModbusFault as fault:
        ours = fault.code
    theirs = _theirs(data)
    assert ours == theirs, f"{data.hex()}: ours {ours}, the other's {theirs}"
    return not isinstance(ours, int)


def _theirs(data: bytes) -> object:
    """What pymodbus reads, held to the specification where it is lenient: a request, or the code
    of the exception."""
    function = data[0] if data else 0
    if function not in FUNCTIONS:
        return 1
    found: Any = _DECODER.decode(data) if len(data) <= MAX_PDU else None
    if found is None:
        return 3
    if function == 43:
        if len(data) > 1 and data[1] != 14:
            return 1
        is_right = len(data) == 4 and 1 <= data[2] <= 4
        return ReadIdentity(data[2], data[3]) if is_right else 3
    make, is_right = _LENIENT[function]
    return make(data, found) if is_right(data, found) else 3


def _has(size: int) -> Callable[[bytes, Any], bool]:
    return lambda data, found: len(data) == size


_LENIENT: Final[dict[int, tuple[Callable[[bytes, Any], object], Callable[[bytes, Any], bool]]]] = {
    **{
        n: (
            lambda d, f: Read(d[0], f.address, f.count),
            lambda d, f: len(d) == 5 and 1 <= f.count <= MOST[d[0]],
        )
        for n in (1, 2, 3, 4)
    },
    5: (
        lambda d, f: WriteCoils(f.address, (int(f.bits[0]),)),
        lambda d, f: len(d) == 5 and d[3:5] in (b"\xff\x00", b"\x00\x00"),
    ),
    6: (lambda d, f: WriteRegisters(f.address, (f.registers[0],)), _has(5)),
    15: (
        lambda d, f: WriteCoils(f.address, tuple(map(int, f.bits))),
        lambda d, f: 1 <= f.count <= MOST[15] and d[5] == (f.count + 7) // 8 == len(d) - 6,
    ),
    16: (
        lambda d, f: WriteRegisters(f.address, tuple(f.registers)),
        lambda d, f: 1 <= f.count <= MOST[16] and d[5] == 2 * f.count == len(d) - 6,
    ),
    17: (lambda d, f: ReportServer(), _has(1)),
    22: (lambda d, f: MaskWrite(f.address, f.and_mask, f.or_mask), _has(7)),
    23: (
        lambda d, f: WriteRegisters(
            f.write_address, tuple(f.write_registers), Read(3, f.read_address, f.read_count)
        ),
        lambda d, f: (
            1 <= f.read_count <= 125
            and 1 <= f.write_count <= 121
            and d[9] == 2 * f.write_count == len(d) - 10
        ),
    ),
}


# --- SNMP --------------------------------------------------------------------------------------

_KINDS: Final[tuple[tuple[int, Any], ...]] = (
    (ber.GET, v2c.GetRequestPDU),
    (ber.GET_NEXT, v2c.GetNextRequestPDU),
    (ber.SET, v2c.SetRequestPDU),
    (ber.GET_BULK, v2c.GetBulkRequestPDU),
)


BOTH: Final = "both read it, and alike"
TRAILED: Final = "both read it, and alike, and pass over the octets after it"
NEITHER: Final = "neither reads it"
WRITABLE: Final = ("INTEGER", "DisplayString", "IpAddress")


class SnmpMessage(NamedTuple):
    """What a decoder has read of a v2c request."""

    community: bytes
    id: int
    names: list[tuple[int, ...]]


def snmp_inputs(rng: random.Random) -> Iterator[bytes]:
    """v2c requests made by pysnmp; about half of them are damaged afterwards."""
    while True:
        kind, make = rng.choice(_KINDS)
        rows = [(_name(rng), _value(rng)) for _ in range(rng.randrange(4))]
        yield _damaged(rng, _message(kind, make, rng.randrange(-(2**31), 2**31), rows))


def _damaged(rng: random.Random, raw: bytes) -> bytes:
    how, at = rng.random(), rng.randrange(len(raw))
    if how < 0.4:
        return raw[:at] + rng.randbytes(1) + raw[at + 1 :]
    if how < 0.45:
        return raw[:at]
    if how < 0.47:
        return raw + rng.randbytes(rng.randrange(1, 4))
    if how < 0.5:
        return raw[:at] + rng.randbytes(1) + raw[at:]
    return raw


def check_snmp(raw: bytes) -> str:
    """BOTH, TRAILED, NEITHER, or which of the two reads the message, and why that one alone does.

    Raises AssertionError where they read it differently, and where only one does without a reason
    that stands here.
    """
    ours, why = _ours_of(raw)
    theirs, rest = _theirs_of(raw)
    if ours is None:
        return NEITHER if theirs is None else f"only pyasn1: {_lenient(theirs, why)}"
    community, request = ours
    read = SnmpMessage(community, request.id, [name for name, _ in request.rows])
    if theirs is None:
        return f"only ours: {_excused(raw, read, request)}"
    _, pdu, rows = theirs
    assert read == _read_of(theirs), raw.hex()
    for (_, sent), (_, value) in zip(request.rows, rows, strict=True):
        if sent.tag == ber.OCTET_STRING:
            assert sent.body == bytes(value), raw.hex()
        elif sent.tag == ber.INTEGER and sent.body:
            assert int.from_bytes(sent.body, "big", signed=True) == int(value), raw.hex()
    if request.kind == ber.GET_BULK:
        bulk = v2c.apiBulkPDU
        assert request.second == int(bulk.get_non_repeaters(pdu)), raw.hex()
        assert request.third == int(bulk.get_max_repetitions(pdu)), raw.hex()
    return TRAILED if rest else BOTH


def _ours_of(raw: bytes) -> tuple[tuple[bytes, Request] | None, str]:
    """Community and request as the agent reads them; else why it does not."""
    if message_version(raw) != V2C:
        return None, "no version of SNMPv2c in one octet"
    try:
        envelope = CommunityMessage.parse(raw)
        request = decode_request(envelope.pdu)
    except ValueError as error:
        return None, str(error)
    if request is None:
        return None, "no request"
    for _ in range(2):  # as it comes first, and as it is found again
        known = _KNOWN.decode(raw, V2C)
        assert known[:2] == (envelope.community, request), raw.hex()
        _KNOWN.remember(known)
    return (envelope.community, request), ""


Theirs = tuple[Any, Any, list[tuple[tuple[int, ...], Any]]]


def _theirs_of(raw: bytes) -> tuple[Theirs | None, bytes]:
    """Message, PDU and varbinds as pyasn1 reads them with pysnmp's grammar; the octets left."""
    try:
        message, rest = decoder.decode(raw, asn1Spec=v2c.Message())
        pdu = v2c.apiMessage.get_pdu(message)
        rows = [(tuple(name), value) for name, value in v2c.apiPDU.get_varbinds(pdu)]
        return (message, pdu, rows), rest
    except Exception:  # whatever it raises for octets that are no such message
        return None, b""


def _read_of(theirs: Theirs) -> SnmpMessage:
    message, pdu, rows = theirs
    number = int(v2c.apiPDU.get_request_id(pdu))
    community = bytes(v2c.apiMessage.get_community(message))
    return SnmpMessage(community, number, [name for name, _ in rows])


def _excused(raw: bytes, read: SnmpMessage, request: Request) -> str:
    """Why only ours reads `raw`: of what pyasn1 refuses, the numbers or the values are it. The
    same message without them must be read by both."""
    rows = encode_varbinds((name, b"\x05\x00") for name in read.names)
    bare, _ = _theirs_of(_again(request, read.community, rows, 0, 0))
    assert bare is not None, raw.hex()
    assert _read_of(bare) == read, raw.hex()
    numbers = request.second, request.third
    if _theirs_of(_again(request, read.community, rows, *numbers))[0] is None:
        # RFC 3416 4.2.3 takes a negative number of GETBULK as 0; of other requests they mean
        # nothing
        is_meant = request.kind == ber.GET_BULK
        assert not is_meant or min(numbers) < 0, raw.hex()
        return "a negative number of a bulk request" if is_meant else "an error-status or index"
    for _, value in request.rows:
        for syntax in WRITABLE:
            if has_type(syntax, value) and decode(syntax, value) is not None:
                assert _takes(value), f"{raw.hex()}: {syntax} takes {value}"
    return "a value of no type that an object takes"


def _takes(value: SentVarBind) -> bool:
    """Whether pyasn1 reads this value by itself."""
    rows = ber.sequence((ber.sequence((ber.oid((1, 3, 6)), ber.tlv(*value))),))
    request = Request(ber.SET, 1, 0, 0, (), b"")
    return _theirs_of(_again(request, b"", rows, 0, 0))[0] is not None


def _again(request: Request, community: bytes, rows: bytes, second: int, third: int) -> bytes:
    return encode_message(V2C, community, encode_pdu(request.kind, request.id, rows, second, third))


def _lenient(theirs: Theirs, why: str) -> str:
    """Why only pyasn1 reads a message: a version, names or a form of encoding that SNMP does not
    have. In the one form that it does have, ours must read it too."""
    message, pdu, rows = theirs
    if not any(pdu.isSameTypeWith(make()) for _, make in _KINDS):
        return "a PDU that an agent does not answer"
    if int(message["version"]) != V2C:
        return "another version"
    if any(not 2 <= len(name) <= 128 or max(name) > ber.MOST_ARC for name, _ in rows):
        return "a name that is too long, or has an arc above 2^32-1 (RFC 2578 3.5)"
    ours, still = _ours_of(bytes(encoder.encode(message)))
    assert ours is not None, f"{bytes(encoder.encode(message)).hex()}: {still}"
    return f"another form of encoding ({why})"


def _message(kind: int, make: Any, number: int, rows: list[tuple[Any, Any]]) -> bytes:
    pdu = make()
    api = v2c.apiBulkPDU if kind == ber.GET_BULK else v2c.apiPDU
    api.set_defaults(pdu)
    v2c.apiPDU.set_request_id(pdu, number)
    v2c.apiPDU.set_varbinds(pdu, rows)
    message = v2c.Message()
    v2c.apiMessage.set_defaults(message)
    v2c.apiMessage.set_community(message, "public")
    v2c.apiMessage.set_pdu(message, pdu)
    return bytes(encoder.encode(message))


def _name(rng: random.Random) -> tuple[int, ...]:
    tail = (rng.choice((0, 1, 127, 128, 2**32 - 1, rng.randrange(2**32))) for _ in range(6))
    return (1, 3, 6, 1, *tail)


def _value(rng: random.Random) -> Any:
    return rng.choice(
        (
            v2c.Null(""),
            v2c.Integer32(rng.randrange(-(2**31), 2**31)),
            v2c.OctetString(rng.randbytes(rng.randrange(200))),
            v2c.IpAddress(rng.randbytes(4)),
            v2c.TimeTicks(rng.randrange(2**32)),
            v2c.ObjectIdentifier(_name(rng)),
        )
    )
