"""`btrmd report N`: one discharge as an auditor wants it, as text or JSON."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping
from typing import Any

from .client import ControlClient
from .output import write_json, write_lines
from .parsing import Verbs, add_json, place_of, wants_json
from .verbs_tests import whole

WIDTH = 30  # of the labels


def add_parsers(verbs: Verbs) -> None:
    parser = verbs.add(
        "report",
        report,
        state=True,
        description="Print the report of test or outage N: site, battery, conditions, result, "
        "instrument, signature lines. The page /report/N shows it with its curve, for paper.",
    )
    parser.add_argument("n", metavar="N", type=whole, help="number of the discharge")
    add_json(parser)


def report(args: argparse.Namespace) -> int:
    with ControlClient(place_of(args)) as client:
        found: Mapping[str, Any] = client.ask("report", n=args.n)["report"]
    if wants_json(args):
        write_json(dict(found))
    else:
        write_lines(_lines(found))
    return 0


def _lines(report: Mapping[str, Any]) -> Iterator[str]:
    yield report["title"]
    yield report["site"]
    yield f"Result: {report['result']}. {report['advice']}".rstrip()
    for title, rows in report["sections"].items():
        yield ""
        yield title
        for label, text in rows.items():
            yield f"  {label:<{WIDTH}} {text}"
    yield ""
    for label in ("Tested by", "Checked by", "Date"):
        yield f"  {label:<{WIDTH}} {'_' * 30}"
