"""No decision on a reading that is not good; and no lying channel makes the station flap."""

from __future__ import annotations

from math import nan
from random import Random

import pytest
from core_scenes import phase, rested, start, supply

from btrmd.core.scan.actions import Action
from btrmd.core.state import State
from btrmd.core.step import step
from btrmd.model.board import Inputs
from btrmd.model.commands import (
    AckAlarm,
    ChangeSettings,
    Command,
    NextTestIn,
    StartTest,
    StopTest,
)
from btrmd.model.readings import BAD, GOOD, MISSING, STALE, Measurement, Quality
from btrmd.model.settings import Settings

CHANNELS = (
    "battery_v", "battery_a", "load_v", "load_a", "charger_v", "charger_a", "supply_v",
    "supply_a", "temperature", "io1_v", "io2_v",
)  # fmt: skip
GARBAGE = (-1e6, 1e6, nan)


class Blindfold:
    """A core that is given every scan again with other values wherever the quality is not good."""

    def __init__(self) -> None:
        self.qualities: dict[str, Quality] = {}
        self.compared = 0

    def __call__(
        self, state: State, inputs: Inputs, settings: Settings, commands: tuple[Command, ...],
        now: float,
    ) -> tuple[State, list[Action]]:  # fmt: skip
        dark = {
            name: Measurement(getattr(inputs, name).value, quality, now)
            for name, quality in self.qualities.items()
            if quality is not GOOD
        }
        inputs = inputs._replace(**dark)  # type: ignore[arg-type]
        expected = step(state, inputs, settings, commands, now)
        for garbage in GARBAGE if dark else ():
            other = {name: m._replace(value=garbage) for name, m in dark.items()}
            changed = step(state, inputs._replace(**other), settings, commands, now)  # type: ignore[arg-type]
            assert changed == expected, f"{sorted(dark)} read {garbage} and changed a decision"
            self.compared += 1
        return expected


def some_command(random: Random) -> Command:
    commands: tuple[Command, ...] = (
        StartTest("1", source="x"),
        StartTest("2", source="x"),
        StartTest("1", 0.01, "x"),
        StopTest("x"),
        NextTestIn(0.0, "x"),
        AckAlarm(f"relay.k{random.randint(1, 3)}", "x"),
        ChangeSettings({"ups.enabled": random.random() < 0.5}, "x"),
        ChangeSettings({"lvd.enabled": random.random() < 0.5}, "x"),
        ChangeSettings({"system.voltage": random.choice((12, 24))}, "x"),
        ChangeSettings({"io1.config": random.randint(0, 4)}, "x"),
    )
    return random.choice(commands)


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.long
def test_what_is_not_good_may_read_anything(seed: int) -> None:
    random = Random(seed)
    station = rested(random.choice((12, 24)), dt=random.choice((0.1, 1.0)), test__enabled=True)
    core = station.core = Blindfold()
    plant = station.plant
    for _ in range(700):
        dice = random.random()
        commands = [some_command(random)] if dice < 0.03 else []
        if dice > 0.97:
            plant.supply.on = random.random() < 0.7
            plant.charger.switch(random.random() < 0.7)
            plant.load.hold(random.choice((0.1, 0.4, 2.0, 9.0)))
            plant.temperature_c = random.choice((25.0, 25.0, 50.0, 65.0))
            plant.battery.set_soc(random.choice((1.0, 1.0, 0.5, 0.02)))
            plant.touch()
        if random.random() < 0.05:
            name = random.choice(CHANNELS)
            core.qualities[name] = random.choice((GOOD, GOOD, STALE, BAD, MISSING))
        station.tick(*commands)
    assert core.compared > 500


@pytest.mark.parametrize("name", [*CHANNELS[:9]])
@pytest.mark.parametrize("where", ["proving", "running", "returning", "outage"])
def test_a_sensor_that_dies_in_any_state_changes_nothing_by_its_last_value(
    name: str, where: str
) -> None:
    station = rested(dt=1.0)
    if where == "outage":
        supply(station, False)
        station.run(5.0)
    elif where == "proving":
        station.ask(StartTest("1", source="x"))
        station.run(10.0)
    else:
        start(station)
        if where == "returning":
            station.ask(StopTest("x"))
    core = station.core = Blindfold()
    core.qualities[name] = BAD
    station.run(60.0)
    assert core.compared == 60 * len(GARBAGE)
    assert station.plant.dropped_s == 0.0
    assert phase(station) in ("idle", "running")


LIES = {"zero": 0.0, "half": 0.5, "low": 0.9, "high": 1.15, "double": 2.0}


@pytest.mark.parametrize("name", CHANNELS[:9])
@pytest.mark.parametrize("lie", LIES)
@pytest.mark.long
def test_a_lying_sensor_neither_drops_the_load_nor_fills_the_log(name: str, lie: str) -> None:
    for in_test in (False, True):
        station = rested(dt=1.0, lvd__enabled=True)
        if in_test:
            start(station)
        count = len(station.events)
        share = LIES[lie]
        station.lies[name] = lambda value, share=share: value * share
        moves, before = 0, station.state.outputs.k1
        for _ in range(240):
            station.tick()
            moves += before is not station.state.outputs.k1
            before = station.state.outputs.k1
        assert station.plant.dropped_s == 0.0
        assert moves <= 9, "the wait before each return doubles"
        assert len(station.events) - count <= 14
        assert phase(station) in ("idle", "running")
