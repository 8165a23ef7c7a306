"""How long from an edge of the GUARD line to K1's coil, for scripts/test-vm.

The board's own code on the kernel's simulated GPIO scans ten times a second, as the owner does,
with a busy thread beside it. The edges come from another process; both note one monotonic clock. An
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
print(json.dumps([[(k - t) / 1e6 for k in driven if 0 <= k - t < 280e6][:1] for t in edges]))
"""


class Edges(Station):
    """A step of its own: the service is stopped meanwhile, since the lines can be had only once."""

    def guard_edge(self, count: int = 300) -> str:
        """`count` edges; what came later than 10 ms, or never, must be less than 0.1 %."""
        source = base64.b64encode(PROGRAM.replace("@COUNT@", str(count)).encode()).decode()
        self.vm.run("systemctl stop btrmd")
        try:
            text = self.vm.run(
                f"cd /run && LG_WD=/run /usr/lib/btrmd/bin/python3 -I -c "
                f"'import base64; exec(base64.b64decode(\"{source}\"))'"
            )
        finally:
            self.vm.run("systemctl start btrmd")
        self.active()
        return judged(json.loads(text.splitlines()[-1]))


def judged(found: list[list[float]]) -> str:
    """The figures in words. Raises TrialError when too many edges were late or not acted on."""
    times = sorted(ms for pair in found for ms in pair)
    late = len(found) - sum(ms <= LONGEST_MS for ms in times)
    figures = "no edge was acted on"
    if times:
        half, most = times[len(times) // 2], times[min(int(len(times) * PART), len(times) - 1)]
        figures = f"50 % {half:.1f} ms, 99.9 % {most:.1f} ms, longest {times[-1]:.1f} ms"
    text = f"{len(found)} edges: {figures}; {late} later than {LONGEST_MS:g} ms or never"
    expect(times and late <= (1.0 - PART) * len(found), text)
    return text
