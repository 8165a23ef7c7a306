"""The connection: one MQTT session with the broker, driven by the publisher's own thread.

paho-mqtt does the protocol; it is imported when the first connection is made. MQTT 5 is spoken, and
3.1.1 with a broker that has nothing newer.
"""

from __future__ import annotations

import os
import select
import socket
import ssl
import time
from collections.abc import Callable
from typing import Any, Final, NamedTuple

from ...model.errors import BtrmError
from ..tls import TlsFileError, certificate_words, ssl_words, use_files
from .target import OFFLINE, MqttTarget

CONNECT_S: Final = 10.0  # for the TCP connection, for TLS, and for the broker's welcome
KEEPALIVE_S: Final = 60  # a link that is silent for twice as long is dead
ACK_S: Final = 60.0  # without any acknowledgement while one is owed, and as long as it takes at
SLOWEST_LINK: Final = 1000.0  # octets a second: 9.6 kbit/s
SESSION_S: Final = 7 * 86400  # how long the broker keeps what it knows of us
MOST_MESSAGES: Final = 64  # that wait to be looked at; what comes then gets no answer
MOST_INFLIGHT: Final = 40
MOST_KEPT: Final = 8192  # octets of a message: a command that is longer is refused for its length
WINDOW: Final = 16  # messages on the way; brokers allow 20 as a rule (receive maximum)
NOBODY: Final = 16  # 3.4.2.1: no matching subscribers
TAKEN_OVER: Final = 142  # MQTT 5.0, 3.14.2.1: another client has our id
NO_MQTT: Final = 130  # protocol error, as paho-mqtt's own judgement
MUTE: Final = 141  # no answer within the keep-alive time, likewise
UNSUPPORTED: Final = 132  # 3.2.2.2: unsupported protocol version
SHORT_S: Final = 10.0  # a connection that ends so soon was not wanted
GOODBYE_S: Final = 1.0


class MqttLinkError(BtrmError):
    """The broker cannot be reached, or does not take what it is told; the text says why."""


class BrokerRefusedError(MqttLinkError):
    """The broker refused one message."""


class TooLargeError(BtrmError):
    """The broker has said that it takes no packet of this size."""


class MqttMessage(NamedTuple):
    """What came from the broker."""

    topic: str
    payload: bytes
    is_retained: bool


# Called with False where the broker has said that nobody is subscribed (MQTT 5 only).
OnAck = Callable[[bool], None]


class _Owed(NamedTuple):
    """A message that the broker has not acknowledged; `size` in octets."""

    topic: str
    size: int
    on_ack: OnAck
    on_refused: Callable[[str], None] | None


class MqttConnection:
    """One thread's; a new one for each attempt. `open` first, then `publish` and `poll`."""

    def __init__(self, target: MqttTarget, is_old: bool = False) -> None:
        """`is_old`: MQTT 3.1.1."""
        self.target = target
        self.is_old = is_old
        self.has_session = False  # the broker still knows what the last connection told it
        self.messages: list[MqttMessage] = []
        self.heard_at = 0.0  # monotonic s of the last octet from the broker
        self.octets = 0  # sent
        self._opened_at = 0.0
        self._acked_at = 0.0
        self._waiting: dict[int, _Owed] = {}
        self._arrived: list[tuple[int, int, str]] = []  # acknowledged: number, reason and its words
        self._most: int | None = None
        self._window = WINDOW
        self._welcome: tuple[int, str] | None = None  # reason code and its words
        self._lost = ""
        self._refused: list[tuple[str, str]] = []
        self._is_listening = False
        self.deaf = ""  # why the broker lets no message of `listen` through
        self._client: Any = None
        self._context: _Context | None = None

    @property
    def owed(self) -> int:
        """Messages that the broker has not acknowledged."""
        return len(self._waiting)

    @property
    def has_space(self) -> bool:
        """One more message may be on the way."""
        return self.owed < self._window

    # --- opening -------------------------------------------------------------------------------

    def open(self, stopped: Callable[[], bool]) -> None:
        """Connected and welcome when it returns. Raises MqttLinkError."""
        target = self.target
        if not target.host:
            raise MqttLinkError("no broker is set.")
        client = self._client = self._make_client()
        try:
            self._connect(client)
        except ssl.SSLCertVerificationError as error:
            fault = certificate_words(error)
            raise MqttLinkError(
                f"the certificate of {target.where} is refused: {fault}."
            ) from error
        except ssl.SSLError as error:
            raise MqttLinkError(
                f"{target.where} and this unit find no common TLS: {ssl_words(error)}."
            ) from error
        except socket.gaierror as error:
            raise MqttLinkError(
                f"the name {target.host} is not found: {error.strerror}."
            ) from error
        except TimeoutError as error:
            raise MqttLinkError(f"{target.where} did not answer within {CONNECT_S:g} s.") from error
        except (OSError, ValueError) as error:
            why = getattr(error, "strerror", None) or error
            if self._context is not None and self._context.last is not None:
                raise MqttLinkError(
                    f"{target.where} ends the TLS handshake: {why}; it may speak no TLS."
                ) from error
            raise MqttLinkError(f"{target.where} cannot be reached: {why}.") from error
        self._no_delay(client)
        self._await_welcome(stopped)

    def _make_client(self) -> Any:
        from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

        from .strict_client import StrictClient

        target = self.target
        version = MQTTProtocolVersion.MQTTv311 if self.is_old else MQTTProtocolVersion.MQTTv5
        words: dict[str, Any] = {"clean_session": False} if self.is_old else {}
        client = StrictClient(
            CallbackAPIVersion.VERSION2, target.client_id, protocol=version,
            reconnect_on_failure=False, **words,
        )  # fmt: skip
        client.connect_timeout = CONNECT_S
        client.max_inflight_messages_set(MOST_INFLIGHT)
        client.max_queued_messages_set(MOST_INFLIGHT)
        if target.user:
            client.username_pw_set(target.user, target.password or None)
        if target.is_tls:
            self._context = _tls_context(target)
            client.tls_set_context(self._context)
        client.will_set(target.topic("status"), OFFLINE, qos=1, retain=True)
        client.on_connect = self._on_connect
        client.on_disconnect = self._on_disconnect
        client.on_publish = self._on_publish
        client.on_message = self._on_message
        client.on_subscribe = self._on_subscribe
        return client

    def _connect(self, client: Any) -> None:
        from paho.mqtt.packettypes import PacketTypes
        from paho.mqtt.properties import Properties

        from .strict_client import MOST_PACKET

        words: dict[str, Any] = {}
        if not self.is_old:
            properties = Properties(PacketTypes.CONNECT)
            properties.SessionExpiryInterval = SESSION_S
            properties.MaximumPacketSize = MOST_PACKET
            words = {"clean_start": False, "properties": properties}
        client.connect(self.target.host, self.target.port, KEEPALIVE_S, **words)

    def _no_delay(self, client: Any) -> None:
        sock = client.socket()
        if sock is None:  # gone with the first packet
            self._lost = self._lost or f"{self.target.where} closed the connection{self._hint()}"
            self._raise_lost()
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        # What a half-open link has swallowed is noticed by the kernel too.
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, int(ACK_S * 1000))

    def _await_welcome(self, stopped: Callable[[], bool]) -> None:
        end = time.monotonic() + CONNECT_S
        self.heard_at = self._acked_at = self._opened_at = time.monotonic()
        while self._welcome is None and not self._lost:
            if time.monotonic() > end:
                raise MqttLinkError(f"{self.target.where} did not answer within {CONNECT_S:g} s.")
            if stopped():
                raise MqttLinkError("the daemon is stopping.")
            self._turn(0.2)
        if self._welcome is None:
            self._raise_lost()
        code, words = self._welcome or (0, "")
        if code >= 128:
            if code == UNSUPPORTED:
                raise UnsupportedError(f"{self.target.where} does not speak MQTT 5.")
            raise MqttLinkError(f"{self.target.where} refuses this unit: {words}.")

    # --- publishing ----------------------------------------------------------------------------

    def publish(
        self,
        topic: str,
        payload: bytes,
        on_ack: OnAck,
        retain: bool = False,
        on_refused: Callable[[str], None] | None = None,
    ) -> None:
        """Send at QoS 1; `on_ack(is_read)` from `poll` once the broker has it. A refusal ends the
        connection (BrokerRefusedError from `poll`) unless `on_refused(why)` is given.

        Raises TooLargeError before anything is sent.
        """
        size = len(payload) + len(topic.encode()) + 16
        if self._most is not None and size > self._most:
            raise TooLargeError(
                f"{self.target.where} takes packets of at most {self._most} octets; "
                f"{topic} would have {size}."
            )
        if not self._waiting:
            self._acked_at = time.monotonic()
        info = self._client.publish(topic, payload, qos=1, retain=retain)
        self._waiting[info.mid] = _Owed(topic, size, on_ack, on_refused)
        self.octets += size

    def listen(self, topic: str) -> None:
        """Take the messages of `topic` from now on; not those that were kept for us while we were
        away, nor a retained one: a command that is old is none."""
        from paho.mqtt.subscribeoptions import SubscribeOptions

        if self.is_old:
            self._client.subscribe(topic, qos=0)
        else:
            options = SubscribeOptions(qos=0, retainHandling=SubscribeOptions.RETAIN_DO_NOT_SEND)
            self._client.subscribe(topic, options=options)

    def ignore(self, topic: str) -> None:
        """The end of `listen`, also of one that an earlier connection began."""
        self._client.unsubscribe(topic)

    def poll(self, timeout: float) -> None:
        """Let the protocol work for at most `timeout` s. Raises MqttLinkError: the link is gone."""
        self._turn(timeout)
        if self._lost:
            self._raise_lost()
        if self._refused:
            topic, why = self._refused[0]
            raise BrokerRefusedError(f"{self.target.where} refuses the topic {topic}: {why}.")
        if self._waiting and time.monotonic() - self._acked_at > self._patience_s:
            raise MqttLinkError(f"{self.target.where} acknowledges nothing any more.")

    @property
    def _patience_s(self) -> float:
        """How long the broker may acknowledge nothing; what else it says does not count."""
        return ACK_S + sum(owed.size for owed in self._waiting.values()) / SLOWEST_LINK

    def close(self, goodbye: bool = False) -> None:
        """`goodbye`: tell the broker that the unit is offline, and leave in order."""
        client, self._client = self._client, None
        if client is None:
            return
        if goodbye and not self._lost:
            try:
                info = client.publish(self.target.topic("status"), OFFLINE, qos=1, retain=True)
                end = time.monotonic() + GOODBYE_S
                while not info.is_published() and not self._lost and time.monotonic() < end:
                    self._turn_client(client, 0.05)
                client.disconnect()
                self._turn_client(client, 0.0)
            except (OSError, ValueError, RuntimeError):
                pass  # the last will says the same
        left = self._context.last if self._context is not None else None
        for sock in (client.socket(), left):
            if sock is not None:
                sock.close()
        self._waiting.clear()

    # --- the protocol --------------------------------------------------------------------------

    def _turn(self, timeout: float) -> None:
        self._turn_client(self._client, timeout)

    def _turn_client(self, client: Any, timeout: float) -> None:
        sock = client.socket()
        if sock is None:
            self._lost = self._lost or f"{self.target.where} closed the connection."
            return
        has_more = self.target.is_tls and sock.pending() > 0
        wanted = [sock] if client.want_write() else []
        try:
            readable, writable, _ = select.select([sock], wanted, [], 0.0 if has_more else timeout)
        except (OSError, ValueError) as error:
            self._lost = self._lost or f"{self.target.where} is lost: {error}."
            return
        if readable or has_more:
            self.heard_at = time.monotonic()
            if number := sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
                client.failure = os.strerror(number)  # under TLS it would look like an orderly end
            client.loop_read()
        # What the broker said is read before anything is given up for a failed write.
        if writable and client.socket() is not None:
            client.loop_write()
        if client.socket() is not None:
            client.loop_misc()
        self._settle()

    def _settle(self) -> None:
        """What has been acknowledged; outside of paho-mqtt, so that no error of ours is one of the
        broker's."""
        arrived, self._arrived = self._arrived, []
        for number, code, words in arrived:
            owed = self._waiting.pop(number, None)
            if owed is None:
                continue
            self._acked_at = time.monotonic()
            if code < 128:
                owed.on_ack(code != NOBODY)
            elif owed.on_refused is not None:
                owed.on_refused(words)
            else:
                self._refused.append((owed.topic, words))

    def _raise_lost(self) -> None:
        raise MqttLinkError(self._lost)

    def _on_connect(self, client: Any, data: Any, flags: Any, reason: Any, properties: Any) -> None:
        self._welcome = (reason.value, str(reason).lower())
        self.has_session = bool(flags.session_present)
        self._most = getattr(properties, "MaximumPacketSize", None)
        self._window = min(WINDOW, getattr(properties, "ReceiveMaximum", WINDOW))

    def _on_disconnect(
        self, client: Any, data: Any, flags: Any, reason: Any, properties: Any
    ) -> None:
        where = self.target.where
        if self._lost:
            return
        if flags.is_disconnect_packet_from_server and reason.value == TAKEN_OVER:
            name = self.target.client_id
            self._lost = f"{where} ended the connection: another client is there as {name}."
        elif flags.is_disconnect_packet_from_server:
            self._lost = f"{where} ended the connection: {str(reason).lower()}."
        elif client.breach:
            self._lost = f"{where} {client.breach}."
        elif reason.value == NO_MQTT:
            self._lost = f"{where} sends what is no MQTT."
        elif reason.value == MUTE:
            self._lost = f"{where} does not answer any more."
        elif client.failure:
            hint = self._hint() if self._welcome is None else "."
            self._lost = f"{where} is lost: {client.failure}{hint}"
        else:
            self._lost = f"{where} closed the connection{self._hint()}"

    def _hint(self) -> str:
        """How a sentence on a broker ends that says nothing itself."""
        target = self.target
        if self._welcome is None and target.is_tls:
            return (
                "; it may refuse this unit's certificate." if target.cert_file
                else "; it may want a certificate of this unit."
            )  # fmt: skip
        if self._welcome is None:
            return "; it may want TLS."
        if time.monotonic() - self._opened_at > SHORT_S:
            return "."
        # mosquitto 2.0.11 when another client takes our place
        return f" at once; is another client there as {target.client_id}?"

    def _on_publish(self, client: Any, data: Any, mid: int, reason: Any, properties: Any) -> None:
        self._arrived.append((mid, reason.value, str(reason).lower()))

    def _on_subscribe(
        self, client: Any, data: Any, mid: int, reasons: Any, properties: Any
    ) -> None:
        refused = [str(reason).lower() for reason in reasons if reason.value >= 128]
        self._is_listening = not refused
        self.deaf = ", ".join(refused)

    def _on_message(self, client: Any, data: Any, message: Any) -> None:
        if self._is_listening and len(self.messages) < MOST_MESSAGES:
            payload = bytes(message.payload[:MOST_KEPT])
            found = MqttMessage(message.topic, payload, bool(message.retain))
            self.messages.append(found)


class UnsupportedError(MqttLinkError):
    """The broker does not speak MQTT 5."""


class _Context(ssl.SSLContext):
    """Keeps the socket it wraps: paho-mqtt leaves it open when the handshake fails."""

    last: ssl.SSLSocket | None = None

    def wrap_socket(self, *words: Any, **named: Any) -> ssl.SSLSocket:
        self.last = super().wrap_socket(*words, **named)
        return self.last


def _tls_context(target: MqttTarget) -> _Context:
    """Raises MqttLinkError for a file that cannot be used."""
    context = _Context(ssl.PROTOCOL_TLS_CLIENT)
    try:
        use_files(context, target.ca_file, target.cert_file, target.key_file)
    except TlsFileError as error:
        raise MqttLinkError(str(error)) from error
    return context
