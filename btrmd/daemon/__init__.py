"""The daemon: builds the station from its parts, runs it, and takes it down in order."""

from __future__ import annotations

import gc
import logging
import os
import signal
import sys
from collections.abc import Mapping
from contextlib import ExitStack, suppress
from types import FrameType

from ..bus import ListenerState
from ..model.errors import BtrmError
from ..run_options import RunOptions
from ..store.lock import DirLock
from . import memory_trim
from .journal import JournalHandler, leads_to_journal
from .station import Station
from .systemd import Supervisor

log = logging.getLogger(__name__)

# Two busy threads make a cycle of short I2C reads 40 times longer at Python's default of 5 ms.
SWITCH_INTERVAL_S = 0.0005


def run(options: RunOptions) -> int:
    """Run until SIGTERM or SIGINT. 0 = stopped in order, 1 = could not start (one sentence)."""
    if leads_to_journal():
        logging.basicConfig(handlers=[JournalHandler()], level=logging.INFO, format="%(message)s")
    else:
        logging.basicConfig(
            stream=sys.stderr, level=logging.INFO, format="%(levelname)s %(name)s: %(message)s"
        )
    sys.setswitchinterval(SWITCH_INTERVAL_S)
    memory_trim.set_up()
    memory_trim.drop_references()  # now, so that what is loaded next takes their place
    supervisor = Supervisor()
    try:
        restart = _run(options, supervisor)
    except BtrmError as error:
        supervisor.status(str(error))
        sys.stderr.write(f"{error}\n")
        return 1
    if restart is not None and not supervisor.is_there:
        _again(restart)
    return 0


def _run(options: RunOptions, supervisor: Supervisor) -> list[str] | None:
    """Build, run, take down. When a restart was asked for: options for the next process."""
    with ExitStack() as stack:
        options.run_dir.mkdir(parents=True, exist_ok=True)
        with suppress(OSError):  # without it the defaults serve; `set` will say that it is missing
            options.config_dir.mkdir(mode=0o750, parents=True, exist_ok=True)
        stack.enter_context(DirLock(options.state_dir))
        station = Station(options, supervisor)
        stack.callback(station.close)
        station.start()
        # what is built now lives as long as the daemon: the collector need not look at it again
        gc.collect()
        gc.freeze()

        def end(number: int, frame: FrameType | None) -> None:
            station.owner.stop.set()

        for number in (signal.SIGTERM, signal.SIGINT):
            stack.callback(signal.signal, number, signal.signal(number, end))
        station.start_late()
        station.owner.run()
        supervisor.stopping()
        station.finish_start()
        if not station.owner.wants_restart:
            return None
        return _same_ports(options, station.bus.listeners)


def _same_ports(options: RunOptions, listeners: Mapping[str, ListenerState]) -> list[str]:
    """Options by which a restarted daemon is found where "any free port" had put this one."""
    words: list[str] = []
    for name, listener in listeners.items():
        if listener.address and str(getattr(options, name, "")).endswith(":0"):
            words += [f"--{name}", listener.address]
    return words


def _again(listeners: list[str]) -> None:
    """Replace this process by a new daemon with the same options, but on the same world."""
    arguments = [*(word for word in sys.argv[1:] if word != "--fresh"), *listeners]
    sys.stdout.flush()
    log.info("Restarting.")
    os.execv(sys.executable, [sys.executable, "-m", "btrmd", *arguments])
