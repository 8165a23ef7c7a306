"""`python jumping_clock.py OFFSET_FILE ARGUMENTS...`: the daemon with a wall clock that jumps.

The number in OFFSET_FILE, seconds, is added to time.time() from each SIGUSR1 on. Time-outs of
listeners are a few seconds, so that a test sees them run out.
"""

from __future__ import annotations

import signal
import sys
import time
from pathlib import Path
from types import MappingProxyType

SHORT_S = 1.5


def main(file: Path, words: list[str]) -> int:
    wall, wall_ns = time.time, time.time_ns
    offset = [0.0]

    def jump(*_: object) -> None:
        offset[0] = float(file.read_text())

    time.time = lambda: wall() + offset[0]
    time.time_ns = lambda: wall_ns() + int(offset[0] * 1e9)
    signal.signal(signal.SIGUSR1, jump)

    from btrmd.clock import SimClock
    from btrmd.model import service

    # The simulated station's time goes its own way; somebody sets it all the same.
    simulated = SimClock.wall
    SimClock.wall = lambda self: simulated(self) + offset[0]  # type: ignore[method-assign]

    service.STALL_S = SHORT_S  # type: ignore[misc]
    service.LIMITS = MappingProxyType(  # type: ignore[misc]
        {
            name: limit._replace(idle_s=limit.idle_s and SHORT_S)
            for name, limit in service.LIMITS.items()
        }
    )
    from btrmd.servers.web import listener, socket_server, tls_channel

    listener.LOOP_S = SHORT_S / 3  # type: ignore[misc]
    socket_server.REQUEST_TIMEOUT_S = SHORT_S  # type: ignore[misc]
    tls_channel.HANDSHAKE_S = SHORT_S  # type: ignore[misc]
    from btrmd.cli.main import main as run

    return run(words)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), sys.argv[2:]))
