"""The DNP3 session: py1815's, with what the manual asks for and this station's ways."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Final

from py1815 import link
from py1815.application import (
    CLASS_GROUP,
    IIN,
    REQUEST_HEADER_SIZE,
    AppControl,
    FunctionCode,
    IIN2Bit,
    IINBit,
    ObjectHeader,
    QualifierCode,
    Request,
    build_response,
    null_response,
)
from py1815.events import Event, EventBuffers
from py1815.objects import GROUP_BINARY_INPUT_EVENT
from py1815.observers import ProtocolAnomaly
from py1815.session import Session

from ...model.commands import Answer
from .dnp3_association import Association, Dnp3Config
from .dnp3_controls import AnswerPending, Ask, Dnp3Controls
from .dnp3_limits import CONFIRM_S, FRAGMENT, SELECT_S
from .dnp3_range import with_index, with_range
from .dnp3_reads import Reads

MOST_LATER: Final = 64  # frames that wait behind a request whose answer is not in yet

_WITH_EVENTS: Final = (CLASS_GROUP, GROUP_BINARY_INPUT_EVENT)
_WRITE_BINARY: Final = (10, 1)
_INITIALIZE: Final = int(FunctionCode.INITIALIZE_DATA)

# A library that logs a line for every bad frame would fill the log of a unit under attack.
logging.getLogger("py1815").setLevel(logging.CRITICAL)


class Dnp3Session(Session):
    """One conversation with the master. Octets in, octets out, no socket, no waiting.

    Added to py1815: WRITE g10v1, function 15, frames with DIR = 0 dropped, a strict g80v1, counts
    of what is ignored, requests that wait for the owner (`held`), state shared by all connections
    of an association, and reads that wait only briefly for an unconfirmed unsolicited response.
    Private names of the pinned version are used; a test fails when one is renamed.
    """

    def __init__(
        self,
        config: Dnp3Config,
        association: Association,
        events: EventBuffers,
        reads: Reads,
        owner_controls: Dnp3Controls,
        *,
        clock: Callable[[], float],
        read_hold_s: float,
        speaks: Callable[[], bool],
        in_trouble: Callable[[], bool],
        count: Callable[[str], None],
    ) -> None:
        """`speaks()`: this conversation is the association's voice. `read_hold_s`: how long a
        read waits behind an unconfirmed unsolicited response. `in_trouble()`: IIN1.6."""
        self._association = association
        self._config = config
        self._is_built = False
        self._reads = reads
        self._owner_controls = owner_controls
        self._read_hold_s = read_hold_s
        self._speaks = speaks
        self._in_trouble = in_trouble
        self._count = count
        self._is_broadcast = False
        self._deferred_at = 0.0
        self._held_fragment: bytes | None = None
        self._later: deque[link.LinkFrame] = deque()
        self.held: tuple[Ask, ...] | None = None
        self.heard_at: float | None = None
        self.sound_frames = 0  # whoever they were for
        super().__init__(
            reads,
            control_provider=owner_controls,
            events=events,
            outstation_address=config.address,
            master_address=config.master,
            max_fragment=FRAGMENT,
            max_response=FRAGMENT,
            select_timeout=SELECT_S,
            confirm_timeout=CONFIRM_S,
            clock=clock,
            time_sink=partial(_note_time, count, owner_controls),
            unsolicited=True,  # functions 20 and 21 always work; what is said unasked: see below
            unsolicited_confirm_timeout=config.retry_s,
            unsolicited_retries=config.retries,
            unsolicited_resume=config.resume_s,
            anomaly_observer=partial(_note_anomaly, count),
        )
        self._enabled = association.enabled
        self._is_built = True

    def adopt(self, config: Dnp3Config) -> None:
        """Other settings from now on, addresses and profile excepted; what is in flight stays."""
        self._config = config
        self._unsolicited_timeout = config.retry_s
        self._unsolicited_retries = config.retries
        self._unsolicited_resume = config.resume_s

    # --- state that belongs to the association, not to this connection ---------------------------

    @property
    def _restart(self) -> bool:
        return self._association.restart

    @_restart.setter
    def _restart(self, up: bool) -> None:
        if self._is_built:
            self._association.restart = up

    @property
    def _announced(self) -> bool:
        return self._association.announced or not self._config.restart_message

    @_announced.setter
    def _announced(self, done: bool) -> None:
        if self._is_built:
            self._association.announced = done

    # --- link ------------------------------------------------------------------------------------

    def connection_reset(self) -> None:
        self.held = self._held_fragment = None
        self._later.clear()
        self._owner_controls.verdicts = None
        super().connection_reset()

    def forget_part(self) -> None:
        """Forget a frame that was begun and not finished."""
        self._frames = link.FrameReader()

    def _handle_frame(self, frame: link.LinkFrame) -> bytes:
        self.sound_frames += 1
        if self.held is not None:
            # One request at a time, in their order: this one waits for the owner's answer too.
            if len(self._later) < MOST_LATER:
                self._later.append(frame)
            else:
                self._count("frames_dropped")
            return b""
        if not frame.from_master:
            self._count("not_from_a_master")  # DIR = 0: an outstation's frame, or our own echo
            return b""
        return super()._handle_frame(frame)

    def _addressed_to_us(self, frame: link.LinkFrame) -> bool:
        if frame.destination != self._outstation_address and not frame.is_broadcast:
            self._count("other_outstation")
            return False
        if not super()._addressed_to_us(frame):
            return False
        self._count("frames")
        self.heard_at = self._clock()
        return True

    def _receive_broadcast(self, frame: link.LinkFrame) -> None:
        self._is_broadcast = True
        try:
            super()._receive_broadcast(frame)
        finally:
            self._is_broadcast = False

    # --- requests --------------------------------------------------------------------------------

    def _dispatch_fragment(self, fragment: bytes) -> bytes:
        if len(fragment) >= REQUEST_HEADER_SIZE and fragment[1] == _INITIALIZE:
            return self._initialize_data(fragment)
        select = self._select
        waited = self._deferred is not None
        asked = with_index(fragment)
        try:
            response = with_range(super()._dispatch_fragment(asked), fragment)
        except AnswerPending as held:
            self._select = select
            self._held_fragment = fragment
            self.held = held.asks
            return b""
        if self._deferred is not None and not waited:
            self._deferred_at = self._clock()
        return response

    def resume(self, verdicts: list[Answer]) -> bytes:
        """The owner's answers to `held` are in: the response, and what waited behind it."""
        fragment, self._held_fragment, self.held = self._held_fragment, None, None
        if fragment is None:
            return b""
        self._owner_controls.verdicts = verdicts
        try:
            out = bytearray(self._send(self._handle_fragment(fragment)))
        finally:
            self._owner_controls.verdicts = None
        while self._later and self.held is None:
            out += self._handle_frame(self._later.popleft())
        return bytes(out)

    def _initialize_data(self, fragment: bytes) -> bytes:
        """Function 15 (manual 12.3.1; obsolete in IEEE 1815): a null response, nothing happens."""
        control = AppControl.from_byte(fragment[0])
        self._select = None
        if not (control.fir and control.fin) or control.uns:
            return b""
        self._acted = None
        self._abandon()
        return null_response(sequence=control.sequence, iin=self._indications())

    def _handle_write(self, request: Request) -> bytes:
        header = request.headers[0] if request.headers else None
        if header is not None and (header.group, header.variation) == _WRITE_BINARY:
            good = self._write_binary(header, request.body)
        elif header is not None and (header.group, header.variation) == (80, 1):
            # Clearing IIN1.7 is the one write of g80v1: index 7, value 0, nothing behind it.
            good = self._is_restart_write(request) and request.body == b"\x00"
            if good:
                self._owner_controls.note(
                    "dnp3.restart", "The master has cleared the restart indication."
                )
                return super()._handle_write(request)
        else:
            return super()._handle_write(request)
        wrong = None if good else IIN(second=IIN2Bit.PARAM_ERROR)
        return null_response(sequence=request.control.sequence, iin=self._indications(wrong))

    def _write_binary(self, header: ObjectHeader, body: bytes) -> bool:
        """Manual 12.3.9: qualifier 00, start = stop, one octet 1 or 0."""
        if (
            header.qualifier is not QualifierCode.UINT8_START_STOP
            or header.start is None
            or header.start != header.stop
            or body not in (b"\x00", b"\x01")
        ):
            return False
        if self._is_broadcast:
            self._owner_controls.post_binary(header.start, body[0])
            return True
        return self._owner_controls.write_binary(header.start, body[0])

    def _cold_restart(self, request: Request) -> bytes:
        """Function 13: the daemon restarts; IIN2.2 where it may not (in a test)."""
        sequence = request.control.sequence
        if request.body or not self._owner_controls.restart():
            wrong = IIN(second=IIN2Bit.PARAM_ERROR)
            return null_response(sequence=sequence, iin=self._indications(wrong))
        restart_ms = self._owner_controls.restart_ms
        delay = b"\x34\x02\x07\x01" + restart_ms.to_bytes(2, "little")  # g52v2
        control = AppControl(fir=True, fin=True, sequence=sequence)
        return build_response(control=control, iin=self._indications(), body=delay)

    @property
    def _restart_handler(self) -> Callable[[], int] | None:
        """py1815 asks whether function 13 is offered; without the permission it is IIN2.0."""
        if not self._owner_controls.may_restart:
            return None
        return lambda: self._owner_controls.restart_ms

    @_restart_handler.setter
    def _restart_handler(self, handler: Callable[[], int] | None) -> None:
        pass

    def _reads_events(self, header: ObjectHeader) -> bool:
        """Only binary inputs have events here: other event groups are unknown objects."""
        return header.group in _WITH_EVENTS and super()._reads_events(header)

    def _split_read(
        self, headers: Sequence[ObjectHeader]
    ) -> tuple[list[ObjectHeader], list[ObjectHeader]]:
        """py1815 looks at every header twice."""
        events: list[ObjectHeader] = []
        static: list[ObjectHeader] = []
        for header in headers:
            (events if self._reads_events(header) else static).append(header)
        return events, static

    def _event_body(
        self, headers: Sequence[ObjectHeader], counts: list[int | None], budget: int
    ) -> tuple[bytes, list[Event], bool]:
        """Most polls come when there is nothing to tell: the buffers are not searched then."""
        if self._events is not None and not self._events.total:
            return b"", [], True
        return super()._event_body(headers, counts, budget)

    def _static_blocks(self, headers: Sequence[ObjectHeader]) -> list[bytes]:
        """py1815 asks at every poll whether this is a provider of blocks, a tenth of its time."""
        return [block for block in self._reads.read_blocks(headers) if block]

    def _indications(self, extra: IIN | None = None, reporting: object = ()) -> IIN:
        found = super()._indications(extra, reporting)  # type: ignore[arg-type]
        if self._in_trouble():
            found = found | IIN(first=IINBit.DEVICE_TROUBLE)
        return found

    # --- unsolicited responses -------------------------------------------------------------------

    def _set_unsolicited(self, request: Request, *, enable: bool) -> bytes:
        response = super()._set_unsolicited(request, enable=enable)
        refused = IIN2Bit.PARAM_ERROR | IIN2Bit.OBJECT_UNKNOWN
        if not response[3] & refused:
            self._switched(enable or bool(self._enabled))
        return response

    def _switched(self, is_on: bool) -> None:
        """Functions 20 and 21 hold until the daemon starts anew or the page says otherwise."""
        association = self._association
        before, association.switched = association.is_on(self._config), is_on
        if is_on is not before:
            self._owner_controls.switch_unsolicited(is_on)

    def _has_news(self) -> bool:
        return self._speaks() and super()._has_news()

    def _initiate_wait(self, now: float) -> float | None:
        wait = super()._initiate_wait(now)
        if self._deferred is not None and self._awaited is not None:
            held = max(0.0, self._deferred_at + self._read_hold_s - now)
            wait = held if wait is None else min(wait, held)
        return wait

    def initiate(self) -> bytes:
        if self.held is not None:
            return b""
        waits = self._deferred is not None and self._awaited is not None
        if waits and self._clock() - self._deferred_at >= self._read_hold_s:
            return self._answer_deferred()
        return super().initiate()

    def _answer_deferred(self) -> bytes:
        """Answer the read that waits; the unsolicited response stays awaited and is repeated.

        A master that never confirms would otherwise get every answer a whole retry time late.
        """
        fragment, self._deferred = self._deferred, None
        awaited, self._awaited = self._awaited, None
        out = b"" if fragment is None else self._send(self._handle_fragment(fragment))
        self._awaited = awaited
        return out

    def _unconfirmed(self, awaited: object, now: float) -> bytes:
        if self._speaks():
            return super()._unconfirmed(awaited, now)  # type: ignore[arg-type]
        # The master talks elsewhere now; what it has not confirmed is told it there.
        out = self._answer_deferred() if self._deferred is not None else b""
        self._awaited = None
        return out


# What the session is given to call does not know it: nothing of a connection that has ended stays
# until the collector of cycles comes.


def _note_time(count: Callable[[str], None], controls: Dnp3Controls, at_ms: int) -> None:
    """The clock is the host's (NTP, RTC): a written time is taken note of and not applied."""
    count("time_writes")
    controls.note("dnp3.time", f"The master wrote the time {_utc(at_ms)}; the clock is the host's.")


def _note_anomaly(count: Callable[[str], None], anomaly: ProtocolAnomaly) -> None:
    count(str(anomaly.code.value))


def _utc(at_ms: int) -> str:
    """48 bits of milliseconds reach beyond the year 9999, which no date can tell."""
    try:
        return f"{datetime.fromtimestamp(at_ms // 1000, UTC):%Y-%m-%d %H:%M:%S} UTC"
    except ValueError:
        return f"{at_ms} ms after 1970"
