"""The watch over the relays: found within 5 s of a change, latched, acknowledged, forgiven."""

from __future__ import annotations

import pytest
from core_scenes import VOLTS, Bench, joined, lie, rested, start, step_context, supply
from station import Station

from btrmd.core.machines.evidence import k2_odd
from btrmd.core.machines.recharge import Recharge, Tied
from btrmd.core.machines.relaywatch import (
    Contact,
    Joined,
    RelayWatch,
    acknowledge,
    latch,
    look_at_source,
    single_source_suspect,
    step_relays,
)
from btrmd.hal.sim.keys import set_keys
from btrmd.model.board import Outputs
from btrmd.model.commands import AckAlarm, StartTest, StopTest

# --- The watch over the relays: seconds of evidence, latching, forgiving, and who is suspected

NOW = 1000.0
STICKS = {"battery_v": 12.5, "battery_a": -2.0, "load_v": 12.4, "supply_a": 0.29,
          "charger_v": 0.0, "charger_a": 0.0}  # fmt: skip


def k1(contact: Contact, *, dt: float = 1.0, coil: bool = False, sticks: bool = True) -> Contact:
    """K1 after one scan in which it sticks on the battery, or is well."""
    ctx = step_context(NOW, dt=dt, **(STICKS if sticks else {}))
    return step_relays(RelayWatch(k1=contact), Outputs(k1=coil), ctx).k1


def test_evidence_is_counted_from_0_3_s_after_the_coil_to_3_s() -> None:
    assert k1(Contact(changed_at=NOW - 0.29)) == Contact(changed_at=NOW - 0.29)
    made = k1(Contact(changed_at=NOW - 0.31))
    assert (made.odd_since, made.odd_s, made.faulty) == (NOW, 1.0, False)
    made = k1(Contact(odd_since=990.0, odd_s=1.9))
    assert (made.odd_since, made.odd_s, made.faulty) == (990.0, 2.9, False)
    made = k1(Contact(odd_since=990.0, odd_s=2.0))
    assert (made.odd_s, made.faulty) == (3.0, True)
    assert k1(Contact(odd_since=990.0, odd_s=2.9)).odd_s == 3.0
    again = k1(Contact(odd_since=990.0, odd_s=1.0, faulty=True))
    assert (again.odd_s, again.faulty) == (2.0, True)
    full = Contact(odd_since=990.0, odd_s=3.0, faulty=True)
    assert k1(full) is full


def test_what_the_unit_takes_beside_a_charged_battery_is_no_load_on_k1() -> None:
    """The supply's current reads nothing; charger and battery differ by the unit's own 0.29 A."""
    hat = 4.0 / 13.6
    site = {"battery_a": 1.0, "battery_v": 13.5, "load_a": 0.5}

    def is_odd(spare_a: float, supply_a: float) -> bool:
        ctx = step_context(NOW, **site, charger_a=1.0 + spare_a, supply_a=supply_a)
        return step_relays(RelayWatch(), Outputs(), ctx).k1.odd_s > 0.0

    assert not is_odd(0.32, 0.0)
    assert not is_odd(hat + 0.6 * 0.5 - 0.01, 0.0)
    assert is_odd(hat + 0.6 * 0.5 + 0.01, 0.0), "the unit and the load"
    assert is_odd(0.5, 0.2), "the unit lives on the supply, and the load alone is here"


def test_a_coil_that_moves_begins_anew_but_stays_latched() -> None:
    made = k1(Contact(odd_since=990.0, odd_s=2.0, faulty=True), coil=True)
    assert made == Contact(True, NOW, None, True, 0.0)


def test_a_second_without_evidence_takes_back_0_2_s_and_all_of_a_latched_ones() -> None:
    made = k1(Contact(odd_since=990.0, odd_s=1.0), sticks=False)
    assert (made.odd_since, made.odd_s) == (990.0, 0.8)
    made = k1(Contact(odd_since=990.0, odd_s=0.2), sticks=False)
    assert (made.odd_since, made.odd_s) == (None, 0.0)
    made = k1(Contact(odd_since=990.0, odd_s=3.0, faulty=True), sticks=False)
    assert (made.odd_s, made.faulty) == (2.0, True)
    quiet = Contact(faulty=True)
    assert k1(quiet, sticks=False) is quiet


def test_of_k2_released_what_the_volts_say_is_forgiven_faster() -> None:
    ctx = step_context(NOW, dt=1.0)
    odd = RelayWatch(k2=Contact(odd_since=990.0, odd_s=1.0))
    assert step_relays(odd, Outputs(), ctx).k2.odd_s == pytest.approx(0.2)
    on = RelayWatch(k2=Contact(True, 0.0, 990.0, False, 1.0))
    assert step_relays(on, Outputs(k2=True), step_context(NOW, dt=1.0)).k2.odd_s == 0.8


def test_a_scan_without_news_is_the_same_watch() -> None:
    ctx = step_context(NOW, battery_a=0.0, charger_a=0.0)
    watch = step_relays(RelayWatch(), Outputs(), ctx)
    assert step_relays(watch, Outputs(), ctx) is watch


@pytest.mark.parametrize("name", ["k1", "k2", "k3"])
def test_latching_and_acknowledging_touch_one_relay(name: str) -> None:
    made = latch(RelayWatch(), name)
    assert made.faulty == (name,)
    assert latch(made, name) is made
    assert acknowledge(made, name).faulty == ()
    standing = made.put(name, Contact(odd_since=1.0, faulty=True))
    assert acknowledge(standing, name) is standing


def test_all_coils_have_been_as_they_are_since_the_last_that_moved() -> None:
    watch = RelayWatch(Contact(changed_at=10.0), Contact(changed_at=30.0), Contact(changed_at=20.0))
    assert watch.settled_s(Outputs(), 100.0) == 70.0
    for outputs in (Outputs(k1=True), Outputs(k2=True), Outputs(k3=True)):
        assert watch.settled_s(outputs, 100.0) == 0.0


def test_on_a_joined_source_a_diode_more_or_a_current_says_that_k1_has_moved() -> None:
    before = Joined(0.05, 1.0)
    assert single_source_suspect(before, before) == "k1"
    assert single_source_suspect(before, Joined(0.067, 1.0)) == "k1"
    assert single_source_suspect(before, Joined(0.069, 1.0)) == "k2"
    assert single_source_suspect(before, Joined(0.05, 0.91)) == "k1"
    assert single_source_suspect(before, Joined(0.05, 0.89)) == "k2"
    # what is not known says nothing
    assert single_source_suspect(Joined(None, 1.0), Joined(9.0, 1.0)) == "k1"
    assert single_source_suspect(before, Joined(None, 0.5)) == "k2"
    assert single_source_suspect(Joined(0.05, None), Joined(0.5, 0.0)) == "k2"
    assert single_source_suspect(before, Joined(0.05, None)) == "k1"
    inputs = step_context(supply_v=13.6, load_v=13.5, battery_a=-1.0).inputs
    look = look_at_source(inputs)
    assert look.drop == pytest.approx(0.1)
    assert look.battery_a == -1.0
    for name in ("supply_v", "load_v"):
        assert look_at_source(step_context(**{name: None}).inputs).drop is None
    assert look_at_source(step_context(battery_a=None).inputs).battery_a is None


# --- Relay faults: found by current and BATT_PATH within 5 s of a change, latched, acknowledged

STEPS = pytest.mark.parametrize("dt", [0.1, 1.0])

CONTRADICTIONS = [
    ("k1", {"battery_a": -2.3, "supply_a": 0.0}),
    ("k1", {"battery_a": 0.4, "charger_a": 2.5, "supply_a": 0.3}),  # the charger helps it feed
    ("k2", {"charger_v": 14.4, "battery_v": 13.0, "charger_a": 0.0}),
    ("k3", {"batt_path": False}),
]


def contradict(bench: Bench, channels: dict[str, object]) -> None:
    """From now on; a charger that gives nothing has given until now, or a reading might lie."""
    bench.put(battery_a=2.0, charger_a=2.0)
    bench.run(bench.dt)
    bench.free("battery_a", "charger_a")
    bench.put(**channels)


@STEPS
@pytest.mark.parametrize(("name", "channels"), CONTRADICTIONS)
def test_evidence_is_believed_after_3_s_and_latched_for_good(
    name: str, channels: dict[str, object], dt: float
) -> None:
    bench = Bench(dt=dt)
    bench.run(20.0)
    contradict(bench, channels)
    bench.run(2.0)
    bench.free(*channels)
    bench.run(5.0)
    assert bench.state.relays.faulty == (), "a short contradiction is none"
    contradict(bench, channels)
    bench.run(5.0)
    assert bench.state.relays.faulty == (name,)
    assert f"relay.{name}" in bench.alarms
    bench.free(*channels)
    bench.run(3600.0, dt=10.0)
    assert bench.state.relays.faulty == (name,)
    assert [event.kind.value for event in bench.reported(f"relay.{name}")] == ["raise"]


@pytest.mark.parametrize(("name", "channels"), CONTRADICTIONS)
def test_it_forbids_tests_until_it_is_acknowledged_with_its_cause_gone(
    name: str, channels: dict[str, object]
) -> None:
    bench = Bench()
    bench.run(20.0)
    contradict(bench, channels)
    bench.run(6.0)
    key = f"relay.{name}"
    assert bench.ask(StartTest("1", source="x")).code == "relay"
    answer = bench.ask(AckAlarm(key, "web"))
    assert (answer.ok, answer.text) == (True, "Acknowledged; the cause is still there.")
    assert bench.state.relays.faulty == (name,)
    assert bench.state.alarms.raised[key].acknowledged
    bench.free(*channels)
    bench.run(15.0)
    assert bench.state.relays.faulty == (name,)
    assert bench.ask(AckAlarm(key, "web")).ok
    assert bench.state.relays.faulty == ()
    assert key not in bench.alarms
    assert bench.ask(StartTest("1", source="x")).ok


def test_an_alarm_that_is_not_raised_cannot_be_acknowledged() -> None:
    bench = Bench()
    bench.run(20.0)
    answer = bench.ask(AckAlarm("relay.k1", "web"))
    assert (answer.ok, answer.code, answer.text) == (
        False, "unknown", "No alarm 'relay.k1' is raised.",
    )  # fmt: skip


SILENT: list[dict[str, object]] = [
    {"supply_a": None, "battery_a": -2.3},
    {"battery_a": None, "supply_a": 0.0},
    {"load_a": None, "battery_a": -2.3, "supply_a": 0.0},
    {"supply_v": None, "battery_a": -2.3, "supply_a": 0.0},
    {"guard": None, "battery_a": -2.3, "supply_a": 0.0},
    {"charger_a": None, "charger_v": 14.4, "battery_v": 13.0},
    {"charger_v": None, "charger_a": 0.0, "battery_v": 13.0},
    {"batt_path": None},
    {"batt_path": False, "battery_v": None},
]


@pytest.mark.parametrize("channels", SILENT)
def test_no_relay_is_blamed_on_a_bad_reading(channels: dict[str, object]) -> None:
    bench = Bench(ups__enabled=True)
    bench.run(20.0)
    bench.put(**channels)
    bench.run(30.0)
    assert bench.state.relays.faulty == ()


def mended(station: Station, name: str) -> None:
    station.plant.relay_faults[name] = "off"
    station.plant.touch()
    station.run(10.0)
    assert station.ask(AckAlarm(f"relay.{name}", "x")).ok
    assert station.state.relays.faulty == ()


@pytest.mark.parametrize("volts", VOLTS)
@pytest.mark.long
def test_every_relay_fault_of_the_plant_is_found_within_5_s_of_its_change(volts: int) -> None:
    station = rested(volts, dt=0.1)
    start(station)
    station.plant.relay_faults["k1"] = "welded"
    station.ask(StopTest("x"))
    assert station.until(lambda s: not s.state.outputs.k1, 5.0)
    station.run(5.0)
    assert station.state.relays.faulty == ("k1",)
    mended(station, "k1")

    station = rested(volts, dt=0.1, load_a=6.0)
    start(station)
    station.run(100.0)
    station.plant.relay_faults["k2"] = "welded"
    station.ask(StopTest("x"))
    station.run(5.2)
    assert station.state.relays.faulty == ("k2",)

    station = rested(volts, dt=0.1)
    station.plant.relay_faults["k3"] = "open"
    station.plant.touch()
    station.change(ups__enabled=False)
    station.run(5.2)
    assert station.state.relays.faulty == ("k3",)
    mended(station, "k3")


@pytest.mark.long
def test_a_healthy_plant_is_never_blamed() -> None:
    """Small loads, low supplies, both K1 positions, a charger in bulk: no relay is at fault."""
    for volts in (12, 48):
        for load_a in (0.25, 0.35, 0.5, 1.0, 9.0):
            for supply_v in (11.6, 12.5, 13.6, 14.2):
                station = rested(volts, dt=0.5, load_a=load_a)
                station.plant.supply.volts = supply_v * volts / 12
                station.plant.touch()
                station.run(12.0)
                station.plant.charger.switch(False)
                station.plant.touch()
                station.run(8.0)
                supply(station, False)
                station.run(8.0)
                station.plant.battery.set_soc(0.8)
                supply(station, True)
                station.run(30.0)
                assert station.state.relays.faulty == (), (volts, load_a, supply_v)


@pytest.mark.parametrize("volts", [12, 48])
@pytest.mark.parametrize(("load_a", "text"), [(0.5, "+1.5"), (2.0, "+3"), (4.0, "+6")])
def test_a_supply_current_that_lies_in_a_test_blames_no_k1(
    volts: int, load_a: float, text: str
) -> None:
    """The battery gives all that the load takes: a K1 that stays leaves the sum right."""
    station = rested(volts, load_a=load_a)
    start(station, "2")
    set_keys(station.plant, {"fault.reading.supply.current": text})
    station.run(30.0)
    assert "raise" not in station.kinds("relay.k1")


@pytest.mark.parametrize("ups", [False, True])
@pytest.mark.parametrize(
    ("volts", "load_a", "ah"), [(12, 6.0, 17.0), (12, 2.0, 7.0), (48, 6.0, 17.0)]
)
def test_a_k1_that_stays_on_a_joined_source_is_found_while_source_and_battery_share_the_load(
    volts: int, load_a: float, ah: float, ups: bool
) -> None:
    """The battery was discharged for hours beside a live supply, and no alarm was raised."""
    station = joined(volts, load_a=load_a, rated_ah=ah, ups__enabled=ups, test__type2_min=1)
    start(station, "2")
    station.run(30.0)
    set_keys(station.plant, {"fault.relay.k1": "welded"})
    station.run(60.0)
    assert "relay.k1" in station.state.alarms.keys


@pytest.mark.parametrize("text", ["+0.2", "+0.3"])
@pytest.mark.parametrize("volts", [12, 48])
def test_a_charger_current_that_is_a_little_off_in_a_test_blames_no_k2(
    volts: int, text: str
) -> None:
    """A charger that K2 leaves on a battery that gives 2 A gives all it can."""
    station = rested(volts)
    start(station, "2")
    set_keys(station.plant, {"fault.reading.charger.current": text})
    station.run(60.0)
    assert "raise" not in station.kinds("relay.k2")


@pytest.mark.parametrize("load_a", [1.0, 6.0])
@pytest.mark.parametrize("volts", [12, 48])
def test_a_k2_that_falls_closed_in_a_test_is_found(volts: int, load_a: float) -> None:
    station = rested(volts, load_a=load_a)
    start(station, "2")
    station.run(30.0)
    set_keys(station.plant, {"fault.relay.k2": "open"})
    station.run(6.0)
    assert "relay.k2" in station.state.alarms.keys


@pytest.mark.parametrize("volts", [12, 48])
def test_a_path_line_that_says_closed_beside_a_dark_load_blames_no_k3(volts: int) -> None:
    """The LVD is open: behind a closed path the guard would feed the load."""
    station = rested(volts, rated_ah=7.0, lvd__enabled=True)
    station.plant.battery.set_soc(0.1)
    supply(station, False)
    assert station.until(lambda s: s.state.lvd.is_open, 20000.0)
    station.run(20.0)
    set_keys(station.plant, {"fault.batt_path": "high"})
    station.run(60.0)
    assert "raise" not in station.kinds("relay.k3")


@pytest.mark.parametrize(("volts", "load_a"), [(12, 3.0), (24, 5.0), (48, 5.0)])
def test_a_joined_source_that_shares_the_load_by_k2_has_no_k2_that_is_open(
    volts: int, load_a: float
) -> None:
    """Its charger's reading had begun to read too much while it was away."""
    station = joined(volts, load_a=load_a, rated_ah=17.0, ups__enabled=True)
    start(station)
    station.plant.battery.set_soc(0.3)  # type: ignore[union-attr]
    supply(station, False)
    station.run(15.0)
    lie(station, "charger.voltage", f"{1.5 * volts / 12:+g}")
    station.run(60.0)
    supply(station, True)
    station.run(60.0)
    assert station.kinds("relay.k2") == []
    assert station.plant.dropped_s == 0.0


@pytest.mark.parametrize("volts", [12, 48])
def test_what_a_joined_source_gives_to_a_load_far_below_it_comes_by_k2(volts: int) -> None:
    shares = {"battery_a": -3.0, "load_a": 4.0, "supply_a": 1.3, "load_v": 12.5, "charger_v": 13.3}
    open_k2 = Recharge(9999.0, tied=Tied(0.1, 13.4 * volts / 12), parted=True)

    def odd(is_joined: bool = True, supply_v: float = 13.01, **put: float) -> bool | None:
        site = {"battery_v": 12.6, "charger_a": 0.0, "supply_v": supply_v, **shares, **put}
        blocks = volts // 12
        site = {k: v * blocks if k.endswith("_v") else v for k, v in site.items()}
        changes = {"system.single_source": is_joined}
        return k2_odd(False, open_k2, step_context(volts=volts, changes=changes, **site))  # type: ignore[arg-type]

    assert odd() is False
    assert odd(supply_v=12.99) is True, "by S1 the load is at its volts"
    assert odd(is_joined=False) is True, "by S1, however far it reads above"
    assert odd(battery_a=-4.1, supply_a=0.3) is True, "it gives no more than the unit takes"
