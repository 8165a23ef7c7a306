"""`btrmd mib`: the MIB text; needs no daemon."""

from __future__ import annotations

import argparse

from ..docgen.mib_text import mib_text
from .output import write_lines
from .parsing import Verbs


def add_parsers(verbs: Verbs) -> None:
    verbs.add("mib", run)


def run(args: argparse.Namespace) -> int:
    write_lines(mib_text().splitlines())
    return 0
