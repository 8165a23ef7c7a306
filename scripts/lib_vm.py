"""The device machine of scripts/test-vm: its tool, the plant played in it, and how to look."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

SLOW = float(os.environ.get("BTRMD_VM_PATIENCE", "1"))  # emulated machines: waits times this

# Plays battery, charger, supply and load: shunt registers by 2 mOhm and 10 uV a count, voltages by
# 1/20 and 125 uV a count. Obeys the coils on GPIO 17, 27 and 22 and answers on BATT_PATH (19).
PLANT = r"""#!/bin/bash
g=$(echo /sys/devices/platform/gpio-sim.*/gpiochip*)
ctl=/sys/kernel/rig_i2c/ctl
for p in 5 6 26; do echo pull-up > $g/sim_gpio$p/pull; done
for a in 48 4a; do echo mux $a > $ctl; done
echo set 49 00 1900 > $ctl
old=
while :; do
    read k1 < $g/sim_gpio17/value; read k2 < $g/sim_gpio27/value; read k3 < $g/sim_gpio22/value
    supply=01b8 battery=0014 charger=0014 v=1518 load=1518
    [ $k2 = 1 ] && supply=0190 charger=0000 battery=0000 v=1400
    [ $k1 = 1 ] && supply=0000 battery=fe70 v=13d8 load=13d0
    path=pull-up; [ $k3 = 1 ] && path=pull-down
    new="$k1$k2$k3"
    # Each time: a daemon that opens the line sets a bias, and this chip takes that for a drive.
    echo $path > $g/sim_gpio19/pull
    if [ "$new" != "$old" ]; then
        printf 'set %s\n' "40 01 $battery" "41 01 0190" "44 01 $charger" "45 01 $supply" \
            "4a 14 $v" "4a 15 $load" "4a 16 1518" "4a 17 1518" > $ctl
        echo "$(cut -d. -f1 /proc/uptime) $new" >> /run/plant.log
        old=$new
    fi
    read -t 0.1 <> <(:)
done
"""


PLANT_UNIT = """[Unit]
Description=Plays battery, charger, supply and load
Before=btrmd.service

[Service]
ExecStart=/root/rig-btrm-plant

[Install]
WantedBy=multi-user.target
"""
COILS = (17, 27, 22)  # GPIO of K1, K2, K3


class TrialError(Exception):
    """The station does not do what it should; one sentence."""


def expect(condition: object, sentence: str) -> None:
    if not condition:
        raise TrialError(sentence)


class Vm:
    """The machine behind vm.py."""

    def __init__(self, tool: Path) -> None:
        self.tool = tool

    def __call__(self, *words: str, check: bool = True, timeout: float = 900.0) -> str:
        done = subprocess.run(
            [sys.executable, self.tool, *words], stdin=subprocess.DEVNULL, capture_output=True,
            text=True, timeout=timeout,
        )  # fmt: skip
        if check and done.returncode:
            raise TrialError(f"{' '.join(words)[:200]}: {(done.stdout + done.stderr)[-500:]}")
        return done.stdout

    def run(self, command: str, check: bool = True) -> str:
        return self("run", command, check=check)

    def is_up(self) -> bool:
        return ": up" in self("status")

    def folder(self) -> Path:
        return Path(self("status").rsplit("files in ", 1)[1].strip())


class Station:
    """The station in the machine, as a person outside sees it; `url`: of its pages, from there."""

    def __init__(self, vm: Vm) -> None:
        self.vm = vm
        self.url = "http://127.0.0.1:10080"

    def until(self, look: Callable[[], object], what: str, seconds: float = 60.0) -> None:
        end = time.monotonic() + seconds * SLOW
        while not look():
            if time.monotonic() > end:
                raise TrialError(f"not so within {seconds * SLOW:g} s: {what}")
            time.sleep(0.5)

    def points(self) -> dict[str, dict[str, object]]:
        text = self.vm("host", "curl", "-s", "-m", "20", f"{self.url}/api/v1/points", check=False)
        try:
            return dict(json.loads(text)["points"])
        except (ValueError, KeyError):
            return {}

    def value(self, key: str) -> object:
        return self.points().get(key, {}).get("value")

    def pin(self, number: int) -> str:
        return self.vm.run(f"rig-plant pin {number} '?'").strip()

    def active(self) -> None:
        command = "systemctl is-active btrmd"
        self.until(
            lambda: self.vm.run(command, check=False).strip() == "active",
            "btrmd.service is active",
            120,
        )
        self.until(self.points, "the station answers on port 80", 120)

    def install_plant(self) -> None:
        """The plant as a service that is there before the station, after a power cut too."""
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "rig-btrm-plant"
            path.write_text(PLANT)
            path.chmod(0o755)
            unit = Path(folder) / "rig-btrm-plant.service"
            unit.write_text(PLANT_UNIT)
            self.vm("put", str(path))
            self.vm("put", str(unit), ":/etc/systemd/system/")
        # The machine plays a Pi's revision by a mount over /proc/cpuinfo; bookworm's systemd gives
        # the unit a /proc of its own, without that mount. A real Pi needs none of it.
        self.vm.run(
            "mkdir -p /etc/systemd/system/btrmd.service.d; printf '[Service]\\nBindReadOnlyPaths="
            "-/run/rig-cpuinfo:/proc/cpuinfo\\n' > /etc/systemd/system/btrmd.service.d/cpuinfo.conf"
        )
        self.vm.run("systemctl daemon-reload && systemctl enable -q rig-btrm-plant && sync")
        self.start_plant()

    def start_plant(self) -> None:
        """The plant, started anew: it drives every input and register again."""
        self.vm.run("rm -f /run/plant.log; systemctl restart rig-btrm-plant")

    def coils_low(self, when: str, seconds: float = 40.0) -> None:
        """No coil is energised: supply to load, charger to battery."""
        self.until(
            lambda: {self.pin(number) for number in COILS} == {"0"},
            f"all coils low {when}",
            seconds,
        )

    def status_line(self) -> str:
        """The Status: line of `systemctl status btrmd`."""
        return self.vm.run("systemctl show btrmd -P StatusText", check=False).strip()

    def begin_test(self, words: str = "--type 1") -> None:
        """Acknowledge what is latched, and start a test as soon as the station takes one."""
        for alarm in json.loads(self.vm.run("btrmd alarms --json"))["alarms"]:
            self.vm.run(f"btrmd ack {alarm['key']}", check=False)
        self.until(lambda: self.value("supply.present") is True, "the supply is present", 60)
        reported = ""
        for _ in range(60):
            reported = self.vm.run(f"btrmd test start {words} 2>&1", check=False)
            if "begun" in reported:
                break
            time.sleep(2.0 * SLOW)
        expect("begun" in reported, f"no test starts: {reported.strip()}")
        self.until(lambda: self.pin(17) == "1", "GPIO 17 (K1) goes high", 90)
        self.until(lambda: self.value("test.state") == "running", "the test runs", 60)


def crc(data: bytes) -> bytes:
    """Modbus over Serial Line V1.02, section 6.2.2."""
    value = 0xFFFF
    for byte in data:
        value ^= byte
        for _ in range(8):
            value = value >> 1 ^ 0xA001 if value & 1 else value >> 1
    return value.to_bytes(2, "little")


def say(text: str) -> None:
    print(text, flush=True)
