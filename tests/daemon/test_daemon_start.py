"""How the daemon starts and says so, and how it ends."""

from __future__ import annotations

import json
import os
import signal
import socket
import time
from datetime import datetime
from typing import TYPE_CHECKING

import pytest
from daemon_process import PLAIN
from waiting import wait_until

if TYPE_CHECKING:
    from conftest import Make

# DESIGN section 8, typed by hand.
PROMISED = (
    "battery.voltage",
    "battery.current",
    "load.current",
    "load.voltage",
    "supply.voltage",
    "supply.current",
    "charger.voltage",
    "charger.current",
    "supply.present",
    "charger.present",
    "system.temperature",
    "io1.voltage",
    "io2.voltage",
    "io3.voltage",
    "io4.voltage",
    "io1.digital",
    "io2.digital",
    "io1.output",
    "capacity.state",
    "test.state",
    "test.result",
    "test.number",
    "test.reason",
    "runtime.estimate",
    "runtime.estimate_low",
    "runtime.estimate_high",
    "runtime.remaining",
    "runtime.minimum",
    "battery.soh",
    "ups.enabled",
    "ups.on_battery",
    "lvd.enabled",
    "lvd.open",
    "guard.active",
    "relay.k1",
    "relay.k2",
    "relay.k3",
    "system.uptime",
    "alarm.any",
    "alarm.list",
)


def test_ready_line_listeners_health_and_points(make: Make) -> None:
    daemon = make(runner=PLAIN)
    daemon.config_dir.rmdir()  # nobody need make it by hand
    daemon.spawn("--fresh")
    assert daemon.wait_ready() == f"ready http://{daemon.address}\n"
    listeners = json.loads((daemon.state_dir / "run/listeners.json").read_text())
    assert listeners["http"] == daemon.address
    assert {"modbus", "dnp3", "snmp", "serial"} <= listeners.keys()
    assert listeners["modbus"] is None
    assert daemon.get("/healthz") == {"status": "ok"}
    points = daemon.get("/api/v1/points")["points"]
    assert [key for key in PROMISED if key not in points] == []
    for point in points.values():
        assert {"value", "unit", "quality", "at"} <= point.keys()
    for key in ("runtime.estimate", "runtime.estimate_low", "battery.soh"):
        assert points[key]["value"] is None
    daemon.set(site__location="Hill 7")
    assert daemon.good("get", "site.location") == "site.location = Hill 7\n"


def test_servers_answer_during_the_self_test_and_tests_are_refused(make: Make) -> None:
    daemon = make().start("--fresh")
    assert daemon.value("system.self_test") == "running"
    refused = daemon.cli("test", "start", "--type", "1")
    assert refused.code == 1
    assert refused.err == "btrmd: The self-test is still running.\n"


def test_without_web_it_is_ready_all_the_same(make: Make) -> None:
    daemon = make(http="none", runner=PLAIN)
    daemon.spawn("--fresh")
    assert daemon.wait_ready() == "ready\n"
    assert json.loads((daemon.state_dir / "run/listeners.json").read_text())["http"] is None
    assert daemon.cli("status").code == 0


def test_a_port_that_is_taken_is_told_and_tried_again(make: Make) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        daemon = make(http=address)
        daemon.spawn("--fresh")
        wait_until((daemon.state_dir / "run/listeners.json").exists, 20.0)
        wait_until(lambda: address in daemon.faults())
        assert daemon.lines.qsize() == 0  # not ready
        assert daemon.value("battery.voltage") > 12.0  # but at work
    assert daemon.wait_ready() == f"ready http://{address}\n"
    wait_until(lambda: address not in daemon.faults())


def test_a_second_daemon_on_the_same_state_ends_with_1(make: Make) -> None:
    first, second = make("a").start("--fresh"), make("b")
    second.state_dir = first.state_dir
    second.spawn()
    assert second.wait_end() == 1
    assert second.log.splitlines()[-1] == (
        f"{first.state_dir} is in use by another btrmd (process {first.pid}); "
        "stop it first or choose another --state-dir."
    )
    assert first.get("/healthz") == {"status": "ok"}


def test_two_daemons_side_by_side(make: Make) -> None:
    one, other = make("a"), make("b")
    one.spawn("--fresh")
    other.spawn("--fresh")
    one.wait_ready()
    other.wait_ready()
    assert one.address != other.address
    one.set(site__name="one")
    other.set(site__name="other")
    one.sim(load__amps=5)
    assert one.good("get", "site.name") == "site.name = one\n"
    assert other.good("get", "site.name") == "site.name = other\n"
    assert other.sim()["load"]["amps"] == pytest.approx(2.0)
    assert one.stop() == 0
    assert other.get("/healthz") == {"status": "ok"}


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_in_order(make: Make, number: signal.Signals) -> None:
    daemon = make(runner=PLAIN).start("--fresh")
    started = time.monotonic()
    assert daemon.process is not None
    daemon.process.send_signal(number)
    assert daemon.wait_end() == 0
    assert time.monotonic() - started < 5.0
    assert not (daemon.state_dir / "run/listeners.json").exists()
    assert not (daemon.state_dir / "run/control.sock").exists()
    assert daemon.cli("status").code == 1


def test_a_stop_under_a_hail_of_changes_is_quick(make: Make) -> None:
    """Whoever waits for an answer when the daemon stops gets one, and nobody waits long."""
    daemon = make().start("--fresh")
    sockets = []
    for number in range(6):
        client = socket.socket(socket.AF_UNIX)
        client.settimeout(10.0)
        client.connect(str(daemon.state_dir / "run/control.sock"))
        change = {"verb": "set", "changes": {"site.name": f"name {number}"}}
        client.sendall(json.dumps(change).encode() + b"\n")
        sockets.append(client)
    started = time.monotonic()
    assert daemon.stop() == 0
    assert time.monotonic() - started < 5.0
    for client in sockets:
        with client:
            said = client.recv(65536)
        assert said == b"" or json.loads(said)["ok"] in (True, False)


def test_speed_actual_tells_the_truth_when_the_machine_cannot_keep_up(make: Make) -> None:
    daemon = make(speed=3600).start("--fresh")
    began, first = time.monotonic(), daemon.sim()
    wait_until(lambda: daemon.sim()["speed_actual"] != 3600.0, 20.0)
    took, last = time.monotonic() - began, daemon.sim()
    assert last["speed"] == 3600.0
    assert 1.0 <= last["speed_actual"] <= 3600.0
    # said of the first five seconds, measured here over about the same
    made = last["plant_s"] - first["plant_s"]
    assert last["speed_actual"] == pytest.approx(made / took, rel=0.5)
    assert last["load"]["dropped_s"] == 0.0


def test_at_speed_1_a_second_is_a_second(make: Make) -> None:
    daemon = make().start("--fresh")
    began, first = time.monotonic(), daemon.sim()["plant_s"]
    wait_until(lambda: daemon.sim()["plant_s"] - first >= 3.0, 20.0)
    assert 2.8 <= time.monotonic() - began < 10.0  # never faster; a busy machine may be late
    at, uptime = daemon.get("/api/v1/points")["at"], daemon.value("system.uptime")
    assert abs(time.time() - _seconds(at)) < 7.0
    assert 2.8 <= uptime < 20.0


def _seconds(iso: str) -> float:
    return datetime.fromisoformat(iso).timestamp()


# Loading the pages waits for who writes into a pipe: a processor on which that takes long.
SLOW_PAGES = """
import sys
from importlib.abc import MetaPathFinder
from pathlib import Path

class Slow(MetaPathFinder):
    def find_spec(self, name, path, target=None):
        if name == "btrmd.servers.web.server":
            if Path("go").read_text():
                raise ImportError("no pages today")

sys.meta_path.insert(0, Slow())
from btrmd.cli.main import main
sys.exit(main())
"""


def test_commands_are_carried_out_while_the_pages_are_loaded(make: Make) -> None:
    daemon = make(runner=("-c", SLOW_PAGES))
    os.mkfifo(daemon.folder / "go")
    daemon.spawn()
    wait_until(lambda: (daemon.state_dir / "run/control.sock").exists(), 60.0)
    daemon.set(ups__enabled=True)
    daemon.wait_value("ups.enabled", True)
    assert "http" not in daemon.status()["listeners"]
    assert daemon.lines.empty()  # not ready yet
    (daemon.folder / "go").write_text("")
    daemon.wait_ready()
    assert daemon.get("/healthz") == {"status": "ok"}


def test_pages_that_cannot_be_loaded_end_the_start(make: Make) -> None:
    daemon = make(runner=("-c", SLOW_PAGES))
    (daemon.folder / "go").write_text("broken")
    daemon.spawn()
    assert daemon.wait_end(60.0) == 1
    assert "no pages today" in daemon.log
