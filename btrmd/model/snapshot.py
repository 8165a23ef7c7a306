"""A snapshot: everything a server may show, taken whole at one instant."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from .discharge import TestRecord
from .readings import Reading
from .schedule import StartRefusal, StartWait
from .settings import Settings


class AlarmView(NamedTuple):
    """An active or latched alarm. `since` wall time s; `text` one sentence for people."""

    key: str
    text: str
    since: float
    active: bool
    latched: bool
    acknowledged: bool


class Precheck(NamedTuple):
    """One condition of a test's start. `text`: how it stands, or one sentence why it forbids."""

    name: str
    ok: bool
    text: str


class Snapshot(NamedTuple):
    """Immutable; a request takes the reference once and answers wholly from it.

    `seq` rises with every publication. `mono` is the process clock (s since start), `at` wall
    time. `points` holds every key of the point table.
    """

    seq: int
    at: float
    mono: float
    points: Mapping[str, Reading]
    alarms: tuple[AlarmView, ...]
    settings: Settings
    test: TestRecord | None  # the running test or outage
    last_test: TestRecord | None  # the last finished capacity test since the last reset
    is_ticking: bool = True  # False once the owner loop has fallen, or hung for 5 s
    faults: tuple[str, ...] = ()  # sentences: servers that cannot bind, storage, self-test findings
    prechecks: tuple[Precheck, ...] = ()  # what a start of a test would be asked, 1 s old at most
    waiting: StartWait | None = None  # a scheduled test that is due and has not begun
    refusal: StartRefusal | None = (
        None  # the last start that was refused; None once a test has begun
    )
    replace_at: float | None = None  # wall s by which the battery must be replaced; None = not soon
    is_change_suspected: bool = False  # by the last discharge; not confirmed yet
