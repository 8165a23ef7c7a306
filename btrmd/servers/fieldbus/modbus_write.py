"""Modbus writes: coils and holding registers as commands, refusals as exception codes."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from ...model.commands import (
    Answer,
    ChangeSettings,
    Command,
    NoteWrite,
    ResetData,
    StartTest,
    StopTest,
)
from ...model.encoding import decode_write
from ...model.point import Coil, HoldingRegister, Write
from ...model.readings import Value
from ...model.snapshot import Snapshot
from .context import NO_RESET, FieldbusContext
from .modbus_image import COILS, HOLDING
from .modbus_request import (
    DEVICE_BUSY,
    DEVICE_FAILURE,
    ILLEGAL_ADDRESS,
    ILLEGAL_VALUE,
    ModbusFault,
    WriteCoils,
    WriteRegisters,
)

_IN_TEST: Final = ("proving", "running", "returning")


def commands(request: WriteCoils | WriteRegisters, source: str) -> list[Command]:
    """What the values written mean, in the order of their addresses; settings in one change.

    Raises ModbusFault: 2 outside the table, 3 for a value that can never be allowed.
    """
    table = COILS if isinstance(request, WriteCoils) else HOLDING
    found: list[Command] = []
    changes: dict[str, Value] = {}
    if any(request.address + n not in table for n in range(len(request.values))):
        raise ModbusFault(ILLEGAL_ADDRESS)
    for address, raw in enumerate(request.values, request.address):
        write = _write_of(table[address][1])
        try:
            value = decode_write(write, raw)
        except ValueError:
            raise ModbusFault(ILLEGAL_VALUE) from None
        if write.setting:
            if not changes:
                found.append(ChangeSettings(changes, source, from_wire=True))
            changes[write.setting] = value
        elif write.command == "start_stop":
            found.append(StartTest(source=source) if raw else StopTest(source=source))
        else:
            found.append(ResetData(source=source) if raw else NoteWrite(*NO_RESET, source))
    return found


async def carry_out(context: FieldbusContext, wanted: Iterable[Command]) -> None:
    """Have the owner do it, one after the other. Raises ModbusFault for the first refusal."""
    for command in wanted:
        answer = await context.bus.submit_async(command)
        if not answer.ok and not _is_so_already(command, answer):
            raise ModbusFault(exception_of(answer, context.bus.snapshot))


def exception_of(answer: Answer, snapshot: Snapshot) -> int:
    """03 for a range, else 06 while a test runs (or the owner is busy), else 04."""
    if answer.code == "range":
        return ILLEGAL_VALUE
    in_test = snapshot.points["test.state"].value in _IN_TEST
    return DEVICE_BUSY if in_test or answer.code == "busy" else DEVICE_FAILURE


def _is_so_already(command: Command, answer: Answer) -> bool:
    """0 to coil 3 while it reads 0, or while the test is on its way back: nothing is refused."""
    return isinstance(command, StopTest) and answer.code == "not_running"


def _write_of(binding: Coil | HoldingRegister) -> Write:
    return binding.write
