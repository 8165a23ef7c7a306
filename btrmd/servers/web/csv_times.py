"""Times in CSV files: the site's beside UTC, in a column of its own, where the site has a zone."""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping
from typing import NamedTuple

from btrmd.model.value_text import local_iso

from .wording import site_zone


class CsvTimes(NamedTuple):
    """`zone` "" = UTC alone: no column. A file is made by whatever thread is free, so the zone is
    taken once, from the request."""

    zone: str

    @classmethod
    def of_request(cls) -> CsvTimes:
        """For the site of the request that this thread answers."""
        return cls(site_zone())

    def head(self, name: str) -> tuple[str, ...]:
        """What stands after the heading `name`."""
        return (f"{name}_local",) if self.zone else ()

    def cell(self, at: float | None) -> tuple[str, ...]:
        """What stands after the cell of the wall time `at` (s): "2026-05-17T10:30:00+02:00"."""
        return (local_iso(at, self.zone),) if self.zone else ()

    def heads(self, columns: Iterable[str], times: Container[str]) -> list[str]:
        """The headings `columns`, those of `times` with the site's beside them."""
        return [
            name
            for column in columns
            for name in (column, *(self.head(column) if column in times else ()))
        ]

    def cells(
        self,
        columns: Iterable[str],
        cells: Mapping[str, object],
        times: Mapping[str, float | None],
    ) -> list[object]:
        """The `cells` in the order of `columns`, those of `times` with the site's beside them."""
        return [
            cell
            for column in columns
            for cell in (
                cells[column],
                *(self.cell(times[column]) if column in times else ()),
            )
        ]
