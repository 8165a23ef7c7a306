"""Blocks: the voltage between taps, and the block that differs or that a discharge names."""

from __future__ import annotations

import pytest
from core_scenes import Bench, step_context

from btrmd.core.machines.blocks import (
    Blocks,
    channel_volts,
    deviations,
    format_imbalance,
    measure_blocks,
    step_blocks,
    take_estimate,
    take_record,
)
from btrmd.core.machines.float_time import FloatTime
from btrmd.core.persist import dump, restore
from btrmd.core.publish import points
from btrmd.core.state import new_state
from btrmd.model.commands import ChangeSettings, EstimateReady
from btrmd.model.discharge import Estimate, TestRecord
from btrmd.model.readings import Reading

# --- Blocks: the voltage between taps, and the block that differs or that a discharge names ------

TAPS = {"block__tap1": "ch2", "block__tap2": "ch3", "block__tap3": "ch4"}
DAY_S = 24 * 3600.0


def bank(**volts: float) -> Bench:
    """A bank of 48 V on float at 54 V with all taps wired; block N is `bN` V, 13.5 V else."""
    bench = Bench(volts=48, **TAPS)
    wire(bench, **volts)
    bench.run(20.0)
    return bench


def wire(bench: Bench, **volts: float) -> None:
    blocks = [volts.get(f"b{n}", 13.5) for n in (1, 2, 3, 4)]
    bench.put(
        io2_v=sum(blocks[:1]), io3_v=sum(blocks[:2]), io4_v=sum(blocks[:3]),
        battery_v=sum(blocks) / 4, battery_a=0.1,
    )  # fmt: skip


def shown(bench: Bench) -> dict[str, Reading]:
    return points(bench.state, bench.scan(), {}, bench.now)


def test_each_block_is_what_lies_between_its_taps() -> None:
    bench = bank(b1=13.2, b3=13.8)
    volts = measure_blocks(bench.scan(), bench.state.setpoints)
    assert volts == pytest.approx((13.2, 13.5, 13.8, 13.5), abs=0.001)
    found = shown(bench)
    assert found["battery.block3.voltage"].value == pytest.approx(13.8, abs=0.001)
    assert found["battery.block1.deviation"].value == pytest.approx(-0.3, abs=0.001)
    assert found["battery.weak_block"].value == 0


def test_without_taps_nothing_is_told() -> None:
    bench = Bench(volts=48)
    bench.run(20.0)
    found = shown(bench)
    assert found["battery.block1.voltage"].quality.value == "missing"
    assert found["battery.weak_block"].quality.value == "missing"


def test_a_middle_tap_alone_gives_no_block_but_two_taps_do() -> None:
    """Of a bank of 48 V with its lowest tap only the lowest block is known."""
    bench = Bench(volts=48, block__tap1="ch2")
    bench.put(io2_v=13.5, battery_v=13.5, battery_a=0.0)
    bench.run(20.0)
    found = shown(bench)
    assert found["battery.block1.voltage"].value == pytest.approx(13.5)
    assert found["battery.block2.voltage"].quality.value == "missing"


def test_the_drop_over_the_shunt_is_no_part_of_the_lowest_block() -> None:
    bench = bank()
    bench.put(io2_v=13.0 - 0.002 * 20.0, io3_v=26.0 - 0.04, io4_v=39.0 - 0.04,
              battery_v=13.0, battery_a=-20.0)  # fmt: skip
    found = measure_blocks(bench.scan(), bench.state.setpoints)
    assert found == pytest.approx((13.0, 13.0, 13.0, 13.0), abs=1e-6)


@pytest.mark.parametrize("channel", ["io2_v", "io3_v", "io4_v"])
def test_a_wire_that_is_off_tells_of_no_block(channel: str) -> None:
    bench = bank()
    bench.put(**{channel: 0.0})
    assert measure_blocks(bench.scan(), bench.state.setpoints) == (None,) * 4


def test_a_block_that_differs_on_float_is_an_alarm_after_a_day() -> None:
    bench = bank(b2=13.0)
    bench.dt = 60.0
    bench.run(DAY_S - 3600.0)
    assert "battery.block_imbalance" not in bench.state.alarms.raised
    bench.run(2 * 3600.0)
    alarm = bench.state.alarms.raised["battery.block_imbalance"]
    assert alarm.text == "Block 2 is below the mean of the blocks on float by more than 0.35 V."
    wire(bench)
    bench.run(600.0)
    assert "battery.block_imbalance" not in bench.state.alarms.raised


def test_blocks_that_are_nearly_alike_are_none() -> None:
    bench = bank(b2=13.2, b4=13.7)
    bench.dt = 60.0
    bench.run(3 * DAY_S)
    assert not bench.state.alarms.raised


def made(block: int) -> EstimateReady:
    return EstimateReady(1, Estimate(7800.0, 7000.0, 8600.0, "weakest block", weak_block=block))


def test_a_block_is_named_in_a_discharge_once_it_has_been_found_five_times() -> None:
    blocks = Blocks()
    for _ in range(4):
        blocks = take_estimate(blocks, made(3))
        assert not blocks.is_imbalanced
    blocks = take_estimate(blocks, made(3))
    assert format_imbalance(blocks) == "Block 3 is weak: it will end the run."


def test_a_block_that_is_found_now_and_then_is_not_named() -> None:
    blocks = Blocks()
    for block in (3, 3, 3, 3, 0, 3, 3, 2, 3, 3, 3, 3):
        blocks = take_estimate(blocks, made(block))
    assert not blocks.is_imbalanced


def test_a_discharge_names_a_block_and_the_next_takes_it_back() -> None:
    named = TestRecord(1, "1", "finished", estimate_s=7800.0, marks=("weak_block:3",))
    blocks = take_record(Blocks(), named, True)
    assert blocks.weak == 3
    assert take_record(blocks, named._replace(marks=()), False).weak == 3  # it saw no blocks
    assert take_record(blocks, named._replace(marks=()), True).weak == 0


def test_it_outlives_a_restart() -> None:
    bench = bank()
    state = bench.state._replace(blocks=Blocks((1.0, 2.0, 3.0, 4.0), weak=2))
    stored = dump(state, bench.now, bench.wall)
    again = restore(
        new_state(bench.state.setpoints, bench.now), stored, bench.wall, {}, False
    ).blocks
    assert (again.over_s, again.weak) == ((1.0, 2.0, 3.0, 4.0), 2)


@pytest.mark.parametrize(
    ("changes", "key", "words"),
    [
        ({"block.tap1": "ch3", "block.tap2": "ch2"}, "block.tap2", "CH2 reads 13.50 V"),
        ({"block.tap1": "ch4"}, "block.tap1", "CH4 reads 58.00 V and the whole bank 54.00 V"),
    ],
)
def test_taps_that_cannot_be_there_are_refused_at_their_field(
    changes: dict[str, str], key: str, words: str
) -> None:
    bench = Bench(volts=48)
    bench.put(io2_v=13.5, io3_v=27.0, io4_v=58.0, battery_v=13.5)
    bench.run(20.0)
    answer = bench.ask(ChangeSettings(changes, "test"))
    assert not answer.ok
    assert answer.data["key"] == key
    assert words in answer.text


# --- Blocks, step by step: 0.35 V for a day on float, and what a discharge names -----------------

ONE_TAP: dict[str, object] = {"block.tap1": "ch2"}
FLOAT = FloatTime(10.0)
DAY = 86400.0


def stepped(
    blocks: Blocks, lower: float, *, float_time: FloatTime = FLOAT, dt: float = 10.0,
    changes: dict[str, object] | None = None, bank: object = 27.0,
) -> Blocks:  # fmt: skip
    """A bank of 24 V whose lower block is `lower` V above 13.5 V."""
    ctx = step_context(
        dt=dt, volts=24, changes=ONE_TAP if changes is None else changes, battery_v=bank,
        battery_a=0.0, io2_v=13.5 + lower,
    )  # fmt: skip
    return step_blocks(blocks, float_time, ctx)


def test_the_time_beyond_0_35_v_is_counted_and_below_0_30_v_forgotten() -> None:
    counted = Blocks(over_s=(50.0, 50.0))
    assert stepped(counted, 0.36).over_s == (60.0, 60.0)
    assert stepped(counted, -0.36).over_s == (60.0, 60.0)
    assert stepped(counted, 0.34).over_s == (50.0, 50.0)
    assert stepped(counted, 0.31).over_s == (50.0, 50.0)
    assert stepped(counted, 0.29).over_s == (0.0, 0.0)
    assert stepped(counted, 0.36, bank=None).over_s == (50.0, 50.0)


def test_it_is_counted_on_float_only() -> None:
    counted = Blocks(over_s=(50.0, 50.0))
    assert stepped(counted, 0.36, float_time=FloatTime(0.0)) is counted
    assert stepped(counted, 0.36, float_time=FloatTime(0.5)).over_s == (60.0, 60.0)


def test_a_bank_without_taps_has_no_blocks_and_a_new_one_begins_anew() -> None:
    none = Blocks()
    assert stepped(none, 0.36, changes={}) is none
    assert stepped(Blocks(over_s=(50.0, 50.0), weak=1), 0.36, changes={}) == none
    made = stepped(Blocks(over_s=(50.0,) * 4, worst=3, worst_v=1.0, weak=2), 0.0,
                   float_time=FloatTime())  # fmt: skip
    assert made == Blocks(over_s=(0.0, 0.0), weak=2)


def test_after_a_day_the_one_that_is_farthest_off_is_the_worst() -> None:
    almost = Blocks(over_s=(DAY - 20.0, 0.0))
    made = stepped(almost, 0.4)
    assert (made.worst, made.worst_v, made.is_imbalanced) == (0, 0.0, False)
    made = stepped(made, 0.4)
    assert made.worst == 1
    assert made.worst_v == pytest.approx(0.4)
    assert made.is_imbalanced
    # where it is not known now, what was known stays; where it is over, nothing does
    assert stepped(made, 0.4, bank=None).worst == 1
    assert stepped(made, 0.4, bank=None).worst_v == made.worst_v
    assert stepped(made, 0.0).worst == 0
    both = Blocks(over_s=(DAY, DAY))
    assert stepped(both, -0.4).worst == 1
    assert stepped(both, -0.4).worst_v == pytest.approx(-0.4)


def test_deviations_are_from_the_mean_of_all_blocks() -> None:
    assert deviations((13.0, 14.0), 27.0) == (-0.5, 0.5)
    assert deviations((13.0, None), 27.0) == (-0.5, None)
    assert deviations((13.0, 14.0), None) == (None, None)
    assert deviations((), 27.0) == ()


def test_what_the_shunt_drops_comes_off_a_tap_that_is_there() -> None:
    inputs = step_context(battery_a=10.0, io2_v=13.0, io3_v=0.4, io4_v=None).inputs
    volts = channel_volts(inputs)
    assert volts["ch2"] == pytest.approx(12.98)  # 2 mOhm
    assert volts["ch3"] == 0.4
    assert volts["ch4"] is None
    assert channel_volts(step_context(battery_a=None, io2_v=13.0).inputs)["ch2"] == 13.0


def test_a_tap_that_cannot_be_true_leaves_its_blocks_unknown() -> None:
    def found(tap: object, bank: object = 27.0) -> tuple[float | None, ...]:
        ctx = step_context(volts=24, changes=ONE_TAP, battery_v=bank, battery_a=0.0, io2_v=tap)
        return measure_blocks(ctx.inputs, ctx.sp)

    assert found(13.0) == (13.0, 14.0)
    assert found(13.0, None) == (13.0, None)
    assert found(None) == (None, None)
    # a wire that is off, or one that cannot be there
    assert found(0.1) == (None, None)
    assert found(28.0) == (None, None)
    # a block of half a volt is none
    assert found(26.5) == (None, None)
    assert found(24.9) == pytest.approx((24.9, 2.1))
    assert found(1.99) == (None, None)
    assert found(2.0) == (2.0, 25.0)
    ctx = step_context(volts=24)
    assert measure_blocks(ctx.inputs, ctx.sp) == ()


def named(block: int) -> EstimateReady:
    return EstimateReady(1, Estimate(3600.0, 3000.0, 4000.0)._replace(weak_block=block))


def test_five_estimates_in_a_row_name_a_block() -> None:
    blocks = Blocks()
    for hits in (1, 2, 3, 4):
        blocks = take_estimate(blocks, named(2))
        assert (blocks.hit_block, blocks.hits, blocks.weak) == (2, hits, 0)
    assert take_estimate(blocks, named(3)) == Blocks(hit_block=3, hits=1)
    assert take_estimate(blocks, named(0)) == Blocks()
    assert take_estimate(blocks, EstimateReady(1, None)) is blocks
    assert take_estimate(blocks, named(2)).weak == 2
    quiet = Blocks(weak=1)
    assert take_estimate(quiet, named(0)) is quiet


def test_a_record_without_an_estimate_or_without_taps_names_nothing() -> None:
    blocks = Blocks(weak=2, hit_block=3, hits=4)
    record = TestRecord(n=1, type="1", estimate_s=3600.0)
    assert take_record(blocks, record, True) == Blocks(weak=0)
    assert take_record(blocks, record, False) == Blocks(weak=2)
    assert take_record(blocks, record._replace(estimate_s=None), True) == Blocks(weak=2)


def test_in_words() -> None:
    assert format_imbalance(Blocks(weak=2, worst=1)) == "Block 2 is weak: it will end the run."
    assert format_imbalance(Blocks()) == "A block of the battery differs from the others."
    for volts, side in ((-0.4, "below"), (0.4, "above")):
        assert format_imbalance(Blocks(worst=3, worst_v=volts)) == (
            f"Block 3 is {side} the mean of the blocks on float by more than 0.35 V."
        )
    assert Blocks(weak=1).is_imbalanced
    assert Blocks(worst=1).is_imbalanced
    assert not Blocks().is_imbalanced


def test_a_new_bank_has_nothing_to_tell() -> None:
    assert tuple(Blocks()) == ((), 0, 0.0, 0, 0, 0)


@pytest.mark.parametrize(("lower", "is_known"), [(13.5, True), (0.0, False), (28.0, False)])
def test_nothing_is_told_of_blocks_whose_taps_cannot_be(lower: float, is_known: bool) -> None:
    """A wire that is not there, and a tap above the bank."""
    ctx = step_context(volts=24, changes=ONE_TAP, battery_v=27.0, io2_v=lower)
    found = measure_blocks(ctx.inputs, ctx.sp)
    assert found == (pytest.approx((13.5, 13.5), abs=0.001) if is_known else (None, None))


def test_a_tap_that_reads_less_than_a_cell_has_no_wire() -> None:
    taps: dict[str, object] = {"block.tap1": "ch2", "block.tap2": "ch3"}
    for upper, is_known in ((27.0, True), (1.9, False), (0.1, False)):
        ctx = step_context(
            volts=36, changes=taps, battery_v=40.5, battery_a=0.0, io2_v=13.5, io3_v=upper
        )
        found = measure_blocks(ctx.inputs, ctx.sp)
        assert found == ((13.5,) * 3 if is_known else (None,) * 3)
    # also above a tap that nobody has wired, as a site's file may have it
    ctx = step_context(volts=36, changes=taps, battery_v=40.5, battery_a=0.0, io3_v=1.9)
    gap = ctx.sp._replace(taps=("none", "ch3"))
    assert measure_blocks(ctx.inputs, gap) == (None,) * 3


def test_the_taps_of_a_bank_that_is_not_known_are_known_up_to_the_last() -> None:
    ctx = step_context(volts=24, changes=ONE_TAP, battery_v=None, io2_v=13.5)
    lower, upper = measure_blocks(ctx.inputs, ctx.sp)
    assert lower == pytest.approx(13.5, abs=0.001)
    assert upper is None
