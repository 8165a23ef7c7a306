"""The Help page (manual 10.3): addressing, buttons, IO, wiring, ports and the trap set-up."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

from btrmd.model.point import ENTERPRISE
from btrmd.model.service import LIMITS, STALL_S
from btrmd.model.settings import SETTINGS
from btrmd.model.snmp_tree import TRAP_ENTRY, TRAP_TABLE

from .form_panels import ListenerRow, listener_row
from .pages import Pages
from .routes import Route, RouteAccess

PATH: Final = "/help"
TITLE: Final = "Help"

FUSES_A: Final[Mapping[str, int]] = {"300": 25, "400": 15}  # in the battery lead, R190
RATINGS: Final[Mapping[str, tuple[int, int]]] = {"300": (30, 20), "400": (60, 10)}  # V, A: R2, R3
MODELS: Final = ("300", "400")
VOLTAGES: Final[Mapping[str, str]] = {"300": "12 or 24 V", "400": "12, 24, 36 or 48 V"}

# Manual 14.3, and what is added: function, transport, listener, its default port.
PORTS: Final = (
    ("Web Page Access (http)", "TCP", "http", "80"),
    ("Web Page Access (https)", "TCP", "https", "443"),
    ("SNMP Management Access", "UDP", "snmp", "161"),
    ("DNP3", "TCP", "dnp3", "20000"),
    ("Modbus", "TCP", "modbus", "502"),
    ("NUT", "TCP", "nut", "3493"),
    ("RS232 Serial", "line", "serial", "-"),
)


class Port(NamedTuple):
    """One line of the port table."""

    function: str
    transport: str
    default: str
    listener: ListenerRow


class HelpPage:
    """The view of the page."""

    def __init__(self, pages: Pages) -> None:
        self._pages = pages

    def show(self) -> str:
        services = self._pages.services
        settings = services.bus.snapshot.settings
        model = settings.site.model
        base = ".".join(str(arc) for arc in (*ENTERPRISE, *TRAP_ENTRY))
        oids = {column.name: f"{base}.{column.number}" for column in TRAP_TABLE}
        return self._pages.render(
            "help.html",
            TITLE,
            addresses=[
                (SETTINGS[f"network.{name}"].label, SETTINGS[f"network.{name}"].default)
                for name in ("address", "gateway", "mask", "dns1")
            ],
            site_model=model,
            fuses=FUSES_A,
            models=[(name, *RATINGS[name], FUSES_A[name], VOLTAGES[name]) for name in MODELS],
            ports=[
                Port(function, transport, default, listener_row(name, services.bus))
                for function, transport, name, default in PORTS
            ],
            mail_port=settings["email.port"],
            trap_ports=[settings[f"snmp.trap{row}.port"] for row in (0, 1)],
            oids=oids,
            limits=list(LIMITS.values()),
            stall_s=int(STALL_S),
            provisioned=services.provisioned(),
        )


def help_routes(pages: Pages) -> list[Route]:
    """The page."""
    return [Route("GET", PATH, HelpPage(pages).show, RouteAccess.PAGE)]
