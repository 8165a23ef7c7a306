"""`btrmd sim`: show or change the simulation of a daemon that was started with --simulate."""

from __future__ import annotations

import argparse
from pathlib import Path

from ..model.errors import DataError
from .client import ControlClient
from .output import write_json
from .parsing import Verbs, pair, pairs, place_of

PATHS = ("battery.replay", "load.profile")
NO_FILE = ("", "none", "off")


def add_parsers(verbs: Verbs) -> None:
    parser = verbs.add(
        "sim",
        run,
        state=True,
        description="Without keys: print the truth of the simulated plant as JSON. With keys: "
        "change it, all or none, e.g. supply.on=0 load.amps=8.5 fault.i2c.0x40=nack.",
    )
    parser.add_argument("pairs", metavar="KEY=VALUE", nargs="*", type=pair)


def run(args: argparse.Namespace) -> int:
    changes = {key: absolute(key, value) for key, value in pairs(args.pairs).items()}
    with ControlClient(place_of(args)) as client:
        answer = client.ask("sim", changes=changes)
    if not changes:
        write_json(answer["truth"])
    return 0


def absolute(key: str, value: str) -> str:
    """A path made absolute here, because the daemon has another working folder.

    Raises DataError when there is no such file.
    """
    if key not in PATHS or value.strip().lower() in NO_FILE:
        return value
    try:
        path = Path(value).expanduser().absolute()
    except RuntimeError:  # ~nobody-of-that-name
        path = Path(value)
    if not path.is_file():
        raise DataError(f"{key} = {value!r} is refused: allowed is an existing CSV file, or none.")
    return str(path)
