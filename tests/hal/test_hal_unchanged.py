"""A scan that is only compared with the last one, without being made into readings."""

from __future__ import annotations

import pytest
from hal_bench import Bench

from btrmd.hal.chips.ads1115 import Ads1115, peek, rounds, scan

BAND = 0.1


@pytest.fixture
def bench() -> Bench:
    bench = Bench()
    bench.scans(1.0)
    return bench


def is_unchanged(bench: Bench) -> bool:
    bench.now += 0.1
    bench.plant.plant_s += 0.1
    bench.pins.drive_inputs(bench.plant.now, bench.pb1, bench.pb2)  # type: ignore[arg-type]
    return bench.board.is_unchanged(bench.now, BAND)


QUANTITIES = (
    "battery_v", "load_v", "charger_v", "supply_v", "battery_a", "load_a", "charger_a", "supply_a",
)  # fmt: skip


@pytest.mark.parametrize("name", QUANTITIES)
def test_what_moves_beyond_the_band_is_seen_and_what_stays_within_is_not(
    bench: Bench, name: str
) -> None:
    before = getattr(bench.plant.now, name)
    for near in (0.08, -0.08):
        bench.plant.put(**{name: before + near})
        assert is_unchanged(bench), near
    for far in (0.13, -0.13):
        bench.plant.put(**{name: before + far})
        assert not is_unchanged(bench), far
        assert not is_unchanged(bench), (
            "a comparison must not get used to what nobody has looked at"
        )
    bench.scan()
    assert is_unchanged(bench)


def test_what_was_near_the_last_read_is_judged_anew_after_the_next(bench: Bench) -> None:
    before = bench.plant.now.battery_v
    bench.plant.put(battery_v=before + 0.08)
    assert is_unchanged(bench)
    bench.plant.put(battery_v=before - 0.08)
    bench.scan()
    bench.plant.put(battery_v=before + 0.08)
    assert not is_unchanged(bench)


@pytest.mark.parametrize("channel", range(4))
def test_every_io_channel_is_seen(bench: Bench, channel: int) -> None:
    volts = list(bench.plant.now.io_v)
    volts[channel] += 0.2
    bench.plant.put(io_v=tuple(volts))
    assert not is_unchanged(bench)


@pytest.mark.parametrize("line", ["batt_path", "guard", "pb1", "pb2"])
def test_every_line_is_seen(bench: Bench, line: str) -> None:
    assert is_unchanged(bench)
    if line.startswith("pb"):
        setattr(bench, line, True)
    else:
        bench.plant.put(**{line: not getattr(bench.plant.now, line)})
    assert not is_unchanged(bench)


@pytest.mark.parametrize("address", [0x40, 0x41, 0x44, 0x45, 0x48, 0x4A])
def test_a_chip_that_does_not_answer_is_left_to_the_read(bench: Bench, address: int) -> None:
    bench.plant.i2c_faults[address] = "nack"
    assert not is_unchanged(bench)
    bench.scan()
    bench.plant.i2c_faults.clear()
    assert not is_unchanged(bench)  # the read has to find it well again first
    bench.scans(0.5)
    assert is_unchanged(bench)


@pytest.mark.parametrize("address", [0x40, 0x41, 0x44, 0x45, 0x48, 0x4A])
def test_a_frozen_chip_is_found_by_the_next_read_however_often_it_was_compared(
    bench: Bench, address: int
) -> None:
    key = f"0x{address:02x}"
    bench.plant.i2c_faults[address] = "stuck"
    for _ in range(9):
        is_unchanged(bench)
    assert (key, False) in bench.scan().chips


def test_a_peek_converts_what_a_scan_does_and_waits_no_longer(bench: Bench) -> None:
    pauses: list[None] = []
    chips = [Ads1115(bench.bus, 0x48, [0, 3]), Ads1115(bench.bus, 0x4A, [3])]
    scan(chips, lambda: pauses.append(None))
    scanned = [list(chip.counts) for chip in chips]
    assert [count is None for count in scanned[0]] == [False, True, True, False]
    assert len(pauses) == 2
    counts: list[int] = []
    peek(rounds(chips), lambda: pauses.append(None), counts)
    assert counts == [scanned[0][0], scanned[0][3], scanned[1][3]]
    assert len(pauses) == 4


def test_before_any_read_nothing_is_known() -> None:
    assert not is_unchanged(Bench())


def test_a_bus_that_is_gone_is_left_to_the_read(bench: Bench) -> None:
    bench.bus.close()
    assert not is_unchanged(bench)


def test_raw_counts_compared_scans_too(bench: Bench) -> None:
    keys = ("battery.voltage", "io2.voltage", "load.current")
    bench.scans(2.5)
    exact = {key: bench.board.raw(key) for key in keys}
    now = bench.plant.now
    bench.plant.put(
        battery_v=now.battery_v + 0.08, load_a=now.load_a + 0.08, io_v=(1.0, 12.08, 24.0, 48.0)
    )
    for _ in range(20):
        assert is_unchanged(bench)
    for key in keys:
        found, before = bench.board.raw(key), exact[key]
        assert found is not None
        assert before is not None
        assert found == pytest.approx(before + 0.08, abs=0.01), key
