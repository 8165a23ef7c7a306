"""The SNMP part of the bench: CPU time of an agent for each kind of request, ours or snmpd."""

from __future__ import annotations

import contextlib
import itertools
import os
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from lib_bench_cpu import cpu_s, least
from lib_bench_peer import program
from pyasn1.codec.ber import decoder, encoder
from pysnmp.proto.api import v2c

from btrmd.snmp import ber, usm
from btrmd.snmp.message import encode_pdu, encode_varbinds

BTRM = (1, 3, 6, 1, 4, 1, 34506)
ASKS = 300  # requests a run
SETS_AT_ONCE = 8  # as many as wait for the owner together
CHANGES = 5  # settings are stored so often in a run; protocols may ten times at once
PAUSE_S = 0.6  # between runs: the agent may use 0.25 of a core on the long run
SYS_UPTIME = (1, 3, 6, 1, 2, 1, 1, 3, 0)


class Costs(NamedTuple):
    """us CPU of the whole process for a request; `found`: objects a bulk request of 40 brought."""

    get_us: float
    bulk_us: float
    found: int


def measure(address: str, pid: int, name: tuple[int, ...], root: tuple[int, ...]) -> Costs:
    """A GET of `name`, and a GETBULK of 40 below `root`."""
    with _peer(address) as peer:
        get = _request(v2c.GetRequestPDU(), name, 0)
        bulk = _request(v2c.GetBulkRequestPDU(), root, 40)
        peer.send(bulk)
        message, _ = decoder.decode(peer.recv(65535), asn1Spec=v2c.Message())
        found = len(v2c.apiPDU.get_varbinds(v2c.apiMessage.get_pdu(message)))
        return Costs(_least_us(peer, pid, [get]), _least_us(peer, pid, [bulk]), found)


class SetCosts(NamedTuple):
    """us CPU of the process for a SET, the turns of the control loop that it waits for counted
    with it: one alone pays for the whole of it, SETS_AT_ONCE share it. `alone`, `together`: of one
    varbind that changes nothing; `rows`: together, of several varbinds that change nothing;
    `changed_alone`, `changed`: of one that changes a setting, alone and together."""

    alone: float
    together: float
    rows: float
    changed_alone: float
    changed: float


def measure_set(address: str, pid: int, rows: list[tuple[tuple[int, ...], object]]) -> SetCosts:
    """`rows`: objects and the values that they are given before anything is measured; the first
    is a text of its own."""
    numbers = itertools.count(1_000)

    def requests(count: int, *varbinds: tuple[tuple[int, ...], object]) -> list[bytes]:
        pdu = v2c.SetRequestPDU()
        v2c.apiPDU.set_defaults(pdu)
        v2c.apiPDU.set_varbinds(pdu, list(varbinds))
        made = []
        for _ in range(count):
            v2c.apiPDU.set_request_id(pdu, next(numbers))
            made.append(_message(pdu, "private"))
        return made

    def changing(count: int) -> Iterator[list[bytes]]:
        """Other texts each time."""
        while True:
            yield [
                requests(1, (rows[0][0], v2c.OctetString(f"{next(numbers)}")))[0]
                for _ in range(count)
            ]

    with _peer(address) as peer:
        peer.send(requests(1, *rows)[0])
        peer.recv(65535)
        alone = _least_us(peer, pid, requests(1, rows[0]), 10)
        together = _least_us(peer, pid, requests(SETS_AT_ONCE, rows[0]), 5 * SETS_AT_ONCE)
        several = _least_us(peer, pid, requests(SETS_AT_ONCE, *rows), 5 * SETS_AT_ONCE)
        changed_alone = _least_changed_us(peer, pid, changing(1))
        changed = _least_changed_us(peer, pid, changing(SETS_AT_ONCE))
        return SetCosts(alone, together, several, changed_alone, changed)


def _least_changed_us(peer: socket.socket, pid: int, batches: Iterator[list[bytes]]) -> float:
    """us CPU a request until all of a batch are answered: one store of the settings. Each run of
    CHANGES is as many as protocols may store at once, after a pause in which they may again."""

    def once() -> float:
        time.sleep(CHANGES + 1.0)
        used, count = cpu_s(pid), 0
        for _ in range(CHANGES):
            batch = next(batches)
            count += len(batch)
            for request in batch:
                peer.send(request)
            for _ in batch:
                status = peer.recv(65535)
                message, _ = decoder.decode(status, asn1Spec=v2c.Message())
                if v2c.apiPDU.get_error_status(v2c.apiMessage.get_pdu(message)):
                    raise ValueError("a SET is refused")
        return 1e6 * (cpu_s(pid) - used) / count

    return least(once, float)


def measure_v3(address: str, pid: int, user: usm.V3User) -> float:
    """us CPU of the process for an authPriv GET of `user`."""
    body = encode_varbinds([(SYS_UPTIME, b"\x05\x00")])
    pdu = encode_pdu(ber.GET, 1, body)
    with _peer(address) as peer:
        peer.send(usm.seal(pdu, b"", 1, usm.Stamp(), None, True))
        stamp = usm.parse(peer.recv(65535)).stamp
        request = usm.seal(pdu, stamp.engine_id, 2, stamp, user, True)
        peer.send(request)
        if not usm.open_message(peer.recv(65535), user, stamp.engine_id).was_encrypted:
            raise ValueError("the answer is not encrypted")
        return _least_us(peer, pid, [request])


@contextlib.contextmanager
def snmpd() -> Iterator[tuple[str, int]]:
    """net-snmp's agent in a process of its own: address and pid. Raises PeerMissingError."""
    agent = program("snmpd", "snmpd")
    with tempfile.TemporaryDirectory(prefix="btrmd-bench-") as folder:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            probe.bind(("127.0.0.1", 0))
            address = f"127.0.0.1:{probe.getsockname()[1]}"
        config = Path(folder, "snmpd.conf")
        config.write_text(f"agentAddress udp:{address}\nrocommunity public\n")
        process = subprocess.Popen(
            [agent, "-f", "-Ln", "-C", "-c", str(config), "-I", "-smux"],
            env={**os.environ, "SNMP_PERSISTENT_DIR": folder},
        )
        try:
            time.sleep(1.5)
            yield address, process.pid
        finally:
            process.kill()
            process.wait()


@contextlib.contextmanager
def _peer(address: str) -> Iterator[socket.socket]:
    host, _, port = address.rpartition(":")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as peer:
        peer.connect((host, int(port)))
        peer.settimeout(5.0)
        yield peer


def _least_us(peer: socket.socket, pid: int, requests: list[bytes], count: int = ASKS) -> float:
    """us CPU a request when all of `requests` are sent before the first answer is waited for."""

    def ask() -> None:
        for request in requests:
            peer.send(request)
        for _ in requests:
            peer.recv(65535)

    def once() -> float:
        time.sleep(PAUSE_S)
        ask()
        used = cpu_s(pid)
        for _ in range(count // len(requests)):
            ask()
        return 1e6 * (cpu_s(pid) - used) / count

    return least(once, float)


def walk(peer: socket.socket) -> int:
    """One bulk walk over a connected socket; how many objects it found."""
    name, found = BTRM, 0
    while True:
        peer.send(_request(v2c.GetBulkRequestPDU(), name, 10))
        message, _ = decoder.decode(peer.recv(65535), asn1Spec=v2c.Message())
        for row, value in v2c.apiPDU.get_varbinds(v2c.apiMessage.get_pdu(message)):
            if value.tagSet == v2c.EndOfMibView.tagSet or tuple(row)[:7] != BTRM:
                return found
            name, found = tuple(row), found + 1


def walk_each_second(address: str, until: float) -> int:
    """A walk a second until `until` of the monotonic clock; how many there were."""
    host, _, port = address.rpartition(":")
    walks = 0
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as peer:
        peer.connect((host, int(port)))
        peer.settimeout(5.0)
        due = time.monotonic()
        while due < until:
            time.sleep(max(due - time.monotonic(), 0.0))
            walk(peer)
            walks, due = walks + 1, due + 1.0
    return walks


def _request(pdu: object, name: tuple[int, ...], repetitions: int) -> bytes:
    api = v2c.apiBulkPDU if repetitions else v2c.apiPDU
    api.set_defaults(pdu)
    if repetitions:
        v2c.apiBulkPDU.set_max_repetitions(pdu, repetitions)
    v2c.apiPDU.set_varbinds(pdu, [(name, v2c.Null(""))])
    return _message(pdu, "public")


def _message(pdu: object, community: str) -> bytes:
    message = v2c.Message()
    v2c.apiMessage.set_defaults(message)
    v2c.apiMessage.set_community(message, community)
    v2c.apiMessage.set_pdu(message, pdu)
    return bytes(encoder.encode(message))
