"""Resistance history: the steps at the transfer of the tests of one battery, and their growth."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ..estimate.evidence import begins_full, why_not
from ..estimate.resistance import ENDS, ResistanceTest, find_step, growth_pct, is_sharp
from ..model.discharge import CurveRow, TestRecord
from ..model.history import History

MOST = 100  # tests of one battery: what lies between its first and its newest goes first


class ResistanceHistory:
    """One thread: the owner's. Numbers up to `replaced_after` are another battery's."""

    def __init__(self) -> None:
        self._tests: dict[int, ResistanceTest] = {}

    def read(self, history: History, records: Sequence[TestRecord], replaced_after: int) -> None:
        """Look at the first and the newest tests; `records` finished ones in their order."""
        own = [one for one in records if one.n > replaced_after and _can_compare(one)]
        for record in {one.n: one for one in (*own[:ENDS], *own[-ENDS:])}.values():
            self.note(record, history.curve(record.n), replaced_after)

    def note(self, record: TestRecord, rows: Iterable[CurveRow], replaced_after: int) -> None:
        """A discharge is over; `rows` its curve."""
        self._tests.pop(record.n, None)
        temp_c = record.average_temperature
        if temp_c is None or not _can_compare(record):
            return
        step = find_step(rows)
        if step is None or not is_sharp(step):
            return
        self._tests[record.n] = ResistanceTest(record.n, step, temp_c)
        own = self._own(replaced_after)
        if len(own) > MOST:
            del self._tests[own[ENDS].n]

    def clear(self) -> None:
        """The test data were reset."""
        self._tests = {}

    def growth_pct(self, replaced_after: int) -> float | None:
        """% over the baseline, to 0.1; None = not known."""
        growth = growth_pct(self._own(replaced_after))
        return None if growth is None else round(growth, 1)

    def _own(self, replaced_after: int) -> list[ResistanceTest]:
        return [test for n, test in sorted(self._tests.items()) if n > replaced_after]


def _can_compare(record: TestRecord) -> bool:
    """A test that began full, on a rested battery: an outage begins with the charger's voltage."""
    return record.type != "outage" and begins_full(record) and not why_not(record)
