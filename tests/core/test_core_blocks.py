"""Blocks: the voltage between taps, and the block that differs or that a discharge names."""

from __future__ import annotations

import pytest
from core_scenes import Bench

from btrmd.core.machines.blocks import (
    Blocks,
    format_imbalance,
    measure_blocks,
    take_estimate,
    take_record,
)
from btrmd.core.persist import dump, restore
from btrmd.core.publish import points
from btrmd.core.state import new_state
from btrmd.model.commands import ChangeSettings, EstimateReady
from btrmd.model.discharge import Estimate, TestRecord
from btrmd.model.readings import Reading

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
