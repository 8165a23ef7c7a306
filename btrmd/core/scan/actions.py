"""Actions: what a step asks the shell to do besides driving the outputs."""

from __future__ import annotations

from typing import NamedTuple

from ...model.commands import Answer, Calibrate, ChangeSettings
from ...model.discharge import TestRecord
from ...model.events import Event


class Tell(NamedTuple):
    """Number, store and publish this event."""

    event: Event


class SaveRecord(NamedTuple):
    """Store the record; `curve` True: from now on its curve is recorded, time 0 = now.

    `finished` True: the record is final; store it durably with the rest of its curve.
    """

    record: TestRecord
    curve: bool = False
    finished: bool = False


class WantEstimate(NamedTuple):
    """Estimate discharge `n` from its curve so far and answer with EstimateReady."""

    n: int


class Reply(NamedTuple):
    """The answer to the command at `position` of this step's commands."""

    position: int
    answer: Answer


class Forward(NamedTuple):
    """The core allows this command at `position`; the shell carries it out and answers it."""

    position: int
    command: ChangeSettings | Calibrate


class RestoreSettings(NamedTuple):
    """Put the settings of a group back to their defaults ("battery" by PB2, "network" by PB1)."""

    group: str
    source: str


class ClearTests(NamedTuple):
    """Mark the stored test results as cleared by a data reset."""

    source: str


class ForgetBattery(NamedTuple):
    """The battery was replaced after discharge `last_n`: what is up to it tells nothing of this
    one. It stays in the history."""

    last_n: int


class Restart(NamedTuple):
    """Restart the daemon, and nothing else of the machine."""

    source: str


class Persist(NamedTuple):
    """The state that must survive a restart has changed: store core.persist.dump(state)."""


Action = (
    Tell
    | SaveRecord
    | WantEstimate
    | Reply
    | Forward
    | RestoreSettings
    | ClearTests
    | ForgetBattery
    | Restart
    | Persist
)
