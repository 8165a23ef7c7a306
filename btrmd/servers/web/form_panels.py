"""Panels: what a form page shows beside its form; live values, thresholds, addresses, maps."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

from flask import g

from btrmd.bus import Bus
from btrmd.docgen.event_text import with_names
from btrmd.model.schedule import format_waiting
from btrmd.model.settings import SETTINGS, Settings
from btrmd.model.snapshot import Snapshot
from btrmd.model.thresholds import Thresholds
from btrmd.model.value_text import format_number

from .card import format_refusal
from .network_change import change_panel
from .network_live import read_network
from .point_map import dnp3_rows, modbus_rows
from .roles import Role
from .routes import may_change
from .services import Services
from .wording import NOTHING, Cell, format_duration, format_short, format_time, make_cell

CHANNELS: Final = (
    ("CH1", ("io1.voltage", "io1.digital", "io1.output")),
    ("CH2", ("io2.voltage", "io2.digital", "")),
    ("CH3", ("io3.voltage", "", "")),
    ("CH4", ("io4.voltage", "", "")),
)
CH2_OUTPUT: Final = "io2.output"  # only where the site file makes CH2 an output (C5)

# Label and field of Thresholds, in the order of a person's questions.
THRESHOLDS: Final = (
    ("A test starts above", "start_v"),
    ("A test ends below", "cutoff_v"),
    ("Low battery voltage alarm below", "low_battery_v"),
    ("Low battery voltage alarm clears at", "low_battery_clear_v"),
    ("Low Voltage Load Disconnect: off below", "lvd_open_v"),
    ("Low Voltage Load Disconnect: on above", "lvd_close_v"),
    ("UPS Mode: transfer to battery when load is less than", "ups_transfer_v"),
    ("UPS Mode: back when supply is above", "supply_present_v"),
    ("Supply is present at", "supply_present_v"),
    ("Charger is present at", "charger_present_v"),
)


class ListenerRow(NamedTuple):
    """A listener in words; `state` open|shut|off."""

    name: str
    address: str
    state: str
    text: str


def listener_row(name: str, bus: Bus) -> ListenerRow:
    """The state of the listener `name`, off where nothing was ever asked of it."""
    listener = bus.listeners.get(name)
    if listener is None or not (listener.address or listener.fault):
        return ListenerRow(name, "", "off", "off")
    if listener.address:
        fault = f"; {listener.fault}" if listener.fault else ""
        return ListenerRow(name, listener.address, "open", f"listens on {listener.address}{fault}")
    return ListenerRow(name, "", "shut", listener.fault)


def next_test_panel(services: Services, snapshot: Snapshot) -> Mapping[str, object]:
    """When the next scheduled test begins, and how long it may last."""
    settings = snapshot.settings
    left = snapshot.points["test.next"].value
    if not settings.flag("test.enabled"):
        text = "Scheduled tests are not enabled."
    elif snapshot.waiting is not None:
        text = with_names(format_waiting(snapshot.waiting, snapshot.at, format_short))
    elif not isinstance(left, int | float):
        text = "No further test is scheduled: the interval is 0."
    else:
        text = f"The next scheduled test begins {_format_begin(left, snapshot)}."
        text += f" It {_format_length(settings)}; it may wait up to 72 h for a rested battery"
        text += "." if _is_always(settings) else ", and for the test window."
    return {"next_test": text, "refusal": format_refusal(snapshot)}


def _format_begin(left_s: float, snapshot: Snapshot) -> str:
    """When, in `left_s` s; without a date while the clock is not set."""
    if any(alarm.key == "clock" for alarm in snapshot.alarms):
        return f"in {format_duration(left_s)}; the clock is not set, so that has no date"
    return f"at {format_time(snapshot.at + left_s)}"


def _is_always(settings: Settings) -> bool:
    keys = ("test.window_days", "test.window_from_h", "test.window_to_h", "test.blackout")
    return all(settings[key] == SETTINGS[key].default for key in keys)


def _format_length(settings: Settings) -> str:
    if settings["test.type"] == 2:
        return f"runs for {format_duration(settings.integer('test.type2_min') * 60)} at most"
    return "runs for 1 to 4 h, as load and battery rating ask for"


def port_panel(services: Services, snapshot: Snapshot) -> Mapping[str, object]:
    """Live values of the channels, and every threshold at every voltage of this model."""
    settings = snapshot.settings
    channels: list[tuple[str, list[Cell | None]]] = []
    for name, keys in CHANNELS:
        if name == "CH2" and settings.site.ch2_output:
            keys = (*keys[:2], CH2_OUTPUT)
        channels.append((name, [make_cell(key, snapshot) if key else None for key in keys]))
    voltages = settings.site.voltages
    plain = settings.with_changes({"test.type2_minimum_mv": settings["test.type2_minimum_mv"]})
    columns = [
        Thresholds.of(plain.with_changes({"system.voltage": voltage})) for voltage in voltages
    ]
    rows = [
        (label, [format_number(getattr(column, field), 2, "V") for column in columns])
        for label, field in THRESHOLDS
    ]
    return {
        "channels": channels,
        "voltages": voltages,
        "now_v": settings["system.voltage"],
        "thresholds": rows,
        "battery": make_cell("battery.voltage", snapshot),
        "overcurrent": columns[0].overcurrent_a,
    }


def email_panel(services: Services, snapshot: Snapshot) -> Mapping[str, object]:
    """Whether the unit can send mail at all."""
    return {"has_mailer": services.mail_tester is not None}


def network_panel(services: Services, snapshot: Snapshot) -> Mapping[str, object]:
    """The addresses the host really has, what listens on them, and how a change stands."""
    stored = {
        name: snapshot.settings.text(f"network.{name}") for name in ("address", "host_name", "mask")
    }
    return {
        **change_panel(services, snapshot),
        "stored": stored,
        "live": read_network(),
        "listeners": [listener_row(name, services.bus) for name in ("http", "https")],
        "nothing": NOTHING,
    }


def dnp3_modbus_panel(services: Services, snapshot: Snapshot) -> Mapping[str, object]:
    """Listeners, counters and both point maps with the values a master would read now."""
    bus = services.bus
    counts = bus.counts
    return {
        "listeners": [listener_row(name, bus) for name in ("modbus", "dnp3", "serial")],
        "counts": [
            (name, label.replace("_", " "), count)
            for name in ("modbus", "dnp3", "serial")
            for label, count in sorted(counts.get(name, {}).items())
        ],
        "modbus_map": modbus_rows(snapshot),
        "dnp3_map": dnp3_rows(snapshot),
    }


# What reports as a listener, in the order of the page, and how it is where it goes.
INTEGRATIONS: Final = {
    "mqtt": "is connected to",
    "webhook": "posts to",
    "syslog": "sends to",
    "radius": "asks",
    "nut": "listens on",
}


def integrations_panel(services: Services, snapshot: Snapshot) -> Mapping[str, object]:
    """Whom the unit tells of itself, and how that stands."""
    rows = {name: _reported(listener_row(name, services.bus)) for name in INTEGRATIONS}
    server = snapshot.settings.text("syslog.server")
    if snapshot.settings.flag("syslog.enabled") and server and rows["syslog"].state == "off":
        # It reports what fails only: a datagram is answered by nobody.
        rows["syslog"] = ListenerRow("syslog", server, "open", f"sends to {server}")
    return {
        "listeners": list(rows.values()),
        "serial": snapshot.points["system.serial"].value or "not known",
        "can_test": may_change(g.session, Role.OPERATOR, snapshot.settings),
    }


def _reported(listener: ListenerRow) -> ListenerRow:
    """What calls does not listen."""
    return listener._replace(text=listener.text.replace("listens on", INTEGRATIONS[listener.name]))


def snmp_panel(services: Services, snapshot: Snapshot) -> Mapping[str, object]:
    """The agent's listener and counters."""
    bus = services.bus
    counts = sorted(bus.counts.get("snmp", {}).items())
    return {
        "listeners": [listener_row("snmp", bus)],
        "counts": [("snmp", label.replace("_", " "), count) for label, count in counts],
        "can_trap": may_change(g.session, Role.OPERATOR, snapshot.settings),
    }
