"""A worker: one process with its share of the units, told what to do through a pipe."""

from __future__ import annotations

import logging
import random
import resource
import threading
import time
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Final, NamedTuple

from btrmd.model.events import Kind
from btrmd.notify.mqtt import session

from .light_unit import Identity, LightUnit

STACK: Final = 512 * 1024  # octets: a thread a unit


class Report(NamedTuple):
    """`port`: of /metrics/SERIAL. `cpu_s`: of the whole process."""

    connected: int
    reported: dict[str, int]
    cpu_s: float
    port: int


def work(
    identities: dict[str, Identity],
    folder: Path,
    pipe: Connection,
    ramp_s: float,
    settle_s: float | None,
) -> None:
    """Until "stop" comes. `identities` by serial number; each unit's files are in `folder`/serial.
    `ramp_s`: over which the units are started; `settle_s`: in place of session.SETTLE_S."""
    if settle_s is not None:
        session.SETTLE_S = settle_s  # type: ignore[misc]
    threading.stack_size(STACK)
    logging.disable()  # a thousand say that the broker is away
    units = {
        serial: LightUnit(serial, identity, folder / serial)
        for serial, identity in identities.items()
    }
    web = _serve(units)
    stop = threading.Event()
    ticker = threading.Thread(target=_tick, args=(list(units.values()), stop), daemon=True)
    ticker.start()
    for unit in units.values():
        unit.publisher.start()
        time.sleep(ramp_s / len(units))
    while (order := pipe.recv())[0] != "stop":
        if order[0] == "mains":
            for unit in units.values():
                unit.lose_mains()
        elif order[0] == "events":  # `order[1]` from each, spread over `order[2]` s
            threading.Thread(target=_tell, args=(list(units.values()), *order[1:])).start()
        usage = resource.getrusage(resource.RUSAGE_SELF)
        pipe.send(
            Report(
                sum(unit.is_connected for unit in units.values()),
                {serial: unit.reported for serial, unit in units.items()},
                usage.ru_utime + usage.ru_stime,
                web.server_address[1],
            )
        )
    stop.set()
    ticker.join()
    web.shutdown()


def _tick(units: list[LightUnit], stop: threading.Event) -> None:
    """Every unit once a second, one after the other."""
    due = time.monotonic()
    while not stop.is_set():
        due = max(due + 1.0 / len(units), time.monotonic() - 1.0)
        unit = units.pop(0)
        units.append(unit)
        unit.look()
        stop.wait(max(due - time.monotonic(), 0.0))


def _tell(units: list[LightUnit], count: int, seconds: float) -> None:
    for i in range(count):
        random.Random(i).shuffle(units)
        for unit in units:
            kind = Kind.CLEAR if i % 2 else Kind.RAISE
            unit.tell("io1", kind, not i % 2, "IO1 digital input tripped.")
            time.sleep(seconds / count / len(units))


def _serve(units: dict[str, LightUnit]) -> ThreadingHTTPServer:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = units[self.path.rpartition("/")[2]].metrics().encode()
            self.send_response(200)
            self.send_header("Content-Type", "text/plain; version=0.0.4")
            self.send_header("Content-Length", str(len(body)))
            with suppress(OSError):  # Prometheus has waited long enough
                self.end_headers()
                self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Nothing on the screen."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server
