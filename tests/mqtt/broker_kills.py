"""Kills the broker at random moments under a daemon that has much to tell; scripts/broker-test."""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
sys.path[:0] = [str(ROOT), str(HERE), str(ROOT / "tests" / "support")]

from daemon_process import DaemonProcess  # noqa: E402
from mqtt_broker import Broker, Watch  # noqa: E402
from waiting import wait_until  # noqa: E402

EVENTS_A_SECOND = 10.0


def main() -> int:
    """0 when every event came, each of them once by its number."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("kills", type=int, nargs="?", default=50)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--keep", action="store_true", help="the broker keeps sessions on its disk")
    args = parser.parse_args()
    chance = random.Random(args.seed)
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="btrmd-broker-") as folder:
        lines = ["allow_anonymous true"]
        if args.keep:
            lines += ["persistence true", f"persistence_location {folder}/broker/",
                      "autosave_on_changes true", "autosave_interval 1"]  # fmt: skip
        broker = Broker(Path(folder) / "broker", *lines)
        broker.start()
        watch = Watch(broker, "btrmd/+/event")
        unit = DaemonProcess(Path(folder) / "unit").start()
        try:
            return trial(args.kills, chance, broker, watch, unit, began)
        finally:
            unit.close()
            watch.close()
            broker.close()


def trial(
    kills: int, chance: random.Random, broker: Broker, watch: Watch, unit: DaemonProcess,
    began: float,
) -> int:  # fmt: skip
    unit.wait_selftest()
    unit.set(mqtt__enabled=True, mqtt__server="127.0.0.1", mqtt__port=broker.port)
    wait_until(lambda: unit.status()["listeners"].get("mqtt"), 30.0)
    wait_until(lambda: numbers(watch), 90.0)
    first = min(numbers(watch))
    made = 0
    for kill in range(kills):
        up = time.monotonic() + chance.uniform(0.2, 8.0)
        made += talk(unit, up)
        broker.kill()
        made += talk(unit, time.monotonic() + chance.uniform(0.0, 3.0))
        broker.start()
        if (kill + 1) % 10 == 0:
            sys.stderr.write(f"{kill + 1} kills, {made} events\n")
    last = unit.events(first - 1)[-1]["n"]
    wait_until(lambda: last in numbers(watch), 180.0, lambda: unit.faults())
    wanted = {event["n"] for event in unit.events(first - 1)}
    got = Counter(numbers(watch))
    lost, strange = sorted(wanted - got.keys()), sorted(got.keys() - wanted)
    doubled = sorted(n for n, count in got.items() if count > 1)
    order = numbers(watch)
    sys.stdout.write(
        f"{kills} kills in {time.monotonic() - began:.0f} s: {len(wanted)} events, "
        f"{len(lost)} lost, {len(strange)} strange, {len(doubled)} sent twice under one number, "
        f"in order: {'yes' if order == sorted(order) else 'no'}\n"
    )
    if lost:
        sys.stdout.write(f"lost: {lost[:20]}\n")
    return 1 if lost or strange else 0


def talk(unit: DaemonProcess, end: float) -> int:
    """Events until `end` (monotonic s): settings that change."""
    made = 0
    while time.monotonic() < end:
        unit.set(site__contact=f"Jo {time.monotonic():.3f}")
        made += 1
        # so many a second, and no more
        time.sleep(max(min(1.0 / EVENTS_A_SECOND, end - time.monotonic()), 0.0))
    return made


def numbers(watch: Watch) -> list[int]:
    return [got.json["n"] for got in watch.named("/event")]


if __name__ == "__main__":
    sys.exit(main())
