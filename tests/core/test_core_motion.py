"""Motion: how each voltage has moved lately, and what of that proves that a reading hangs."""

from __future__ import annotations

import pytest
from core_scenes import blamed, drift, joined, lie, rested, start, supply
from station import Station

from btrmd.core.machines.motion import LIVELY, Motion, part_given, step_motion
from btrmd.core.machines.odd_one import put
from btrmd.core.scan.relations import BATTERY, CHARGER, LOAD, SUPPLY
from btrmd.model.board import NO_DROPS

BATTERY_V, LOAD_V, CHARGER_V, SUPPLY_V = FLOAT = (13.5, 13.5, 13.55, 13.6)
COUNT_V = 0.0025  # of the ADC, at the terminals


def moved(
    motion: Motion, *volts: float | None, now: float = 1000.0, dt: float = 1.0,
    before: tuple[float | None, ...] = FLOAT, drops_v: tuple[float, ...] = NO_DROPS,
    discharges: bool = False, blocks: int = 1, given: float = 0.0,
) -> Motion:  # fmt: skip
    """`volts` of battery, load, charger and supply; FLOAT for none."""
    return step_motion(motion, before, volts or FLOAT, drops_v, discharges, given, blocks, now, dt)


def test_when_each_reading_moved_last_is_remembered() -> None:
    made = moved(Motion(), BATTERY_V, 13.51, CHARGER_V, None)
    assert made.moved_at == (0.0, 1000.0, 0.0, 1000.0)
    again = moved(made, now=1001.0)
    assert again.moved_at == made.moved_at


def test_a_reading_that_is_only_corrected_for_its_shunt_has_not_moved() -> None:
    """What hangs in its chip follows the drop at its own shunt, of any size, and nothing else."""
    first = Motion(drops_v=(0.004, 0.0, 0.0, 0.0))
    for volts, drop_v, at in (
        (13.501, 0.005, 0.0), (13.496, 0.0, 0.0), (15.496, 2.0, 0.0), (13.5, 0.004, 0.0),
        (13.501, 0.004, 1000.0), (13.4985, 0.005, 1000.0), (13.50000000001, 0.004, 1000.0),
    ):  # fmt: skip
        made = moved(first, volts, LOAD_V, CHARGER_V, SUPPLY_V, drops_v=(drop_v, 0.0, 0.0, 0.0))
        assert made.moved_at[BATTERY] == at, (volts, drop_v)
        assert made.drops_v[BATTERY] == drop_v
    others = (0.004, 0.005, 0.005, 0.005)
    made = moved(first, 13.501, LOAD_V, CHARGER_V, SUPPLY_V, drops_v=others)
    assert made.moved_at[BATTERY] == 1000.0, "its own drop"


def test_more_moves_than_standstills_are_counted_up_to_eight() -> None:
    motion = Motion()
    for _ in range(9):
        motion = moved(motion, BATTERY_V, 13.51, CHARGER_V, SUPPLY_V)
    assert motion.moves == (0, 8, 0, 0)
    motion = moved(motion)
    assert motion.moves == (0, 7, 0, 0)
    motion = moved(motion, BATTERY_V, LOAD_V, CHARGER_V, 13.61)
    assert motion.moves == (0, 6, 0, 1)


@pytest.mark.parametrize("dt", [0.1, 1.0])
def test_in_how_many_scans_a_reading_moves_is_the_mean_of_some_minutes(dt: float) -> None:
    motion, now = Motion(moved_at=(1000.0,) * 4), 1000.0
    for n in range(int(1200 / dt)):
        now += dt
        battery_v = BATTERY_V + COUNT_V * (n % 4 == 3)
        motion = moved(motion, battery_v, 13.51, CHARGER_V, SUPPLY_V, now=now, dt=dt)
    assert motion.lively == pytest.approx((0.25, 1.0, 0.0, 0.0), abs=0.01)
    # what it does since its last move is no word on it: it may hang
    for _ in range(int(600 / dt)):
        now += dt
        motion = moved(motion, now=now, dt=dt)
    assert motion.lively == pytest.approx((0.25, 1.0, 0.0, 0.0), abs=0.01)
    motion = moved(motion, BATTERY_V, 13.51, CHARGER_V, SUPPLY_V, now=now, dt=dt)
    assert motion.lively[LOAD] == pytest.approx(dt / 600.0), "it had only stood still"


def test_a_reading_that_has_just_begun_to_move_is_not_lively_yet() -> None:
    motion, now = Motion(moved_at=(1000.0,) * 4), 1000.0
    for _ in range(60):
        now += 1.0
        motion = moved(motion, BATTERY_V, 13.51, CHARGER_V, SUPPLY_V, now=now)
    assert 0.2 < motion.lively[LOAD] < LIVELY
    assert moved(motion, BATTERY_V, 13.52, CHARGER_V, SUPPLY_V, now=now).lively == motion.lively
    sooner = moved(Motion(moved_at=(999.5,) * 4), BATTERY_V, 13.51, CHARGER_V, SUPPLY_V)
    assert sooner.lively[LOAD] == pytest.approx(0.0025), "half a second of two hundred"
    first = moved(Motion(), 13.51, 13.51, 13.51, 13.51)
    assert first.lively == (0.001,) * 4, "of the whole time before"


@pytest.mark.parametrize("blocks", [1, 4])
def test_when_each_reading_last_moved_by_far_is_remembered(blocks: int) -> None:
    motion = Motion()
    for by_v, leapt in ((0.29, False), (-0.29, False), (0.31, True), (-0.31, True)):
        volts = (BATTERY_V, LOAD_V, CHARGER_V + by_v * blocks, None)
        made = moved(motion, *volts, blocks=blocks)
        at = 1000.0 if leapt else float("-inf")
        assert made.leapt_at == (float("-inf"), float("-inf"), at, float("-inf")), by_v
    assert moved(made, now=1001.0).leapt_at == made.leapt_at
    assert made.leapt_before == (float("-inf"),) * 4
    again = moved(
        made, BATTERY_V, LOAD_V, CHARGER_V + 0.31 * blocks, 0.0, now=1001.0, blocks=blocks
    )
    assert (again.leapt_at[CHARGER], again.leapt_before[CHARGER]) == (1001.0, 1000.0)
    assert again.leapt_before[SUPPLY] == float("-inf")
    other = moved(again, 0.0, LOAD_V, CHARGER_V, SUPPLY_V, now=1002.0, blocks=blocks)
    assert other.leapt_before[CHARGER] == 1000.0, "another one has"


def test_that_the_load_came_to_the_battery_or_left_it_is_remembered() -> None:
    came = moved(Motion(), now=1000.0, discharges=True)
    assert came.turned_at == 1000.0
    assert moved(came, now=1001.0, discharges=True).turned_at == 1000.0
    assert moved(came, now=1002.0, discharges=False).turned_at == 1002.0


@pytest.mark.parametrize("end", [BATTERY, LOAD, CHARGER, SUPPLY])
def test_what_hangs_is_lively_by_habit_or_has_stood_through_a_turn(end: int) -> None:
    now, other = 1000.0, (end + 1) % 4

    def hangs(
        still_s: float, lively: float = 0.0, moves: int = 0, turned_s: float = 1e9,
        other_s: float = 0.0, stands: int = 99, swings: float = 1.0,
    ) -> bool:  # fmt: skip
        return Motion(
            moved_at=put(put((0.0,) * 4, end, now - still_s), other, now - other_s),
            moves=put((0,) * 4, other, moves), lively=put((0.0,) * 4, end, lively),
            turned_at=now - turned_s, stands=(stands,) * 4, swings=put((0.0,) * 4, end, swings),
        ).hangs(end, other, now)  # fmt: skip

    assert hangs(4.0, 0.3, 5)
    assert not hangs(3.9, 0.3, 5)
    assert not hangs(4.0, 0.3, 4), "the other one stands still as well"
    # of a chip that moves in so many of its scans once in a million so many stand still
    for lively, stands in ((0.3, 39), (0.5, 20), (0.75, 10), (0.95, 5), (1.0, 5)):
        assert hangs(4.0, lively, 5, stands=stands), lively
        assert not hangs(4.0, lively, 5, stands=stands - 1), lively
    # a charge or a discharge that moves it in each scan does not turn back
    assert hangs(4.0, 0.95, 5, swings=0.2)
    assert not hangs(4.0, 0.95, 5, swings=0.199)
    assert not hangs(4.0, 0.95, 5, swings=0.3, stands=22), "no more lively than it swings"
    assert hangs(4.0, 0.95, 5, swings=0.3, stands=24)
    # on a quiet board it stands on one count
    assert not hangs(4.0, 0.29, 8)
    # but not through a turn of the current: a charger may, and a supply
    is_turned = end in (BATTERY, LOAD)
    assert hangs(9.0, turned_s=4.0, other_s=4.0) is is_turned
    assert not hangs(9.0, turned_s=3.9, other_s=3.9)
    assert not hangs(9.0, turned_s=4.0, other_s=4.1), "nor has the other one moved"
    assert not hangs(9.0, turned_s=9.0), "it has moved with it"


@pytest.mark.parametrize("end", [BATTERY, LOAD, CHARGER, SUPPLY])
def test_what_stands_while_the_battery_gives_a_part_of_its_charge_hangs(end: int) -> None:
    now, other = 1000.0, (end + 1) % 4

    def hangs(given: float, other_s: float = 0.0) -> bool:
        return Motion(
            moved_at=put(put((0.0,) * 4, end, 300.0), other, now - other_s),
            given=put((0.0,) * 4, end, given),
        ).hangs(end, other, now)  # fmt: skip

    assert hangs(0.05) is (end in (BATTERY, LOAD)), "a charger may, and a supply"
    assert not hangs(0.0499)
    assert hangs(0.05, 699.0) is (end in (BATTERY, LOAD))
    assert not hangs(0.05, 700.0), "the other one has not moved either"


def test_what_the_battery_gives_is_counted_until_the_next_move() -> None:
    motion = moved(moved(Motion(), given=0.01), given=0.02)
    assert motion.given == pytest.approx((0.03,) * 4)
    motion = moved(motion, BATTERY_V, 13.51, CHARGER_V, SUPPLY_V, given=0.01)
    assert motion.given == pytest.approx((0.04, 0.0, 0.04, 0.04))
    assert moved(motion).given == motion.given


def test_the_part_that_is_given_is_of_the_rated_charge_or_of_ten_hours() -> None:
    assert part_given(5.0, 100.0, 36.0) == pytest.approx(0.0005)
    assert part_given(5.0, None, 36.0) == part_given(0.1, None, 36.0) == pytest.approx(0.001)
    assert part_given(0.0, None, 36.0) == part_given(-1.0, 7.0, 36.0) == 0.0


@pytest.mark.parametrize(
    ("volts", "rated_ah", "count_v", "after_s"),
    [(12, None, COUNT_V, 60.0), (12, 7.0, 0.0, 5.0), (48, 7.0, COUNT_V, 5.0)],
)
@pytest.mark.parametrize("point", ["battery.voltage", "load.voltage"])
def test_one_that_begins_to_hang_in_an_outage_on_a_quiet_site_leaves_it_its_lvd(
    point: str, after_s: float, count_v: float, rated_ah: float | None, volts: int
) -> None:
    """Battery and load were doubted to the end, and the bank was ruined."""
    station = quiet(volts, 3.0, 7.0)
    station.settings = station.settings.with_changes({"battery.rated_ah": rated_ah})
    station.count_v = count_v
    station.run(400.0)
    supply(station, False)
    station.run(after_s)
    lie(station, point, "hold")
    assert station.until(lambda s: s.plant.circuit.battery_v < 10.5 * s.plant.blocks, 14000.0)
    assert blamed(station) == [f"reading.{point}"]
    assert station.until(lambda s: s.state.lvd.is_open, 60.0)
    assert station.plant.dropped_s == 0.0


@pytest.mark.parametrize("end", [BATTERY, LOAD, CHARGER, SUPPLY])
def test_a_fall_that_moves_a_reading_in_each_scan_does_not_end_at_once(end: int) -> None:
    def hangs(unbroken: int, other: int, moves: int = 5, still_s: float = 4.0) -> bool:
        return Motion(
            moved_at=put((1000.0,) * 4, end, 1000.0 - still_s), moves=put((0,) * 4, other, moves),
            unbroken=put((0,) * 4, end, unbroken),
        ).hangs(end, other, 1000.0)  # fmt: skip

    is_one, other = end in (BATTERY, LOAD), LOAD if end == BATTERY else BATTERY
    assert hangs(600, other) is is_one, "a charger that comes to its limit stands at once"
    assert not hangs(600, CHARGER if end != CHARGER else LOAD)
    assert not hangs(599, other)
    assert not hangs(600, other, moves=4)
    assert not hangs(600, other, still_s=3.9)


def test_in_how_many_scans_without_a_break_a_reading_has_moved_is_counted() -> None:
    motion = Motion()
    for moves, count in ((True, 1), (True, 2), (False, 2), (True, 1), (True, 2), (False, 2)):
        motion = moved(motion, BATTERY_V, 13.51 if moves else LOAD_V, CHARGER_V, SUPPLY_V)
        assert motion.unbroken[LOAD] == count
    for _ in range(700):
        motion = moved(motion, BATTERY_V, 13.51, CHARGER_V, SUPPLY_V)
    assert motion.unbroken == (0, 600, 0, 0)


@pytest.mark.parametrize("dt", [0.1, 1.0])
def test_in_how_many_scans_a_reading_turns_back_is_the_mean_of_some_minutes(dt: float) -> None:
    """Noise does in two of three moves, a charge or a discharge does not."""
    motion, now = Motion(moved_at=(1000.0,) * 4, swung_at=(1000.0,) * 4), 1000.0
    before: tuple[float | None, ...] = FLOAT
    for n in range(int(1200 / dt)):
        now += dt
        up_down = (13.5, 13.51, 13.52, 13.51)[n % 4]
        volts = (BATTERY_V + COUNT_V * n, up_down, CHARGER_V, None if n % 2 else SUPPLY_V)
        motion = moved(motion, *volts, now=now, dt=dt, before=before)
        before = volts
    assert motion.lively[:2] == pytest.approx((1.0, 1.0), abs=0.01)
    assert motion.swings[BATTERY] == pytest.approx(dt / 200.0, abs=0.01), "once, at its begin"
    assert motion.swings[LOAD] == pytest.approx(0.5, abs=0.02)
    assert motion.swings[CHARGER] == motion.swings[SUPPLY] == 0.0


def test_one_that_has_not_moved_since_another_leapt_may_hang() -> None:
    motion = Motion(moved_at=(999.0, 1000.0, 1001.0, 0.0), leapt_at=(0.0, 1000.0, 0.0, 0.0))
    assert [motion.has_moved_since(end, LOAD) for end in range(4)] == [False, True, True, False]
    assert motion.has_moved_since(BATTERY, BATTERY)


@pytest.mark.parametrize("blocks", [1, 4])
def test_one_that_stands_while_the_other_leaps_and_sinks_on_is_left_behind(blocks: int) -> None:
    low_v = (BATTERY_V - 2.0) * blocks
    before = (BATTERY_V * blocks, LOAD_V, CHARGER_V, SUPPLY_V)
    motion = moved(Motion(), low_v, *before[1:], before=before, blocks=blocks)
    assert motion.leapt_v == (low_v, None, None, None)

    def is_left(by_v: float, after_s: float = 30.0, end: int = LOAD, other: int = BATTERY) -> bool:
        return motion.is_left_behind(
            end, other, low_v - by_v * blocks, blocks, 1000.0 + after_s
        )  # fmt: skip

    assert is_left(0.151)
    assert not is_left(0.149)
    assert not is_left(1.0, 29.9), "nobody knows yet"
    assert not is_left(1.0, end=BATTERY, other=LOAD), "it has never leapt"
    assert not motion.is_left_behind(LOAD, BATTERY, None, blocks, 1030.0)
    now_v = (low_v - 0.2, *before[1:])
    motion = moved(motion, *now_v, before=(low_v, *before[1:]), blocks=blocks, now=1010.0)
    assert motion.leapt_v[BATTERY] == low_v, "no leap"
    assert is_left(0.2)
    motion = moved(motion, low_v, 13.51, CHARGER_V, SUPPLY_V, blocks=blocks, now=1020.0)
    assert not is_left(0.2), "the other one has moved"
    both = moved(Motion(), low_v, low_v, *before[2:], before=(13.5 * blocks,) * 4, blocks=blocks)
    assert not both.is_left_behind(LOAD, BATTERY, 0.0, blocks, 1030.0), "it has leapt with it"


def test_the_scans_in_which_a_reading_stands_are_counted() -> None:
    motion = moved(moved(Motion()), BATTERY_V, 13.51, CHARGER_V, SUPPLY_V)
    assert motion.stands == (2, 0, 2, 2)
    assert moved(motion).stands == (3, 1, 3, 3)


def quiet(volts: int = 12, load_a: float = 2.0, rated_ah: float = 100.0) -> Station:
    """A site whose chips have no noise, but counts."""
    station = rested(volts, load_a=load_a, rated_ah=rated_ah, lvd__enabled=True)
    station.count_v, station.count_a = COUNT_V, 0.001
    return station


@pytest.mark.parametrize("soc", [0.6, 1.0])
@pytest.mark.parametrize("rate", [-24.0, 6.0])
@pytest.mark.parametrize("point", ["battery.voltage", "charger.voltage"])
def test_a_true_reading_that_stands_on_one_count_is_not_named(
    point: str, rate: float, soc: float
) -> None:
    """On float and under a charger at its limit nothing moves: battery was named for charger."""
    station = quiet()
    station.plant.battery.set_soc(soc)  # type: ignore[union-attr]
    station.run(900.0)
    drift(station, point, rate)
    assert station.until(lambda s: blamed(s) != [], 900.0)
    station.run(60.0)
    other = {"battery.voltage": "charger", "charger.voltage": "battery"}[point]
    assert blamed(station) != [f"reading.{other}.voltage"]


@pytest.mark.parametrize("soc", [0.5, 1.0])
@pytest.mark.parametrize("point", ["battery.voltage", "load.voltage"])
def test_a_true_reading_that_has_come_to_stand_after_a_long_fall_is_not_named(
    point: str, soc: float
) -> None:
    """It had moved in most scans, up and then down: an LVD opened on the other one's drift."""
    station = quiet(12, 4.0, 40.0)
    for charge in (soc, 1.0):
        station.plant.battery.set_soc(charge)  # type: ignore[union-attr]
        station.plant.touch()
        station.run(150.0)
    supply(station, False)
    station.run(15.0)
    drift(station, point, -60.0)
    other = {"battery.voltage": "load", "load.voltage": "battery"}[point]
    for _ in range(40):
        station.run(5.0)
        assert f"reading.{other}.voltage" not in blamed(station) or len(blamed(station)) == 2
        assert not station.state.lvd.is_open
    assert station.plant.dropped_s == 0.0


@pytest.mark.parametrize("volts", [12, 48])
@pytest.mark.parametrize("point", ["battery.voltage", "load.voltage"])
def test_one_that_stands_through_the_outages_begin_hangs_on_a_quiet_site_too(
    point: str, volts: int
) -> None:
    station = quiet(volts)
    station.run(900.0)
    lie(station, point, "hold")
    station.run(900.0)
    supply(station, False)
    assert station.until(lambda s: blamed(s) != [], 600.0)
    station.run(60.0)
    assert blamed(station) == [f"reading.{point}"]


def test_a_current_at_the_border_of_what_feeds_a_load_is_no_turn() -> None:
    """A bank of 12 V that gives this unit 0.3 A, and the load a little or nothing."""
    station = rested(load_a=0.6, rated_ah=100.0)
    supply(station, False)
    station.run(30.0)
    assert station.state.plausible.motion.discharges
    turned_at = station.state.plausible.motion.turned_at
    for amps in (0.0, 0.2, 0.05, 0.6, 0.1):
        station.plant.load.hold(amps)
        station.plant.touch()
        station.run(5.0)
        assert station.state.plausible.motion.turned_at == turned_at, amps
    assert station.state.plausible.motion.discharges
    supply(station, True)
    station.run(60.0)
    assert not station.state.plausible.motion.discharges
    assert station.state.plausible.motion.turned_at > turned_at


def test_a_battery_that_rests_beside_a_supply_that_lives_feeds_the_load_no_more() -> None:
    """In a test whose load has gone, where this unit lives on the supply."""
    station = rested(load_a=2.0, rated_ah=100.0)
    start(station)
    station.run(30.0)
    assert station.state.plausible.motion.discharges
    station.plant.load.hold(0.0)
    station.plant.touch()
    station.run(2.0)
    assert station.inputs.battery_a.value == pytest.approx(0.0, abs=0.05)
    assert not station.state.plausible.motion.discharges


@pytest.mark.parametrize("volts", [12, 48])
@pytest.mark.parametrize(("rated_ah", "soc"), [(7.0, 0.15), (7.0, 0.3), (100.0, 0.15)])
@pytest.mark.parametrize("point", ["battery.voltage", "load.voltage"])
def test_a_bank_that_gives_way_beside_one_that_hangs_is_no_jump_of_the_other(
    point: str, rated_ah: float, soc: float, volts: int
) -> None:
    """The true one was named, and the LVD waited for the one that hung."""
    station = quiet(volts, 4.0, rated_ah)
    station.run(400.0)
    supply(station, False)
    station.run(60.0)
    lie(station, point, "hold")
    station.run(300.0 if soc > 0.15 else 100.0)
    station.plant.battery.set_soc(soc)  # type: ignore[union-attr]
    station.plant.touch()
    true = {"battery.voltage": "load", "load.voltage": "battery"}[point]
    for _ in range(30):
        station.run(2.0)
        assert blamed(station) != [f"reading.{true}.voltage"]
    if rated_ah > 7.0:
        return  # it has hours left
    # it sinks on, as no reading does that has jumped by itself
    assert station.until(lambda s: s.plant.circuit.battery_v < 10.5 * s.plant.blocks, 14000.0)
    assert blamed(station) == [f"reading.{point}"]
    assert station.until(lambda s: s.state.lvd.is_open, 15.0)
    assert station.plant.dropped_s == 0.0


@pytest.mark.parametrize("volts", [12, 48])
def test_a_charger_reading_that_hangs_since_before_the_outage_closes_no_open_lvd(
    volts: int,
) -> None:
    """It stood where a full bank's would, and the battery's reading was named: round and round."""
    station = joined(volts, is_joined=False, load_a=2.0, rated_ah=7.0, lvd__enabled=True)
    station.plant.battery.set_soc(0.2)  # type: ignore[union-attr]
    lie(station, "charger.voltage", "hold")
    station.run(20.0)
    supply(station, False)
    assert station.until(lambda s: s.state.lvd.is_open, 20000.0)
    told = len(station.events)
    station.run(1200.0)
    assert "lvd.open" not in {event.key for event in station.events[told:]}
