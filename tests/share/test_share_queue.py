"""The fair queue and the allowance of CPU time, without clock or sockets."""

from __future__ import annotations

from btrmd.servers.allowance import Allowance
from btrmd.servers.fair_queue import MOST_FINISHES, FairQueue


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


def test_what_is_too_much_is_trimmed_from_the_longest_lines_the_oldest_first() -> None:
    queue: FairQueue[str] = FairQueue(lambda place: 0.0, most=99, each=99)
    for item in ("a1", "a2", "a3", "a4", "b1", "b2", "b3", "c1"):
        queue.push(item[0], item)
    assert queue.trim(8) == []
    assert [taken.item for taken in queue.trim(5)] == ["a1", "a2", "b1"]
    assert [taken.item for taken in queue.trim(2)] == ["a3", "b2", "a4"]
    assert len(queue) == 2
    assert [queue.pop(), queue.pop(), queue.pop()] == [("b", "b3"), ("c", "c1"), None]


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


def serve(queue: FairQueue[str], cost: float = 0.05) -> str:
    """One item served, a crowd's at that cost in s; its place, which asks again at once if it is a
    crowd's."""
    taken = queue.pop()
    assert taken is not None
    is_crowd = taken.place.startswith("crowd")
    queue.spent(taken.place, cost if is_crowd else 0.001)
    if is_crowd:
        queue.push(taken.place, taken.item)
    return taken.place


def test_what_was_used_while_nobody_waited_is_not_held_against_its_place() -> None:
    """Somebody looks at many pages; then forty addresses come that have used nothing."""
    queue: FairQueue[str] = FairQueue(lambda place: 0.0, most=1000, each=100)
    for _ in range(1000):
        queue.push("owner", "page")
        serve(queue)
    for n in range(40):
        queue.push(f"crowd {n}", "dear")
    serve(queue)
    queue.push("owner", "page")
    turns = 1
    while serve(queue) != "owner":
        turns += 1
    assert turns <= 41  # one of each of them, and no more


def test_who_asks_little_is_served_next_beside_those_who_ask_much() -> None:
    queue: FairQueue[str] = FairQueue(lambda place: 0.0, most=1000, each=100)
    for n in range(40):
        queue.push(f"crowd {n}", "dear")
    for _ in range(100):
        serve(queue)
    turns = []
    for _ in range(50):
        queue.push("monitor", "healthz")
        turns.append(1)
        while serve(queue) != "monitor":
            turns[-1] += 1
        for _ in range(20):
            serve(queue)
    assert max(turns) <= 41
    assert sorted(turns)[25] <= 2


def test_equal_shares_of_time_go_to_places_that_always_want_some() -> None:
    """One asks dear things, one cheap things: each gets as much time, not as many turns."""
    queue: FairQueue[str] = FairQueue(lambda place: 0.0, most=10, each=5)
    cost = {"crowd dear": 0.05, "crowd cheap": 0.001}
    for place in cost:
        queue.push(place, "x")
    used = dict.fromkeys(cost, 0.0)
    for _ in range(1000):
        taken = queue.pop()
        assert taken is not None
        queue.spent(taken.place, cost[taken.place])
        used[taken.place] += cost[taken.place]
        queue.push(taken.place, "x")
    assert abs(used["crowd dear"] - used["crowd cheap"]) <= 0.05


def test_finishes_of_a_flood_of_addresses_are_forgotten() -> None:
    queue: FairQueue[str] = FairQueue(lambda place: 0.0, most=10, each=5)
    for n in range(5000):
        queue.push(f"spoofed {n}", "x")
        queue.pop()
        queue.spent(f"spoofed {n}", 0.001)
    assert len(queue._finishes) <= MOST_FINISHES
