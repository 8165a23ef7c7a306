"""The first snapshot and the recovered state: what the servers show before the first tick."""

from __future__ import annotations

from collections.abc import Mapping

from .. import __build_date__, __version__
from ..core.machines.capacity import adopt
from ..core.machines.schedule import Schedule
from ..core.persist import restore, was_interrupted
from ..core.publish import points
from ..core.recover import closed_after_death
from ..core.scan.setpoints import Setpoints
from ..core.state import State, new_state
from ..model.alarms import ALARM, SETTINGS_LOST
from ..model.board import Inputs
from ..model.discharge import TestRecord
from ..model.events import Event, Kind
from ..model.readings import Value
from ..model.settings import SETTINGS, Settings
from ..model.snapshot import Snapshot
from ..store.history_db import HistoryDb, Recovered
from ..store.settings_file import NAME, SettingsFile
from ..store.writer import Writer

NAMED = 12  # settings that are told by name, of those that a file has wrong


def identity(settings: Settings, serial: str) -> dict[str, Value]:
    """What About shows: model, firmware version, build date (manual 10.5), serial number."""
    return {
        "system.model": f"BTRM{settings.site.model}",
        "system.firmware": __version__,
        "system.build_date": __build_date__,
        "system.serial": serial,
    }


def recovered_state(
    found: Recovered, history: HistoryDb, settings: Settings, now: float, wall: float, boot_id: str
) -> tuple[State, tuple[TestRecord, ...]]:
    """The core's state with what the last run left, and the records it left open, now closed."""
    stored: Mapping[str, object] = found.state or {}
    state = new_state(Setpoints.of(settings), now)
    state = state._replace(next_n=found.last_test + 1)
    delayed = stored.get("delayed")
    goes_on = delayed.get("n") if isinstance(delayed, dict) else None
    left = found.waiting if found.unfinished is None else (found.unfinished, *found.waiting)
    closed: list[TestRecord] = []
    interrupted = False
    for record in left:
        if record.state == "delayed" and record.n == goes_on:
            continue
        rows = found.curve if record is found.unfinished else ()
        last_s = rows[-1].time_s if rows else None
        closed.append(closed_after_death(record, wall, last_s, rows))
        interrupted = interrupted or was_interrupted(record, stored)
    records: dict[int, TestRecord] = {}
    for key in ("last_n", "measured_n"):
        n = stored.get(key)
        known = history.test(n) if isinstance(n, int) else None
        if known is not None:
            records[known.n] = known
    state = restore(state, stored, wall, records, interrupted, boot_id)
    hours = settings.site_default("test.next_h")
    if "schedule" not in stored and isinstance(hours, int | float):  # a new unit's first test
        first = Schedule(left_s=hours * 3600.0, interval_s=state.setpoints.interval_s)
        state = state._replace(schedule=first)
    for record in reversed(closed):
        if record.type != "outage":
            health = adopt(state.health, record)
            state = state._replace(health=health, last_reason=record.reason)
    return state, tuple(closed)


def history_loss(lost: str, at_start: bool) -> str:
    """What people are told of a history that is gone: `lost` says in a few words what became of it.

    At a start what was latched is gone with it; no relay that had failed forbids a test any more.
    """
    if not at_start:
        return f"{lost}: the results and events so far are gone. Check the memory card."
    return (
        f"{lost}: results, events and what was latched before this start (relay faults, low "
        "battery capacity) are gone. Check the memory card, acknowledge this and test the battery."
    )


def settings_loss(file: SettingsFile, was_there: bool) -> str:
    """What people are told of settings that are at their defaults though somebody had set them; ""
    when all are as they were. `was_there`: the last run has left a settings file."""
    if file.is_lost:
        return ALARM[SETTINGS_LOST].text
    if file.refused:
        keys = [
            error.key if error.key in SETTINGS else ascii(error.key[:40]) for error in file.refused
        ]
        more = f" and {len(keys) - NAMED} more" if len(keys) > NAMED else ""
        return (
            "Not allowed in the settings file, so that the defaults apply: "
            f"{', '.join(keys[:NAMED])}{more}. Set them again; the file is kept beside the next."
        )
    if was_there and not file.path.exists():
        return (
            "The settings file is missing: the unit runs on its defaults, also for mail and traps. "
            "Set it up again or import a backup."
        )
    return ""


def refused_events(file: SettingsFile, wall: float) -> tuple[Event, ...]:
    """A line of the log for each setting of the file that was not taken over: its value and what is
    allowed."""
    return tuple(
        Event(
            0, wall, 0.0, error.key if error.key in SETTINGS else SETTINGS_LOST, Kind.CHANGE, None,
            None, "core", f"{NAME}: {error} The default is used.", False,
        )
        for error in file.refused[:NAMED]
    )  # fmt: skip


def store_closed(writer: Writer, closed: TestRecord, wall: float) -> None:
    """Write the record a dead daemon left open, and tell of it."""
    word = "test" if closed.type != "outage" else "outage"
    event = Event(
        0, wall, 0.0, "test.result", Kind.CHANGE, closed.result, None, "core",
        f"The daemon had stopped in {word} {closed.n}; it is closed as {closed.result}.",
    )  # fmt: skip
    writer.commit(test=closed, events=(event,), finish=True)


def first_snapshot(state: State, settings: Settings, wall: float, serial: str) -> Snapshot:
    """Every point missing, until the first scan."""
    inputs = Inputs(wall=wall)
    return Snapshot(
        seq=0,
        at=wall,
        mono=0.0,
        points=points(state, inputs, identity(settings, serial), state.boot),
        alarms=(),
        settings=settings,
        test=None,
        last_test=state.health.last,
    )
