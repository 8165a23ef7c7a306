"""kill -9 between an event and its confirmation: it arrives after the restart, and once."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Any

from daemon_process import DaemonProcess
from pyasn1.codec.ber import decoder, encoder
from pysnmp.proto.api import v2c
from waiting import wait_until


def number_of(message: Any) -> int:
    return int(v2c.apiPDU.get_varbinds(v2c.apiMessage.get_pdu(message))[7][1])


def test_an_unconfirmed_inform_survives_a_kill(tmp_path: Path) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as catcher:
        catcher.bind(("127.0.0.1", 0))
        catcher.settimeout(20.0)

        def take() -> tuple[Any, Any]:
            raw, sender = catcher.recvfrom(65535)
            return decoder.decode(raw, asn1Spec=v2c.Message())[0], sender

        daemon = DaemonProcess(tmp_path / "a", speed=10)
        try:
            daemon.start()
            daemon.set(
                io1__config=2, snmp__trap0__enabled=True, snmp__trap0__address="127.0.0.1",
                snmp__trap0__port=catcher.getsockname()[1], snmp__trap0__kind="inform_v2c",
            )  # fmt: skip
            wait_until(lambda: daemon.value("system.uptime") > 11, 15.0)
            daemon.sim(ch1__volts=5)
            first, _ = take()
            daemon.kill()
            daemon.start()
            again, sender = take()
            while number_of(again) != number_of(first):
                again, sender = take()
            response = v2c.apiMessage.get_response(again)
            catcher.sendto(encoder.encode(response), sender)
            cursors = daemon.state_dir / "cursors.json"
            wait_until(lambda: f'"trap0": {number_of(first)}' in cursors.read_text())
            daemon.kill()
            catcher.setblocking(False)
            try:  # repeats that were on their way
                while True:
                    catcher.recv(65535)
            except BlockingIOError:
                pass
            daemon.start()
            catcher.settimeout(20.0)
            daemon.sim(ch1__volts=0)
            wait_until(lambda: daemon.value("system.uptime") > 11, 15.0)
            daemon.sim(ch1__volts=5)
            message, _ = take()
            assert number_of(message) > number_of(first)
        finally:
            daemon.close()
