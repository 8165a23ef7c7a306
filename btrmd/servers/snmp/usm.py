"""SNMPv3: the user-based security of pysnmp's engine in front of the same responder.

The engine costs some 15 MB and is loaded with the first user only. Its access control is left
out: what a user may is asked of `Access`, as for the communities.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from typing import Any, Final, Protocol

from pyasn1.codec.ber import decoder
from pysnmp.carrier.base import (
    AbstractTransport,
    AbstractTransportAddress,
    AbstractTransportDispatcher,
)
from pysnmp.entity import config
from pysnmp.entity.engine import SnmpEngine as Engine
from pysnmp.error import PySnmpError
from pysnmp.proto.api import v2c
from pysnmp.proto.rfc1902 import Integer32

from ...bus import Bus
from ...model.snmp_engine import SnmpEngine
from .access import User
from .community import MOST_OUT, Communities, request_of, response
from .counters import Counters
from .door import Sender
from .responder import Asker, Outcome, Status
from .values import Asn1

TICK_S: Final = 0.5
AUTH_NO_PRIV, AUTH_PRIV = 2, 3  # securityLevel

AUTH: Final = {
    "sha224": config.USM_AUTH_HMAC128_SHA224,
    "sha256": config.USM_AUTH_HMAC192_SHA256,
    "sha384": config.USM_AUTH_HMAC256_SHA384,
    "sha512": config.USM_AUTH_HMAC384_SHA512,
}
PRIV: Final = {
    "none": config.USM_PRIV_NONE,
    "aes128": config.USM_PRIV_CFB128_AES,
    "aes192": config.USM_PRIV_CFB192_AES,
    "aes256": config.USM_PRIV_CFB256_AES,
}
REQUESTS: Final = (
    v2c.GetRequestPDU.tagSet,
    v2c.GetNextRequestPDU.tagSet,
    v2c.GetBulkRequestPDU.tagSet,
    v2c.SetRequestPDU.tagSet,
)


class Agent(Protocol):
    """What the server lends."""

    counters: Counters

    @property
    def bus(self) -> Bus: ...

    def later(self, reply: Any, raw: bytes, sender: Sender) -> None: ...


class Peer(tuple[Any, ...], AbstractTransportAddress):
    """An address that knows the way back."""

    sender: Sender


class Transport(AbstractTransport):
    """What the engine takes for a socket."""

    def send_message(self, outgoingMessage: bytes, transportAddress: Peer) -> None:  # noqa: N803
        transportAddress.sender.send(bytes(outgoingMessage))


class EngineTime:
    """Stands for the engine's snmpEngineTime, whose own follows the wall clock: a manager that has
    seen a later time would refuse everything until that time has come again."""

    def __init__(self, own: SnmpEngine) -> None:
        self._own = own

    def clone(self) -> Any:
        return Integer32(self._own.seconds)


class Usm:
    """Made, used and closed on the agent's loop. `own`: this unit's engine. Raises BtrmError."""

    def __init__(self, agent: Agent, answers: Communities, own: SnmpEngine) -> None:
        self._agent = agent
        self._answers = answers
        self._users: dict[str, User] = {}
        self._raw = b""
        self._engine = engine = Engine()
        builder = engine.get_mib_builder()
        identity, count, seconds = builder.import_symbols(
            "__SNMP-FRAMEWORK-MIB", "snmpEngineID", "snmpEngineBoots", "snmpEngineTime"
        )
        identity.syntax = identity.syntax.clone(own.id)
        count.syntax = count.syntax.clone(own.boots)
        seconds.syntax = EngineTime(own)
        engine.snmpEngineID = identity.syntax
        self._dispatcher = AbstractTransportDispatcher()
        self._transport = Transport()
        self._dispatcher.register_transport(config.SNMP_UDP_DOMAIN, self._transport)
        engine.register_transport_dispatcher(self._dispatcher)
        engine.message_dispatcher.register_context_engine_id(
            engine.snmpEngineID, REQUESTS, self._request
        )
        self._loop = asyncio.get_running_loop()
        self._timer = self._loop.call_later(TICK_S, self._tick)

    def serve(self, users: Sequence[User]) -> None:
        """These users and no others, from now on. Raises PySnmpError."""
        wanted = {user.name: user for user in users}
        for name, user in list(self._users.items()):
            if wanted.get(name) != user:
                config.delete_v3_user(self._engine, name)
                del self._users[name]
        for name, user in wanted.items():
            if name not in self._users:
                has_priv = user.priv != "none"
                config.add_v3_user(
                    self._engine,
                    name,
                    AUTH[user.auth],
                    user.auth_password,
                    PRIV[user.priv],
                    user.priv_password if has_priv else None,
                )
                self._users[name] = user

    def receive(self, raw: bytes, sender: Sender) -> None:
        """One datagram that says it is version 3."""
        peer = Peer(sender.address)
        peer.sender = sender
        self._raw = raw
        try:
            self._engine.message_dispatcher.receive_message(
                self._engine, config.SNMP_UDP_DOMAIN, peer, raw
            )
        except Exception:  # hostile octets: the decoder raises whatever it likes
            self._agent.counters.damaged += 1

    def close(self) -> None:
        self._timer.cancel()
        self._engine.close_dispatcher()

    # --- inside --------------------------------------------------------------------------------

    def _tick(self) -> None:
        self._timer = self._loop.call_later(TICK_S, self._tick)
        self._dispatcher.handle_timer_tick(time.time())

    def _request(
        self,
        engine: Engine,
        model: Any,
        security: Any,
        name: Any,
        level: Any,
        context_engine: Any,
        context: Any,
        version: Any,
        pdu: Asn1,
        most: Any,
        reference: Any,
    ) -> None:
        """An authentic request of a known user (the engine's processPdu)."""
        peer: Peer = engine.message_dispatcher.get_transport_info(reference)[1]
        sender = peer.sender

        def reply(outcome: Outcome) -> None:
            raw = response(v2c, pdu, outcome, min(int(most), MOST_OUT))
            answer, _ = decoder.decode(raw, asn1Spec=v2c.ResponsePDU())
            try:
                engine.message_dispatcher.return_response_pdu(
                    engine, model, security, name, level, context_engine, context, version,
                    answer, most, reference, {},
                )  # fmt: skip
            except PySnmpError:
                self._agent.counters.drops += 1

        user = self._users.get(bytes(name).decode(errors="replace"))
        needed = AUTH_NO_PRIV if user is None or user.priv == "none" else AUTH_PRIV
        if user is None or int(level) < needed or bytes(context):
            self._agent.counters.bad_uses += 1
            reply(Outcome(Status.AUTHORIZATION_ERROR, 1))
            return
        asked = request_of(v2c, pdu) or []
        asker = Asker(sender.host, user.may_write)
        snapshot = self._agent.bus.snapshot
        if pdu.tagSet == v2c.SetRequestPDU.tagSet:
            if not user.may_write:
                self._agent.counters.bad_uses += 1

            async def change() -> None:
                reply(await self._answers.change(asked, asker, snapshot))

            self._agent.later(change(), self._raw, sender)
            return
        reply(self._answers.read(v2c, pdu, asked, asker, snapshot))
