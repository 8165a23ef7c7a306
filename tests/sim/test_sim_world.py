"""The world: scenarios in time, buttons, the saved file, and what a daemon finds after a kill."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path

import pytest

from btrmd.hal.config import REFERENCE, load_hardware
from btrmd.hal.sim.world import World, open_world
from btrmd.model.errors import DataError, SettingError

CONFIG = load_hardware(REFERENCE)
EXAMPLES = Path(__file__).parents[2] / "docs" / "examples"
TRUTH = {
    "plant_s": None,
    "speed": None,
    "speed_actual": None,
    "battery": {"volts", "amps", "soc", "soh", "temp_c", "true_runtime_s"},
    "load": {"volts", "amps", "dropped_s", "dead_s", "lowest_v_block"},
    "supply": {"volts", "amps", "on"},
    "charger": {"volts", "amps", "on", "stage"},
    "relays": {"k1", "k2", "k3"},
    "guard": None,
}


class Wall:
    """A wall clock that moves when told."""

    def __init__(self) -> None:
        self.now = 1_700_000_000.0

    def __call__(self) -> float:
        return self.now


def advance(world: World, seconds: float, dt: float = 1.0) -> None:
    for _ in range(round(seconds / dt)):
        world.plant.heartbeat()
        world.advance(dt)


def test_a_button_is_on_its_pin_in_the_next_step_of_a_plant_at_rest(tmp_path):
    world = open_world(CONFIG, tmp_path)
    pin = world.pins.factory.pin(CONFIG.pins["pb1"].gpio)
    for _ in range(15):  # mostly steps that are too quiet to be solved
        advance(world, 1.5, 0.1)
        assert pin.state  # active low
        world.change({"button.pb1": 0.25})
        advance(world, 0.1, 0.1)
        assert not pin.state
        advance(world, 0.3, 0.1)
        assert pin.state


def test_the_truth_has_the_promised_form(tmp_path):
    world = open_world(CONFIG, tmp_path)
    advance(world, 5)
    world.speed, world.speed_actual = 600.0, 580.5
    truth = json.loads(json.dumps(world.truth()))
    assert list(truth) == list(TRUTH)
    for key, inner in TRUTH.items():
        if inner is not None:
            assert set(truth[key]) == inner
    assert truth["relays"]["k1"] == {"coil": False, "contact": False}
    assert (truth["speed"], truth["speed_actual"]) == (600.0, 580.5)
    assert truth["plant_s"] == 5.0
    assert truth["battery"]["true_runtime_s"] > 3600
    world.close()


def test_a_scenario_happens_at_its_seconds_whatever_the_step(tmp_path):
    for dt in (0.1, 0.7, 1.0):
        world = open_world(CONFIG, None, scenario=EXAMPLES / "outage.toml")
        seen = {}
        while world.plant.plant_s < 700:
            world.plant.heartbeat()
            world.advance(dt)
            truth = world.truth()
            state = (truth["supply"]["on"], truth["charger"]["on"], truth["load"]["amps"])
            seen.setdefault(state, world.plant.plant_s)
        assert seen[(False, False, 2.0)] == pytest.approx(60, abs=dt + 1e-6)
        assert seen[(False, False, 6.0)] == pytest.approx(180, abs=dt + 1e-6)
        assert seen[(True, False, 2.0)] == pytest.approx(660, abs=dt + 1e-6)
        assert truth["load"]["dropped_s"] == truth["load"]["dead_s"] == 0.0
        assert truth["battery"]["soc"] < 0.99


def test_a_bad_scenario_does_not_open(tmp_path):
    (tmp_path / "s.toml").write_text("[[at]]\ntime_s=1\nload.amps=99\n")
    with pytest.raises(DataError, match=r"load\.amps = 99"):
        open_world(CONFIG, tmp_path, scenario=tmp_path / "s.toml")


def test_buttons_are_held_in_plant_time_and_lines_reach_the_pins(tmp_path):
    world = open_world(CONFIG, None)
    pin = CONFIG.pins["pb1"].gpio
    pressed = world.pins.factory.pin(pin)
    idle = pressed.state
    assert world.change({"button.pb1": "4"}) == {"button.pb1": 4.0}
    advance(world, 3, 0.1)
    assert pressed.state != idle
    advance(world, 1.2, 0.1)
    assert pressed.state == idle
    guard = world.pins.factory.pin(CONFIG.pins["guard"].gpio)
    quiet = guard.state
    world.change({"supply.on": 0})
    advance(world, 2, 0.1)
    assert guard.state != quiet


def test_a_change_is_all_or_none_and_answers_what_it_understood():
    world = open_world(CONFIG, None)
    with pytest.raises(SettingError, match=r"load\.amps"):
        world.change({"supply.on": "0", "load.amps": "99"})
    assert world.truth()["supply"]["on"] is True
    record = str(EXAMPLES / "bboxx_17ah_2A3.csv")
    assert world.change({"battery.replay": record}) == {"battery.replay": record}


def test_the_file_is_rewritten_once_a_plant_second_and_always_json(tmp_path):
    world = open_world(CONFIG, tmp_path)
    path = tmp_path / "sim.json"
    seen = []
    for _ in range(50):
        world.advance(0.1)
        seen.append(json.loads(path.read_bytes())["plant"]["plant_s"])
    assert len(set(seen)) in (5, 6)
    assert seen[-1] > 4.0
    world.change({"fault.i2c.0x40": "stuck", "fault.i2c.0x41": "noise"})
    advance(world, 1)
    assert json.loads(path.read_bytes())["plant"]["keys"]["fault.i2c.0x40"] == "stuck"
    world.change({"fault.i2c.0x40": "off", "fault.i2c.0x41": "off"})
    advance(world, 1)
    assert "fault.i2c.0x40" not in json.loads(path.read_bytes())["plant"]["keys"]
    world.close()


def test_a_second_life_goes_on_where_the_first_ended(tmp_path):
    wall = Wall()
    world = open_world(CONFIG, tmp_path, blocks=2, wall=wall)
    world.change(
        {
            "load.amps": 5, "battery.soh": 0.8, "battery.soc": 0.7, "temperature.c": 12,
            "charger.on": 0, "ch2.volts": 3, "fault.i2c.0x4a": "nack", "noise": 0,
            "fault.relay.k2": "open",
        }
    )  # fmt: skip
    advance(world, 100)
    world.plant.set_coil("k1", True)
    advance(world, 1000)
    world.plant.owner_hang = True
    world.save()
    before = world.truth()
    again = open_world(CONFIG, tmp_path, wall=wall)
    truth = again.truth()
    assert again.findings == []
    assert truth["plant_s"] == before["plant_s"]
    assert truth["battery"]["soc"] == before["battery"]["soc"]
    assert truth["battery"]["volts"] == pytest.approx(before["battery"]["volts"], abs=0.2)
    assert truth["relays"]["k1"] == {"coil": False, "contact": True}
    assert not again.plant.owner_hang
    assert again.plant.i2c_faults == {0x4A: "nack"}
    assert again.plant.relay_faults["k2"] == "open"
    assert again.plant.io_v[1] == 3.0
    advance(again, 1)
    assert again.truth()["relays"]["k1"]["contact"] is False
    assert again.truth()["load"]["dropped_s"] == 0.0
    assert again.truth()["load"]["volts"] > 26.0


def test_the_time_between_counts_with_all_coils_off(tmp_path):
    wall = Wall()
    world = open_world(CONFIG, tmp_path, wall=wall)
    world.change({"battery.soc": 0.5})
    world.plant.set_coil("k2", True)
    advance(world, 100)
    world.close()
    wall.now += 6 * 3600
    again = open_world(CONFIG, tmp_path, wall=wall)
    truth = again.truth()
    assert truth["plant_s"] == pytest.approx(100 + 6 * 3600, abs=0.01)
    assert truth["battery"]["soc"] > 0.8  # the charger was closed again
    again.change({"supply.on": 0, "charger.on": 0})
    again.close()
    wall.now += 2 * 3600
    third = open_world(CONFIG, tmp_path, wall=wall).truth()
    assert third["guard"] is True
    assert third["battery"]["soc"] < truth["battery"]["soc"] - 0.15
    assert third["load"]["dropped_s"] == 0.0


def test_coasting_is_what_the_same_hours_in_seconds_are(tmp_path):
    quick, slow = open_world(CONFIG, None), open_world(CONFIG, None)
    for world in (quick, slow):
        world.change({"battery.soc": 0.4})
    quick.coast(4 * 3600)
    for _ in range(4 * 3600):
        slow.advance(1.0)
    one, other = quick.truth(), slow.truth()
    assert one["battery"]["soc"] == pytest.approx(other["battery"]["soc"], abs=0.01)
    assert one["battery"]["volts"] == pytest.approx(other["battery"]["volts"], abs=0.15)


@pytest.mark.parametrize(
    "keys",
    [
        {},
        {"battery.soc": 0.1},
        {"supply.on": 0, "charger.on": 0},
        {"supply.on": 0, "charger.on": 0, "load.amps": 0.2},
        {"battery.rated_ah": 2000, "battery.soc": 0.0},
    ],
)
def test_a_month_away_takes_less_than_a_second(tmp_path, keys):
    wall = Wall()
    world = open_world(CONFIG, tmp_path, wall=wall)
    world.change(keys)
    world.close()
    wall.now += 400 * 86400.0
    start = time.thread_time()
    again = open_world(CONFIG, tmp_path, wall=wall)
    assert time.thread_time() - start < 1.0
    assert again.plant.plant_s == pytest.approx(30 * 86400.0, abs=1.0)
    wall.now -= 1e6  # a clock that was set back is no time at all
    assert open_world(CONFIG, tmp_path, wall=wall).plant.plant_s == again.plant.plant_s


def test_a_scenario_goes_on_after_a_restart_and_begins_anew_after_its_end(tmp_path):
    wall = Wall()
    path = EXAMPLES / "outage.toml"
    world = open_world(CONFIG, tmp_path, scenario=path, wall=wall)
    advance(world, 100)
    world.close()
    wall.now += 90  # the entry of second 180 falls into the gap
    again = open_world(CONFIG, tmp_path, scenario=path, wall=wall)
    assert again.truth()["load"]["amps"] == 6.0
    advance(again, 600)
    assert again.truth()["supply"]["on"] is True
    again.close()
    third = open_world(CONFIG, tmp_path, scenario=path, wall=wall)
    advance(third, 61)
    assert third.truth()["supply"]["on"] is False


def test_fresh_starts_anew(tmp_path):
    world = open_world(CONFIG, tmp_path)
    world.change({"load.amps": 7})
    advance(world, 10)
    world.close()
    new = open_world(CONFIG, tmp_path, fresh=True, blocks=4)
    assert new.plant.plant_s == 0.0
    assert new.plant.load.amps == 2.0
    assert new.plant.sense().battery_v > 50
    assert json.loads((tmp_path / "sim.json").read_bytes())["plant"]["plant_s"] == 0.0


def _plant_with(**values: object) -> bytes:
    return json.dumps({"format": 1, "wall": 0, "plant": values, "scenario": None}).encode()


@pytest.mark.parametrize(
    "content",
    [
        b"", b"{", b"[]", b"\x00" * 50, b'{"format": 9}', b'{"format": 1, "plant": 5}',
        b'{"format": 1, "plant": {"keys": {"load.amps": 1e9}}}',
        b'{"format": 1, "plant": {"keys": {}, "plant_s": NaN}}',
        _plant_with(keys={}, plant_s=-1), b"[" * 100_000,
    ],
)  # fmt: skip
def test_a_corrupt_file_starts_fresh_and_is_a_finding(tmp_path, content):
    (tmp_path / "sim.json").write_bytes(content)
    world = open_world(CONFIG, tmp_path)
    assert len(world.findings) == 1
    assert "starts anew" in world.findings[0]
    assert (tmp_path / "sim.json.corrupt").read_bytes() == content
    advance(world, 2)
    world.close()
    assert open_world(CONFIG, tmp_path).findings == []


def test_a_record_and_a_profile_survive_and_a_lost_one_is_a_finding(tmp_path):
    wall = Wall()
    record = tmp_path / "r.csv"
    record.write_bytes((EXAMPLES / "bboxx_17ah_2A3.csv").read_bytes())
    world = open_world(CONFIG, tmp_path, wall=wall)
    world.change({"battery.replay": str(record)})
    world.plant.set_coil("k1", True)
    advance(world, 629)
    world.save()
    again = open_world(CONFIG, tmp_path, wall=wall)
    assert again.plant.replay is not None
    assert again.plant.replay.played_s == pytest.approx(629, abs=0.1)
    again.close()
    record.unlink()
    third = open_world(CONFIG, tmp_path, wall=wall)
    assert third.plant.replay is None
    assert str(record) in third.findings[0]


def test_it_is_whole_after_a_kill_at_any_moment(tmp_path):
    code = (
        "import sys\nfrom pathlib import Path\n"
        "from btrmd.hal.config import REFERENCE, load_hardware\n"
        "from btrmd.hal.sim.world import open_world\n"
        "world = open_world(load_hardware(REFERENCE), Path(sys.argv[1]))\n"
        "world.plant.set_coil('k1', True)\nprint('up', flush=True)\n"
        "while True:\n    world.plant.heartbeat()\n    world.advance(1.0)\n"
    )
    at = 0.0
    for n in range(5):
        child = subprocess.Popen(
            [sys.executable, "-c", code, str(tmp_path)],
            stdout=subprocess.PIPE,
            cwd=Path(__file__).parents[2],
            env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
        )
        assert child.stdout is not None
        with child.stdout:
            assert child.stdout.readline() == b"up\n"
            deadline = time.monotonic() + 30
            target = at + 200 + 37 * n
            while time.monotonic() < deadline:
                with suppress(ValueError):  # a look in the very moment of a write
                    saved = json.loads((tmp_path / "sim.json").read_bytes())
                    if saved["plant"]["plant_s"] > target:
                        break
            child.send_signal(signal.SIGKILL)
            child.wait()
        at = json.loads((tmp_path / "sim.json").read_bytes())["plant"]["plant_s"]
        assert at > target
    world = open_world(CONFIG, tmp_path)
    assert world.findings == []
    assert world.plant.plant_s >= at
    assert world.plant.dropped_s == 0.0
    world.close()


def test_one_thread_changes_while_another_advances(tmp_path):
    world = open_world(CONFIG, tmp_path)
    stop = threading.Event()
    wrong: list[str] = []

    def asker() -> None:
        amps = 0
        while not stop.is_set():
            amps = (amps + 1) % 20
            world.change({"load.amps": amps, "supply.volts": 13.6})
            if not 0.0 <= world.truth()["load"]["amps"] <= 25.0:
                wrong.append("amps")

    thread = threading.Thread(target=asker)
    thread.start()
    try:
        for _ in range(2000):
            world.plant.heartbeat()
            world.advance(0.1)
            world.plant.sense()
    finally:
        stop.set()
        thread.join()
    assert wrong == []
    assert world.plant.dropped_s == 0.0
    assert world.plant.plant_s == pytest.approx(200.0)
    world.close()


def test_a_hat_without_a_guard_has_none():
    world = open_world(CONFIG._replace(guard=False), None)
    advance(world, 1)
    world.change({"supply.on": 0})
    advance(world, 1)
    assert not world.plant.sense().guard
    assert world.truth()["load"]["dropped_s"] > 0.9


def test_a_full_disk_is_a_finding_not_a_crash(tmp_path):
    world = open_world(CONFIG, tmp_path)
    assert world._file is not None
    world._file.close()
    world._file.path = tmp_path / "no" / "such" / "folder" / "sim.json"
    advance(world, 3)
    assert len(world.findings) == 1
    assert "cannot be written" in world.findings[0]
