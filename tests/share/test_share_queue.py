"""The fair queue and the allowance of CPU time, without clock or sockets."""

from __future__ import annotations

from btrmd.servers.allowance import Allowance
from btrmd.servers.fair_queue import FairQueue


def test_the_cheapest_place_is_served_first_and_equals_in_their_turn() -> None:
    cost = {"crowd": 2.0, "visitor": 0.0, "other": 0.0}
    queue: FairQueue[str] = FairQueue(cost.__getitem__, most=100, each=10)
    for n in range(5):
        queue.push("crowd", f"crowd {n}")
    queue.push("visitor", "visitor 0")
    queue.push("other", "other 0")
    queue.push("visitor", "visitor 1")
    served = []
    while (taken := queue.pop()) is not None:
        served.append(taken.item)
    assert served == ["visitor 0", "other 0", "visitor 1", *(f"crowd {n}" for n in range(5))]


def test_a_full_line_returns_what_comes_to_it() -> None:
    queue: FairQueue[int] = FairQueue(lambda place: 0.0, most=100, each=2)
    assert queue.push("a", 1) is None
    assert queue.push("a", 2) is None
    assert queue.push("a", 3) == ("a", 3)
    assert queue.push("b", 4) is None
    assert len(queue) == 3


def test_a_full_queue_drops_the_newest_of_the_most_expensive_place() -> None:
    cost = {"a": 1.0, "b": 3.0, "c": 0.0}
    queue: FairQueue[str] = FairQueue(cost.__getitem__, most=3, each=3)
    for place in ("a", "b", "b"):
        queue.push(place, f"{place}{len(queue)}")
    assert queue.push("c", "c") == ("b", "b2")
    assert queue.push("b", "b9") == ("b", "b9")
    assert queue.best() == 0.0


def test_what_is_removed_does_not_come() -> None:
    queue: FairQueue[str] = FairQueue(lambda place: 0.0, most=9, each=9)
    queue.push("a", "x")
    assert queue.remove("x")
    assert not queue.remove("x")
    assert queue.pop() is None
    assert len(queue) == 0


def test_an_allowance_is_used_up_and_comes_back() -> None:
    now = [0.0]
    allowance = Allowance(0.4, 0.2, lambda: now[0])
    allowance.use(0.15)
    assert not allowance.is_used_up
    allowance.use(0.25)
    assert allowance.is_used_up
    now[0] += 0.45  # 0.18 s came back of the 0.2 that were too many
    assert allowance.is_used_up
    now[0] += 0.1
    assert not allowance.is_used_up
    now[0] += 1e6
    allowance.use(0.19)
    assert not allowance.is_used_up, "never more than the burst is saved up"
    allowance.use(0.02)
    assert allowance.is_used_up
