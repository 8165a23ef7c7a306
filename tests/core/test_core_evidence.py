"""Evidence of a relay that does not follow its coil, for every kind of fault."""

from __future__ import annotations

import pytest
from core_scenes import VOLTS, phase, rested, start, step_context, supply
from station import Station

from btrmd.core.machines.evidence import k1_odd, k2_odd, k3_odd
from btrmd.core.machines.recharge import Recharge
from btrmd.core.scan.relations import CHARGER, SUPPLY
from btrmd.hal.sim.circuit import Circuit
from btrmd.hal.sim.keys import set_keys
from btrmd.model.commands import AckAlarm, StartTest, StopTest

# --- Evidence of a relay that does not follow its coil, in one scan: what says yes, no and
#     nothing

ON_BATTERY = {"battery_v": 12.5, "battery_a": -2.0, "load_v": 12.4, "supply_v": 13.6,
              "supply_a": 0.29, "charger_v": 0.0, "charger_a": 0.0}  # fmt: skip

NOTHING_OWED = Recharge()
PARTED = Recharge(parted=True)


def k1(
    energised: bool, k2: bool = False, k2_is_odd: bool = False, *, single: bool = False,
    volts: int = 12, guard: bool | None = False, **put: object,
) -> bool | None:  # fmt: skip
    ctx = step_context(volts=volts, guard=guard, changes={"system.single_source": single}, **put)  # type: ignore[arg-type]
    return k1_odd(energised, k2, k2_is_odd, ctx)


def test_k1_follows_its_coil() -> None:
    assert k1(False) is False
    assert k1(True, **ON_BATTERY) is False
    assert k1(True) is True
    assert k1(False, **ON_BATTERY) is True


@pytest.mark.parametrize(
    "put",
    [
        {"load_a": None, "battery_a": None}, {"supply_v": None}, {"supply_v": 11.49},
        {"guard": None}, {"load_a": 0.2},
    ],
)  # fmt: skip
def test_where_too_little_is_known_k1_is_not_blamed(put: dict[str, object]) -> None:
    assert k1(True, **put) is None  # type: ignore[arg-type]
    assert k1(False, **{**ON_BATTERY, **put}) is None  # type: ignore[arg-type]
    assert k1(True, guard=True) is None


def test_a_load_of_0_3_a_is_enough_to_tell() -> None:
    assert k1(True, load_a=0.3, supply_a=0.6) is True
    assert k1(True, load_a=0.29, supply_a=0.59) is None


def test_k1_on_and_the_supply_feeds_the_load_all_the_same() -> None:
    # more than 0.8 of the load
    share = {"battery_a": 0.0, "charger_a": 0.0}
    assert k1(True, **share, load_a=2.0, supply_a=1.61, battery_v=12.5) is True
    assert k1(True, **share, load_a=2.0, supply_a=1.6) is False
    # and more than the HAT itself may take: 4 W at 13.6 V and 0.1 A
    assert k1(True, **share, load_a=0.35, supply_a=0.40) is True
    assert k1(True, **share, load_a=0.35, supply_a=0.39) is False
    # by 0.2 of the load and 0.1 A more than battery and charger give
    assert k1(True, load_a=0.35, supply_a=0.5, battery_a=-0.32, charger_a=0.0) is True
    assert k1(True, load_a=0.35, supply_a=0.5, battery_a=-0.34, charger_a=0.0) is False
    assert k1(True, load_a=0.35, supply_a=0.5, battery_a=0.0, charger_a=0.34) is False
    # where the sum is off a current lies, and nothing is known of K1
    assert k1(True, load_a=2.0, supply_a=2.0, battery_a=-0.69, charger_a=0.0) is True
    assert k1(True, load_a=2.0, supply_a=2.0, battery_a=-0.71, charger_a=0.0) is None


def test_k1_off_and_the_battery_feeds_the_load_all_the_same() -> None:
    assert k1(False, **{**ON_BATTERY, "battery_a": -1.2, "supply_a": 0.6}) is True
    assert k1(False, **{**ON_BATTERY, "battery_a": -1.19, "supply_a": 0.6}) is False
    # the supply gives no more than 0.4 of it, and the HAT's own
    assert k1(False, **{**ON_BATTERY, "battery_a": -1.9, "supply_a": 1.09}) is True
    assert k1(False, **{**ON_BATTERY, "battery_a": -1.9, "supply_a": 1.1}) is False
    # by 0.2 of the load and 0.1 A more than the supply does
    assert k1(False, **{**ON_BATTERY, "battery_a": -1.2, "supply_a": 0.69}) is True
    assert k1(False, **{**ON_BATTERY, "battery_a": -1.2, "supply_a": 0.71}) is False
    # the charger's part of it counts
    both = {**ON_BATTERY, "battery_a": -1.0, "charger_a": 1.0}
    assert k1(False, **both) is True
    assert k1(False, **{**ON_BATTERY, "battery_a": 0.5, "charger_a": 2.5}) is True


def test_k1_off_and_a_small_load_that_the_supply_does_not_give_enough_for() -> None:
    """0.29 A for the HAT on the supply: of 0.5 A 0.21 are missing there, and come by S2."""
    site = {"load_a": 0.5, "battery_a": -0.5}
    assert k1(False, **{**ON_BATTERY, **site}) is True
    # each by more than two sensors are off by: 0.1 A
    assert k1(False, **{**ON_BATTERY, **site, "supply_a": 0.395}) is True
    assert k1(False, **{**ON_BATTERY, **site, "supply_a": 0.405}) is False
    hat = 4.0 / 13.6
    for given, odd in ((hat + 0.105, True), (hat + 0.095, False)):
        assert k1(False, **{**ON_BATTERY, **site, "battery_a": -given}) is odd
    # a charger of 10 A beside it may be 0.1 A off, and the battery's sensor too
    past = {"charger_a": 10.4, "battery_a": 10.0}
    assert k1(False, **{**ON_BATTERY, **site, **past}) is False
    assert k1(False, **{**ON_BATTERY, **site, "charger_a": 1.5, "battery_a": 1.0}) is True
    # of a larger load the HAT's part does not matter
    for load, odd in ((1.0, True), (1.01, False)):
        part = {"load_a": load, "supply_a": 0.45, "battery_a": -0.7}
        assert k1(False, **{**ON_BATTERY, **part}) is odd


@pytest.mark.parametrize(("volts", "load_a"), [(12, 0.45), (24, 0.3), (48, 0.3)])
@pytest.mark.parametrize("fault", ["welded", "chatter"])
def test_a_k1_that_does_not_let_go_of_a_small_load_is_found(
    volts: int, load_a: float, fault: str
) -> None:
    station = rested(volts, load_a=load_a, dt=0.1)
    start(station, "2")
    station.run(40.0)
    station.plant.relay_faults["k1"] = fault
    if fault == "welded":  # contacts chatter while the coil pulls
        station.ask(StopTest("test"))
    assert station.until(lambda s: "relay.k1" in s.state.alarms.keys, 8.0)
    assert station.plant.dropped_s == 0.0


def test_a_charger_of_15_a_beside_a_load_of_0_3_a_says_nothing_of_k1() -> None:
    """A healthy site whose HAT lives on the charger (0.29 A): charger, battery and supply sensor
    are each off by what DESIGN section 2 allows, 1 % and 30 mA."""
    site = {"load_a": 0.3, "charger_v": 13.7, "battery_v": 13.6}
    worst = {"charger_a": 15.0 * 1.01 + 0.03, "battery_a": 14.7 * 0.99 - 0.03, "supply_a": 0.267}
    assert k1(False, **site, **worst) is False
    # What no sensor explains does: by 2 % of what goes past the load more than without a charger.
    past = {"charger_a": 15.0, "battery_a": 14.4, "supply_a": 0.0}
    assert k1(False, **site, **past) is True
    doubt = 0.2 * 0.3 + 0.1 + 0.02 * 14.4
    assert k1(False, **site, **{**past, "supply_a": 0.6 - doubt - 0.001}) is True
    assert k1(False, **site, **{**past, "supply_a": 0.6 - doubt + 0.001}) is False


def test_on_a_single_source_k1_is_told_only_with_k2_open_for_sure() -> None:
    on_supply = {"charger_a": None, "single": True}
    assert k1(True, k2=True, **on_supply) is True  # type: ignore[arg-type]
    assert k1(True, **on_supply) is None  # type: ignore[arg-type]
    assert k1(True, k2=True, k2_is_odd=True, **on_supply) is None  # type: ignore[arg-type]


def test_with_the_guard_up_it_is_told_by_a_supply_that_is_above_the_bus_and_gives_nothing() -> None:
    put = {**ON_BATTERY, "guard": True, "load_v": 12.9}
    assert k1(False, **put) is True  # type: ignore[arg-type]
    for other in (
        {"supply_v": 13.39}, {"supply_a": 0.17}, {"supply_a": 0.4}, {"load_v": None},
        {"supply_a": None}, {"single": True, "charger_a": None},
        {"battery_a": 0.0, "load_a": 0.35, "charger_a": 0.0},
    ):  # fmt: skip
        assert k1(False, **{**put, **other}) is None, other  # type: ignore[arg-type]
    assert k1(False, **{**put, "supply_v": 13.41}) is True  # type: ignore[arg-type]
    assert k1(False, **{**put, "supply_a": 0.18}) is True  # type: ignore[arg-type]
    assert k1(False, **{**put, "supply_a": 0.39}) is True  # type: ignore[arg-type]


def test_with_the_guard_up_a_supply_whose_reading_has_jumped_tells_nothing_of_k1() -> None:
    ctx = step_context(**{**ON_BATTERY, "load_v": 12.9}, guard=True)  # type: ignore[arg-type]
    assert k1_odd(False, False, False, ctx) is True
    ctx.jumped = tuple(place == SUPPLY for place in range(4))
    assert k1_odd(False, False, False, ctx) is None


def test_what_a_reading_has_crept_up_is_no_gap_that_k2_makes() -> None:
    ctx = step_context(charger_v=13.45, charger_a=0.0, battery_v=13.0, battery_a=0.0)
    assert k2_odd(False, PARTED, ctx) is True
    for crept_v, is_odd in ((0.03, True), (0.07, True), (0.09, False)):
        ctx.charger_crept_v = crept_v
        assert k2_odd(False, PARTED, ctx) is is_odd, crept_v
    ctx.charger_crept_v, ctx.steady_s = 0.0, 2.9
    assert k2_odd(False, PARTED, ctx) is None


def test_what_the_batterys_reading_has_fallen_by_is_no_gap_that_k2_makes() -> None:
    ctx = step_context(charger_v=13.45, charger_a=0.0, battery_v=13.0, battery_a=0.0)
    for fell_v, is_odd in ((0.03, True), (0.07, True), (0.09, False)):
        assert k2_odd(False, PARTED._replace(fell_v=fell_v), ctx) is is_odd, fell_v


def test_with_one_current_missing_the_volts_must_agree() -> None:
    put = {**ON_BATTERY, "supply_a": None}
    assert k1(False, **put) is True
    assert k1(True, **{**put, "battery_a": 0.0}) is None
    # the supply half a volt above the load, the battery beside it
    assert k1(False, **{**put, "supply_v": 12.91}) is True
    assert k1(False, **{**put, "supply_v": 12.89}) is None
    assert k1(False, **{**put, "load_v": 12.25}) is True
    assert k1(False, **{**put, "load_v": 12.24}) is None
    assert k1(False, **{**put, "battery_v": None}) is None
    assert k1(False, **{**put, "load_v": None}) is None
    assert k1(False, **{**put, "battery_v": None, "load_v": None}) is None
    # the charger gives half of what the load takes, at least
    fed = {**put, "load_v": None, "battery_a": -1.0, "charger_a": 1.0}
    assert k1(False, **fed) is None
    given = {**fed, "supply_a": 0.3, "battery_a": None}
    assert k1(False, **given) is True
    assert k1(False, **{**given, "charger_a": 0.99}) is None


def k2(
    energised: bool, recharge: Recharge = NOTHING_OWED, *, single: bool = False, volts: int = 12,
    **put: object,
) -> bool | None:  # fmt: skip
    ctx = step_context(volts=volts, changes={"system.single_source": single}, **put)  # type: ignore[arg-type]
    return k2_odd(energised, recharge, ctx)


def test_k2_follows_its_coil() -> None:
    charging = {"battery_a": 2.0, "charger_a": 2.0, "charger_v": 13.2, "battery_v": 13.1}
    still = {"battery_a": 0.0, "charger_a": 0.0}
    assert k2(False, **charging) is False
    assert k2(True, **charging) is True
    assert k2(True, **still) is False
    # so far apart it is open, whatever the current reads
    apart = {"battery_a": -5.0, "charger_a": 0.5, "supply_a": 0.3, "load_a": 5.0}
    assert k2(True, **apart, charger_v=13.1, battery_v=12.5) is False
    assert k2(True, **apart, charger_v=12.9, battery_v=12.5) is True
    assert k2(True, **apart, charger_v=None, battery_v=12.5) is True
    assert k2(False, PARTED, **still, charger_v=14.5, battery_v=13.0) is True
    # seen closed since it moved: a reading that has drifted away looks the same
    assert k2(False, **still, charger_v=14.5, battery_v=13.0) is False
    assert k2(False, Recharge(taken_as=20.0), **still, charger_v=14.5, battery_v=13.0) is False
    doubted = step_context(changes={}, **still, charger_v=14.5, battery_v=13.0)
    doubted.is_doubtful, doubted.doubts = True, {"charger.voltage": "why"}
    assert k2_odd(False, PARTED, doubted) is None
    taken = Recharge(taken_as=20.0, came_back=True)
    assert k2(False, taken, **still, charger_v=14.5, battery_v=13.0) is True


def test_a_charger_that_is_well_above_the_battery_and_gives_nothing_has_k2_open() -> None:
    still = {"battery_a": 0.0, "charger_a": 0.0}
    overdue = Recharge(waited_s=60.0)
    assert k2(False, **still, charger_v=13.1, battery_v=13.0) is False
    assert k2(False, overdue, **still, charger_v=13.1, battery_v=13.0) is True
    assert k2(False, overdue, battery_a=0.05, charger_a=0.05) is False
    assert k2(False, overdue, battery_a=0.0, charger_a=0.049) is True
    assert k2(False, overdue, **still, charger_v=12.6) is True
    assert k2(False, overdue, **still, charger_v=12.59) is None
    assert k2(False, overdue, **still, charger_v=None) is None
    assert k2(False, overdue, **still, battery_v=None) is None
    assert k2(True, battery_a=0.0, charger_a=None) is None
    assert k2(False, overdue, battery_a=0.0, charger_a=None) is None
    # currents that contradict each other say nothing
    assert k2(True, battery_a=0.0, charger_a=2.0) is None


def test_a_charger_whose_reading_has_jumped_blames_no_k2_that_was_not_told_to_move() -> None:
    back = Recharge(taken_as=100.0, came_back=True)
    ctx = step_context(charger_v=14.7, charger_a=0.0, battery_v=13.5, battery_a=-0.5, load_v=13.4,
                       supply_a=1.8)  # fmt: skip
    assert k2_odd(False, back, ctx) is True
    ctx.jumped = tuple(place == CHARGER for place in range(4))
    assert k2_odd(False, back, ctx) is None
    assert k2_odd(False, back._replace(parted=True), ctx) is True


@pytest.mark.parametrize("supply_v", [0.0, 11.49, None])
def test_beside_a_dead_supply_k2_is_blamed_by_a_living_charger_only(supply_v: float | None) -> None:
    """It may have gone with the supply, and what is read of it hang; a minute while the battery
    gives: just below that it is silent by right, and may read too much."""
    parted = Recharge(taken_as=100.0, parted=True, waited_s=60.0)
    ctx = step_context(charger_v=13.8, charger_a=0.0, battery_v=12.2, battery_a=-2.0,
                       load_v=12.1, supply_v=supply_v, supply_a=0.0)  # fmt: skip
    ctx.charger_still_s = 1.0
    assert k2_odd(False, parted, ctx) is True
    assert k2_odd(False, parted._replace(waited_s=59.9), ctx) is False
    ctx.charger_still_s = 1.1
    assert k2_odd(False, parted, ctx) is None
    ctx.inputs = ctx.inputs._replace(supply_v=step_context(supply_v=11.5).inputs.supply_v)
    assert k2_odd(False, parted, ctx) is True


@pytest.mark.parametrize("volts", [12, 48])
def test_0_4_a_and_0_4_v_a_block_are_the_limits(volts: int) -> None:
    blocks = volts // 12
    assert k2(True, battery_a=0.1, charger_a=0.4) is False
    assert k2(True, battery_a=0.1, charger_a=0.41) is True
    assert k2(True, battery_a=1.0, charger_a=1.0, battery_v=13.0, charger_v=13.5) is True
    rest = {"battery_a": 0.0, "charger_a": 0.0, "battery_v": 13.0 * blocks, "volts": volts}
    assert k2(False, PARTED, **rest, charger_v=13.39 * blocks) is False
    assert k2(False, PARTED, **rest, charger_v=13.41 * blocks) is True


def test_on_a_single_source_the_batterys_own_current_tells() -> None:
    charging = {"battery_a": 2.0, "supply_a": 4.3, "charger_a": None}
    assert k2(True, single=True, **charging) is True
    assert k2(False, single=True, **charging) is False
    assert k2(True, single=True, **{**charging, "battery_a": 0.0, "supply_a": 2.3}) is False
    assert k2(True, single=True, **{**charging, "battery_a": None}) is None


@pytest.mark.parametrize("volts", [12, 48])
def test_on_a_single_source_what_the_supply_does_not_show_is_kept_from_nobody(volts: int) -> None:
    """Supply and charger are one source: a charger reading above it lies, and K2 is not blamed."""
    blocks = volts // 12
    back = Recharge(taken_as=100.0, came_back=True)
    rest = {"battery_a": 0.0, "supply_a": 2.3, "battery_v": 12.8 * blocks, "volts": volts,
            "charger_v": 13.4 * blocks, "charger_a": None, "single": True}  # fmt: skip
    assert k2(False, back, **rest, supply_v=12.91 * blocks) is True
    assert k2(False, back, **rest, supply_v=12.89 * blocks) is None
    assert k2(False, back, **rest, supply_v=None) is True
    two = {**rest, "single": False, "charger_a": 0.0}
    assert k2(False, back, **two, supply_v=12.89 * blocks) is True


def k3(energised: bool, path: bool | None, volts: int = 12, **put: object) -> bool | None:
    return k3_odd(energised, step_context(volts=volts, batt_path=path, **put))  # type: ignore[arg-type]


@pytest.mark.parametrize("volts", [12, 48])
def test_k3_is_told_by_the_volts_behind_it_and_by_what_flows(volts: int) -> None:
    assert k3(True, False, volts) is False
    assert k3(True, True, volts) is True
    assert k3(True, None, volts) is None
    assert k3(False, True, volts) is False
    assert k3(False, False, volts) is True
    assert k3(False, None, volts) is None
    # a battery without volts shows none behind it
    low = 9.0 * volts / 12
    assert k3(False, False, volts, battery_v=low) is True
    assert k3(False, False, volts, battery_v=low - 0.01) is None
    assert k3(False, False, volts, battery_v=None) is None


def test_what_flows_through_k3_says_that_it_is_closed() -> None:
    feeds = {**ON_BATTERY, "supply_v": 0.0, "supply_a": 0.0, "battery_a": -2.3}
    assert k3(True, False, **feeds) is True
    assert k3(False, False, **feeds) is False


# --- Every kind of relay fault is found by what flows, also with a sensor missing ----------------

FIELD = {"0x40": "battery_a", "0x41": "load_a", "0x44": "charger_a", "0x45": "supply_a"}


def put(station: Station, **keys: object) -> None:
    set_keys(station.plant, {key.replace("__", "."): value for key, value in keys.items()})


def site(volts: int, joined: bool, **settings: object) -> Station:
    """A site at rest; `joined`: its charger is the supply."""
    station = rested(volts, system__single_source=joined, **settings)  # type: ignore[arg-type]
    station.plant.single_source = joined
    station.plant.touch()
    return station


def found(station: Station, name: str, within_s: float) -> float:
    """Seconds until relay `name` is latched, and no other."""
    began = station.now
    assert station.until(lambda s: name in s.state.relays.faulty, within_s), (
        station.state.alarms.keys
    )
    assert station.state.relays.faulty == (name,)
    return station.now - began


# --- K2 ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dt", [0.1, 1.0])
@pytest.mark.parametrize(
    ("volts", "load_a", "rated_ah"), [(12, 2.0, 17.0), (48, 2.0, 17.0), (24, 0.5, 100.0)]
)
@pytest.mark.parametrize("joined", [False, True])
def test_a_k2_that_stays_open_after_a_short_test_is_found_in_time(
    volts: int, load_a: float, rated_ah: float, dt: float, joined: bool
) -> None:
    """F2: a charger that has the volts and gives nothing back is not connected."""
    station = site(volts, joined, dt=dt, load_a=load_a, rated_ah=rated_ah, test__type2_min=1)
    start(station, "2")
    put(station, fault__relay__k2="welded")
    assert station.until(lambda s: phase(s) != "running", 90.0)
    seconds = found(station, "k2", 120.0)
    assert seconds < 75.0
    # a charger of its own reads too little above the battery to be told by that alone
    assert joined or seconds > 58.0


@pytest.mark.parametrize("is_over", [False, True])
def test_a_restart_does_not_hide_a_k2_that_stays_open(is_over: bool) -> None:
    """Killed in the test, or half a minute after it: what the charger owes is remembered."""
    station = rested(load_a=2.0, rated_ah=17.0, test__type2_min=1)
    start(station, "2")
    put(station, fault__relay__k2="welded")
    if is_over:
        assert station.until(lambda s: phase(s) == "idle", 120.0)
        station.run(5.0)
    station.crash(5.0)
    found(station, "k2", 120.0)


@pytest.mark.parametrize("volts", VOLTS)
@pytest.mark.parametrize("ran_s", [0.0, 10.0])
def test_a_k2_that_stays_open_is_found_though_hardly_anything_was_taken(
    volts: int, ran_s: float
) -> None:
    """A battery that has given nothing at all stays within mV of its charger for minutes."""
    station = rested(volts, load_a=0.5)
    assert station.ask(StartTest("1", source="test")).ok
    station.run(20.0)
    put(station, fault__relay__k2="welded")
    if ran_s:
        assert station.until(lambda s: phase(s) == "running", 60.0)
        station.run(ran_s)
    assert station.ask(StopTest("test")).ok
    found(station, "k2", 120.0 if ran_s else 600.0)


@pytest.mark.long
@pytest.mark.parametrize("joined", [False, True])
def test_a_charger_that_was_parted_for_a_moment_is_no_fault(joined: bool) -> None:
    banks = [(12, 7.0), (12, 400.0), (24, 100.0), (36, 400.0), (48, 7.0), (48, 100.0)]
    for volts, rated_ah in banks:
        station = site(volts, joined, rated_ah=rated_ah, load_a=0.5)
        for run_s in (5.0, 33.0, 50.0):
            assert station.ask(StartTest("1", source="test")).ok
            station.run(run_s)
            station.ask(StopTest("test"))
            station.run(900.0)
            assert station.state.relays.faulty == (), (volts, rated_ah, run_s)


@pytest.mark.parametrize("joined", [False, True])
def test_a_k2_that_fails_open_in_an_outage_is_found_when_the_charger_is_back(joined: bool) -> None:
    station = site(12, joined, load_a=3.0)
    supply(station, False)
    station.run(60.0)
    put(station, fault__relay__k2="welded")
    station.plant.relays.k2_open = True
    supply(station, True)
    found(station, "k2", 120.0)


@pytest.mark.long
@pytest.mark.parametrize("joined", [False, True])
def test_a_charger_that_gives_back_what_was_taken_is_no_fault(joined: bool) -> None:
    for rated_ah in (7.0, 17.0, 100.0, 400.0):
        for load_a in (0.3, 2.0, 9.0):
            station = site(12, joined, rated_ah=rated_ah, load_a=load_a, test__type2_min=1)
            start(station, "2")
            station.run(200.0)
            assert phase(station) == "idle"
            station.run(300.0)
            assert station.state.relays.faulty == (), (rated_ah, load_a)


def test_a_battery_still_above_its_charger_is_owed_nothing() -> None:
    """Right after an absorption the battery stands higher than the float that follows."""
    station = rested(load_a=2.0, test__type2_min=1)
    station.plant.battery.charge.surface = 1.45
    station.plant.touch()
    start(station, "2")
    station.run(180.0)
    assert station.inputs.battery_v.value > station.inputs.charger_v.value
    station.run(3600.0)
    assert station.state.relays.faulty == ()


@pytest.mark.parametrize("volts", [12, 48])
def test_a_k2_that_stays_open_is_found_though_the_chargers_reading_has_lied_in_the_test(
    volts: int,
) -> None:
    """It has jumped as the lie began and ended, and nothing has vouched for it since. A battery
    that low takes what any charger gives."""
    station = rested(volts, load_a=2.0)
    start(station, "2")
    station.run(20.0)
    put(station, **{"fault.reading.charger.voltage": f"{1.5 * volts / 12:+g}"})
    station.run(60.0)
    put(station, **{"fault.reading.charger.voltage": "off"})
    station.run(30.0)
    assert station.state.plausible.jumped[CHARGER]
    station.plant.battery.set_soc(0.2)
    put(station, fault__relay__k2="welded")
    station.ask(StopTest("test"))
    found(station, "k2", 8.0)
    assert "reading.charger.voltage" not in station.state.alarms.keys


@pytest.mark.parametrize("volts", VOLTS)
def test_the_gap_that_no_two_sensors_can_make(volts: int) -> None:
    """0.40 V a block without current is a fault; 0.34 V may be two sensors and a diode."""
    station = rested(volts)
    blocks = volts / 12
    station.lies["charger_a"] = lambda _: 0.0
    relays = station.state.relays  # K2 was told to open, and has not been seen closed since
    moved = relays._replace(recharge=Recharge(parted=True))
    station.state = station.state._replace(relays=moved)
    station.lies["battery_v"] = lambda _: 13.0 * blocks
    station.lies["charger_v"] = lambda _: 13.39 * blocks
    station.run(60.0)
    assert station.state.relays.faulty == ()
    station.lies["battery_v"] = lambda _: 12.97 * blocks
    found(station, "k2", 5.0)


# --- K1 ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("chip", [None, *FIELD])
@pytest.mark.parametrize("volts", [12, 48])
def test_a_k1_that_does_not_let_go_is_found_with_any_current_missing(
    volts: int, chip: str | None
) -> None:
    station = rested(volts, load_a=5.0)
    start(station)
    station.run(400.0)
    put(station, fault__relay__k1="welded")
    if chip is not None:
        station.lies[FIELD[chip]] = None
    if phase(station) == "running":
        station.ask(StopTest("x"))
    assert station.until(lambda s: not s.state.outputs.k1, 10.0)
    found(station, "k1", 6.0)
    assert station.plant.dropped_s == 0.0


@pytest.mark.parametrize("chip", FIELD)
def test_a_missing_current_alone_blames_nobody(chip: str) -> None:
    station = rested(load_a=5.0)
    station.lies[FIELD[chip]] = None
    for on in (False, True, False, True):
        supply(station, on)
        station.run(60.0)
    assert station.state.relays.faulty == ()


def test_a_contact_that_gives_the_load_nothing_though_the_supply_lives_is_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """S1 or F1 is open: the guard holds the load, the supply feeds this unit alone."""
    station = rested(load_a=3.0)
    solve = Circuit.solve

    def cut(circuit: Circuit, load_a: float) -> float:
        circuit.has_s1 = False
        return solve(circuit, load_a)

    monkeypatch.setattr(Circuit, "solve", cut)
    station.plant.charger.switch(False)
    station.plant.touch()
    station.run(90.0)
    assert station.state.on_battery
    assert "relay.k1" in station.state.alarms.keys
    assert "reading.supply.voltage" not in station.state.alarms.keys
    assert station.plant.sense().load_v > 11.0


# --- chatter -------------------------------------------------------------------------------------


@pytest.mark.parametrize("dt", [0.1, 1.0])
@pytest.mark.parametrize("name", ["k1", "k2", "k3"])
def test_contacts_that_chatter_are_found_though_no_scan_is_like_the_other(
    name: str, dt: float
) -> None:
    station = rested(load_a=3.0, dt=dt)
    if name == "k2":  # in a test, where K2 must keep the charger off
        assert station.ask(StartTest("1", source="x")).ok
        station.run(30.0)
        assert station.state.outputs.k2
    elif name == "k3":
        station.change(ups__enabled=False)
    put(station, **{f"fault.relay.{name}": "chatter"})
    found(station, name, 60.0 if name == "k2" else 40.0)
    assert station.plant.dropped_s == 0.0
    put(station, **{f"fault.relay.{name}": "off"})
    station.run(60.0)
    station.ask(AckAlarm(f"relay.{name}", "x"))
    assert station.state.relays.faulty == ()


@pytest.mark.parametrize("dt", [0.1, 0.6, 1.0])
@pytest.mark.parametrize("volts", [12, 48])
@pytest.mark.parametrize("joined", [False, True])
def test_a_k2_that_chatters_after_a_short_test_is_found(
    joined: bool, volts: int, dt: float
) -> None:
    """It charges half the time, and the volts of a rested bank are too near to tell the rest."""
    station = rested(volts, load_a=3.0, dt=dt, test__type2_min=1, system__single_source=joined)
    station.plant.single_source = joined
    station.plant.noise = True
    station.plant.touch()
    assert station.ask(StartTest("2", source="x")).ok
    assert station.until(lambda s: phase(s) == "returning", 120.0)
    put(station, fault__relay__k2="chatter")
    found(station, "k2", 90.0)
    assert station.state.relays.faulty == ("k2",)
    put(station, fault__relay__k2="off")
    station.run(150.0)
    station.ask(AckAlarm("relay.k2", "x"))
    assert station.state.relays.faulty == ()
    assert station.plant.dropped_s == 0.0


@pytest.mark.parametrize("dt", [0.1, 0.6, 1.0])
@pytest.mark.parametrize("line", ["guard", "batt_path"])
def test_a_line_that_lies_in_a_test_blames_no_relay(line: str, dt: float) -> None:
    """K1 is on and S1 open, as told: a guard line that says closed is no evidence against K1."""
    station = rested(load_a=5.0, dt=dt)
    start(station)
    station.run(30.0)
    put(station, **{f"fault.{line}": "low"})
    station.run(90.0)
    assert [key for key in station.state.alarms.keys if key.startswith("relay.")] == []
    assert f"reading.{'guard.active' if line == 'guard' else line}" in station.state.alarms.keys
    assert station.plant.dropped_s == 0.0


@pytest.mark.parametrize("dt", [0.1, 1.0])
def test_a_charger_current_that_lies_in_a_test_blames_no_relay(dt: float) -> None:
    """A volt apart, charger and battery are parted: K2 is open as told."""
    station = rested(load_a=5.0, rated_ah=7.0, dt=dt)
    start(station)
    station.run(120.0)
    put(station, **{"fault.reading.charger.current": "+0.5"})
    station.run(90.0)
    assert station.state.relays.faulty == ()
    assert "wiring.current_balance" in station.state.alarms.keys
    assert station.plant.dropped_s == 0.0


# --- a joined source -----------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["k1", "k2"])
@pytest.mark.parametrize(("volts", "load_a"), [(12, 0.5), (12, 6.0), (48, 2.0)])
@pytest.mark.long
def test_on_a_single_source_the_dead_coil_is_the_one_that_is_blamed(
    volts: int, load_a: float, name: str
) -> None:
    station = rested(volts, load_a=load_a, system__single_source=True)
    station.plant.single_source = True
    station.plant.noise = True
    station.plant.touch()
    station.run(4000.0)
    put(station, **{f"fault.relay.{name}": "open"})
    assert station.ask(StartTest("1", source="x")).ok
    station.run(45.0)
    assert phase(station) == "idle"
    assert station.state.relays.faulty == (name,)
    assert station.plant.dropped_s == 0.0


def test_a_welded_k1_is_not_taken_for_a_supply_that_lies() -> None:
    """The supply jumps when S1 parts it from the load that pulled it down; it tells the truth."""
    station = rested(load_a=5.0)
    supply(station, False)
    station.run(30.0)
    put(station, fault__relay__k1="welded")
    put(station, supply__ohms=1.0)
    supply(station, True)
    assert station.until(lambda s: "k1" in s.state.relays.faulty, 120.0)
    station.run(30.0)
    assert not any(key.startswith("reading.") for key in station.state.alarms.keys)


@pytest.mark.parametrize("volts", [12, 48])
def test_a_load_that_falls_on_a_welded_k1_keeps_its_battery_path(volts: int) -> None:
    """UPS mode is off, and K3 is pulled only where that drops nothing."""
    station = rested(volts, load_a=5.0, ups__enabled=False)
    start(station)
    put(station, fault__relay__k1="welded")
    station.run(2.0)
    station.ask(StopTest("x"))
    station.run(30.0)
    assert station.state.relays.k1.faulty
    put(station, load__amps=0.05)
    station.run(30.0)
    assert not station.state.outputs.k3
    assert station.plant.sense().load_v > 11.0 * volts / 12


def test_k1_beside_a_guard_that_holds_s1_says_nothing() -> None:
    fed = {"supply_a": 2.3, "battery_a": 0.0, "charger_a": 0.0, "load_a": 2.0}
    assert k1_odd(True, True, None, step_context(1000.0, **fed)) is True  # type: ignore[arg-type]
    held = step_context(1000.0, **fed)  # type: ignore[arg-type]
    held.s1_held = True
    assert k1_odd(True, True, None, held) is None
    assert k1_odd(False, True, None, held) is False


def test_k1_off_and_a_joined_source_that_shares_the_load_with_the_battery() -> None:
    """By 0.1 of the load and 0.2 A: what the battery gives beyond the unit, and what is missing."""
    hat = 4.0 / 13.6
    site = {"load_a": 6.0, "charger_a": 0.0}

    def shares(supply_a: float, battery_a: float) -> bool | None:
        return k1(False, single=True, **site, supply_a=supply_a, battery_a=battery_a)

    assert shares(5.19, -0.81 - hat) is True
    assert shares(5.21, -0.81 - hat) is False, "the source gives it nearly all"
    assert shares(5.19, -0.79 - hat) is False
    assert k1(False, **site, supply_a=5.19, battery_a=-0.81 - hat) is False, "of two sources"
