"""The System Status page: the manual's two tables (7.1), the alarms and the test card."""

from __future__ import annotations

from collections.abc import Mapping
from operator import attrgetter
from typing import Final, NamedTuple

from btrmd.docgen.advice import advise
from btrmd.docgen.event_text import with_names
from btrmd.model.alarms import worst_first
from btrmd.model.snapshot import Snapshot

from .card import Card, make_card
from .encode import iso_time
from .flow import FLOW_KEYS, Flow, format_flow, make_flow
from .status_sparks import Spark
from .wording import Cell, format_alarm_state, format_time, make_cell

STATUS_KEYS: Final = (
    "battery.voltage",
    "battery.current",
    "load.current",
    "supply.voltage",
    "system.temperature",
    "capacity.state",
)
MODE_KEYS: Final = ("test.running", "ups.enabled", "ups.on_battery", "system.voltage")
UPTIME: Final = "system.uptime"
LVD: Final = "lvd.enabled"
CHANNELS: Final = (
    ("CH1", "io1.voltage", "io1.digital", "io1.output"),
    ("CH2", "io2.voltage", "io2.digital", ""),
    ("CH3", "io3.voltage", "", ""),
    ("CH4", "io4.voltage", "", ""),
)
CH2_OUTPUT: Final = "io2.output"  # only where the site file makes CH2 an output (C5)
CELLS: Final = frozenset(
    (
        *STATUS_KEYS,
        *MODE_KEYS,
        *(key for _, *keys in CHANNELS for key in keys),
        CH2_OUTPUT,
        UPTIME,
        LVD,
    )
) - {""}


class ChannelView(NamedTuple):
    """One row of IO Channels; None = the manual leaves the place empty."""

    name: str
    cells: tuple[Cell | None, ...]


class AlarmLine(NamedTuple):
    """One active or latched alarm in words."""

    key: str
    text: str
    since: str
    state: str
    is_acknowledged: bool
    advice: str


class StatusPage(NamedTuple):
    """All the page shows, from one snapshot."""

    status: tuple[Cell, ...]
    modes: tuple[Cell, ...]
    channels: tuple[ChannelView, ...]
    uptime: Cell
    lvd: Cell
    alarms: tuple[AlarmLine, ...]
    card: Card
    flow: Flow
    sparks: Mapping[str, Spark]
    is_ticking: bool
    faults: tuple[str, ...]
    at: str
    at_iso: str


def live_texts(key: str, snapshot: Snapshot) -> dict[str, str]:
    """How the page writes a point: `text` in its cell, `flow` in the picture; empty where it shows
    it nowhere."""
    texts = {}
    if key in CELLS:
        texts["text"] = make_cell(key, snapshot).text
    if key in FLOW_KEYS:
        texts["flow"] = format_flow(key, snapshot)
    return texts


def make_status_page(snapshot: Snapshot, sparks: Mapping[str, Spark] = {}) -> StatusPage:
    """The page of `snapshot`; `sparks`: the last hour of the values that have one."""
    return StatusPage(
        tuple(make_cell(key, snapshot) for key in STATUS_KEYS),
        tuple(make_cell(key, snapshot) for key in MODE_KEYS),
        _channels(snapshot),
        make_cell(UPTIME, snapshot),
        make_cell(LVD, snapshot),
        tuple(
            AlarmLine(
                alarm.key,
                alarm.text,
                format_time(alarm.since),
                format_alarm_state(alarm),
                alarm.acknowledged,
                advise(alarm.key, snapshot),
            )
            for alarm in worst_first(snapshot.alarms, attrgetter("key"))
        ),
        make_card(snapshot),
        make_flow(snapshot),
        sparks,
        snapshot.is_ticking,
        tuple(map(with_names, snapshot.faults)),
        format_time(snapshot.at),
        iso_time(snapshot.at) or "",
    )


def _channels(snapshot: Snapshot) -> tuple[ChannelView, ...]:
    rows = []
    for name, *keys in CHANNELS:
        if name == "CH2" and snapshot.settings.site.ch2_output:
            keys[-1] = CH2_OUTPUT
        rows.append(
            ChannelView(name, tuple(make_cell(key, snapshot) if key else None for key in keys))
        )
    return tuple(rows)
