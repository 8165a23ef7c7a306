"""What one step knows, and that it decides nothing on a reading that is not good."""

from __future__ import annotations

from math import nan
from random import Random

import pytest
from core_scenes import WALL_0, phase, rested, start, step_context, supply

from btrmd.core.scan.actions import Action, Tell
from btrmd.core.scan.context import StepContext
from btrmd.core.scan.flows import measure_flows
from btrmd.core.scan.relations import CHARGER, LOAD
from btrmd.core.state import State
from btrmd.core.step import step
from btrmd.model.board import Inputs
from btrmd.model.commands import AckAlarm, ChangeSettings, Command, NextTestIn, StartTest, StopTest
from btrmd.model.events import Event, Kind
from btrmd.model.readings import BAD, GOOD, MISSING, STALE, Measurement, Quality
from btrmd.model.settings import Settings

# --- What one step knows: the battery's voltage from what is tied to it, and the lines of the
#     log

FEEDS = {"battery_v": None, "battery_a": -2.3, "supply_v": 0.0, "supply_a": 0.0, "load_v": 12.4,
         "charger_v": 0.0, "charger_a": 0.0}  # fmt: skip
CHARGED = {"battery_v": None, "battery_a": 2.5, "charger_a": 2.5, "charger_v": 13.1}


def seen(ctx: StepContext, *, odd: bool = True, jumped: int | None = None) -> float | None:
    """V of the battery as far as anyone can tell; None: it has no good reading."""
    ctx.battery_is_odd = odd
    if jumped is not None:
        ctx.jumped = tuple(place == jumped for place in range(4))
    battery = ctx.battery
    return round(battery.value, 3) if battery.good else None


def test_its_own_reading_counts_while_it_is_good() -> None:
    assert seen(step_context(battery_v=12.7)) == 12.7


def test_while_it_feeds_the_load_the_load_tells_and_a_diode_more() -> None:
    assert seen(step_context(**FEEDS)) == 12.43
    # a reading that is only missing is not replaced
    assert seen(step_context(**FEEDS), odd=False) is None
    assert seen(step_context(**{**FEEDS, "load_v": None})) is None
    unread = step_context(**FEEDS)
    unread.inputs = unread.inputs._replace(load_v=Measurement(12.4, BAD, unread.now))
    assert seen(unread) is None
    assert seen(step_context(**FEEDS), jumped=LOAD) is None
    assert seen(step_context(**FEEDS), jumped=CHARGER) == 12.43


def test_while_the_charger_delivers_it_tells_and_a_diode_less() -> None:
    assert seen(step_context(**CHARGED)) == 13.07
    assert seen(step_context(**{**CHARGED, "charger_v": None})) is None
    assert seen(step_context(**CHARGED), jumped=CHARGER) is None
    assert seen(step_context(**CHARGED), jumped=LOAD) == 13.07
    assert seen(step_context(**{**CHARGED, "charger_a": 0.31, "battery_a": 0.31})) == 13.07
    assert seen(step_context(**{**CHARGED, "charger_a": 0.3, "battery_a": 0.3})) is None
    # its current is not known: what the battery takes tells, 0.1 A and 1 % of the load less
    unknown = {**CHARGED, "charger_a": None, "load_a": 2.0}
    assert seen(step_context(**unknown)) == 13.07
    assert seen(step_context(**{**unknown, "battery_a": 0.43})) == 13.07
    assert seen(step_context(**{**unknown, "battery_a": 0.41})) is None
    assert seen(step_context(**{**unknown, "supply_a": None})) is None


def test_on_a_joined_source_what_the_battery_takes_says_that_the_charger_delivers() -> None:
    joined = {**CHARGED, "charger_a": 0.0, "supply_a": 4.8}
    source = {"system.single_source": True}
    assert seen(step_context(changes=source, **joined)) == 13.07
    assert seen(step_context(changes=source, **{**joined, "battery_a": 0.3})) is None
    # the battery's current is not known: what the source gives beyond load and unit tells
    assert (
        seen(step_context(changes=source, **{**joined, "battery_a": None, "load_a": 2.0})) == 13.07
    )
    assert (
        seen(step_context(changes=source, **{**joined, "battery_a": None, "load_a": 4.2})) is None
    )
    assert seen(step_context(**joined)) is None


def test_a_charger_without_volts_tells_nothing_of_the_battery_whatever_its_current_reads() -> None:
    """Its current reads 1.5 A too much, and the battery's reading is not believed any more: a good
    battery was taken for one of 0 V, and the LVD took the load from it."""
    lies = {**FEEDS, "battery_a": -2.0, "charger_a": 1.5, "load_v": None}
    assert seen(step_context(**lies)) is None
    # nor while the currents contradict each other
    assert seen(step_context(**{**CHARGED, "charger_a": 4.0})) is None
    least = step_context().sp.th.unfed_v
    assert seen(step_context(**{**CHARGED, "charger_v": least})) == round(least - 0.03, 3)
    assert seen(step_context(**{**CHARGED, "charger_v": least - 0.01})) is None


def test_where_the_load_is_not_known_the_charger_that_helps_to_feed_it_tells() -> None:
    both = {**FEEDS, "battery_a": -1.3, "charger_a": 1.0, "charger_v": 12.5}
    assert seen(step_context(**both)) == 12.43
    assert seen(step_context(**{**both, "load_v": None})) == 12.47


def test_a_battery_that_takes_and_gives_nothing_may_be_cut_off_from_both() -> None:
    assert seen(step_context(**{**FEEDS, "battery_a": 0.0, "charger_a": 2.3})) is None


def test_a_line_of_the_log_has_the_time_of_the_scan() -> None:
    ctx = step_context(1000.0, boot=990.0)
    ctx.tell("clock", Kind.RAISE, "Text.")
    ctx.tell("x", Kind.CLEAR, "T", value=1, threshold=2.0, source="web", notify=False)
    plain, full = (action.event for action in ctx.actions if isinstance(action, Tell))
    assert plain == Event(
        n=0, at=WALL_0, uptime_s=10.0, key="clock", kind=Kind.RAISE, value=None, threshold=None,
        source="core", text="Text.", notify=True,
    )  # fmt: skip
    assert (full.value, full.threshold, full.source, full.notify) == (1, 2.0, "web", False)


def test_it_measures_the_flows_itself_where_nobody_has() -> None:
    ctx = step_context()
    assert ctx.flows == measure_flows(ctx.inputs, False)
    assert (ctx.supply_feeds, ctx.battery_is_odd, ctx.is_doubtful) == (False, False, False)
    assert ctx.jumped == (False,) * 4


# --- No decision on a reading that is not good; and no lying channel makes the station flap ------

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
