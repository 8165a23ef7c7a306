"""How long from an edge of the GUARD line to K1's coil, for scripts/test-vm.

The board's own code on the kernel's simulated GPIO scans ten times a second, as the owner does,
with a busy thread beside it. The edges come from another process; both note one monotonic clock, by
which the kernel stamps each edge too: what came before the stamp is the other process' own. An
emulated machine on a busy host is late by what the host makes it wait for.
"""

from __future__ import annotations

import base64
import json

from lib_vm import Station, expect

LONGEST_MS = 10.0
PART = 0.999  # of the edges must be acted on in that time
PROGRAM = r"""
import glob, json, os, random, sys, threading, time
from btrmd.daemon import SWITCH_INTERVAL_S
from btrmd.hal import line_events
from btrmd.hal.config import REFERENCE, load_hardware
from btrmd.hal.pi import open_pi_board
from btrmd.model.board import SAFE_OUTPUTS

COUNT = @COUNT@
sys.setswitchinterval(SWITCH_INTERVAL_S)
chip = glob.glob("/sys/devices/platform/gpio-sim.*/gpiochip*")[0]
came_from, goes_to = os.pipe()
waits_for, begins = os.pipe()
if os.fork() == 0:
    os.read(waits_for, 1)
    line = os.open(chip + "/sim_gpio26/pull", os.O_WRONLY)
    os.pwrite(line, b"pull-up", 0)
    for _ in range(COUNT):
        time.sleep(random.uniform(0.3, 0.45))
        os.write(goes_to, b"%d\n" % time.monotonic_ns())
        os.pwrite(line, b"pull-down", 0)
        time.sleep(0.05)
        os.pwrite(line, b"pull-up", 0)
    os._exit(0)
os.close(goes_to)


class Stamped:
    # the module os, which keeps the kernel's stamp of each edge that is read, and when it was
    def __getattr__(self, name):
        return getattr(os, name)

    def read(self, fd, size):
        data = os.read(fd, size)
        if len(data) >= line_events.EVENT_SIZE:
            stamps.append((int.from_bytes(data[:8], sys.byteorder), time.monotonic_ns()))
        return data


stamps = []
line_events.os = Stamped()
board = open_pi_board(load_hardware(REFERENCE))
driven = []
plain = board._pins._drive


def drive(index, wanted):
    text = plain(index, wanted)
    if index == 0 and wanted:
        driven.append(time.monotonic_ns())
    return text


def tick():
    board.read(time.monotonic(), time.time())
    board.arm(True)
    board.apply(SAFE_OUTPUTS, time.monotonic())


board._pins._drive = drive
while board._pins.fault:
    tick()
    time.sleep(0.1)
os.write(begins, b"!")


def busy():
    while True:
        sum(range(2000))
        time.sleep(0.02)


threading.Thread(target=busy, daemon=True).start()
edges = []
reader = threading.Thread(target=lambda: edges.extend(map(int, os.fdopen(came_from))))
reader.start()
due = time.monotonic()
while reader.is_alive():
    tick()
    due = max(due + 0.1, time.monotonic())
    time.sleep(due - time.monotonic() if due > time.monotonic() else 0.0)
board.close()



def first(times, t):
    return next((one for one in times if 0 <= one - t < 280_000_000), None)


told = []
for t in edges:
    stamp = next((pair for pair in stamps if 0 <= pair[0] - t < 280_000_000), None)
    k1 = first(driven, t)
    if stamp is None or k1 is None:
        told.append([])
    else:
        told.append([(k1 - stamp[0]) / 1e6, (stamp[0] - t) / 1e6, (stamp[1] - stamp[0]) / 1e6])
print(json.dumps(told))
"""

BARE = r"""
import glob, os, random, sys, threading, time
from contextlib import suppress
from btrmd.daemon import SWITCH_INTERVAL_S
from btrmd.hal import line_events

COUNT = @COUNT@
sys.setswitchinterval(SWITCH_INTERVAL_S)
chip = glob.glob("/sys/devices/platform/gpio-sim.*/gpiochip*")[0]
for path in sorted(glob.glob("/dev/gpiochip*")):
    with suppress(OSError):
        fd = line_events.request_line(path, 26, "up")
        break
if os.fork() == 0:
    line = os.open(chip + "/sim_gpio26/pull", os.O_WRONLY)
    os.pwrite(line, b"pull-up", 0)
    for _ in range(COUNT):
        time.sleep(random.uniform(0.1, 0.15))
        os.pwrite(line, b"pull-down", 0)
        time.sleep(0.05)
        os.pwrite(line, b"pull-up", 0)
    os._exit(0)
times = []


def read():
    while True:
        data = os.read(fd, line_events.EVENT_SIZE)
        times.append((time.monotonic_ns() - int.from_bytes(data[:8], sys.byteorder)) / 1e6)


threading.Thread(target=read, daemon=True).start()
os.wait()
print(sorted(times), flush=True)
os._exit(0)
"""


class Edges(Station):
    """A step of its own: the service is stopped meanwhile, since the lines can be had only once."""

    def guard_edge(self, count: int = 300) -> str:
        """`count` edges; what came later than 10 ms after the kernel's stamp of the edge, or never,
        must be less than 0.1 %."""
        self.vm.run("systemctl stop btrmd")
        try:
            found = json.loads(self._told(PROGRAM, count))
            bare = json.loads(self._told(BARE, count))
        finally:
            self.vm.run("systemctl start btrmd")
        self.active()
        return judged(found, bare)

    def _told(self, program: str, count: int) -> str:
        """The last line that `program` prints on the machine."""
        source = base64.b64encode(program.replace("@COUNT@", str(count)).encode()).decode()
        return self.vm.run(
            f"cd /run && LG_WD=/run /usr/lib/btrmd/bin/python3 -I -c "
            f"'import base64; exec(base64.b64decode(\"{source}\"))'"
        ).splitlines()[-1]


def judged(found: list[list[float]], bare: list[float]) -> str:
    """The figures in words. `found`: for each edge that was acted on the ms from the kernel's stamp
    to K1's coil, those before the stamp, and those until the board's thread had it. `bare`: ms, in
    rising order, until a thread that does nothing else has an edge, in a process that does nothing
    else: what the machine itself takes. Raises TrialError when too many edges were late or not
    acted on."""
    times = sorted(edge[0] for edge in found if edge)
    late = len(found) - sum(ms <= LONGEST_MS for ms in times)
    figures = "no edge was acted on"
    if times:
        half, most = times[len(times) // 2], times[min(int(len(times) * PART), len(times) - 1)]
        figures = f"50 % {half:.1f} ms, 99.9 % {most:.1f} ms, longest {times[-1]:.1f} ms"
    late_ones = [edge for edge in found if edge and edge[0] > LONGEST_MS]
    before = max((edge[1] for edge in found if edge), default=0.0)
    woken = ", ".join(f"{edge[2]:.1f} of {edge[0]:.1f}" for edge in late_ones[:5])
    text = f"{len(found)} edges: {figures}; {late} later than {LONGEST_MS:g} ms or never"
    text += f" ({woken} ms until the thread had it)" if woken else ""
    text += f"; up to {before:.1f} ms before the kernel's stamp"
    alone = bare[min(int(len(bare) * PART), len(bare) - 1)]
    text += f". A bare thread: 99.9 % {alone:.1f} ms, longest {bare[-1]:.1f} ms"
    expect(times and late <= (1.0 - PART) * len(found), text)
    return text
