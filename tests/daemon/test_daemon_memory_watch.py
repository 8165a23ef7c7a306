"""The memory watch: what a crowd leaves goes back once the process has grown, and not before."""

from __future__ import annotations

import gc
import mmap
import weakref
from collections.abc import Callable

import pytest

from btrmd.daemon import memory_watch
from btrmd.daemon.memory_watch import CHANGE, MemoryWatch, free, resident

REST = 50 * 1024 * 1024


class Process:
    """So much of it is in memory, of which so much is free."""

    def __init__(self) -> None:
        self.octets = REST
        self.unused = 0
        self.freed: list[int] = []

    def resident(self) -> int:
        return self.octets

    def free(self) -> None:
        self.freed.append(self.unused)
        self.octets -= self.unused
        self.unused = 0


def test_what_is_free_goes_back_once_the_process_has_grown() -> None:
    process = Process()
    watch = MemoryWatch(process.resident, process.free)
    watch.look()
    process.octets += CHANGE - 1
    process.unused = CHANGE - 1
    watch.look()
    assert process.freed == []
    process.octets += 1
    watch.look()
    assert process.freed == [CHANGE - 1]


def test_what_is_in_use_is_not_looked_for_again_and_again() -> None:
    process = Process()
    watch = MemoryWatch(process.resident, process.free)
    watch.look()
    process.octets += 3 * CHANGE
    for _ in range(10):
        watch.look()
    assert process.freed == [0]


def test_what_is_left_by_who_used_much_goes_back_when_he_has_gone() -> None:
    process = Process()
    watch = MemoryWatch(process.resident, process.free)
    watch.look()
    process.octets += 4 * CHANGE
    watch.look()
    process.octets -= CHANGE
    process.unused = 2 * CHANGE
    watch.look()
    assert process.freed == [0, 2 * CHANGE]
    assert process.octets == REST + CHANGE


class Node:
    """Knows itself."""

    def __init__(self) -> None:
        self.me = self


def test_cycles_are_freed() -> None:
    gc.disable()
    try:
        node = Node()
        seen = weakref.ref(node)
        del node
        assert seen() is not None
        free()
        assert seen() is None
    finally:
        gc.enable()


def test_the_process_is_seen_to_grow() -> None:
    with mmap.mmap(-1, 8 * CHANGE) as held:  # never of what is free already
        before = resident()
        for place in range(0, len(held), mmap.PAGESIZE):
            held[place] = 1
        assert resident() - before > 4 * CHANGE


def test_it_looks_by_itself_until_it_is_stopped(
    wait_until: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(memory_watch, "LOOK_S", 0.001)
    process = Process()
    watch = MemoryWatch(process.resident, process.free)
    watch.look()
    process.octets += CHANGE
    watch.start()
    wait_until(lambda: process.freed)
    watch.stop()
    assert not watch._thread.is_alive()
