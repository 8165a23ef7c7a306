"""Creep: what a reading has moved by while nothing flows, and what is not told of K2 for it."""

from __future__ import annotations

import pytest
from core_scenes import blamed, drift, lie, rested, start, step_context, supply
from station import Station

from btrmd.core.machines.creep import gap_without_creep, step_creep, step_fall, without_creep
from btrmd.model.commands import StartTest, StopTest

# --- How far the charger's reading has crept up while it gives nothing ---------------------------

BLOCKS = (1, 4)


def crept(
    before: float | None, after: float | None, *, so_far: float = 0.2, dt: float = 1.0,
    blocks: int = 1, single: bool = False, held: bool = False, **put: object,
) -> float:  # fmt: skip
    ctx = step_context(
        volts=12 * blocks, changes={"system.single_source": single},
        **{"charger_a": 0.0, "battery_a": 0.0, **put},
    )  # type: ignore[arg-type]  # fmt: skip
    return step_creep(so_far, before, after, held, ctx.inputs, ctx.sp, dt)


@pytest.mark.parametrize("blocks", BLOCKS)
def test_what_rises_slowly_is_counted_and_what_moves_at_once_is_the_charger(blocks: int) -> None:
    volts = 13.5 * blocks
    for dt, slow, fast in ((1.0, 0.079, 0.081), (0.1, 0.034, 0.036)):
        made = crept(volts, volts + slow * blocks, dt=dt, blocks=blocks)
        assert made == pytest.approx(0.2 + slow * blocks, abs=1e-3)
        assert crept(volts, volts + fast * blocks, dt=dt, blocks=blocks) == 0.2
        made = crept(volts, volts + fast * blocks, dt=dt, blocks=blocks, held=True)
        assert made == pytest.approx(0.2 + fast * blocks), "no contact has moved that lifts it"
    assert crept(volts, 14.4 * blocks, blocks=blocks) == 0.2, "it goes to absorption"
    assert crept(12.59 * blocks, volts, blocks=blocks, held=True) == 0.2, "it has been switched on"
    assert crept(12.61 * blocks, volts, blocks=blocks, held=True) > 0.2


def test_what_falls_takes_back_and_an_hour_forgets_what_the_temperature_moves() -> None:
    assert crept(13.5, 13.43) == pytest.approx(0.13, abs=1e-4)
    assert crept(13.5, 13.4, dt=2.0) == pytest.approx(0.1, abs=1e-4)
    assert crept(13.7, 13.41) == 0.0, "it is mended"
    assert crept(13.7, 13.6) == crept(14.4, 13.39) == 0.2, "it goes to another stage"
    assert crept(54.8, 53.6, blocks=4, so_far=0.81) == 0.0, "it is mended"
    assert crept(54.8, 53.6, blocks=4, so_far=0.79) == 0.79
    assert crept(13.5, 13.5, dt=3600.0) == pytest.approx(0.15)
    assert crept(54.0, 54.0, dt=1800.0, blocks=4) == pytest.approx(0.1)


def test_a_charger_that_gives_is_at_its_volts_and_what_is_not_known_says_nothing() -> None:
    assert crept(13.5, 13.51, charger_a=0.05) == 0.0
    assert crept(13.5, 13.5, charger_a=0.049) == pytest.approx(0.2, abs=1e-4)
    assert crept(13.5, 13.51, charger_a=None) == 0.2
    assert crept(None, 13.5) == crept(13.5, None) == 0.2
    # one that is gone, and comes back
    assert crept(13.5, 0.0) == crept(0.0, 13.5) == 0.2
    assert crept(12.6, 12.59) == 0.2
    # of a joined source the battery's current tells
    assert crept(13.5, 13.51, single=True, charger_a=1.0) > 0.2
    assert crept(13.5, 13.51, single=True, battery_a=0.05) == 0.0


@pytest.mark.parametrize("blocks", BLOCKS)
def test_a_battery_at_rest_falls_by_half_a_millivolt_a_second_at_most(blocks: int) -> None:
    sp = step_context(volts=12 * blocks).sp
    volts = 13.0 * blocks
    for dt, slow, fast in ((1.0, 0.079, 0.081), (0.1, 0.034, 0.036)):
        fell = step_fall(0.2, volts, volts - slow * blocks, False, False, sp, dt)
        assert fell == pytest.approx(0.2 + (slow - 0.0005 * dt) * blocks)
        assert step_fall(0.2, volts, volts - fast * blocks, False, False, sp, dt) == 0.2, "another"
        held = step_fall(0.2, volts, volts - fast * blocks, False, True, sp, dt)
        assert held == pytest.approx(0.2 + fast * blocks), "a charger would give to another one"
    assert step_fall(0.0, volts, volts - 0.0005 * blocks, False, False, sp, 1.0) == pytest.approx(
        0.0, abs=1e-9
    )
    # by ten times as much where a charge has lifted it
    lifted = step_fall(0.2, volts, volts - 0.02 * blocks, True, False, sp, 2.0)
    assert lifted == pytest.approx(0.2 + 0.01 * blocks)
    # it recovers, and what rises takes back
    assert step_fall(
        0.2 * blocks, volts, volts + 0.1 * blocks, False, False, sp, 1.0
    ) == pytest.approx((0.2 - 0.1 - 0.0005) * blocks)
    assert step_fall(0.2, volts, volts + 1.0, False, False, sp, 1.0) == 0.0


def test_noise_takes_nothing_from_what_the_charger_reads() -> None:
    assert without_creep(13.5, 0.03) == 13.5
    assert without_creep(13.5, 0.23) == pytest.approx(13.3)
    for crept_v, fell_v, gap_v in ((0.03, 0.03, 0.5), (0.13, 0.03, 0.4), (0.13, 0.23, 0.2)):
        assert gap_without_creep(13.5, crept_v, 13.0, fell_v) == pytest.approx(gap_v)


# --- On a site ----------------------------------------------------------------------------------


def absorbed(volts: int) -> Station:
    """A battery that has been lifted by the charge after a short outage."""
    station = rested(volts, load_a=2.0, rated_ah=17.0)
    station.run(60.0)
    supply(station, False)
    station.run(20.0)
    supply(station, True)
    station.run(1200.0)
    assert station.inputs.battery_v.value > 13.6 * station.plant.blocks
    return station


@pytest.mark.parametrize(
    ("volts", "volts_per_h", "before_s"),
    [(12, 6, 0), (12, 6, 200), (12, 12, 0), (12, 12, 100), (24, 12, 0)],
)
def test_a_charger_reading_that_creeps_up_after_a_test_is_never_told_as_an_open_k2(
    volts: int, volts_per_h: float, before_s: float
) -> None:
    """The test has ended an absorption: the battery stands above the charger, and no current shows
    that K2 has closed. A charger that gives nothing holds its volts."""
    station = absorbed(volts)
    drift(station, "charger.voltage", volts_per_h)
    station.run(before_s)
    start(station, "2")
    station.run(30.0)
    station.ask(StopTest("test"))
    assert station.until(lambda s: blamed(s) != [], 900.0)
    assert station.inputs.charger_a.value < 0.05
    assert blamed(station) == ["reading.battery.voltage", "reading.charger.voltage"]
    station.run(300.0)
    assert station.state.relays.faulty == ()


@pytest.mark.parametrize("volts", [12, 24, 48])
@pytest.mark.parametrize("point", ["battery.voltage", "charger.voltage"])
def test_a_noisy_reading_after_a_test_is_no_word_against_k2(point: str, volts: int) -> None:
    """One scan in two it stood where an open K2 would have it."""
    station = absorbed(volts)
    start(station, "2")
    station.run(30.0)
    lie(station, point, f"noise:{2 * station.plant.blocks}")
    station.ask(StopTest("test"))
    station.run(600.0)
    assert station.inputs.charger_a.value < 0.05
    assert station.state.relays.faulty == ()


@pytest.mark.parametrize(
    ("point", "by", "settles_s"),
    [
        ("charger.voltage", 0.7, 120), ("charger.voltage", 0.9, 120),
        ("battery.voltage", -0.9, 1200), ("battery.voltage", -0.97, 600),
    ],
)  # fmt: skip
def test_a_reading_that_begins_to_lie_after_a_test_is_never_told_as_an_open_k2(
    point: str, by: float, settles_s: float
) -> None:
    """By less than what counts as a jump, while the battery stood above the charger: relay.k2."""
    station = absorbed(12)
    start(station, "2")
    station.run(30.0)
    station.ask(StopTest("test"))
    station.run(settles_s)
    assert station.inputs.charger_a.value < 0.05
    assert blamed(station) == []
    lie(station, point, f"{by * station.plant.blocks:+g}")
    station.run(10.0)
    assert station.inputs.charger_v.value - station.inputs.battery_v.value > 0.1
    station.run(390.0)
    assert station.state.relays.faulty == ()
    lie(station, point, "off")
    station.run(200.0)
    assert blamed(station) == []


@pytest.mark.parametrize(
    ("apart_v", "volts_per_h"), [(0.2, -150.0), (0.35, -120.0), (0.46, -100.0)]
)
def test_a_battery_reading_that_drifted_before_k2_was_told_to_open_blames_no_k2(
    apart_v: float, volts_per_h: float
) -> None:
    """It fell on in the proving of the path, which it ended as too low, and K2 was latched."""
    station = absorbed(48)
    assert station.inputs.battery_v.value > station.inputs.charger_v.value, "nothing flows"
    drift(station, "battery.voltage", volts_per_h)
    limit_v = 4.0 * apart_v

    def is_apart(s: Station) -> bool:
        return s.inputs.charger_v.value - s.inputs.battery_v.value > limit_v

    assert station.until(is_apart, 300.0)
    assert station.ask(StartTest("2", source="test")).ok
    station.run(300.0)
    assert station.state.relays.faulty == ()
    assert "reading.battery.voltage" in blamed(station)


@pytest.mark.parametrize(
    ("volts", "load_a", "volts_per_h"),
    [(12, 0.5, -240), (12, 2.0, -60), (12, 0.5, -10), (24, 0.5, -120), (48, 0.3, -60)],
)
def test_a_battery_reading_that_drifts_down_after_a_test_is_never_told_as_an_open_k2(
    volts: int, load_a: float, volts_per_h: float
) -> None:
    """The battery was full, and no current shows that K2 has closed. One that has been discharged
    rises at rest, or falls by what is left of float."""
    station = rested(48, load_a=load_a, rated_ah=17.0)
    station.run(60.0)
    start(station, "2")
    station.run(60.0)
    station.ask(StopTest("test"))
    drift(station, "battery.voltage", volts_per_h)
    assert station.until(lambda s: "reading.battery.voltage" in blamed(s), 900.0)
    station.run(300.0)
    assert station.state.relays.faulty == ()


@pytest.mark.parametrize(("off_s", "then_s"), [(200.0, 28.0), (500.0, 5.0), (500.0, 40.0)])
def test_a_charger_that_goes_to_float_in_a_test_takes_nothing_from_what_has_crept(
    off_s: float, then_s: float
) -> None:
    """It had been switched on before the test, and its reading crept up: K2 was blamed 2 s after
    its return, as what had crept before was forgotten."""
    station = absorbed(12)
    station.plant.load.hold(0.5)
    for is_on, seconds in ((False, off_s), (True, 12.0)):
        station.plant.charger.switch(is_on)
        station.plant.touch()
        station.run(seconds)
    drift(station, "charger.voltage", 60.0)
    start(station, "2")
    assert station.plant.charger.stage == "absorption"
    assert station.until(lambda s: s.plant.charger.stage == "float", 90.0)
    station.run(then_s)
    station.ask(StopTest("test"))
    station.run(300.0)
    assert station.state.relays.faulty == ()
    assert "reading.charger.voltage" in blamed(station)
