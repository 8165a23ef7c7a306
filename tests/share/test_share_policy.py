"""The share of a listener: who gets a place, and who makes room, on a clock of the test's own."""

from __future__ import annotations

from random import Random

import pytest

from btrmd.model.service import LIMITS, YIELD_S, Limit
from btrmd.servers.share import MOST_PLACES, OWN_BURST, OWN_RATE, Member, Share

LIMIT = Limit("test", most=8, each=8, idle_s=600.0, new_s=10.0, kept="nobody")


class Bench:
    """A share, its clock, and who was closed."""

    def __init__(self, limit: Limit = LIMIT) -> None:
        self.now = 1000.0
        self.share = Share(limit, lambda: self.now)
        self.closed: list[str] = []

    def member(self, name: str, address: str, is_kept: bool = False) -> Member:
        return Member(address, lambda: self.closed.append(name), is_kept)

    def enter(self, name: str, address: str, asks: bool = True, is_kept: bool = False) -> Member:
        """One that must get a place."""
        made = self.member(name, address, is_kept)
        assert self.share.enter(made), name
        if asks:
            self.share.heard(made)
        return made


def test_up_to_the_limit_everybody_has_a_place() -> None:
    bench = Bench()
    for n in range(8):
        bench.enter(f"c{n}", f"10.0.0.{n % 3}")
    assert bench.closed == []
    assert bench.share.count == 8


def test_one_address_more_than_full_is_refused_while_all_its_own_are_at_work() -> None:
    bench = Bench()
    for n in range(8):
        bench.enter(f"c{n}", "10.0.0.1")
    assert not bench.share.enter(bench.member("ninth", "10.0.0.1"))
    assert bench.share.refused == 1
    bench.now += YIELD_S
    bench.enter("ninth", "10.0.0.1")
    assert bench.closed == ["c0"], "the longest silent"


def test_who_has_left_or_got_no_place_cannot_be_closed_any_more() -> None:
    """What `close` knows, the connection, is not kept by its member."""
    bench = Bench()
    members = [bench.enter(f"c{n}", "10.0.0.1") for n in range(8)]
    members.append(bench.member("ninth", "10.0.0.1"))
    assert not bench.share.enter(members[-1])
    bench.share.leave(members[0])
    for member in (members[0], members[-1]):
        member.close()
    assert bench.closed == []
    members[1].close()
    assert bench.closed == ["c1"]


def test_another_address_gets_a_place_at_once_however_busy_the_crowd_is() -> None:
    bench = Bench()
    members = [bench.enter(f"c{n}", "10.0.0.1") for n in range(8)]
    bench.now += 0.01
    for member in members[1:]:
        bench.share.heard(member)
    bench.enter("stranger", "10.0.0.2")
    assert bench.closed == ["c0"]


def test_who_never_asked_goes_before_who_asked_long_ago() -> None:
    bench = Bench()
    bench.enter("old", "10.0.0.1")
    bench.now += 60.0
    bench.enter("mute", "10.0.0.1", asks=False)
    for n in range(6):
        bench.enter(f"c{n}", "10.0.0.1")
    bench.now += 1.0
    bench.enter("new", "10.0.0.2")
    assert bench.closed == ["mute"]


def test_among_equals_the_most_demanding_makes_room_then_the_longest_silent() -> None:
    bench = Bench()
    members = [bench.enter(f"c{n}", f"10.0.0.{n}") for n in range(8)]
    bench.now += 2.0
    for member in members[1:]:
        bench.share.heard(member)
    bench.share.spent(members[5].place, 3.0)
    bench.enter("new", "10.0.1.1")
    bench.enter("newer", "10.0.1.2")
    assert bench.closed == ["c5", "c0"]


def test_who_has_just_come_is_not_ended_by_an_equal_before_he_can_ask() -> None:
    bench = Bench()
    for n in range(8):
        bench.enter(f"c{n}", f"10.0.0.{n}", asks=False)
    bench.now += YIELD_S / 2
    assert not bench.share.enter(bench.member("again", "10.0.0.3"))
    bench.enter("stranger", "10.0.1.1")
    assert bench.closed == ["c0"], "an address without any gets a place at once"
    bench.now += YIELD_S / 2
    bench.enter("again", "10.0.0.3")
    assert bench.closed == ["c0", "c1"]


def test_who_is_kept_makes_room_for_nobody_but_his_equals() -> None:
    bench = Bench(LIMIT._replace(most=4, each=4))
    for n in range(3):
        bench.enter(f"k{n}", "10.0.0.1", is_kept=True)
    bench.enter("c", "10.0.0.2")
    bench.now += 100.0
    bench.enter("d", "10.0.0.3")
    assert bench.closed == ["c"]
    bench.enter("k3", "10.0.0.1", is_kept=True)
    assert bench.closed == ["c", "d"]
    assert not bench.share.enter(bench.member("e", "10.0.0.4")), "all places are kept"
    bench.enter("k4", "10.0.0.1", is_kept=True)
    assert len(bench.closed) == 3, "his own half-open ones make room for him"


def test_a_place_is_free_once_it_is_left_and_leaving_twice_counts_once() -> None:
    bench = Bench(LIMIT._replace(most=1))
    first = bench.enter("first", "10.0.0.1")
    bench.share.leave(first)
    bench.share.leave(first)
    assert bench.share.count == 0
    bench.enter("second", "10.0.0.1")
    assert bench.closed == []


def test_the_silent_are_named_when_their_time_is_over() -> None:
    bench = Bench()
    silent = bench.enter("silent", "10.0.0.1")
    bench.now += 599.0
    busy = bench.enter("busy", "10.0.0.1")
    bench.now += 2.0
    assert bench.share.idle() == [silent]
    assert busy.heard_at > silent.heard_at
    assert bench.share.counts["idle_closed"] == 1


def test_a_flood_of_new_connections_leaves_room_for_one_more_address() -> None:
    """40 addresses come 4,000 times in a second; then one comes that was never here."""
    bench = Bench()
    taken = 0
    for n in range(4000):
        bench.now += 0.00025
        taken += bench.share.admits(f"10.0.{n % 40}.1")
    assert taken <= 40 * (OWN_BURST + OWN_RATE) + 10 * 3
    assert bench.share.refused == 4000 - taken
    assert bench.share.admits("10.9.9.9")


def test_one_address_alone_may_come_as_often_as_the_listener_can_take_it() -> None:
    bench = Bench()
    taken = sum(bench.share.admits("10.0.0.1") for _ in range(60))
    assert taken == 20
    for _ in range(50):
        bench.now += 0.1
        assert bench.share.admits("10.0.0.1")


@pytest.mark.parametrize(("one", "other"), [("::ffff:10.0.0.1", "10.0.0.1"),
                                            ("2001:db8::1", "2001:db8::ffff"),
                                            ("fe80::1%eth0", "fe80::2%eth1")])  # fmt: skip
def test_what_counts_as_one_address(one: str, other: str) -> None:
    bench = Bench()
    assert bench.member("a", one).place == bench.member("b", other).place


def test_however_many_addresses_come_few_are_remembered() -> None:
    bench = Bench()
    for n in range(5 * MOST_PLACES):
        bench.now += 1.0
        assert bench.share.admits(f"10.{n >> 16}.{n >> 8 & 255}.{n & 255}")
    assert len(bench.share._places) <= MOST_PLACES


@pytest.mark.parametrize("seed", range(5))
def test_whatever_happens_no_address_is_kept_out_and_no_limit_is_passed(seed: int) -> None:
    """Connections come, ask, stay silent and go at random; now and then a new address comes."""
    rng, bench = Random(seed), Bench(LIMIT._replace(each=6))
    alive: list[Member] = []

    def close(member: Member) -> None:
        alive.remove(member)

    def add(address: str) -> bool:
        made = Member(address, lambda: close(made))
        if not bench.share.enter(made):
            return False
        alive.append(made)
        return True

    for step in range(3000):
        bench.now += rng.random() / 10
        dice = rng.random()
        if dice < 0.4:
            add(f"10.0.0.{rng.randrange(4)}")
        elif dice < 0.6 and alive:
            bench.share.heard(rng.choice(alive), 0.01)
        elif dice < 0.7 and alive:
            gone = rng.choice(alive)
            alive.remove(gone)
            bench.share.leave(gone)
        elif dice < 0.72:
            assert add(f"10.1.{step >> 8}.{step & 255}"), "a new address always gets in"
        assert bench.share.count == len(alive) <= 8
        assert max((sum(m.place == n.place for m in alive) for n in alive), default=0) <= 6


def test_the_promised_numbers() -> None:
    assert (LIMITS["modbus"].most, LIMITS["dnp3"].most, LIMITS["stream"].most) == (64, 4, 8)
    assert LIMITS["modbus"].idle_s == LIMITS["dnp3"].idle_s == 600.0
