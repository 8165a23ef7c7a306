"""The test notification: one to every receiver that is on, and what became of each, in words."""

from __future__ import annotations

import select
import time
from contextlib import ExitStack
from typing import Final

from ...bus import Bus
from ...model.commands import Answer, SendTestTrap
from ...model.events import Event, Kind
from ...model.setting_snmp import TRAP_ROWS
from ...model.snapshot import Snapshot
from ...snmp.engine import SnmpEngine
from .line import CannotSendError, Notice, TrapLine
from .message import Telling, telling
from .target import TrapTarget

TEST_S: Final = 5.0  # for all confirmations together
REPEAT_S: Final = 1.5
TEXT: Final = "Test notification."
NOBODY: Final = "No trap receiver is enabled."


def perform(host_command: SendTestTrap, bus: Bus, engine: SnmpEngine) -> Answer:
    """Does `host_command` on the caller's thread, as SendTestTrap promises."""
    snapshot = bus.snapshot
    lines: list[str] = []
    code = "ok"
    with ExitStack() as stack:
        waiting: dict[TrapLine, Notice] = {}
        for row in TRAP_ROWS:
            target = TrapTarget.of(row, snapshot.settings)
            if target is None:
                continue
            line = TrapLine(engine)
            stack.callback(line.close)
            notice = Notice.about(_reported(host_command, snapshot), target)
            try:
                line.send(notice, snapshot)
            except CannotSendError as error:
                code = "unreached"
                lines.append(f"The receiver {error}")
                continue
            if target.confirms:
                waiting[line] = notice
            else:
                who = f" by engine 0x{engine.id.hex()}" if target.user is not None else ""
                lines.append(f"A trap was sent to {target.where}{who}; traps are not confirmed.")
        for line, notice in _await(waiting, snapshot):
            where = notice.target.where
            if line not in waiting:
                lines.append(f"{where} has confirmed the inform.")
                continue
            code = "unconfirmed"
            why = f": it {line.trouble}" if line.trouble else ""
            lines.append(f"{where} did not confirm the inform within {TEST_S:g} s{why}.")
    if not lines:
        return Answer(False, "no_receiver", NOBODY, {"lines": [NOBODY]})
    return Answer(code == "ok", code, " ".join(lines), {"lines": lines})


def _await(waiting: dict[TrapLine, Notice], snapshot: Snapshot) -> list[tuple[TrapLine, Notice]]:
    """Those asked, in their order; whoever confirms leaves `waiting`. At most 5 s."""
    asked = list(waiting.items())
    end = time.monotonic() + TEST_S
    repeat = time.monotonic() + REPEAT_S
    while waiting and (now := time.monotonic()) < end:
        until = min(end, repeat)
        select.select(list(waiting), [], [], max(0.0, until - now))
        is_due = time.monotonic() >= repeat
        repeat += REPEAT_S if is_due else 0.0
        for line, notice in list(waiting.items()):
            try:
                if line.listen(notice, snapshot):
                    del waiting[line]
                elif is_due and not line.trouble:
                    line.send(notice, snapshot, is_repeat=True)
            except CannotSendError:
                continue  # it could leave a moment ago; it counts as not confirmed
    return asked


def _reported(host_command: SendTestTrap, snapshot: Snapshot) -> Telling:
    text = f"{TEXT} Asked for by {host_command.source}." if host_command.source else TEXT
    event = Event(
        0,
        snapshot.at,
        snapshot.mono,
        "snmp.test",
        Kind.RAISE,
        True,
        None,
        host_command.source,
        text,
    )
    reported = telling(event)
    assert reported is not None
    return reported
