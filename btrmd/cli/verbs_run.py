"""`btrmd run`: the daemon in the foreground."""

from __future__ import annotations

import argparse
from pathlib import Path

from ..model.errors import ConfigError
from ..run_options import RunOptions
from .parsing import Verbs
from .place import find_place
from .run_options import (
    decode_address,
    decode_file,
    decode_serial,
    decode_speed,
)

ADDRESSES = ("http", "https", "modbus", "dnp3", "snmp", "nut")


def add_parsers(verbs: Verbs) -> None:
    parser = verbs.add(
        "run",
        run,
        description="Run the daemon in the foreground. When all ports are bound it prints one line,"
        " ready http://HOST:PORT, and writes STATE_DIR/run/listeners.json.",
    )
    parser.add_argument("--simulate", action="store_true", help="on the simulated HAT")
    parser.add_argument("--fresh", action="store_true", help="start the simulated plant anew")
    parser.add_argument(
        "--scenario", metavar="FILE", type=decode_file, help="TOML file that drives the simulation"
    )
    parser.add_argument(
        "--speed", metavar="N", type=decode_speed, default=1.0, help="1..3600 times real time"
    )
    parser.add_argument("--config-dir", metavar="DIR", help="default /etc/btrm")
    parser.add_argument("--state-dir", metavar="DIR", help="default /var/lib/btrm")
    for name in ADDRESSES:
        parser.add_argument(
            f"--{name}",
            metavar="HOST:PORT",
            type=decode_address,
            help="port 0 = any free one, none = off, default: by site file and settings",
        )
    parser.add_argument(
        "--serial",
        metavar="DEVICE[,modbus|dnp3[,BAUD[,8E1|8N1|8O1]]]",
        type=decode_serial,
        help="serial line, default modbus,9600,8E1",
    )


def run(args: argparse.Namespace) -> int:
    options = decode_options(args)
    from ..daemon import run as run_daemon

    return run_daemon(options)


def decode_options(args: argparse.Namespace) -> RunOptions:
    """The parsed words as RunOptions. Raises ArgumentTypeError for what does not go together."""
    if not args.simulate:
        for name, is_given in (
            ("--fresh", args.fresh),
            ("--scenario", args.scenario is not None),
            ("--speed", args.speed != 1.0),
        ):
            if is_given:
                raise argparse.ArgumentTypeError(f"{name} needs --simulate")
    # The demo in the current folder is for the commands that talk to it; a daemon says where.
    place = find_place(args.config_dir, args.state_dir, demo=False)
    return RunOptions(
        simulate=args.simulate,
        fresh=args.fresh,
        scenario=args.scenario,
        speed=args.speed,
        config_dir=absolute(place.config_dir),
        state_dir=absolute(place.state_dir),
        serial=args.serial,
        **{name: getattr(args, name) for name in ADDRESSES},
    )


def absolute(path: Path) -> Path:
    """Absolute and without "..": the daemon may change its working folder."""
    try:
        return Path(path).expanduser().resolve()
    except RuntimeError as error:  # ~nobody-of-that-name
        raise ConfigError(f"{path} is refused: {error}.") from error
