"""`btrmd points` and `btrmd mib`: the point table and its MIB as texts; they need no daemon."""

from __future__ import annotations

import argparse
from typing import Any

from ..docgen.mib_text import mib_text
from ..docgen.point_text import points_json, points_markdown
from .output import table, write_json, write_lines
from .parsing import Verbs, add_json

SHORT = {
    "coil": "coil ",
    "discrete_input": "DI ",
    "input_register": "IR ",
    "holding_register": "HR ",
    "binary_input": "BI ",
    "analog_input": "AI ",
    "binary_output": "BO ",
    "analog_output": "AO ",
}


def add_parsers(verbs: Verbs) -> None:
    parser = verbs.add("points", run)
    form = parser.add_mutually_exclusive_group()
    add_json(form)
    form.add_argument("--markdown", action="store_true", help="print Markdown tables")
    verbs.add("mib", print_mib)


def run(args: argparse.Namespace) -> int:
    points: list[dict[str, Any]] = points_json()
    if getattr(args, "json", False):
        write_json({"points": points}, indent=1)
    elif args.markdown:
        write_lines(points_markdown().splitlines())
    else:
        rows = [
            (
                point["key"],
                point["unit"],
                ", ".join(f"{SHORT[b['table']]}{b['address']}" for b in point["modbus"]),
                ", ".join(f"{SHORT[b['group']]}{b['index']}" for b in point["dnp3"]),
                ", ".join(b["oid"] for b in point["snmp"]),
            )
            for point in points
        ]
        write_lines(table([("KEY", "UNIT", "MODBUS", "DNP3", "SNMP"), *rows]))
    return 0


def print_mib(args: argparse.Namespace) -> int:
    write_lines(mib_text().splitlines())
    return 0
