"""DNP3 controls: what a master's writes ask of the owner, and its answer in DNP3's words."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import Final

from py1815.application import FunctionCode
from py1815.control import (
    CommandStatus,
    ControlRelayOutputBlock,
    OperationType,
    TripCloseCode,
)
from py1815.session import Control

from ...bus import Bus
from ...model.commands import (
    Answer,
    ChangeSettings,
    Command,
    NoteWrite,
    ResetData,
    RestartUnit,
    StartTest,
    SwitchUnsolicited,
)
from ...model.commands import StopTest as StopTestCommand
from ...model.encoding import decode_write
from ...model.errors import BusyError, SettingError
from ...model.point import AnalogOutput, BinaryOutput, Write
from ...model.points import dnp3_map
from .context import NO_RESET
from .dnp3_limits import MOST_CONTROLS, RESTART_MS

STOP_S: Final = 4.0  # RestartSec (2 s), and the stop: 0.15 s on the bench, ten times that on a Pi
MOST_NOTES: Final = 4  # that wait for the owner, of one connection

BINARY: Final = dnp3_map(BinaryOutput, extended=True)  # what can be written, by index
ANALOG: Final = dnp3_map(AnalogOutput, extended=True)

DONE: Final = Answer(True)
NOT_ALLOWED: Final = Answer(False, "refused", "DNP3 writes are switched off (dnp3.writes).")

Ask = Command | Answer  # what has to be asked, or what is known already


class AnswerPending(Exception):  # noqa: N818 - no error: the answer has to be waited for
    """The owner must be asked first; the request is run again once `asks` are answered."""

    def __init__(self, asks: Sequence[Ask]) -> None:
        super().__init__("the owner has to be asked")
        self.asks = tuple(asks)


def status_of(answer: Answer) -> CommandStatus:
    """Status 3 for a value out of range, 4 for every other refusal (DESIGN section 3)."""
    if answer.ok:
        return CommandStatus.SUCCESS
    return CommandStatus.FORMAT_ERROR if answer.code == "range" else CommandStatus.NOT_SUPPORTED


class Dnp3Controls:
    """A py1815 control provider for one session. `source`: who asks, for the event log.

    Nothing here waits. A request that needs the owner raises AnswerPending; it is run again with
    `verdicts`.
    """

    def __init__(self, bus: Bus, source: str, count: Callable[[str], None]) -> None:
        self._bus = bus
        self._source = source
        self._count = count
        self._noted: list[Future[Answer]] = []
        self.verdicts: Sequence[Answer] | None = None

    # --- what the session asks -------------------------------------------------------------------

    def select(self, controls: Sequence[Control]) -> list[CommandStatus]:
        """What each control would get from its checks; nothing is carried out."""
        return [status_of(self._checked(self._ask(control))) for control in controls]

    def operate(self, controls: Sequence[Control]) -> list[CommandStatus]:
        """What each control got. Raises AnswerPending."""
        many = len(controls) > MOST_CONTROLS
        if many:
            return [CommandStatus.TOO_MANY_OPS] * len(controls)
        asks = [self._ask(control) for control in controls]
        if controls and controls[0].function is FunctionCode.DIRECT_OPERATE_NR:
            return [status_of(self._post(ask)) for ask in asks]
        return [status_of(answer) for answer in self._answers(asks)]

    def write_binary(self, index: int, value: int) -> bool:
        """WRITE g10v1. True = done. Raises AnswerPending."""
        return self._answers([self._binary_ask(index, value)])[0].ok

    def post_binary(self, index: int, value: int) -> None:
        """WRITE g10v1 to a broadcast address: nobody is told what came of it."""
        self._post(self._binary_ask(index, value))

    def restart(self) -> bool:
        """Function 13. True = the daemon restarts. Raises AnswerPending."""
        return self._answers([RestartUnit(self._source)])[0].ok

    def note(self, key: str, text: str) -> None:
        """A write that asks the owner for nothing goes into the event log; nobody waits for that.

        A few at a time: a flood must not fill the owner's inbox. The rest is counted only.
        """
        self._noted = [noted for noted in self._noted if not noted.done()]
        if len(self._noted) >= MOST_NOTES:
            self._count("writes_not_logged")
            return
        try:
            self._noted.append(self._bus.post(NoteWrite(key, text, self._source)))
        except BusyError:
            self._count("writes_not_logged")

    def switch_unsolicited(self, is_on: bool) -> None:
        """Functions 20 and 21 have changed whether events are sent unasked; nobody waits."""
        try:
            self._bus.post(SwitchUnsolicited(is_on, self._source))
        except BusyError:
            self._count("writes_not_logged")

    @property
    def may_restart(self) -> bool:
        return self._bus.snapshot.settings["dnp3.cold_restart"] is True

    @property
    def restart_ms(self) -> int:
        """How long a restart takes, ms, with a margin: twice the start of this process, its stop
        and the pause of the service manager (RestartSec). Not known while listeners wait for their
        ports: the most."""
        least, most = RESTART_MS
        start_s = self._bus.start_s
        if start_s is None:
            return most
        return min(max(1000 * math.ceil(2.0 * start_s + STOP_S), least), most)

    # --- from the wire to commands ---------------------------------------------------------------

    def _ask(self, control: Control) -> Ask:
        command = control.command
        if isinstance(command, ControlRelayOutputBlock):
            value = _crob_value(command)
            if isinstance(value, Answer):
                return value
            return self._binary_ask(control.index, value)
        if control.index not in ANALOG:
            return Answer(False, "unknown", f"There is no analog output {control.index}.")
        raw = float(command.value)
        if not math.isfinite(raw) or not raw.is_integer():
            return Answer(False, "range", f"{command.value} is no whole number.")
        return self._command(ANALOG[control.index][1].write, int(raw))

    def _binary_ask(self, index: int, value: int) -> Ask:
        if index not in BINARY:
            return Answer(False, "unknown", f"There is no binary output {index}.")
        return self._command(BINARY[index][1].write, value)

    def _command(self, write: Write, raw: int) -> Ask:
        """The one command (or the verdict) that a written number means by the point table."""
        if self._bus.snapshot.settings["dnp3.writes"] is not True:
            self._count("writes_refused")
            return NOT_ALLOWED
        try:
            value = decode_write(write, raw)
        except ValueError as error:
            return Answer(False, "range", str(error))
        if write.command == "reset_data":
            if value:
                return ResetData(source=self._source)
            return NoteWrite(*NO_RESET, self._source)  # C11: 0 does nothing
        if write.command == "start_stop":
            return StartTest(source=self._source) if value else StopTestCommand(self._source)
        if (write.low, write.high) == (0, 1):
            value = bool(value)
        return ChangeSettings({write.setting: value}, self._source, from_wire=True)

    # --- answers ---------------------------------------------------------------------------------

    def _answers(self, asks: Sequence[Ask]) -> Sequence[Answer]:
        verdicts, self.verdicts = self.verdicts, None
        if verdicts is not None and len(verdicts) == len(asks):
            return [_settled(ask, answer) for ask, answer in zip(asks, verdicts, strict=True)]
        if all(isinstance(ask, Answer) for ask in asks):
            return [ask for ask in asks if isinstance(ask, Answer)]
        raise AnswerPending(asks)

    def _checked(self, ask: Ask) -> Answer:
        """What can be told without the owner: points, ranges and the settings' own limits."""
        if isinstance(ask, Answer):
            return ask
        if isinstance(ask, ChangeSettings):
            try:
                self._bus.snapshot.settings.with_changes(ask.changes)
            except SettingError as error:
                return Answer(False, "range", str(error))
        return DONE

    def _post(self, ask: Ask) -> Answer:
        """Hand over a command whose answer nobody waits for."""
        if isinstance(ask, Answer):
            return ask
        try:
            self._bus.post(ask)
        except BusyError as error:
            return Answer(False, "busy", str(error))
        return DONE


def _settled(ask: Ask, answer: Answer) -> Answer:
    """Stopping where no test runs (or while it is returning) is no refusal: it is so already."""
    is_so = isinstance(ask, StopTestCommand) and answer.code == "not_running"
    return DONE if is_so else answer


def _crob_value(block: ControlRelayOutputBlock) -> int | Answer:
    """A relay block as 1 or 0: latch on/off, or a pulse (close or plain = 1, trip = 0)."""
    if block.queued:
        return Answer(False, "range", "The queue bit is obsolete.")
    if block.count != 1:
        return Answer(False, "unsupported", "One operation a request.")
    if block.operation is OperationType.LATCH_ON:
        return 1
    if block.operation is OperationType.LATCH_OFF:
        return 0
    if block.operation is OperationType.PULSE_ON and block.trip_close in (
        TripCloseCode.NUL,
        TripCloseCode.CLOSE,
    ):
        return 1
    if block.operation is OperationType.PULSE_ON and block.trip_close is TripCloseCode.TRIP:
        return 0
    return Answer(False, "unsupported", "Latch on, latch off or pulse on are understood.")
