"""The SNMP part of the bench: CPU time of the agent's thread for a GET and for a bulk walk."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable
from pathlib import Path

from pyasn1.codec.ber import decoder, encoder
from pysnmp.proto.api import v2c

BTRM = (1, 3, 6, 1, 4, 1, 34506)
GETS, WALKS = 500, 60


def measure(address: str, pid: int) -> tuple[float, float, int]:
    """us a GET, ms a bulk walk of everything below 34506, and how many objects that walk found."""
    host, _, port = address.rpartition(":")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as peer:
        peer.connect((host, int(port)))
        peer.settimeout(5.0)
        get = _request(v2c.GetRequestPDU(), (*BTRM, 3, 20, 0), 0)

        def ask() -> None:
            peer.send(get)
            peer.recv(65535)

        get_s = _thread_s(pid, ask, GETS)
        walk_s = _thread_s(pid, lambda: walk(peer), WALKS)
        return 1e6 * get_s, 1e3 * walk_s, walk(peer)


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


def _thread_s(pid: int, act: Callable[[], object], count: int) -> float:
    """CPU seconds an act costs the thread of the process that it costs most."""
    act()
    before = _threads_ns(pid)
    for _ in range(count):
        act()
    after = _threads_ns(pid)
    return max(after[tid] - before.get(tid, 0) for tid in after) / 1e9 / count


def _threads_ns(pid: int) -> dict[str, int]:
    return {
        task.name: int((task / "schedstat").read_text().split()[0])
        for task in Path(f"/proc/{pid}/task").iterdir()
    }


def _request(pdu: object, name: tuple[int, ...], repetitions: int) -> bytes:
    api = v2c.apiBulkPDU if repetitions else v2c.apiPDU
    api.set_defaults(pdu)
    if repetitions:
        v2c.apiBulkPDU.set_max_repetitions(pdu, repetitions)
    v2c.apiPDU.set_varbinds(pdu, [(name, v2c.Null(""))])
    message = v2c.Message()
    v2c.apiMessage.set_defaults(message)
    v2c.apiMessage.set_community(message, "public")
    v2c.apiMessage.set_pdu(message, pdu)
    return bytes(encoder.encode(message))
