"""The watch over the relays: seconds of evidence, latching, forgiving, and who is suspected."""

from __future__ import annotations

import pytest
from core_scenes import step_context

from btrmd.core.machines.relaywatch import (
    Contact,
    Joined,
    RelayWatch,
    acknowledge,
    latch,
    look_at_source,
    single_source_suspect,
    step_relays,
)
from btrmd.model.board import Outputs

NOW = 1000.0
STICKS = {"battery_v": 12.5, "battery_a": -2.0, "load_v": 12.4, "supply_a": 0.29,
          "charger_v": 0.0, "charger_a": 0.0}  # fmt: skip


def k1(contact: Contact, *, dt: float = 1.0, coil: bool = False, sticks: bool = True) -> Contact:
    """K1 after one scan in which it sticks on the battery, or is well."""
    ctx = step_context(NOW, dt=dt, **(STICKS if sticks else {}))
    return step_relays(RelayWatch(k1=contact), Outputs(k1=coil), ctx).k1


def test_evidence_is_counted_from_0_3_s_after_the_coil_to_3_s() -> None:
    assert k1(Contact(changed_at=NOW - 0.29)) == Contact(changed_at=NOW - 0.29)
    made = k1(Contact(changed_at=NOW - 0.31))
    assert (made.odd_since, made.odd_s, made.faulty) == (NOW, 1.0, False)
    made = k1(Contact(odd_since=990.0, odd_s=1.9))
    assert (made.odd_since, made.odd_s, made.faulty) == (990.0, 2.9, False)
    made = k1(Contact(odd_since=990.0, odd_s=2.0))
    assert (made.odd_s, made.faulty) == (3.0, True)
    assert k1(Contact(odd_since=990.0, odd_s=2.9)).odd_s == 3.0
    again = k1(Contact(odd_since=990.0, odd_s=1.0, faulty=True))
    assert (again.odd_s, again.faulty) == (2.0, True)
    full = Contact(odd_since=990.0, odd_s=3.0, faulty=True)
    assert k1(full) is full


def test_a_coil_that_moves_begins_anew_but_stays_latched() -> None:
    made = k1(Contact(odd_since=990.0, odd_s=2.0, faulty=True), coil=True)
    assert made == Contact(True, NOW, None, True, 0.0)


def test_a_second_without_evidence_takes_back_0_2_s_and_all_of_a_latched_ones() -> None:
    made = k1(Contact(odd_since=990.0, odd_s=1.0), sticks=False)
    assert (made.odd_since, made.odd_s) == (990.0, 0.8)
    made = k1(Contact(odd_since=990.0, odd_s=0.2), sticks=False)
    assert (made.odd_since, made.odd_s) == (None, 0.0)
    made = k1(Contact(odd_since=990.0, odd_s=3.0, faulty=True), sticks=False)
    assert (made.odd_s, made.faulty) == (2.0, True)
    quiet = Contact(faulty=True)
    assert k1(quiet, sticks=False) is quiet


def test_of_k2_released_what_the_volts_say_is_forgiven_faster() -> None:
    ctx = step_context(NOW, dt=1.0)
    odd = RelayWatch(k2=Contact(odd_since=990.0, odd_s=1.0))
    assert step_relays(odd, Outputs(), ctx).k2.odd_s == pytest.approx(0.2)
    on = RelayWatch(k2=Contact(True, 0.0, 990.0, False, 1.0))
    assert step_relays(on, Outputs(k2=True), step_context(NOW, dt=1.0)).k2.odd_s == 0.8


def test_a_scan_without_news_is_the_same_watch() -> None:
    watch = RelayWatch()
    ctx = step_context(NOW, battery_a=0.0, charger_a=0.0)
    assert step_relays(watch, Outputs(), ctx) is watch


@pytest.mark.parametrize("name", ["k1", "k2", "k3"])
def test_latching_and_acknowledging_touch_one_relay(name: str) -> None:
    made = latch(RelayWatch(), name)
    assert made.faulty == (name,)
    assert latch(made, name) is made
    assert acknowledge(made, name).faulty == ()
    standing = made.put(name, Contact(odd_since=1.0, faulty=True))
    assert acknowledge(standing, name) is standing


def test_all_coils_have_been_as_they_are_since_the_last_that_moved() -> None:
    watch = RelayWatch(Contact(changed_at=10.0), Contact(changed_at=30.0), Contact(changed_at=20.0))
    assert watch.settled_s(Outputs(), 100.0) == 70.0
    for outputs in (Outputs(k1=True), Outputs(k2=True), Outputs(k3=True)):
        assert watch.settled_s(outputs, 100.0) == 0.0


def test_on_a_joined_source_a_diode_more_or_a_current_says_that_k1_has_moved() -> None:
    before = Joined(0.05, 1.0)
    assert single_source_suspect(before, before) == "k1"
    assert single_source_suspect(before, Joined(0.067, 1.0)) == "k1"
    assert single_source_suspect(before, Joined(0.069, 1.0)) == "k2"
    assert single_source_suspect(before, Joined(0.05, 0.91)) == "k1"
    assert single_source_suspect(before, Joined(0.05, 0.89)) == "k2"
    # what is not known says nothing
    assert single_source_suspect(Joined(None, 1.0), Joined(9.0, 1.0)) == "k1"
    assert single_source_suspect(before, Joined(None, 0.5)) == "k2"
    assert single_source_suspect(Joined(0.05, None), Joined(0.5, 0.0)) == "k2"
    assert single_source_suspect(before, Joined(0.05, None)) == "k1"
    inputs = step_context(supply_v=13.6, load_v=13.5, battery_a=-1.0).inputs
    look = look_at_source(inputs)
    assert look.drop == pytest.approx(0.1)
    assert look.battery_a == -1.0
    for name in ("supply_v", "load_v"):
        assert look_at_source(step_context(**{name: None}).inputs).drop is None
    assert look_at_source(step_context(battery_a=None).inputs).battery_a is None
