"""The GUARD line's edge: what it may do to K1 between two scans, and what it may not."""

from __future__ import annotations

import os
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress

import pytest
from hal_bench import Bench

from btrmd.hal.gpio import HatPins
from btrmd.hal.line_events import (
    EVENT_SIZE,
    GET_LINE,
    GET_VALUES,
    REQUEST,
    VALUES,
    LineEvents,
)
from btrmd.hal.sim.pins import SimPin
from btrmd.model.board import SAFE_OUTPUTS, Outputs

GUARD = 26
WAIT_S = 10.0


@pytest.fixture
def bench() -> Bench:
    """A bench that has scanned and applied once, with K1 armed."""
    bench = Bench()
    bench.scan()
    bench.board.arm(True)
    bench.board.apply(SAFE_OUTPUTS, bench.now)
    return bench


def line(bench: Bench) -> SimPin:
    pin = bench.pins.factory.pin(GUARD)
    assert isinstance(pin, SimPin)
    return pin


def close_guard(bench: Bench) -> None:
    """The line is active low."""
    line(bench).drive(False)


def open_guard(bench: Bench) -> None:
    line(bench).drive(True)


def k1(bench: Bench) -> bool:
    return bench.plant.coils.get("k1", False)


# --- what it does ------------------------------------------------------------------------------


def test_the_guard_s_edge_energises_k1_without_a_scan(bench: Bench) -> None:
    assert not k1(bench)
    close_guard(bench)
    assert k1(bench)
    assert not any(bench.plant.coils.get(name) for name in ("k2", "k3"))


def test_the_next_scan_says_so_though_the_line_is_idle_again(bench: Bench) -> None:
    close_guard(bench)
    open_guard(bench)  # K1 has lifted the bus
    assert k1(bench)
    assert not bench.board.is_unchanged(bench.now, 0.1)
    bench.plant.put(guard=False)
    assert bench.scan().guard is True
    bench.board.apply(Outputs(k1=True), bench.now)
    assert bench.scan().guard is False
    assert k1(bench)


def test_what_the_core_decides_on_it_holds(bench: Bench) -> None:
    close_guard(bench)
    bench.plant.put(guard=True)
    bench.scan()
    bench.board.apply(SAFE_OUTPUTS, bench.now)
    assert not k1(bench)
    assert bench.scan().guard is True  # the line itself


def test_an_edge_between_scan_and_apply_outlasts_a_decision_that_did_not_know_of_it(
    bench: Bench,
) -> None:
    assert bench.scan().guard is False
    close_guard(bench)
    for _ in range(3):  # idle ticks that only compare, the last of them before the edge
        bench.board.apply(SAFE_OUTPUTS, bench.now)
        assert k1(bench)
    open_guard(bench)
    assert bench.scan().guard is True
    bench.board.apply(SAFE_OUTPUTS, bench.now)
    assert not k1(bench)


def test_a_second_edge_is_caught_as_the_first_was(bench: Bench) -> None:
    for _ in range(2):
        close_guard(bench)
        assert k1(bench)
        open_guard(bench)
        bench.plant.put(guard=False)
        bench.scan()
        bench.board.apply(SAFE_OUTPUTS, bench.now)
        assert not k1(bench)


# --- what it does not --------------------------------------------------------------------------


def test_an_edge_drives_nothing_where_the_core_has_not_armed_it(bench: Bench) -> None:
    bench.board.arm(False)
    bench.board.apply(SAFE_OUTPUTS, bench.now)
    close_guard(bench)
    assert not k1(bench)
    bench.plant.put(guard=True)
    assert bench.scan().guard is True


def test_nothing_is_armed_before_the_first_apply() -> None:
    bench = Bench()
    bench.scan()
    bench.board.arm(True)
    close_guard(bench)
    assert not k1(bench)


def test_after_a_fault_or_at_the_end_an_edge_drives_nothing(bench: Bench) -> None:
    bench.board.safe()
    close_guard(bench)
    assert not k1(bench)
    open_guard(bench)
    bench.board.close()
    close_guard(bench)
    assert not k1(bench)


def test_the_way_back_of_the_line_drives_nothing() -> None:
    bench = Bench()
    bench.plant.put(guard=True)
    bench.scan()
    bench.board.arm(True)
    bench.board.apply(SAFE_OUTPUTS, bench.now)
    open_guard(bench)
    assert not k1(bench)


def test_an_owner_that_has_gone_quiet_lets_no_edge_drive_a_coil() -> None:
    bench, time = Bench(), [50.0]
    pins = HatPins(bench.config.pins, bench.pins.factory, lambda: time[0])
    pins.tend(0.0)
    bench.pins.drive_inputs(bench.plant.now, False, False)  # type: ignore[arg-type]
    pins.arm(True)
    pins.write(SAFE_OUTPUTS, 0.0)
    time[0] += 0.5
    close_guard(bench)
    assert not k1(bench)
    open_guard(bench)
    pins.write(SAFE_OUTPUTS, 0.0)
    time[0] += 0.49
    close_guard(bench)
    assert k1(bench)


def test_a_pulse_that_is_over_when_it_is_looked_at_drives_nothing(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    pin = line(bench)
    told = pin._call_when_changed

    def late() -> None:
        pin._state = True  # idle again
        told()

    monkeypatch.setattr(pin, "_call_when_changed", late)
    close_guard(bench)
    assert not k1(bench)


def test_a_guard_that_has_let_go_and_closed_again_between_two_scans_has_moved() -> None:
    bench = Bench()
    bench.plant.put(guard=True)
    bench.scan()
    assert not bench.scan().guard_moved
    assert bench.board.is_unchanged(bench.now, 0.01)
    open_guard(bench)
    close_guard(bench)
    assert not bench.board.is_unchanged(bench.now, 0.01), "a scan that only looks forgets it not"
    inputs = bench.scan()
    assert (inputs.guard, inputs.guard_moved) == (True, True)
    assert not bench.scan().guard_moved


@pytest.mark.parametrize("stuck", [False, True])
def test_the_simulated_line_shows_what_was_over_within_a_step(stuck: bool) -> None:
    bench = Bench()
    bench.plant.put(guard=True)
    bench.scan()
    faults = {"guard": False} if stuck else {}  # low: active
    for moves, moved in ((1, False), (3, not stuck), (3, False)):
        bench.pins.drive_inputs(bench.plant.now, False, False, faults, moves)  # type: ignore[arg-type]
        inputs = bench.board.read(bench.now, 0.0)
        assert (inputs.guard, inputs.guard_moved) == (True, moved), moves


def test_a_line_that_cannot_be_read_drives_nothing_and_ends_no_thread(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(pin: SimPin) -> bool:
        raise OSError(5, "Input/output error")

    with monkeypatch.context() as patch:
        patch.setattr(SimPin, "state", property(fail))
        close_guard(bench)
    assert not k1(bench)
    open_guard(bench)
    close_guard(bench)
    assert k1(bench)


def test_a_coil_that_cannot_be_driven_is_a_finding_and_no_caught_edge(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(pin: SimPin, value: bool) -> None:
        raise OSError(5, "Input/output error")

    with monkeypatch.context() as patch:
        patch.setattr(SimPin, "_set_state", fail)
        close_guard(bench)
    assert not k1(bench)
    assert "GPIO 17 (k1)" in " ".join(bench.board.findings())
    open_guard(bench)
    bench.plant.put(guard=False)
    assert bench.scan().guard is False


def test_a_factory_that_tells_no_edges_leaves_the_scan_as_it_was(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(pin: SimPin) -> None:
        raise OSError(22, "Invalid argument")

    monkeypatch.setattr(SimPin, "_enable_event_detect", refuse)
    bench = Bench()
    bench.plant.put(guard=True)
    assert bench.scan().guard is True
    assert bench.board.findings() == []


# --- the kernel's line events ------------------------------------------------------------------


def test_the_request_has_the_layout_of_linux_gpio_h() -> None:
    made = REQUEST.pack(26, *(0,) * 63, b"btrmd edge", 0x134, 1, 16, -7)
    assert REQUEST.size == 592
    sizes = [request >> 16 & 0x3FFF for request in (GET_LINE, GET_VALUES)]
    assert sizes == [REQUEST.size, VALUES.size]
    where = {0: 26, 288: 0x134, 296: 0, 560: 1, 564: 16}
    for offset, value in where.items():
        assert struct.unpack_from("=I", made, offset) == (value,), offset
    assert struct.unpack_from("=i", made, 588) == (-7,)
    assert made[256:266] == b"btrmd edge"


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    """(what a line's descriptor is, where its events are put in)"""
    ends = os.pipe()
    yield ends
    for fd in ends:
        with suppress(OSError):  # `close` has given it back
            os.close(fd)


def listening(fd: int) -> tuple[LineEvents, Callable[[], bool]]:
    heard = threading.Semaphore(0)
    events = LineEvents(fd, heard.release)
    return events, lambda: heard.acquire(timeout=WAIT_S)


def test_each_edge_is_told_and_close_ends_the_thread(pipe: tuple[int, int]) -> None:
    events, heard = listening(pipe[0])
    for _ in range(3):
        os.write(pipe[1], bytes(EVENT_SIZE))
        assert heard()
    events.close()
    assert "gpio-edge" not in {thread.name for thread in threading.enumerate()}
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(pipe[0])


def test_an_edge_that_cannot_be_acted_on_does_not_end_the_watch(
    pipe: tuple[int, int], caplog: pytest.LogCaptureFixture
) -> None:
    heard = threading.Semaphore(0)
    errors = [ValueError("x"), OSError(5, "Input/output error")]

    def moved() -> None:
        heard.release()
        if errors:
            raise errors.pop()

    events = LineEvents(pipe[0], moved)
    for _ in range(3):
        os.write(pipe[1], bytes(EVENT_SIZE))
        assert heard.acquire(timeout=WAIT_S)
    events.close()
    assert caplog.text.count("could not be acted on") == 2


def test_a_line_that_is_gone_ends_the_thread_and_costs_no_cpu(pipe: tuple[int, int]) -> None:
    events, _ = listening(pipe[0])
    os.close(pipe[1])
    events._thread.join(WAIT_S)
    assert not events._thread.is_alive()
    events.close()
