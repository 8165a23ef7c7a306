"""Presence: the levels, the 10 s, and what is known before they are over."""

from __future__ import annotations

import pytest
from core_scenes import VOLTS, Bench, blamed, joined, lie, rested, start, step_context, supply

from btrmd.core.machines.presence import Presence, Source, step_presence
from btrmd.core.publish import points
from btrmd.core.scan.context import StepContext
from btrmd.model.commands import StartTest
from btrmd.model.events import Kind

# --- Presence, step by step: the levels, the 10 s, and what is known before they are over --------


def fed(now: float, feeds: bool, **channels: object) -> StepContext:
    """A scan in which the supply is seen to feed the load, or not."""
    ctx = step_context(now, **channels)  # type: ignore[arg-type]
    ctx.supply_feeds = feeds
    return ctx


@pytest.mark.parametrize("volts", [12, 48])
@pytest.mark.parametrize(("name", "level"), [("supply", 11.5), ("charger", 12.6)])
def test_a_source_is_present_10_s_after_it_has_reached_its_level(
    name: str, level: float, volts: int
) -> None:
    def look(presence: Presence, now: float, each: float) -> Presence:
        put = {f"{name}_v": each * volts / 12.0, "charger_a": 0.0}
        return step_presence(presence, fed(now, False, volts=volts, **put))

    presence = look(Presence(), 100.0, level)
    source: Source = getattr(presence, name)
    assert (source.above_since, source.below_since, source.there_since) == (100.0, None, 100.0)
    assert source.state is None
    presence = look(presence, 109.9, level)
    assert getattr(presence, name).state is None
    presence = look(presence, 110.0, level)
    assert getattr(presence, name).state is True
    assert getattr(presence, name).above_for(115.0) == 15.0
    assert getattr(presence, name).below_for(115.0) == -1.0
    # below it, it is gone at once, and known to be
    presence = look(presence, 111.0, level - 0.01)
    source = getattr(presence, name)
    assert source.state is False
    assert (source.above_since, source.below_since, source.there_since) == (None, 111.0, None)
    assert (source.above_for(112.0), source.below_for(112.0)) == (-1.0, 1.0)


def test_an_absence_is_known_after_10_s_too() -> None:
    presence = Presence()
    for now, state in ((100.0, None), (109.9, None), (110.0, False), (120.0, False)):
        presence = step_presence(presence, fed(now, False, supply_v=0.0, charger_v=0.0))
        assert presence.supply.state is state, now
        assert presence.supply.below_since == 100.0


def test_a_charger_that_delivers_is_there_below_its_level() -> None:
    presence = Presence()
    for now in (100.0, 110.0):
        ctx = fed(now, False, charger_v=12.0, charger_a=0.06)
        presence = step_presence(presence, ctx)
    assert presence.charger == Source(None, None, 100.0, True, True)
    assert step_presence(presence, fed(111.0, False, charger_v=12.0, charger_a=0.05)).charger == (
        Source(None, 111.0, None, False, True)
    )


def test_a_supply_that_feeds_the_load_is_there_though_its_reading_is_low_or_bad() -> None:
    for volts in (9.0, None):
        presence = Presence()
        for now in (100.0, 110.0):
            presence = step_presence(presence, fed(now, True, supply_v=volts))
        assert presence.supply == Source(None, None, 100.0, True, True), volts


def test_a_reading_that_goes_bad_leaves_nothing_known() -> None:
    there = Presence(Source(90.0, None, 90.0, True, True), Source(90.0, None, 90.0, True, True))
    gone = step_presence(there, fed(100.0, False, supply_v=None, charger_v=None))
    assert gone == Presence()
    assert step_presence(gone, fed(101.0, False, supply_v=None, charger_v=None)) is gone


def test_a_scan_without_news_is_the_same_presence() -> None:
    there = Presence(Source(90.0, None, 90.0, True, True), Source(90.0, None, 90.0, True, True))
    assert step_presence(there, fed(200.0, True)) is there


# --- Present, absent, not yet known (DESIGN 8b) --------------------------------------------------

START = StartTest("1", source="test")


@pytest.mark.parametrize("volts", VOLTS)
@pytest.mark.parametrize(("name", "limit"), [("supply", 11.5), ("charger", 12.6)])
def test_a_source_is_present_after_10_s_at_its_limit(volts: int, name: str, limit: float) -> None:
    bench = Bench(volts=volts, dt=0.1)
    bench.load_a = 0.1  # too little to prove a supply by its current
    bench.put(**{f"{name}_v": limit - 0.01})
    bench.run(20.0)
    assert not getattr(bench.state.presence, name).present
    bench.put(**{f"{name}_v": limit})
    bench.run(9.8)
    assert not getattr(bench.state.presence, name).present
    bench.run(0.5)
    assert getattr(bench.state.presence, name).present
    bench.put(**{f"{name}_v": limit - 0.01})
    bench.step()
    assert not getattr(bench.state.presence, name).present


def shown(bench: Bench, key: str) -> object:
    return points(bench.state, bench.inputs, {}, bench.now)[key].value


@pytest.mark.parametrize("name", ["supply", "charger"])
def test_before_10_s_it_is_not_known_whether_a_source_is_present(name: str) -> None:
    for there in (True, False):
        bench = Bench(dt=0.1, ups__enabled=False)
        if not there:
            bench.put(**{f"{name}_v": 3.0, f"{name}_a": 0.0})
        bench.step()
        assert shown(bench, f"{name}.present") is None
        bench.run(9.5)
        assert shown(bench, f"{name}.present") is None
        bench.run(1.0)
        assert shown(bench, f"{name}.present") is there


def test_a_refusal_does_not_tell_an_absence_that_is_not_known() -> None:
    bench = Bench(dt=0.1)
    bench.run(6.0)
    refused = bench.ask(START)
    assert (refused.code, refused.text) == (
        "supply", "It is not known yet whether the supply is present: that takes 10 s.",
    )  # fmt: skip
    bench = Bench(dt=0.1, ups__enabled=False)
    bench.run(12.0)
    bench.put(charger_v=None)
    bench.run(1.0)
    bench.free("charger_v")
    bench.run(1.0)
    assert bench.ask(START).text == (
        "It is not known yet whether the charger is present: that takes 10 s."
    )


def test_a_charger_in_bulk_is_present_by_its_current() -> None:
    bench = Bench(dt=0.1)
    bench.put(charger_v=12.2, battery_v=12.17, charger_a=0.06)
    bench.run(9.5)
    assert shown(bench, "charger.present") is None
    bench.run(1.0)
    assert shown(bench, "charger.present") is True
    bench.put(charger_a=0.04)
    bench.run(0.2)
    assert shown(bench, "charger.present") is False


def test_a_low_supply_is_present_while_it_feeds_the_load() -> None:
    bench = Bench(dt=0.1, ups__enabled=False)
    bench.put(supply_v=11.3)
    bench.run(11.0)
    assert shown(bench, "supply.present") is True
    assert "supply.lost" not in bench.alarms
    bench.put(supply_a=0.0)
    bench.run(0.2)
    assert shown(bench, "supply.present") is False
    bench.run(10.5)
    assert "supply.lost" in bench.alarms


# --- a supply that is back, and reads low --------------------------------------------------------


@pytest.mark.parametrize("volts", [12, 48])
@pytest.mark.parametrize("soc", [0.02, 0.06, 0.1])
@pytest.mark.parametrize(("below", "names"), [(0.1, 2), (0.25, 2), (0.4, 1)])
def test_a_supply_that_reads_low_beside_a_nearly_flat_battery_gets_its_load_back(
    volts: int, soc: float, below: float, names: int
) -> None:
    """What feeds the load alone is no lower than the battery beside it. Within what sensors differ
    by it cannot be told who lies: the guard, which looks at the supply itself, decides."""
    station = rested(volts, load_a=2.0)
    supply(station, False)
    station.plant.battery.set_soc(soc)
    station.run(30.0)
    assert station.state.outputs.k1
    told = station.plant.circuit.battery_v / station.plant.blocks - below
    lie(station, "supply.voltage", f"x{told / 13.6:.4f}")
    station.run(10.0)
    station.plant.supply.on = True
    station.plant.touch()
    station.run(40.0)
    assert len(blamed(station)) == names
    assert "reading.supply.voltage" in blamed(station)
    assert not station.state.outputs.k1
    assert not station.plant.guard.active
    assert station.plant.circuit.path_a == 0.0
    assert station.plant.dropped_s == 0.0
    supply(station, False)  # and the next outage is one
    station.run(10.0)
    assert station.plant.circuit.path_a > 1.9
    assert station.plant.dropped_s == 0.0


@pytest.mark.parametrize("volts", [12, 48])
@pytest.mark.parametrize("soc", [0.06, 0.15])
def test_a_joined_source_that_reads_low_beside_a_nearly_flat_battery_gets_its_load_back(
    volts: int, soc: float
) -> None:
    """Its charger gives less than the load takes: the battery gives the rest, and the source reads
    little less than the load that it feeds by way of K2. It cannot be below it at all."""
    station = rested(volts, load_a=2.0, rated_ah=7.0)
    station.change(system__single_source=True)
    station.plant.single_source = True
    start(station, "2")
    supply(station, False)
    station.plant.battery.set_soc(soc)
    station.run(30.0)
    assert station.state.outputs.k1
    assert not station.plant.guard.active
    told = station.plant.sense().load_v / station.plant.blocks - 0.35
    lie(station, "supply.voltage", f"x{told / 13.6:.4f}")
    station.run(10.0)
    supply(station, True)
    station.run(1.0)
    assert station.plant.sense().battery_a < -0.5  # it gives, beside the source
    station.run(40.0)
    assert blamed(station) == ["reading.supply.voltage"]
    assert not station.state.outputs.k1
    assert station.plant.circuit.path_a == 0.0
    assert station.plant.dropped_s == 0.0


def test_a_charger_without_volts_gives_nothing_whatever_its_current_reads() -> None:
    def there(**put: object) -> bool:
        presence = step_presence(Presence(), fed(100.0, False, **put))
        return presence.charger.there_since is not None

    assert not there(charger_v=7.9, charger_a=1.5)
    assert there(charger_v=8.0, charger_a=0.06)
    assert there(charger_v=None, charger_a=0.06), "its volts are not known, or not believed"


@pytest.mark.parametrize("text", ["+0.1", "hold", "+1.5", "noise:2"])
@pytest.mark.parametrize("volts", [12, 48])
def test_a_charger_that_has_gone_is_lost_whatever_its_current_reads(volts: int, text: str) -> None:
    """The battery was not charged any more, and nobody was told."""
    station = rested(volts)
    station.plant.battery.set_soc(0.6)
    station.plant.touch()
    station.run(30.0)
    lie(station, "charger.current", text)
    station.plant.charger.switch(False)
    station.plant.touch()
    station.run(90.0)
    assert "charger.lost" in station.state.alarms.raised


@pytest.mark.parametrize("single", [False, True])
@pytest.mark.parametrize("volts", [12, 48])
def test_a_supply_that_feeds_the_load_is_not_lost_because_its_reading_is_doubted(
    volts: int, single: bool
) -> None:
    """DESIGN 8b: present while it feeds the load; its volts are what is in doubt."""
    station = joined(volts, is_joined=single, load_a=3.0)
    lie(station, "supply.voltage", f"drift:{-5 * volts // 12}")
    station.run(1700.0)
    assert station.inputs.supply_v.value < 11.5 * volts / 12
    assert not station.kinds("supply.lost")


@pytest.mark.parametrize("text", ["hold", "x0.78", "x0.5"])
@pytest.mark.parametrize("load_a", [0.5, 8.0])
def test_a_supply_that_is_back_is_not_lost_any_more_though_its_volts_are_not_believed(
    load_a: float, text: str
) -> None:
    station = rested(load_a=load_a, rated_ah=65.0)
    supply(station, False)
    station.run(160.0)
    lie(station, "supply.voltage", text)
    station.run(100.0)
    assert "supply.lost" in station.state.alarms.keys
    supply(station, True)
    station.run(200.0)
    assert "supply.lost" not in station.state.alarms.keys
    assert not station.state.outputs.k1


@pytest.mark.parametrize("text", ["+0.35", "+0.5", "noise:0.5"])
@pytest.mark.parametrize("volts", [12, 24, 48])
def test_a_charger_that_has_gone_with_the_supply_is_not_named_for_an_error_of_its_current(
    volts: int, text: str
) -> None:
    station = rested(volts)
    lie(station, "charger.current", text)
    supply(station, False)
    station.run(100.0)
    assert not station.kinds("reading.charger.voltage")
    assert "charger.lost" in station.state.alarms.keys


@pytest.mark.parametrize("load_a", [1.0, 6.0])
@pytest.mark.parametrize("has_begun", [False, True])
@pytest.mark.parametrize("how", ["hangs", "dead"])
@pytest.mark.parametrize("volts", [12, 48])
def test_a_supply_whose_volts_are_not_known_is_lost_when_it_gives_nothing(
    volts: int, how: str, has_begun: bool, load_a: float
) -> None:
    """S1 ties it to a load that the battery feeds; at 48 V a reading that hangs takes 150 s."""
    station = rested(volts, load_a=load_a)

    def lies() -> None:
        if how == "hangs":
            lie(station, "supply.voltage", "hold")
        else:
            station.lies["supply_v"] = None

    if not has_begun:
        lies()
        station.run(5.0)
    supply(station, False)
    if has_begun:
        station.run(3.0)
        lies()
    station.run(200.0)
    assert "supply.lost" in station.state.alarms.keys
    supply(station, True)
    station.run(60.0)
    assert "supply.lost" not in station.state.alarms.keys


@pytest.mark.parametrize(("volts", "dt"), [(12, 0.2), (36, 1.0)])
def test_a_dead_chargers_noisy_current_vouches_for_no_volts(volts: int, dt: float) -> None:
    """Its true volts, none, were named for it, and charger.lost was taken back again and again."""
    station = rested(volts, load_a=4.0, rated_ah=100.0)
    supply(station, False)
    station.run(90.0)
    station.dt = dt
    lie(station, "charger.current", "noise:1.5")
    station.run(600.0)
    raised = [event.key for event in station.events if event.kind is Kind.RAISE]
    assert "reading.charger.current" in raised
    assert "reading.charger.voltage" not in raised
    assert raised.count("charger.lost") == 1
