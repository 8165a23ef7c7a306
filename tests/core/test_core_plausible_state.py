"""What the plausibility check begins with."""

from __future__ import annotations

from btrmd.core.plausible_state import Plausible


def test_there_is_a_place_for_each_voltage_and_each_relation() -> None:
    new = Plausible()
    by_voltage = (new.volts, new.moved_at, new.moves, new.jumped, new.witness_at, new.odd)
    assert [len(values) for values in by_voltage] == [4] * 6
    by_relation = (new.found, new.broken_s, new.broken_since, new.broken_at)
    assert [len(values) for values in by_relation] == [7] * 4
