"""What one step knows: the battery's voltage from what is tied to it, and the lines of the log."""

from __future__ import annotations

from core_scenes import WALL_0, step_context

from btrmd.core.scan.actions import Tell
from btrmd.core.scan.context import StepContext
from btrmd.core.scan.flows import measure_flows
from btrmd.core.scan.relations import CHARGER, LOAD
from btrmd.model.events import Event, Kind
from btrmd.model.readings import BAD, Measurement

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
    assert seen(step_context(**{**CHARGED, "charger_a": None})) is None


def test_on_a_joined_source_what_the_battery_takes_says_that_the_charger_delivers() -> None:
    joined = {**CHARGED, "charger_a": 0.0, "supply_a": 4.8}
    source = {"system.single_source": True}
    assert seen(step_context(changes=source, **joined)) == 13.07
    assert seen(step_context(changes=source, **{**joined, "battery_a": 0.3})) is None
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
