"""Metrics: every point for Prometheus, in its text format 0.0.4."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Final

from btrmd.model.points import POINT
from btrmd.model.readings import BAD, MISSING
from btrmd.model.snapshot import Snapshot

from ..share import SHARE_COUNTS

MIMETYPE: Final = "text/plain; version=0.0.4"

# Prometheus wants the unit, spelt out, at the end of the name.
_SUFFIX: Final = {
    "V": "_volts",
    "A": "_amperes",
    "Ah": "_ampere_hours",
    "W": "_watts",
    "h": "_hours",
    "min": "_minutes",
    "s": "_seconds",
    "%": "_percent",
    "°C": "_celsius",
    "": "",
}


def encode_metrics(
    snapshot: Snapshot,
    version: str,
    streams: int,
    gauges: Mapping[str, float],
    counts: Mapping[str, Mapping[str, int]] = {},
) -> str:
    """The whole page. A value that is not known is left out; its quality is not.

    `gauges`: figures of the daemon itself (Bus.gauges); `counts` what each server counts. Numbers
    and booleans are gauges; a text is a label of a gauge that is 1; a list is one gauge an entry.
    """
    lines = [
        "# HELP btrm_build_info Version of btrmd.",
        "# TYPE btrm_build_info gauge",
        f'btrm_build_info{{version="{_escape(version)}"}} 1',
        "# HELP btrm_ticking Whether the owner loop ticks.",
        "# TYPE btrm_ticking gauge",
        f"btrm_ticking {int(snapshot.is_ticking)}",
        "# HELP btrm_stream_clients Pages that are told of changes.",
        "# TYPE btrm_stream_clients gauge",
        f"btrm_stream_clients {streams}",
    ]
    for name, value in gauges.items():
        lines += [f"# TYPE btrm_{name} gauge", f"btrm_{name} {value:.6f}"]
    lines += _count_lines(counts)
    for key, reading in snapshot.points.items():
        point = POINT.get(key)
        if point is None:
            continue
        name = f"btrm_{key.replace('.', '_')}{_SUFFIX.get(point.unit, '')}"
        is_known = reading.quality is not BAD and reading.quality is not MISSING
        samples = _samples(name, reading.value) if is_known else []
        if samples:
            lines.append(f"# HELP {name} {point.help.replace(chr(10), ' ')}")
            lines.append(f"# TYPE {name} gauge")
            lines.extend(samples)
    lines.append("# HELP btrm_point_good Whether a point can be trusted now.")
    lines.append("# TYPE btrm_point_good gauge")
    lines.extend(
        f'btrm_point_good{{point="{key}"}} {int(reading.is_good)}'
        for key, reading in snapshot.points.items()
    )
    return "\n".join(lines) + "\n"


def _count_lines(counts: Mapping[str, Mapping[str, int]]) -> list[str]:
    """Connections of the listeners, and whatever else the servers count."""
    lines = []
    for what in SHARE_COUNTS:
        kind, ending = ("gauge", "") if what == "connections" else ("counter", "_total")
        name = f"btrm_listener_{what}{ending}"
        found = {server: some[what] for server, some in sorted(counts.items()) if what in some}
        lines.append(f"# TYPE {name} {kind}")
        lines += [f'{name}{{listener="{server}"}} {count}' for server, count in found.items()]
    lines.append("# TYPE btrm_server_count_total counter")
    for server, some in sorted(counts.items()):
        lines += [
            f'btrm_server_count_total{{server="{server}",what="{_escape(what)}"}} {count}'
            for what, count in sorted(some.items())
            if what not in SHARE_COUNTS
        ]
    return lines


def _samples(name: str, value: object) -> list[str]:
    if isinstance(value, bool):
        return [f"{name} {int(value)}"]
    if isinstance(value, int):
        return [f"{name} {value}"]
    if isinstance(value, float):
        return [f"{name} {round(value, 6)!r}"] if math.isfinite(value) else []
    if isinstance(value, str):
        return [f'{name}{{value="{_escape(value)}"}} 1']
    if isinstance(value, tuple):
        return [f'{name}{{value="{_escape(str(entry))}"}} 1' for entry in value]
    return []


def _escape(text: str) -> str:
    return text.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
