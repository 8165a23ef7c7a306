"""The message: one event as RFC 5424 has it, its facts as structured data."""

from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import UTC, datetime
from socket import gethostname
from types import MappingProxyType
from typing import Final

from ... import __version__
from ...model.alarms import Severity
from ...model.events import Event, Kind, raised_severity
from ...model.point import ENTERPRISE
from ...model.settings import Settings
from ...model.value_text import plain_value

APP_NAME: Final = "btrmd"
SD_ID: Final = f"btrm@{ENTERPRISE[-1]}"
NIL: Final = "-"
BOM: Final = "\N{ZERO WIDTH NO-BREAK SPACE}"  # RFC 5424 6.4: what follows is UTF-8
FACILITY: Final = {"daemon": 3, **{f"local{n}": 16 + n for n in range(8)}}
CRITICAL, ERROR, WARNING, NOTICE, INFORMATIONAL = 2, 3, 4, 5, 6
# Minor and warning as RFC 5674 (section 2) has them, critical and major one step less grave than
# there: what a collector's filters were made for.
RAISED: Final[Mapping[Severity, int]] = MappingProxyType(
    {"critical": CRITICAL, "major": ERROR, "minor": ERROR, "warning": WARNING,
     "info": INFORMATIONAL}
)  # fmt: skip
HOST_MOST: Final = 255  # characters, printable ASCII
PARAM_MOST: Final = 200  # characters of a value
TEXT_MOST: Final = 800  # so that a message stays below the 2048 octets a server should take


def syslog_message(event: Event, settings: Settings, serial: str) -> bytes:
    """Printable UTF-8 on one line. `serial`: the unit's, "" = not known."""
    facility = FACILITY[settings.text("syslog.facility")]
    head = " ".join(
        (f"<{facility * 8 + severity(event)}>1", timestamp(event.at), _host(), APP_NAME,
         str(os.getpid()), event.kind.value)
    )  # fmt: skip
    text = _plain(event.text)[:TEXT_MOST]
    mark = "" if text.isascii() else BOM
    return f"{head} {_facts(event, settings, serial)} {mark}{text}".encode()


def severity(event: Event) -> int:
    """Of what is raised by RAISED; else 5 notice (cleared, changed), 6 informational (somebody's
    command, and what nobody is to be told of, R86)."""
    if not event.notify or event.kind is Kind.COMMAND:
        return INFORMATIONAL
    raised = raised_severity(event)
    return NOTICE if raised is None else RAISED[raised]


def timestamp(at: float) -> str:
    """UTC to the millisecond."""
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _facts(event: Event, settings: Settings, serial: str) -> str:
    """Two elements: whose event, and of what software. A value that is not known is left out."""
    pairs = [
        ("key", event.key),
        ("event", str(event.n)),
        ("value", plain_value(event.value, ",")),
        ("threshold", plain_value(event.threshold, ",")),
        ("source", event.source),
        ("uptime", f"{event.uptime_s:.1f}"),
        ("name", settings.text("site.name")),
        ("location", settings.text("site.location")),
        ("serial", serial),
    ]
    shown = "".join(f' {name}="{_escaped(text)}"' for name, text in pairs if text)
    origin = f'[origin enterpriseId="{ENTERPRISE[-1]}" software="btrmd" swVersion="{__version__}"]'
    return f"[{SD_ID}{shown}]{origin}"


def _escaped(text: str) -> str:
    """RFC 5424 6.3.3."""
    plain = _plain(text)[:PARAM_MOST]
    return plain.replace("\\", "\\\\").replace('"', '\\"').replace("]", "\\]")


def _plain(text: str) -> str:
    return "".join(char if char.isprintable() else " " for char in text)


def _host() -> str:
    name = "".join(char for char in gethostname() if "!" <= char <= "~")[:HOST_MOST]
    return name or NIL
