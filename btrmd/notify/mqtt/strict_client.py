"""The strict client: paho-mqtt, with a limit to what a broker can make it keep.

paho-mqtt takes a packet of any size into memory, keeps each message of QoS 2 until the broker lets
it go, and queues an answer to whatever asks for one. A broker that is none, or a hostile one, could
fill the memory so. What a broker has no reason to send ends the connection here, with its reason.
"""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from paho.mqtt import client as paho
from paho.mqtt.enums import MQTTErrorCode

from ..tls import ssl_words

MOST_PACKET: Final = 262_144  # octets of a packet to us: a command is short
MOST_WELCOME: Final = 4096  # octets of the first packet
MOST_UNSENT: Final = 256  # packets that wait to leave: ours are fewer, the rest are answers
CONNACK, PUBLISH = 0x20, 0x30
# MQTT 5.0, 2.1.2: what a broker may send to a client that publishes at QoS 1 and listens at QoS 0.
_NAMES: Final = {
    0x00: "reserved", 0x10: "CONNECT", CONNACK: "CONNACK", PUBLISH: "PUBLISH", 0x40: "PUBACK",
    0x50: "PUBREC", 0x60: "PUBREL", 0x70: "PUBCOMP", 0x80: "SUBSCRIBE", 0x90: "SUBACK",
    0xA0: "UNSUBSCRIBE", 0xB0: "UNSUBACK", 0xC0: "PINGREQ", 0xD0: "PINGRESP", 0xE0: "DISCONNECT",
    0xF0: "AUTH",
}  # fmt: skip
_EXPECTED: Final = frozenset({CONNACK, PUBLISH, 0x40, 0x90, 0xB0, 0xD0, 0xE0})
_NO_VERSION: Final = b"\x01"  # MQTT 3.1.1, 3.2.2.3: unacceptable protocol version
_QOS_2: Final = 0x04  # of the two bits of PUBLISH that say how sure


class StrictClient(paho.Client):
    """`breach`: what the broker did so that the connection had to be ended, `failure`: what the
    system said of the link. For a sentence that begins with the broker's name; "" = nothing."""

    breach = failure = ""
    _is_welcome = False  # the first packet has come whole

    def _sock_recv(self, bufsize: int) -> bytes:
        """Each octet that comes passes here; `bufsize` is what its packet still lacks."""
        if self._in_packet["have_remaining"]:
            self._judge_size(self._in_packet["command"] & 0xF0, bufsize)
        if len(self._out_packet) > MOST_UNSENT:
            self._end("asks and asks, and reads no answer")
        with self._noted_failure():
            data: bytes = super()._sock_recv(bufsize)
        return data

    def _sock_send(self, buf: bytes | bytearray) -> int:
        with self._noted_failure():
            sent: int = super()._sock_send(buf)
        return sent

    @contextmanager
    def _noted_failure(self) -> Iterator[None]:
        """What paho-mqtt keeps to itself."""
        try:
            yield
        except BlockingIOError:
            raise
        except OSError as error:
            if isinstance(error, ssl.SSLError):
                self.failure = ssl_words(error)
            else:
                self.failure = error.strerror or str(error)
            raise

    def _judge_size(self, kind: int, size: int) -> None:
        if not self._is_welcome and (kind != CONNACK or size > MOST_WELCOME):
            self._end("does not answer as an MQTT broker")
        if size > MOST_PACKET:
            self._end(f"sends a packet of {size} octets; at most {MOST_PACKET} are read")

    def _end(self, why: str) -> None:
        self.breach = self.breach or why
        raise ConnectionAbortedError(why)  # paho-mqtt closes the connection

    def _packet_handle(self) -> MQTTErrorCode:
        command = self._in_packet["command"]
        kind = command & 0xF0
        if not self._is_welcome and kind != CONNACK:
            self.breach = "does not answer as an MQTT broker"
        elif kind not in _EXPECTED or (kind == CONNACK and self._is_welcome):
            self.breach = f"sends {_NAMES[kind]}, which no broker has a reason to"
        elif kind == PUBLISH and command & _QOS_2:
            self.breach = "sends a message at QoS 2, which nobody has asked for"
        if self.breach:
            return MQTTErrorCode.MQTT_ERR_PROTOCOL
        self._is_welcome = True
        try:
            code: MQTTErrorCode = super()._packet_handle()
        except Exception:  # an answer that is none breaks it in many ways
            self.breach = f"sends a damaged {_NAMES[kind]}"
            return MQTTErrorCode.MQTT_ERR_PROTOCOL
        if code == MQTTErrorCode.MQTT_ERR_PROTOCOL:
            is_version = kind == CONNACK and bytes(self._in_packet["packet"][1:2]) == _NO_VERSION
            self.breach = (
                "speaks neither MQTT 5 nor 3.1.1" if is_version
                else f"sends a damaged {_NAMES[kind]}"
            )  # fmt: skip
        return code
